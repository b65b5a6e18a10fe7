package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestAllUpdatesButOneAreLostWithoutTheLockAndNoneWithIt(t *testing.T) {
	for _, c := range []struct {
		args    string
		threads int
		pause   time.Duration
	}{
		{"", 100, 20 * time.Millisecond},
		{"-threads 1", 1, 20 * time.Millisecond},
		{"-threads 7", 7, 20 * time.Millisecond},
		{"-fast", 100, 400 * time.Microsecond},
	} {
		code, stdout, stderr, took := demotest.StartInBubble(t, program, strings.Fields(c.args)...)
		// All pause together without the lock, one after the other with it.
		if want := time.Duration(1+c.threads) * c.pause; code != 0 || stderr != "" || took != want {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, want)
		}
		want := fmt.Sprintf("without a lock %d are left of %d, 0 expected\n", c.threads-1, c.threads) +
			fmt.Sprintf("with a lock 0 are left of %d, 0 expected\n", c.threads)
		if stdout != want {
			t.Errorf("%q: got\n%swant\n%s", c.args, stdout, want)
		}
	}
}

func TestABadNumberOfThreadsIsOneLine(t *testing.T) {
	for _, threads := range []string{"0", "-1", "1001", "many"} {
		code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-threads", threads)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, threads) {
			t.Errorf("%s: exit code %d, output %q, errors %q", threads, code, stdout, stderr)
		}
	}
}
