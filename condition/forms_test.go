package condition_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

func TestNotifyWakesExactlyNOfThoseWhoHaveWaitedLongest(t *testing.T) {
	const waiters = 7
	for _, n := range []int{math.MinInt, -1, 0, 1, 2, 6, 7, 8, math.MaxInt} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			eachKind(t, func(t *testing.T, c *condition.Condition) {
				q := newLine(t, c, waiters)
				want := min(max(n, 0), waiters)
				if woken := sorted(q.notify(n)); !slices.Equal(woken, upTo(want)) {
					t.Errorf("Notify(%d) woke %v, want the first %d", n, woken, want)
				}
				if got := c.Listed(); got != waiters-want {
					t.Errorf("%d are still on the list, want %d", got, waiters-want)
				}
				c.Lock()
				c.NotifyAll()
				c.Unlock()
				if rest := q.settled(); len(rest) != waiters-want {
					t.Errorf("NotifyAll woke %d, want %d", len(rest), waiters-want)
				}
				q.wg.Wait()
			})
		})
	}
}

func TestOneNotifyAfterAnotherIsFIFO(t *testing.T) {
	eachKind(t, func(t *testing.T, c *condition.Condition) {
		waiters := len(patient())
		q := newLine(t, c, waiters)
		for i := range waiters {
			if woken := q.notify(1); !slices.Equal(woken, []int{i}) {
				t.Fatalf("notification %d woke %v", i, woken)
			}
		}
	})
}

func TestEachNotificationPicksAnother(t *testing.T) {
	eachKind(t, func(t *testing.T, c *condition.Condition) {
		q := newLine(t, c, 5)
		c.Lock()
		for range 2 { // before the first has run
			c.Notify(1)
		}
		c.Notify(2)
		c.Unlock()
		if woken := sorted(q.settled()); !slices.Equal(woken, upTo(4)) {
			t.Errorf("four notifications woke %v", woken)
		}
		q.notify(1)
		q.wg.Wait()
	})
}

func TestANotificationIsNotRemembered(t *testing.T) {
	eachKind(t, func(t *testing.T, c *condition.Condition) {
		c.Lock()
		defer c.Unlock()
		for range 3 {
			c.Notify(1)
			c.NotifyAll()
		}
		for _, form := range impatient() {
			start := time.Now()
			if form.wait(c, time.Second) || time.Since(start) != time.Second {
				t.Errorf("%s was notified before it waited", form.name)
			}
		}
	})
}

// Nobody's wait ends but by a notification or by giving up: not by the others',
// nor by the lock going to and fro.
func TestThereAreNoSpuriousWakeups(t *testing.T) {
	eachKind(t, func(t *testing.T, c *condition.Condition) {
		q := newLine(t, c, 3)
		for _, form := range impatient() {
			for range 10 {
				c.Lock()
				if form.wait(c, time.Second) {
					t.Errorf("%s says that it was notified", form.name)
				}
				c.Notify(0)
				c.Notify(-1)
				c.WaitTimeout(0)
				c.Unlock()
			}
		}
		if woken := q.settled(); len(woken) > 0 {
			t.Errorf("%v were woken by nobody", woken)
		}
		c.Lock()
		c.NotifyAll()
		c.Unlock()
		q.wg.Wait()
	})
}

// The end of a wait is the return of the lock, whoever holds it meanwhile and
// for however long: the time and the context bound the wait for the
// notification only.
func TestANotifiedWaiterReturnsWhenTheLockIsFree(t *testing.T) {
	forms := patient()
	for _, l := range impatient() {
		forms = append(forms, form{l.name, func(c *condition.Condition) bool { return l.wait(c, 2*time.Second) }})
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			eachDurableKind(t, func(t *testing.T, c *condition.Condition) {
				q := &line{c: c}
				q.wait(t, 0, form)
				time.Sleep(time.Second)
				c.Lock()
				c.Notify(1)
				if woken := q.settled(); len(woken) > 0 {
					t.Error("returned although the lock is held by another")
				}
				time.Sleep(time.Hour)
				if woken := q.settled(); len(woken) > 0 {
					t.Error("returned although the lock is held by another")
				}
				c.Unlock()
				if woken := q.settled(); len(woken) != 1 {
					t.Error("did not return although the lock is free")
				}
			})
		})
	}
}

