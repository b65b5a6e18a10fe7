// Command tickets lets twenty threads put tickets into a queue while several sellers sell them, each ticket once.
// It is a port of this Python program:
//
//	q = queue.Queue(10)
//
//	def office(i):
//	    q.put("ticket %s" % i)              # waits while ten are unsold
//
//	def seller(name):
//	    while True:
//	        print(name, "sells", q.get())
//	        time.sleep(0.5)
//
//	for i in range(20):
//	    Thread(target=office, args=(i,)).start()
//	for name in ("Ann", "Bob", "Cid"):
//	    Thread(target=seller, args=(name,)).start()
//
// The differences that matter:
//
//   - The sellers of the original never learn that no more tickets come: they wait in get for ever, and so does the
//     interpreter, which waits for them. Here the offices are joined and the queue shut down; ranging over q.Tasks
//     ends when it is shut down and empty.
//   - Nothing says which seller gets which ticket. The queue serves those who wait in order of arrival, but who
//     arrives first is the scheduler's choice, in both languages.
//   - What the sellers count together needs a lock. Python's interpreter lock does not make "n += 1" one step either.
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

// The options are what the flags say.
type options struct{ offices, sellers int }

var program = demo.Program{
	Name: "tickets",
	Does: "Sells tickets that many threads put into one queue.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.offices, "offices", 20, "how many `threads` put a ticket each")
		f.IntVar(&o.sellers, "sellers", 3, "how many `threads` sell them")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.offices < 0 || o.sellers < 1 {
		return demo.BadInput("-offices %d -sellers %d: want at least no office and one seller", o.offices, o.sellers)
	}
	var (
		began = time.Now()
		q     = queue.New[int](10)
		guard threading.Lock // of sold
		sold  = map[int]int{}
	)
	var putting, selling []*threading.Thread
	for i := range o.offices {
		putting = append(putting, threading.NewThread(func() {
			q.Put(i) // fails only once the queue is shut down, and that waits for this thread
		}))
	}
	for i := range o.sellers {
		selling = append(selling, threading.NewThread(func() {
			mine := 0
			for ticket := range q.Tasks() {
				fmt.Fprintf(out, "%s sells ticket %d\n", threading.CurrentThread().Name(), ticket)
				time.Sleep(second / 2)
				guard.Lock()
				sold[ticket]++
				guard.Unlock()
				mine++
			}
			fmt.Fprintf(out, "%s has sold %d\n", threading.CurrentThread().Name(), mine)
		}, thread.Name(fmt.Sprintf("seller-%d", i+1))))
	}
	for _, t := range append(putting, selling...) {
		t.Start()
	}
	for _, t := range putting {
		t.Join()
	}
	q.Shutdown() // every ticket is in: what is inside is still sold
	for _, t := range selling {
		t.Join()
	}

	if len(sold) != o.offices {
		return fmt.Errorf("%d tickets put, but %d sold", o.offices, len(sold))
	}
	for ticket, times := range sold {
		if times != 1 {
			return fmt.Errorf("ticket %d was sold %d times", ticket, times)
		}
	}
	fmt.Fprintf(out, "%d tickets put, %d sold, none twice, after %.1f s\n",
		o.offices, len(sold), float64(time.Since(began))/float64(second))
	return nil
}
