package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/semaphore"
)

// At most two of ten goroutines are connected at the same time.
func Example() {
	connections := semaphore.New(2)
	var connected, most atomic.Int32
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() {
			connections.Acquire()
			defer connections.Release()
			n := connected.Add(1)
			defer connected.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		})
	}
	clients.Wait()
	fmt.Println("never more than 2:", most.Load() <= 2)
	fmt.Println("free again:", connections.Value())
	// Output:
	// never more than 2: true
	// free again: 2
}

// A release needs no acquire before it: a Semaphore that begins with nothing counts what has happened.
func ExampleSemaphore() {
	var arrived semaphore.Semaphore
	go func() {
		for i := range 3 {
			fmt.Println("parcel", i)
			arrived.Release()
		}
	}()
	arrived.AcquireN(3)
	fmt.Println("all are here")
	// Output:
	// parcel 0
	// parcel 1
	// parcel 2
	// all are here
}

func ExampleSemaphore_TryAcquire() {
	s := semaphore.New(1)
	fmt.Println(s.TryAcquire())
	fmt.Println(s.TryAcquire())
	s.Release()
	fmt.Println(s.TryAcquire())
	// Output:
	// true
	// false
	// true
}

func ExampleSemaphore_AcquireTimeout() {
	tables := semaphore.New(1)
	tables.Acquire()
	if !tables.AcquireTimeout(10 * time.Millisecond) {
		fmt.Println("no table was free in time")
	}
	tables.Release()
	if tables.AcquireTimeout(10 * time.Millisecond) {
		fmt.Println("there is one now")
	}
	// Output:
	// no table was free in time
	// there is one now
}

// The error is the cause of the context's end.
func ExampleSemaphore_AcquireContext() {
	s := semaphore.New(0)
	ctx, cancel := context.WithCancelCause(context.Background())
	go cancel(errors.New("closing time"))
	err := s.AcquireContext(ctx)
	fmt.Println(err)
	// Output: closing time
}

// Several permits are acquired all at once or not at all, so two who want many cannot each hold half of them.
func ExampleSemaphore_AcquireN() {
	const megabytes = 100
	memory := semaphore.New(megabytes)
	var jobs sync.WaitGroup
	for _, need := range []int{60, 70, 10, 100} {
		jobs.Go(func() {
			memory.AcquireN(need)
			defer memory.ReleaseN(need)
			if memory.Value() > megabytes-need {
				fmt.Println("more is free than can be")
			}
		})
	}
	jobs.Wait()
	fmt.Println(memory.Value(), "MB are free")
	// Output: 100 MB are free
}

func ExampleSemaphore_AcquireNTimeout() {
	s := semaphore.New(3)
	fmt.Println(s.AcquireNTimeout(5, 10*time.Millisecond))
	fmt.Println(s.AcquireNTimeout(2, 10*time.Millisecond))
	fmt.Println(s.Value())
	// Output:
	// false
	// true
	// 1
}

func ExampleSemaphore_AcquireNContext() {
	s := semaphore.New(3)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println(s.AcquireNContext(ctx, 2))
	fmt.Println(s.AcquireNContext(ctx, 2))
	// Output:
	// <nil>
	// context deadline exceeded
}

// One ReleaseN opens the gate for all who wait.
func ExampleSemaphore_ReleaseN() {
	gate := semaphore.New(0)
	var runners sync.WaitGroup
	for range 5 {
		runners.Go(gate.Acquire)
	}
	gate.ReleaseN(5)
	runners.Wait()
	fmt.Println("all five run")
	// Output: all five run
}

// A release too many is a mistake, which a BoundedSemaphore reports.
func ExampleBoundedSemaphore() {
	b := semaphore.NewBounded(2)
	b.Acquire()
	b.Release()
	defer func() {
		fmt.Println("recovered:", recover())
		fmt.Println("unchanged:", b.Value())
	}()
	b.Release()
	// Output:
	// recovered: semaphore: released more often than acquired
	// unchanged: 2
}

// What Python code does with release() in a try statement that catches ValueError.
func ExampleBoundedSemaphore_TryRelease() {
	tokens := semaphore.NewBounded(2)
	tokens.Acquire()
	fmt.Println(tokens.TryRelease())
	fmt.Println(tokens.TryRelease()) // the bucket is full
	// Output:
	// true
	// false
}

// A request for more than there will ever be does not wait for ever.
func ExampleBoundedSemaphore_AcquireN() {
	b := semaphore.NewBounded(2)
	defer func() {
		err := recover().(error)
		fmt.Println(errors.Is(err, semaphore.ErrValue))
		fmt.Println(err)
	}()
	b.AcquireN(3)
	// Output:
	// true
	// semaphore: bad number of permits: AcquireN(3): want 1 to 2
}
