package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestEveryLineIsWholeButThatOfTheVictim(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-writers", "3")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if lines[0] != "the victim wrote... the rest of this line died with its process" {
		t.Errorf("the first line is %q", lines[0])
	}
	rest := lines[1:]
	slices.Sort(rest)
	if want := []string{"process 0 wrote this", "process 1 wrote this", "process 2 wrote this"}; !slices.Equal(rest, want) {
		t.Errorf("%q", rest)
	}
	if code, stdout, _ := demotest.Start(program, "-writers", "1", "-kill=false"); code != 0 || stdout != "process 0 wrote this\n" {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	if code, _, _ := demotest.Start(program, "-writers", "-1"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
