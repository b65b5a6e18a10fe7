package condition_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// A foreign is a Locker that this module did not make, and that cannot tell
// anything.
type foreign struct{ turn chan bool }

func newForeign() *foreign  { return &foreign{make(chan bool, 1)} }
func (f *foreign) Lock()    { f.turn <- true }
func (f *foreign) Unlock()  { <-f.turn }
func newOwn() sync.Locker   { return nil }
func newLock() sync.Locker  { return new(lock.Lock) }
func newRLock() sync.Locker { return new(rlock.RLock) }

// lockers are what a Condition is tried over. A sync.Mutex is not durable in a
// bubble when somebody waits for it, so it has a test of its own.
var lockers = map[string]func() sync.Locker{
	"own": newOwn, "lock": newLock, "rlock": newRLock, "foreign": func() sync.Locker { return newForeign() },
}

func overEach(t *testing.T, test func(t *testing.T, c *condition.Condition)) {
	for name, l := range lockers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, condition.New(l())) })
		})
	}
}

// waiter starts a goroutine that waits with the lock held and then records its
// name.
func waiter(c *condition.Condition, wait func() bool, then func(notified bool)) {
	go func() {
		c.Lock()
		defer c.Unlock()
		then(wait())
	}()
	synctest.Wait()
}

func forever(c *condition.Condition) func() bool {
	return func() bool { c.Wait(); return true }
}

func notify(c *condition.Condition, n int) {
	c.Lock()
	c.Notify(n)
	c.Unlock()
	synctest.Wait()
}

func TestNotifyWakesExactlyTheFirstN(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		var order []int
		for i := range 8 {
			waiter(c, forever(c), func(bool) { order = append(order, i) })
		}
		for _, step := range []struct {
			n    int
			want []int
		}{{0, nil}, {-1, nil}, {math.MinInt, nil}, {1, []int{0}}, {1, []int{0, 1}}, {3, []int{0, 1, 2, 3, 4}}, {100, []int{0, 1, 2, 3, 4, 5, 6, 7}}} {
			notify(c, step.n)
			c.Lock()
			slices.Sort(order) // those woken together compete for the lock
			if !slices.Equal(order, step.want) {
				t.Errorf("after Notify(%d) %v have returned, want %v", step.n, order, step.want)
			}
			c.Unlock()
		}
		notify(c, 5) // nobody is there, and it is not remembered
		waiter(c, func() bool { return c.WaitTimeout(time.Second) }, func(notified bool) {
			if notified {
				t.Error("a notification was kept for one who came later")
			}
		})
		time.Sleep(2 * time.Second)
	})
}

func TestNotifyAllWakesEverybody(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		var woken atomic.Int32
		for range 300 {
			waiter(c, forever(c), func(bool) { woken.Add(1) })
		}
		c.Lock()
		c.NotifyAll()
		if woken.Load() != 0 {
			t.Error("somebody returned while the notifier had the lock")
		}
		c.Unlock()
		synctest.Wait()
		if woken.Load() != 300 {
			t.Errorf("%d of 300 returned", woken.Load())
		}
	})
}

// CPython: A waits 0.1 s and B 2 s; the lock is held for 0.3 s, in which A's
// time runs out; one notification follows. There it goes to A, who reports a
// timeout, and B is not woken. Here A has left, and B gets it.
func TestANotificationIsNotSwallowedByOneWhoGaveUp(t *testing.T) {
	for _, byContext := range []bool{false, true} {
		overEach(t, func(t *testing.T, c *condition.Condition) {
			begin := time.Now()
			within := func(d time.Duration) func() bool {
				return func() bool {
					if !byContext {
						return c.WaitTimeout(d)
					}
					ctx, cancel := context.WithTimeout(t.Context(), d)
					defer cancel()
					return c.WaitContext(ctx) == nil
				}
			}
			waiter(c, within(100*time.Millisecond), func(notified bool) {
				if notified || time.Since(begin) != 300*time.Millisecond {
					t.Errorf("A: notified %v after %v, want false after 300ms, when it had the lock again", notified, time.Since(begin))
				}
			})
			waiter(c, within(2*time.Second), func(notified bool) {
				if !notified || time.Since(begin) != 300*time.Millisecond {
					t.Errorf("B: notified %v after %v, want true after 300ms", notified, time.Since(begin))
				}
			})
			c.Lock()
			time.Sleep(300 * time.Millisecond)
			c.Notify(1)
			c.Unlock()
			time.Sleep(10 * time.Second)
		})
	}
}

