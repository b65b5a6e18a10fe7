package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

// Markdown writes the report as tables, one for each GOMAXPROCS.
func (r Report) Markdown(w io.Writer) {
	fmt.Fprintf(w, "%v.\n", r.Machine)
	if len(r.Parked) > 0 {
		fmt.Fprint(w, "\n### Bytes of a goroutine that waits\n\n")
		markdownParked(w, r.Parked)
	}
	var procs []int
	for _, row := range r.Rows {
		if !slices.Contains(procs, row.Procs) {
			procs = append(procs, row.Procs)
		}
	}
	for _, p := range procs {
		fmt.Fprintf(w, "\n### GOMAXPROCS %d\n\n", p)
		fmt.Fprintln(w, "| operation | ns | rival | ns | ratio | spread | good | goal | verdict | allocs, bytes | rival's |")
		fmt.Fprintln(w, "|---|--:|---|--:|--:|---|--:|--:|---|---|---|")
		for _, row := range r.Rows {
			if row.Procs == p {
				markdownRow(w, row)
			}
		}
	}
}

func markdownRow(w io.Writer, row Row) {
	ours := row.Contenders[0]
	name, ns, allocs := row.Name, number(stats.Median(ours.Nanoseconds)), memory(ours)
	if row.Allocs != nil {
		verdict := AllocVerdict(stats.Median(ours.Allocs), *row.Allocs)
		allocs += fmt.Sprintf(" (asked ≤ %v: %s)", row.Allocs.Good, verdict)
	}
	for _, rival := range row.Contenders[1:] {
		ratio := row.Ratio(rival)
		good, goal, verdict := "", "", ""
		if rival.Asked != nil {
			good, goal = fmt.Sprintf("%.2f", rival.Asked.Good), fmt.Sprintf("%.2f", rival.Asked.Goal)
			verdict = Verdict(ratio, *rival.Asked)
		}
		line(w, name, ns, rival.Name, number(stats.Median(rival.Nanoseconds)), times(ratio.Median),
			times(ratio.Q1)+"–"+times(ratio.Q3), good, goal, verdict, allocs, memory(rival))
		name, ns, allocs = "", "", "" // said once
	}
}

func markdownParked(w io.Writer, parked []Parked) {
	first := stats.Median(parked[0].Bytes)
	line(w, "waits in", "bytes", "beyond "+parked[0].Name, "good", "goal", "verdict")
	line(w, "---", "--:", "--:", "--:", "--:", "---")
	for _, p := range parked {
		var (
			q                   = stats.Of(p.Bytes)
			good, goal, verdict string
		)
		if p.Asked != nil {
			good, goal = number(p.Asked.Good), number(p.Asked.Goal)
			beyond := stats.Quartiles{Q1: q.Q1 - first, Median: q.Median - first, Q3: q.Q3 - first}
			verdict = Verdict(beyond, *p.Asked)
		}
		line(w, p.Name, fmt.Sprintf("%.0f", q.Median), fmt.Sprintf("%+.0f", q.Median-first), good, goal, verdict)
	}
}

func line(w io.Writer, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// Verdict says which bar the median clears: goal, good or miss. A question mark follows if a quartile disagrees: then
// the machine was too noisy, or the number of rounds too small, to be sure.
func Verdict(q stats.Quartiles, bar cases.Bar) string {
	of := func(x float64) string {
		switch {
		case x <= bar.Goal:
			return "goal"
		case x <= bar.Good:
			return "good"
		}
		return "miss" // also what is not a number
	}
	verdict := of(q.Median)
	if of(q.Q1) != verdict || of(q.Q3) != verdict {
		verdict += "?"
	}
	return verdict
}

// AllocVerdict is Verdict for allocations. A twentieth of one, which is the price of goroutines that a run starts, or
// of storage that grows, is none.
func AllocVerdict(allocs float64, bar cases.Bar) string {
	allocs -= 0.05
	return Verdict(stats.Quartiles{Q1: allocs, Median: allocs, Q3: allocs}, bar)
}

func memory(c Contender) string {
	return number(stats.Median(c.Allocs)) + ", " + number(stats.Median(c.Bytes))
}

// number writes three digits that count, and no more zeros than that needs.
func number(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case math.Abs(x) < 0.005:
		return "0"
	case math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.2f", x), ".00")
}

// times writes a ratio.
func times(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x < 0.1:
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
