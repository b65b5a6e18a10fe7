// Command hello says hello after three seconds, and does not say it where it was cancelled in time.
// It is a port of a Python program of this well-known shape:
//
//	def hello():
//	    print("hello, world")
//
//	t = threading.Timer(3, hello)
//	t.start()
//
//	late = threading.Timer(30, hello)
//	late.start()
//	time.sleep(1)
//	late.cancel()
//
// The differences that matter:
//
//   - Python's cancel() does not tell whether it came in time. Cancel does, exactly: either the function runs or
//     Cancel returns true.
//   - Python's Timer is a thread that sleeps for the whole interval. Here a pending timer has no goroutine, and
//     thousands of them are no burden; the function still runs as a thread, with a name and a Join.
//   - A pending timer keeps a Python program from ending. Here Join waits for it, or thread.Main for all of them.
//   - A cancelled timer has ended: its Join returns at once. In Python the thread first has to wake up.
//   - Reset moves a pending timer, and timer.Every makes one that repeats. Python has neither.
//   - Where nobody cancels, joins or looks at it, time.AfterFunc is enough.
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/thread"
)

var program = demo.Program{
	Name: "hello",
	Does: "Says hello after three seconds, and cancels saying it after thirty.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.after, "after", 3, "say hello after so many `seconds`")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ after int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.after < 0 || o.after > 3600 {
		return demo.BadInput("-after %d: want 0 to 3600", o.after)
	}
	began := time.Now()
	say := func(what string, args ...any) {
		fmt.Fprintf(out, "%.1f s: %s\n", float64(time.Since(began))/float64(second), fmt.Sprintf(what, args...))
	}
	hello := func() { say("hello, world, from %s", threading.CurrentThread().Name()) }

	t := threading.NewTimer(time.Duration(o.after)*second, hello, thread.Name("the timer"))
	t.Start()

	late := threading.NewTimer(30*second, hello, thread.Name("the late timer"))
	late.Start()
	time.Sleep(second / 2)
	say("the late timer is pending: %t", late.IsAlive())
	say("cancelled in time: %t", late.Cancel())
	late.Join()
	say("it is pending: %t", late.IsAlive())

	t.Join()
	say("the timer cancelled in time: %t", t.Cancel())
	return nil
}
