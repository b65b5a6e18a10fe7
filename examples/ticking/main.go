// Command ticking runs a clock in a process of its own, and ends it from outside.
// It is a port of this Python program:
//
//	class ClockProcess(Process):
//	    def __init__(self, interval):
//	        super().__init__()
//	        self.interval = interval
//	    def run(self):
//	        while True:
//	            print('The time is', time.ctime())
//	            time.sleep(self.interval)
//
//	p = ClockProcess(5)
//	p.start()
//
// The differences that matter:
//
//   - A function and its argument stand for the class: what __init__ keeps is the argument, and run is the function.
//   - The program of the original never ends. Here Terminate ends the clock: its context ends, it says goodbye, and the
//     process ends by SIGTERM, as Python's would at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/thread"
)

// The options are what the flags say.
type options struct{ ticks int }

var program = demo.Program{
	Name: "ticking",
	Does: "Runs a clock in a process of its own, and ends it.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.ticks, "ticks", 3, "after how many `ticks` the clock is ended")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

type clock struct {
	Interval time.Duration
	Ticked   *process.Semaphore
}

var tick = process.Register(func(ctx context.Context, c clock) (struct{}, error) {
	for {
		fmt.Println("The time is", time.Now().Format(time.TimeOnly))
		c.Ticked.Release()
		if err := thread.SleepContext(ctx, c.Interval); errors.Is(err, process.ErrTerminated) {
			_, err := fmt.Println("The clock is ended")
			return struct{}{}, err
		}
	}
})

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.ticks < 1 {
		return demo.BadInput("-ticks %d: want 1 or more", o.ticks)
	}
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	c := clock{second, process.NewSemaphore(0)}
	p, err := process.Go(tick, c, process.Stdout(file), process.Grace(time.Minute))
	if err != nil {
		return err
	}
	c.Ticked.AcquireN(o.ticks)
	p.Terminate()
	p.Join()
	code, _ := p.ExitCode()
	_, err = fmt.Fprintln(file, "exit code", code)
	return err
}
