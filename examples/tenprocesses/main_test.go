package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestAllSayHelloAtOnceAndThenInTurn(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-fast", "-children", "4")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 9 {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	slices.Sort(lines[:4])
	want := []string{"hello 0", "hello 1", "hello 2", "hello 3", "--- main ---", "hello bob", "hello bob", "hello bob", "hello bob"}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
	if code, _, stderr := demotest.Start(program, "-children", "0"); code != 2 || stderr == "" {
		t.Error(code, stderr)
	}
}
