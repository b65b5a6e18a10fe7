package lock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/lock"
)

// An account that many goroutines pay into.
func Example() {
	var (
		mu      lock.Lock
		balance int
		wg      sync.WaitGroup
	)
	for range 100 {
		wg.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			balance += 10
		})
	}
	wg.Wait()
	fmt.Println(balance)
	// Output: 1000
}

// Do something else if the lock is taken.
func ExampleLock_TryLock() {
	var mu lock.Lock
	fmt.Println(mu.TryLock())
	fmt.Println(mu.TryLock())
	mu.Unlock()
	fmt.Println(mu.TryLock())
	// Output:
	// true
	// false
	// true
}

// Wait, but not for ever.
func ExampleLock_LockTimeout() {
	var mu lock.Lock
	mu.Lock() // somebody is at work
	if !mu.LockTimeout(10 * time.Millisecond) {
		fmt.Println("busy, try again later")
	}
	mu.Unlock()
	if mu.LockTimeout(10 * time.Millisecond) {
		fmt.Println("my turn")
		mu.Unlock()
	}
	// Output:
	// busy, try again later
	// my turn
}

// Stop waiting when the request that needs the lock is cancelled, and tell why.
func ExampleLock_LockContext() {
	var mu lock.Lock
	mu.Lock() // somebody is at work

	hungUp := errors.New("the client hung up")
	ctx, cancel := context.WithCancelCause(context.Background())
	go cancel(hungUp)

	if err := mu.LockContext(ctx); err != nil {
		fmt.Println(err)
		fmt.Println(errors.Is(err, hungUp))
	}
	// Output:
	// the client hung up
	// true
}

// Misuse panics with a value that recover can tell from others.
func ExampleLock_Unlock() {
	defer func() {
		fmt.Println(recover() == lock.ErrNotLocked)
	}()
	var mu lock.Lock
	mu.Unlock()
	// Output: true
}

// A Lock has no owner: it can be locked here and unlocked there.
func ExampleLock_Locked() {
	var mu lock.Lock
	mu.Lock()
	fmt.Println(mu.Locked())
	go mu.Unlock()
	mu.Lock() // waits for that
	mu.Unlock()
	fmt.Println(mu.Locked())
	// Output:
	// true
	// false
}

// One lock for each account: transfers between different accounts do not wait for
// each other, and no lock is left behind.
func ExampleMap() {
	var (
		accounts lock.Map[string]
		wg       sync.WaitGroup
		balance  = map[string]*int{"ada": new(int), "bob": new(int)}
	)
	for range 100 {
		for name := range balance {
			wg.Go(func() {
				accounts.Lock(name)
				defer accounts.Unlock(name)
				*balance[name] += 10
			})
		}
	}
	wg.Wait()
	fmt.Println(*balance["ada"], *balance["bob"], accounts.Len())
	// Output: 1000 1000 0
}

// A second request for the same page gives up instead of loading it, too.
func ExampleMap_TryLock() {
	var pages lock.Map[string]
	fmt.Println(pages.TryLock("/index"))
	fmt.Println(pages.TryLock("/index"))
	fmt.Println(pages.TryLock("/about"))
	fmt.Println(pages.Len())
	// Output:
	// true
	// false
	// true
	// 2
}

// The lock of one key, where a sync.Locker is wanted.
func ExampleMap_Locker() {
	var m lock.Map[int]
	seven := m.Locker(7)
	seven.Lock()
	fmt.Println(m.Locked(7))
	seven.Unlock()
	fmt.Println(m.Locked(7))
	// Output:
	// true
	// false
}
