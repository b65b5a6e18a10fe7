// Command door has members of staff swipe a card at a door that closes by itself after three seconds.
// It is a port of a Python program of this well-known shape:
//
//	opened = threading.Event()
//
//	def door():
//	    since = 0
//	    while True:
//	        if opened.is_set():
//	            print("the door is open")
//	            since += 0.5
//	        else:
//	            print("the door is closed")
//	            since = 0
//	            opened.wait()
//	        if since > 3:
//	            opened.clear()
//	        time.sleep(0.5)
//
//	def staff(n):
//	    while True:
//	        if opened.is_set():
//	            print("member", n, "goes through")
//	            break
//	        print("member", n, "swipes the card:", opened.set())
//	        time.sleep(0.5)
//
// The differences that matter:
//
//   - The original's door waits for ever in the end, and only killing the program ends it. Here a context ends the
//     wait: every call that blocks has a form with a context.
//   - opened.set() returns None, which the original prints. Set returns nothing, so that line would not compile.
//   - The door counts half seconds and looks again. Waiting for the three seconds once says the same.
//   - A set event lets any number through until it is cleared, also those who come later. Where one card lets one
//     person through, use a Semaphore: swiping is Release, and going through is Acquire.
//   - The staff come at fixed times instead of random ones, so that each run shows the same. The door's second is
//     half a real one.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "door",
	Does: "Lets five members of staff through a door that one of them opens with a card.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	second /= 2
	began := time.Now()
	say := func(format string, args ...any) {
		at := float64(time.Since(began)) / float64(second)
		fmt.Fprintf(out, "%3.1f  %s\n", at, fmt.Sprintf(format, args...))
	}
	var open threading.Event
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	opened := 0 // to be read after the door's Join
	door := threading.NewThread(func() {
		for open.WaitContext(ctx) == nil {
			opened++
			say("the door opens")
			time.Sleep(3 * second)
			open.Clear()
			say("the door closes")
		}
	})
	door.Start()

	var staff []*threading.Thread
	for n, comes := range []time.Duration{1, 2, 3, 5, 7} {
		t := threading.NewThread(func() {
			time.Sleep(comes * second)
			if !open.IsSet() {
				say("member %d swipes the card", n)
				open.Set()
			}
			say("member %d goes through", n)
		})
		t.Start()
		staff = append(staff, t)
	}
	for _, t := range staff {
		t.Join()
	}
	cancel() // nobody else comes
	door.Join()
	fmt.Fprintf(out, "%d members came, and the door opened %d times\n", len(staff), opened)
	return nil
}
