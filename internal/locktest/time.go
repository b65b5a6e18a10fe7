package locktest

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// EveryBlockedFormIsDurablyBlocked in the sense of testing/synctest: Wait
// returns while it waits.
func EveryBlockedFormIsDurablyBlocked(t *testing.T, newLock New) {
	for _, form := range Patient() {
		t.Run(form.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				l.Lock()
				served := false
				go func() {
					if !form.Lock(l) {
						t.Error("gave up")
					}
					served = true
					l.Unlock()
				}()
				synctest.Wait()
				if served {
					t.Error("acquired a lock that is held")
				}
				start := time.Now()
				time.Sleep(time.Hour) // takes no real time if all are durably blocked
				if waited := time.Since(start); waited != time.Hour || served {
					t.Errorf("after %v: served is %v", waited, served)
				}
				l.Unlock()
				synctest.Wait()
				if !served {
					t.Error("was not served")
				}
				Usable(t, l)
			})
		})
	}
}

// GivesUpAtExactlyItsTime and not a nanosecond earlier or later.
func GivesUpAtExactlyItsTime(t *testing.T, newLock New) {
	const limit = 3 * time.Second
	for _, form := range Impatient() {
		// timed reports how long form took.
		timed := func(l Locker, d time.Duration) (acquired bool, took time.Duration) {
			start := time.Now()
			acquired = form.Lock(l, d)
			return acquired, time.Since(start)
		}
		t.Run(form.Name+"/gives up", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				l.Lock()
				for _, d := range []time.Duration{1, time.Millisecond, limit, 24 * time.Hour} {
					Elsewhere(func() {
						if acquired, took := timed(l, d); acquired || took != d {
							t.Errorf("limit %v: acquired is %v after %v", d, acquired, took)
						}
					})
				}
				l.Unlock()
				Usable(t, l)
			})
		})
		t.Run(form.Name+"/is served before", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				l.Lock()
				done := make(chan struct{})
				go func() {
					defer close(done)
					acquired, took := timed(l, limit)
					if !acquired || took != limit-1 {
						t.Errorf("acquired is %v after %v", acquired, took)
					}
					if acquired {
						l.Unlock()
					}
				}()
				time.Sleep(limit - 1)
				l.Unlock()
				<-done
				Usable(t, l)
			})
		})
		// One timer bounds the whole call, however often it was woken to
		// compete and lost.
		t.Run(form.Name+"/was passed over", func(t *testing.T) {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				l := newLock()
				l.Lock()
				done := make(chan struct{})
				defer func() { <-done }()
				go func() {
					defer close(done)
					acquired, took := timed(l, limit)
					if acquired {
						l.Unlock() // preempted, or handed over before its time
					} else if took != limit {
						t.Errorf("gave up after %v, want %v", took, limit)
					}
				}()
				for range 2 { // the second time it becomes starving
					time.Sleep(time.Second)
					if !barge(l) {
						return false
					}
				}
				<-done
				l.Unlock()
				Usable(t, l)
				return true
			})
		})
		// Its time runs out when it is awake: woken to compete, it has not run
		// yet, and will lose. Whether the waiter's timer or the test's is made
		// first decides which of the two fires first, so both orders are tried.
		t.Run(form.Name+"/runs out of time while it competes", func(t *testing.T) {
			for _, timerFirst := range []bool{true, false} {
				proof.Uninterrupted(t, func(t *testing.T) bool {
					l := newLock()
					l.Lock()
					var timer *time.Timer
					if timerFirst {
						timer = time.NewTimer(limit)
					}
					done := make(chan struct{})
					defer func() { <-done }()
					go func() {
						defer close(done)
						acquired, took := timed(l, limit)
						if took != limit {
							t.Errorf("returned after %v, want %v", took, limit)
						}
						if acquired {
							l.Unlock()
						}
					}()
					synctest.Wait()
					if !timerFirst {
						timer = time.NewTimer(limit)
					}
					<-timer.C
					barged := barge(l)
					if !barged {
						return false
					}
					go func() {}() // runs next, so that the waiter runs after its timer
					time.Sleep(time.Hour)
					l.Unlock()
					<-done
					Usable(t, l)
					return true
				})
			}
		})
		// Both at the same instant of the bubble's clock: either may be first,
		// and neither loses the lock.
		t.Run(form.Name+"/is served at that instant", func(t *testing.T) {
			for range Rounds(10_000) {
				synctest.Test(t, func(t *testing.T) {
					l := newLock()
					l.Lock()
					done := make(chan struct{})
					go func() {
						defer close(done)
						acquired, took := timed(l, limit)
						if took != limit {
							t.Errorf("returned after %v", took)
						}
						if acquired {
							l.Unlock()
						}
					}()
					time.Sleep(limit)
					l.Unlock()
					<-done
					Usable(t, l)
				})
			}
		})
	}
}

