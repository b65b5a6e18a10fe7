// Command clock shows the time from a thread, in the function form, in the class form, and with a timer that repeats.
// It is a port of a Python program of this well-known shape:
//
//	def clock(interval):
//	    while True:
//	        print("the time is", time.ctime())
//	        time.sleep(interval)
//
//	t = threading.Thread(target=clock, args=(5,))
//	t.start()
//
//	class ClockThread(threading.Thread):
//	    def __init__(self, interval):
//	        super().__init__()
//	        self.interval = interval
//
//	    def run(self):
//	        ...                                  # as clock
//
// The differences that matter:
//
//   - The original never ends, and nothing can end it but the process. Here the clock waits for an Event, with its
//     interval as the timeout, instead of sleeping: the event ends it at once and not only when it next wakes up.
//   - sleep(interval) after each tick adds the time that printing took, so the clock is late by more and more. The
//     timer made by Every ticks at multiples of its interval, and while it waits it has no goroutine.
//   - Every ticks first when one interval has passed; the loops tick at once.
//   - time.ctime() is Format(time.ANSIC).
package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/timer"
)

var program = demo.Program{
	Name: "clock",
	Does: "Shows the time once a second, from a function, from a type and from a timer.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.ticks, "ticks", 3, "how `often` the clocks show the time")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ ticks int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.ticks < 1 || o.ticks > 1000 {
		return demo.BadInput("-ticks %d: want 1 to 1000", o.ticks)
	}

	var stop threading.Event
	byFunction := 0
	t := threading.NewThread(func() { byFunction = clock(out, "function", second, &stop) })
	t.Start()

	c := newClockThread(out, second)
	c.Start()

	byTimer := 0 // two runs of a timer never overlap, and Join comes after the last
	every := timer.Every(second, func() {
		byTimer++
		show(out, "timer")
	})
	every.Start()

	time.Sleep(time.Duration(o.ticks)*second - second/2) // between two ticks, so that nobody has to be lucky
	stop.Set()
	c.Stop()
	every.Cancel()
	t.Join()
	c.Join()
	every.Join()
	fmt.Fprintf(out, "all clocks have stopped: function %d ticks, class %d, timer %d\n", byFunction, c.ticks, byTimer)
	return nil
}

// clock shows the time at every interval until stop is set, and returns how often.
func clock(out io.Writer, who string, interval time.Duration, stop *threading.Event) (ticks int) {
	for {
		show(out, who)
		ticks++
		if stop.WaitTimeout(interval) {
			return ticks
		}
	}
}

func show(out io.Writer, who string) {
	fmt.Fprintf(out, "%-8s  the time is %s\n", who, time.Now().Format(time.ANSIC))
}

// A clockThread is the class form: the thread and the event that ends it in one.
type clockThread struct {
	*threading.Thread
	stop  threading.Event
	ticks int // to be read after Join
}

func newClockThread(out io.Writer, interval time.Duration) *clockThread {
	c := &clockThread{}
	c.Thread = threading.NewThread(func() { c.ticks = clock(out, "class", interval, &c.stop) })
	return c
}

// Stop ends the clock and does not wait for that; Join does.
func (c *clockThread) Stop() { c.stop.Set() }
