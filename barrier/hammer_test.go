package barrier_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
)

// A canceller ends contexts very soon, each after its own small delay, on a
// goroutine that does nothing else.
type canceller struct {
	cancels chan context.CancelCauseFunc
	done    sync.WaitGroup
}

func newCanceller(delay func()) *canceller {
	c := &canceller{cancels: make(chan context.CancelCauseFunc, 4)}
	c.done.Go(func() {
		for cancel := range c.cancels {
			delay()
			cancel(errWhy)
		}
	})
	return c
}

func (c *canceller) context() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.cancels <- cancel
	return ctx
}

func (c *canceller) stop() {
	close(c.cancels)
	c.done.Wait()
}

// Five parties meet again and again, and give up at random. Nobody waits for
// anybody but at the Barrier, so whatever is left of a generation when it ends,
// a timer, a context that ends late, meets the ones after it. The n'th Wait of
// each party belongs to the n'th generation: all five pass it, with every index
// once, or none does. After a break they meet at another Barrier, whose action
// resets the first.
func generations(t *testing.T, n int, action func(), limits func(r *rand.Rand, c *canceller, b *barrier.Barrier) (int, error), delay func()) {
	const parties = 5
	var (
		acts     int
		b        = barrier.New(parties, func() { acts++; action() })
		again    = barrier.New(parties, b.Reset)
		outcomes = make([][parties]result, n)
		wg       sync.WaitGroup
	)
	for p := range parties {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), uint64(n)))
			c := newCanceller(delay)
			defer c.stop()
			for g := range n {
				index, err := limits(r, c, b)
				outcomes[g][p] = result{index, err}
				if err != nil {
					if _, err := again.Wait(); err != nil {
						t.Errorf("the barrier that nobody breaks: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	passed := 0
	for g := range outcomes {
		var indices []int
		for p, o := range outcomes[g] {
			if o.err == nil {
				indices = append(indices, o.index)
			} else if o.index != -1 || o.err != barrier.ErrBroken && o.err != errWhy {
				t.Errorf("generation %d, party %d: (%d, %v)", g, p, o.index, o.err)
			}
		}
		slices.Sort(indices)
		if slices.Equal(indices, []int{0, 1, 2, 3, 4}) {
			passed++
		} else if len(indices) > 0 {
			t.Fatalf("generation %d passed in part, or its indices are wrong: %v", g, outcomes[g])
		}
	}
	t.Logf("%d of %d generations passed", passed, n)
	if passed == 0 || passed == n {
		t.Error("all passed, or all were broken: that was no race")
	}
	if acts != passed {
		t.Errorf("the action ran %d times in %d generations that passed", acts, passed)
	}
	if b.Broken() || b.Waiting() != 0 {
		t.Errorf("in the end: broken %v, waiting %d", b.Broken(), b.Waiting())
	}
}

func TestAGiveUpNeverTouchesALaterGeneration(t *testing.T) {
	actions := map[string]func(){
		"a short action": func() {},
		"a longer action": func() {
			for range 3 {
				runtime.Gosched()
			}
			proof.Spin(1000)
		},
	}
	for name, action := range actions {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			generations(t, max(1000, rounds(50_000)), action, func(r *rand.Rand, c *canceller, b *barrier.Barrier) (int, error) {
				proof.Spin(r.IntN(500))
				switch r.IntN(24) {
				case 0:
					return b.WaitTimeout(time.Duration(1 + r.IntN(20_000)))
				case 1, 2, 3:
					return b.WaitContext(c.context())
				case 4:
					if r.IntN(5) == 0 {
						return b.WaitTimeout(0)
					}
					return b.WaitTimeout(time.Hour)
				case 5:
					return b.WaitTimeout(50 * time.Millisecond) // mostly stopped, and never late
				}
				return b.Wait()
			}, func() { proof.Spin(rand.IntN(3000)) })
		})
	}
}

// In a bubble, where arrivals, deadlines, ends of contexts and of actions
// happen at the very same instants.
func TestAGiveUpAtTheSameInstantNeverTouchesALaterGeneration(t *testing.T) {
	tick := func(r *rand.Rand, n int) time.Duration { return time.Duration(r.IntN(n)) * time.Millisecond }
	for _, act := range []time.Duration{0, time.Millisecond, 4 * time.Millisecond} {
		t.Run(fmt.Sprint("an action of ", act), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				generations(t, max(1000, rounds(10_000)), func() { time.Sleep(act) }, func(r *rand.Rand, c *canceller, b *barrier.Barrier) (int, error) {
					time.Sleep(tick(r, 4))
					switch r.IntN(8) {
					case 0:
						return b.WaitTimeout(tick(r, 5))
					case 1:
						return b.WaitContext(c.context())
					case 2:
						ctx, cancel := context.WithTimeoutCause(context.Background(), 1+tick(r, 6), errWhy)
						defer cancel()
						return b.WaitContext(ctx)
					}
					return b.Wait()
				}, func() { time.Sleep(time.Duration(1+rand.IntN(4)) * time.Millisecond) })
			})
		})
	}
}

