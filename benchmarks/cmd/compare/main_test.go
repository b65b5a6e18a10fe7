package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

func TestOneCommandMeasuresEveryRow(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "compare.json")
	procs := runtime.GOMAXPROCS(0)
	var out strings.Builder
	err := run([]string{"-rounds", "1", "-time", "1us", "-cpu", "1, 2", "-json", file, "-out", folder, "-run", "^[^M]"}, &out, io.Discard,
		cases.Small)
	if err != nil {
		t.Fatal(err)
	}
	if now := runtime.GOMAXPROCS(0); now != procs {
		t.Errorf("GOMAXPROCS is %d afterwards, was %d", now, procs)
	}
	for _, name := range []string{"ratios-cpu1.svg", "ratios-cpu2.svg", "cost-locks.svg"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	r, err := report.Read[report.Report](file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range cases.Rows(cases.Small) {
		if strings.HasPrefix(row.Name, "M") {
			continue
		}
		names = append(names, row.Name)
		if !strings.Contains(out.String(), "| "+row.Name+" |") {
			t.Errorf("the table lacks %s", row.Name)
		}
	}
	if len(r.Rows) != 2*len(names) {
		t.Errorf("%d rows in the file, want %d at two values of GOMAXPROCS", len(r.Rows), len(names))
	}
	for _, row := range r.Rows {
		if !slices.Contains(names, row.Name) || row.Procs != 1 && row.Procs != 2 {
			t.Errorf("the row %s at GOMAXPROCS %d", row.Name, row.Procs)
		}
	}
}

func TestTheMemoryOfWaitersIsARowToo(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-quick", "-rounds", "1", "-run", "^Memory"}, &out, io.Discard, cases.Small); err != nil {
		t.Fatal(err)
	}
	for _, way := range cases.Waitings() {
		if !strings.Contains(out.String(), "| "+way.Name+" |") {
			t.Errorf("the table lacks %s:\n%s", way.Name, &out)
		}
	}
}

func TestQuickYieldsToWhatIsSaid(t *testing.T) {
	o, err := parse([]string{"-quick", "-rounds", "7"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.plan.Rounds != 7 || o.plan.Duration != 10*time.Millisecond || !slices.Equal(o.procs, []int{2}) {
		t.Errorf("the plan is %+v at %v", o.plan, o.procs)
	}
	o, err = parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.plan.Rounds != 10 || !slices.Equal(o.procs, []int{1, 2, 8}) {
		t.Errorf("the default is %+v at %v", o.plan, o.procs)
	}
}

func TestMistakesInTheCommandLineAreErrors(t *testing.T) {
	for _, args := range [][]string{
		{"-cpu", "0"}, {"-cpu", "two"}, {"-run", "("}, {"-run", "no such row"}, {"-rounds", "0"}, {"-time", "0s"}, {"more"},
	} {
		if err := run(args, io.Discard, io.Discard, cases.Small); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
}

func TestListNamesTheRows(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-list"}, &out, io.Discard, cases.Full); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Lock: free\n", "Priority queue: 100k inside\n", "Map of 1M ints\n", parkedName} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the list lacks %q:\n%s", want, &out)
		}
	}
}
