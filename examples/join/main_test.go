package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const want = `before the joins: 50 threads alive, cost 0.0 s
after the joins: 0 threads alive, cost 2.0 s
no join before 999:
999
0
1
2
3
4
joins after the loop:
0
1
2
3
4
999
a join in each round of the loop:
0
1
2
3
4
999
in the end: 0 threads alive, cost 1.0 s
`

func TestJoiningDecidesWhatTheCostIsAndWhen999IsPrinted(t *testing.T) {
	for _, c := range []struct {
		args, threads string
		took          time.Duration
	}{
		{"", "50", 3400 * time.Millisecond},
		{"-threads 100", "100", 3400 * time.Millisecond},
		{"-fast", "50", 68 * time.Millisecond},
	} {
		code, stdout, stderr, took := demotest.StartInBubble(t, program, strings.Fields(c.args)...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q: exit code %d after %v, errors %q; want 0 after %v", c.args, code, took, stderr, c.took)
		}
		lines := strings.SplitAfter(stdout, "\n")
		if len(lines) != strings.Count(want, "\n")+1 {
			t.Fatalf("%q: got\n%s", c.args, stdout)
		}
		slices.Sort(lines[4:9]) // these run at the same time, those of the last loop do not
		slices.Sort(lines[10:15])
		if got := strings.Join(lines, ""); got != strings.Replace(want, "50", c.threads, 1) {
			t.Errorf("%q: got\n%s", c.args, stdout)
		}
	}
}

func TestABadNumberOfThreadsIsOneLine(t *testing.T) {
	for _, threads := range []string{"0", "-1", "10001", "many"} {
		code, stdout, stderr, _ := demotest.StartInBubble(t, program, "-threads", threads)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, threads) {
			t.Errorf("%s: exit code %d, output %q, errors %q", threads, code, stdout, stderr)
		}
	}
}
