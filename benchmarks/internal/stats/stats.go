// Package stats says what a few noisy measurements are worth. It knows medians and quartiles only: on a shared machine
// a single round can take ten times as long as the next, which would ruin a mean.
package stats

import (
	"math"
	"slices"
)

// Quartiles are those of some numbers: a quarter of them is below Q1, half below Median, a quarter above Q3.
type Quartiles struct {
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
}

// Of returns the quartiles of xs, interpolated between neighbours, or NaNs if there are none.
func Of(xs []float64) Quartiles {
	sorted := slices.Sorted(slices.Values(xs))
	return Quartiles{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// Median returns the median of xs.
func Median(xs []float64) float64 { return Of(xs).Median }

func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	below := int(at)
	if below == len(sorted)-1 {
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// Ratios divides each of xs by the one of ys of the same round. What disturbed the machine in a round disturbed both,
// so their ratio says more than each of them.
func Ratios(xs, ys []float64) []float64 {
	ratios := make([]float64, 0, len(xs))
	for i := range min(len(xs), len(ys)) {
		ratios = append(ratios, xs[i]/ys[i])
	}
	return ratios
}
