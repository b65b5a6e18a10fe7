package main

import (
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestTheClockTicksAndIsEnded(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-fast", "-ticks", "2")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	n := len(lines)
	if code != 0 || stderr != "" || n < 4 || lines[n-1] != "exit code -15" || lines[n-2] != "The clock is ended" {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	for _, line := range lines[:n-2] {
		if !strings.HasPrefix(line, "The time is ") {
			t.Errorf("%q", line)
		}
	}
	if code, _, _ := demotest.Start(program, "-ticks", "0"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
