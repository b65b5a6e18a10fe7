package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestTenProcessesChangeOneDictAndOneList(t *testing.T) {
	code, stdout, stderr := demotest.Start(program, "-fast")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	seen := regexp.MustCompile(`^a child sees \[0 1 2 3 4( 1){1,10}\]$`)
	children := 0
	for _, line := range lines {
		if seen.MatchString(line) {
			children++
		}
	}
	if children != processes {
		t.Errorf("%d children, want %d, in\n%s", children, processes, stdout)
	}
	const want = `d["0.25"] = <nil>
d["1"] = 1
d["2"] = 2
l = [0 1 2 3 4 1 1 1 1 1 1 1 1 1 1]
processes that have set a key of their own: 10
processes that have counted: 10`
	if got := strings.Join(lines[len(lines)-6:], "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
