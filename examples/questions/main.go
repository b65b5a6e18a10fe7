// Command questions has ten threads wait on a condition whose predicate asks somebody at the keyboard.
// It is a port of a Python program of this well-known shape:
//
//	def may_i():
//	    return input(">>> ") == "1"
//
//	def run(n):
//	    con.acquire()
//	    con.wait_for(may_i)
//	    print("run", n)
//	    con.release()
//
//	con = threading.Condition()
//	for i in range(10):
//	    threading.Thread(target=run, args=(i,)).start()
//
// The differences that matter:
//
//   - A predicate is called at once and after each notification, and nobody in the original ever notifies: one wrong
//     answer, and the thread that asked waits for ever. Here the main thread notifies those who still wait.
//   - The predicate is called with the lock held, so while it waits for an answer everybody else waits for the lock,
//     and they ask one after the other. It is a toy: let a predicate look at variables that the lock guards, and let
//     one thread that reads the input change them and notify.
//   - At the end of the input, input() raises; release() is not reached, the lock stays locked, and all others wait
//     for ever. Here the lock is released by a defer, and the end means no to everybody.
//   - The zero Condition is over an RLock of its own, like Condition(). The default of con.notify() is 1: Notify(1).
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "questions",
	Does: `Has ten threads ask whether they may run, until each has got the answer "1".`,
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.BoolVar(&o.keyboard, "keyboard", false, "let the keyboard answer")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ keyboard bool }

func main() { program.Main() }

// script has the answers unless they come from the keyboard.
const script = "1\n1\nno\n1\n1\n1\nmaybe\n1\n1\n1\n1\nno\n1\n"

func (o *options) run(out io.Writer, second time.Duration) error {
	var input io.Reader = strings.NewReader(script)
	if o.keyboard {
		input = os.Stdin
	}
	var con threading.Condition
	// Guarded by con, as every call of mayI is.
	lines := bufio.NewScanner(input)
	answers, ran, ended := 0, 0, false

	mayI := func() bool {
		time.Sleep(second / 20) // somebody has to think
		if ended = ended || !lines.Scan(); ended {
			return true // there is nothing to wait for
		}
		answers++
		fmt.Fprintf(out, ">>> %s\n", lines.Text())
		return lines.Text() == "1"
	}
	var threads []*threading.Thread
	for n := range 10 {
		t := threading.NewThread(func() {
			con.Lock()
			defer con.Unlock()
			con.WaitFor(mayI)
			if ended {
				fmt.Fprintln(out, "give up", n)
				return
			}
			ran++
			fmt.Fprintln(out, "run", n)
		})
		t.Start()
		threads = append(threads, t)
	}

	for _, t := range threads {
		for !t.JoinTimeout(second) {
			con.Lock()
			con.NotifyAll() // ask again
			con.Unlock()
		}
	}
	fmt.Fprintf(out, "%d threads have run after %d answers\n", ran, answers)
	return lines.Err()
}
