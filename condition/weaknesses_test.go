package condition_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// Weaknesses of CPython's own that are mended here, and what its suite does not
// pin down.
func TestWeaknessesOfCPythonAreMended(t *testing.T) {
	// bubble runs a case where time is exact.
	bubble := func(name string, test func(t *testing.T, c *condition.Condition)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, new(condition.Condition)) })
		})
	}

	// A notification is not swallowed by a waiter that has given up.
	t.Run("W01 lost notification", TestANotificationIsNeverSwallowedByAWaiterThatGaveUp)

	// One who notifies without a pause does not keep the lock from those who
	// were notified.
	t.Run("W02 starvation", TestABusyNotifierStarvesNobody)

	// A wait that is broken off leaves no waiter behind for a later
	// notification to find.
	t.Run("W03 stale waiter", TestAnUnlockThatPanicsLeavesNoWaiterBehind)

	// Over a lock with an owner nobody can wait with the lock of another. One
	// without can only tell that it is held: here as there, waiting releases
	// it, whoever holds it.
	t.Run("W04 ownership", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for name, c := range map[string]*condition.Condition{
				"default": new(condition.Condition), "RLock": condition.New(new(rlock.RLock)),
			} {
				c.Lock()
				elsewhere(func() {
					if p := proof.Recovered(c.Wait); p != condition.ErrNotLocked {
						t.Errorf("%s: Wait panicked with %v", name, p)
					}
				})
				if isFree(c) {
					t.Errorf("%s: an intruder released the lock", name)
				}
				c.Unlock()
			}
			var l lock.Lock
			c := condition.New(&l)
			c.Lock()
			go func() {
				c.WaitTimeout(time.Second)
				c.Unlock()
			}()
			synctest.Wait()
			if l.Locked() {
				t.Error("a lock without an owner knows its owner")
			}
			time.Sleep(2 * time.Second)
		})
	})

	// The time of a wait does not bound how long it takes to get the lock back,
	// which is held whenever a call returns.
	t.Run("W05 time and the lock", TestGivingUpWaitsForTheLock)

	// Waiting can be cancelled, for a reason that the waiter learns.
	bubble("W06 cancellation", func(t *testing.T, c *condition.Condition) {
		c.Lock()
		defer c.Unlock()
		for _, wait := range []func(context.Context) error{c.WaitContext, func(ctx context.Context) error {
			return c.WaitForContext(ctx, func() bool { return false })
		}} {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errCause) })
			start := time.Now()
			if err := wait(ctx); err != errCause || time.Since(start) != time.Second {
				t.Errorf("returned %v after %v", err, time.Since(start))
			}
		}
	})

	// wait_for without time evaluates its predicate exactly twice, and returns
	// what it said last.
	bubble("X03 wait_for without time", func(t *testing.T, c *condition.Condition) {
		c.Lock()
		defer c.Unlock()
		for _, last := range []bool{false, true} {
			calls := 0
			got := c.WaitForTimeout(func() bool { calls++; return last && calls == 2 }, 0)
			if got != last || calls != 2 {
				t.Errorf("returned %v after %d evaluations", got, calls)
			}
		}
	})
}

