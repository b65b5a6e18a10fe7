package condition_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// TestConformance holds the cases of CPython's ConditionTests (lock_tests.py), in our words. CPython runs its RLockTests
// on a Condition as well; those follow, and at the end what CPython's suite does not pin down.
func TestConformance(t *testing.T) {
	cases := []struct {
		name string
		test func(t *testing.T)
	}{
		{"C01 test_acquire", func(t *testing.T) {
			// The default lock is reentrant; a given one is that very lock.
			var c condition.Condition
			c.Lock()
			c.Lock()
			c.Unlock()
			c.Unlock()
			var l lock.Lock
			over := condition.New(&l)
			over.Lock()
			if l.TryLock() {
				t.Error("the condition is over another lock")
			}
			over.Unlock()
			l.Lock()
			defer l.Unlock()
			entered := false
			go func() { over.Lock(); entered = true; over.Unlock() }()
			synctest.Wait()
			if entered {
				t.Error("the condition was locked while its lock was held")
			}
		}},
		{"C02 test_unacquired_wait", func(t *testing.T) {
			var c condition.Condition
			defer func() {
				if r := recover(); r != condition.ErrNotLocked {
					t.Errorf("recovered %v, want ErrNotLocked", r)
				}
			}()
			c.Wait()
		}},
		{"C03 test_unacquired_notify", func(t *testing.T) {
			var c condition.Condition
			defer func() {
				if r := recover(); r != condition.ErrNotLocked {
					t.Errorf("recovered %v, want ErrNotLocked", r)
				}
			}()
			c.Notify(1)
		}},
		{"C04 test_notify", func(t *testing.T) {
			var c condition.Condition
			for range 2 { // twice on the same object
				var first, second, after atomic.Int32
				for range 5 {
					waiter(&c, func() bool {
						c.Wait()
						first.Add(1)
						c.Wait()
						second.Add(1)
						c.Wait()
						after.Add(1)
						return true
					}, func(bool) {})
				}
				for _, step := range []struct{ n, first, second, after int32 }{
					{3, 3, 0, 0}, // exactly three
					{5, 5, 3, 0}, // the other two, and the three in their second wait
					{9, 5, 5, 3}, // everybody there is
				} {
					notify(&c, int(step.n))
					if first.Load() != step.first || second.Load() != step.second || after.Load() != step.after {
						t.Errorf("after Notify(%d): %d, %d and %d waits are over, want %d, %d and %d", step.n,
							first.Load(), second.Load(), after.Load(), step.first, step.second, step.after)
					}
				}
				c.Lock()
				c.NotifyAll()
				c.Unlock()
				synctest.Wait()
				if after.Load() != 5 {
					t.Errorf("%d of 5 have left", after.Load())
				}
			}
		}},
		{"C05 test_timeout", func(t *testing.T) {
			var c condition.Condition
			begin := time.Now()
			var returned atomic.Int32
			for range 5 {
				waiter(&c, func() bool { return c.WaitTimeout(500 * time.Millisecond) }, func(notified bool) {
					if notified || time.Since(begin) != 500*time.Millisecond {
						t.Errorf("notified %v after %v", notified, time.Since(begin))
					}
					returned.Add(1)
				})
			}
			time.Sleep(time.Second)
			if returned.Load() != 5 {
				t.Errorf("%d of 5 have returned", returned.Load())
			}
		}},
		{"C06 test_waitfor", func(t *testing.T) {
			var c condition.Condition
			state, seen := 0, -1
			waiter(&c, func() bool {
				c.WaitFor(func() bool { return state == 4 })
				seen = state
				return true
			}, func(bool) {})
			for range 4 {
				time.Sleep(10 * time.Millisecond)
				c.Lock()
				state++
				c.Notify(1)
				c.Unlock()
			}
			synctest.Wait()
			c.Lock()
			defer c.Unlock()
			if seen != 4 {
				t.Errorf("the wait ended at state %d, want 4", seen)
			}
		}},
		{"C07 test_waitfor_timeout", func(t *testing.T) {
			var c condition.Condition
			begin := time.Now()
			state := 0
			waiter(&c, func() bool {
				return c.WaitForTimeout(func() bool { return state == 4 }, 100*time.Millisecond)
			}, func(ok bool) {
				if ok || time.Since(begin) != 100*time.Millisecond {
					t.Errorf("%v after %v, want false after 100ms", ok, time.Since(begin))
				}
			})
			for range 3 {
				time.Sleep(10 * time.Millisecond)
				c.Lock()
				state++
				c.Notify(1)
				c.Unlock()
			}
			time.Sleep(time.Second)
		}},
		{"L18 test_reacquire", func(t *testing.T) {
			var c condition.Condition
			c.Lock()
			c.Lock()
			c.Unlock()
			c.Lock()
			c.Unlock()
			c.Unlock()
			entered := false
			go func() { c.Lock(); entered = true; c.Unlock() }()
			synctest.Wait()
			if !entered {
				t.Error("still locked after balanced unlocks")
			}
		}},
		{"L22 test_different_thread", func(t *testing.T) {
			var c condition.Condition
			c.Lock()
			var recovered any
			go func() {
				defer func() { recovered = recover() }()
				c.Unlock()
			}()
			synctest.Wait()
			if recovered == nil {
				t.Error("another goroutine unlocked it")
			}
			c.Unlock()
		}},
		{"T77 test_recursion_count", func(t *testing.T) {
			// CPython skips it, because its condition has no such method. Here the RLock under it tells.
			var r rlock.RLock
			c := condition.New(&r)
			depth := func(mine int) {
				t.Helper()
				if got := r.Depth(); got != mine {
					t.Errorf("the depth is %d, want %d", got, mine)
				}
				elsewhere(func() {
					if got := r.Depth(); got != 0 {
						t.Errorf("to another goroutine the depth is %d, want 0", got)
					}
				})
			}
			depth(0)
			c.Lock()
			c.Lock()
			c.Lock()
			depth(3)
			time.AfterFunc(time.Second, func() {
				if r.Locked() {
					t.Error("locked while the owner waits")
				}
				c.Lock() // whatever the depth was
				depth(1)
				c.Notify(1)
				c.Unlock()
			})
			c.Wait()
			depth(3)
			c.Unlock()
			depth(2)
			c.Unlock()
			c.Unlock()
			depth(0)
		}},
		{"X01 a notification in the time between the end of a wait and the return of the lock", func(t *testing.T) {
			for _, order := range [][2]time.Duration{ // who waits how long, in order of arrival
				{100 * time.Millisecond, 2 * time.Second},
				{2 * time.Second, 100 * time.Millisecond},
			} {
				var c condition.Condition
				notified := map[time.Duration]bool{}
				for _, d := range order {
					waiter(&c, func() bool { return c.WaitTimeout(d) }, func(ok bool) { notified[d] = ok })
				}
				c.Lock()
				time.Sleep(300 * time.Millisecond) // the time of one is over, and it waits for the lock
				c.Notify(1)
				c.Unlock()
				synctest.Wait()
				c.Lock()
				if len(notified) != 2 || notified[100*time.Millisecond] || !notified[2*time.Second] {
					t.Errorf("waiting for %v, notified %v; want only the one that still waited", order, notified)
				}
				c.Unlock()
			}
		}},
		{"X02 notify by one who does not hold the lock", func(t *testing.T) {
			// A lock without an owner can only tell that somebody holds it, so it is enough that somebody does.
			var l lock.Lock
			c := condition.New(&l)
			woken := 0
			for range 3 {
				waiter(c, forever(c), func(bool) { woken++ })
			}
			if p := proof.Recovered(func() { c.Notify(1) }); p != condition.ErrNotLocked {
				t.Errorf("nobody held it: Notify panicked with %v, want ErrNotLocked", p)
			}
			c.Lock()
			elsewhere(func() { c.Notify(1) })
			if woken != 0 {
				t.Error("a waiter returned without the lock")
			}
			c.Unlock()
			synctest.Wait()
			c.Lock()
			if woken != 1 {
				t.Errorf("%d woken, want 1", woken)
			}
			elsewhere(c.NotifyAll)
			c.Unlock()
			synctest.Wait()
			if woken != 3 {
				t.Errorf("%d woken, want 3", woken)
			}
			// One with an owner knows.
			for _, c := range []*condition.Condition{new(condition.Condition), condition.New(new(rlock.RLock))} {
				c.Lock()
				elsewhere(func() {
					for name, notify := range map[string]func(){"Notify": func() { c.Notify(1) }, "NotifyAll": c.NotifyAll} {
						if p := proof.Recovered(notify); p != condition.ErrNotLocked {
							t.Errorf("%s panicked with %v, want ErrNotLocked", name, p)
						}
					}
				})
				c.Unlock()
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, c.test) })
	}
}
