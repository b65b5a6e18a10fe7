package coroutine_test

import (
	"errors"
	"fmt"

	"github.com/gothreading/threading/coroutine"
)

// A generator of an average: each number that is sent is answered by the
// average so far.
func Example() {
	average := coroutine.New(func(yield coroutine.Yield[float64, float64]) error {
		total, count, answer := 0.0, 0.0, 0.0
		for {
			x, err := yield(answer)
			if err != nil {
				return err
			}
			total, count = total+x, count+1
			answer = total / count
		}
	})
	defer average.Close()
	average.Next() // to the first yield
	for _, x := range []float64{10, 30, 5} {
		v, _ := average.Send(x)
		fmt.Println(v)
	}
	// Output:
	// 10
	// 20
	// 15
}

// A consumer takes what it is sent, and cleans up when it is closed.
func ExampleGenerator_Close() {
	consumer := coroutine.New(func(yield coroutine.Yield[string, struct{}]) error {
		defer fmt.Println("the table is cleared")
		for {
			bun, err := yield(struct{}{})
			if err != nil {
				return err
			}
			fmt.Println("ate", bun)
		}
	})
	consumer.Next()
	consumer.Send("pork")
	consumer.Send("leek")
	fmt.Println(consumer.Close())
	// Output:
	// ate pork
	// ate leek
	// the table is cleared
	// <nil>
}

// A loop takes the values; the error of the body, if there is one, comes last.
func ExampleGenerator_All() {
	lines := coroutine.New(func(yield coroutine.Yield[struct{}, string]) error {
		for _, line := range []string{"first", "second"} {
			if _, err := yield(line); err != nil {
				return err
			}
		}
		return errors.New("the third cannot be read")
	})
	for line, err := range lines.All() {
		fmt.Println(line, err)
	}
	// Output:
	// first <nil>
	// second <nil>
	//  the third cannot be read
}

// An error that is thrown in tells the body something, which it may answer with
// its next value.
func ExampleGenerator_Throw() {
	errReset := errors.New("reset")
	counter := coroutine.New(func(yield coroutine.Yield[struct{}, int]) error {
		for n := 0; ; n++ {
			switch _, err := yield(n); err {
			case nil:
			case errReset:
				n = -1
			default:
				return err
			}
		}
	})
	defer counter.Close()
	for range 3 {
		counter.Next()
	}
	fmt.Println(counter.Throw(errReset))
	fmt.Println(counter.Next())
	// Output:
	// 0 <nil>
	// 1 <nil>
}

// A body can yield what others do: by a call, which may have a result, or of a
// Generator with From.
func ExampleFrom() {
	type yields = coroutine.Yield[struct{}, string]
	letters := func(yield yields) (n int, err error) {
		for _, s := range []string{"a", "b"} {
			if _, err := yield(s); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	digits := coroutine.New(func(yield yields) error {
		_, err := yield("1")
		return err
	})
	all := coroutine.New(func(yield yields) error {
		n, err := letters(yield) // n = yield from letters()
		if err != nil {
			return err
		}
		if err := coroutine.From(yield, digits); err != nil { // yield from digits
			return err
		}
		_, err = yield(fmt.Sprint(n, " letters"))
		return err
	})
	for s, err := range all.All() {
		fmt.Println(s, err)
	}
	// Output:
	// a <nil>
	// b <nil>
	// 1 <nil>
	// 2 letters <nil>
}
