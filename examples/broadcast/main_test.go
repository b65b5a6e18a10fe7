package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// start runs the program in a bubble, with typed as what the keyboard says, and tells how long it took there. The
// lines between two of the input's are sorted, for the threads that wrote them run at the same time.
func start(t *testing.T, typed string, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "typed")
	if err := os.WriteFile(name, []byte(typed), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	defer func(stdin *os.File) { os.Stdin = stdin }(os.Stdin)
	os.Stdin = file

	var out, errs strings.Builder
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	lines := strings.SplitAfter(out.String(), "\n")
	from := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "say") || strings.Contains(line, "have executed") {
			slices.Sort(lines[from:i])
		}
		if strings.Contains(line, "was said") || strings.HasPrefix(line, "say") {
			from = i + 1
		}
	}
	return code, strings.Join(lines, ""), errs.String(), took
}

const (
	begin = `execute 1
execute 3
execute 5
execute 7
execute 9
start 0
start 1
start 2
start 3
start 4
start 5
start 6
start 7
start 8
start 9
say "true":
`
	released = `execute 0
execute 2
execute 4
execute 6
execute 8
10 of 10 threads have executed
`
	givenUp = `give up 0: nobody said true
give up 2: nobody said true
give up 4: nobody said true
give up 6: nobody said true
give up 8: nobody said true
5 of 10 threads have executed
`
)

func TestTheWordReleasesEverybodyAndNoOtherWordDoes(t *testing.T) {
	const scripted = begin + "\"yes\" was said\nsay \"true\":\n\"true\" was said\n" + released
	for _, c := range []struct {
		args, typed, want string
		took              time.Duration
	}{
		{"", "", scripted, 2 * time.Second},
		{"-fast", "", scripted, 40 * time.Millisecond},
		{"-keyboard", "true\nmore\n", begin + "\"true\" was said\n" + released, time.Second},
		{"-keyboard", "true", begin + "\"true\" was said\n" + released, time.Second},
		{"-keyboard", "", begin + givenUp, time.Second},
		{"-keyboard", "True\n", begin + "\"True\" was said\nsay \"true\":\n" + givenUp, 2 * time.Second},
	} {
		code, stdout, stderr, took := start(t, c.typed, strings.Fields(c.args)...)
		if code != 0 || stderr != "" || took != c.took {
			t.Errorf("%q, %q: exit code %d after %v, errors %q; want 0 after %v",
				c.args, c.typed, code, took, stderr, c.took)
		}
		if stdout != c.want {
			t.Errorf("%q, %q: got\n%s\nwant\n%s", c.args, c.typed, stdout, c.want)
		}
	}
}

func TestABadFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := start(t, "", "-keyboard=often")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "often") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
