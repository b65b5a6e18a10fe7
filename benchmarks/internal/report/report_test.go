package report

import (
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

func sample() Report {
	rival := func(name string, main bool) cases.Contender { return cases.Contender{Name: name, Main: main} }
	row := cases.Row{
		Name: "Lock: a|b", Group: "Locks",
		Ours:   cases.Contender{Name: "lock.Lock"},
		Rivals: []cases.Contender{rival("sync.Mutex", true), rival("channel", false)},
	}
	rounds := func(ns ...float64) (s []meter.Sample) {
		for _, x := range ns {
			s = append(s, meter.Sample{Nanoseconds: x})
		}
		return s
	}
	return Report{
		Machine: Machine{"go1.25", "linux", "amd64", 2, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Rows: []Row{
			// The second round was ten times slower for everybody.
			NewRow(row, 2, [][]meter.Sample{rounds(10, 100, 10), rounds(10, 100, 10), rounds(40, 400, 40)}),
			NewRow(row, 8, [][]meter.Sample{rounds(30, 30, 30), rounds(10, 10, 10), rounds(10, 10, 10)}),
		},
		Parked: NewParked([]cases.Waiting{{Name: "sync.Cond"}, {Name: "Event"}},
			[][]float64{{2600, 2600}, {2700, 2720}}),
	}
}

func TestTheTableHasALineForEachRival(t *testing.T) {
	var b strings.Builder
	sample().Markdown(&b)
	got := b.String()
	for _, want := range []string{
		"go1.25, linux/amd64, 2 cores, 2026-01-02.\n",
		"| sync.Cond | 2600 | +0 |\n",
		"| Event | 2710 | +110 |\n",
		"### GOMAXPROCS 2\n\n| operation |",
		"| Lock: a\\|b | 10.0 | sync.Mutex | 10.0 | 1.00 | 1.00–1.00 | 0, 0 | 0, 0 |\n",
		"|  |  | channel | 40.0 | 0.25 | 0.25–0.25 |  | 0, 0 |\n",
		"### GOMAXPROCS 8\n",
		"| 3.00 | 3.00–3.00 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	for _, row := range strings.Split(got, "\n") {
		if cells := strings.Count(strings.ReplaceAll(row, `\|`, ""), "|"); strings.HasPrefix(row, "|") && cells != 9 && cells != 4 {
			t.Errorf("%d bars in the line %q", cells, row)
		}
	}
}

func TestARatioSurvivesARoundInWhichTheMachineWasSlow(t *testing.T) {
	row := sample().Rows[0]
	if q := row.Ratio(row.Contenders[1]); q != (stats.Quartiles{Q1: 1, Median: 1, Q3: 1}) {
		t.Errorf("the ratio is %v, want 1 in every round", q)
	}
}

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	want := sample()
	if err := Write(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read[Report](file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwrote %+v", got, want)
	}
	if _, err := Read[Report](file + ".none"); err == nil {
		t.Error("no error for a file that is not there")
	}
}

func TestNumbersHaveThreeDigitsThatCount(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.001: "0", 1: "1", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 12345.6: "12346", math.Inf(1): "–",
	} {
		if got := number(x); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
	for x, want := range map[float64]string{0.0123: "0.012", 0.5: "0.50", 12.3: "12.30", math.NaN(): "–"} {
		if got := times(x); got != want {
			t.Errorf("the ratio %v is written %s, want %s", x, got, want)
		}
	}
}
