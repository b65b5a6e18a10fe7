package condition_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
)

// TestConformance holds the cases of CPython's ConditionTests (lock_tests.py), in our words. CPython runs its RLockTests
// on a Condition as well; those are at the end.
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
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, c.test) })
	}
}
