package rlock_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/rlock"
)

// An Account's methods call each other, and each of them locks.
type Account struct {
	mu      rlock.RLock
	balance int
}

func (a *Account) Deposit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.balance += n
}

func (a *Account) Balance() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.balance
}

// AddInterest is atomic although it consists of the two others.
func (a *Account) AddInterest(percent int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Deposit(a.Balance() * percent / 100)
}

func Example() {
	var (
		a  Account
		wg sync.WaitGroup
	)
	a.Deposit(1000)
	for range 2 {
		wg.Go(func() { a.AddInterest(10) })
	}
	wg.Wait()
	fmt.Println(a.Balance())
	// Output: 1210
}

func ExampleRLock_Depth() {
	var mu rlock.RLock
	mu.Lock()
	mu.Lock()
	fmt.Println(mu.Depth(), mu.Owned())
	mu.Unlock()
	fmt.Println(mu.Depth(), mu.Owned())
	mu.Unlock()
	fmt.Println(mu.Depth(), mu.Owned())
	// Output:
	// 2 true
	// 1 true
	// 0 false
}

// Others cannot lock it, and cannot unlock it either.
func ExampleRLock_Unlock() {
	var (
		mu rlock.RLock
		wg sync.WaitGroup
	)
	mu.Lock()
	wg.Go(func() {
		defer func() {
			fmt.Println(recover() == rlock.ErrNotOwner)
		}()
		fmt.Println(mu.LockTimeout(time.Millisecond))
		mu.Unlock()
	})
	wg.Wait()
	mu.Unlock()
	// Output:
	// false
	// true
}

// Let others in for a moment, whatever the depth, and go on as before: what a condition variable does while it waits.
func ExampleRLock_UnlockAll() {
	var (
		mu rlock.RLock
		wg sync.WaitGroup
	)
	mu.Lock()
	mu.Lock()

	depth := mu.UnlockAll()
	wg.Go(func() {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println("in between")
	})
	wg.Wait()
	mu.LockDepth(depth)

	fmt.Println(mu.Depth())
	// Output:
	// in between
	// 2
}
