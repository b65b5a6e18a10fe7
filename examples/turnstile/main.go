// Command turnstile lets only so many threads be inside at once, and counts them to prove it.
// It is a port of a Python program of this well-known shape, here for 5 of 20 threads and there for 2 of 5:
//
//	gate = threading.BoundedSemaphore(5)
//
//	def visit(n):
//	    gate.acquire()
//	    time.sleep(1)
//	    print("visitor", n)
//	    gate.release()
//
//	for i in range(20):
//	    threading.Thread(target=visit, args=(i,)).start()
//	while threading.active_count() != 1:
//	    pass
//	print("all visitors have been inside")
//
// The differences that matter:
//
//   - The original only looks as if at most five were inside: five lines appear together. Here everybody counts.
//   - The loop over active_count burns a processor until all have left. Join waits without.
//   - release() is not reached when what comes before it raises; with gate: or a defer always releases.
//   - A release too many raises ValueError. Here Release panics with semaphore.ErrOverRelease, as such a program is
//     broken; code that catches the error on purpose calls TryRelease.
//   - A visitor that will not wait for ever has AcquireTimeout and AcquireContext, and a group AcquireN, which Python
//     lacks.
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
	Name: "turnstile",
	Does: "Sends 20 threads through a semaphore of 5, and 5 through one of 2.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.permits, "permits", 5, "how `many` may be inside at once, the first time")
		f.IntVar(&o.threads, "threads", 20, "how `many` come, the first time")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ permits, threads int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	switch {
	case o.permits < 1 || o.permits > 1000:
		return demo.BadInput("-permits %d: want 1 to 1000", o.permits)
	case o.threads < 1 || o.threads > 1000:
		return demo.BadInput("-threads %d: want 1 to 1000", o.threads)
	}
	for _, c := range []struct{ permits, threads int }{{o.permits, o.threads}, {2, 5}} {
		most := visit(out, c.permits, c.threads, second/2)
		fmt.Fprintf(out, "%d visitors have been inside, at most %d at once, %d may\n", c.threads, most, c.permits)
	}
	return nil
}

// visit sends threads through a turnstile, each to stay inside for a while, and returns the greatest number inside.
func visit(out io.Writer, permits, threads int, stay time.Duration) (most int) {
	gate := threading.NewBoundedSemaphore(permits)
	var lock threading.Lock // guards the counts
	inside := 0
	count := func(step int) {
		lock.Lock()
		defer lock.Unlock()
		inside += step
		most = max(most, inside)
	}

	var visitors []*threading.Thread
	for n := range threads {
		t := threading.NewThread(func() {
			gate.Acquire()
			defer gate.Release()
			count(+1)
			defer count(-1) // runs before the release
			time.Sleep(stay)
			fmt.Fprintln(out, "visitor", n)
		})
		t.Start()
		visitors = append(visitors, t)
	}
	for _, t := range visitors {
		t.Join()
	}
	fmt.Fprintln(out, "one release more is accepted:", gate.TryRelease())
	return most
}