// CPython runs the tests of RLock on a Condition, too: over its own lock it has
// to behave as that does. What a Condition does not say itself (whether it is
// held, how deep, by whom) its RLock does. L06, L07 and L11 have no meaning,
// because a Condition can be tried or acquired with a timeout only through its
// lock; nor have L14 to L17, which are of Lock.
func TestAConditionIsAReentrantLock(t *testing.T) {
	run := func(name string, test func(t *testing.T, c *condition.Condition, r *rlock.RLock)) {
		t.Run(name, func(t *testing.T) {
			for over, c := range map[string]*condition.Condition{
				"its own": new(condition.Condition), "New(nil)": condition.New(nil), "given": condition.New(new(rlock.RLock)),
			} {
				t.Run(over, func(t *testing.T) { test(t, c, c.Locker().(*rlock.RLock)) })
			}
		})
	}
	notOwner := func(t *testing.T, release func()) {
		t.Helper()
		if p, _ := proof.Recovered(release).(error); !errors.Is(p, rlock.ErrNotOwner) {
			t.Errorf("panicked with %v, want ErrNotOwner", p)
		}
	}

	// One can be made and dropped, also while it is held.
	run("L01 test_constructor and L04 test_acquire_destroy", func(*testing.T, *condition.Condition, *rlock.RLock) {
		_ = new(condition.Condition)
		new(condition.Condition).Lock()
		runtime.GC()
	})

	// A fresh one says that it is free, a held one that it is held.
	run("L02 test_repr and L03 test_locked_repr", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		if r.Locked() {
			t.Error("locked at first")
		}
		c.Lock()
		if !r.Locked() {
			t.Error("not locked although it is held")
		}
		c.Unlock()
	})

	run("L05 test_acquire_release", func(t *testing.T, c *condition.Condition, _ *rlock.RLock) {
		c.Lock()
		c.Unlock()
		usable(t, c)
	})

	// Five wait until the holder releases, and then all get their turn.
	t.Run("L08 test_acquire_contended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var (
				c     condition.Condition
				wg    sync.WaitGroup
				count int
			)
			c.Lock()
			for range 5 {
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					count++
				})
			}
			synctest.Wait()
			if count != 0 {
				t.Errorf("%d acquired a lock that is held", count)
			}
			c.Unlock()
			wg.Wait()
			if count != 5 {
				t.Errorf("%d of 5 acquired the lock", count)
			}
		})
	})

	// The block form releases when the block ends, also when it raises.
	run("L09 test_with", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		for _, raise := range []any{nil, errCause} {
			raised := proof.Recovered(func() {
				c.Lock()
				defer c.Unlock()
				if !r.Owned() {
					t.Error("free inside the block")
				}
				if raise != nil {
					panic(raise)
				}
			})
			if raised != raise || r.Locked() {
				t.Errorf("raised %v, locked %v", raised, r.Locked())
			}
		}
	})

	// Fifteen goroutines that are nothing to it use it and leave nothing
	// behind; synctest would see them.
	t.Run("L10 test_thread_leak", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var (
				c  condition.Condition
				wg sync.WaitGroup
			)
			for range 15 {
				wg.Go(func() {
					c.Lock()
					c.Unlock()
				})
			}
			wg.Wait()
			usable(t, &c)
		})
	})

	// Acquired and released in turn, in any nesting.
	run("L18 test_reacquire", func(t *testing.T, c *condition.Condition, _ *rlock.RLock) {
		c.Lock()
		c.Lock()
		c.Unlock()
		c.Lock()
		c.Unlock()
		c.Unlock()
		usable(t, c)
	})

	// Releasing what is not acquired is an error, before as after.
	run("L19 test_release_unacquired", func(t *testing.T, c *condition.Condition, _ *rlock.RLock) {
		notOwner(t, c.Unlock)
		c.Lock()
		c.Lock()
		c.Unlock()
		c.Lock()
		c.Unlock()
		c.Unlock()
		notOwner(t, c.Unlock)
		usable(t, c)
	})

	// So is the complete release, of which a wait consists.
	run("L20 test_release_save_unacquired", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		notOwner(t, func() { r.UnlockAll() })
		c.Lock()
		c.Unlock()
		notOwner(t, func() { r.UnlockAll() })
		usable(t, c)
	})

	// The owner's depth is 0, 1, 3, 2, 0; that of others is always 0.
	run("L21 test_recursion_count", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		for _, step := range []struct {
			change []func()
			depth  int
		}{
			{nil, 0},
			{[]func(){c.Lock}, 1},
			{[]func(){c.Lock, c.Lock}, 3},
			{[]func(){c.Unlock}, 2},
			{[]func(){func() { c.WaitTimeout(0) }}, 2},
			{[]func(){c.Unlock, c.Unlock}, 0},
		} {
			for _, change := range step.change {
				change()
			}
			if got := r.Depth(); got != step.depth {
				t.Errorf("the owner's depth is %d, want %d", got, step.depth)
			}
			elsewhere(func() {
				if got := r.Depth(); got != 0 {
					t.Errorf("another's depth is %d", got)
				}
			})
		}
	})

	// Nobody but the owner can release it, dead or alive.
	run("L22 test_different_thread", func(t *testing.T, c *condition.Condition, _ *rlock.RLock) {
		c.Lock()
		elsewhere(func() { notOwner(t, c.Unlock) })
		c.Unlock()
		usable(t, c)
	})

	// Owned is true for the owner only, until the last release.
	run("L23 test__is_owned", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		for i, step := range []func(){func() {}, c.Lock, c.Lock, c.Unlock, c.Unlock} {
			step()
			if got, want := r.Owned(), i > 0 && i < 4; got != want {
				t.Errorf("step %d: Owned is %v", i, got)
			}
			elsewhere(func() {
				if r.Owned() {
					t.Errorf("step %d: another owns it", i)
				}
			})
		}
	})

	// What it says of its depth and of being held, to the owner and to another.
	// Depth and Locked stand for repr.
	run("L24 test_repr_count and L25 test_locked", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		for i, step := range []func(){func() {}, c.Lock, c.Lock, c.Unlock, c.Unlock} {
			step()
			depth := []int{0, 1, 2, 1, 0}[i]
			if r.Depth() != depth || r.Locked() != (depth > 0) {
				t.Errorf("step %d: Depth is %d, Locked is %v", i, r.Depth(), r.Locked())
			}
			elsewhere(func() {
				if r.Depth() != 0 || r.Locked() != (depth > 0) {
					t.Errorf("step %d: to another Depth is %d, Locked is %v", i, r.Depth(), r.Locked())
				}
			})
		}
	})

	// It is held although the one who acquired it has ended.
	run("L26 test_locked_with_2threads", func(t *testing.T, c *condition.Condition, r *rlock.RLock) {
		if r.Locked() {
			t.Error("locked at first")
		}
		elsewhere(c.Lock)
		if !r.Locked() || r.Owned() {
			t.Errorf("Locked is %v, Owned is %v", r.Locked(), r.Owned())
		}
	})
}
