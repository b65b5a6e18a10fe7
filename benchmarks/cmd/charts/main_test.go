package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

func TestBothKindsOfFilesAreDrawn(t *testing.T) {
	folder := t.TempDir()
	compare, curves := filepath.Join(folder, "compare.json"), filepath.Join(folder, "growth.json")
	if err := report.Write(compare, report.Report{Rows: []report.Row{{
		Name: "Lock: free", Group: "Locks", Procs: 2, Contenders: []report.Contender{
			{Name: "lock.Lock", Nanoseconds: []float64{10}}, {Name: "sync.Mutex", Nanoseconds: []float64{11}},
		},
	}}}); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(curves, growth.Report{Charts: []growth.Chart{{
		Name: "lock", Lines: []growth.Line{{Name: "lock.Lock", Points: []growth.Point{
			{Size: 1, Of: stats.Quartiles{Median: 1}}, {Size: 10, Of: stats.Quartiles{Median: 2}},
		}}},
	}}}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "img")
	for _, in := range []string{compare, curves} {
		if err := run([]string{"-in", in, "-out", out}, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cost-locks.svg", "growth-lock.svg"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	folder := t.TempDir()
	empty, broken := filepath.Join(folder, "empty.json"), filepath.Join(folder, "broken.json")
	if err := report.Write(empty, report.Report{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"-in", filepath.Join(folder, "none.json")}, {"-in", empty}, {"-in", broken}, {"-in", empty, "more"},
	} {
		if err := run(append(args, "-out", folder), io.Discard, io.Discard); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}
