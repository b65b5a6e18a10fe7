// Command sleepers lets two functions wait at the same time: the one that is called second has waited first.
// It is a port of this Python program:
//
//	def func1():
//	    print("func1 begins, and waits")
//	    gevent.sleep(2)
//	    print("func1 goes on")
//
//	def func2():
//	    print("func2 begins, and waits")
//	    gevent.sleep(1)
//	    print("func2 goes on")
//
//	gevent.joinall([gevent.spawn(func1), gevent.spawn(func2)])
//
// The differences that matter:
//
//   - Every call of Go that waits lets others run: files, sockets, locks and time. There is nothing to patch, and a
//     library that knows nothing of this does not hold up the program, as it does under gevent.
//   - An error or panic of a function comes back from Gather. Python's joinall says nothing of it, unless raise_error is set.
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
	Name: "sleepers",
	Does: "Two functions wait at the same time, for one second and for two.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	began := time.Now()
	say := func(what string) {
		fmt.Fprintf(out, "%.0f s: %s\n", float64(time.Since(began))/float64(second), what)
	}
	func1 := func(ctx context.Context) error {
		say("func1 begins, and waits")
		if err := thread.SleepContext(ctx, 2*second); err != nil {
			return err
		}
		say("func1 goes on")
		return nil
	}
	func2 := func(ctx context.Context) error {
		say("func2 begins, and waits")
		if err := thread.SleepContext(ctx, second); err != nil {
			return err
		}
		say("func2 goes on")
		return nil
	}
	_, err := pool.Gather(pool.Spawn(pool.Do(func1)), pool.Spawn(pool.Do(func2)))
	say("both have ended")
	return err
}