func TestTheLockIsHeldWheneverACallReturns(t *testing.T) {
	no := func() bool { return false }
	yes := func() bool { return true }
	eachKind(t, func(t *testing.T, c *condition.Condition) {
		check := func(name string, call func()) {
			t.Helper()
			call()
			if isFree(c) {
				t.Errorf("%s: returned without the lock", name)
			}
		}
		c.Lock()
		defer c.Unlock()
		for _, form := range patient() {
			check(form.name+", notified", func() {
				go func() {
					c.Lock()
					c.Notify(1)
					c.Unlock()
				}()
				if !form.wait(c) {
					t.Errorf("%s was not notified", form.name)
				}
			})
		}
		for _, form := range impatient() {
			check(form.name+", given up", func() {
				if form.wait(c, time.Second) {
					t.Errorf("%s was notified", form.name)
				}
			})
		}
		for _, form := range impatientFor() {
			check(form.name+", given up", func() {
				if form.wait(c, time.Second, no) {
					t.Errorf("%s succeeded", form.name)
				}
			})
			check(form.name+", true at once", func() {
				if !form.wait(c, time.Second, yes) {
					t.Errorf("%s gave up", form.name)
				}
			})
		}
		for _, d := range []time.Duration{0, -1, math.MinInt64} {
			check("WaitTimeout of no time", func() {
				if c.WaitTimeout(d) {
					t.Error("WaitTimeout of no time was notified")
				}
			})
			check("WaitForTimeout of no time", func() {
				if c.WaitForTimeout(no, d) {
					t.Error("WaitForTimeout of no time succeeded")
				}
			})
		}
		ended, cancel := context.WithCancelCause(context.Background())
		cancel(errCause)
		check("WaitContext, ended", func() {
			if err := c.WaitContext(ended); err != errCause {
				t.Errorf("WaitContext returned %v", err)
			}
		})
		check("WaitForContext, ended", func() {
			if err := c.WaitForContext(ended, no); err != errCause {
				t.Errorf("WaitForContext returned %v", err)
			}
		})
		check("WaitFor, true at once", func() { c.WaitFor(yes) })
		check("Notify", func() { c.Notify(1); c.NotifyAll() })
	})
}

func TestAReentrantLockIsReleasedCompletelyAndTakenBackAtItsDepth(t *testing.T) {
	waits := patient()
	for _, l := range impatient() {
		waits = append(waits, form{l.name, func(c *condition.Condition) bool { return l.wait(c, time.Second) }})
	}
	for name, newCondition := range map[string]func() *condition.Condition{
		"zero value":  func() *condition.Condition { return new(condition.Condition) },
		"New(nil)":    func() *condition.Condition { return condition.New(nil) },
		"rlock.RLock": func() *condition.Condition { return condition.New(new(rlock.RLock)) },
		"foreign":     func() *condition.Condition { return condition.New(new(counting)) },
	} {
		for _, wait := range waits {
			t.Run(name+"/"+wait.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCondition()
					l := c.Locker().(interface{ Depth() int })
					for depth := 1; depth <= 3; depth++ {
						done := make(chan struct{})
						go func() {
							defer close(done)
							for range depth {
								c.Lock()
							}
							wait.wait(c)
							if got := l.Depth(); got != depth {
								t.Errorf("taken back at depth %d, want %d", got, depth)
							}
							for range depth {
								if isFree(c) {
									t.Error("free before the last Unlock")
								}
								c.Unlock()
							}
						}()
						synctest.Wait()
						c.Lock() // would wait for ever if it were not released completely
						c.Notify(1)
						c.Unlock()
						<-done
						for _, form := range impatient() { // and when they give up
							for range depth {
								c.Lock()
							}
							if form.wait(c, time.Second) {
								t.Errorf("%s was notified by nobody", form.name)
							}
							if got := l.Depth(); got != depth {
								t.Errorf("%s gave up and took it back at depth %d, want %d", form.name, got, depth)
							}
							for range depth {
								c.Unlock()
							}
						}
						// And without time, where it is another path.
						for range depth {
							c.Lock()
						}
						c.WaitTimeout(0)
						if got := l.Depth(); got != depth {
							t.Errorf("WaitTimeout(0) took it back at depth %d, want %d", got, depth)
						}
						for range depth {
							c.Unlock()
						}
					}
					usable(t, c)
				})
			})
		}
	}
}

