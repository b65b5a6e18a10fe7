// Command handover lets two greenlets pass control to each other by name: 12, 56, 34, 78.
// It is a port of this Python program:
//
//	def test1():
//	    print(12)
//	    gr2.switch()
//	    print(34)
//	    gr2.switch()
//
//	def test2():
//	    print(56)
//	    gr1.switch()
//	    print(78)
//
//	gr1, gr2 = greenlet(test1), greenlet(test2)
//	gr1.switch()
//
// The differences that matter:
//
//   - A switch takes and returns one value, of type any, and an error: what somebody has thrown, or what a child has
//     ended with.
//   - When test2 ends, its parent goes on, which is the main greenlet; test1 is left in the middle, after 34. Python's
//     collector throws GreenletExit into it at some time. Here Throw(ErrExit) does, and test1 says so.
package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/greenlet"
)

var program = demo.Program{
	Name: "handover",
	Does: "Two greenlets pass control to each other: 12, 56, 34, 78.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, _ time.Duration) error {
	var gr1, gr2 *greenlet.Greenlet
	gr1 = greenlet.New(func(any) (any, error) {
		fmt.Fprintln(out, 12)
		if _, err := gr2.Switch(nil); err != nil {
			return nil, err
		}
		fmt.Fprintln(out, 34)
		_, err := gr2.Switch(nil)
		fmt.Fprintln(out, "test1 ends:", err)
		return nil, err
	})
	gr2 = greenlet.New(func(any) (any, error) {
		fmt.Fprintln(out, 56)
		if _, err := gr1.Switch(nil); err != nil {
			return nil, err
		}
		fmt.Fprintln(out, 78)
		return nil, nil
	})
	if _, err := gr1.Switch(nil); err != nil {
		return err
	}
	fmt.Fprintf(out, "test1 dead: %t, test2 dead: %t\n", gr1.Dead(), gr2.Dead())
	_, err := gr1.Throw(greenlet.ErrExit)
	return err
}
