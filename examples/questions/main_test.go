package main

import (
	"fmt"
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

// start runs the program in a bubble, with typed as what the keyboard says, and tells how long it took there.
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
		watch := time.AfterFunc(time.Hour, func() { panic("the program does not end") })
		defer watch.Stop()
		began := time.Now()
		code = program.Start(args, &out, &errs)
		took = time.Since(began)
	})
	return code, out.String(), errs.String(), took
}

func TestEachThreadRunsOnceItsAnswerIs1(t *testing.T) {
	ten := strings.Repeat("1\n", 10)
	for _, c := range []struct {
		args, typed string
		answers     string // those that are asked for
		ran         int
		longest     time.Duration
	}{
		// Ten ask at first and two again, at most a second after all others have ended; one of these asks a third time.
		{"", "", script, 10, 3 * time.Second},
		{"-fast", "", script, 10, 60 * time.Millisecond},
		{"-keyboard", ten + "never read\n", ten, 10, time.Second / 2},
		{"-keyboard", "no\n" + ten, "no\n" + ten, 10, 2 * time.Second},
		{"-keyboard", "1\n1", "1\n1\n", 2, time.Second / 2},
		{"-keyboard", "1\nno\n1\n", "1\nno\n1\n", 2, 2 * time.Second},
		{"-keyboard", "", "", 0, time.Second / 2},
	} {
		code, stdout, stderr, took := start(t, c.typed, strings.Fields(c.args)...)
		if code != 0 || stderr != "" || took > c.longest {
			t.Errorf("%q, %q: exit code %d after %v, errors %q; want 0 after at most %v",
				c.args, c.typed, code, took, stderr, c.longest)
		}
		var answers, want strings.Builder
		var ended []string
		ran := 0
		lines := strings.SplitAfter(strings.TrimSuffix(stdout, "\n"), "\n")
		for i, line := range lines[:len(lines)-1] {
			if answer, ok := strings.CutPrefix(line, ">>> "); ok {
				answers.WriteString(answer)
				continue
			}
			if strings.HasPrefix(line, "run ") {
				ran++
				if i == 0 || lines[i-1] != ">>> 1\n" {
					t.Errorf("%q, %q: a thread ran without an answer of its own:\n%s", c.args, c.typed, stdout)
				}
			}
			ended = append(ended, strings.TrimPrefix(strings.TrimPrefix(line, "run "), "give up "))
		}
		slices.Sort(ended)
		for n := range 10 {
			fmt.Fprintln(&want, n)
		}
		if answers.String() != c.answers || ran != c.ran || strings.Join(ended, "") != want.String() {
			t.Errorf("%q, %q: got\n%s", c.args, c.typed, stdout)
		}
		end := fmt.Sprintf("%d threads have run after %d answers", c.ran, strings.Count(c.answers, "\n"))
		if lines[len(lines)-1] != end {
			t.Errorf("%q, %q: the last line is %q, want %q", c.args, c.typed, lines[len(lines)-1], end)
		}
	}
}

func TestABadFlagIsOneLine(t *testing.T) {
	code, stdout, stderr, _ := start(t, "", "-keyboard=often")
	if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "often") {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
}
