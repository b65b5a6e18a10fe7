// Command python measures the same operations here, in CPython's threading, queue, multiprocessing and generators, in
// java.util.concurrent, and in Lua's coroutines, round by round, and prints a Markdown table. What is not installed is left
// out; so is Python's greenlet, if it is not.
//
//	go run ./cmd/python
//	go run ./cmd/python -run Queue -rounds 5 -json python.json
package main

import (
	"bufio"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/meter"
	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

var (
	//go:embed bench.py
	pythonSource []byte
	//go:embed Bench.java
	javaSource []byte
	//go:embed bench.lua
	luaSource []byte
)

// sizes are those of which the names in the other languages speak. A thousand threads is what they can start in
// reasonable time.
var sizes = cases.Sizes{
	Waiters: 1000, Priorities: []int{1_000, 100_000}, Items: 100_000, GivingUp: 64, Backlog: 1 << 20,
	Events:      100_000,
	Connections: []int{100, 1000},
}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr, exec.LookPath); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "python:", err)
		}
		os.Exit(1)
	}
}

// A language is another one, in which the same is measured.
type language struct {
	Name    string `json:"name"`
	Version string `json:"version"`

	command string
	file    string
	source  []byte
}

// A Result is what was measured: nanoseconds, one sample for each round.
type Result struct {
	Machine   report.Machine `json:"machine"`
	Procs     int            `json:"gomaxprocs"`
	Languages []language     `json:"languages"`
	Rows      []Row          `json:"rows"`
}

// A Row is one operation.
type Row struct {
	Name   string               `json:"name"`
	Go     []float64            `json:"go"`
	Others map[string][]float64 `json:"others"` // by the language's name
}

func run(args []string, stdout, stderr io.Writer, find func(string) (string, error)) error {
	flags := flag.NewFlagSet("python", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		rounds   = flags.Int("rounds", 5, "how often each operation runs in each language")
		duration = flags.Duration("time", 50*time.Millisecond, "how long it runs each time; Java warms up ten times as long")
		limit    = flags.Duration("limit", 2*time.Minute, "a run that takes longer ends the command, with all stacks")
		only     = flags.String("run", "", "a regular expression: only operations whose names it matches")
		python   = flags.String("python", "python3", "the command of CPython")
		java     = flags.String("java", "java", "the command of Java, 11 or later")
		lua      = flags.String("lua", "lua5.4", "the command of Lua")
		file     = flags.String("json", "", "also write every sample into this file")
		quick    = flags.Bool("quick", false, "1 round of 10ms: to see that all works")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		*rounds, *duration = 1, 10*time.Millisecond
	}
	if *rounds < 1 || *duration <= 0 {
		return fmt.Errorf("%d rounds of %v measure nothing", *rounds, *duration)
	}
	matches, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "threading-benchmarks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)

	r := Result{Machine: report.ThisMachine(), Procs: runtime.GOMAXPROCS(0)}
	for _, l := range []language{
		{Name: "CPython", command: *python, file: "bench.py", source: pythonSource},
		{Name: "Java", command: *java, file: "Bench.java", source: javaSource},
		{Name: "Lua", command: *lua, file: "bench.lua", source: luaSource},
	} {
		if l.command, err = find(l.command); err != nil {
			fmt.Fprintf(stdout, "%s is left out: %v\n", l.Name, err)
			continue
		}
		l.file = filepath.Join(folder, l.file)
		if err := os.WriteFile(l.file, l.source, 0o644); err != nil {
			return err
		}
		option := "--version"
		if l.Name == "Lua" {
			option = "-v"
		}
		version, err := exec.Command(l.command, option).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", l.Name, err, version)
		}
		l.Version, _, _ = strings.Cut(string(version), "\n")
		r.Languages = append(r.Languages, l)
	}
	if len(r.Languages) == 0 {
		fmt.Fprintln(stdout, "There is nothing to compare with.")
		return nil
	}

	// The names are those that any language knows.
	var rows []cases.Row
	known := map[string]bool{}
	for _, l := range r.Languages {
		maps.Copy(known, names(l.source))
	}
	for _, row := range cases.Rows(sizes) {
		if known[row.Name] && matches.MatchString(row.Name) {
			row.Rivals = nil
			rows = append(rows, row)
			r.Rows = append(r.Rows, Row{Name: row.Name, Others: map[string][]float64{}})
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("-run %s matches no operation", *only)
	}
	for round := range *rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", round+1, *rounds)
		for i, row := range rows {
			samples, err := meter.Row(row, meter.Plan{Rounds: 1, Duration: *duration, Limit: *limit})
			if err != nil {
				return err
			}
			r.Rows[i].Go = append(r.Rows[i].Go, samples[0][0].Nanoseconds)
		}
		for _, l := range r.Languages {
			measured, err := l.measure(*duration, r.Rows)
			if err != nil {
				return err
			}
			for _, row := range r.Rows {
				if ns, ok := measured[row.Name]; ok {
					row.Others[l.Name] = append(row.Others[l.Name], ns)
				}
			}
		}
	}
	r.markdown(stdout)
	if *file != "" {
		return report.Write(*file, r)
	}
	return nil
}

// registered is how the programs in the other languages say that they measure an operation.
var registered = regexp.MustCompile(`\b(?:operation|add|put)\("([^"]+)"`)

// names returns the names of the operations that a program measures.
func names(source []byte) map[string]bool {
	found := map[string]bool{}
	for _, match := range registered.FindAllSubmatch(source, -1) {
		found[string(match[1])] = true
	}
	return found
}

// measure runs the program of the language and returns the nanoseconds of each operation.
func (l language) measure(duration time.Duration, rows []Row) (map[string]float64, error) {
	args := []string{l.file, strconv.FormatFloat(duration.Seconds(), 'f', -1, 64)}
	for _, row := range rows {
		args = append(args, row.Name)
	}
	cmd := exec.Command(l.command, args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", l.Name, err, complaint.String())
	}
	measured, err := read(strings.NewReader(string(out)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	return measured, nil
}

// read reads lines of a name, a tab, and a number.
func read(r io.Reader) (map[string]float64, error) {
	measured := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, number, found := strings.Cut(lines.Text(), "\t")
		ns, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !found || err != nil {
			return nil, fmt.Errorf("the line %q is no name, tab and number", lines.Text())
		}
		measured[name] = ns
	}
	return measured, lines.Err()
}

func (r Result) markdown(w io.Writer) {
	fmt.Fprintf(w, "%v, GOMAXPROCS %d", r.Machine, r.Procs)
	for _, l := range r.Languages {
		fmt.Fprintf(w, "; %s", l.Version)
	}
	fmt.Fprint(w, ".\n\n")
	fmt.Fprint(w, "| operation | Go ns |")
	rule := "|---|--:|"
	for _, l := range r.Languages {
		fmt.Fprintf(w, " %s ns | ratio | spread |", l.Name)
		rule += "--:|--:|---|"
	}
	fmt.Fprintf(w, "\n%s\n", rule)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "| %s | %.3g |", row.Name, stats.Median(row.Go))
		for _, l := range r.Languages {
			other := row.Others[l.Name]
			if len(other) == 0 {
				fmt.Fprint(w, " – | – | – |")
				continue
			}
			q := stats.Of(stats.Ratios(row.Go, other))
			fmt.Fprintf(w, " %.4g | %.3g | %.3g–%.3g |", stats.Median(other), q.Median, q.Q1, q.Q3)
		}
		fmt.Fprintln(w)
	}
}
