package event_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/proof"
)

// A moment is when something happened, since the test began. The clock is
// monotonic, and the same for all goroutines.
type moment = time.Duration

// A report is what a wait said, and the moments before and after it.
type report struct {
	began, ended moment
	released     bool
}

// A million waits, on the clock of the machine, whose deadlines meet a Set or a
// Set and a Clear. Everybody has begun to wait when the Set comes, so a wait
// that was not released must have ended before the Set took effect:
//
//   - It did not end before its deadline.
//   - The Set did not return before the deadline. If it had, then at each instant after the deadline the event would
//     have been set or, cleared again, a Set would have taken effect since the call began.
//   - And one that was released did not end before the Set was called.
func TestSetRacesTheDeadline(t *testing.T) {
	for _, limit := range impatient()[:2] {
		for _, clear := range []bool{false, true} {
			name := limit.name + " and Set"
			if clear {
				name += " and Clear"
			}
			t.Run(name, func(t *testing.T) {
				defer proof.Watch(t)()
				const waiters = 4
				var (
					e                event.Event
					start            = time.Now()
					d                = 10 * time.Microsecond
					released, gaveUp int
				)
				for released+gaveUp < rounds(1_000_000)/2 && !t.Failed() {
					var (
						wg       sync.WaitGroup
						reports  [waiters]report
						returned atomic.Int32
					)
					for i := range reports {
						r := &reports[i]
						wg.Go(func() {
							r.began = time.Since(start)
							r.released = limit.wait(&e, d)
							r.ended = time.Since(start)
							returned.Add(1)
						})
					}
					// Those who have returned are counted first: they are no
					// longer listed.
					for int(returned.Load())+e.Listed() < waiters {
						runtime.Gosched()
					}
					before := time.Since(start)
					e.Set()
					after := time.Since(start)
					if clear {
						e.Clear()
					}
					wg.Wait()
					e.Clear()
					late := 0
					for _, r := range reports {
						switch {
						case r.released && r.ended < before:
							t.Errorf("released %v before the Set", before-r.ended)
						case !r.released && r.ended < r.began+d:
							t.Errorf("gave up after %v, %v before its time", r.ended-r.began, r.began+d-r.ended)
						case !r.released && after < r.began+d:
							t.Errorf("not released by a Set that was over %v before the deadline", r.began+d-after)
						case !r.released:
							late++
						}
					}
					gaveUp += late
					released += waiters - late
					// The limit finds its own length, so that either outcome
					// stays likely whatever machine this is.
					if late > waiters/2 {
						d += d/8 + 1
					} else if late < waiters/2 {
						d -= d / 8
					}
				}
				if n := e.Listed(); n != 0 {
					t.Errorf("%d are listed although nobody waits", n)
				}
				if released == 0 || gaveUp == 0 {
					t.Errorf("%d were released and %d gave up: that was no race", released, gaveUp)
				}
				t.Logf("%d were released, %d gave up", released, gaveUp)
			})
		}
	}
}

// The end of a context, on one goroutine, meets a Set, or a Set and a Clear, on
// another. If the Set was over before the cancellation began, everybody was
// released by it; who was not, was cancelled.
func TestSetRacesCancel(t *testing.T) {
	for _, clear := range []bool{false, true} {
		name := "Set"
		if clear {
			name += " and Clear"
		}
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			const waiters = 4
			var (
				e                event.Event
				released, gaveUp int
				rng              = rand.New(rand.NewPCG(3, 4))
			)
			for released+gaveUp < rounds(1_000_000)/2 && !t.Failed() {
				var (
					clock, returned atomic.Int32
					wg              sync.WaitGroup
					ended           [waiters]int32
					errs            [waiters]error
					cancelling      atomic.Int32
					begin           = make(chan struct{})
					pause           = rng.IntN(1000)
				)
				ctx, cancel := context.WithCancelCause(context.Background())
				for i := range waiters {
					wg.Go(func() {
						errs[i] = e.WaitContext(ctx)
						ended[i] = clock.Add(1)
						returned.Add(1)
					})
				}
				wg.Go(func() {
					<-begin
					proof.Spin(rng.IntN(1000))
					cancelling.Store(clock.Add(1))
					cancel(errCause)
				})
				for e.Listed() < waiters {
					runtime.Gosched()
				}
				close(begin)
				if pause%4 > 0 {
					runtime.Gosched() // on one processor it would always come second
				}
				proof.Spin(pause)
				before := clock.Add(1)
				e.Set()
				after := clock.Add(1)
				if clear {
					e.Clear()
				}
				wg.Wait()
				e.Clear()
				for i, err := range errs {
					switch {
					case err != nil && err != errCause:
						t.Errorf("WaitContext returned %v, want the cause", err)
					case err == nil && ended[i] < before:
						t.Error("released before the Set")
					case err != nil && ended[i] < cancelling.Load():
						t.Error("cancelled before the cancellation")
					case err != nil && after < cancelling.Load():
						t.Error("not released by a Set that was over before the cancellation began")
					case err == nil:
						released++
					default:
						gaveUp++
					}
				}
			}
			if n := e.Listed(); n != 0 {
				t.Errorf("%d are listed although nobody waits", n)
			}
			if released == 0 || gaveUp == 0 {
				t.Errorf("%d were released and %d gave up: that was no race", released, gaveUp)
			}
			t.Logf("%d were released, %d gave up", released, gaveUp)
		})
	}
}

