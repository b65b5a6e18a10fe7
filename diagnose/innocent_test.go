//go:build threadingdebug

package diagnose_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/thread"
)

// innocent are programs that a careless look accuses.
var innocent = map[string]func(){
	"one goroutine, both orders": func() {
		var a, b lock.Lock
		elsewhere(func() { both(&a, &b); both(&b, &a) })
	},
	"both orders under a gate": func() {
		var gate, a, b lock.Lock
		elsewhere(func() { gate.Lock(); both(&a, &b); gate.Unlock() })
		elsewhere(func() { gate.Lock(); both(&b, &a); gate.Unlock() })
	},
	"three orders, two of them under one gate": func() {
		var gate, a, b, c lock.Lock
		elsewhere(func() { gate.Lock(); both(&a, &b); gate.Unlock() })
		elsewhere(func() { gate.Lock(); both(&b, &c); gate.Unlock() })
		elsewhere(func() { both(&c, &a) })
	},
	"one of the orders tries": func() {
		var a, b lock.Lock
		elsewhere(func() { both(&a, &b) })
		elsewhere(func() {
			b.Lock()
			if a.TryLock() {
				a.Unlock()
			}
			if a.LockTimeout(time.Second) {
				a.Unlock()
			}
			b.Unlock()
		})
	},
	"a cycle that times out": func() {
		var a, b lock.Lock
		meet := meeting(2)
		var wg sync.WaitGroup
		wg.Go(func() {
			a.Lock()
			meet()
			time.Sleep(watch.SecondLook)
			b.Lock()
			b.Unlock()
			a.Unlock()
		})
		wg.Go(func() { b.Lock(); meet(); a.LockTimeout(5 * watch.SecondLook); b.Unlock() })
		wg.Wait()
	},
	"a cycle that a context breaks": func() {
		var a, b lock.Lock
		meet := meeting(2)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { a.Lock(); meet(); b.Lock(); b.Unlock(); a.Unlock() })
		wg.Go(func() { b.Lock(); meet(); _ = a.LockContext(ctx); b.Unlock() })
		time.Sleep(3 * watch.SecondLook)
		cancel()
		wg.Wait()
	},
	"a lock as a signal": func() {
		var l lock.Lock
		l.Lock()
		go func() { time.Sleep(3 * watch.SecondLook); l.Unlock() }()
		l.Lock()
	},
	"two that pass locks to each other": func() {
		var ping, pong lock.Lock
		ping.Lock()
		pong.Lock()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 20 {
				ping.Lock()
				pong.Unlock()
			}
		})
		wg.Go(func() {
			for range 20 {
				ping.Unlock()
				pong.Lock()
			}
		})
		wg.Wait()
	},
	"a lock that another unlocks, ten times, and then a cycle that it breaks": func() {
		var a, b lock.Lock
		for range 10 {
			a.Lock()
			elsewhere(a.Unlock)
		}
		meet := meeting(3)
		var wg sync.WaitGroup
		wg.Go(func() { a.Lock(); meet(); b.Lock(); b.Unlock() })
		wg.Go(func() { b.Lock(); meet(); a.Lock(); a.Unlock(); b.Unlock() })
		meet()
		time.Sleep(3 * watch.SecondLook)
		a.Unlock()
		wg.Wait()
	},
	"hand over hand": func() {
		chain := make([]lock.Lock, 10)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				chain[0].Lock()
				for i := 1; i < len(chain); i++ {
					chain[i].Lock()
					chain[i-1].Unlock()
				}
				chain[len(chain)-1].Unlock()
			})
		}
		wg.Wait()
	},
	"short-lived locks at addresses that were used before": func() {
		for i := range 2000 {
			a, b := new(lock.Lock), new(lock.Lock)
			if i%2 == 0 {
				elsewhere(func() { both(a, b) })
			} else {
				elsewhere(func() { both(b, a) })
			}
			if i%500 == 0 {
				runtime.GC()
			}
		}
	},
	"keys that come and go": func() {
		var m lock.Map[int]
		for i := range 200 {
			elsewhere(func() { both(m.Locker(i), m.Locker(i+1)) })
			elsewhere(func() { both(m.Locker(i+2), m.Locker(i+1)) })
		}
	},
	"a reentrant lock under a condition": func() {
		var c condition.Condition
		ready := false
		var wg sync.WaitGroup
		wg.Go(func() { c.Lock(); c.Lock(); c.WaitFor(func() bool { return ready }); c.Unlock(); c.Unlock() })
		wg.Go(func() { c.Lock(); ready = true; c.NotifyAll(); c.Unlock() })
		wg.Wait()
	},
	"a thread is joined whose lock is let go": func() {
		var l lock.Lock
		l.Lock()
		t := thread.Go(func() { l.Lock(); l.Unlock() })
		l.Unlock()
		t.Join()
	},
	"readers in both orders": func() {
		var a, b rwlock.RWLock
		elsewhere(func() { both(a.RLocker(), b.RLocker()) })
		elsewhere(func() { both(b.RLocker(), a.RLocker()) })
	},
	"both orders of a lock and of one that is only read": func() {
		var a, b rwlock.RWLock
		elsewhere(func() { both(a.RLocker(), &b) })
		elsewhere(func() { both(&b, a.RLocker()) })
		var c, d rwlock.RWLock
		elsewhere(func() { both(&d, c.RLocker()) })
		elsewhere(func() { both(c.RLocker(), &d) })
	},
	"ordered philosophers": func() {
		forks := make([]lock.Lock, 5)
		var wg sync.WaitGroup
		for i := range forks {
			wg.Go(func() {
				for range 50 {
					both(&forks[min(i, (i+1)%5)], &forks[max(i, (i+1)%5)])
				}
			})
		}
		wg.Wait()
	},
	"a lock held for long by one who works": func() {
		var l lock.Lock
		l.Lock()
		var wg sync.WaitGroup
		wg.Go(func() { l.Lock(); l.Unlock() })
		time.Sleep(3 * watch.SecondLook)
		l.Unlock()
		wg.Wait()
	},
	"random operations on ordered locks": func() {
		ls := make([]rlock.RLock, 8)
		rounds := 20_000
		if testing.Short() {
			rounds = 1000
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range rounds {
					some := []int{rand.IntN(8), rand.IntN(8), rand.IntN(8)}
					slices.Sort(some)
					for _, i := range some {
						ls[i].Lock()
					}
					for _, i := range some {
						ls[i].Unlock()
					}
				}
			})
		}
		wg.Wait()
	},
}