// Without time the lock is released and acquired once, so that others get in,
// and the answer comes at once.
func TestNoTimeReleasesTheLockOnce(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l counting
				c := condition.New(&l)
				start := time.Now()
				c.Lock()
				check := func(name string, got, want bool) {
					t.Helper()
					if got != want {
						t.Errorf("%s is %v", name, got)
					}
					if l.released != 1 || l.acquired != 1 {
						t.Errorf("%s released the lock %d times and acquired it %d times", name, l.released, l.acquired)
					}
					if n := c.Listed(); n != 0 {
						t.Errorf("%s left %d waiters", name, n)
					}
					l.released, l.acquired = 0, 0
				}
				check("WaitTimeout", c.WaitTimeout(d), false)
				var releases []int // before each evaluation
				pred := func() bool {
					releases = append(releases, l.released)
					return len(releases) == 4
				}
				check("WaitForTimeout", c.WaitForTimeout(pred, d), false)
				check("WaitForTimeout, true the second time", c.WaitForTimeout(pred, d), true)
				if !slices.Equal(releases, []int{0, 1, 0, 1}) {
					t.Errorf("released %v times before each evaluation, want 0, 1, 0, 1", releases)
				}
				c.Unlock()
				if waited := time.Since(start); waited != 0 {
					t.Errorf("waited for %v", waited)
				}

				// Others do get in: a lock that is handed over goes to whoever
				// waits for it.
				c = condition.New(newChannelLock())
				c.Lock()
				ready := false
				go func() {
					c.Lock()
					ready = true
					c.Unlock()
				}()
				synctest.Wait()
				if !c.WaitForTimeout(func() bool { return ready }, d) {
					t.Error("nobody else got the lock")
				}
				c.Unlock()
			})
		})
	}
}

// Whoever waits for the lock gets it meanwhile, also if it is a lock that
// favours those who run.
func TestNoTimeLetsOthersHaveTheLock(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			defer proof.Watch(t)()
			const rounds = 40
			had := 0
			for range rounds {
				var (
					c     = kind.new()
					ready = false
					done  = make(chan struct{})
				)
				c.Lock()
				go func() {
					defer close(done)
					c.Lock()
					ready = true
					c.Unlock()
				}()
				for range 10 {
					runtime.Gosched() // on one processor, so that it waits for the lock
				}
				if c.WaitForTimeout(func() bool { return ready }, 0) {
					had++
				}
				c.Unlock()
				<-done
			}
			if had < rounds/2 { // not all: the runtime may preempt either of them
				t.Errorf("another had the lock in %d rounds of %d", had, rounds)
			}
		})
	}
}

func TestAContextEndedBeforeKeepsTheLockAndCallsNothing(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errCause)
	passed, cancelPassed := context.WithTimeout(context.Background(), 0)
	defer cancelPassed()
	own := proof.NewForeign()
	own.End()
	for name, ctx := range map[string]context.Context{"cancelled": cancelled, "deadline": passed, "foreign": own} {
		t.Run(name, func(t *testing.T) {
			var l counting
			c := condition.New(&l)
			pred := func() bool {
				t.Error("the predicate was called")
				return true
			}
			c.Lock()
			if err := c.WaitContext(ctx); err == nil || err != context.Cause(ctx) {
				t.Errorf("WaitContext returned %v", err)
			}
			if err := c.WaitForContext(ctx, pred); err == nil || err != context.Cause(ctx) {
				t.Errorf("WaitForContext returned %v", err)
			}
			if l.released != 0 || l.acquired != 0 {
				t.Error("the lock was released")
			}
			c.Unlock()
			usable(t, c)
		})
	}
}