// A party that has no time, or whose context has ended, passes as the last or
// not at all, however fast the other comes.
func TestAPartyThatCannotWaitPassesAsTheLastOrNotAtAll(t *testing.T) {
	defer proof.Watch(t)()
	over := ended(errWhy)
	for name, wait := range map[string]func(b *barrier.Barrier) (int, error){
		"no time":          func(b *barrier.Barrier) (int, error) { return b.WaitTimeout(0) },
		"an ended context": func(b *barrier.Barrier) (int, error) { return b.WaitContext(over) },
	} {
		t.Run(name, func(t *testing.T) {
			var (
				b       = barrier.New(2, nil)
				turn    atomic.Int64
				all     = rounds(200_000)
				results = make(chan result, all)
				passed  int
			)
			defer b.Abort() // when something has failed, the other ends
			defer turn.Store(math.MaxInt64)
			go func() {
				for i := range all {
					for turn.Load() <= int64(i) { // both come at the same time
						runtime.Gosched()
					}
					proof.Spin(rand.IntN(200))
					index, err := b.Wait()
					results <- result{index, err}
				}
			}()
			for i := range all {
				turn.Store(int64(i) + 1)
				proof.Spin(rand.IntN(200))
				if i%4 == 0 {
					runtime.Gosched()
				}
				index, err := wait(b)
				other := <-results
				switch {
				case index == 1 && err == nil && other == result{0, nil}:
					passed++
				case index == -1 && err != nil && other == result{-1, barrier.ErrBroken}:
					b.Reset()
				default:
					t.Fatalf("it got (%d, %v), the other %v", index, err, other)
				}
			}
			t.Logf("%d of %d passed", passed, all)
			if passed == 0 || passed == all {
				t.Error("that was no race")
			}
		})
	}
}

// Parties come as they like while others abort and reset. What can be said
// then: whoever passed did so with a whole generation, in which the action ran
// between the last arrival and the first return.
func TestAbortAndResetAgainstArrivals(t *testing.T) {
	defer proof.Watch(t)()
	const parties, goroutines = 3, 6
	type meeting struct{ begun, ended int64 }
	var (
		clock    atomic.Int64
		acting   atomic.Bool
		meetings []meeting // written by the action, of which there is one at a time
		met      atomic.Bool
		stop     atomic.Bool
		wg       sync.WaitGroup
		waits    [goroutines][][3]int64 // when each that passed began and ended, and its index
	)
	b := barrier.New(parties, func() {
		if acting.Swap(true) {
			t.Error("two actions at the same time")
		}
		begun := clock.Add(1)
		proof.Spin(rand.IntN(500))
		if rand.IntN(2) == 0 {
			runtime.Gosched()
		}
		meetings = append(meetings, meeting{begun, clock.Add(1)})
		met.Store(true)
		acting.Store(false)
	})
	for i := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for !stop.Load() {
				begun := clock.Add(1)
				var index int
				var err error
				switch r.IntN(8) {
				case 0:
					index, err = b.WaitTimeout(time.Duration(r.IntN(5000)))
				default:
					index, err = b.Wait()
				}
				ended := clock.Add(1)
				switch {
				case err == nil && index >= 0 && index < parties:
					waits[i] = append(waits[i], [3]int64{begun, ended, int64(index)})
				case err != barrier.ErrBroken || index != -1:
					t.Errorf("got (%d, %v)", index, err)
				}
				if r.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	for n := rounds(20_000); n > 0 || !met.Load(); n-- { // on a busy machine the goroutines may not have begun by then
		for range rand.IntN(20) {
			runtime.Gosched()
		}
		if rand.IntN(2) == 0 {
			b.Abort()
		}
		b.Reset()
	}
	stop.Store(true)
	b.Abort()
	wg.Wait()
	if b.Waiting() != 0 || !b.Broken() {
		t.Errorf("waiting %d, broken %v", b.Waiting(), b.Broken())
	}
	// Each Wait that passed needs an action that began and ended while it
	// waited, and two of one goroutine need two.
	passed := [parties]int{}
	for _, ws := range waits {
		next := 0
		for _, w := range ws {
			passed[w[2]]++
			for next < len(meetings) && meetings[next].begun < w[0] {
				next++
			}
			if next == len(meetings) || meetings[next].ended > w[1] {
				t.Fatalf("a Wait from %d to %d passed without an action in between", w[0], w[1])
			}
			next++
		}
	}
	t.Logf("%d actions, passed by index: %v", len(meetings), passed)
	for index, n := range passed {
		if n != passed[0] || n > len(meetings) || n == 0 {
			t.Errorf("index %d passed %d times, index 0 %d times, in %d actions", index, n, passed[0], len(meetings))
		}
	}
}

// What each party wrote before its Wait is seen by the action and by all others
// after theirs, and what the action wrote by all, in every form. The race
// detector notices if there is nothing that orders them.
func TestEveryArrivalHappensBeforeEveryReturn(t *testing.T) {
	for _, form := range patient {
		for _, withAction := range []bool{true, false} {
			t.Run(fmt.Sprint(form.name, withAction), func(t *testing.T) {
				defer proof.Watch(t)()
				const parties = 3
				var (
					written [parties]int
					sum     int
					wg      sync.WaitGroup
				)
				var action func()
				if withAction {
					action = func() { sum = written[0] + written[1] + written[2] }
				}
				arrive, leave := barrier.New(parties, action), barrier.New(parties, nil)
				for p := range parties {
					wg.Go(func() {
						for i := range 200 {
							written[p] = i
							_, _ = form.wait(arrive)
							got := written[0] + written[1] + written[2]
							if withAction {
								got = sum
							}
							if got != parties*i {
								t.Errorf("round %d: sum %d", i, got)
							}
							_, _ = form.wait(leave)
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// A party whose time runs out during the action passes, and still sees what the
// action wrote.
func TestTheActionHappensBeforeTheReturnOfAPartyThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := 0
		b := barrier.New(4, func() {
			time.Sleep(time.Minute)
			written++
		})
		for i := range 10 {
			var wg sync.WaitGroup
			for _, form := range impatient {
				wg.Go(func() {
					if _, err := form.wait(b, time.Second); err != nil || written != i+1 {
						t.Errorf("%s: %v, %d written, want %d", form.name, err, written, i+1)
					}
				})
			}
			synctest.Wait()
			_, _ = b.Wait()
			wg.Wait()
		}
	})
}
