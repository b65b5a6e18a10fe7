// Package again runs a program again, as another process that does one part of it: what Python's multiprocessing.Process
// does with a function.
package again

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// env tells a process that it is a child, and which part is its own.
const env = "THREADING_EXAMPLE_PART"

// Parts are what children do; arguments are what Start was given.
type Parts map[string]func(out io.Writer, args []string) error

// Play reports whether this process is a child, after it has done its part. It comes first in main, and in TestMain.
func (p Parts) Play() bool {
	name, rest, child := strings.Cut(os.Getenv(env), "\n")
	if !child {
		return false
	}
	part, known := p[name]
	err := fmt.Errorf("no part %q", name)
	if known {
		err = part(os.Stdout, strings.Split(rest, "\n"))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	return true
}

// A Process is a child.
type Process struct{ cmd *exec.Cmd }

// Start starts a child that does a part and writes to out.
func Start(out io.Writer, part string, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), env+"="+part+"\n"+strings.Join(args, "\n"))
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return &Process{cmd}, cmd.Start()
}

// Join waits until the child has ended, and returns an error if its part did.
func (p *Process) Join() error { return p.cmd.Wait() }