func TestAContextThatEndsMeanwhileReturnsItsCause(t *testing.T) {
	waits := map[string]func(*condition.Condition, context.Context) error{
		"WaitContext": (*condition.Condition).WaitContext,
		"WaitForContext": func(c *condition.Condition, ctx context.Context) error {
			return c.WaitForContext(ctx, func() bool { return false })
		},
	}
	for name, c := range map[string]struct {
		context func() (ctx context.Context, end func())
		want    error
	}{
		"cancel": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			return ctx, cancel
		}, context.Canceled},
		"cancel of the parent with a cause": {func() (context.Context, func()) {
			parent, cancel := context.WithCancelCause(context.Background())
			ctx, stop := context.WithTimeout(parent, 100*year)
			return ctx, func() { cancel(errCause); stop() }
		}, errCause},
		"deadline": {func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			return ctx, func() { time.Sleep(2 * time.Second); cancel() }
		}, context.DeadlineExceeded},
		"foreign": {func() (context.Context, func()) {
			ctx := proof.NewForeign()
			return ctx, ctx.End
		}, proof.ErrForeign},
	} {
		for method, wait := range waits {
			t.Run(method+"/"+name, func(t *testing.T) {
				eachKind(t, func(t *testing.T, cond *condition.Condition) {
					ctx, end := c.context()
					result := make(chan error, 1)
					go func() {
						cond.Lock()
						defer cond.Unlock()
						result <- wait(cond, ctx)
					}()
					synctest.Wait()
					select {
					case err := <-result:
						t.Fatalf("returned %v before its context ended", err)
					default:
					}
					end()
					if err := <-result; !errors.Is(err, c.want) || err != context.Cause(ctx) {
						t.Errorf("returned %v, want %v", err, c.want)
					}
					synctest.Wait()
				})
			})
		}
	}
}

func TestATruePredicateNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l counting
		c := condition.New(&l)
		calls, waits := 0, 0
		yes := func() bool { calls++; return true }
		start := time.Now()
		check := func(name string, ok bool) {
			waits++
			if !ok || calls != waits || l.released != 0 || time.Since(start) != 0 {
				t.Errorf("%s: %v after %v; %d evaluations in %d calls, %d releases of the lock",
					name, ok, time.Since(start), calls, waits, l.released)
			}
		}
		c.Lock()
		c.WaitFor(yes)
		check("WaitFor", true)
		for _, d := range []time.Duration{math.MinInt64, 0, 1, time.Hour, math.MaxInt64} {
			check(fmt.Sprint("WaitForTimeout of ", d), c.WaitForTimeout(yes, d))
		}
		check("WaitForContext", c.WaitForContext(t.Context(), yes) == nil)
		check("WaitForContext without end", c.WaitForContext(context.Background(), yes) == nil)
		c.Unlock()
	})
}

func seconds(numbers ...float64) (ds []time.Duration) {
	for _, s := range numbers {
		ds = append(ds, time.Duration(s*float64(time.Second)))
	}
	return ds
}

// The predicate is evaluated at once, after each notification that picks the
// waiter, and once more when the time has run out or the context has ended,
// each time with the lock held. The deadline is that of the whole call.
func TestThePredicateIsEvaluatedAsInPython(t *testing.T) {
	const limit = 10 * time.Second
	for _, form := range impatientFor() {
		for name, c := range map[string]struct {
			notify      []time.Duration // when
			trueFrom    time.Duration   // when the predicate becomes true, notified or not
			evaluations []time.Duration // when
			ended       time.Duration
			succeeded   bool
		}{
			"nothing happens":          {nil, year, seconds(0, 10), limit, false},
			"notified in vain":         {seconds(1, 2.5, 9), year, seconds(0, 1, 2.5, 9, 10), limit, false},
			"notified":                 {seconds(1, 4), 3 * time.Second, seconds(0, 1, 4), 4 * time.Second, true},
			"true but not notified":    {seconds(1), 5 * time.Second, seconds(0, 1, 10), limit, true},
			"true when the time is up": {nil, limit, seconds(0, 10), limit, true},
			"true too late":            {nil, limit + 1, seconds(0, 10), limit, false},
		} {
			t.Run(form.name+"/"+name, func(t *testing.T) {
				eachKind(t, func(t *testing.T, cond *condition.Condition) {
					start := time.Now()
					for _, at := range c.notify {
						time.AfterFunc(at, func() {
							cond.Lock()
							cond.Notify(1)
							cond.Unlock()
						})
					}
					var evaluations []time.Duration
					cond.Lock()
					succeeded := form.wait(cond, limit, func() bool {
						if isFree(cond) {
							t.Error("the predicate is evaluated without the lock")
						}
						evaluations = append(evaluations, time.Since(start))
						return time.Since(start) >= c.trueFrom
					})
					cond.Unlock()
					if succeeded != c.succeeded || time.Since(start) != c.ended {
						t.Errorf("returned %v after %v, want %v after %v", succeeded, time.Since(start), c.succeeded, c.ended)
					}
					if !slices.Equal(evaluations, c.evaluations) {
						t.Errorf("evaluated at %v, want %v", evaluations, c.evaluations)
					}
				})
			})
		}

		// The time runs out while the predicate is evaluated.
		for _, becomesTrue := range []bool{false, true} {
			t.Run(fmt.Sprint(form.name, "/slow predicate, then ", becomesTrue), func(t *testing.T) {
				eachDurableKind(t, func(t *testing.T, cond *condition.Condition) {
					start := time.Now()
					time.AfterFunc(time.Second, func() {
						cond.Lock()
						cond.Notify(1)
						cond.Unlock()
					})
					var evaluations []time.Duration
					cond.Lock()
					succeeded := form.wait(cond, limit, func() bool {
						evaluations = append(evaluations, time.Since(start))
						if len(evaluations) == 2 {
							time.Sleep(2 * limit)
						}
						return becomesTrue && len(evaluations) == 3
					})
					cond.Unlock()
					if want := seconds(0, 1, 21); !slices.Equal(evaluations, want) {
						t.Errorf("evaluated at %v, want %v", evaluations, want)
					}
					if succeeded != becomesTrue || time.Since(start) != 21*time.Second {
						t.Errorf("returned %v after %v", succeeded, time.Since(start))
					}
				})
			})
		}
	}
}

