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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// start runs the program in a bubble and says when it began and how long it took there.
func start(t *testing.T, args ...string) (code int, stdout, stderr string, began time.Time, took time.Duration) {
	t.Helper()
	var out, errs strings.Builder
	synctest.Test(t, func(*testing.T) {
		began = time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	return code, out.String(), errs.String(), began, took
}

func TestEveryClockTicksOnceASecondUntilItIsStopped(t *testing.T) {
	for _, c := range []struct {
		args   string
		ticks  int
		second time.Duration
	}{
		{"", 3, time.Second},
		{"-ticks 1", 1, time.Second},
		{"-ticks 70", 70, time.Second},
		{"-fast", 3, time.Second / 50},
		{"-fast -ticks 70", 70, time.Second / 50}, // more than a second
	} {
		code, stdout, stderr, began, took := start(t, strings.Fields(c.args)...)
		if want := time.Duration(c.ticks)*c.second - c.second/2; code != 0 || stderr != "" || took != want {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, want)
		}
		var want []string
		for i := range c.ticks {
			at := began.Add(time.Duration(i) * c.second).Format(time.ANSIC)
			want = append(want, "function  the time is "+at, "class     the time is "+at)
			if i > 0 {
				want = append(want, "timer     the time is "+at)
			}
		}
		slices.Sort(want)
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		last := lines[len(lines)-1]
		lines = lines[:len(lines)-1]
		slices.Sort(lines) // the clocks tick at the same instants
		if !slices.Equal(lines, want) {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
		end := fmt.Sprintf("all clocks have stopped: function %d ticks, class %[1]d, timer %d", c.ticks, c.ticks-1)
		if last != end {
			t.Errorf("%q: the last line is %q, want %q", c.args, last, end)
		}
	}
}

func TestABadNumberOfTicksIsOneLine(t *testing.T) {
	for _, ticks := range []string{"0", "-1", "1001", "many"} {
		code, stdout, stderr, _, _ := start(t, "-ticks", ticks)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, ticks) {
			t.Errorf("%s: exit code %d, output %q, errors %q", ticks, code, stdout, stderr)
		}
	}
}
