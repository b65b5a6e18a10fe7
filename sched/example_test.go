package sched_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/sched"
)

func Example() {
	var s sched.Scheduler
	s.Enter(20*time.Millisecond, 0, func() { fmt.Println("third") })
	s.Enter(10*time.Millisecond, 2, func() { fmt.Println("second") })
	s.Enter(0, 1, func() { fmt.Println("first") })
	s.Run()
	// Output:
	// first
	// second
	// third
}

// Something that takes place again and again enters itself each time.
func ExampleScheduler_Enter() {
	var (
		s    sched.Scheduler
		tick func()
		n    int
	)
	tick = func() {
		n++
		fmt.Println("tick", n)
		if n < 3 {
			s.Enter(5*time.Millisecond, 0, tick)
		}
	}
	s.Enter(0, 0, tick)
	s.Run()
	// Output:
	// tick 1
	// tick 2
	// tick 3
}

// At the same time, the smaller priority is first.
func ExampleScheduler_EnterAt() {
	var s sched.Scheduler
	noon := time.Date(2001, 9, 9, 12, 0, 0, 0, time.UTC)
	s.EnterAt(noon, 5, func() { fmt.Println("lunch") })
	s.EnterAt(noon, 1, func() { fmt.Println("wash hands") })
	for _, e := range s.Events() {
		fmt.Println(e.Time().Format(time.Kitchen), e.Priority())
	}
	s.Run()
	// Output:
	// 12:00PM 1
	// 12:00PM 5
	// wash hands
	// lunch
}

// A reminder is taken back, in time or not.
func ExampleScheduler_Cancel() {
	var s sched.Scheduler
	e := s.Enter(time.Hour, 0, func() { fmt.Println("time is up") })
	fmt.Println(s.Cancel(e))
	fmt.Println(s.Cancel(e))
	s.Run()
	// Output:
	// true
	// false
}

// In a loop of the program's own.
func ExampleScheduler_TryRun() {
	var s sched.Scheduler
	s.Enter(0, 0, func() { fmt.Println("due") })
	s.Enter(time.Hour, 0, func() { fmt.Println("not due") })
	next, pending := s.TryRun()
	fmt.Println(pending, next > 59*time.Minute)
	// Output:
	// due
	// true true
}

func ExampleScheduler_RunTimeout() {
	var s sched.Scheduler
	s.Enter(time.Millisecond, 0, func() { fmt.Println("soon") })
	s.Enter(time.Hour, 0, func() { fmt.Println("in an hour") })
	fmt.Println(s.RunTimeout(20 * time.Millisecond))
	fmt.Println(s.Len(), "left")
	// Output:
	// soon
	// false
	// 1 left
}

// A goroutine that serves what others enter, until the program ends.
func ExampleScheduler_Serve() {
	var s sched.Scheduler
	ctx, stop := context.WithCancelCause(context.Background())
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()

	done := make(chan struct{})
	s.Enter(time.Millisecond, 0, func() { fmt.Println("hello"); close(done) })
	<-done

	stop(errors.New("closing time"))
	fmt.Println(<-served)
	// Output:
	// hello
	// closing time
}
