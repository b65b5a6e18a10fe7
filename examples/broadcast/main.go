// Command broadcast lets threads wait for a word from the keyboard, which releases them all at once.
// It is a port of a Python program of this well-known shape:
//
//	def do(i, go):
//	    print("start", i)
//	    if i % 2 == 0:                           # or all of them
//	        go.wait()
//	    print("execute", i)
//
//	go = threading.Event()
//	for i in range(10):
//	    threading.Thread(target=do, args=(i, go)).start()
//	go.clear()
//	if input("say: ") == "true":
//	    go.set()
//
// The differences that matter:
//
//   - Any other word, or the end of the input, leaves the original waiting for ever. Here the program asks again, and
//     at the end of the input it ends a context, with the reason as its cause, that everybody waits with.
//   - The original clears the event before it is set for the first time. A new event is clear, so that does nothing.
//   - Set releases everybody who waits, however many, and each of them reports it even if Clear follows at once.
//   - Where nothing is ever cleared, closing a channel does the same. An Event may be set twice; in a select it is
//     <-e.Done().
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "broadcast",
	Does: `Lets ten threads start, of which the even ones wait until the input says "true".`,
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.BoolVar(&o.keyboard, "keyboard", false, "let the keyboard say it")
		return o.run
	},
}

// The options are what the flags say.
type options struct{ keyboard bool }

func main() { program.Main() }

// script is what is said unless it comes from the keyboard.
const script = "yes\ntrue\n"

var errNobodySaidIt = errors.New("nobody said true")

func (o *options) run(out io.Writer, second time.Duration) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var start threading.Event
	var executed atomic.Int32

	var threads []*threading.Thread
	for i := range 10 {
		t := threading.NewThread(func() {
			fmt.Fprintln(out, "start", i)
			if i%2 == 0 {
				if err := start.WaitContext(ctx); err != nil {
					fmt.Fprintf(out, "give up %d: %v\n", i, err)
					return
				}
			}
			fmt.Fprintln(out, "execute", i)
			executed.Add(1)
		})
		t.Start()
		threads = append(threads, t)
	}

	var input io.Reader = strings.NewReader(script)
	if o.keyboard {
		input = os.Stdin
	}
	lines := bufio.NewScanner(input)
	for !start.IsSet() {
		time.Sleep(second)
		fmt.Fprintln(out, `say "true":`)
		if !lines.Scan() {
			cancel(errNobodySaidIt)
			break
		}
		fmt.Fprintf(out, "%q was said\n", lines.Text())
		if lines.Text() == "true" {
			start.Set()
		}
	}
	for _, t := range threads {
		t.Join()
	}
	fmt.Fprintf(out, "%d of %d threads have executed\n", executed.Load(), len(threads))
	return lines.Err()
}
