package condition_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/condition"
)

// A consumer waits until there is something to consume.
func Example() {
	var (
		c     condition.Condition
		items []string
		wg    sync.WaitGroup
	)
	wg.Go(func() {
		c.Lock()
		defer c.Unlock()
		c.WaitFor(func() bool { return len(items) > 0 })
		fmt.Println("got", items[0])
	})

	c.Lock()
	items = append(items, "bread")
	c.Notify(1)
	c.Unlock()
	wg.Wait()
	// Output: got bread
}

// The time bounds the wait; the lock is held again in either case.
func ExampleCondition_WaitForTimeout() {
	var c condition.Condition
	ready := false
	c.Lock()
	defer c.Unlock()
	if !c.WaitForTimeout(func() bool { return ready }, time.Millisecond) {
		fmt.Println("not ready in time")
	}
	// Output: not ready in time
}

// Any sync.Locker will do, also the lock that guards the state already.
func ExampleNew() {
	var mu sync.Mutex
	done := false
	c := condition.New(&mu)
	go func() {
		mu.Lock()
		defer mu.Unlock()
		done = true
		c.NotifyAll()
	}()
	mu.Lock()
	for !done {
		c.Wait()
	}
	mu.Unlock()
	fmt.Println("done")
	// Output: done
}
