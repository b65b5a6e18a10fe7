package condition_test

import (
	"context"
	"fmt"
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
)

// Every form waits durably, in the sense of testing/synctest, until it is
// notified, however long that takes.
func TestEveryFormWaitsUntilItIsNotified(t *testing.T) {
	for _, form := range patient() {
		t.Run(form.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, c *condition.Condition) {
				q := &line{c: c}
				q.wait(t, 0, form) // returns although it waits
				start := time.Now()
				time.Sleep(99 * year) // takes no real time
				if took := time.Since(start); took != 99*year || len(q.settled()) > 0 {
					t.Errorf("returned within %v although nobody notified it", took)
				}
				c.Lock()
				c.Notify(1)
				c.Unlock()
				if woken := q.settled(); len(woken) != 1 || time.Since(start) != 99*year {
					t.Error("was not woken at once")
				}
			})
		})
	}
}

// A limit that is not reached in a bubble's two hundred years is for ever.
func TestMaxInt64IsForEver(t *testing.T) {
	for _, form := range patient() {
		if form.name == "WaitTimeout of a century" || form.name == "WaitForTimeout of a century" {
			continue
		}
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c condition.Condition
				q := &line{c: &c}
				q.wait(t, 0, form)
				time.Sleep(200 * year)
				if len(q.settled()) > 0 {
					t.Error("gave up")
				}
				c.Lock()
				c.NotifyAll()
				c.Unlock()
				q.wg.Wait()
			})
		})
	}
}

func TestGivesUpAtExactlyItsTime(t *testing.T) {
	for _, form := range impatient() {
		for _, d := range []time.Duration{1, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
			t.Run(fmt.Sprint(form.name, "/gives up after ", d), func(t *testing.T) {
				eachKind(t, func(t *testing.T, c *condition.Condition) {
					c.Lock()
					defer c.Unlock()
					start := time.Now()
					if notified := form.wait(c, d); notified || time.Since(start) != d {
						t.Errorf("notified is %v after %v", notified, time.Since(start))
					}
					if n := c.Listed(); n != 0 {
						t.Errorf("%d are on the list although nobody waits", n)
					}
				})
			})
			t.Run(fmt.Sprint(form.name, "/is notified before ", d), func(t *testing.T) {
				eachKind(t, func(t *testing.T, c *condition.Condition) {
					c.Lock()
					defer c.Unlock()
					start := time.Now()
					time.AfterFunc(d-1, func() {
						c.Lock()
						c.Notify(1)
						c.Unlock()
					})
					if notified := form.wait(c, d); !notified || time.Since(start) != d-1 {
						t.Errorf("notified is %v after %v", notified, time.Since(start))
					}
				})
			})
		}
	}
}

// The schedule at which threading.Condition loses a notification: the time of
// the first waiter runs out while another holds the lock, who then notifies
// one. It must be the second, who still waits.
func TestANotificationIsNeverSwallowedByAWaiterThatGaveUp(t *testing.T) {
	for _, kind := range kinds() {
		if !kind.durable {
			continue // the bubble's clock would stand still
		}
		for _, first := range impatient() {
			for _, second := range impatient() {
				t.Run(kind.name+"/"+first.name+"/"+second.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var (
							c     = kind.new()
							start = time.Now()
							wg    sync.WaitGroup
						)
						wait := func(form limited, d time.Duration, want bool) {
							wg.Go(func() {
								c.Lock()
								defer c.Unlock()
								// Both return when the lock is free.
								if got := form.wait(c, d); got != want || time.Since(start) != 300*time.Millisecond {
									t.Errorf("%s of %v returned %v after %v", form.name, d, got, time.Since(start))
								}
							})
							synctest.Wait()
						}
						wait(first, 100*time.Millisecond, false)
						wait(second, 2*time.Second, true)
						c.Lock()
						time.Sleep(300 * time.Millisecond)
						c.Notify(1)
						c.Unlock()
						wg.Wait()
						usable(t, c)
					})
				})
			}
		}
	}
}

