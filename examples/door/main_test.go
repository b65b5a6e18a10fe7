package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program in a bubble and says how long it took there.
func start(t *testing.T, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	var out, errs strings.Builder
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	return code, out.String(), errs.String(), took
}

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
		code, stdout, stderr, took := start(t, c.args...)
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
	code, stdout, stderr, _ := start(t, "-card")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-card") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