// And the other way round: one that was picked reports so, however late it gets
// the lock back.
func TestOneThatWasPickedReportsItAfterItsTime(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		waiter(c, func() bool { return c.WaitTimeout(time.Second) }, func(notified bool) {
			if !notified {
				t.Error("a waiter that was notified in time reported a timeout")
			}
		})
		c.Lock()
		c.Notify(1)
		time.Sleep(time.Minute)
		c.Unlock()
		synctest.Wait()
	})
}

func TestGivingUpInTheMiddleLeavesTheOthersInOrder(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		var order []int
		for i := range 7 {
			wait := forever(c)
			if i%3 == 1 {
				wait = func() bool { return c.WaitTimeout(time.Second) }
			}
			waiter(c, wait, func(notified bool) {
				if notified {
					order = append(order, i)
				}
			})
		}
		time.Sleep(2 * time.Second)
		for range 5 {
			notify(c, 1)
		}
		c.Lock()
		defer c.Unlock()
		if !slices.Equal(order, []int{0, 2, 3, 5, 6}) {
			t.Errorf("notified in order %v, want 0 2 3 5 6", order)
		}
	})
}

func TestLimits(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		begin := time.Now()
		why := errors.New("why")
		c.Lock()
		defer c.Unlock()
		if c.WaitTimeout(3*time.Second) || time.Since(begin) != 3*time.Second {
			t.Errorf("gave up after %v, want 3s", time.Since(begin))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		if err := c.WaitContext(ctx); err != why || time.Since(begin) != 4*time.Second {
			t.Errorf("%v after %v, want the cause after 4s", err, time.Since(begin))
		}
		time.AfterFunc(1000*time.Hour, func() { c.Lock(); c.Notify(1); c.Unlock() })
		if !c.WaitTimeout(math.MaxInt64) {
			t.Error("gave up for ever")
		}
		// The lock is kept, and no predicate is asked, if ctx has ended
		// already.
		stolen := false
		go func() { c.Lock(); stolen = true; c.Unlock() }()
		synctest.Wait()
		asked := false
		if err := c.WaitContext(ctx); err != why {
			t.Errorf("WaitContext with an ended ctx: %v", err)
		}
		if err := c.WaitForContext(ctx, func() bool { asked = true; return true }); err != why || asked {
			t.Errorf("WaitForContext with an ended ctx: %v, asked %v", err, asked)
		}
		if stolen {
			t.Error("the lock was released")
		}
		// With no time at all, others get their chance.
		for tries := 0; !stolen; tries++ {
			if c.WaitTimeout(0) {
				t.Error("WaitTimeout(0) was notified by nobody")
			}
			if tries > 1_000_000 {
				t.Fatal("WaitTimeout(0) does not let go of the lock")
			}
		}
		stolen = false
		go func() { c.Lock(); stolen = true; c.Unlock() }()
		synctest.Wait()
		asks := 0
		for tries := 0; !c.WaitForTimeout(func() bool { asks++; return stolen }, -1); tries++ {
			if asks != 2*tries+2 {
				t.Fatalf("WaitForTimeout(-1) asked %d times in %d calls", asks, tries+1)
			}
			if tries > 1_000_000 {
				t.Fatal("WaitForTimeout(-1) does not let go of the lock")
			}
		}
	})
}

func TestWaitForAsksAsPythonDoes(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		// At once, and a true predicate does not wait.
		c.Lock()
		asked := 0
		yes := func() bool { asked++; return true }
		c.WaitFor(yes)
		if !c.WaitForTimeout(yes, time.Second) || c.WaitForContext(t.Context(), yes) != nil || asked != 3 {
			t.Errorf("a true predicate was asked %d times, want 3", asked)
		}
		c.Unlock()
		// After each notification.
		state := 0
		asked = 0
		done := false
		go func() {
			c.Lock()
			defer c.Unlock()
			c.WaitFor(func() bool { asked++; return state == 4 })
			done = state == 4
		}()
		synctest.Wait()
		for range 4 {
			c.Lock()
			state++
			c.NotifyAll()
			c.Unlock()
			synctest.Wait()
		}
		c.Lock()
		if !done || asked != 5 {
			t.Errorf("done %v, asked %d times, want true, 5", done, asked)
		}
		// The deadline is that of the whole call, and the predicate is asked
		// once more when it has passed.
		begin := time.Now()
		asked = 0
		for i := range 3 {
			time.AfterFunc(time.Duration(i+1)*3*time.Second, func() { c.Lock(); c.NotifyAll(); c.Unlock() })
		}
		if c.WaitForTimeout(func() bool { asked++; return false }, 10*time.Second) ||
			time.Since(begin) != 10*time.Second || asked != 5 {
			t.Errorf("gave up after %v and %d questions, want 10s and 5", time.Since(begin), asked)
		}
		// Success beats the deadline.
		ready := false
		time.AfterFunc(time.Second, func() { c.Lock(); ready = true; c.Unlock() }) // without notifying
		if !c.WaitForTimeout(func() bool { return ready }, 2*time.Second) {
			t.Error("a predicate that was true when the time had run out was not asked")
		}
		ready = false
		time.AfterFunc(time.Second, func() { c.Lock(); ready = true; c.Unlock() })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.WaitForContext(ctx, func() bool { return ready }); err != nil {
			t.Errorf("a predicate that was true when ctx ended was not asked: %v", err)
		}
		c.Unlock()
		synctest.Wait()
	})
}

