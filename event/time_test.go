package event_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/proof"
)

// Every form waits durably, in the sense of testing/synctest, until the Set,
// however long that takes.
func TestEveryFormWaitsUntilTheSet(t *testing.T) {
	for _, form := range patient() {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var returned, released atomic.Int32
				for range 3 {
					go func() {
						if form.wait(&e) {
							released.Add(1)
						}
						returned.Add(1)
					}()
					synctest.Wait() // returns although it waits
				}
				start := time.Now()
				time.Sleep(99 * year) // takes no real time
				if took := time.Since(start); took != 99*year || returned.Load() > 0 {
					t.Errorf("after %v: %d returned", took, returned.Load())
				}
				e.Clear() // wakes nobody
				synctest.Wait()
				if returned.Load() > 0 {
					t.Error("Clear released a waiter")
				}
				e.Set()
				synctest.Wait()
				if returned.Load() != 3 || released.Load() != 3 {
					t.Errorf("of three waiters %d returned and %d say that it was set", returned.Load(), released.Load())
				}
				if time.Since(start) != 99*year {
					t.Error("they were not released at once")
				}
			})
		})
	}
}

// A limit that is not reached in a bubble's two hundred years is for ever.
func TestMaxInt64IsForEver(t *testing.T) {
	for _, form := range patient() {
		if form.name == "WaitTimeout of a century" {
			continue
		}
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var done, released bool
				go func() {
					released = form.wait(&e)
					done = true
				}()
				time.Sleep(200 * year)
				if done {
					t.Error("did not wait")
				}
				e.Set()
				synctest.Wait()
				if !released {
					t.Error("was not released")
				}
			})
		})
	}
}

func TestGivesUpAtExactlyItsTime(t *testing.T) {
	for _, form := range impatient() {
		for _, d := range []time.Duration{1, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
			timed := func(e *event.Event) (released bool, took time.Duration) {
				start := time.Now()
				released = form.wait(e, d)
				return released, time.Since(start)
			}
			t.Run(fmt.Sprint(form.name, "/gives up after ", d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var e event.Event
					if released, took := timed(&e); released || took != d {
						t.Errorf("released is %v after %v", released, took)
					}
					if n := e.Listed(); n != 0 {
						t.Errorf("%d are listed although nobody waits", n)
					}
					if e.IsSet() {
						t.Error("giving up set the event")
					}
				})
			})
			t.Run(fmt.Sprint(form.name, "/is released before ", d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var e event.Event
					time.AfterFunc(d-1, e.Set)
					if released, took := timed(&e); !released || took != d-1 {
						t.Errorf("released is %v after %v", released, took)
					}
				})
			})
		}
	}
}

// Who was waiting is released by the Set, each of them reports so, and it does
// not matter what follows at once. The numbers of waiters are about those of
// the batches in which they are woken.
func TestSetThenClearReleasesEverybodyWhoWaits(t *testing.T) {
	for _, processes := range []int{1, 4} {
		for _, calls := range []string{"S", "SC", "SCSC", "SCS", "SSCCSC"} {
			for _, waiters := range []int{1, 2, 99, 100, 101, 200, 350, 1001} {
				t.Run(fmt.Sprint(calls, "/", waiters, " waiters, GOMAXPROCS ", processes), func(t *testing.T) {
					proof.Processors(t, processes)
					synctest.Test(t, func(t *testing.T) {
						var (
							e        event.Event
							wg       sync.WaitGroup
							returned atomic.Int32
						)
						forms := patient()
						for _, limit := range impatient() {
							forms = append(forms, within(limit, time.Hour))
						}
						for i := range waiters {
							form := forms[i%len(forms)]
							wg.Go(func() {
								if !form.wait(&e) {
									t.Errorf("%s says that it was not released", form.name)
								}
								returned.Add(1)
							})
						}
						synctest.Wait()
						if n := returned.Load(); n > 0 {
							t.Errorf("%d did not wait", n)
						}
						start := time.Now()
						for _, call := range calls {
							if call == 'S' {
								e.Set()
							} else {
								e.Clear()
							}
						}
						synctest.Wait()
						if n := int(returned.Load()); n != waiters {
							t.Errorf("%d of %d waiters were released", n, waiters)
						}
						e.Set() // for those who were not
						wg.Wait()
						if took := time.Since(start); took != 0 {
							t.Errorf("being released took %v", took)
						}
					})
				})
			}
		}
	}
}

func TestWhoComesAfterTheClearWaitsForTheNextSet(t *testing.T) {
	for _, form := range patient() {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				e.Done()
				for round := range 3 {
					e.Set()
					e.Clear()
					released := false
					go func() { released = form.wait(&e) }()
					synctest.Wait()
					if released {
						t.Fatalf("round %d: a Set before it came released a waiter", round)
					}
					e.Set()
					synctest.Wait()
					if !released {
						t.Errorf("round %d: the next Set did not release a waiter", round)
					}
					e.Clear()
				}
			})
		})
	}
}

