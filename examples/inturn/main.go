// Command inturn lets three tasks count side by side, each making way for the others after every step.
// It is a port of this Python program:
//
//	def count(n):
//	    for i in range(n):
//	        print(gevent.getcurrent().name, i)
//	        gevent.sleep(1)
//
//	tasks = [gevent.spawn(count, 3) for _ in range(3)]
//	gevent.joinall(tasks)
//
// The differences that matter:
//
//   - gevent.spawn is pool.Spawn, and joinall pool.Gather, which also returns what the tasks returned and every error.
//   - A greenlet of gevent goes on until it waits. These tasks are threads, and run at the same time. So who of the three is
//     first in a round is not decided; that nobody is a round ahead is, by the sleep. For a strict order there are
//     greenlets, see handover, or a channel.
//   - gevent.sleep is thread.SleepContext: it ends early when the Result is cancelled. In a task that nobody cancels,
//     time.Sleep does as well.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

const steps = 3

var program = demo.Program{
	Name: "inturn",
	Does: "Three tasks count side by side.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	count := func(ctx context.Context, name string) (int, error) {
		for i := range steps {
			fmt.Fprintln(out, name, i)
			if err := thread.SleepContext(ctx, second); err != nil {
				return i, err
			}
		}
		return steps, nil
	}
	var tasks []*pool.Result[int]
	for _, name := range []string{"first", "second", "third"} {
		tasks = append(tasks, pool.Spawn(pool.Bind(count, name)))
	}
	counts, err := pool.Gather(tasks...)
	fmt.Fprintln(out, "counted to", counts)
	return err
}
