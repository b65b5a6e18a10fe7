// Package demo runs the example programs: the flags that they share, one clear line and an exit code for a mistake, and
// output in which the lines of several threads do not mix.
package demo

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A Program is one example.
type Program struct {
	Name  string
	Does  string                  // one line for -help
	Run   Run                     // nil if there are Flags
	Flags func(*flag.FlagSet) Run // adds flags of its own, and returns what runs with their values
}

// A Run is what a program does. It writes to the one, and waits in units of the
// other, its second.
type Run func(io.Writer, time.Duration) error

// The exit codes.
const (
	done       = 0
	failed     = 1
	wrongUsage = 2
)

// Main runs the program as the process.
func (p Program) Main() { os.Exit(p.Start(os.Args[1:], os.Stdout, os.Stderr)) }

// Start runs the program and returns its exit code.
func (p Program) Start(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	fast := flags.Bool("fast", false, "shorten the waits: fifty seconds pass in one")
	run := p.Run
	if p.Flags != nil {
		run = p.Flags(flags)
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "usage: %s [flags]\n\n%s\n\n", p.Name, p.Does)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return done
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fallthrough
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v; -help shows the flags\n", p.Name, err)
		return wrongUsage
	}
	second := time.Second
	if *fast {
		second /= 50
	}
	if err := run(&writer{out: stdout}, second); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		if errors.As(err, new(badInput)) {
			return wrongUsage
		}
		return failed
	}
	return done
}

// BadInput is the error of a flag whose value will not do: the exit code is 2.
func BadInput(format string, args ...any) error { return badInput{fmt.Errorf(format, args...)} }

type badInput struct{ error }

func (e badInput) Unwrap() error { return e.error }

// A writer passes on one write at a time.
type writer struct {
	guard sync.Mutex
	out   io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.out.Write(p)
}
