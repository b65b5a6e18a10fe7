package main

import (
	"fmt"
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
		code, stdout, stderr, took := start(t, strings.Fields(c.args)...)
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
		code, stdout, stderr, _ := start(t, "-threads", threads)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, threads) {
			t.Errorf("%s: exit code %d, output %q, errors %q", threads, code, stdout, stderr)
		}
	}
}
