package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	os.Exit(m.Run())
}

func TestEveryRowIsMeasuredWithoutCPython(t *testing.T) {
	var out strings.Builder
	nowhere := func(string) (string, error) { return "", errors.New("not found") }
	if err := run([]string{"-quick", "-idle"}, &out, io.Discard, nowhere); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "CPython is left out: not found\n") {
		t.Errorf("the output begins with %.60q", &out)
	}
	for _, r := range rows {
		if !strings.Contains(out.String(), "\n| "+r.name+" | ") {
			t.Errorf("no row %q in\n%s", r.name, &out)
		}
	}
}

func TestCPythonIsMeasuredBesideGo(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	var out strings.Builder
	if err := run([]string{"-quick"}, &out, io.Discard, exec.LookPath); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		_, line, _ := strings.Cut(out.String(), "\n| "+r.name+" | ")
		line, _, _ = strings.Cut(line, "\n")
		if cells := strings.Split(line, " | "); len(cells) != 4 || (cells[1] != "") != (r.against != "") {
			t.Errorf("%s: %q", r.name, line)
		}
	}
}

func TestBadFlagsAreErrors(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-time", "0s"}, {"-run", "("}, {"more"}} {
		if err := run(args, io.Discard, io.Discard, exec.LookPath); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
