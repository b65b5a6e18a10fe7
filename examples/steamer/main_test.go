package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestEachGuestEatsWhatIsMadeBeforeTheNextIsMade(t *testing.T) {
	const want = `A is ready to eat baozi
B is ready to eat baozi
the cook has made baozi 1
A is eating baozi 1
B is eating baozi 1
the cook has made baozi 2
A is eating baozi 2
B is eating baozi 2
A pays for 2
B pays for 2
`
	code, out, stderr := demotest.Start(program, "-baozi", "2")
	if code != 0 || stderr != "" || out != want {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, out, want)
	}
	if _, out, _ := demotest.Start(program); strings.Count(out, "is eating") != 10 {
		t.Errorf("the default is five each:\n%s", out)
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	code, out, stderr := demotest.Start(program, "-baozi", "-1")
	if code != 2 || out != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q, %q", code, out, stderr)
	}
}