// Time bounds the wait for the notification, not the return of the lock.
func TestGivingUpWaitsForTheLock(t *testing.T) {
	no := func() bool { return false }
	forms := impatient()
	for _, form := range impatientFor() {
		forms = append(forms, limited{form.name, func(c *condition.Condition, d time.Duration) bool { return form.wait(c, d, no) }})
	}
	for _, kind := range kinds() {
		if !kind.durable {
			continue
		}
		for _, form := range forms {
			t.Run(kind.name+"/"+form.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := kind.new()
					done := make(chan struct{})
					start := time.Now()
					go func() {
						defer close(done)
						c.Lock()
						defer c.Unlock()
						if form.wait(c, time.Second) || time.Since(start) != time.Hour {
							t.Errorf("returned after %v", time.Since(start))
						}
						if isFree(c) {
							t.Error("returned without the lock")
						}
					}()
					synctest.Wait()
					c.Lock()
					time.Sleep(time.Minute)
					if n := c.Listed(); n != 0 {
						t.Errorf("%d are on the list although the time is up", n)
					}
					time.Sleep(time.Hour - time.Minute)
					c.Unlock()
					<-done
					usable(t, c)
				})
			})
		}
	}
}

func TestGivingUpInTheMiddleLeavesTheRestInOrder(t *testing.T) {
	for _, form := range impatient() {
		t.Run(form.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, c *condition.Condition) {
				var (
					order   []int // under the lock
					reports [7]bool
					wg      sync.WaitGroup
				)
				for i := range reports {
					wg.Go(func() {
						d := time.Hour
						if i%3 == 0 { // the first, one in the middle and the last
							d = time.Second
						}
						c.Lock()
						defer c.Unlock()
						if reports[i] = form.wait(c, d); reports[i] {
							order = append(order, i)
						}
					})
					synctest.Wait()
				}
				time.Sleep(2 * time.Second)
				if n := c.Listed(); n != 4 {
					t.Errorf("%d are on the list, want 4", n)
				}
				for range 4 {
					c.Lock()
					c.Notify(1)
					c.Unlock()
					synctest.Wait()
				}
				wg.Wait()
				if want := []int{1, 2, 4, 5}; !slices.Equal(order, want) {
					t.Errorf("notified in the order %v, want %v", order, want)
				}
			})
		})
	}
}

// Deadlines and notifications at the same instants of a bubble's clock, on all
// processors. Notify(n) ends exactly n waits, or all that have not given up, in
// order of arrival; each of the others ends at its deadline.
func TestNotifyMeetsDeadlines(t *testing.T) {
	const waiters = 6
	for _, kind := range kinds()[:5] {
		t.Run(kind.name, func(t *testing.T) {
			notified, gaveUp, ties := 0, 0, [2]int{}
			synctest.Test(t, func(t *testing.T) {
				var (
					rng   = rand.New(rand.NewPCG(1, 2))
					c     = kind.new()
					forms = impatient()[:2]
				)
				for n := 0; n < scaled(400_000) && !t.Failed(); n += waiters {
					var (
						wg     sync.WaitGroup
						at     = time.Duration(1 + rng.IntN(3))
						count  = 1 + rng.IntN(waiters)
						start  = time.Now()
						limits [waiters]time.Duration // by arrival
						picked [waiters]bool
						took   [waiters]time.Duration
						next   = 0 // under the lock
					)
					for i := range limits {
						limits[i] = time.Duration(1 + rng.IntN(3))
					}
					for range waiters {
						form := forms[rng.IntN(len(forms))]
						wg.Go(func() {
							c.Lock()
							defer c.Unlock()
							i := next
							next++
							picked[i] = form.wait(c, limits[i])
							took[i] = time.Since(start)
						})
					}
					time.Sleep(at)
					c.Lock()
					c.Notify(count)
					c.Unlock()
					wg.Wait()
					trues, still := 0, 0
					passedOver := false
					for i, limit := range limits {
						switch {
						case limit < at && (picked[i] || took[i] != limit):
							t.Errorf("limit %d, notified at %d: returned %v after %d", limit, at, picked[i], took[i])
						case picked[i] && took[i] != at:
							t.Errorf("limit %d, notified at %d: returned after %d", limit, at, took[i])
						case !picked[i] && took[i] != limit:
							t.Errorf("limit %d, not notified: returned after %d", limit, took[i])
						case picked[i] && passedOver:
							t.Error("was notified before one that came before it")
						}
						if limit > at {
							still++
							passedOver = passedOver || !picked[i]
						}
						switch {
						case picked[i]:
							trues++
							notified++
						default:
							gaveUp++
						}
						if limit == at {
							ties[map[bool]int{true: 1}[picked[i]]]++
						}
					}
					if trues > count || trues < min(count, still) {
						t.Errorf("Notify(%d) ended %d waits; at least %d waited", count, trues, still)
					}
					if n := c.Listed(); n != 0 {
						t.Errorf("%d are on the list although nobody waits", n)
					}
				}
				usable(t, c)
			})
			t.Logf("%d were notified, %d gave up; due together: %d and %d", notified, gaveUp, ties[1], ties[0])
		})
	}
}

