package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestEachNamesItsParent(t *testing.T) {
	code, stdout, stderr := demotest.Start(program)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 7 {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	parent, name := os.Getpid(), "MainProcess"
	if want := fmt.Sprintf(`MainProcess, process id %d, parent "" 0`, parent); lines[1] != want {
		t.Errorf("%q, want %q", lines[1], want)
	}
	for _, line := range []string{lines[3], lines[5]} {
		self, rest, _ := strings.Cut(line, ", process id ")
		var pid int
		fmt.Sscan(rest, &pid)
		if want := fmt.Sprintf("%s, process id %d, parent %q %d", self, pid, name, parent); line != want || pid == parent {
			t.Errorf("%q, want %q", line, want)
		}
		parent, name = pid, self
	}
	if lines[6] != "hello bob" {
		t.Errorf("the last line is %q", lines[6])
	}
}
