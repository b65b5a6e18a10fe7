package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// Those of one instant in order of their text.
const want = `1.0  member 0 goes through
1.0  member 0 swipes the card
1.0  the door opens
2.0  member 1 goes through
3.0  member 2 goes through
4.0  the door closes
5.0  member 3 goes through
5.0  member 3 swipes the card
5.0  the door opens
7.0  member 4 goes through
8.0  the door closes
`

func TestTheDoorOpensForACardAndClosesAfterThreeSeconds(t *testing.T) {
	for _, c := range []struct {
		args []string
		took time.Duration
	}{
		{nil, 4 * time.Second},
		{[]string{"-fast"}, 80 * time.Millisecond},
	} {
		code, stdout, stderr, took := demotest.StartInBubble(t, program, c.args...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		lines := strings.SplitAfter(stdout, "\n")
		end := len(lines) - 2 // the last, and what is behind its end
		if lines[end] != "5 members came, and the door opened 2 times\n" {
			t.Errorf("%q: the last line is %q", c.args, lines[end])
		}
		slices.Sort(lines[:end])
		if strings.Join(lines[:end], "") != want {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-card")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-card") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
