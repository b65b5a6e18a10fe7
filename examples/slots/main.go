// Command slots runs ten tasks over five slots, with a home-made thread pool: a queue that holds the right to run.
// It is a port of this Python program:
//
//	class ThreadPool:
//	    def __init__(self, n):
//	        self.slots = Queue(n)
//	        for _ in range(n):
//	            self.slots.put(Thread)              # the class itself is the slot
//	    def get_thread(self):
//	        return self.slots.get()                 # waits while all are in use
//	    def add_thread(self):
//	        self.slots.put(Thread)
//
//	def task(i):
//	    print(i); time.sleep(1)
//	    pool.add_thread()
//
//	pool = ThreadPool(5)
//	for i in range(10):
//	    pool.get_thread()(target=task, args=(i,)).start()
//
// The differences that matter:
//
//   - A class in the queue says nothing that its place does not say. Here a slot is a number, so that one can see
//     which task has which. Without numbers this is a semaphore: Acquire before the start, Release at the end.
//   - The task of the original gives its slot back in its last line; one that raises has lost it, and after five of
//     those get_thread waits for ever. Here the slot goes back in a defer, which runs after a panic too.
//   - The original reaches its end while tasks run and leaves the waiting to the interpreter's exit. Go's exit does
//     not wait, so the threads are collected and joined.
//   - Neither is a pool in the strict sense: each task gets a thread of its own, and only their number is bounded.
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
)

// The options are what the flags say.
type options struct{ tasks, slots int }

var program = demo.Program{
	Name: "slots",
	Does: "Runs tasks of one second each in a home-made thread pool.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.tasks, "tasks", 10, "how many `tasks` there are")
		f.IntVar(&o.slots, "slots", 5, "how many `slots` the pool has")
		return o.run
	},
}

func main() { program.Main() }

// A pool lends out slots. Who has one may run a thread.
type pool struct {
	slots *queue.Queue[int]
}

func newPool(n int) pool {
	p := pool{queue.New[int](n)}
	for i := range n {
		p.slots.Put(i + 1)
	}
	return p
}

// start waits for a free slot and starts a thread that runs fn in it and gives it back.
func (p pool) start(fn func(slot int)) *threading.Thread {
	slot, _ := p.slots.Get() // an error would mean shut down, and nobody does that
	t := threading.NewThread(func() {
		defer p.slots.Put(slot)
		fn(slot)
	})
	t.Start()
	return t
}

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.tasks < 0 || o.slots < 1 {
		return demo.BadInput("-tasks %d -slots %d: want at least no task and one slot", o.tasks, o.slots)
	}
	began := time.Now()
	elapsed := func() float64 { return float64(time.Since(began)) / float64(second) }
	var (
		p       = newPool(o.slots)
		threads []*threading.Thread
		guard   threading.Lock // of the two below
		busy    int
		most    int
	)
	for i := range o.tasks {
		threads = append(threads, p.start(func(slot int) {
			guard.Lock()
			busy++
			most = max(most, busy)
			guard.Unlock()

			fmt.Fprintf(out, "task %d begins in slot %d after %.1f s\n", i, slot, elapsed())
			time.Sleep(second)
			fmt.Fprintf(out, "task %d is done\n", i)

			guard.Lock()
			busy--
			guard.Unlock()
		}))
	}
	for _, t := range threads {
		t.Join()
	}
	fmt.Fprintf(out, "%d tasks over %d slots: at most %d at once, all done after %.1f s\n",
		o.tasks, o.slots, most, elapsed())
	return nil
}
