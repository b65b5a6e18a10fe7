package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestNobodyIsARoundAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		code, out, stderr := demotest.Start(program)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d, %q", code, stderr)
		}
		if took := time.Since(began); took != steps*time.Second {
			t.Errorf("took %v, want %d s", took, steps)
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for round := range steps { // within a round, any order
			slices.Sort(lines[3*round : 3*round+3])
		}
		const want = "first 0,second 0,third 0,first 1,second 1,third 1,first 2,second 2,third 2,counted to [3 3 3]"
		if got := strings.Join(lines, ","); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}
