package greenlet_test

import (
	"fmt"

	"github.com/gothreading/threading/greenlet"
)

// Two greenlets hand control to each other. When the second ends, the main one
// goes on, and ends the first.
func Example() {
	var gr1, gr2 *greenlet.Greenlet
	gr1 = greenlet.New(func(any) (any, error) {
		fmt.Println(12)
		gr2.Switch(nil)
		fmt.Println(34)
		return gr2.Switch(nil)
	})
	gr2 = greenlet.New(func(any) (any, error) {
		fmt.Println(56)
		gr1.Switch(nil)
		fmt.Println(78)
		return nil, nil
	})
	gr1.Switch(nil)
	fmt.Println(gr1.Dead(), gr2.Dead())
	gr1.Throw(greenlet.ErrExit)
	fmt.Println(gr1.Dead(), gr2.Dead())
	// Output:
	// 12
	// 56
	// 34
	// 78
	// false true
	// true true
}

// Values go with control, in both directions.
func ExampleGreenlet_Switch() {
	main := greenlet.Current()
	doubles := greenlet.New(func(v any) (any, error) {
		for {
			var err error
			if v, err = main.Switch(2 * v.(int)); err != nil {
				return nil, err
			}
		}
	})
	for i := range 3 {
		v, _ := doubles.Switch(i)
		fmt.Println(v)
	}
	doubles.Throw(greenlet.ErrExit)
	// Output:
	// 0
	// 2
	// 4
}

// An error that is thrown arrives in the Switch in which the greenlet waits. It
// may go on; here it says what it has, and ends.
func ExampleGreenlet_Throw() {
	main := greenlet.Current()
	collects := greenlet.New(func(v any) (any, error) {
		var all []any
		for {
			all = append(all, v)
			var err error
			if v, err = main.Switch(nil); err != nil {
				return all, nil
			}
		}
	})
	collects.Switch("a")
	collects.Switch("b")
	fmt.Println(collects.Throw(greenlet.ErrExit))
	// Output:
	// [a b] <nil>
}
