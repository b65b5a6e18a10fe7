package main

import (
	"fmt"
	"testing"

	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { demotest.Processes(m) }

func TestNothingIsLost(t *testing.T) {
	want := "39 ---> 51\n"
	for i := range 10 {
		want += fmt.Sprintf("%d -----> %d\n", i, i+100)
	}
	if code, stdout, stderr := demotest.Start(program, "-processes", "40"); code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, _ := demotest.Start(program, "-processes", "0"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