// A predicate that panics, or ends its goroutine, does so with the lock held,
// and leaves the condition as it was.
func TestAPredicateThatPanicsOrExitsLeavesTheLockHeld(t *testing.T) {
	waits := append(impatientFor(),
		limitedFor{"WaitFor", func(c *condition.Condition, _ time.Duration, pred func() bool) bool {
			c.WaitFor(pred)
			return true
		}},
		limitedFor{"WaitForTimeout of no time", func(c *condition.Condition, _ time.Duration, pred func() bool) bool {
			return c.WaitForTimeout(pred, 0)
		}})
	for _, form := range waits {
		for evaluation, when := range []string{"at once", "when notified", "when the time is up"} {
			if evaluation == 2 && (form.name == "WaitFor" || form.name == "WaitForTimeout of no time") {
				continue
			}
			for _, exits := range []bool{false, true} {
				t.Run(fmt.Sprint(form.name, "/", when, "/exits ", exits), func(t *testing.T) {
					eachKind(t, func(t *testing.T, c *condition.Condition) {
						n := 0
						pred := func() bool {
							if n == evaluation {
								if exits {
									runtime.Goexit()
								}
								panic(errCause)
							}
							n++
							return false
						}
						elsewhere(func() {
							c.Lock()
							defer c.Unlock()
							time.AfterFunc(time.Second, func() {
								c.Lock()
								c.Notify(1)
								c.Unlock()
							})
							defer func() {
								if value := recover(); !exits && value != errCause {
									t.Errorf("panicked with %v", value)
								}
								if isFree(c) {
									t.Error("the lock is not held")
								}
								if n := c.Listed(); n != 0 {
									t.Errorf("%d are on the list", n)
								}
							}()
							form.wait(c, 2*time.Second, pred)
							t.Error("returned")
						})
						time.Sleep(time.Hour) // nothing is left that would go off
					})
				})
			}
		}
	}
}

// An unreliable lock panics when it is told to.
type unreliable struct {
	rlock.RLock
	breaks bool
}

func (l *unreliable) Unlock() {
	if l.breaks {
		panic(errCause)
	}
	l.RLock.Unlock()
}

func (l *unreliable) UnlockAll() int {
	if l.breaks {
		panic(errCause)
	}
	return l.RLock.UnlockAll()
}

