// Command join shows what joining threads changes: what the time since the start means, and what is printed first.
// It is a port of two Python programs of this well-known shape:
//
//	began, threads = time.time(), []
//	for i in range(50):
//	    t = threading.Thread(target=time.sleep, args=(2,))
//	    t.start()
//	    threads.append(t)
//	for t in threads:
//	    t.join()                                 # without this: cost 0.0
//	print("cost:", time.time() - began)
//
//	def show(i):
//	    time.sleep(0.2)
//	    print(i)
//
//	for i in range(5):
//	    t = threading.Thread(target=show, args=(i,))
//	    t.start()
//	    # t.join()
//	print(999)
//
// The differences that matter:
//
//   - A Python program that does not join still waits for its threads, when it exits. A Go program does not: what was
//     not joined is cut off, unless main runs in thread.Main.
//   - A join right after the start, inside the loop, makes the threads run one after the other. Collect them first.
//   - The order in which threads that run at the same time print is anybody's guess, in Python, too.
//   - Join may be called by several goroutines, and again. What became of the thread is Err's to say.
//   - Where threads need no names, a sync.WaitGroup, whose Go method starts and counts, is less to write.
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "join",
	Does: "Starts many threads that sleep for two seconds, and five that print, with and without joining them.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.threads, "threads", 50, "how `many` threads sleep")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ threads int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.threads < 1 || o.threads > 10000 {
		return demo.BadInput("-threads %d: want 1 to 10000", o.threads)
	}

	began := time.Now()
	cost := func() string {
		return fmt.Sprintf("%d threads alive, cost %.1f s",
			threading.ActiveCount()-1, float64(time.Since(began))/float64(second)) // ActiveCount counts main
	}
	var sleepers []*threading.Thread
	for range o.threads {
		t := threading.NewThread(func() { time.Sleep(2 * second) })
		t.Start()
		sleepers = append(sleepers, t)
	}
	fmt.Fprintln(out, "before the joins:", cost())
	joinAll(sleepers)
	fmt.Fprintln(out, "after the joins:", cost())

	show := func(i int) *threading.Thread {
		t := threading.NewThread(func() {
			time.Sleep(second / 5)
			fmt.Fprintln(out, i)
		})
		t.Start()
		return t
	}

	fmt.Fprintln(out, "no join before 999:")
	var shows []*threading.Thread
	for i := range 5 {
		shows = append(shows, show(i))
	}
	fmt.Fprintln(out, 999)
	joinAll(shows) // Python would do this at exit

	fmt.Fprintln(out, "joins after the loop:")
	shows = nil
	for i := range 5 {
		shows = append(shows, show(i))
	}
	joinAll(shows)
	fmt.Fprintln(out, 999)

	fmt.Fprintln(out, "a join in each round of the loop:")
	began = time.Now()
	for i := range 5 {
		show(i).Join()
	}
	fmt.Fprintln(out, 999)
	fmt.Fprintln(out, "in the end:", cost())
	return nil
}

func joinAll(threads []*threading.Thread) {
	for _, t := range threads {
		t.Join()
	}
}
