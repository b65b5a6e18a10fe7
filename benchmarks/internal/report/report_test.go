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

var bar = cases.Bar{Good: 1.1, Goal: 0.8}

func TestTheVerdictIsTheHardestBarThatTheMedianClears(t *testing.T) {
	for _, c := range []struct {
		q    stats.Quartiles
		want string
	}{
		{stats.Quartiles{Q1: 0.5, Median: 0.6, Q3: 0.8}, "goal"},
		{stats.Quartiles{Q1: 0.9, Median: 1.0, Q3: 1.1}, "good"},
		{stats.Quartiles{Q1: 1.2, Median: 1.3, Q3: 1.4}, "miss"},
		{stats.Quartiles{Q1: 0.7, Median: 0.8, Q3: 0.81}, "goal?"},
		{stats.Quartiles{Q1: 0.7, Median: 1.0, Q3: 1.05}, "good?"},
		{stats.Quartiles{Q1: 1.0, Median: 1.3, Q3: 1.4}, "miss?"},
		{stats.Quartiles{Q1: math.NaN(), Median: math.NaN(), Q3: math.NaN()}, "miss"},
	} {
		if got := Verdict(c.q, bar); got != c.want {
			t.Errorf("%v against %v: %s, want %s", c.q, bar, got, c.want)
		}
	}
}

func TestAFewAllocationsOfARunAreNoneOfAnOperation(t *testing.T) {
	none := cases.Bar{}
	if got := AllocVerdict(0.01, none); got != "goal" {
		t.Errorf("a hundredth of an allocation: %s", got)
	}
	if got := AllocVerdict(1, none); got != "miss" {
		t.Errorf("an allocation where none was asked: %s", got)
	}
	if got := AllocVerdict(2, cases.Bar{Good: 2, Goal: 1}); got != "good" {
		t.Errorf("two where two are good: %s", got)
	}
}

func sample() Report {
	rival := func(name string, asked *cases.Bar) cases.Contender { return cases.Contender{Name: name, Bar: asked} }
	row := cases.Row{
		Name: "Lock: a|b", Group: "Locks", Allocs: &cases.Bar{},
		Ours:   cases.Contender{Name: "lock.Lock"},
		Rivals: []cases.Contender{rival("sync.Mutex", &bar), rival("channel", nil)},
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
		Parked: NewParked([]cases.Waiting{{Name: "sync.Cond"}, {Name: "Event", Bar: &cases.Bar{Good: 256, Goal: 128}}},
			[][]float64{{2600, 2600}, {2700, 2720}}),
	}
}

func TestTheTableHasALineForEachRival(t *testing.T) {
	var b strings.Builder
	sample().Markdown(&b)
	got := b.String()
	for _, want := range []string{
		"go1.25, linux/amd64, 2 cores, 2026-01-02.\n",
		"| sync.Cond | 2600 | +0 |  |  |  |\n",
		"| Event | 2710 | +110 | 256 | 128 | goal |\n",
		"### GOMAXPROCS 2\n\n| operation |",
		"| Lock: a\\|b | 10.0 | sync.Mutex | 10.0 | 1.00 | 1.00–1.00 | 1.10 | 0.80 | good | 0, 0 (asked ≤ 0: goal) | 0, 0 |\n",
		"|  |  | channel | 40.0 | 0.25 | 0.25–0.25 |  |  |  |  | 0, 0 |\n",
		"### GOMAXPROCS 8\n",
		"| 3.00 | 3.00–3.00 | 1.10 | 0.80 | miss |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	for _, row := range strings.Split(got, "\n") {
		if cells := strings.Count(strings.ReplaceAll(row, `\|`, ""), "|"); strings.HasPrefix(row, "|") && cells != 12 && cells != 7 {
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
