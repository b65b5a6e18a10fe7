// Command lostupdate lets many threads take one from the same number, without a lock, which loses most of it, and
// with one.
// It is a port of two Python programs of this well-known shape:
//
//	num = 100
//	lock = threading.Lock()
//
//	def take_one():
//	    global num
//	    with lock:                               # the first program is without
//	        num -= 1
//
//	for i in range(100):
//	    t = threading.Thread(target=take_one)
//	    ...                                      # start and collect
//	...                                          # join all
//	print("final num:", num)
//
// The differences that matter:
//
//   - num -= 1 is three steps: read, subtract, write. Whoever reads before another writes undoes that one's step.
//     Here the thread pauses between reading and writing, so that the loss shows every time and not once in a while.
//   - That it "always comes out right on Python 3" is luck: the interpreter switches threads seldom. Go's threads run
//     in parallel, and lose updates at once.
//   - In Go, num-- by several goroutines without a lock is a data race: its result may be anything, and go test -race
//     and go run -race report it. This program reads and writes an atomic number, so that it has no data race and
//     still loses updates: atomic steps do not make an atomic whole.
//   - For a mere counter, the Add method of atomic.Int64 is one step and needs no lock.
//   - lock.Lock, from this module, adds timeouts and contexts; where nobody gives up, a sync.Mutex does.
package main

import (
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "lostupdate",
	Does: "Lets threads count a number down to 0, without a lock and with one.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.threads, "threads", 100, "how `many` threads take one from the number")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ threads int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.threads < 1 || o.threads > 1000 {
		return demo.BadInput("-threads %d: want 1 to 1000", o.threads)
	}
	pause := second / 50
	var (
		num  atomic.Int64 // the original's global variable, which all threads change
		lock threading.Lock
	)
	takeOne := func() {
		read := num.Load()
		time.Sleep(pause) // here others read the same
		num.Store(read - 1)
	}
	num.Store(int64(o.threads))
	o.inThreads(takeOne)
	fmt.Fprintf(out, "without a lock %d are left of %d, 0 expected\n", num.Load(), o.threads)

	num.Store(int64(o.threads))
	o.inThreads(func() {
		lock.Lock()
		defer lock.Unlock()
		takeOne()
	})
	fmt.Fprintf(out, "with a lock %d are left of %d, 0 expected\n", num.Load(), o.threads)
	return nil
}

// inThreads runs f in all the threads at once and joins them.
func (o *options) inThreads(f func()) {
	var started []*threading.Thread
	for range o.threads {
		t := threading.NewThread(f)
		t.Start()
		started = append(started, t)
	}
	for _, t := range started {
		t.Join()
	}
}
