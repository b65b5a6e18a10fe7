package main

import (
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestEachListHasOneElement(t *testing.T) {
	const want = "say hi [0]\nsay hi [1]\nsay hi [2]\nending [] and what was shared [0 1 2]\n"
	if code, stdout, stderr := demotest.Start(program, "-children", "3"); code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, _ := demotest.Start(program, "-children", "-1"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
