// Command trafficlight has cars obey a light that is an event: set while they may go, clear while it is red.
// It is a port of two Python programs of this well-known shape, one with the wait and one that looks again and again:
//
//	green = threading.Event()
//
//	def light():
//	    count = 0
//	    green.set()
//	    while True:
//	        if count < 10: print("\033[42;1m green \033[0m")
//	        elif count < 13: print("\033[43;1m yellow \033[0m")
//	        elif count < 20:
//	            green.clear()
//	            print("\033[41;1m red \033[0m")
//	        else:
//	            count = 0
//	            green.set()
//	        time.sleep(1)
//	        count += 1
//
//	def car(n):
//	    while True:
//	        time.sleep(random.randrange(10))
//	        if green.is_set():
//	            print("car", n, "is running")
//	        else:
//	            print("car", n, "waits for the green light")
//	            green.wait()                     # missing in the second program
//
// The differences that matter:
//
//   - The original never ends. Here the light goes through its cycle once or as often as asked, tells the cars that
//     this was it, and leaves nobody waiting: it ends on green.
//   - The original's else takes a second of its own, in which the light is green and shows nothing.
//   - Who waits goes at the very moment the light turns green; who only looks goes at the next look, and looks in
//     vain until then.
//   - Between is_set and what follows the light may change, in both languages. Waiting after a look is still right:
//     the wait returns at once if the light has turned green meanwhile.
//   - The cars take fixed times instead of random ones, so that each run shows the same. The light's second is a
//     fifth of a real one.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "trafficlight",
	Does: "Has three cars wait at a traffic light, and a fourth look at it every second.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.cycles, "cycles", 1, "how `often` the light goes through its cycle")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ cycles int }

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.cycles < 1 || o.cycles > 100 {
		return demo.BadInput("-cycles %d: want 1 to 100", o.cycles)
	}
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	c := crossing{out: out, coloured: terminal && os.Getenv("NO_COLOR") == "", second: second / 5, began: time.Now()}

	threads := []*threading.Thread{threading.NewThread(func() { c.light(o.cycles) })}
	var waits, looks [5]int // each car has its own; to be read after Join
	for n := 1; n <= 4; n++ {
		t := threading.NewThread(func() { waits[n], looks[n] = c.car(n, n < 4) })
		threads = append(threads, t)
	}
	c.green.Set() // before any car looks
	for _, t := range threads {
		t.Start()
	}
	for _, t := range threads {
		t.Join()
	}
	fmt.Fprintf(out, "at red the cars 1 to 3 waited %d times, and car 4 looked %d times\n",
		waits[1]+waits[2]+waits[3], looks[4])
	return nil
}

type crossing struct {
	out         io.Writer
	coloured    bool
	second      time.Duration // the light's
	began       time.Time
	green, over threading.Event
}

// light lasts 10 seconds green, 3 yellow and 7 red.
func (c *crossing) light(cycles int) {
	for count := range 20 * cycles {
		switch count % 20 {
		case 0:
			c.green.Set()
			c.say(42, "the light is green")
		case 10:
			c.say(43, "the light is yellow")
		case 13:
			c.green.Clear()
			c.say(41, "the light is red")
		}
		time.Sleep(c.second)
	}
	c.over.Set()
	c.green.Set() // after over, which those who wait will look at
	c.say(42, "the light is green and stays so")
}

// car comes to the light every n+2 seconds. At red it waits, or looks again after a second.
func (c *crossing) car(n int, wait bool) (waits, looks int) {
	time.Sleep(time.Duration(n) * c.second / 5) // so that no two come at the same time, nor as the light changes
	for !c.over.IsSet() {
		switch {
		case c.green.IsSet():
			c.say(0, "car %d is running", n)
			time.Sleep(time.Duration(n+2) * c.second)
		case wait:
			c.say(0, "car %d waits for the green light", n)
			waits++
			c.green.Wait()
		default:
			c.say(0, "car %d sees red", n)
			looks++
			time.Sleep(c.second)
		}
	}
	return waits, looks
}

// say writes a line that begins with the light's time, coloured if there is a colour and somebody to see it.
func (c *crossing) say(colour int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.coloured && colour != 0 {
		text = fmt.Sprintf("\033[%d;1m %s \033[0m", colour, text)
	}
	fmt.Fprintf(c.out, "%4.1f  %s\n", float64(time.Since(c.began))/float64(c.second), text)
}
