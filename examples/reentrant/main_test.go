package main

import (
	"fmt"
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
		watch := time.AfterFunc(time.Hour, func() { panic("the program does not end") })
		defer watch.Stop()
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	return code, out.String(), errs.String(), took
}

func TestNobodyGetsBetweenTheTwoHalvesAndTheOwnerLocksAgain(t *testing.T) {
	var want strings.Builder
	for i := range 10 {
		fmt.Fprintf(&want, "%d %[1]d, locked 2 deep\n", i+1)
	}
	fmt.Fprintln(&want, "all threads done: 10 10")
	for i := range 10 {
		fmt.Fprintln(&want, "counter", i+1)
	}
	fmt.Fprintln(&want, "a Lock locked by its holder again, within a second: false")
	fmt.Fprintln(&want, "an RLock: true")

	for _, c := range []struct {
		args []string
		unit time.Duration
	}{{nil, time.Second}, {[]string{"-fast"}, time.Second / 50}} {
		code, stdout, stderr, took := start(t, c.args...)
		// A second for each ten threads, one after the other, and one for the Lock. The end of the first ten is seen
		// at the instant that it comes, or a quarter of a second later.
		if late := took - 3*c.unit; code != 0 || stderr != "" || late != 0 && late != c.unit/4 {
			t.Errorf("%q: exit code %d after %v, errors %q", c.args, code, took, stderr)
		}
		rest, alive := "", 11
		for line := range strings.Lines(stdout) {
			var now int
			if _, err := fmt.Sscanf(line, "threads alive: %d", &now); err != nil {
				rest += line
				continue
			}
			if now > alive || rest == "" && now != 11 {
				t.Errorf("%q: %d threads alive after %d, and after\n%s", c.args, now, alive, rest)
			}
			alive = now
		}
		if rest != want.String() {
			t.Errorf("%q: got\n%s\nwant, but for the threads alive,\n%s", c.args, stdout, want.String())
		}
		if polls := strings.Count(stdout, "threads alive: "); polls < 4 || polls > 5 {
			t.Errorf("%q: %d looks at the threads alive, want one every quarter of a second", c.args, polls)
		}
	}
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := start(t, "-deep")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-deep") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