func TestAPredicateThatPanicsLeavesTheLockHeld(t *testing.T) {
	overEach(t, func(t *testing.T, c *condition.Condition) {
		for _, waits := range []int{0, 2} {
			done := false
			go func() {
				defer func() {
					done = recover() == "no"
					c.Unlock() // which it could not if the lock were not held
				}()
				c.Lock()
				c.WaitForTimeout(func() bool {
					if waits == 0 {
						panic("no")
					}
					waits--
					return false
				}, time.Minute)
			}()
			synctest.Wait()
			notify(c, 1)
			notify(c, 1)
			if !done {
				t.Error("the panic did not come through")
			}
		}
		ok := false
		waiter(c, forever(c), func(bool) { ok = true })
		notify(c, 1)
		c.Lock()
		defer c.Unlock()
		if !ok {
			t.Error("the condition is not usable any more")
		}
	})
}

func TestAReentrantLockIsReleasedCompletely(t *testing.T) {
	for _, own := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var l rlock.RLock
			c := new(condition.Condition)
			if !own {
				c = condition.New(&l)
			}
			done := false
			go func() {
				for range 3 {
					c.Lock()
				}
				c.Wait()
				if !own && l.Depth() != 3 {
					t.Errorf("depth %d afterwards, want 3", l.Depth())
				}
				for range 3 {
					c.Unlock()
				}
				done = true
			}()
			synctest.Wait()
			notify(c, 1) // which can lock because the waiter let go of all three
			if !done {
				t.Error("the waiter did not return")
			}
		})
	}
}

func TestMisusePanicsWhereItCanBeKnown(t *testing.T) {
	free := map[string]*condition.Condition{"own": condition.New(nil), "zero": new(condition.Condition),
		"lock": condition.New(new(lock.Lock)), "rlock": condition.New(new(rlock.RLock))}
	others := map[string]*condition.Condition{"own by another": condition.New(nil), "rlock by another": condition.New(new(rlock.RLock))}
	for _, c := range others {
		done := make(chan bool)
		go func() { c.Lock(); close(done) }()
		<-done
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	yes := func() bool { t.Error("asked without the lock"); return true }
	for _, conditions := range []map[string]*condition.Condition{free, others} {
		for name, c := range conditions {
			for call, f := range map[string]func(){
				"Wait": c.Wait, "WaitTimeout": func() { c.WaitTimeout(time.Second) }, "WaitTimeout(0)": func() { c.WaitTimeout(0) },
				"WaitContext": func() { c.WaitContext(ended) }, "WaitFor": func() { c.WaitFor(yes) },
				"WaitForTimeout": func() { c.WaitForTimeout(yes, time.Second) }, "WaitForTimeout(0)": func() { c.WaitForTimeout(yes, 0) },
				"WaitForContext": func() { c.WaitForContext(ended, yes) },
				"Notify":         func() { c.Notify(1) }, "Notify(0)": func() { c.Notify(0) }, "NotifyAll": c.NotifyAll,
			} {
				func() {
					defer func() {
						if r := recover(); r != condition.ErrNotLocked {
							t.Errorf("%s: %s without the lock: recovered %v, want ErrNotLocked", name, call, r)
						}
					}()
					f()
				}()
			}
		}
	}
	for name, c := range free {
		c.Lock()
		c.NotifyAll()
		c.Unlock()
		_ = name
	}
}

// A broken is a Locker whose Unlock panics when it is told to.
type broken struct {
	l      lock.Lock
	panics bool
}

func (b *broken) Lock() { b.l.Lock() }

func (b *broken) Unlock() {
	if b.panics {
		b.panics = false
		panic("unlock")
	}
	b.l.Unlock()
}

func TestALockThatCannotBeReleasedLeavesNoWaiterBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(broken)
		c := condition.New(l)
		for _, limited := range []bool{false, true} {
			l.Lock()
			l.panics = true
			func() {
				defer func() {
					if r := recover(); r != "unlock" {
						t.Errorf("recovered %v", r)
					}
				}()
				if limited {
					c.WaitForTimeout(func() bool { return false }, time.Second)
				} else {
					c.Wait()
				}
			}()
			l.Unlock()
			ok := false
			waiter(c, forever(c), func(bool) { ok = true })
			notify(c, 1)
			if !ok {
				t.Fatal("the notification went to a waiter that is gone")
			}
		}
	})
}

