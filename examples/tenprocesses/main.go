// Command tenprocesses starts ten processes, which say hello at the same time, and then ten one after the other.
// It is a port of this Python program:
//
//	def f(name):
//	    time.sleep(2)
//	    print('hello', name)
//
//	if __name__ == '__main__':
//	    ps = [Process(target=f, args=(i,)) for i in range(10)]
//	    for p in ps: p.start()
//	    for p in ps: p.join()                      # two seconds
//	    print('--- main ---')
//	    for i in range(10):
//	        p = Process(target=f, args=('bob',))
//	        p.start(); p.join()                    # twenty seconds
//
// The differences that matter:
//
//   - process.Init, first in main, stands for the if that guards __main__. Without it Start panics with a line that says
//     so; Python starts the whole program again in each child.
//   - The function is registered: a child finds it by its name. A closure over local variables would be another function
//     there, and is not possible in Python either.
//   - start() and join() in one loop take turns, whatever is said about it elsewhere.
//   - Goroutines use all processors, too, and cost a thousandth of that. A process is for what must be apart from the rest.
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
)

// The options are what the flags say.
type options struct{ children int }

var program = demo.Program{
	Name: "tenprocesses",
	Does: "Starts ten processes at once, and then one after the other.",
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

// A greeting is the argument of hello.
type greeting struct {
	Name string
	Wait time.Duration
}

var hello = process.Register(func(_ context.Context, g greeting) (struct{}, error) {
	time.Sleep(g.Wait)
	_, err := fmt.Println("hello", g.Name)
	return struct{}{}, err
})

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.children < 1 {
		return demo.BadInput("-children %d: want 1 or more", o.children)
	}
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	var ps []*process.Process[struct{}]
	for i := range o.children {
		p, err := process.Go(hello, greeting{fmt.Sprint(i), 2 * second}, process.Stdout(file))
		if err != nil {
			return err
		}
		ps = append(ps, p)
	}
	for _, p := range ps {
		p.Join()
		err = errors.Join(err, p.Err())
	}
	fmt.Fprintln(file, "--- main ---")
	for range o.children {
		p, err := process.Go(hello, greeting{"bob", 2 * second}, process.Stdout(file))
		if err != nil {
			return err
		}
		p.Join()
		if err := p.Err(); err != nil {
			return err
		}
	}
	return err
}
