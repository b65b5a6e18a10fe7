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

const want = `11 readers still wait, 1 gave up
3 pages were fetched for 11 readers; 0 keys are locked
`

func TestEachPageIsFetchedOnce(t *testing.T) {
	for _, c := range []struct {
		args []string
		took time.Duration
	}{
		{nil, time.Second},
		{[]string{"-fast"}, 20 * time.Millisecond},
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
	code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-page")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-page") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