// Whoever could not release the lock does not wait: the next notification is
// for those who do, and they keep their order.
func TestAnUnlockThatPanicsLeavesNoWaiterBehind(t *testing.T) {
	waits := patient()
	for _, l := range impatient() {
		waits = append(waits, form{l.name, func(c *condition.Condition) bool { return l.wait(c, time.Second) }})
	}
	waits = append(waits, form{"WaitTimeout of no time", func(c *condition.Condition) bool { return c.WaitTimeout(0) }})
	for _, form := range waits {
		for _, reentrant := range []bool{false, true} {
			t.Run(fmt.Sprint(form.name, "/reentrant ", reentrant), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var l unreliable
					c := condition.New(&l)
					if !reentrant {
						c = condition.New(struct{ sync.Locker }{&l})
					}
					misuse := func() {
						before := c.Listed()
						c.Lock()
						l.breaks = true
						if p := proof.Recovered(func() { form.wait(c) }); p != errCause {
							t.Errorf("panicked with %v, want what Unlock did", p)
						}
						l.breaks = false
						if !l.Owned() {
							t.Error("the lock that could not be released is not held")
						}
						if after := c.Listed(); after != before {
							t.Errorf("%d are on the list, want %d", after, before)
						}
						c.Unlock()
					}
					for range 3 {
						q := &line{c: c}
						for i, form := range patient()[:5] {
							misuse()
							q.wait(t, i, form)
						}
						misuse()
						for i := range 5 {
							if woken := q.notify(1); !slices.Equal(woken, []int{i}) {
								t.Fatalf("notification %d woke %v", i, woken)
							}
						}
						time.Sleep(2 * time.Second) // nothing goes off later
						if n := c.Listed(); n != 0 {
							t.Errorf("%d are on the list although nobody waits", n)
						}
					}
				})
			})
		}
	}
}

// needingTheLock returns every call that does. None of them evaluates its
// predicate without.
func needingTheLock(t *testing.T) []struct {
	name string
	call func(*condition.Condition)
} {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	pred := func() bool {
		t.Error("a predicate is evaluated without the lock")
		return true
	}
	return []struct {
		name string
		call func(*condition.Condition)
	}{
		{"Wait", func(c *condition.Condition) { c.Wait() }},
		{"WaitTimeout", func(c *condition.Condition) { c.WaitTimeout(time.Hour) }},
		{"WaitTimeout for ever", func(c *condition.Condition) { c.WaitTimeout(math.MaxInt64) }},
		{"WaitTimeout of no time", func(c *condition.Condition) { c.WaitTimeout(0) }},
		{"WaitTimeout of less", func(c *condition.Condition) { c.WaitTimeout(-1) }},
		{"WaitContext", func(c *condition.Condition) { _ = c.WaitContext(context.Background()) }},
		{"WaitContext, ended", func(c *condition.Condition) { _ = c.WaitContext(ended) }},
		{"WaitFor", func(c *condition.Condition) { c.WaitFor(pred) }},
		{"WaitForTimeout", func(c *condition.Condition) { c.WaitForTimeout(pred, time.Hour) }},
		{"WaitForTimeout of no time", func(c *condition.Condition) { c.WaitForTimeout(pred, 0) }},
		{"WaitForContext", func(c *condition.Condition) { _ = c.WaitForContext(context.Background(), pred) }},
		{"WaitForContext, ended", func(c *condition.Condition) { _ = c.WaitForContext(ended, pred) }},
		{"Notify", func(c *condition.Condition) { c.Notify(1) }},
		{"Notify of nobody", func(c *condition.Condition) { c.Notify(0) }},
		{"Notify of less than nobody", func(c *condition.Condition) { c.Notify(-1) }},
		{"NotifyAll", func(c *condition.Condition) { c.NotifyAll() }},
	}
}

// Where the lock can tell, a call without it panics and changes nothing.
func TestACallWithoutTheLockPanicsAndChangesNothing(t *testing.T) {
	for _, kind := range kinds() {
		if kind.name == "sync.Mutex" || kind.name == "sync.RWMutex" || kind.name == "foreign" {
			continue // cannot tell
		}
		hasOwner := kind.name != "lock.Lock" && kind.name != "foreign with Locked"
		for _, needy := range needingTheLock(t) {
			t.Run(kind.name+"/"+needy.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := kind.new()
					misuse := func(situation string) {
						t.Helper()
						p := proof.Recovered(func() { needy.call(c) })
						if p != condition.ErrNotLocked {
							t.Errorf("%s: panicked with %v, want ErrNotLocked", situation, p)
						}
						if err, ok := p.(error); !ok || !errors.Is(err, condition.ErrNotLocked) {
							t.Errorf("%s: the panic's value is not an error that is ErrNotLocked", situation)
						}
					}
					misuse("never used")
					misuse("again")
					usable(t, c)
					misuse("used")
					q := newLine(t, c, 3)
					misuse("waited for")
					if hasOwner {
						c.Lock()
						elsewhere(func() { misuse("held by another goroutine") })
						if isFree(c) {
							t.Error("a call of another goroutine released the lock")
						}
						c.Unlock()
					}
					if woken := q.settled(); len(woken) > 0 {
						t.Errorf("a call that panicked woke %v", woken)
					}
					if n := c.Listed(); n != 3 {
						t.Errorf("%d are on the list, want 3", n)
					}
					if !isFree(c) {
						t.Error("a call that panicked acquired the lock")
					}
					q.notify(3)
					q.wg.Wait()
					usable(t, c)
				})
			})
		}
	}
}

