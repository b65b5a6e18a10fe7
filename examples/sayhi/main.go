// Command sayhi starts threads in the two ways that Python has, from a function and as a class, and names them.
// It is a port of a Python program of this well-known shape:
//
//	def say_hi(num):
//	    print("hi from number", num)
//	    time.sleep(num)
//
//	t1 = threading.Thread(target=say_hi, args=(1,))
//	t2 = threading.Thread(target=say_hi, args=(2,))
//	t1.start(); t2.start()
//	print(t1.getName(), t2.getName())
//
//	class Greeter(threading.Thread):
//	    def __init__(self, num):
//	        super().__init__()
//	        self.num = num
//
//	    def run(self):
//	        ...                                  # as say_hi
//
// The differences that matter:
//
//   - args= and kwargs= are what the function captures: func() { sayHi(1) }. Each round of a Go loop has its own
//     variable, so capturing that is safe, too.
//   - Go has no subclasses. A struct that embeds the thread has its methods; but Start calls the function that
//     NewThread was given, and never finds a method run by its name.
//   - The constructor takes nothing but the function and options. Python's has a reserved first parameter, group, and
//     a class that hands itself to super().__init__(self) by mistake fails there.
//   - What a thread found out is left in a field, or in a captured variable, and read after Join.
//   - getName() and setName(), deprecated since Python 3.10, are Name and SetName. The automatic name is Thread-1
//     without the function's name that Python has appended since then.
//   - A Go program does not wait for its threads when main returns: join them.
package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/thread"
)

var program = demo.Program{
	Name: "sayhi",
	Does: "Starts two threads from a function and two from a type, and says what they are called.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	began := time.Now()
	elapsed := func() float64 { return float64(time.Since(began)) / float64(second) }

	sayHi := func(num int) {
		fmt.Fprintf(out, "hi from number %d, %s\n", num, threading.CurrentThread().Name())
		time.Sleep(time.Duration(num) * second)
	}
	t1 := threading.NewThread(func() { sayHi(1) })
	t2 := threading.NewThread(func() { sayHi(2) }, thread.Name("Thread-two"))
	t1.Start()
	t2.Start()
	fmt.Fprintf(out, "started %s and %s\n", t1.Name(), t2.Name())
	t1.Join()
	t2.Join()
	fmt.Fprintf(out, "after %.1f seconds both functions have returned\n", elapsed())

	g3 := newGreeter(out, 3, second)
	g4 := newGreeter(out, 4, second)
	g4.SetName("Greeter-four") // a method of the embedded thread
	g3.Start()
	g4.Start()
	g3.Join()
	g4.Join()
	fmt.Fprintf(out, "after %.1f seconds the greeters have slept %d seconds\n", elapsed(), g3.slept+g4.slept)
	return nil
}

// A greeter is a thread with attributes of its own.
type greeter struct {
	*threading.Thread
	out    io.Writer
	num    int
	second time.Duration
	slept  int // set by run; to be read after Join
}

func newGreeter(out io.Writer, num int, second time.Duration) *greeter {
	g := &greeter{out: out, num: num, second: second}
	g.Thread = threading.NewThread(g.run) // this, and not its name, makes run what the thread does
	return g
}

func (g *greeter) run() {
	fmt.Fprintf(g.out, "hi from number %d, %s\n", g.num, g.Name())
	time.Sleep(time.Duration(g.num) * g.second)
	g.slept = g.num
}
