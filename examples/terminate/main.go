// Command terminate ends a pool of five workers while the second five of fifteen tasks are running. It prints what
// became of each. It is a port of this Python program:
//
//	def f(i):
//	    print(i, "begins")
//	    time.sleep(5)
//	    print(i, "is done")
//
//	pool = Pool(5)
//	for i in range(15):
//	    pool.apply_async(func=f, args=(i,))
//	print("end")
//	pool.close()
//	time.sleep(2)
//	pool.terminate()                              # commented out in some versions: then all fifteen are done
//	pool.join()
//
// The differences that matter:
//
//   - Python's Pool kills the processes of running tasks; its ThreadPool cannot, and neither can Go. Terminate ends
//     the context of a running task, with ErrTerminated as its cause, and a task that looks at it stops early. One that
//     does not (-deaf) runs to its end, and Join waits for it.
//   - What becomes of a task that was not done is a question that the original cannot ask: after terminate() its
//     results never become ready, and get() waits for ever. Here every Result resolves: the tasks that were not
//     started with ErrTerminated, the others with what they return.
//   - Leaving the with block of a Pool is a terminate(), and what is queued is lost. Nothing does that unasked here:
//     Shutdown is close() and join(), Terminate says what it does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct {
	tasks, workers  int
	terminate, deaf bool
}

var program = demo.Program{
	Name: "terminate",
	Does: "Terminates a pool while tasks of one second each are running, and tells what became of them.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.tasks, "tasks", 15, "how many `tasks` there are")
		f.IntVar(&o.workers, "workers", 5, "how many `workers` the pool has")
		f.BoolVar(&o.terminate, "terminate", true, "terminate the pool after a second and a half")
		f.BoolVar(&o.deaf, "deaf", false, "let the tasks not look at their context")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.tasks < 0 || o.workers < 1 {
		return demo.BadInput("-tasks %d -workers %d: want at least no task and one worker", o.tasks, o.workers)
	}
	began := time.Now()
	elapsed := func() float64 { return float64(time.Since(began)) / float64(second) }

	task := func(ctx context.Context, i int) (string, error) {
		fmt.Fprintf(out, "task %d begins after %.1f s\n", i, elapsed())
		if o.deaf {
			time.Sleep(second)
			return fmt.Sprintf("done after %.1f s", elapsed()), nil
		}
		select {
		case <-time.After(second):
			return fmt.Sprintf("done after %.1f s", elapsed()), nil
		case <-ctx.Done():
			return "", fmt.Errorf("interrupted after %.1f s: %w", elapsed(), context.Cause(ctx))
		}
	}

	p := pool.New(o.workers)
	var results []*pool.Result[string]
	for i := range o.tasks {
		results = append(results, pool.ApplyAsync(p, pool.Bind(task, i)))
	}
	p.Close()
	time.Sleep(second * 3 / 2)
	if o.terminate {
		p.Terminate() // returns at once
		fmt.Fprintf(out, "terminated after %.1f s\n", elapsed())
	}
	p.Join()
	fmt.Fprintf(out, "joined after %.1f s\n", elapsed())

	done, interrupted, dropped := 0, 0, 0
	for i, r := range results {
		what, err := r.Get() // never waits: after Join each is ready
		switch {
		case err == nil:
			done++
			fmt.Fprintf(out, "task %d: %s\n", i, what)
		case err == pool.ErrTerminated: // the pool's own word; the tasks wrap it
			dropped++
			fmt.Fprintf(out, "task %d: never started: %v\n", i, err)
		case errors.Is(err, pool.ErrTerminated):
			interrupted++
			fmt.Fprintf(out, "task %d: %v\n", i, err)
		default:
			return err
		}
	}
	fmt.Fprintf(out, "%d tasks: %d done, %d interrupted, %d never started\n", o.tasks, done, interrupted, dropped)
	return nil
}