// A Set wakes its waiters in batches, without keeping the guard. Whoever comes
// after the Clear, while it is still at that, must not be woken with them.
func TestANewcomerWaitsWhileAnEarlierSetIsStillWakingOthers(t *testing.T) {
	proof.Processors(t, 4)
	const others = 400
	inTime := 0
	for range rounds(3000) {
		synctest.Test(t, func(t *testing.T) {
			var (
				e            event.Event
				wg           sync.WaitGroup
				woken, cries atomic.Int32
				hasSet       atomic.Bool
			)
			for range others {
				wg.Go(func() {
					e.Wait()
					woken.Add(1)
				})
			}
			synctest.Wait()
			wg.Go(func() {
				e.Set()
				hasSet.Store(true)
			})
			for !e.IsSet() {
				runtime.Gosched()
			}
			e.Clear()
			if !hasSet.Load() {
				inTime++
			}
			start := time.Now()
			for _, form := range impatient() {
				wg.Go(func() {
					if form.wait(&e, time.Hour) || time.Since(start) != time.Hour {
						t.Errorf("%s returned after %v although the event was cleared before", form.name, time.Since(start))
					}
				})
			}
			wg.Go(func() {
				e.Wait()
				cries.Add(1)
			})
			time.Sleep(2 * time.Hour)
			if n := woken.Load(); n != others {
				t.Errorf("%d of %d waiters were released", n, others)
			}
			if cries.Load() > 0 {
				t.Error("Wait returned although the event was cleared before")
			}
			if n := e.Listed(); n != 1 {
				t.Errorf("%d are listed, want 1", n)
			}
			e.Set()
			wg.Wait()
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("the Set was still waking others in %d rounds of %d", inTime, rounds(3000))
}

func TestGivingUpInTheMiddleLeavesTheOthers(t *testing.T) {
	for _, form := range impatient() {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					e       event.Event
					wg      sync.WaitGroup
					reports [7]bool
				)
				for i := range reports {
					wg.Go(func() {
						d := time.Hour
						if i%3 == 0 { // the first, one in the middle and the last
							d = time.Second
						}
						reports[i] = form.wait(&e, d)
					})
					synctest.Wait()
				}
				time.Sleep(2 * time.Second)
				if n := e.Listed(); n != 4 {
					t.Errorf("%d are listed, want 4", n)
				}
				e.Set()
				e.Clear()
				wg.Wait()
				if want := [7]bool{false, true, true, false, true, true, false}; reports != want {
					t.Errorf("they reported %v, want %v", reports, want)
				}
				if n := e.Listed(); n != 0 {
					t.Errorf("%d are listed although nobody waits", n)
				}
			})
		})
	}
}

// The deadline takes a waiter off the list, and a Set that comes before the
// waiter has run finds nobody to wake. The waiter must report it all the same,
// also if a Clear has followed. This is where threading.Event is wrong.
//
// The test puts both in the queue for the guard, the deadline's timer first,
// and lets that be passed over once after more than a millisecond. From then on
// a sync.Mutex is handed over in order: to the Set before the waiter is even
// woken.
func TestASetBetweenTheDeadlineAndTheReturnIsReported(t *testing.T) {
	proof.Processors(t, 1)
	for _, calls := range []string{"S", "SC", "SCSC"} {
		t.Run(calls, func(t *testing.T) {
			const enough = 5
			hits, misses := 0, 0
			for range 200 {
				hit, reported := meetBetween(t, calls)
				switch {
				case !hit: // another order: nothing to be learned
				case reported:
					hits++
				default: // or the waiter was quicker after all, because the runtime preempted the Set
					misses++
				}
				if hits == enough || misses == enough {
					break
				}
			}
			if hits < enough {
				t.Errorf("%d times a Set before the return was reported, and %d times not", hits, misses)
			}
		})
	}
}

// meetBetween reports whether a waiter was off the list and had not returned
// when the calls began, and whether it reports that it was released.
func meetBetween(t *testing.T, calls string) (hit, reported bool) {
	synctest.Test(t, func(t *testing.T) {
		var (
			e        event.Event
			returned atomic.Bool
			wg       sync.WaitGroup
		)
		wg.Go(func() {
			reported = e.WaitTimeout(time.Second)
			returned.Store(true)
		})
		synctest.Wait()
		e.Guard().Lock()
		time.Sleep(time.Second) // the timer fires now, and waits for the guard
		for range 10 {
			runtime.Gosched()
		}
		wg.Go(func() {
			unlisted := e.Listed() == 0
			for _, call := range calls {
				if call == 'S' {
					e.Set()
				} else {
					e.Clear()
				}
			}
			hit = unlisted && !returned.Load()
		})
		for range 10 {
			runtime.Gosched()
		}
		proof.Spin(2_000_000)
		e.Guard().Unlock()
		e.Guard().Lock()
		runtime.Gosched()
		e.Guard().Unlock()
		wg.Wait()
	})
	return hit, reported
}

