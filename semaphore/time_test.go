package semaphore_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// A row is a row of waiters in a bubble, of which it is known in which order
// they came, are served and give up. Whoever is served keeps its permits.
type row struct {
	t      *testing.T
	begin  time.Time
	mu     sync.Mutex
	served []string
	known  int // how many of served the last want has seen
	gone   []string
}

func newRow(t *testing.T) *row { return &row{t: t, begin: time.Now()} }

// wait puts a waiter at the end of the row.
func (r *row) wait(name string, acquire func() bool) {
	r.t.Helper()
	go func() {
		acquired := acquire()
		r.mu.Lock()
		defer r.mu.Unlock()
		if acquired {
			r.served = append(r.served, name)
		} else {
			r.gone = append(r.gone, name)
		}
	}()
	synctest.Wait()
}

// want fails the test unless exactly these have been served when nobody runs
// any more, in this order from one want to the next. In between they may run in
// any order.
func (r *row) want(served ...string) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.served[r.known:])
	want := slices.Clone(served)
	if r.known <= len(want) {
		slices.Sort(want[r.known:])
	}
	if !slices.Equal(r.served, want) {
		r.t.Errorf("after %v: served %q, want %q", time.Since(r.begin), r.served, want)
	}
	r.served = append(r.served[:0], served...)
	r.known = len(served)
}

// wantGone fails the test unless exactly these have given up when nobody runs
// any more, in whatever order.
func (r *row) wantGone(gone ...string) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.gone)
	slices.Sort(gone)
	if !slices.Equal(r.gone, gone) {
		r.t.Errorf("after %v: %q gave up, want %q", time.Since(r.begin), r.gone, gone)
	}
}

func TestEveryBlockedFormIsDurablyBlocked(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range patient {
			synctest.Test(t, func(t *testing.T) {
				c := make(0)
				r := newRow(t)
				r.wait(form.name, func() bool { return form.acquire(c, 2) }) // returns if it is durably blocked
				r.want()
				start := time.Now()
				time.Sleep(time.Hour) // takes no real time if all are durably blocked
				if slept := time.Since(start); slept != time.Hour {
					t.Errorf("%s: an hour took %v", form.name, slept)
				}
				r.want()
				c.ReleaseN(form.takes(2))
				r.want(form.name)
				wantFree(t, c, 0)
			})
		}
	})
}

func TestGivesUpAtExactlyItsTimeAndChangesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			for _, free := range []int{0, 1} {
				if free == 1 && !form.counts {
					continue // it would be served
				}
				synctest.Test(t, func(t *testing.T) {
					c := make(free)
					for _, d := range []time.Duration{1, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
						start := time.Now()
						if form.acquire(c, 2, d) {
							t.Fatalf("%s: acquired %d permits of %d", form.name, form.takes(2), free)
						}
						if took := time.Since(start); took != d {
							t.Errorf("%s: gave up after %v, want %v", form.name, took, d)
						}
						wantFree(t, c, free)
					}
					c.Release()
					wantFree(t, c, free+1) // the release went to nobody who has left
				})
			}
		}
	})
}

func TestIsServedANanosecondBeforeItsTime(t *testing.T) {
	const limit = 3 * time.Second
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			synctest.Test(t, func(t *testing.T) {
				c := make(0)
				r := newRow(t)
				r.wait(form.name, func() bool { return form.acquire(c, 2, limit) })
				time.Sleep(limit - 1)
				c.ReleaseN(form.takes(2))
				r.want(form.name)
				time.Sleep(time.Hour)
				wantFree(t, c, 0)
			})
		}
	})
}

// Either may be first, and whichever is, the permits are there once.
func TestAReleaseAtTheInstantOfADeadlineLosesNoPermit(t *testing.T) {
	const limit = 3 * time.Second
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			t.Run(form.name, func(t *testing.T) {
				for range rounds(5_000) {
					synctest.Test(t, func(t *testing.T) {
						c := make(0)
						r := newRow(t)
						r.wait("the one", func() bool { return form.acquire(c, 2, limit) })
						time.Sleep(limit)
						c.ReleaseN(form.takes(2))
						synctest.Wait()
						if len(r.served) == 1 {
							wantFree(t, c, 0)
						} else {
							wantFree(t, c, form.takes(2))
						}
					})
				}
			})
		}
	})
}

