// Command steamer lets a cook send baozi to two guests who are generators: each eats what it is sent, and then waits.
// It is a port of this Python program:
//
//	def consumer(name):
//	    print(name, "is ready to eat baozi")
//	    while True:
//	        bun = yield
//	        print(name, "is eating baozi", bun)
//
//	def producer():
//	    con1.__next__()
//	    con2.__next__()
//	    for n in range(1, 6):
//	        print("the cook has made baozi", n)
//	        con1.send(n)
//	        con2.send(n)
//
//	con1, con2 = consumer("A"), consumer("B")
//	producer()
//
// The differences that matter:
//
//   - A generator has types: it is sent an int, and yields nothing, which is struct{}.
//   - A yield that is never left hangs: Python's collector throws GeneratorExit into it at some time. Here the cook
//     closes the generators, and the guests hear of it and pay.
//   - There is one flow of control, as in Python: while a guest eats, the cook waits. For guests who eat at the same time
//     there are threads and a queue; see baozi.
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "steamer",
	Does: "A cook sends baozi to two guests who are generators.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.rounds, "baozi", 5, "the `number` that each guest gets")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ rounds int }

func main() { program.Main() }

// A guest is sent baozi, by number.
type guest = coroutine.Generator[int, struct{}]

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.rounds < 0 || o.rounds > 1000 {
		return demo.BadInput("-baozi %d: want 0 to 1000", o.rounds)
	}
	consumer := func(name string) *guest {
		return coroutine.New(func(yield coroutine.Yield[int, struct{}]) error {
			fmt.Fprintln(out, name, "is ready to eat baozi")
			eaten := 0
			for {
				bun, err := yield(struct{}{})
				if err != nil {
					fmt.Fprintln(out, name, "pays for", eaten)
					return err
				}
				fmt.Fprintln(out, name, "is eating baozi", bun)
				eaten++
			}
		})
	}
	guests := []*guest{consumer("A"), consumer("B")}
	for _, g := range guests {
		defer g.Close() // should the cook give up; a second Close does nothing
	}
	return cook(out, guests, o.rounds)
}

func cook(out io.Writer, guests []*guest, rounds int) error {
	for _, g := range guests { // to their first yield
		if _, err := g.Next(); err != nil {
			return err
		}
	}
	for n := range rounds {
		fmt.Fprintln(out, "the cook has made baozi", n+1)
		for _, g := range guests {
			if _, err := g.Send(n + 1); err != nil {
				return err
			}
		}
	}
	for _, g := range guests {
		if err := g.Close(); err != nil {
			return err
		}
	}
	return nil
}