// A wait that has found the event clear, and comes for the guard behind a Set,
// must look again: that Set wakes only those who were listed before it, and
// there may never be another.
func TestAWaitThatBeginsBehindASetSeesIt(t *testing.T) {
	proof.Processors(t, 1)
	forms := patient()
	for _, limit := range impatient() {
		forms = append(forms, within(limit, time.Hour))
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			for range 10 { // the order of the two may be another if the runtime preempts them, but not each time
				synctest.Test(t, func(t *testing.T) {
					var (
						e     event.Event
						wg    sync.WaitGroup
						start = time.Now()
					)
					step := func(f func()) {
						wg.Go(f)
						for range 10 {
							runtime.Gosched() // until it waits for the guard
						}
					}
					e.Guard().Lock()
					step(e.Set)
					step(func() {
						if !form.wait(&e) || time.Since(start) != 0 {
							t.Errorf("returned after %v", time.Since(start))
						}
					})
					e.Guard().Unlock()
					time.Sleep(2 * time.Hour)
					e.Clear()
					e.Set() // for one that was not woken
					wg.Wait()
				})
			}
		})
	}
}

// Deadlines and a Set at the same instants of a bubble's clock, on all
// processors. A wait is over at the first of both, with the answer that belongs
// to it; when they are due together, with either.
func TestSetMeetsDeadlines(t *testing.T) {
	const waiters = 8
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("Clear follows ", clear), func(t *testing.T) {
			released, gaveUp, ties := 0, 0, [2]int{}
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, 2))
				var e event.Event
				for n := 0; n < rounds(1_000_000); n += waiters {
					var (
						wg        sync.WaitGroup
						set       = time.Duration(1 + rng.IntN(3))
						start     = time.Now()
						limits    [waiters]time.Duration
						reports   [waiters]bool
						took      [waiters]time.Duration
						impatient = impatient()[:2]
					)
					for i := range waiters {
						limits[i] = time.Duration(1 + rng.IntN(3))
						form := impatient[rng.IntN(2)]
						wg.Go(func() {
							reports[i] = form.wait(&e, limits[i])
							took[i] = time.Since(start)
						})
					}
					time.Sleep(set)
					e.Set()
					if clear {
						e.Clear()
					}
					wg.Wait()
					for i := range waiters {
						switch limit, report := limits[i], reports[i]; {
						case took[i] != min(limit, set):
							t.Errorf("limit %d, Set at %d: returned at %d", limit, set, took[i])
						case limit < set && report:
							t.Errorf("limit %d, Set at %d: reports it", limit, set)
						case limit > set && !report:
							t.Errorf("limit %d, Set at %d: does not report it", limit, set)
						case limit == set && report:
							ties[1]++
						case limit == set:
							ties[0]++
						case report:
							released++
						default:
							gaveUp++
						}
					}
					if n := e.Listed(); n != 0 {
						t.Errorf("%d are listed although nobody waits", n)
					}
					if t.Failed() {
						return
					}
					e.Clear()
				}
			})
			t.Logf("%d released, %d gave up; due together: %d and %d", released, gaveUp, ties[1], ties[0])
		})
	}
}

var packageLevel event.Event

// Nothing that was made in a bubble, a channel or a timer, may be used outside
// of it, or in another.
func TestAPackageLevelEventWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	phase := func(t *testing.T, limits []time.Duration, settle func(waiting int)) {
		e := &packageLevel
		for range 4 {
			var (
				wg       sync.WaitGroup
				released atomic.Int32
				patience = len(patient())
			)
			for _, form := range patient() {
				wg.Go(func() {
					if form.wait(e) {
						released.Add(1)
					}
				})
			}
			for _, form := range impatient() {
				for _, d := range limits {
					wg.Go(func() { form.wait(e, d) })
				}
			}
			settle(patience - 1) // one of them receives from Done and is on no list
			e.Set()
			e.Clear()
			e.Set() // for those who were still on their way
			wg.Wait()
			if n := int(released.Load()); n != patience {
				t.Errorf("%d of %d were released", n, patience)
			}
			e.Clear()
		}
	}
	outside := func(waiting int) {
		for packageLevel.Listed() < waiting {
			runtime.Gosched()
		}
	}
	inside := func(int) { time.Sleep(time.Second) }
	for i := range 5 {
		t.Run(fmt.Sprint("outside ", i), func(t *testing.T) {
			phase(t, []time.Duration{1, 20 * time.Microsecond, time.Hour}, outside)
		})
		for _, bubble := range []string{"one bubble ", "another "} {
			t.Run(fmt.Sprint(bubble, i), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { phase(t, []time.Duration{1, time.Second, time.Hour}, inside) })
			})
		}
	}
	// Who waits outside can be released from inside a bubble, as with
	// sync.Cond.
	t.Run("from a bubble", func(t *testing.T) {
		var wg sync.WaitGroup
		waiting := 0
		for _, form := range patient() {
			if form.name == "Done" {
				continue // a channel belongs to where it was asked for
			}
			waiting++
			wg.Go(func() {
				if !form.wait(&packageLevel) {
					t.Errorf("%s was not released", form.name)
				}
			})
		}
		outside(waiting)
		synctest.Test(t, func(*testing.T) { packageLevel.Set() })
		wg.Wait()
		packageLevel.Clear()
	})
}
