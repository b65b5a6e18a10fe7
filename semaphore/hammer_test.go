package semaphore_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// A ledger counts the permits that are held, and what became of those who asked
// for some.
type ledger struct {
	t       *testing.T
	permits int64
	held    atomic.Int64
	served  atomic.Int64
	gaveUp  atomic.Int64
}

func (l *ledger) take(n int) {
	l.served.Add(1)
	if held := l.held.Add(int64(n)); held > l.permits {
		l.t.Errorf("%d permits are held of %d", held, l.permits)
	}
}

func (l *ledger) give(n int) { l.held.Add(int64(-n)) }

// check fails the test unless all permits are free again, each once. If nobody
// had been served, or nobody had given up, nothing would have raced.
func (l *ledger) check(c counter) {
	l.t.Helper()
	if l.served.Load() == 0 || l.gaveUp.Load() == 0 {
		l.t.Errorf("%d were served and %d gave up: that was no race", l.served.Load(), l.gaveUp.Load())
	}
	l.t.Logf("%d were served, %d gave up", l.served.Load(), l.gaveUp.Load())
	wantFree(l.t, c, int(l.permits))
	if b, ok := c.(*semaphore.BoundedSemaphore); ok {
		b.ReleaseN(bound - int(l.permits)) // panics if a permit was doubled
		wantFree(l.t, c, bound)
	}
}

const (
	goroutines = 6
	permits    = 3
)

// A million times a release meets a timeout: the goroutines acquire, in
// portions, with timeouts about as long as they have to wait, on the clock of
// the machine, so that deadlines and releases meet from either side.
func TestReleaseAgainstTimeoutConservesPermits(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		defer proof.Watch(t)()
		var (
			c    = make(permits)
			l    = ledger{t: t, permits: permits}
			all  = int64(rounds(1_000_000))
			next atomic.Int64
			wg   sync.WaitGroup
		)
		for i := range goroutines {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 0))
				limit := [permits + 1]time.Duration{}
				for next.Load() <= all {
					n := 1 + rng.IntN(permits)
					d := &limit[n]
					acquire := func() bool { return c.AcquireNTimeout(n, *d) }
					if n == 1 && rng.IntN(2) == 0 {
						acquire = func() bool { return c.AcquireTimeout(*d) }
					}
					// Only those who have to wait count. Their limit finds its
					// own length: longer after giving up, shorter after
					// success, so that either outcome stays likely whatever
					// machine this is.
					switch {
					case c.TryAcquireN(n):
					case acquire():
						*d = max(*d-*d/8, 1)
						next.Add(1)
					default:
						*d += *d/8 + 1
						next.Add(1)
						l.gaveUp.Add(1)
						continue
					}
					l.take(n)
					for rng.IntN(2) == 0 {
						runtime.Gosched() // others come meanwhile
					}
					proof.Spin(rng.IntN(500))
					l.give(n)
					c.ReleaseN(n)
					if rng.IntN(4) > 0 {
						runtime.Gosched() // or it would take its permits back a thousand times before the others' turn
					}
				}
			})
		}
		wg.Wait()
		l.check(c)
	})
}

// A million times a release meets the end of a context: whoever is about to
// release cancels another's, shortly before, at the same time on another
// processor, or shortly after.
func TestReleaseAgainstCancelConservesPermits(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		defer proof.Watch(t)()
		var (
			c       = make(permits)
			l       = ledger{t: t, permits: permits}
			all     = int64(rounds(1_000_000))
			next    atomic.Int64
			wg      sync.WaitGroup
			cancels [goroutines]atomic.Pointer[context.CancelCauseFunc]
		)
		for i := range goroutines {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 1))
				victim := func() {
					if cancel := cancels[(i+1+rng.IntN(goroutines-1))%goroutines].Load(); cancel != nil {
						(*cancel)(errCause)
					}
				}
				for next.Add(1) <= all {
					ctx, cancel := context.WithCancelCause(context.Background())
					cancels[i].Store(&cancel)
					n := 1 + rng.IntN(permits)
					var err error
					if n == 1 && rng.IntN(2) == 0 {
						err = c.AcquireContext(ctx)
					} else {
						err = c.AcquireNContext(ctx, n)
					}
					if err != nil {
						if err != errCause {
							t.Errorf("the error is %v, want the cause", err)
						}
						l.gaveUp.Add(1)
						continue
					}
					l.take(n)
					for rng.IntN(2) == 0 {
						runtime.Gosched()
					}
					proof.Spin(rng.IntN(500))
					early := rng.IntN(3) > 0
					if early {
						victim()
						if rng.IntN(2) == 0 {
							proof.Spin(rng.IntN(2000)) // until it has been woken on another processor
						}
					}
					l.give(n)
					c.ReleaseN(n)
					if !early {
						victim()
					}
					cancel(nil)
				}
				cancels[i].Store(nil)
			})
		}
		wg.Wait()
		l.check(c)
	})
}

