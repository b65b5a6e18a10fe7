// Command counters lets many short processes change numbers that they share: one Value, and an Array of which each has an
// element of its own.
// It is a port of these Python programs:
//
//	def foo(i, temp, lock):
//	    lock.acquire(); temp[0] += 1; lock.release()
//
//	lock, temp = RLock(), Array('i', [11, 22, 33, 44])
//	for i in range(5000):
//	    Process(target=foo, args=(i, temp, lock)).start()
//	print(temp[0])                                 # less than 5011: they are not done
//
//	def bar(i, arg):
//	    arg[i] = i + 100
//
// The differences that matter:
//
//   - v.value += 1 is two steps in Python, and loses counts without a lock. Add is one.
//   - The type is that of Go: there are no letters for it.
//   - This program waits for its processes, and has no more than -at-once of them.
//   - A process that dies while it adds has added, or has not.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

// The options are what the flags say.
type options struct{ processes, atOnce int }

var program = demo.Program{
	Name: "counters",
	Does: "Lets many short processes change numbers that they share.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.processes, "processes", 500, "how many `processes` there are")
		f.IntVar(&o.atOnce, "at-once", 8, "how many of them run at a `time`")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

// Shared is what all of them change.
type shared struct {
	Index  int
	Total  *process.Value[int]
	Places *process.Array[int]
}

var change = process.Register(func(_ context.Context, s shared) (struct{}, error) {
	process.Add(s.Total, 1)
	s.Places.Set(s.Index%s.Places.Len(), s.Index%s.Places.Len()+100)
	return struct{}{}, nil
})

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.processes < 1 || o.atOnce < 1 {
		return demo.BadInput("-processes %d -at-once %d: want at least one of each", o.processes, o.atOnce)
	}
	total, places := process.NewValue(11), process.NewArray[int](10)
	indexes := make([]int, o.processes)
	for i := range indexes {
		indexes[i] = i
	}
	// A pool of goroutines bounds how many processes there are.
	p := pool.New(o.atOnce)
	defer p.Shutdown()
	_, err := pool.Map(p, func(_ context.Context, i int) (struct{}, error) {
		child, err := process.Go(change, shared{i, total, places})
		if err != nil {
			return struct{}{}, err
		}
		child.Join()
		return struct{}{}, child.Err()
	}, indexes)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d ---> %d\n", o.processes-1, total.Get())
	for i, x := range places.All() {
		fmt.Fprintf(out, "%d -----> %d\n", i, x)
	}
	return nil
}
