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

func TestTheSecondHasWaitedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		code, out, stderr := demotest.Start(program)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d, %q", code, stderr)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		slices.Sort(lines[:2]) // who begins first is not decided
		const want = "0 s: func1 begins, and waits,0 s: func2 begins, and waits,1 s: func2 goes on,2 s: func1 goes on,2 s: both have ended"
		if got := strings.Join(lines, ","); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}
