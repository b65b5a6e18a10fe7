// Command benchmarks measures package cluster beside what would be used in its stead: etcd's own recipes, Redis with
// redsync, Celery. It is a module of its own, so that those stay out of the go.sum of those who use the toolkit. Servers,
// and clients that compete, are processes of their own; the contenders of a row take turns, round by round. It prints a
// Markdown table.
//
//	go run .                                  # everything but the backlog: about 4 minutes
//	go run . -run lock -rounds 9
//	go run . -run backlog -backlog 1000000    # some minutes, and 2 GB of disk and memory
//
// Redis is left out where there is no redis-server, and Celery where python3 cannot import it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"
)

func main() {
	if role := os.Getenv(roleEnv); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, "benchmarks:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "benchmarks:", err)
		}
		os.Exit(1)
	}
}

// A contender does what a row is about for a while, and returns how much of it a second, or how long it took.
type contender struct {
	name    string
	measure func(ctx context.Context, w *world, d time.Duration) (float64, error)
}

// A row is an operation, our way to do it first. Of a rate, more is better; of a time, less.
type row struct {
	key, name  string
	time       bool // milliseconds, not operations a second
	contenders []contender
}

// errMissing says that a rival is not installed.
var errMissing = errors.New("is not installed")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		rounds   = flags.Int("rounds", 5, "how often each contender is measured")
		duration = flags.Duration("time", time.Second, "for how long each time")
		only     = flags.String("run", "", "a regular expression: only operations whose names it matches")
		backlog  = flags.Int("backlog", 0, "how many items wait in the rows about a backlog; 0 leaves them out")
		dir      = flags.String("dir", "", "where the servers keep their data (default: a temporary directory)")
		python   = flags.String("python", "python3,/usr/bin/python3", "commands of Python, of which the first that has celery and redis is taken")
		quick    = flags.Bool("quick", false, "1 round of 20ms, and a backlog of 2000: to see that all works")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		*rounds, *duration, *backlog = 1, 20*time.Millisecond, 2000
	}
	if *rounds < 1 || *duration <= 0 || *backlog < 0 {
		return fmt.Errorf("%d rounds of %v with a backlog of %d measure nothing", *rounds, *duration, *backlog)
	}
	matches, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	w, err := newWorld(*dir, *python, *backlog)
	if err != nil {
		return err
	}
	defer w.close()

	fmt.Fprintf(stdout, "%s, %s/%s, %d CPUs, etcd %s; %d rounds of %v.\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), etcdVersion(), *rounds, *duration)
	fmt.Fprint(stdout, "| operation | here | rival | its | ratio | quartiles |\n|---|--:|---|--:|--:|---|\n")
	missing := map[string]error{}
	for _, r := range rows {
		if !matches.MatchString(r.name) && !matches.MatchString(r.key) || r.key == "backlog" && *backlog == 0 {
			continue
		}
		all := make([][]float64, len(r.contenders))
		for range *rounds {
			for i, c := range r.contenders {
				n, err := c.measure(ctx, w, *duration)
				if errors.Is(err, errMissing) {
					missing[c.name] = err
					continue
				}
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, c.name, err)
				}
				all[i] = append(all[i], n)
			}
		}
		r.print(stdout, all)
	}
	if len(missing) > 0 {
		fmt.Fprintln(stdout)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range missing {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(stdout, "%s is left out: %v.\n", name, missing[name])
	}
	return nil
}

// print prints a line for each rival.
func (r row) print(w io.Writer, all [][]float64) {
	name, ours := r.name, r.number(middle(all[0], 0.5))
	printed := false
	for i, c := range r.contenders[1:] {
		theirs := all[i+1]
		if len(theirs) == 0 {
			continue
		}
		var ratios []float64
		for j, n := range theirs {
			if r.time {
				ratios = append(ratios, all[0][j]/n)
			} else {
				ratios = append(ratios, n/all[0][j])
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.2f | %.2f–%.2f |\n", name, ours, c.name, r.number(middle(theirs, 0.5)), middle(ratios, 0.5), middle(ratios, 0.25), middle(ratios, 0.75))
		name, ours, printed = "", "", true // said once
	}
	if !printed {
		fmt.Fprintf(w, "| %s | %s | | | | |\n", name, ours)
	}
}

func (r row) number(x float64) string {
	if r.time {
		return fmt.Sprintf("%.2f ms", x)
	}
	return fmt.Sprintf("%.0f/s", x)
}

// middle returns a quantile.
func middle(xs []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[int(float64(len(sorted)-1)*p+0.5)]
}
