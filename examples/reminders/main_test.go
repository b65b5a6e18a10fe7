package main

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const want = `2.0  there is somebody at the door
3.0  take the pills
6.0  the tea is ready
6.0  take the pills
9.0  take the pills
the call was called off: true; the tea had been ready: true; 1 left
`

func TestRemindersAreCalledOutInTheirOrder(t *testing.T) {
	for _, c := range []struct {
		args []string
		took time.Duration
	}{
		{nil, 9500 * time.Millisecond / 4},
		{[]string{"-fast"}, 9500 * time.Microsecond * 20 / 4},
	} {
		code, stdout, stderr, took := demotest.StartInBubble(t, program, c.args...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		if stdout != want {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-tea")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-tea") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
