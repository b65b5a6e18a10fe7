// Command squad gives tasks to a pool of processes, with callbacks, and ends it in the three ways there are.
// It is a port of this Python program:
//
//	def Foo(i):
//	    time.sleep(2)
//	    return i + 100
//
//	def Bar(arg): print('-->exec done:', arg)
//
//	if __name__ == '__main__':
//	    pool = Pool(5)
//	    for i in range(10):
//	        pool.apply_async(func=Foo, args=(i,), callback=Bar)
//	    print('end')
//	    pool.close()
//	    pool.join()                                # or terminate()
//
// The differences that matter:
//
//   - Callbacks run in the parent, as in Python, but one that is slow or panics holds up no other.
//   - A worker that dies, in os.Exit for instance, leaves its task without an end in Python, and join() waits forever. Here
//     that task fails with an *ExitError, and no other task knows of it.
//   - After terminate() Python's results are never ready. Here each has its reason.
//   - A task that is running can be ended: when its context ends, its process is killed, and replaced.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

// The options are what the flags say.
type options struct{ tasks, workers int }

var program = demo.Program{
	Name: "squad",
	Does: "Gives tasks to a pool of processes, with callbacks.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.tasks, "tasks", 10, "how many `tasks` there are")
		f.IntVar(&o.workers, "workers", 5, "how many `processes` the pool has")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

// A job is the argument of a task; that of number 3 ends its process.
type job struct {
	Number int
	Takes  time.Duration
}

var (
	greeting string

	initialize = process.Register(pool.Plain(func(s string) struct{} { greeting = s; return struct{}{} }))
	work       = process.Register(func(_ context.Context, j job) (string, error) {
		time.Sleep(j.Takes)
		if j.Number == 3 {
			os.Exit(7)
		}
		return fmt.Sprint(greeting, " ", j.Number+100), nil
	})
)

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.tasks < 0 || o.workers < 1 {
		return demo.BadInput("-tasks %d -workers %d: want none or more, and at least one worker", o.tasks, o.workers)
	}
	p := process.NewPool(o.workers, process.Initializer(initialize, "Foo"))
	for i := range o.tasks {
		pool.ApplyAsync(p.Pool, pool.Bind(work.On(p), job{i, 2 * second}), pool.Callback(func(v string, err error) {
			var exit *process.ExitError
			if errors.As(err, &exit) {
				fmt.Fprintf(out, "-->task %d ended its process, with code %d\n", i, exit.Code)
			} else {
				fmt.Fprintln(out, "-->exec done:", v, err)
			}
		}))
	}
	fmt.Fprintln(out, "end")
	p.Close()
	p.Join()

	// Terminate: what has not begun never will.
	p = process.NewPool(o.workers)
	slow := pool.MapAsync(p.Pool, work.On(p), []job{{0, time.Hour}, {1, time.Hour}})
	p.Terminate()
	_, err := slow.Get()
	fmt.Fprintln(out, "terminated:", errors.Is(err, pool.ErrTerminated))
	p.Join()

	// A deadline for one task, whatever it does.
	p = process.NewPool(o.workers)
	defer p.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), second)
	defer cancel()
	_, err = pool.Apply(p.WithContext(ctx), pool.Bind(work.On(p), job{0, time.Hour}))
	fmt.Fprintln(out, "out of time:", errors.Is(err, context.DeadlineExceeded))
	return nil
}
