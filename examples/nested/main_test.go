package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const end = "a task that waits for itself: panic: "

func TestOneWorkerDoesATreeOfTasksThatWaitForTasks(t *testing.T) {
	for _, c := range []struct {
		args            string
		levels, folders int
		took            time.Duration
	}{
		{"", 5, 63, 630 * time.Millisecond},
		{"-fast", 5, 63, 12600 * time.Microsecond},
		{"-depth 9", 9, 1023, 10230 * time.Millisecond},
		{"-depth 0", 0, 1, 10 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
			if took := time.Since(began); code != 0 || stderr != "" || took != c.took {
				t.Fatalf("%q: exit code %d after %v, want %v, %q", c.args, code, took, c.took, stderr)
			}
			// What is waited for comes first: at once, only the folders above one at the bottom wait.
			want := fmt.Sprintf("%d folders, %d levels deep, have %d bytes\n", c.folders, c.levels, c.folders) +
				fmt.Sprintf("-workers 1: up to 1 tasks were reading at once, and up to %d waited for others\n", c.levels)
			if !strings.HasPrefix(stdout, want+end) || !strings.HasSuffix(stdout, "\nnothing hangs\n") {
				t.Errorf("%q: got\n%s\nwant\n%s", c.args, stdout, want)
			}
		})
	}
}

func TestMoreWorkersAreBoundedByTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		code, stdout, _ := demotest.Start(program, "-workers", "4", "-depth", "7")
		if code != 0 || !strings.HasPrefix(stdout, "255 folders, 7 levels deep, have 255 bytes\n"+
			"-workers 4: up to 4 tasks were reading at once, ") {
			t.Errorf("exit code %d, got\n%s", code, stdout)
		}
		// Four at once would be 64 rounds; the first two levels have fewer than four folders.
		if took := time.Since(began); took < 640*time.Millisecond || took > 700*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-depth -1", "-depth 13", "-workers 0", "-depth deep"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "nested: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
