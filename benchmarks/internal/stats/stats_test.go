package stats

import (
	"math"
	"slices"
	"testing"
)

func TestQuartilesLieBetweenNeighbours(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		want Quartiles
	}{
		{[]float64{7}, Quartiles{7, 7, 7}},
		{[]float64{3, 1}, Quartiles{1.5, 2, 2.5}},
		{[]float64{3, 1, 2}, Quartiles{1.5, 2, 2.5}},
		{[]float64{5, 1, 4, 2, 3}, Quartiles{2, 3, 4}},
		{[]float64{4, 3, 2, 1}, Quartiles{1.75, 2.5, 3.25}},
	} {
		if got := Of(c.xs); got != c.want {
			t.Errorf("%v: %v, want %v", c.xs, got, c.want)
		}
	}
}

func TestNothingHasNoMedian(t *testing.T) {
	if m := Median(nil); !math.IsNaN(m) {
		t.Errorf("the median of nothing is %v", m)
	}
}

func TestAMedianLeavesItsInputInOrder(t *testing.T) {
	xs := []float64{3, 1, 2}
	Median(xs)
	if !slices.Equal(xs, []float64{3, 1, 2}) {
		t.Errorf("the input is now %v", xs)
	}
}

func TestAnOutlierHardlyMovesAMedian(t *testing.T) {
	if m := Median([]float64{10, 11, 12, 13, 10_000}); m != 12 {
		t.Errorf("the median is %v, want 12", m)
	}
}

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	got := Ratios([]float64{10, 200, 30}, []float64{20, 400, 60})
	if !slices.Equal(got, []float64{0.5, 0.5, 0.5}) {
		t.Errorf("%v, want 0.5 in each round", got)
	}
	if n := len(Ratios([]float64{1, 2}, []float64{1})); n != 1 {
		t.Errorf("%d ratios of rounds that only one of them has", n)
	}
}