// A million notifications race limits. There is always one who waits without a
// limit, so each notification must end exactly one wait with true.
func TestNotificationsAreConserved(t *testing.T) {
	rounds := 1_000_000
	switch {
	case testing.Short():
		rounds = 20_000
	case proof.Race: // ten times slower
		rounds = 100_000
	}
	for name, l := range map[string]func() sync.Locker{"rlock": newRLock, "sync.Mutex": func() sync.Locker { return new(sync.Mutex) }} {
		t.Run(name, func(t *testing.T) {
			c := condition.New(l())
			var (
				gaveUp int  // under the lock, as the next two
				ready  bool // the one without a limit waits
				over   bool
				wg     sync.WaitGroup
				taken  = make(chan bool, 8)
			)
			for i := range 5 {
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					for !over {
						notified := true
						switch {
						case i == 0:
							ready = true
							c.Wait()
						case i%2 == 0:
							notified = c.WaitTimeout(time.Duration(1 + rand.IntN(20_000)))
						default:
							ctx, cancel := context.WithCancel(context.Background())
							go cancel()
							notified = c.WaitContext(ctx) == nil
						}
						if notified {
							taken <- true
						} else {
							gaveUp++
						}
					}
				})
			}
			late := time.AfterFunc(5*time.Minute, func() { panic("a notification was lost") })
			defer late.Stop()
			for begun := false; !begun; runtime.Gosched() {
				c.Lock()
				begun = ready
				c.Unlock()
			}
			for range rounds {
				c.Lock()
				c.Notify(1)
				c.Unlock()
				<-taken
			}
			c.Lock()
			if len(taken) > 0 {
				t.Errorf("%d waits too many were notified", len(taken))
			}
			over = true
			c.NotifyAll()
			c.Unlock()
			wg.Wait()
			t.Logf("%d gave up", gaveUp)
			if gaveUp == 0 {
				t.Error("nobody gave up: this was no race")
			}
		})
	}
}

// shared is used outside, in one bubble, in another, and outside again.
var shared condition.Condition

func TestAPackageLevelConditionWorksInAndOutOfBubbles(t *testing.T) {
	use := func(t *testing.T) {
		var wg sync.WaitGroup
		ready := 0
		for i := range 3 {
			wg.Go(func() {
				shared.Lock()
				defer shared.Unlock()
				ready++
				switch i {
				case 0:
					shared.Wait()
				case 1:
					shared.WaitTimeout(time.Hour)
				case 2:
					shared.WaitContext(t.Context())
				}
			})
		}
		for {
			shared.Lock()
			all := ready == 3
			if all {
				shared.NotifyAll()
			}
			shared.Unlock()
			if all {
				break
			}
			runtime.Gosched()
		}
		wg.Wait()
	}
	use(t)
	synctest.Test(t, use)
	synctest.Test(t, use)
	use(t)
}

func TestNothingIsAllocatedButForALimit(t *testing.T) {
	c := condition.New(new(lock.Lock))
	c.Lock()
	if n := testing.AllocsPerRun(1000, func() { c.Notify(1); c.NotifyAll() }); n != 0 {
		t.Errorf("Notify without waiters allocates %v times", n)
	}
	if n := testing.AllocsPerRun(1000, func() { c.WaitTimeout(0) }); n != 0 {
		t.Errorf("WaitTimeout(0) allocates %v times", n)
	}
	c.Unlock()
}

// What was written before Notify, under the lock or before it, is seen after
// the wait; the race detector judges.
func TestNotifySynchronizesBeforeTheReturnOfTheWait(t *testing.T) {
	for _, l := range []func() sync.Locker{newOwn, newLock, newRLock, func() sync.Locker { return new(sync.Mutex) }} {
		for range 500 {
			c := condition.New(l())
			plain, ready := 0, false
			var wg sync.WaitGroup
			for _, wait := range []func(){
				func() { c.WaitFor(func() bool { return ready }) },
				func() { c.WaitForTimeout(func() bool { return ready }, time.Hour) },
				func() { c.WaitForContext(t.Context(), func() bool { return ready }) },
			} {
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					wait()
					if plain != 1 {
						t.Error("not published")
					}
				})
			}
			plain = 1
			c.Lock()
			ready = true
			c.NotifyAll()
			c.Unlock()
			wg.Wait()
		}
	}
}