// In a bubble all who are due at an instant act at that very instant, on all
// processors: releases, others' timeouts and the ends of others' contexts. A
// hang is reported as a deadlock.
func TestReleasesMeetDeadlinesAtTheSameInstant(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for seed := range uint64(5) {
			synctest.Test(t, func(t *testing.T) {
				var (
					c  = make(permits)
					l  = ledger{t: t, permits: permits}
					wg sync.WaitGroup
				)
				for i := range goroutines {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(seed, uint64(i)))
						some := func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond / 2 }
						for range rounds(20_000) / goroutines {
							n := 1 + rng.IntN(permits)
							var took int
							switch rng.IntN(8) {
							case 0:
								form := patient[rng.IntN(len(patient))]
								form.acquire(c, n)
								took = form.takes(n)
							case 1:
								form := tries[rng.IntN(len(tries))]
								if form.acquire(c, n) {
									took = form.takes(n)
								}
							default:
								form := impatient[rng.IntN(len(impatient))]
								if form.acquire(c, n, some(8)+time.Nanosecond) {
									took = form.takes(n)
								}
							}
							if took == 0 {
								l.gaveUp.Add(1)
								continue
							}
							l.take(took)
							time.Sleep(some(3))
							l.give(took)
							c.ReleaseN(took)
							time.Sleep(some(4))
						}
					})
				}
				wg.Wait()
				l.check(c)
			})
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

// Every form at once, most of them over in an instant, on all processors.
func TestAllFormsTogetherConservePermits(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		defer proof.Watch(t)()
		var (
			c  = make(permits)
			l  = ledger{t: t, permits: permits}
			wg sync.WaitGroup
		)
		for i := range 2 * goroutines {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 2))
				for range rounds(20_000) {
					n := 1 + rng.IntN(permits)
					var took int
					switch rng.IntN(4) {
					case 0:
						if form := tries[rng.IntN(len(tries))]; form.acquire(c, n) {
							took = form.takes(n)
						}
					case 1:
						if form := patient[rng.IntN(len(patient))]; form.acquire(c, n) {
							took = form.takes(n)
						}
					case 2:
						form := impatient[rng.IntN(len(impatient))]
						if form.acquire(c, n, time.Duration(1+rng.IntN(20_000))) {
							took = form.takes(n)
						}
					default:
						c.Acquire()
						took = 1
					}
					if took == 0 {
						l.gaveUp.Add(1)
						continue
					}
					l.take(took)
					if rng.IntN(8) == 0 {
						runtime.Gosched()
					}
					l.give(took)
					for range took - 1 {
						if rng.IntN(2) == 0 {
							c.Release()
							took--
						}
					}
					c.ReleaseN(took)
				}
			})
		}
		wg.Wait()
		l.check(c)
	})
}

// A release meets the arrival of the one waiter there is, half a million times,
// with nobody else to set right what it misses.
func TestAReleaseIsNotMissedByAWaiterThatJustArrives(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		defer proof.Watch(t)()
		var (
			c     = make(0)
			turn  atomic.Int64 // that of the releasing goroutine; the other is in the same, or has not begun it
			begun atomic.Int64
			wg    sync.WaitGroup
		)
		last := int64(rounds(500_000))
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(0, 3))
			for i := range last {
				for begun.Load() <= i { // both begin a turn at the same time, and neither sleeps until then
					runtime.Gosched()
				}
				proof.Spin(rng.IntN(300))
				c.ReleaseN(1 + int(i%3))
				turn.Store(i + 1)
			}
		})
		rng := rand.New(rand.NewPCG(0, 4))
		for i := range last {
			for turn.Load() < i {
				runtime.Gosched()
			}
			begun.Store(i + 1)
			proof.Spin(rng.IntN(300))
			c.AcquireN(1 + int(i%3))
		}
		wg.Wait()
		wantFree(t, c, 0)
	})
}

