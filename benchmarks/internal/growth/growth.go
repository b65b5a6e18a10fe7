// Package growth measures how cost and memory grow with the number of goroutines, waiters, items, tasks and timers.
package growth

import (
	"fmt"
	"math"
	"slices"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

// A Report is what one run of the command growth measured.
type Report struct {
	Machine report.Machine `json:"machine"`
	Procs   int            `json:"gomaxprocs"`
	Charts  []Chart        `json:"charts"`
}

// A Chart has a line for each contender.
type Chart struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	X     string `json:"x"`
	Y     string `json:"y"`
	Lines []Line `json:"lines"`
}

// A Line is the points of one contender.
type Line struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// A Point is what was measured at one size.
type Point struct {
	Size int             `json:"size"`
	Of   stats.Quartiles `json:"of"`
}

// Trend says how the line grows from its smallest size to its largest, of those from 10 on: what one or two do says more
// about how they begin. Flat is up to twofold; logarithmic, up to four times what the logarithm of the size grows by, for
// caches have their steps too; and otherwise which power of the size it is.
func (l Line) Trend() string {
	points := slices.DeleteFunc(slices.Clone(l.Points), func(p Point) bool { return p.Size < 10 || !(p.Of.Median > 0) })
	if len(points) < 2 {
		return ""
	}
	first, last := points[0], points[len(points)-1]
	small, large := math.Log(float64(first.Size)), math.Log(float64(last.Size))
	factor := last.Of.Median / first.Of.Median
	switch {
	case factor <= 2:
		return fmt.Sprintf("flat (×%.2g)", factor)
	case factor <= 4*large/small:
		return fmt.Sprintf("logarithmic (×%.2g)", factor)
	}
	return fmt.Sprintf("n^%.2f (×%.2g)", math.Log(factor)/(large-small), factor)
}

// Sizes returns 1, 10, 100 and so on.
func Sizes(from, to int) []int {
	var sizes []int
	for n := 1; n <= to; n *= 10 {
		if n >= from {
			sizes = append(sizes, n)
		}
	}
	return sizes
}

// Curve measures a curve up to a size.
func Curve(c cases.Curve, to int, plan meter.Plan) (Chart, error) {
	chart := Chart{Name: c.Name, Title: c.Title, X: c.Size, Y: "ns an operation"}
	for _, n := range Sizes(1, min(c.Max, to)) {
		row := c.Row(n)
		samples, err := meter.Row(row, plan)
		if err != nil {
			return chart, err
		}
		for i, contender := range row.Contenders() {
			// A contender may take no part in the large sizes, so its line is found by its name.
			at := slices.IndexFunc(chart.Lines, func(l Line) bool { return l.Name == contender.Name })
			if at < 0 {
				at = len(chart.Lines)
				chart.Lines = append(chart.Lines, Line{Name: contender.Name})
			}
			var ns []float64
			for _, s := range samples[i] {
				ns = append(ns, s.Nanoseconds)
			}
			chart.Lines[at].Points = append(chart.Lines[at].Points, Point{n, stats.Of(ns)})
		}
	}
	return chart, nil
}

// fewest is the least number whose memory can be told from what the runtime does meanwhile.
const fewest = 1000

// Pile measures what one way of a pile takes, up to a size. It belongs into a process of its own: what others leave
// behind, goroutines that have ended above all, is used again and would seem to cost nothing.
func Pile(way cases.Way, to int) []Point {
	var points []Point
	more, end := way.New()
	before := meter.InUse()
	made := 0
	for _, n := range Sizes(fewest, to) {
		more(n - made)
		made = n
		each := float64(meter.InUse()-before) / float64(n)
		points = append(points, Point{n, stats.Of([]float64{each})})
	}
	end()
	return points
}
