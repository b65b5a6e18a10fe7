package rwlock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/rwlock"
)

// A table that many read and few write.
func Example() {
	var (
		mu     rwlock.RWLock
		prices = map[string]int{}
		wg     sync.WaitGroup
	)
	wg.Go(func() {
		mu.Lock()
		defer mu.Unlock()
		prices["tea"] = 3
	})
	wg.Wait()
	for range 3 {
		wg.Go(func() {
			mu.RLock()
			defer mu.RUnlock()
			_ = prices["tea"] // together with others
		})
	}
	wg.Wait()
	fmt.Println(prices["tea"], mu.Readers(), mu.Locked())
	// Output: 3 0 false
}

// A cache that fills itself. The writer reads on as a reader, so no other writer
// can change in between what it has written.
func ExampleRWLock_Downgrade() {
	var (
		mu    rwlock.RWLock
		cache = map[string]int{}
	)
	length := func(key string) int {
		mu.RLock()
		n, ok := cache[key]
		mu.RUnlock()
		if ok {
			return n
		}
		mu.Lock()
		if _, ok := cache[key]; !ok { // look again: another may have been faster
			cache[key] = len(key)
		}
		mu.Downgrade()
		defer mu.RUnlock()
		return cache[key]
	}
	fmt.Println(length("abc"), length("abc"))
	// Output: 3 3
}

// A writer gives up, and the readers go on as if it had never come.
func ExampleRWLock_LockTimeout() {
	var mu rwlock.RWLock
	mu.RLock() // a long report is being written
	defer mu.RUnlock()
	fmt.Println(mu.LockTimeout(10 * time.Millisecond))
	fmt.Println(mu.TryRLock())
	mu.RUnlock()
	// Output:
	// false
	// true
}

func ExampleRWLock_RLockContext() {
	var mu rwlock.RWLock
	mu.Lock() // the table is being rebuilt
	defer mu.Unlock()
	ctx, cancel := context.WithCancelCause(context.Background())
	go cancel(errors.New("the client hung up"))
	fmt.Println(mu.RLockContext(ctx))
	// Output: the client hung up
}

// A writer that waits holds up new readers, so that it gets its turn.
func ExampleRWLock_TryRLock() {
	var mu rwlock.RWLock
	mu.RLock()
	fmt.Println(mu.TryRLock())
	mu.RUnlock()

	written := make(chan struct{})
	go func() { mu.Lock(); mu.Unlock(); close(written) }()
	for mu.TryRLock() { // until it waits
		mu.RUnlock()
	}
	mu.RUnlock()
	<-written
	fmt.Println(mu.TryRLock())
	mu.RUnlock()
	// Output:
	// true
	// true
}

// The reader's side as a sync.Locker.
func ExampleRWLock_RLocker() {
	var mu rwlock.RWLock
	reader := mu.RLocker()
	reader.Lock()
	fmt.Println(mu.Readers())
	reader.Unlock()
	fmt.Println(mu.Readers())
	// Output:
	// 1
	// 0
}

// Misuse panics with a value that recover can tell from others.
func ExampleRWLock_RUnlock() {
	var mu rwlock.RWLock
	mu.Lock()
	defer mu.Unlock()
	defer func() { fmt.Println(recover() == rwlock.ErrNotLocked) }()
	mu.RUnlock()
	// Output: true
}
