package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// sorted sorts the lines between "end" and the count of the callbacks, for workers end at the same time.
func sorted(t *testing.T, text string) string {
	lines := strings.SplitAfter(text, "\n")
	last := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, " callbacks, the sum is ") })
	if last < 1 || lines[0] != "end\n" {
		t.Fatalf("got\n%s", text)
	}
	slices.Sort(lines[1:last])
	return strings.Join(lines, "")
}

// want is the output without a task that fails.
func want(tasks, workers int) string {
	var b strings.Builder
	var done []string
	sum := 0
	for i := range tasks {
		done = append(done, fmt.Sprintf("done after %.1f s: %d\n", float64(i/workers+1)/2, i+100))
		sum += i + 100
	}
	slices.Sort(done)
	rounds := min(tasks, workers)
	fmt.Fprintf(&b, "end\n%s%d of %d callbacks, the sum is %d\n\n", strings.Join(done, ""), tasks, tasks, sum)
	for i := range rounds {
		fmt.Fprintf(&b, "apply after %.1f s: %d, <nil>\n", float64(i+1)/2, i+100)
	}
	fmt.Fprintf(&b, "one after the other: %d tasks take %.1f s\n\n", rounds, float64(rounds)/2)
	fmt.Fprintf(&b, "apply(1) gives 101, apply_async(1).get() gives 101, the same: true\n")
	return b.String()
}

func TestTheEndComesFirstAndEveryCallbackBeforeJoinReturns(t *testing.T) {
	for _, c := range []struct {
		args           string
		tasks, workers int
		took           time.Duration
	}{
		{"", 10, 5, 4500 * time.Millisecond},
		{"-fast", 10, 5, 90 * time.Millisecond},
		{"-tasks 3 -workers 1", 3, 1, 3 * time.Second},
		{"-tasks 2 -workers 9", 2, 9, 2500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
			if code != 0 || stderr != "" {
				t.Fatalf("%q: exit code %d, %q", c.args, code, stderr)
			}
			if took := time.Since(began); took != c.took {
				t.Errorf("%q: took %v, want %v", c.args, took, c.took)
			}
			if got, want := sorted(t, stdout), want(c.tasks, c.workers); got != want {
				t.Errorf("%q: got\n%s\nwant\n%s", c.args, got, want)
			}
		})
	}
}

func TestTheCallbackHearsOfAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		code, stdout, _ := demotest.Start(program, "-fail", "1")
		for _, line := range []string{
			"failed after 0.5 s: task 1 fails, as asked\n",
			"10 of 10 callbacks, the sum is 944\n",
			"apply after 1.0 s: 0, task 1 fails, as asked\n",
			"apply(1) gives 0, apply_async(1).get() gives 0, the same: true\n",
		} {
			if code != 0 || !strings.Contains(stdout, line) {
				t.Errorf("exit code %d, no %q in\n%s", code, line, stdout)
			}
		}
	})
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-tasks 0", "-workers -1", "-fail soon"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "callbacks: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
