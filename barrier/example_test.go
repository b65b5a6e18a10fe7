package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/barrier"
)

// Three workers compute in phases. None begins a phase before all have finished the one before.
func Example() {
	const workers, phases = 3, 2
	var parts [workers]int
	phase := 0
	b := barrier.New(workers, func() { // once a phase, when all have arrived, before any goes on
		phase++
		fmt.Println("phase", phase, "gave", parts)
	})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range phases {
				parts[w] += w + 1
				b.Wait()
			}
		})
	}
	wg.Wait()
	// Output:
	// phase 1 gave [1 2 3]
	// phase 2 gave [2 4 6]
}

// The index is the order of arrival, so that one of the parties can be told from the others.
func ExampleBarrier_Wait() {
	b := barrier.New(4, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			index, err := b.Wait()
			if err != nil {
				return
			}
			if index == 0 {
				fmt.Println("only one of four cleans up")
			}
		})
	}
	wg.Wait()
	// Output: only one of four cleans up
}

// A party that does not come in time breaks the Barrier for all.
func ExampleBarrier_WaitTimeout() {
	b := barrier.New(2, nil)
	_, err := b.WaitTimeout(10 * time.Millisecond)
	fmt.Println(errors.Is(err, barrier.ErrBroken), b.Broken())
	_, err = b.Wait() // who comes later learns it at once
	fmt.Println(err)
	// Output:
	// true true
	// barrier: broken
}

// Who gives up because of its context gets the cause.
func ExampleBarrier_WaitContext() {
	b := barrier.New(2, nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	go cancel(errors.New("the other has crashed"))
	_, err := b.WaitContext(ctx)
	fmt.Println(err)
	// Output: the other has crashed
}

// A party that fails tells the others not to wait for it.
func ExampleBarrier_Abort() {
	b := barrier.New(2, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := b.Wait(); err != nil {
			fmt.Println("the other gets:", err)
		}
	})
	b.Abort()
	wg.Wait()
	// Output: the other gets: barrier: broken
}

// After Reset the Barrier is as new.
func ExampleBarrier_Reset() {
	b := barrier.New(2, nil)
	b.Abort()
	b.Reset()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := b.Wait(); err == nil {
				fmt.Println("passed")
			}
		})
	}
	wg.Wait()
	// Output:
	// passed
	// passed
}

func ExampleBarrier_Waiting() {
	b := barrier.New(3, nil)
	fmt.Println(b.Waiting(), "of", b.Parties())
	// Output: 0 of 3
}
