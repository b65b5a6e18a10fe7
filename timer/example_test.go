package timer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// As threading.Timer(0.01, hello, args=("world",)): arguments are what the function captures.
func Example() {
	name := "world"
	t := timer.New(10*time.Millisecond, func() {
		fmt.Println("hello,", name)
	})
	t.Start()
	t.Join()
	fmt.Println("alive:", t.IsAlive())
	// Output:
	// hello, world
	// alive: false
}

// The function runs as a thread, which has a name.
func ExampleNew() {
	t := timer.New(time.Millisecond, func() {
		fmt.Println("in", thread.Current().Name())
	}, thread.Name("alarm"))
	t.Start()
	t.Join()
	// Output: in alarm
}

func ExampleEvery() {
	beats := 0
	var heart *timer.Timer
	heart = timer.Every(time.Millisecond, func() {
		beats++
		fmt.Println("beat", beats)
		if beats == 3 {
			heart.Cancel()
		}
	})
	heart.Start()
	heart.Join()
	// Output:
	// beat 1
	// beat 2
	// beat 3
}

// Unlike Python's, Cancel tells whether it was in time.
func ExampleTimer_Cancel() {
	pending := timer.New(time.Hour, func() { fmt.Println("never") })
	pending.Start()
	fmt.Println(pending.Cancel())

	ran := timer.New(0, func() { fmt.Println("now") })
	ran.Start()
	ran.Join()
	fmt.Println(ran.Cancel())
	// Output:
	// true
	// now
	// false
}

// A watchdog barks if nobody resets it in time.
func ExampleTimer_Reset() {
	watchdog := timer.New(time.Hour, func() { fmt.Println("bark") })
	watchdog.Start()
	for range 3 {
		fmt.Println("fed:", watchdog.Reset(time.Hour))
	}
	watchdog.Reset(0) // starved
	watchdog.Join()
	fmt.Println("fed:", watchdog.Reset(time.Hour))
	// Output:
	// fed: true
	// fed: true
	// fed: true
	// bark
	// fed: false
}

func ExampleTimer_JoinTimeout() {
	t := timer.New(time.Hour, func() {})
	t.Start()
	fmt.Println(t.JoinTimeout(0)) // d <= 0 only looks
	fmt.Println(t.JoinTimeout(time.Millisecond))
	t.Cancel()
	fmt.Println(t.JoinTimeout(time.Hour))
	// Output:
	// false
	// false
	// true
}

func ExampleTimer_JoinContext() {
	ctx, stop := context.WithCancelCause(context.Background())
	t := timer.New(time.Hour, func() {})
	t.Start()
	stop(errors.New("no time to wait"))
	fmt.Println(t.JoinContext(ctx))
	t.Cancel()
	fmt.Println(t.JoinContext(context.Background()))
	// Output:
	// no time to wait
	// <nil>
}

func ExampleTimer_Done() {
	work := make(chan string)
	t := timer.New(time.Millisecond, func() {})
	t.Start()
	select {
	case result := <-work:
		fmt.Println(result)
	case <-t.Done():
		fmt.Println("too slow")
	}
	// Output: too slow
}

// A panic ends the timer, not the process. The except hook is told, and Err.
func ExampleTimer_Err() {
	defer thread.SetExceptHook(thread.SetExceptHook(func(t *thread.Thread, p *thread.PanicError) {
		fmt.Println("hook:", t.Name(), p.Value)
	}))
	t := timer.Every(time.Millisecond, func() { panic("out of paper") }, thread.Name("printer"))
	t.Start()
	t.Join()
	fmt.Println(t.IsAlive(), t.Err())
	// Output:
	// hook: printer out of paper
	// false panic: out of paper
}

// In a program this is all of func main: it does not end before the timer has run.
func ExampleTimer_main() {
	thread.Main(func() {
		timer.New(time.Millisecond, func() { fmt.Println("the timer runs") }).Start()
		timer.Every(time.Hour, func() {}, thread.Daemon(true)).Start() // not waited for
		fmt.Println("main ends")
	})
	fmt.Println("the program ends")
	// Output:
	// main ends
	// the timer runs
	// the program ends
}
