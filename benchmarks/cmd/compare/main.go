// Command compare measures this toolkit against its rivals, interleaved round by round in one process, and prints a
// Markdown table. It also draws it, if it is told where.
//
//	go run ./cmd/compare -out ../docs/img
//	go run ./cmd/compare -cpu 2 -run 'Queue|Pool' -rounds 20 -json compare.json
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/chart"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr, cases.Full); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "compare:", err)
		}
		os.Exit(1)
	}
}

type options struct {
	plan    meter.Plan
	procs   []int
	only    *regexp.Regexp
	json    string
	out     string // a folder for charts
	waiters int    // for the memory of one
	memory  int    // GiB
	list    bool
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		rounds   = flags.Int("rounds", 10, "how often each contender runs")
		duration = flags.Duration("time", 30*time.Millisecond, "how long it runs each time")
		limit    = flags.Duration("limit", 2*time.Minute, "a run that takes longer ends the command, with all stacks")
		cpu      = flags.String("cpu", "1,2,8", "the values of GOMAXPROCS")
		only     = flags.String("run", "", "a regular expression: only rows whose names it matches")
		quick    = flags.Bool("quick", false, "3 rounds of 10ms at GOMAXPROCS 2, unless said otherwise: to see that all works")
		list     = flags.Bool("list", false, "print the names of the rows, and measure nothing")
	)
	flags.IntVar(&o.memory, "memory", 8, "more than so many GiB end the command")
	flags.StringVar(&o.json, "json", "", "also write every sample into this file")
	flags.StringVar(&o.out, "out", "", "also draw it, into this folder")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.waiters = 2000
	if *quick {
		said := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { said[f.Name] = true })
		if !said["rounds"] {
			*rounds = 3
		}
		if !said["time"] {
			*duration = 10 * time.Millisecond
		}
		if !said["cpu"] {
			*cpu = "2"
		}
		o.waiters = 1000
	}
	if *rounds < 1 || *duration <= 0 {
		return o, fmt.Errorf("%d rounds of %v measure nothing", *rounds, *duration)
	}
	o.plan = meter.Plan{Rounds: *rounds, Duration: *duration, Limit: *limit}
	o.list = *list
	for s := range strings.SplitSeq(*cpu, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return o, fmt.Errorf("-cpu %s: %q is no number of processors", *cpu, s)
		}
		o.procs = append(o.procs, n)
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}

// parkedName is what -run must match for the memory of waiters to be measured.
const parkedName = "Memory: bytes of a goroutine that waits"

func run(args []string, stdout, stderr io.Writer, sizes cases.Sizes) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	rows := cases.Rows(sizes)
	if o.list {
		fmt.Fprintln(stdout, parkedName)
		for _, row := range rows {
			fmt.Fprintln(stdout, row.Name)
		}
		return nil
	}
	defer meter.Bound(o.memory)()
	r := report.Report{Machine: report.ThisMachine()}
	// First, before other rows leave goroutines behind that would be used again.
	if o.only.MatchString(parkedName) {
		fmt.Fprintln(stderr, parkedName)
		ways := cases.Waitings()
		r.Parked = report.NewParked(ways, meter.Parked(ways, o.waiters, min(o.plan.Rounds, 5)))
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, procs := range o.procs {
		runtime.GOMAXPROCS(procs)
		for _, row := range rows {
			if !o.only.MatchString(row.Name) {
				continue
			}
			fmt.Fprintf(stderr, "GOMAXPROCS %d, %s\n", procs, row.Name)
			samples, err := meter.Row(row, o.plan)
			if err != nil {
				return err
			}
			r.Rows = append(r.Rows, report.NewRow(row, procs, samples))
		}
	}
	if len(r.Rows) == 0 && len(r.Parked) == 0 {
		return fmt.Errorf("-run %v matches no row; -list names them", o.only)
	}
	r.Markdown(stdout)
	if o.json != "" {
		if err := report.Write(o.json, r); err != nil {
			return err
		}
	}
	if o.out == "" {
		return nil
	}
	_, err = chart.Save(o.out, chart.Compare(r, 2))
	return err
}
