// Command callbacks lets five workers do ten tasks and has a function told of each result. Then it does the same one
// task after the other. It is a port of this Python program:
//
//	def add(i):
//	    time.sleep(2)
//	    return i + 100
//
//	def tell(arg):
//	    print("done:", arg)
//
//	pool = Pool(5)
//	for i in range(10):
//	    pool.apply_async(func=add, args=(i,), callback=tell)
//	    # pool.apply(func=add, args=(i,))         # the other way: waits for each
//	print("end")
//	pool.close()
//	pool.join()
//
// The differences that matter:
//
//   - "end" comes first here too: ApplyAsync waits for nothing. What waits is Join, for the callbacks as well.
//   - The original never looks at its results. A task that raises is then not noticed by anybody, unless there is an
//     error_callback. Here one callback hears of both: of the value and of the error.
//   - Python calls callbacks one after the other, in a thread of its own; one that raises kills that thread, and then
//     every later get() and join() hangs. Here each runs in the worker of its task, so what callbacks share needs a
//     lock; one that panics is reported to the except hook, and the pool goes on.
//   - Arguments are what a function captures. Bind does the same for a function that is there already.
//   - The pool is threads and not processes: what Python needs processes for, using all processors, threads do in Go.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct{ tasks, workers, fail int }

var program = demo.Program{
	Name: "callbacks",
	Does: "Runs tasks of half a second in a pool, with a callback for each, and then one after the other.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.tasks, "tasks", 10, "how many `tasks` there are")
		f.IntVar(&o.workers, "workers", 5, "how many `workers` the pool has")
		f.IntVar(&o.fail, "fail", -1, "the `number` of a task that fails")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.tasks < 1 || o.workers < 1 {
		return demo.BadInput("-tasks %d -workers %d: want at least one of each", o.tasks, o.workers)
	}
	began := time.Now()
	elapsed := func() float64 { return float64(time.Since(began)) / float64(second) }
	add := func(_ context.Context, i int) (int, error) {
		time.Sleep(second / 2)
		if i == o.fail {
			return 0, fmt.Errorf("task %d fails, as asked", i)
		}
		return i + 100, nil
	}

	var (
		guard threading.Lock // of the two below: callbacks of several workers may run at once
		told  int
		sum   int
	)
	p := pool.New(o.workers)
	for i := range o.tasks {
		pool.ApplyAsync(p, pool.Bind(add, i), pool.Callback(func(n int, err error) {
			if err != nil {
				fmt.Fprintf(out, "failed after %.1f s: %v\n", elapsed(), err)
			} else {
				fmt.Fprintf(out, "done after %.1f s: %d\n", elapsed(), n)
			}
			guard.Lock()
			defer guard.Unlock()
			told++
			sum += n
		}))
	}
	fmt.Fprintln(out, "end")
	p.Shutdown() // close and join: when it returns, every callback has
	fmt.Fprintf(out, "%d of %d callbacks, the sum is %d\n\n", told, o.tasks, sum)

	// A closed pool takes nothing more, so this is another. Apply waits, so no two of its tasks ever run together.
	q := pool.New(o.workers)
	defer q.Shutdown()
	began = time.Now()
	rounds := min(o.tasks, o.workers)
	for i := range rounds {
		n, err := pool.Apply(q, pool.Bind(add, i))
		fmt.Fprintf(out, "apply after %.1f s: %d, %v\n", elapsed(), n, err)
	}
	fmt.Fprintf(out, "one after the other: %d tasks take %.1f s\n\n", rounds, elapsed())

	// Apply is ApplyAsync and a Get.
	n, err := pool.Apply(q, pool.Bind(add, 1))
	m, err2 := pool.ApplyAsync(q, pool.Bind(add, 1)).Get()
	same := n == m && (err == nil) == (err2 == nil)
	fmt.Fprintf(out, "apply(1) gives %d, apply_async(1).get() gives %d, the same: %t\n", n, m, same)
	return nil
}
