package event_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/event"
)

// Several goroutines get ready, and start at the same time.
func Example() {
	var (
		start event.Event
		wg    sync.WaitGroup
		sum   = make(chan int, 3)
	)
	for i := range 3 {
		wg.Go(func() {
			start.Wait()
			sum <- i
		})
	}
	fmt.Println("set:", start.IsSet())
	start.Set()
	wg.Wait()
	fmt.Println("set:", start.IsSet())
	fmt.Println("sum:", <-sum+<-sum+<-sum)
	// Output:
	// set: false
	// set: true
	// sum: 3
}

// A traffic light: who comes while it is red waits for the next green.
func ExampleEvent_Clear() {
	var green event.Event
	green.Set()
	green.Wait()
	fmt.Println("the first passes")
	green.Clear()
	if !green.WaitTimeout(time.Millisecond) {
		fmt.Println("the second waits")
	}
	green.Set()
	green.Wait()
	fmt.Println("and passes")
	// Output:
	// the first passes
	// the second waits
	// and passes
}

// A worker that does something again and again until it is told to stop: with a timeout, an event is a sleep that
// can be cut short.
func ExampleEvent_WaitTimeout() {
	var stop event.Event
	for round := 1; !stop.WaitTimeout(time.Microsecond); round++ {
		fmt.Println("round", round)
		if round == 3 {
			stop.Set()
		}
	}
	fmt.Println("stopped")
	// Output:
	// round 1
	// round 2
	// round 3
	// stopped
}

func ExampleEvent_WaitContext() {
	var ready event.Event
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := ready.WaitContext(ctx)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))

	ready.Set()
	fmt.Println(ready.WaitContext(context.Background()))
	// Output:
	// context deadline exceeded true
	// <nil>
}

// Done puts an event into a select. It is asked for each time, because Clear replaces the channel.
func ExampleEvent_Done() {
	var stop event.Event
	lines := make(chan string)
	go func() {
		lines <- "one"
		lines <- "two"
		stop.Set()
	}()
	for {
		select {
		case line := <-lines:
			fmt.Println(line)
		case <-stop.Done():
			fmt.Println("stopped")
			return
		}
	}
	// Output:
	// one
	// two
	// stopped
}
