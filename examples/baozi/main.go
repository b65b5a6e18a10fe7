// Command baozi lets a cook and a guest meet at a queue at random moments, for twenty rounds each.
// It is a port of this Python program:
//
//	q = queue.Queue()
//
//	def cook(name):
//	    for n in range(20):
//	        time.sleep(random.randrange(3))
//	        q.put(n); print(name, "has made baozi", n)
//
//	def guest(name):
//	    for n in range(20):
//	        time.sleep(random.randrange(4))
//	        if not q.empty():
//	            print(name, "has eaten baozi", q.get())
//	        else:
//	            print("no baozi")
//
//	Thread(target=cook, args=("A",)).start()
//	Thread(target=guest, args=("B",)).start()
//
// The differences that matter:
//
//   - To ask q.empty() and then q.get() is two steps. With a second guest the last baozi may go between them, and get
//     waits for ever. TryGet is one step: an item, or ErrEmpty. (In Python: get_nowait and except Empty.)
//   - The guest counts looks, not baozi, so that some may be left over; the original does not tell. Here they are
//     counted, and what was made is what was eaten and what is left.
//   - A rand.Rand is not for several threads at once, unlike Python's random: each thread has its own. With the same
//     seed each makes the same pauses; who meets whom still depends on the clock when two moments are close.
//   - The pauses are a tenth of the original's, and any number of nanoseconds instead of whole seconds.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
)

const rounds = 20

// The options are what the flags say. With the default there are looks in vain and baozi left over.
type options struct{ seed uint64 }

var program = demo.Program{
	Name: "baozi",
	Does: "A cook puts baozi into a queue and a guest looks for them, both at random moments.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.Uint64Var(&o.seed, "seed", 4, "the `number` that the pauses come from")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	var (
		q     queue.Queue[int]
		eaten int
	)
	cook := threading.NewThread(func() {
		pause := o.pauses(1, 3*second/10)
		for n := range rounds {
			time.Sleep(pause())
			fmt.Fprintf(out, "A has made baozi %d\n", n) // first said, then put: nobody eats what is not yet announced
			q.Put(n)
		}
	})
	guest := threading.NewThread(func() {
		pause := o.pauses(2, 4*second/10)
		for range rounds {
			time.Sleep(pause())
			n, err := q.TryGet()
			if err != nil {
				fmt.Fprintln(out, "no baozi")
				continue
			}
			fmt.Fprintf(out, "B has eaten baozi %d\n", n)
			eaten++ // looked at by nobody else before the guest is joined
		}
	})
	cook.Start()
	guest.Start()
	cook.Join()
	guest.Join()

	left := q.Drain()
	if eaten+len(left) != rounds {
		return fmt.Errorf("%d baozi made, but %d eaten and %d left", rounds, eaten, len(left))
	}
	fmt.Fprintf(out, "%d baozi made, %d eaten, %d left, none lost\n", rounds, eaten, len(left))
	return nil
}

// pauses returns a source of random pauses shorter than limit. Each stream of one seed is different.
func (o *options) pauses(stream uint64, limit time.Duration) func() time.Duration {
	r := rand.New(rand.NewPCG(o.seed, stream))
	return func() time.Duration { return time.Duration(r.Int64N(int64(limit))) }
}