// Lock and Unlock are the lock's own, and so are its panics. So a Condition is
// a sync.Locker.
func TestLockAndUnlockAreTheLocks(t *testing.T) {
	var (
		l lock.Lock
		r rlock.RLock
		z condition.Condition
	)
	for _, c := range []struct {
		condition *condition.Condition
		locked    func() bool
		misuse    error
	}{
		{condition.New(&l), l.Locked, lock.ErrNotLocked},
		{condition.New(&r), r.Locked, rlock.ErrNotOwner},
		{&z, z.Locker().(*rlock.RLock).Locked, rlock.ErrNotOwner},
	} {
		var locker sync.Locker = c.condition
		if p := proof.Recovered(locker.Unlock); p != c.misuse {
			t.Errorf("Unlock panicked with %v, want %v", p, c.misuse)
		}
		locker.Lock()
		if !c.locked() {
			t.Error("Lock did not lock")
		}
		locker.Unlock()
		if c.locked() {
			t.Error("Unlock did not unlock")
		}
	}
}

func TestTwoConditionsShareALock(t *testing.T) {
	for name, l := range map[string]sync.Locker{"lock": new(lock.Lock), "rlock": new(rlock.RLock)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := condition.New(l), condition.New(l)
				onA, onB := newLine(t, a, 2), newLine(t, b, 2)
				if woken := onA.notify(2); len(woken) != 2 {
					t.Error("a notification did not reach those who wait")
				}
				if woken := onB.settled(); len(woken) != 0 {
					t.Error("a notification reached those who wait on the other condition")
				}
				if woken := onB.notify(2); len(woken) != 2 {
					t.Error("a notification did not reach those who wait")
				}
			})
		})
	}
}

func TestWhatNeedNotWaitAllocatesNothing(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errCause)
	yes := func() bool { return true }
	no := func() bool { return false }
	for _, kind := range kinds() {
		c := kind.new()
		c.Lock()
		for name, f := range map[string]func(){
			"Notify":                 func() { c.Notify(1); c.Notify(0); c.Notify(1000) },
			"NotifyAll":              func() { c.NotifyAll() },
			"Unlock and Lock":        func() { c.Unlock(); c.Lock() },
			"WaitTimeout of no time": func() { c.WaitTimeout(0) },
			"WaitForTimeout of none": func() { c.WaitForTimeout(no, 0) },
			"WaitContext, ended":     func() { _ = c.WaitContext(ended) },
			"WaitFor, true":          func() { c.WaitFor(yes) },
			"WaitForTimeout, true":   func() { c.WaitForTimeout(yes, time.Hour) },
			"WaitForContext, true":   func() { _ = c.WaitForContext(context.Background(), yes) },
		} {
			if n := testing.AllocsPerRun(1000, f); n != 0 {
				t.Errorf("%s, %s: %v allocations", kind.name, name, n)
			}
		}
		c.Unlock()
	}
}

