package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// start runs the program in a bubble and says how long it took there.
func start(t *testing.T, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	var out, errs strings.Builder
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
		time.Sleep(time.Minute) // a timer that was not cancelled would say so
	})
	return code, out.String(), errs.String(), took
}

const (
	cancelled = `0.5 s: the late timer is pending: true
0.5 s: cancelled in time: true
0.5 s: it is pending: false
`
	inThree = cancelled + `3.0 s: hello, world, from the timer
3.0 s: the timer cancelled in time: false
`
	atOnce = "0.0 s: hello, world, from the timer\n" + cancelled + "0.5 s: the timer cancelled in time: false\n"
)

func TestOneTimerRunsAtItsTimeAndTheCancelledOneNever(t *testing.T) {
	for _, c := range []struct {
		args, want string
		took       time.Duration
	}{
		{"", inThree, 3 * time.Second},
		{"-fast", inThree, 60 * time.Millisecond},
		{"-after 0", atOnce, time.Second / 2},
		{"-after 7", strings.ReplaceAll(inThree, "3.0", "7.0"), 7 * time.Second},
	} {
		code, stdout, stderr, took := start(t, strings.Fields(c.args)...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		if stdout != c.want {
			t.Errorf("%q: got\n%swant\n%s", c.args, stdout, c.want)
		}
	}
}

func TestABadTimeIsOneLine(t *testing.T) {
	for _, n := range []string{"-1", "3601", "soon"} {
		code, stdout, stderr, _ := start(t, "-after", n)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, n) {
			t.Errorf("%s: exit code %d, output %q, errors %q", n, code, stdout, stderr)
		}
	}
}