// Releases and acquires chase each other at the bound, where a release that
// looks before it adds would add too much.
func TestABoundedSemaphoreNeverHasMoreThanItsBound(t *testing.T) {
	const most = 3
	releases := []func(b *semaphore.BoundedSemaphore) (released int){
		func(b *semaphore.BoundedSemaphore) int { return b2i(b.TryRelease()) },
		func(b *semaphore.BoundedSemaphore) int { return b2i(released(b.Release)) },
		func(b *semaphore.BoundedSemaphore) int { return b2i(released(func() { b.ReleaseN(1) })) },
		func(b *semaphore.BoundedSemaphore) int { return 2 * b2i(released(func() { b.ReleaseN(2) })) },
	}
	for i, release := range releases {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			b := semaphore.NewBounded(most)
			var sum atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					mine := 0
					for range rounds(1_000_000) / 4 {
						mine += release(b)
						if got := b.Value(); got > most {
							t.Errorf("%d permits are free of %d", got, most)
							return
						}
						mine -= b2i(b.TryAcquire())
					}
					sum.Add(int64(mine))
				})
			}
			wg.Wait()
			wantFree(t, b, most+int(sum.Load()))
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The test on real milliseconds: four goroutines hold one of four permits each
// for a part of a millisecond and take it back at once, so that hardly ever are
// all four free. With no more than barging, whoever wants all four would be
// served by luck, after minutes. Its limit is counted in turns of the others,
// some dozens of which are normal, and not in seconds, of which a busy machine
// may take any number.
func TestARequestForManyIsNotStarvedByAStreamOfSingleOnes(t *testing.T) {
	const (
		many     = 4
		hold     = 200 * time.Microsecond
		turns    = 20_000 // at least a second
		services = 3
	)
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range []form{
			{"AcquireN", true, func(c counter, n int) bool { c.AcquireN(n); return true }},
			{"AcquireNTimeout", true, func(c counter, n int) bool { return c.AcquireNTimeout(n, time.Hour) }},
			{"AcquireNContext", true, func(c counter, n int) bool {
				return cancellable(func(ctx context.Context) error { return c.AcquireNContext(ctx, n) })
			}},
		} {
			t.Run(form.name, func(t *testing.T) {
				var (
					c            = make(many)
					stop         atomic.Bool
					turn, latest atomic.Int64 // latest: the turn by which all four have to be had
					wg, begun    sync.WaitGroup
				)
				latest.Store(math.MaxInt64)
				begun.Add(2 * many)
				for range 2 * many {
					wg.Go(func() {
						begun.Done()
						for !stop.Load() {
							c.Acquire()
							for start := time.Now(); time.Since(start) < hold; {
								runtime.Gosched() // so that several hold one at any time, however few processors there are
							}
							c.Release()
							if turn.Add(1) > latest.Load() {
								stop.Store(true)
							}
						}
					})
				}
				begun.Wait()
				for i := range services {
					for c.Value() > 0 { // or there is nothing to wait for
						runtime.Gosched()
					}
					start := turn.Load()
					latest.Store(start + turns)
					acquired := form.acquire(c, many)
					starved := stop.Load()
					latest.Store(math.MaxInt64)
					if acquired {
						c.ReleaseN(many)
					}
					if !acquired || starved {
						t.Errorf("wait %d had not ended after %d turns of others", i+1, turns)
						break
					}
					t.Logf("wait %d: %d turns of others", i+1, turn.Load()-start)
				}
				stop.Store(true)
				wg.Wait()
				wantFree(t, c, many)
			})
		}
	})
}

// What was written before a release is seen after the acquire that takes one of
// its permits, in every form, whether it waits or not. The race detector
// notices if there is nothing that orders them.
func TestAReleaseHappensBeforeTheAcquireThatTakesItsPermit(t *testing.T) {
	defer proof.Watch(t)()
	releases := []struct {
		name    string
		release func(counter)
	}{
		{"Release", counter.Release},
		{"ReleaseN", func(c counter) { c.ReleaseN(1) }},
		{"TryRelease", func(c counter) {
			if b, ok := c.(*semaphore.BoundedSemaphore); ok {
				b.TryRelease()
			} else {
				c.Release()
			}
		}},
	}
	acquires := append(append([]form{}, patient...), form{"AcquireTimeout, again and again", false, func(c counter, _ int) bool {
		for !c.AcquireTimeout(1) {
			runtime.Gosched()
		}
		return true
	}})
	for _, try := range tries {
		acquires = append(acquires, form{try.name, try.counts, func(c counter, n int) bool {
			for !try.acquire(c, n) {
				runtime.Gosched()
			}
			return true
		}})
	}
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, r := range releases {
			for _, a := range acquires {
				t.Run(fmt.Sprint(r.name, " before ", a.name), func(t *testing.T) {
					full, empty := make(0), make(1)
					box := 0
					var wg sync.WaitGroup
					wg.Go(func() {
						for i := range 200 {
							a.acquire(empty, 1)
							box = i + 1
							r.release(full)
						}
					})
					for i := range 200 {
						a.acquire(full, 1)
						if box != i+1 {
							t.Errorf("the box holds %d, want %d", box, i+1)
						}
						r.release(empty)
					}
					wg.Wait()
				})
			}
		}
		// Of two permits each release's must be seen by who takes both.
		t.Run("two releases before one AcquireN", func(t *testing.T) {
			full, empty := make(0), make(2)
			var boxes [2]int
			var wg sync.WaitGroup
			for b := range boxes {
				wg.Go(func() {
					for i := range 200 {
						empty.Acquire()
						boxes[b] = i + 1
						full.Release()
					}
				})
			}
			sum := 0
			for range 200 {
				full.AcquireN(2)
				sum = boxes[0] + boxes[1]
				empty.ReleaseN(2)
			}
			wg.Wait()
			if sum != 400 {
				t.Errorf("the boxes hold %d, want 400", sum)
			}
		})
	})
}