var packageLevel condition.Condition

// Nothing that was made in a bubble, a channel or a timer, may be used outside
// of it, or in another.
func TestAPackageLevelConditionWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	c := &packageLevel
	start := func(wg *sync.WaitGroup, notified *atomic.Int32) {
		for _, form := range patient() {
			wg.Go(func() {
				c.Lock()
				defer c.Unlock()
				if form.wait(c) {
					notified.Add(1)
				}
			})
		}
	}
	phase := func(t *testing.T, limits []time.Duration, settle func(waiting int)) {
		for range 4 {
			var (
				wg       sync.WaitGroup
				notified atomic.Int32
			)
			for _, form := range impatient() {
				for _, d := range limits {
					wg.Go(func() {
						c.Lock()
						defer c.Unlock()
						if form.wait(c, d) {
							t.Errorf("%s was notified by nobody", form.name)
						}
					})
				}
			}
			wg.Wait()
			for _, form := range impatient() {
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					form.wait(c, time.Hour)
				})
			}
			start(&wg, &notified)
			settle(len(patient()) + len(impatient()))
			c.Lock()
			c.NotifyAll()
			c.Unlock()
			wg.Wait()
			if n, want := int(notified.Load()), len(patient()); n != want {
				t.Errorf("%d of %d were notified", n, want)
			}
		}
		usable(t, c)
	}
	outside := func(waiting int) {
		for c.Listed() != waiting {
			runtime.Gosched()
		}
	}
	inside := func(int) { time.Sleep(time.Second) }
	for i := range 5 {
		t.Run(fmt.Sprint("outside ", i), func(t *testing.T) {
			phase(t, []time.Duration{1, 20 * time.Microsecond}, outside)
		})
		for _, bubble := range []string{"one bubble ", "another "} {
			t.Run(fmt.Sprint(bubble, i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { phase(t, []time.Duration{1, time.Second}, inside) })
			})
		}
	}
	// Who waits outside can be notified from inside a bubble, as with
	// sync.Cond.
	t.Run("from a bubble", func(t *testing.T) {
		var (
			wg       sync.WaitGroup
			notified atomic.Int32
		)
		start(&wg, &notified)
		outside(len(patient()))
		synctest.Test(t, func(*testing.T) {
			c.Lock()
			c.NotifyAll()
			c.Unlock()
		})
		wg.Wait()
		if n, want := int(notified.Load()), len(patient()); n != want {
			t.Errorf("%d of %d were notified", n, want)
		}
	})
}

// A context that ends after its waiter was picked does not take the
// notification back.
func TestWhoWasPickedReportsTheNotificationAlsoIfItsLimitIsReachedMeanwhile(t *testing.T) {
	for _, kind := range kinds() {
		if !kind.durable {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := kind.new()
				ctx, cancel := context.WithCancel(t.Context())
				var (
					wg                sync.WaitGroup
					timed, cancelling bool
				)
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					timed = c.WaitTimeout(time.Second)
				})
				wg.Go(func() {
					c.Lock()
					defer c.Unlock()
					cancelling = c.WaitContext(ctx) == nil
				})
				synctest.Wait()
				c.Lock()
				c.Notify(2)
				cancel()
				time.Sleep(time.Hour)
				c.Unlock()
				wg.Wait()
				if !timed || !cancelling {
					t.Errorf("WaitTimeout is %v, WaitContext succeeded is %v", timed, cancelling)
				}
				usable(t, c)
			})
		})
	}
}
