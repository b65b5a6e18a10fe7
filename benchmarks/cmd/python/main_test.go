package main

import (
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

func nowhere(string) (string, error) { return "", errors.New("not found") }

func TestWhatIsNotInstalledIsALineAndASkip(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-quick"}, &out, io.Discard, nowhere); err != nil {
		t.Fatal(err)
	}
	want := "CPython is left out: not found\nJava is left out: not found\nLua is left out: not found\nThere is nothing to compare with.\n"
	if out.String() != want {
		t.Errorf("the output is %q, want %q", &out, want)
	}
}

func TestCPythonIsMeasuredBesideGo(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "python.json")
	find := func(command string) (string, error) {
		if command != "python3" {
			return nowhere(command)
		}
		return exec.LookPath(command)
	}
	var out strings.Builder
	args := []string{"-rounds", "2", "-time", "1ms", "-run", "^Lock: free$|one goroutine", "-json", file}
	if err := run(args, &out, io.Discard, find); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Java is left out", "Python 3", "| operation | Go ns | CPython ns |", "\n| Lock: free | ", "\n| Queue: one goroutine | "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	r, err := report.Read[Result](file)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if len(row.Go) != 2 || len(row.Others["CPython"]) != 2 {
			t.Errorf("%s: %v, want two rounds of each", row.Name, row)
		}
	}
}

// A name that is spelled differently would silently be left out.
func TestTheOtherLanguagesUseOurNames(t *testing.T) {
	rows := map[string]bool{}
	for _, row := range cases.Rows(sizes) {
		rows[row.Name] = true
	}
	python, java, lua := names(pythonSource), names(javaSource), names(luaSource)
	if len(python) < 20 || len(java) < 20 || len(lua) < 3 {
		t.Errorf("only %d operations in Python, %d in Java and %d in Lua", len(python), len(java), len(lua))
	}
	for name := range lua {
		if !rows[name] {
			t.Errorf("%q of bench.lua is no row", name)
		}
	}
	for name := range python {
		if !rows[name] {
			t.Errorf("%q of bench.py is no row", name)
		}
	}
	for name := range java {
		if !python[name] {
			t.Errorf("%q is measured in Java only", name)
		}
	}
}

func TestTheTableSaysWhatIsMissing(t *testing.T) {
	r := Result{
		Languages: []language{{Name: "CPython", Version: "Python 3.13.0"}, {Name: "Java", Version: "openjdk 17"}},
		Rows: []Row{
			{Name: "Lock: free", Go: []float64{10, 100}, Others: map[string][]float64{"CPython": {100, 1000}, "Java": {10, 100}}},
			{Name: "Queue", Go: []float64{10}, Others: map[string][]float64{"CPython": {1000}}},
		},
	}
	var out strings.Builder
	r.markdown(&out)
	for _, want := range []string{
		"| operation | Go ns | CPython ns | ratio | spread | Java ns | ratio | spread |\n|---|--:|--:|--:|---|--:|--:|---|\n",
		"| Lock: free | 55 | 550 | 0.1 | 0.1–0.1 | 55 | 1 | 1–1 |\n",
		"| Queue | 10 | 1000 | 0.01 | 0.01–0.01 | – | – | – |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestALineThatIsNoMeasurementIsAnError(t *testing.T) {
	for _, line := range []string{"Lock: free", "Lock: free\tfast", "Lock: free 10"} {
		if _, err := read(strings.NewReader(line + "\n")); err == nil {
			t.Errorf("no error for %q", line)
		}
	}
	if m, err := read(strings.NewReader("Lock: free\t12.5\n")); err != nil || m["Lock: free"] != 12.5 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestMistakesInTheCommandLineAreErrors(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{{"-run", "("}, {"-run", "no such"}, {"-rounds", "0"}, {"more"}} {
		if err := run(args, io.Discard, io.Discard, exec.LookPath); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}
