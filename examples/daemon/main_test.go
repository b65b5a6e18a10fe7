package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

// asProgram makes the test's binary be the program: that daemons are cut off is the end of a process.
const asProgram = "DAEMON_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main() // on the main goroutine, as in real life
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

const (
	waiting = `boss done within a second: false
done clerk
main is done after 2.0 s
running clerk
running worker-0
running worker-1
running worker-2
running worker-3
running worker-4
the program ends after 3.0 s and cuts off boss, worker-0, worker-1, worker-2, worker-3, worker-4
`
	cutting = `boss done within a second: false
main is done after 2.0 s
running clerk
running worker-0
running worker-1
running worker-2
running worker-3
running worker-4
the program ends after 2.0 s and cuts off boss, worker-0, worker-1, worker-2, worker-3, worker-4, clerk
`
)

// sorted sorts the lines, for the workers run at the same time.
func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// A page is written on by daemons while somebody reads it.
type page struct {
	guard sync.Mutex
	text  strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.guard.Lock()
	defer p.guard.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.guard.Lock()
	defer p.guard.Unlock()
	return p.text.String()
}

func TestTheProgramWaitsForTheClerkAndForNoDaemon(t *testing.T) {
	for _, c := range []struct {
		args, want string
		took       time.Duration
	}{
		{"", waiting, 3 * time.Second},
		{"-daemon", cutting, 2 * time.Second},
		{"-fast", waiting, 60 * time.Millisecond},
		{"-fast -daemon", cutting, 40 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out, errs page
			began := time.Now()
			code := program.Start(strings.Fields(c.args), &out, &errs)
			took, got := time.Since(began), out.String()
			if code != 0 || errs.String() != "" || took != c.took {
				t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v",
					c.args, code, took, errs.String(), c.took)
			}
			if sorted(got) != c.want {
				t.Errorf("%q: got\n%s", c.args, got)
			}
			time.Sleep(2 * time.Hour) // the bubble is no process: here the daemons have to end
		})
	}
}

func TestTheEndOfTheProcessCutsDaemonsOff(t *testing.T) {
	// The workers take more than a minute, even in this haste.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-fast")
	// With the race detector, an exit sleeps a second by default.
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	got := string(out)
	// On a busy machine some workers may not have begun, or say so when the last line is there.
	end := regexp.MustCompile(`(?m) cuts off boss(, worker-\d)*$`)
	if err != nil || strings.Contains(got, "done worker") || !strings.Contains(got, "done clerk\n") || !end.MatchString(got) {
		t.Errorf("%v, got\n%s", err, got)
	}
}

func TestABadFlagIsOneLine(t *testing.T) {
	var out, errs page
	code := program.Start([]string{"-daemon=often"}, &out, &errs)
	if code != 2 || out.String() != "" || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d, output %q, errors %q", code, out.String(), errs.String())
	}
}
