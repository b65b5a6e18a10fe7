package main

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		code, stdout, stderr, took := demotest.StartInBubble(t, program, strings.Fields(c.args)...)
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
		code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-after", n)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, n) {
			t.Errorf("%s: exit code %d, output %q, errors %q", n, code, stdout, stderr)
		}
	}
}
