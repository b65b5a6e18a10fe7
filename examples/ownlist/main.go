// Command ownlist shows what processes do not share: each has variables of its own.
// It is a port of this Python program:
//
//	li = []
//	def foo(i):
//	    li.append(i)
//	    print('say hi', li)
//
//	for i in range(10):
//	    Process(target=foo, args=(i,)).start()
//	print('ending', li)                            # []
//
// The differences that matter:
//
//   - A child begins with the variables as they are initialized, not as they were in its parent. Python's depend on how it
//     starts processes.
//   - What is to be shared is made by NewValue, NewArray, NewQueue and their like, and handed over.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
)

// The options are what the flags say.
type options struct{ children int }

var program = demo.Program{
	Name: "ownlist",
	Does: "Shows that processes have variables of their own.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.children, "children", 10, "how many `processes` there are")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

var list = []int{}

type item struct {
	Number int
	All    *process.Queue[int]
}

var add = process.Register(func(_ context.Context, it item) (struct{}, error) {
	list = append(list, it.Number)
	fmt.Println("say hi", list)
	return struct{}{}, it.All.Put(it.Number)
})

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.children < 0 {
		return demo.BadInput("-children %d: want 0 or more", o.children)
	}
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	all := process.NewQueue[int](0)
	for i := range o.children {
		p, err := process.Go(add, item{i, all}, process.Stdout(file))
		if err != nil {
			return err
		}
		p.Join()
	}
	fmt.Fprintln(file, "ending", list, "and what was shared", all.Drain())
	return nil
}
