// Command daemon shows which threads a program waits for at its end and which it cuts off.
// It is a port of two Python programs of this well-known shape:
//
//	def boss():
//	    for i in range(5):
//	        t = threading.Thread(target=work, args=(i,))
//	        t.start()                            # a daemon as well: its creator is one
//
//	b = threading.Thread(target=boss)
//	b.daemon = True                              # setDaemon(True) of old
//	b.start()
//	b.join(timeout=1)
//	print("main is done")
//
//	class Clerk(threading.Thread):
//	    def run(self):
//	        print("running", self.getName())
//	        time.sleep(2)
//	        print("done", self.getName())
//
//	c = Clerk()
//	# c.setDaemon(True)                          # with this, "done" is never printed
//	c.start()
//
// The differences that matter:
//
//   - Python waits at exit for every thread that is no daemon. A Go program ends when the function main returns,
//     whatever is running. thread.Main has Python's rule: it runs a function, and waits.
//   - Setting daemon is about that thread, and what it starts, as being a daemon is inherited. It does not make the
//     main thread a daemon, as is sometimes told.
//   - What a goroutine creates that was started by a go statement is no daemon, as what the main goroutine creates. So
//     the clerk's SetDaemon(false) says what is so anyway.
//   - A daemon is cut off at any point: deferred functions do not run. Work that must end well is joined.
//   - join(timeout) does not tell whether the thread has ended; JoinTimeout does.
package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/thread"
)

var program = demo.Program{
	Name: "daemon",
	Does: "Ends while six daemons are at work, but not before a thread that is none.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.BoolVar(&o.daemon, "daemon", false, "make the clerk a daemon, too")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ daemon bool }

func main() { program.Main() }

// run returns while daemons are running; main then ends the process.
func (o *options) run(out io.Writer, second time.Duration) error {
	began := time.Now()
	elapsed := func() float64 { return float64(time.Since(began)) / float64(second) }

	// In a program of one's own this is the function main: func main() { thread.Main(…) }.
	thread.Main(func() {
		boss := threading.NewThread(func() {
			for i := range 5 {
				t := threading.NewThread(func() { work(out, 3600*second) }, thread.Name(fmt.Sprint("worker-", i)))
				t.Start()
				defer t.Join()
			}
		}, thread.Name("boss"), thread.Daemon(true))
		boss.Start()
		fmt.Fprintln(out, "boss done within a second:", boss.JoinTimeout(second))

		c := newClerk(out, second)
		c.SetDaemon(o.daemon) // panics after Start
		c.Start()
		time.Sleep(second) // time to begin; the clerk needs two
		fmt.Fprintf(out, "main is done after %.1f s\n", elapsed())
	})

	var cut []string
	for _, t := range threading.Enumerate() {
		if t.Daemon() {
			cut = append(cut, t.Name())
		}
	}
	fmt.Fprintf(out, "the program ends after %.1f s and cuts off %s\n", elapsed(), strings.Join(cut, ", "))
	return nil
}

func work(out io.Writer, long time.Duration) {
	name := threading.CurrentThread().Name()
	fmt.Fprintln(out, "running", name)
	time.Sleep(long)
	fmt.Fprintln(out, "done", name)
}

// A clerk is the class form.
type clerk struct {
	*threading.Thread
	out    io.Writer
	second time.Duration
}

func newClerk(out io.Writer, second time.Duration) *clerk {
	c := &clerk{out: out, second: second}
	c.Thread = threading.NewThread(c.run, thread.Name("clerk"))
	return c
}

func (c *clerk) run() { work(c.out, 2*c.second) }
