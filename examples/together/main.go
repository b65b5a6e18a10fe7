// Command together does nine tasks one after the other, which takes 4.5 seconds, and then ten at the same time, in half a second.
// It is a port of this Python program:
//
//	def task(pid):
//	    gevent.sleep(0.5)
//	    print("task", pid, "done")
//
//	def synchronous():
//	    for i in range(1, 10):
//	        task(i)
//
//	def asynchronous():
//	    gevent.joinall([gevent.spawn(task, i) for i in range(10)])
//
//	synchronous()
//	asynchronous()
//
// The differences that matter:
//
//   - Each task of the second part is a thread: a goroutine with a name. Ten or ten thousand of them are no matter; where
//     they compute, and do not wait, a pool.Pool with as many workers as processors is better.
//   - The tasks of the second part end in any order. What they return is in order all the same: Gather sees to it.
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

var program = demo.Program{
	Name: "together",
	Does: "Tasks one after the other, and then at the same time.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	task := func(ctx context.Context, pid int) (int, error) {
		if err := thread.SleepContext(ctx, second/2); err != nil {
			return 0, err
		}
		fmt.Fprintln(out, "task", pid, "done")
		return pid, nil
	}
	took := func(what string, f func() error) error {
		began := time.Now()
		err := f()
		fmt.Fprintf(out, "%s: %.1f s\n", what, float64(time.Since(began))/float64(second))
		return err
	}
	err := took("one after the other", func() error {
		for pid := 1; pid < 10; pid++ {
			if _, err := task(context.Background(), pid); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return took("at the same time", func() error {
		var tasks []*pool.Result[int]
		for pid := range 10 {
			tasks = append(tasks, pool.Spawn(pool.Bind(task, pid)))
		}
		pids, err := pool.Gather(tasks...)
		fmt.Fprintln(out, "the results, in order:", pids)
		return err
	})
}