func both(a, b sync.Locker) {
	a.Lock()
	b.Lock()
	b.Unlock()
	a.Unlock()
}

func TestNoInnocentIsAccused(t *testing.T) {
	for name, program := range innocent {
		t.Run(name, func(t *testing.T) {
			c := findings(t)
			for len(c) > 0 {
				<-c
			}
			program()
			time.Sleep(2 * watch.SecondLook) // an accusation comes by another goroutine
			for len(c) > 0 {
				t.Errorf("accused: %+v", <-c)
			}
		})
	}
}

// A cycle of Locks is told of only if it is there still when it is looked at again.
func TestACycleThatIsBrokenAtOnceIsNoDeadlock(t *testing.T) {
	defer func(d time.Duration) { watch.SecondLook = d }(watch.SecondLook)
	watch.SecondLook = time.Hour
	c := findings(t)
	var a, b lock.Lock
	meet := meeting(2)
	var wg sync.WaitGroup
	wg.Go(func() { a.Lock(); meet(); b.Lock(); b.Unlock() })
	wg.Go(func() { b.Lock(); meet(); a.Lock(); a.Unlock(); b.Unlock() })
	until(t, func() bool {
		waiters := 0
		for _, o := range diagnose.Read().Objects {
			if o.Address == fmt.Sprintf("%p", &a) || o.Address == fmt.Sprintf("%p", &b) {
				waiters += len(o.Waiters)
			}
		}
		return waiters == 2
	})
	a.Unlock()
	wg.Wait()
	none(t, c)
}

// Waits of hours in a bubble, where nothing is a deadlock that a timer ends.
func TestHoursInABubbleAreNoDeadlock(t *testing.T) {
	c := findings(t)
	synctest.Test(t, func(t *testing.T) {
		var l lock.Lock
		l.Lock()
		go func() { time.Sleep(10 * time.Hour); l.Unlock() }()
		l.Lock()
		l.Unlock()
	})
	for len(c) > 0 {
		t.Errorf("accused: %+v", <-c)
	}
}

// What was found of locks is forgotten with them.
func TestNothingIsKeptAlive(t *testing.T) {
	gone := make(chan bool, 3)
	func() {
		a, b, r := new(lock.Lock), new(lock.Lock), new(rlock.RLock)
		diagnose.Name(a, "a")
		both(a, b)
		r.Lock() // and never unlocked
		runtime.AddCleanup(a, func(int) { gone <- true }, 0)
		runtime.AddCleanup(b, func(int) { gone <- true }, 0)
		runtime.AddCleanup(r, func(int) { gone <- true }, 0)
	}()
	if !proof.Collect(func() bool { return len(gone) == 3 }) {
		t.Errorf("%d of 3 are gone", len(gone))
	}
}

// Nobody releases a lock that is dropped while it is held: what is known of it goes when many others have come.
func TestLocksThatAreDroppedWhileTheyAreHeldAreForgotten(t *testing.T) {
	const many = 20_000
	for name, call := range map[string]func(func()){
		"by one goroutine":              func(f func()) { f() },
		"by goroutines that have ended": elsewhere,
	} {
		t.Run(name, func(t *testing.T) {
			before := len(watch.Look().Holds)
			elsewhere(func() {
				for i := range many {
					call(func() { new(lock.Lock).Lock() })
					if i%500 == 0 {
						runtime.GC()
					}
				}
			})
			if n := len(watch.Look().Holds) - before; n > many/4 {
				t.Errorf("%d of %d are known still", n, many)
			}
		})
	}
}
