package main

import (
	"fmt"
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

func TestAtTheSameTimeIsNineTimesAsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		code, out, stderr := demotest.Start(program)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d, %q", code, stderr)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %v, want 4.5 s and 0.5 s", took)
		}
		var want []string
		for pid := 1; pid < 10; pid++ {
			want = append(want, fmt.Sprint("task ", pid, " done"))
		}
		want = append(want, "one after the other: 4.5 s")
		for pid := range 10 {
			want = append(want, fmt.Sprint("task ", pid, " done"))
		}
		want = append(want, "the results, in order: [0 1 2 3 4 5 6 7 8 9]", "at the same time: 0.5 s")
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) == len(want) {
			slices.Sort(lines[10:20]) // in any order
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}
