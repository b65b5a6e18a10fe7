package waitgroup_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/waitgroup"
)

func Example() {
	var (
		w       waitgroup.WaitGroup
		squares [4]int
	)
	for i := range squares {
		w.Go(func() { squares[i] = i * i })
	}
	w.Wait()
	fmt.Println(squares)
	// Output: [0 1 4 9]
}

// Wait for the others, but not forever.
func ExampleWaitGroup_WaitTimeout() {
	var w waitgroup.WaitGroup
	stop := make(chan struct{})
	w.Go(func() { <-stop }) // it is slow
	if !w.WaitTimeout(10 * time.Millisecond) {
		fmt.Println(w.Count(), "is still at work")
	}
	close(stop)
	w.Wait()
	fmt.Println(w.Count())
	// Output:
	// 1 is still at work
	// 0
}

// Stop waiting when the program is told to end, and say why.
func ExampleWaitGroup_WaitContext() {
	var w waitgroup.WaitGroup
	w.Add(1) // somebody is at work
	ctx, cancel := context.WithCancelCause(context.Background())
	go cancel(errors.New("shutting down"))
	fmt.Println(w.WaitContext(ctx))
	w.Done()
	// Output: shutting down
}

// The end of all work in a select.
func ExampleWaitGroup_C() {
	var (
		w        waitgroup.WaitGroup
		messages = make(chan string)
	)
	w.Go(func() { messages <- "hello" })
	w.Go(func() { messages <- "hello" })
	for {
		select {
		case m := <-messages:
			fmt.Println(m)
		case <-w.C():
			fmt.Println("that was all")
			return
		}
	}
	// Output:
	// hello
	// hello
	// that was all
}

// A latch: one starts, and all that wait go on.
func ExampleWaitGroup_Add() {
	var start, finished waitgroup.WaitGroup
	start.Add(1)
	for range 3 {
		finished.Go(start.Wait)
	}
	fmt.Println(finished.Count(), "at the start")
	start.Done()
	finished.Wait()
	fmt.Println(finished.Count(), "left")
	// Output:
	// 3 at the start
	// 0 left
}

// Misuse panics with an error that names the call and the count.
func ExampleWaitGroup_Done() {
	defer func() {
		err := recover().(error)
		fmt.Println(errors.Is(err, waitgroup.ErrNegative))
		fmt.Println(err)
	}()
	var w waitgroup.WaitGroup
	w.Done()
	// Output:
	// true
	// waitgroup: the count would be negative or too large: Add(-1) to 0
}
