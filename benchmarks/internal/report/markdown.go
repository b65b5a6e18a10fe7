package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

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
		fmt.Fprintln(w, "| operation | ns | rival | ns | ratio | spread | allocs, bytes | rival's |")
		fmt.Fprintln(w, "|---|--:|---|--:|--:|---|---|---|")
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
	for _, rival := range row.Contenders[1:] {
		ratio := row.Ratio(rival)
		line(w, name, ns, rival.Name, number(stats.Median(rival.Nanoseconds)), times(ratio.Median),
			times(ratio.Q1)+"–"+times(ratio.Q3), allocs, memory(rival))
		name, ns, allocs = "", "", "" // said once
	}
}

func markdownParked(w io.Writer, parked []Parked) {
	first := stats.Median(parked[0].Bytes)
	line(w, "waits in", "bytes", "beyond "+parked[0].Name)
	line(w, "---", "--:", "--:")
	for _, p := range parked {
		median := stats.Median(p.Bytes)
		line(w, p.Name, fmt.Sprintf("%.0f", median), fmt.Sprintf("%+.0f", median-first))
	}
}

func line(w io.Writer, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
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
