package main

import (
	"os"
	"strings"
	"testing"

	"github.com/gothreading/threading/process"
)

func TestMain(m *testing.M) {
	process.Init()
	os.Exit(m.Run())
}

func TestEveryTypeAndEveryCrowdIsMeasured(t *testing.T) {
	if err := process.Supported(); err != nil {
		t.Skip(err)
	}
	var out strings.Builder
	if err := run([]string{"-quick"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if !strings.Contains(out.String(), "| "+kind.name+" |") {
			t.Errorf("%s is not measured:\n%s", kind.name, &out)
		}
	}
	if !strings.Contains(out.String(), "\n| 3 | ") {
		t.Errorf("3 processes are not measured:\n%s", &out)
	}
	if err := run([]string{"-processes", "x", "-objects", "1"}, &out); err == nil {
		t.Error("x is a number of processes")
	}
}
