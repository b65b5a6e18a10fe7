package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestEveryTaskHasItsEnd(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-fast", "-tasks", "5", "-workers", "2")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 8 {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if lines[0] != "end" || lines[6] != "terminated: true" || lines[7] != "out of time: true" {
		t.Errorf("%q", lines)
	}
	done := lines[1:6]
	slices.Sort(done)
	want := []string{
		"-->exec done: Foo 100 <nil>", "-->exec done: Foo 101 <nil>", "-->exec done: Foo 102 <nil>", "-->exec done: Foo 104 <nil>",
		"-->task 3 ended its process, with code 7",
	}
	if !slices.Equal(done, want) {
		t.Errorf("%q", done)
	}
	if code, _, _ := demotest.Start(program, "-workers", "0"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
