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

// begins are the lines in which tasks begin, sorted, and rest is what remains.
func begins(text string) (begins []string, rest string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, " begins ") {
			begins = append(begins, line)
		} else {
			rest += line
		}
	}
	slices.Sort(begins)
	return begins, rest
}

func TestEveryTaskHasAFate(t *testing.T) {
	for _, c := range []struct {
		args  string
		begun int
		joins string // when, after terminated or not
		fate  [3]string
		last  string
		took  time.Duration
	}{
		{"", 10, "terminated after 1.5 s\njoined after 1.5 s\n",
			[3]string{"done after 1.0 s", "interrupted after 1.5 s: pool: terminated", "never started: pool: terminated"},
			"15 tasks: 5 done, 5 interrupted, 5 never started\n", 1500 * time.Millisecond},
		{"-fast", 10, "terminated after 1.5 s\njoined after 1.5 s\n",
			[3]string{"done after 1.0 s", "interrupted after 1.5 s: pool: terminated", "never started: pool: terminated"},
			"15 tasks: 5 done, 5 interrupted, 5 never started\n", 30 * time.Millisecond},
		{"-deaf", 10, "terminated after 1.5 s\njoined after 2.0 s\n",
			[3]string{"done after 1.0 s", "done after 2.0 s", "never started: pool: terminated"},
			"15 tasks: 10 done, 0 interrupted, 5 never started\n", 2 * time.Second},
		{"-terminate=false", 15, "joined after 3.0 s\n",
			[3]string{"done after 1.0 s", "done after 2.0 s", "done after 3.0 s"},
			"15 tasks: 15 done, 0 interrupted, 0 never started\n", 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
			if took := time.Since(began); code != 0 || stderr != "" || took != c.took {
				t.Fatalf("%q: exit code %d after %v, want %v, %q", c.args, code, took, c.took, stderr)
			}
			var wantBegun []string
			for i := range c.begun {
				wantBegun = append(wantBegun, fmt.Sprintf("task %d begins after %d.0 s\n", i, i/5))
			}
			slices.Sort(wantBegun)
			want := c.joins
			for i := range 15 {
				want += fmt.Sprintf("task %d: %s\n", i, c.fate[i/5])
			}
			want += c.last
			begun, rest := begins(stdout)
			if !slices.Equal(begun, wantBegun) || rest != want {
				t.Errorf("%q: got\n%s", c.args, stdout)
			}
		})
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-tasks -1", "-workers 0", "-deaf=a-bit"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "terminate: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