// One timer bounds the whole call, however often it was woken to compete and
// lost.
func TestIsPassedOverAndGivesUpAtItsTime(t *testing.T) {
	const limit = 3 * time.Second
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			t.Run(form.name, func(t *testing.T) {
				proof.Uninterrupted(t, func(t *testing.T) bool {
					c := make(0)
					r := newRow(t)
					start := time.Now()
					var took time.Duration
					r.wait("the one", func() bool {
						acquired := form.acquire(c, 1, limit)
						took = time.Since(start)
						return acquired
					})
					for range 2 { // the second time permits begin to be kept for it
						time.Sleep(time.Second)
						c.Release()
						if !c.TryAcquire() {
							synctest.Wait()
							return false
						}
						r.want()
					}
					time.Sleep(time.Hour)
					r.wantGone("the one")
					if took != limit {
						t.Errorf("gave up after %v, want %v", took, limit)
					}
					c.Release()
					wantFree(t, c, 1)
					return true
				})
			})
		}
	})
}

func TestMaxInt64IsForEver(t *testing.T) {
	forms := map[string]func(c counter) bool{
		"AcquireTimeout":                func(c counter) bool { return c.AcquireTimeout(forever) },
		"AcquireTimeout of almost that": func(c counter) bool { return c.AcquireTimeout(forever - 1) },
		"AcquireNTimeout":               func(c counter) bool { return c.AcquireNTimeout(1, forever) },
		"AcquireContext of a context without cancel": func(c counter) bool {
			ctx, cancel := context.WithCancel(context.Background())
			detached := context.WithoutCancel(ctx)
			cancel()
			return c.AcquireContext(detached) == nil
		},
	}
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for name, acquire := range forms {
			synctest.Test(t, func(t *testing.T) {
				c := make(0)
				r := newRow(t)
				r.wait(name, func() bool { return acquire(c) })
				time.Sleep(2 * century)
				r.want()
				r.wantGone()
				c.Release()
				r.want(name)
			})
		}
	})
}

// These stand for package-level semaphores of a program whose tests use
// bubbles.
var (
	packageLevel        semaphore.Semaphore
	packageLevelBounded = semaphore.NewBounded(bound)
)

// Nothing that was made in a bubble, a channel or a timer, may be used outside
// of it.
func TestWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	packageLevelBounded.AcquireN(bound)
	defer packageLevelBounded.ReleaseN(bound)
	for name, c := range map[string]counter{"Semaphore": &packageLevel, "BoundedSemaphore": packageLevelBounded} {
		phase := func(t *testing.T, limits []time.Duration, wait func()) {
			for range 4 {
				var (
					wg     sync.WaitGroup
					served atomic.Int32
					gave   atomic.Int32
					want   int
				)
				for _, form := range patient {
					want++
					wg.Go(func() {
						if form.acquire(c, 2) {
							served.Add(1)
							c.ReleaseN(form.takes(2))
						}
					})
				}
				for _, form := range impatient {
					for _, d := range limits {
						wg.Go(func() {
							if form.acquire(c, 2, d) {
								c.ReleaseN(form.takes(2))
							} else {
								gave.Add(1)
							}
						})
					}
				}
				wait()
				if served.Load() != 0 {
					t.Errorf("%d were served where there is no permit", served.Load())
				}
				c.ReleaseN(2)
				wg.Wait()
				if got := int(served.Load()); got != want {
					t.Errorf("%d were served, want %d", got, want)
				}
				if gave.Load() == 0 {
					t.Error("nobody gave up")
				}
				c.AcquireN(2)
				wantFree(t, c, 0)
			}
		}
		for i := range 5 {
			for _, place := range []string{"outside", "one bubble", "another", "outside again"} {
				t.Run(fmt.Sprint(name, i, place), func(t *testing.T) {
					if place == "one bubble" || place == "another" {
						limits := []time.Duration{1, time.Second, time.Hour}
						synctest.Test(t, func(t *testing.T) { phase(t, limits, func() { time.Sleep(time.Second) }) })
						return
					}
					limits := []time.Duration{1, 20 * time.Microsecond, time.Hour}
					phase(t, limits, func() {
						for range 1000 {
							runtime.Gosched()
						}
					})
				})
			}
		}
	}
}

func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		synctest.Test(t, func(t *testing.T) {
			c := make(0)
			for range 2 {
				r := newRow(t)
				var names []string
				var takes []int
				for i := range 3 {
					for _, form := range patient {
						name := fmt.Sprint(form.name, i)
						names = append(names, name)
						takes = append(takes, form.takes(1+i))
						r.wait(name, func() bool { return form.acquire(c, 1+i) })
					}
				}
				for i := range names {
					for range takes[i] - 1 {
						c.Release()
						r.want(names[:i]...) // all or nothing
					}
					c.Release()
					r.want(names[:i+1]...)
				}
				wantFree(t, c, 0)
			}
		})
	})
}

