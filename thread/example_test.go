package thread_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/gothreading/threading/thread"
)

// Start and join, as with threading.Thread(target=…, args=…): arguments are what the function captures.
func Example() {
	squares := make([]int, 4)
	var threads []*thread.Thread
	for i := range squares {
		threads = append(threads, thread.Go(func() { squares[i] = i * i }))
	}
	for _, t := range threads {
		t.Join()
	}
	fmt.Println(squares)
	// Output: [0 1 4 9]
}

func ExampleNew() {
	t := thread.New(func() {
		fmt.Println("in", thread.Current().Name())
	}, thread.Name("worker"), thread.Daemon(true))
	fmt.Println(t.IsAlive(), t.Daemon(), t)
	t.Start()
	t.Join()
	fmt.Println(t.IsAlive(), t.Err())
	// Output:
	// false true Thread(worker, initial daemon)
	// in worker
	// false <nil>
}

func ExampleThread_JoinTimeout() {
	stop := make(chan struct{})
	t := thread.Go(func() { <-stop })
	fmt.Println(t.JoinTimeout(0)) // d <= 0 only looks
	close(stop)
	fmt.Println(t.JoinTimeout(math.MaxInt64))
	// Output:
	// false
	// true
}

// A thread cannot be killed. It looks at a context that tells it to stop.
func ExampleThread_JoinContext() {
	ctx, stop := context.WithCancelCause(context.Background())
	t := thread.Go(func() { <-ctx.Done() })
	stop(errors.New("that is enough"))
	fmt.Println(t.JoinContext(ctx))
	fmt.Println(t.JoinContext(context.Background()))
	// Output:
	// that is enough
	// <nil>
}

func ExampleGo() {
	t := thread.Go(func() { fmt.Println("in", thread.Current().Name()) }, thread.Name("worker"))
	t.Join()
	fmt.Println(t.IsAlive())
	// Output:
	// in worker
	// false
}

// The loop outlives its jobs, whatever they do.
func ExampleTry() {
	jobs := []func(){
		func() { fmt.Println("the first is done") },
		func() { panic("out of paper") },
		func() { fmt.Println("the third is done") },
	}
	for _, job := range jobs {
		if err := thread.Try(job); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// the first is done
	// panic: out of paper
	// the third is done
}

func ExampleSleepContext() {
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	fmt.Println(thread.SleepContext(ctx, time.Hour))
	fmt.Println(thread.SleepContext(context.Background(), time.Millisecond))
	// Output:
	// context canceled
	// <nil>
}

func ExampleSetExceptHook() {
	previous := thread.SetExceptHook(func(t *thread.Thread, p *thread.PanicError) {
		fmt.Printf("%s panicked: %v\n", t.Name(), p.Value) // and p.Stack says where
	})
	defer thread.SetExceptHook(previous)
	thread.Go(func() { panic("out of paper") }, thread.Name("printer")).Join()
	// Output: printer panicked: out of paper
}

func ExampleThread_Err() {
	defer thread.SetExceptHook(thread.SetExceptHook(func(t *thread.Thread, p *thread.PanicError) {
		fmt.Println("hook:", t.Name(), p.Value)
	}))
	failing := thread.Go(func() { panic("out of paper") }, thread.Name("printer"))
	failing.Join()
	fmt.Println(failing.Err())

	leaving := thread.Go(runtime.Goexit)
	leaving.Join()
	fmt.Println(leaving.Err() == thread.ErrGoexit)
	// Output:
	// hook: printer out of paper
	// panic: out of paper
	// true
}

func ExampleCurrent() {
	fmt.Println(thread.Current().Name())
	done := make(chan struct{})
	go func() {
		defer close(done)
		self := thread.Current()
		fmt.Println(self.Name() == fmt.Sprint("Dummy-", self.Ident()), self.Daemon())
	}()
	<-done
	// Output:
	// MainThread
	// true true
}

func ExampleEnumerate() {
	stop := make(chan struct{})
	t := thread.Go(func() { <-stop }, thread.Name("worker"))
	for _, t := range thread.Enumerate() {
		fmt.Println(t.Name())
	}
	close(stop)
	t.Join()
	fmt.Println(thread.ActiveCount())
	// Output:
	// MainThread
	// worker
	// 1
}

// In a program this is all of func main. Nobody joins the thread, and yet it is not cut off.
func ExampleMain() {
	started := make(chan struct{})
	thread.Main(func() {
		thread.Go(func() {
			<-started
			fmt.Println("the thread ends")
		})
		fmt.Println("main ends")
		close(started)
	})
	fmt.Println("the program ends")
	// Output:
	// main ends
	// the thread ends
	// the program ends
}

func ExampleLocal() {
	// As a subclass of threading.local whose __init__ sets the attributes.
	type account struct {
		owner   string
		balance int
	}
	local := thread.Local[*account]{New: func() *account {
		return &account{owner: thread.Current().Name()}
	}}
	deposit := func() {
		local.Get().balance += 100
		fmt.Println(*local.Get())
	}
	thread.Go(deposit, thread.Name("Ann")).Join()
	thread.Go(deposit, thread.Name("Ben")).Join()
	// Output:
	// {Ann 100}
	// {Ben 100}
}
