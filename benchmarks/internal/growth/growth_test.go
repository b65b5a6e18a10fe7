package growth

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/stats"
	"go.uber.org/goleak"
)

var imported = goleak.IgnoreCurrent()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, imported) }

func TestSizesGrowTenfold(t *testing.T) {
	if got := Sizes(10, 12_345); !slices.Equal(got, []int{10, 100, 1000, 10_000}) {
		t.Errorf("from 10 to 12345: %v", got)
	}
	if got := Sizes(1, 1); !slices.Equal(got, []int{1}) {
		t.Errorf("from 1 to 1: %v", got)
	}
}

func TestEveryCurveHasAPointForEachSizeAndContender(t *testing.T) {
	for _, c := range cases.Curves() {
		chart, err := Curve(c, 100, meter.Plan{Rounds: 1, Duration: time.Microsecond, Limit: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if len(chart.Lines) < 2 {
			t.Errorf("%s: only %d lines", c.Name, len(chart.Lines))
		}
		for _, line := range chart.Lines {
			if len(line.Points) != 3 || line.Points[2].Size != 100 || line.Points[2].Of.Median <= 0 {
				t.Errorf("%s, %s: %v", c.Name, line.Name, line.Points)
			}
		}
	}
}

func TestTrendTellsFlatFromLogarithmicFromWorse(t *testing.T) {
	line := func(cost func(n float64) float64) (l Line) {
		for _, n := range Sizes(1, 1_000_000) {
			l.Points = append(l.Points, Point{n, stats.Of([]float64{cost(float64(n))})})
		}
		return l
	}
	for _, c := range []struct {
		cost func(n float64) float64
		want string
	}{
		{func(float64) float64 { return 30 }, "flat (×1)"},
		{func(n float64) float64 { return 30 + 1000/(n*n) }, "flat (×0.75)"}, // as little as they are, the first are dear
		{func(n float64) float64 { return 30 + math.Log(n) }, "flat (×1.4)"},
		{func(n float64) float64 { return math.Log(n) }, "logarithmic (×6)"},
		{func(n float64) float64 { return math.Sqrt(n) }, "n^0.50 (×3.2e+02)"},
		{func(n float64) float64 { return n }, "n^1.00 (×1e+05)"},
	} {
		if got := line(c.cost).Trend(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := (Line{Points: []Point{{100, stats.Of([]float64{1})}}}).Trend(); got != "" {
		t.Errorf("%q for a single point", got)
	}
}

func TestACurveEndsWhereItIsNoLongerWorthIt(t *testing.T) {
	c := cases.Curves()[0]
	c.Max = 1
	chart, err := Curve(c, 1000, meter.Plan{Rounds: 1, Duration: time.Microsecond, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(chart.Lines[0].Points); n != 1 {
		t.Errorf("%d points up to 1", n)
	}
}

func TestEveryPileGrows(t *testing.T) {
	for _, pile := range cases.Piles() {
		for _, way := range pile.Ways {
			points := Pile(way, fewest)
			// The storage of a queue may have been there already; nothing takes thousands of bytes but a goroutine.
			if len(points) != 1 || points[0].Size != fewest || points[0].Of.Median > 10_000 {
				t.Errorf("%s, %s: %v", pile.Name, way.Name, points)
			}
		}
	}
}

func TestNoCurveOrPileHasMoreGoroutinesThanFitIntoMemory(t *testing.T) {
	const most = 1_000_000
	for _, pile := range cases.Piles() {
		for _, way := range pile.Ways {
			if to := pile.To(way, 1<<30); (way.Name == "go statement" || pile.Name == "waiter-bytes") && to > most {
				t.Errorf("%s, %s: %d goroutines", pile.Name, way.Name, to)
			}
			if to := pile.To(way, 10); to != 10 {
				t.Errorf("%s, %s: up to %d, want no more than was asked for", pile.Name, way.Name, to)
			}
		}
	}
	for _, c := range cases.Curves() {
		for _, contender := range c.Row(c.Max).Contenders() {
			if c.Max > most && contender.Name == "go statement" {
				t.Errorf("%s: %d goroutines", c.Name, c.Max)
			}
		}
	}
}

func TestAContenderThatTakesNoPartInLargeSizesHasAShorterLine(t *testing.T) {
	c := cases.Curves()[0]
	all := c.Row
	c.Row = func(n int) cases.Row {
		row := all(n)
		if n > 1 {
			row.Rivals = row.Rivals[1:]
		}
		return row
	}
	chart, err := Curve(c, 10, meter.Plan{Rounds: 1, Duration: time.Microsecond, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1, 2} {
		if got := len(chart.Lines[i].Points); got != want {
			t.Errorf("%s has %d points, want %d", chart.Lines[i].Name, got, want)
		}
	}
}