// Each set of waiters of a row of five gives up: the first, the last, some in
// the middle, neighbours, all.
func TestAWaiterThatGivesUpLeavesTheOthersInOrder(t *testing.T) {
	const five = 5
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			for leaving := range 1 << five {
				synctest.Test(t, func(t *testing.T) {
					c := make(0)
					r := newRow(t)
					var stay, leave []string
					for i := range five {
						name := fmt.Sprint(i)
						limit := time.Hour
						if leaving&(1<<i) != 0 {
							limit = time.Duration(1+i*3%five) * time.Second // not in the order of arrival
							leave = append(leave, name)
						} else {
							stay = append(stay, name)
						}
						r.wait(name, func() bool { return form.acquire(c, 2, limit) })
					}
					time.Sleep(time.Minute)
					r.want()
					r.wantGone(leave...)
					r.wait("newcomer", func() bool { c.Acquire(); return true })
					for i := range stay {
						for range form.takes(2) {
							r.want(stay[:i]...)
							c.Release()
						}
					}
					r.want(stay...)
					c.Release()
					r.want(append(stay, "newcomer")...)
					wantFree(t, c, 0)
				})
			}
		}
	})
}

func TestReleaseNServesAsManyAsItCanInOneGo(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, kept := range []bool{false, true} { // whether permits are being kept for the first waiter
			t.Run(fmt.Sprint("kept ", kept), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := make(0)
					r := newRow(t)
					var names []string
					for i := range 10 {
						names = append(names, fmt.Sprint(i))
						r.wait(names[i], func() bool { c.AcquireN(2); return true })
					}
					if kept {
						c.Release()
						time.Sleep(time.Second)
						c.ReleaseN(12)
					} else {
						c.ReleaseN(13)
					}
					r.want(names[:6]...)
					if got := c.Value(); got != 1 {
						t.Errorf("%d permits are left of 13, want 1", got)
					}
					c.ReleaseN(7)
					r.want(names...)
					wantFree(t, c, 0)
				})
			})
		}
		t.Run("as far as the first that wants more", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := make(0)
				r := newRow(t)
				for i, n := range []int{1, 3, 5, 1, 2} {
					r.wait(fmt.Sprint(i), func() bool { c.AcquireN(n); return true })
				}
				c.ReleaseN(8)
				r.want("0", "1") // nobody overtakes the third in the row, although four permits are free
				if got := c.Value(); got != 4 {
					t.Errorf("%d permits are left, want 4", got)
				}
				c.ReleaseN(3)
				r.want("0", "1", "2", "3")
				c.Release()
				r.want("0", "1", "2", "3", "4")
				wantFree(t, c, 0)
			})
		})
	})
}

// No release counts on a waiter that was woken already and may take no more
// than its own.
func TestABurstOfReleasesServesAsManyWaiters(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, procs := range []int{1, runtime.GOMAXPROCS(0)} {
			before := runtime.GOMAXPROCS(procs)
			for i := range rounds(2_000) {
				synctest.Test(t, func(t *testing.T) {
					c := make(0)
					r := newRow(t)
					var count int
					for range 2 + i%4 {
						r.wait("w", func() bool { c.Acquire(); return true })
						count++
					}
					for range count {
						c.Release()
					}
					synctest.Wait()
					if len(r.served) != count {
						t.Errorf("%d releases served %d of %d waiters", count, len(r.served), count)
					}
					c.ReleaseN(count)
					synctest.Wait()
				})
			}
			runtime.GOMAXPROCS(before)
		}
	})
}

func TestARunningGoroutineMayTakeAPermitBeforeAWaiterThatWasJustWoken(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, try := range tries {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				c := make(0)
				r := newRow(t)
				r.wait("waiter", func() bool { c.Acquire(); return true })
				time.Sleep(time.Hour) // whoever waits before anybody was passed over has no claim
				c.Release()
				barged := try.acquire(c, 1)
				synctest.Wait()
				if barged {
					r.want()
					c.Release()
				}
				r.want("waiter")
				wantFree(t, c, 0)
				return barged
			})
		}
	})
}

