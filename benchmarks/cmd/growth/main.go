// Command growth measures how what an operation costs, and what a waiter, an item, a task or a timer takes in memory,
// grow with their number, and draws it.
//
//	go run ./cmd/growth -json growth.json -out ../docs/img
//	go run ./cmd/growth -quick
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/chart"
	"github.com/gothreading/threading/benchmarks/internal/growth"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

func main() {
	// A process of its own for what a pile takes; see growth.Pile.
	if len(os.Args) == 6 && os.Args[1] == "pile" {
		gib, err := strconv.Atoi(os.Args[5])
		if err != nil {
			gib = 1
		}
		defer meter.Bound(gib)()
		if err := pile(os.Args[2], os.Args[3], os.Args[4], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "growth:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Args[1:], os.Stdout, os.Stderr, inChild); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "growth:", err)
		}
		os.Exit(1)
	}
}

// pile prints the points of one way of a pile.
func pile(name, way, to string, stdout io.Writer) error {
	max, err := strconv.Atoi(to)
	if err != nil {
		return err
	}
	for _, p := range cases.Piles() {
		for _, w := range p.Ways {
			if p.Name == name && w.Name == way {
				return json.NewEncoder(stdout).Encode(growth.Pile(w, max))
			}
		}
	}
	return fmt.Errorf("no pile %q of %q", name, way)
}

func inChild(p cases.Pile, w cases.Way, to, memory int) (points []growth.Point, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "pile", p.Name, w.Name, strconv.Itoa(to), strconv.Itoa(memory))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", p.Name, w.Name, err)
	}
	return points, json.Unmarshal(out, &points)
}

func run(
	args []string, stdout, stderr io.Writer, weigh func(p cases.Pile, w cases.Way, to, memory int) ([]growth.Point, error),
) error {
	flags := flag.NewFlagSet("growth", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		rounds   = flags.Int("rounds", 5, "how often each contender runs at each size")
		duration = flags.Duration("time", 30*time.Millisecond, "how long it runs each time")
		limit    = flags.Duration("limit", 5*time.Minute, "a run that takes longer ends the command, with all stacks")
		to       = flags.Int("max", 10_000_000, "the largest size, for curves that go so far")
		only     = flags.String("run", "", "a regular expression: only charts whose names it matches")
		file     = flags.String("json", "", "also write what was measured into this file")
		out      = flags.String("out", "", "also draw it, into this folder")
		memory   = flags.Int("memory", 8, "more than so many GiB end the command")
		quick    = flags.Bool("quick", false, "sizes up to 1000 in 1 round, unless said otherwise: to see that all works")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		said := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { said[f.Name] = true })
		if !said["rounds"] {
			*rounds = 1
		}
		if !said["time"] {
			*duration = time.Millisecond
		}
		if !said["max"] {
			*to = 1000
		}
	}
	if *rounds < 1 || *duration <= 0 || *to < 1 {
		return fmt.Errorf("%d rounds of %v up to size %d measure nothing", *rounds, *duration, *to)
	}
	matches, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	defer meter.Bound(*memory)()
	r := growth.Report{Machine: report.ThisMachine(), Procs: runtime.GOMAXPROCS(0)}
	plan := meter.Plan{Rounds: *rounds, Duration: *duration, Limit: *limit}
	for _, c := range cases.Curves() {
		if !matches.MatchString(c.Name) {
			continue
		}
		fmt.Fprintln(stderr, c.Title)
		curve, err := growth.Curve(c, *to, plan)
		if err != nil {
			return err
		}
		r.Charts = append(r.Charts, curve)
	}
	for _, p := range cases.Piles() {
		if !matches.MatchString(p.Name) {
			continue
		}
		fmt.Fprintln(stderr, p.Title)
		weighed := growth.Chart{Name: p.Name, Title: p.Title, X: p.Size, Y: "bytes each"}
		for _, w := range p.Ways {
			points, err := weigh(p, w, p.To(w, *to), *memory)
			if err != nil {
				return err
			}
			weighed.Lines = append(weighed.Lines, growth.Line{Name: w.Name, Points: points})
		}
		r.Charts = append(r.Charts, weighed)
	}
	if len(r.Charts) == 0 {
		return fmt.Errorf("-run %s matches no chart", *only)
	}
	markdown(stdout, r)
	if *file != "" {
		if err := report.Write(*file, r); err != nil {
			return err
		}
	}
	if *out == "" {
		return nil
	}
	charts, err := chart.Growth(r)
	if err != nil {
		return err
	}
	_, err = chart.Save(*out, charts)
	return err
}

// markdown prints a table for each chart, with a column for each size.
func markdown(w io.Writer, r growth.Report) {
	fmt.Fprintf(w, "%v, GOMAXPROCS %d.\n", r.Machine, r.Procs)
	for _, c := range r.Charts {
		fmt.Fprintf(w, "\n### %s: %s\n\n", c.Title, c.Y)
		var sizes []int
		for _, line := range c.Lines {
			for _, p := range line.Points {
				if len(sizes) == 0 || p.Size > sizes[len(sizes)-1] {
					sizes = append(sizes, p.Size)
				}
			}
		}
		fmt.Fprintf(w, "| %s |", c.X)
		for _, n := range sizes {
			fmt.Fprintf(w, " %d |", n)
		}
		fmt.Fprintf(w, " growth |\n|---|%s---|\n", strings.Repeat("--:|", len(sizes)))
		for _, line := range c.Lines {
			fmt.Fprintf(w, "| %s |", line.Name)
			for _, p := range line.Points {
				fmt.Fprintf(w, " %.4g |", p.Of.Median)
			}
			fmt.Fprintf(w, "%s %s |\n", strings.Repeat(" – |", len(sizes)-len(line.Points)), line.Trend())
		}
	}
}
