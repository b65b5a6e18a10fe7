package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestAsManyAsThereArePermitsAreInsideAndNoMore(t *testing.T) {
	for _, c := range []struct {
		args                   string
		threads, permits, most int
		rounds                 int // of half a second, the second part's three included
	}{
		{"", 20, 5, 5, 4 + 3},
		{"-threads 10", 10, 5, 5, 2 + 3},
		{"-threads 3 -permits 7", 3, 7, 3, 1 + 3},
		{"-threads 4 -permits 1", 4, 1, 1, 4 + 3},
		{"-threads 21 -permits 5", 21, 5, 5, 5 + 3},
		{"-fast", 20, 5, 5, 4 + 3},
	} {
		half := 500 * time.Millisecond
		if strings.Contains(c.args, "-fast") {
			half /= 50
		}
		code, stdout, stderr, took := demotest.StartInBubble(t, program, strings.Fields(c.args)...)
		// That it does not take longer shows that no permit lies idle.
		if want := time.Duration(c.rounds) * half; code != 0 || stderr != "" || took != want {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, want)
		}
		var want []string
		for i := range c.threads {
			want = append(want, fmt.Sprintln("visitor", i))
		}
		slices.Sort(want)
		want = append(want, "one release more is accepted: false\n",
			fmt.Sprintf("%d visitors have been inside, at most %d at once, %d may\n", c.threads, c.most, c.permits),
			"visitor 0\n", "visitor 1\n", "visitor 2\n", "visitor 3\n", "visitor 4\n",
			"one release more is accepted: false\n", "5 visitors have been inside, at most 2 at once, 2 may\n", "")
		lines := strings.SplitAfter(stdout, "\n")
		if len(lines) != len(want) {
			t.Fatalf("%q: got\n%s", c.args, stdout)
		}
		slices.Sort(lines[:c.threads])
		slices.Sort(lines[c.threads+2:][:5])
		if !slices.Equal(lines, want) {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, name := range []string{"-threads", "-permits"} {
		for _, n := range []string{"0", "-1", "1001", "many"} {
			code, stdout, stderr, _ := demotest.StartInBubble(t, program, name, n)
			if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 ||
				!strings.Contains(stderr, name) || !strings.Contains(stderr, n) {
				t.Errorf("%s %s: exit code %d, output %q, errors %q", name, n, code, stdout, stderr)
			}
		}
	}
}
