package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

var (
	automatic = regexp.MustCompile(`Thread-\d+`) // counted through all the tests
	want      = []string{
		"after 2.0 seconds both functions have returned",
		"hi from number 1, Thread-N",
		"hi from number 2, Thread-two",
		"started Thread-N and Thread-two",
		"after 6.0 seconds the greeters have slept 7 seconds",
		"hi from number 3, Thread-N",
		"hi from number 4, Greeter-four",
	}
)

func TestBothFormsRunSideBySideUnderTheirNames(t *testing.T) {
	for _, c := range []struct {
		args []string
		took time.Duration
	}{
		{nil, 6 * time.Second},
		{[]string{"-fast"}, 120 * time.Millisecond},
	} {
		code, stdout, stderr, took := demotest.StartInBubble(t, program, c.args...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		lines := strings.Split(strings.TrimSuffix(automatic.ReplaceAllString(stdout, "Thread-N"), "\n"), "\n")
		if len(lines) != len(want) {
			t.Fatalf("%q: got\n%s", c.args, stdout)
		}
		slices.Sort(lines[:4]) // the threads and whoever started them are equally fast
		slices.Sort(lines[4:])
		if !slices.Equal(lines, want) {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestAnUnknownFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-shout")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "-shout") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
