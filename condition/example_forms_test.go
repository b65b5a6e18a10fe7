package condition_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/condition"
)

// The classic form: Wait in a loop, because somebody else may have been faster with the lock.
func ExampleCondition_Wait() {
	var (
		c     condition.Condition
		ready bool
	)
	go func() {
		c.Lock()
		defer c.Unlock()
		ready = true
		c.Notify(1)
	}()
	c.Lock()
	defer c.Unlock()
	for !ready {
		c.Wait()
	}
	fmt.Println("ready")
	// Output: ready
}

func ExampleCondition_WaitTimeout() {
	var c condition.Condition
	c.Lock()
	defer c.Unlock()
	fmt.Println("notified:", c.WaitTimeout(time.Millisecond))
	// Output: notified: false
}

func ExampleCondition_WaitContext() {
	var c condition.Condition
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	c.Lock()
	defer c.Unlock() // the lock is held again, whatever happened
	fmt.Println(c.WaitContext(ctx))
	// Output: context deadline exceeded
}

func ExampleCondition_WaitFor() {
	var (
		c     condition.Condition
		count int
	)
	for range 3 {
		go func() {
			c.Lock()
			defer c.Unlock()
			count++
			c.Notify(1)
		}()
	}
	c.Lock()
	defer c.Unlock()
	c.WaitFor(func() bool { return count == 3 })
	fmt.Println(count)
	// Output: 3
}

func ExampleCondition_WaitForContext() {
	var c condition.Condition
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fmt.Errorf("shutting down"))
	c.Lock()
	defer c.Unlock()
	err := c.WaitForContext(ctx, func() bool { return true })
	fmt.Println(err)
	// Output: shutting down
}

// Notify wakes as many as it says, those first that have waited longest.
func ExampleCondition_Notify() {
	var (
		c       condition.Condition
		waiting int
		woken   = make(chan string)
	)
	for range 3 {
		go func() {
			c.Lock()
			waiting++
			c.Wait()
			c.Unlock()
			woken <- "woken"
		}()
	}
	for all := false; !all; { // until all of them wait
		c.Lock()
		if all = waiting == 3; all {
			c.Notify(2)
		}
		c.Unlock()
	}
	fmt.Println(<-woken, <-woken)

	c.Lock()
	c.Notify(2) // there is but one
	c.Unlock()
	fmt.Println(<-woken)
	// Output:
	// woken woken
	// woken
}

func ExampleCondition_NotifyAll() {
	var (
		c    condition.Condition
		wg   sync.WaitGroup
		open bool
	)
	for range 3 {
		wg.Go(func() {
			c.Lock()
			defer c.Unlock()
			c.WaitFor(func() bool { return open })
			fmt.Println("through")
		})
	}
	c.Lock()
	open = true
	c.NotifyAll()
	c.Unlock()
	wg.Wait()
	// Output:
	// through
	// through
	// through
}