// MaxInt64IsForEver, and so is a context that never ends, whatever its type.
func MaxInt64IsForEver(t *testing.T, newLock New) {
	for _, form := range []Form{
		{"LockTimeout", func(l Locker) bool { return l.LockTimeout(math.MaxInt64) }},
		{"LockTimeout of almost that", func(l Locker) bool { return l.LockTimeout(math.MaxInt64 - 1) }},
		{"LockContext of Background", func(l Locker) bool { return l.LockContext(context.Background()) == nil }},
		{"LockContext of a context without cancel", func(l Locker) bool {
			ctx, cancel := context.WithCancel(context.Background())
			detached := context.WithoutCancel(ctx)
			cancel()
			return l.LockContext(detached) == nil
		}},
		{"LockContext of a foreign context without Done", func(l Locker) bool {
			return l.LockContext(endless{context.Background()}) == nil
		}},
		{"LockContext of a foreign context", func(l Locker) bool { return l.LockContext(proof.NewForeign()) == nil }},
	} {
		t.Run(form.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				l.Lock()
				done := make(chan struct{})
				go func() {
					defer close(done)
					if !form.Lock(l) {
						t.Error("gave up")
						return
					}
					l.Unlock()
				}()
				time.Sleep(200 * year)
				synctest.Wait()
				select {
				case <-done:
					t.Error("did not wait")
				default:
				}
				l.Unlock()
				<-done
				Usable(t, l)
			})
		})
	}
}

// endless is a type of its own whose Done is nil although its parent may have
// one.
type endless struct{ context.Context }

func (endless) Done() <-chan struct{} { return nil }

// WorksOutsideAndInOneBubbleAfterAnother uses one lock, as a package-level one
// would be: nothing that was made in a bubble, a channel or a timer, may be
// used outside of it.
func WorksOutsideAndInOneBubbleAfterAnother(t *testing.T, l Locker) {
	defer proof.Watch(t)()
	for i := range 10 {
		var limits []time.Duration
		phase := func(t *testing.T, wait func()) {
			var wg sync.WaitGroup
			count := 0
			for range 4 {
				l.Lock()
				for _, form := range Patient() {
					wg.Go(func() {
						if !form.Lock(l) {
							t.Errorf("%s gave up", form.Name)
							return
						}
						count++
						l.Unlock()
					})
				}
				for _, form := range Impatient() {
					for _, d := range limits {
						wg.Go(func() {
							if form.Lock(l, d) {
								l.Unlock()
							}
						})
					}
				}
				wait()
				l.Unlock()
				wg.Wait()
				if want := len(Patient()); count != want {
					t.Errorf("%d were served, want %d", count, want)
				}
				count = 0
			}
			Usable(t, l)
		}
		outside := func() {
			for range 1000 {
				runtime.Gosched()
			}
		}
		inside := func() { time.Sleep(time.Second) }

		limits = []time.Duration{1, 20 * time.Microsecond, time.Hour}
		t.Run(fmt.Sprint("outside", i), func(t *testing.T) { phase(t, outside) })
		limits = []time.Duration{1, time.Second, time.Hour}
		for _, bubble := range []string{"one bubble", "another"} {
			t.Run(fmt.Sprint(bubble, i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { phase(t, inside) })
			})
		}
		limits = []time.Duration{1, 20 * time.Microsecond, time.Hour}
		t.Run(fmt.Sprint("outside again", i), func(t *testing.T) { phase(t, outside) })
	}
}