// Two goroutines notify each other in turn.
func TestAWaitAllocatesOnlyForItsLimit(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector makes sync.Pool forget what it was given")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, kind := range kinds() {
		c := kind.new()
		var turn int
		mine, theirs := func() bool { return turn == 0 }, func() bool { return turn == 1 }
		for _, form := range []struct {
			name   string
			wait   func()
			budget float64
		}{
			{"Wait", func() { c.Wait() }, 0},
			{"WaitFor", func() { c.WaitFor(mine) }, 0},
			{"WaitTimeout for ever", func() { c.WaitTimeout(math.MaxInt64) }, 0},
			{"WaitContext without end", func() { _ = c.WaitContext(context.Background()) }, 0},
			{"WaitTimeout", func() { c.WaitTimeout(time.Hour) }, 1},             // the timer
			{"WaitForTimeout", func() { c.WaitForTimeout(mine, time.Hour) }, 1}, // the timer
			{"WaitContext", func() { _ = c.WaitContext(ctx) }, 1},               // the channel
			{"WaitForContext", func() { _ = c.WaitForContext(ctx, mine) }, 1},   // the channel
		} {
			over := false
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.Lock()
				for !over {
					c.WaitFor(theirs)
					turn = 0
					c.Notify(1)
				}
				c.Unlock()
			}()
			c.Lock()
			got := testing.AllocsPerRun(1000, func() {
				turn = 1
				c.Notify(1)
				form.wait()
				if turn != 0 {
					t.Errorf("%s: returned out of turn", form.name)
				}
			})
			over, turn = true, 1
			c.Notify(1)
			c.Unlock()
			<-done
			turn = 0
			if got > form.budget {
				t.Errorf("%s, %s: %v allocations, the budget is %v", kind.name, form.name, got, form.budget)
			}
		}
	}
}

// A condition that was used in every way that leaves something behind, if
// anything does, is collected when it is dropped: no pooled waiter, timer or
// context that goes on refers to it.
func TestNothingKeepsAConditionAlive(t *testing.T) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[condition.Condition] {
		c := new(condition.Condition)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 200 {
					c.Lock()
					switch (i + j) % 4 {
					case 0:
						c.WaitTimeout(time.Duration(j) * time.Microsecond)
					case 1:
						ctx, cancel := context.WithCancel(live)
						go cancel()
						_ = c.WaitContext(ctx)
					case 2:
						c.Notify(1)
					case 3:
						_ = proof.Recovered(func() { c.WaitFor(func() bool { panic(errCause) }) })
					}
					c.Unlock()
				}
			})
		}
		wg.Wait()
		for i := range 8 { // these are notified and leave a timer, or a context, that goes on
			wg.Go(func() {
				c.Lock()
				defer c.Unlock()
				if i%2 == 0 {
					c.WaitTimeout(time.Hour)
				} else {
					_ = c.WaitContext(live)
				}
			})
		}
		for c.Listed() < 8 {
			runtime.Gosched()
		}
		c.Lock()
		c.NotifyAll()
		c.Unlock()
		wg.Wait()
		return weak.Make(c)
	}
	dropped := use()
	if !proof.Collected(dropped) {
		t.Error("something keeps a condition alive that nobody uses any more")
	}
}

// A noLock orders nothing, so that what orders two goroutines is the
// notification alone.
type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// Plain data is written before Notify and read after each form of wait that it
// ends. It needs the race detector to say something.
func TestNotifyPublishesPlainData(t *testing.T) {
	for name, notify := range map[string]func(*condition.Condition){
		"Notify":    func(c *condition.Condition) { c.Notify(1) },
		"NotifyAll": (*condition.Condition).NotifyAll,
	} {
		for _, form := range patient() {
			t.Run(name+"/"+form.name, func(t *testing.T) {
				for _, l := range []sync.Locker{noLock{}, new(lock.Lock), nil} {
					synctest.Test(t, func(t *testing.T) {
						c := condition.New(l)
						data := 0
						go func() {
							c.Lock()
							form.wait(c)
							data++
							c.Unlock()
						}()
						synctest.Wait()
						c.Lock()
						data = 1
						notify(c)
						c.Unlock()
						synctest.Wait()
						if data != 2 {
							t.Errorf("data = %d, want 2", data)
						}
					})
				}
			})
		}
	}
}

// What the lock protects needs nothing else, whichever way a wait ends.
func TestTheLockPublishesPlainData(t *testing.T) {
	defer proof.Watch(t)()
	forms := append(impatient(), limited{"no time", func(c *condition.Condition, _ time.Duration) bool {
		return c.WaitTimeout(0)
	}})
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			var (
				c     = kind.new()
				wg    sync.WaitGroup
				count int
				n     = scaled(20_000)
			)
			for i := range 4 {
				wg.Go(func() {
					for j := range n {
						c.Lock()
						count++
						forms[(i+j)%len(forms)].wait(c, time.Microsecond)
						count++
						c.Notify(1)
						c.Unlock()
					}
				})
			}
			wg.Wait()
			if want := 8 * n; count != want {
				t.Errorf("%d increments under the lock make %d", want, count)
			}
		})
	}
}