// A wait that begins while the event is being set sees that it is, or is woken.
// There is no other Set to save it.
func TestSetRacesTheBeginningOfAWait(t *testing.T) {
	forms := append([]form{within(impatient()[0], 2*time.Minute), within(impatient()[1], 2*time.Minute)}, patient()...)
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			defer proof.Watch(t)()
			var (
				e    event.Event
				turn atomic.Int64
				wg   sync.WaitGroup
				n    = int64(rounds(200_000))
				mine = rand.New(rand.NewPCG(7, 8))
			)
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(5, 6))
				for i := range n {
					await(func() bool { return turn.Load() > i })
					proof.Spin(rng.IntN(100))
					e.Set()
				}
			})
			for i := range n {
				turn.Store(i + 1)
				proof.Spin(mine.IntN(400)) // the other needs a moment to see its turn
				if !form.wait(&e) {
					t.Error("a wait that began as the event was set was not released")
				}
				e.Clear()
				if t.Failed() {
					turn.Store(n)
					break
				}
			}
			wg.Wait()
		})
	}
}

// Whoever learns from one form that the event is set does not learn the
// opposite from another, while nobody clears it: not from a channel that is
// still open, nor from IsSet after a channel was closed.
func TestNoFormIsBehindAnother(t *testing.T) {
	defer proof.Watch(t)()
	var (
		e    event.Event
		turn atomic.Int64
		wg   sync.WaitGroup
		n    = int64(rounds(500_000))
		late [2]int
	)
	wg.Go(func() {
		for i := range n {
			await(func() bool { return turn.Load() > i })
			e.Set()
		}
	})
	for i := range n {
		c := e.Done()
		turn.Store(i + 1)
		if i%2 == 0 {
			await(e.IsSet)
			if !isClosed(c) {
				late[0]++
			}
		} else {
			await(func() bool { return isClosed(c) })
			if !e.IsSet() || !e.WaitTimeout(0) {
				late[1]++
			}
		}
		e.Clear()
	}
	wg.Wait()
	if late != [2]int{} {
		t.Errorf("IsSet and then an open channel %d times, a closed channel and then not IsSet %d times, of %d",
			late[0], late[1], n)
	}
}

// Waiters in all forms, and several goroutines that set and clear at the same
// time. Nobody is left behind.
func TestNobodyIsLeftBehindWhenManySetAndClear(t *testing.T) {
	defer proof.Watch(t)()
	var (
		e                event.Event
		waiters, setters sync.WaitGroup
		over             atomic.Bool
		began, released  atomic.Int64
	)
	for i := range 8 {
		waiters.Go(func() {
			forms := append(patient(), within(impatient()[0], 20*time.Microsecond), within(impatient()[1], 20*time.Microsecond))
			for n := range rounds(40_000) {
				// A wait that was released overlaps a time in which the event
				// was set, which began with a Set.
				if forms[(i+n)%len(forms)].wait(&e) {
					released.Add(1)
					if began.Load() == 0 {
						t.Error("released before the first Set")
					}
				}
			}
		})
	}
	for range 3 {
		setters.Go(func() {
			for !over.Load() {
				began.Add(1)
				e.Set()
				e.Clear() // with hardly a moment to see it set
				runtime.Gosched()
			}
		})
	}
	waiters.Wait()
	over.Store(true)
	setters.Wait()
	if n := e.Listed(); n != 0 {
		t.Errorf("%d are listed although nobody waits", n)
	}
	t.Logf("%d waits were released by %d Sets", released.Load(), began.Load())
}

func TestAMillionWaitersAreWoken(t *testing.T) {
	for _, waiters := range []int{5_000, 10_000, 1_000_000} {
		t.Run(strconv.Itoa(waiters), func(t *testing.T) {
			switch {
			case proof.Race && waiters > 5_000:
				t.Skip("the race detector knows no more than 8128 goroutines at a time")
			case testing.Short() && waiters > 10_000:
				t.Skip("-short: a million goroutines take some seconds, and three gigabytes")
			case strconv.IntSize == 32 && waiters > 10_000:
				t.Skip("a million goroutines do not fit into the memory of a 32-bit process")
			}
			defer proof.Watch(t)()
			var (
				e                        event.Event
				wg                       sync.WaitGroup
				began, returned, granted atomic.Int64
				century                  = 100 * year
			)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for i := range waiters {
				wg.Go(func() {
					began.Add(1)
					var released bool
					switch {
					case i%1000 == 0: // some of each other form; a million timers are another matter
						released = e.WaitTimeout(century)
					case i%1000 == 1:
						released = e.WaitContext(ctx) == nil
					default:
						e.Wait()
						released = true
					}
					if released {
						granted.Add(1)
					}
					returned.Add(1)
				})
			}
			for began.Load() < int64(waiters) || e.Listed() < waiters {
				runtime.Gosched()
			}
			if n := returned.Load(); n != 0 {
				t.Errorf("%d did not wait", n)
			}
			e.Set()
			e.Clear()
			wg.Wait()
			if n := granted.Load(); n != int64(waiters) {
				t.Errorf("%d of %d say that they were released", n, waiters)
			}
			if n := e.Listed(); n != 0 {
				t.Errorf("%d are listed although nobody waits", n)
			}
		})
	}
}
