// Command logfile lets processes write to one file, a line at a time, each made of several writes.
// It is a port of this Python program:
//
//	def worker_with(lock, path):
//	    with lock:
//	        with open(path, 'a+') as f:
//	            f.write('Lock acquired via with\n')
//
//	def worker_no_with(lock, path):
//	    lock.acquire()
//	    try: ...
//	    finally: lock.release()
//
// The differences that matter:
//
//   - defer l.Unlock() is the with block, and the try with its finally.
//   - A process that dies with the lock, killed for instance, leaves it locked forever in Python. Here the next one gets it,
//     and Abandoned tells it that the last line of the file may be half written: -kill shows it.
//   - A lock of processes protects anything, not only the screen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
)

// The options are what the flags say.
type options struct {
	writers int
	kill    bool
}

var program = demo.Program{
	Name: "logfile",
	Does: "Lets processes write to one file, a line at a time.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.writers, "writers", 5, "how many `processes` write")
		f.BoolVar(&o.kill, "kill", true, "kill one of them in the middle of its line")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

// An entry is what a process writes.
type entry struct {
	Path   string
	Name   string
	Lock   *process.Lock
	Middle *process.Event // set, if it is there, in the middle of the line: then the process waits to be killed
}

var write = process.Register(func(_ context.Context, e entry) (struct{}, error) {
	e.Lock.Lock()
	defer e.Lock.Unlock()
	f, err := os.OpenFile(e.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return struct{}{}, err
	}
	defer f.Close()
	if e.Lock.Abandoned() {
		if _, err := f.WriteString("... the rest of this line died with its process\n"); err != nil {
			return struct{}{}, err
		}
	}
	for i, part := range []string{e.Name, " wrote", " this", "\n"} {
		if i == 2 && e.Middle != nil {
			e.Middle.Set()
			select {}
		}
		if _, err := f.WriteString(part); err != nil {
			return struct{}{}, err
		}
	}
	return struct{}{}, nil
})

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.writers < 0 {
		return demo.BadInput("-writers %d: want 0 or more", o.writers)
	}
	dir, err := os.MkdirTemp("", "logfile")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e := entry{Path: filepath.Join(dir, "log"), Lock: process.NewLock()}
	if o.kill {
		victim := e
		victim.Name, victim.Middle = "the victim", process.NewEvent()
		p, err := process.Go(write, victim)
		if err != nil {
			return err
		}
		victim.Middle.Wait()
		p.Kill()
		p.Join()
	}
	var ps []*process.Process[struct{}]
	for i := range o.writers {
		e.Name = fmt.Sprint("process ", i)
		p, err := process.Go(write, e)
		if err != nil {
			return err
		}
		ps = append(ps, p)
	}
	for _, p := range ps {
		p.Join()
		err = errors.Join(err, p.Err())
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(e.Path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, err = out.Write(text)
	return err
}
