package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

const said = `anna hears: [A] Welcome to 10086. 1: balance, 0: operator, exit: hang up
bert hears: [B] Welcome to 10086. 1: balance, 0: operator, exit: hang up
anna says: 1
anna hears: [A] Your balance is 50 yuan.
bert says: hello?
bert hears: [B] What did you say?
bert says: 9
bert hears: (the line is dead)
the server: process NAME (pid B) ended with code 9 before its function returned
anna says: 0
anna hears: [A] All operators are busy.
carl hears: [C] Welcome to 10086. 1: balance, 0: operator, exit: hang up
carl says: exit
carl hears: [C] Goodbye.
anna says: exit
anna hears: [A] Goodbye.
3 calls, 1 failed; 0 children are left
`

func TestACallThatCrashesTakesNoOtherWithIt(t *testing.T) {
	for _, children := range []string{"2", "3", "20"} {
		code, stdout, stderr := demotest.Start(program, "-children", children)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d, %q", code, stderr)
		}
		got := regexp.MustCompile(`process Server-\d+-\d+`).ReplaceAllString(stdout, "process NAME")
		pids := make(map[string]bool)
		for _, m := range regexp.MustCompile(`(anna|bert|carl) hears: \[(\d+)\]`).FindAllStringSubmatch(got, -1) {
			letter := strings.ToUpper(m[1][:1])
			got = strings.ReplaceAll(got, "["+m[2]+"]", "["+letter+"]")
			got = strings.ReplaceAll(got, "pid "+m[2]+")", "pid "+letter+")")
			pids[m[2]] = true
		}
		if got != said || len(pids) != 3 {
			t.Errorf("%s\nwant %s", stdout, said)
		}
	}
}

func TestTwoCallersNeedTwoChildren(t *testing.T) {
	for _, n := range []string{"1", "101", "-1"} {
		code, stdout, stderr := demotest.Start(program, "-children", n)
		if code != 2 || stdout != "" || !strings.Contains(stderr, "-children "+n) {
			t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
		}
	}
}
