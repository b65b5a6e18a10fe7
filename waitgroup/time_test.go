package waitgroup_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

// Every form waits durably, in the sense of testing/synctest, until the count is 0, however long that takes.
func TestEveryFormWaitsUntilTheCountIsZero(t *testing.T) {
	for _, form := range patient() {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					w        waitgroup.WaitGroup
					released atomic.Int32
					wg       sync.WaitGroup
				)
				w.Add(2)
				for range 3 {
					wg.Go(func() {
						if form.wait(&w) {
							released.Add(1)
						}
					})
				}
				synctest.Wait() // returns although they wait
				start := time.Now()
				for range 2 {
					time.Sleep(century - century/100) // takes no real time
					if n := released.Load(); n > 0 {
						t.Fatalf("%d were released with a count of %d", n, w.Count())
					}
					w.Add(1)
					w.Add(-2)
				}
				wg.Wait()
				if took := time.Since(start); released.Load() != 3 || took != 2*(century-century/100) {
					t.Errorf("%d of 3 were released after %v", released.Load(), took)
				}
			})
		})
	}
}

func TestGivesUpAtExactlyItsTime(t *testing.T) {
	for _, form := range impatient() {
		for _, d := range []time.Duration{1, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
			timed := func(w *waitgroup.WaitGroup) (released bool, took time.Duration) {
				start := time.Now()
				released = form.wait(w, d)
				return released, time.Since(start)
			}
			t.Run(fmt.Sprint(form.name, "/gives up after ", d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var w waitgroup.WaitGroup
					w.Add(1)
					if released, took := timed(&w); released || took != d {
						t.Errorf("released is %v after %v", released, took)
					}
					if w.Listed() != 0 || w.Count() != 1 {
						t.Error("giving up left something behind")
					}
				})
			})
			t.Run(fmt.Sprint(form.name, "/is released before ", d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var w waitgroup.WaitGroup
					w.Add(1)
					time.AfterFunc(d-1, func() { w.Done(); w.Add(1) })
					if released, took := timed(&w); !released || took != d-1 {
						t.Errorf("released is %v after %v", released, took)
					}
				})
			})
		}
	}
}

func TestGivingUpInTheMiddleLeavesTheOthers(t *testing.T) {
	for _, form := range impatient() {
		synctest.Test(t, func(t *testing.T) {
			var (
				w       waitgroup.WaitGroup
				wg      sync.WaitGroup
				reports [7]bool
			)
			w.Add(1)
			for i := range reports {
				wg.Go(func() {
					d := time.Hour
					if i%3 == 0 { // the first, one in the middle and the last
						d = time.Second
					}
					reports[i] = form.wait(&w, d)
				})
				synctest.Wait()
			}
			time.Sleep(2 * time.Second)
			if n := w.Listed(); n != 4 {
				t.Errorf("%d are listed, want 4", n)
			}
			w.Done()
			wg.Wait()
			if want := [7]bool{false, true, true, false, true, true, false}; reports != want {
				t.Errorf("%s: they reported %v, want %v", form.name, reports, want)
			}
		})
	}
}

// Deadlines and the end of a round at the same instants of a bubble's clock, on all processors. A wait is over at the
// first of both, with the answer that belongs to it; when they are due together, with either.
func TestTheEndOfARoundMeetsDeadlines(t *testing.T) {
	const waiters = 8
	for _, goesOn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var w waitgroup.WaitGroup
			ties := [2]int{}
			for n := 0; n < rounds(400_000); n += waiters {
				var (
					wg      sync.WaitGroup
					end     = time.Duration(1 + rng.IntN(3))
					start   = time.Now()
					limits  [waiters]time.Duration
					reports [waiters]bool
					took    [waiters]time.Duration
				)
				w.Add(1)
				for i := range waiters {
					limits[i] = time.Duration(1 + rng.IntN(3))
					form := impatient()[rng.IntN(2)]
					wg.Go(func() {
						reports[i] = form.wait(&w, limits[i])
						took[i] = time.Since(start)
					})
				}
				time.Sleep(end)
				w.Done()
				if goesOn {
					w.Add(1)
				}
				wg.Wait()
				for i := range waiters {
					switch limit, report := limits[i], reports[i]; {
					case took[i] != min(limit, end):
						t.Errorf("limit %d, end at %d: returned at %d", limit, end, took[i])
					case limit < end && report:
						t.Errorf("limit %d, end at %d: reports it", limit, end)
					case limit > end && !report:
						t.Errorf("limit %d, end at %d: does not report it", limit, end)
					case limit == end && report:
						ties[1]++
					case limit == end:
						ties[0]++
					}
				}
				if w.Listed() != 0 {
					t.Error("somebody is listed although nobody waits")
				}
				if goesOn {
					w.Done()
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("due together: %d were released, %d gave up", ties[1], ties[0])
		})
	}
}

var packageLevel waitgroup.WaitGroup

// Nothing that was made in a bubble, a channel or a timer, may be used outside of it, or in another.
func TestAPackageLevelWaitGroupWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	phase := func(t *testing.T, limits []time.Duration, settle func(waiting int)) {
		w := &packageLevel
		for range 4 {
			var (
				wg       sync.WaitGroup
				released atomic.Int32
				patience = len(patient())
			)
			w.Add(1)
			for _, form := range patient() {
				wg.Go(func() {
					if form.wait(w) {
						released.Add(1)
					}
				})
			}
			for _, form := range impatient() {
				for _, d := range limits {
					wg.Go(func() { form.wait(w, d) })
				}
			}
			settle(patience - 1) // one of them receives from C and is on no list
			w.Done()
			wg.Wait()
			if n := int(released.Load()); n != patience {
				t.Errorf("%d of %d were released", n, patience)
			}
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
}

// Calls that do not wait may be made inside a bubble and outside of it at the same moment.
func TestInsideAndOutsideOfABubbleAtOnce(t *testing.T) {
	var (
		w             waitgroup.WaitGroup
		stop, stopped = make(chan bool), make(chan bool)
	)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				w.Add(1)
				w.WaitTimeout(0)
				w.WaitTimeout(1) // makes the round awaited
				w.Done()
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		for range rounds(1_000_000) {
			w.Add(1)
			w.Count()
			w.WaitTimeout(0)
			w.Done()
		}
	})
	close(stop)
	<-stopped
}
