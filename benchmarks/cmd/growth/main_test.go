package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

// inProcess weighs in the test's own process; the numbers are of no account here.
func inProcess(_ cases.Pile, w cases.Way, to, _ int) ([]growth.Point, error) {
	return growth.Pile(w, to), nil
}

func TestOneCommandMeasuresWritesAndDrawsEveryCurve(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "growth.json")
	var out strings.Builder
	args := []string{"-quick", "-time", "1us", "-max", "100", "-json", file, "-out", folder, "-run", "-(goroutines|waiters|length|tasks|pending)"}
	if err := run(args, &out, io.Discard, inProcess); err != nil {
		t.Fatal(err)
	}
	r, err := report.Read[growth.Report](file)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Charts) != len(cases.Curves()) {
		t.Errorf("%d charts, want %d", len(r.Charts), len(cases.Curves()))
	}
	for _, c := range cases.Curves() {
		if !strings.Contains(out.String(), "### "+c.Title+": ns an operation\n\n| "+c.Size+" | 1 | 10 | 100 | growth |\n") {
			t.Errorf("no table for %s:\n%s", c.Title, &out)
		}
		if _, err := os.Stat(filepath.Join(folder, "growth-"+c.Name+".svg")); err != nil {
			t.Error(err)
		}
	}
}

func TestMemoryIsMeasuredToo(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-quick", "-run", "queue-bytes"}, &out, io.Discard, inProcess); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), ": bytes each\n\n| items inside | 1000 | growth |\n|---|--:|---|\n| queue.Queue |") {
		t.Errorf("the table is\n%s", &out)
	}
}

func TestAChildPrintsThePointsOfItsPile(t *testing.T) {
	var out strings.Builder
	if err := pile("queue-bytes", "queue.Queue", "10000", &out); err != nil {
		t.Fatal(err)
	}
	var points []growth.Point
	if err := json.Unmarshal([]byte(out.String()), &points); err != nil || len(points) != 2 {
		t.Errorf("the child printed %q: %v", &out, err)
	}
	for _, args := range [][3]string{{"no-such", "queue.Queue", "1"}, {"queue-bytes", "no such", "1"}, {"queue-bytes", "queue.Queue", "x"}} {
		if err := pile(args[0], args[1], args[2], io.Discard); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}

func TestMistakesInTheCommandLineAreErrors(t *testing.T) {
	for _, args := range [][]string{{"-run", "("}, {"-run", "no such"}, {"-max", "0"}, {"-rounds", "0"}, {"more"}} {
		if err := run(args, io.Discard, io.Discard, inProcess); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}