func TestPermitsAreKeptForALargeRequestThatWasPassedOverForAMillisecond(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		synctest.Test(t, func(t *testing.T) {
			c := make(0)
			r := newRow(t)
			r.wait("large", func() bool { c.AcquireN(4); return true })
			r.wait("behind", func() bool { c.Acquire(); return true })
			c.Release() // now it has been passed over for the first time
			time.Sleep(time.Millisecond - 1)
			if !c.TryAcquire() {
				t.Error("a newcomer was refused a permit before a millisecond had passed")
			}
			c.Release()
			if !c.TryAcquire() {
				t.Error("a newcomer was refused a permit before a millisecond had passed, at a release")
			}
			time.Sleep(time.Nanosecond)
			c.Release() // from here on permits are kept
			for range 2 {
				value := c.Value()
				for _, try := range tries {
					if try.acquire(c, 1) {
						t.Errorf("%s took a permit that is kept for the first waiter", try.name)
					}
				}
				if got := c.Value(); got != value {
					t.Errorf("tries that failed changed the value from %d to %d", value, got)
				}
				c.Release()
			}
			if got := c.Value(); got != 3 {
				t.Errorf("Value is %d, want the 3 that are kept", got)
			}
			r.wait("late", func() bool { c.Acquire(); return true })
			r.want()
			c.Release()
			r.want("large")
			if c.TryAcquire() {
				t.Error("acquired a permit where there is none")
			}
			c.Release()
			r.want("large", "behind")
			c.Release()
			r.want("large", "behind", "late")
			c.Release()
			wantFree(t, c, 1) // nothing is kept any more
		})
	})
}

func TestWhenALargeRequestGivesUpThoseBehindItAreServedAtOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			if !form.counts {
				continue
			}
			for _, kept := range []bool{false, true} { // whether permits were being kept for it
				t.Run(fmt.Sprint(form.name, ", kept ", kept), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := make(0)
						r := newRow(t)
						times := map[string]time.Duration{}
						wait := func(name string, n int) {
							r.wait(name, func() bool {
								c.AcquireN(n)
								r.mu.Lock()
								times[name] = time.Since(r.begin)
								r.mu.Unlock()
								return true
							})
						}
						r.wait("large", func() bool { return form.acquire(c, 10, time.Minute) })
						wait("one", 1)
						wait("two", 2)
						wait("another", 1)
						wait("too much", 2)
						c.Release()
						if kept {
							time.Sleep(time.Second)
						}
						c.ReleaseN(3)
						if kept {
							wait("late", 1)
						}
						r.want()
						time.Sleep(time.Hour)
						r.wantGone("large")
						r.want("one", "two", "another")
						for name, at := range times {
							if at != time.Minute {
								t.Errorf("%s was served after %v, want 1m0s, when the large request gave up", name, at)
							}
						}
						c.ReleaseN(2)
						r.want("one", "two", "another", "too much")
						if kept {
							c.Release()
							r.want("one", "two", "another", "too much", "late")
						}
						wantFree(t, c, 0)
					})
				})
			}
		}
	})
}

func TestWhenALargeRequestGivesUpNothingIsKeptAnyMore(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range impatient {
			synctest.Test(t, func(t *testing.T) {
				c := make(0)
				r := newRow(t)
				r.wait("large", func() bool { return form.acquire(c, 10, time.Minute) })
				if !form.counts {
					time.Sleep(time.Hour)
					c.Release()
					wantFree(t, c, 1)
					return
				}
				c.Release()
				time.Sleep(time.Second)
				c.Release()
				if c.TryAcquire() {
					t.Error("a newcomer took a permit that is kept")
				}
				time.Sleep(time.Minute)
				r.wantGone("large")
				wantFree(t, c, 2)
			})
		}
	})
}

// A request that waits for longer than all others and whose turn never comes is
// no obstacle once it has gone, whoever gives up before it.
func TestARowThatGivesUpFromItsMiddleServesTheRest(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		synctest.Test(t, func(t *testing.T) {
			c := make(1)
			r := newRow(t)
			r.wait("5, 3s", func() bool { return c.AcquireNTimeout(5, 3*time.Second) })
			r.wait("4, 1s", func() bool { return c.AcquireNTimeout(4, time.Second) })
			r.wait("3, 2s", func() bool { return c.AcquireNTimeout(3, 2*time.Second) })
			r.wait("2", func() bool { c.AcquireN(2); return true })
			c.Release()
			time.Sleep(2500 * time.Millisecond)
			r.want()
			r.wantGone("4, 1s", "3, 2s")
			time.Sleep(500 * time.Millisecond)
			r.wantGone("4, 1s", "3, 2s", "5, 3s")
			r.want("2")
			wantFree(t, c, 0)
		})
	})
}
