package park

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// add releases n permits of a Counted gate, as a semaphore does.
func add(s *Permits, n uint64) { s.Add(n, maxValue) }

// acquire is what a semaphore does.
func acquire(s *Permits, n uint64, limit Limit) bool { return s.TryAcquire(n) || s.Acquire(n, limit) }

// idle fails unless nobody is in the gate and the value is as given. needSettle
// may have been set without need; then the next release clears it.
func idle(t *testing.T, g *gate, value uint64) {
	t.Helper()
	g.settle(permits)
	if word := g.word.Load(); word != value<<valueShift || g.list.Front() != nil || g.competing {
		t.Errorf("value %d, flags %02b, competing %v, listed %v; want value %d and nothing else",
			word>>valueShift, word&flags, g.competing, g.list.Front() != nil, value)
	}
}

// Permits change hands a million times, in portions, while their takers give up
// at random.
func TestPermitsAreConserved(t *testing.T) {
	const permits = 5
	var (
		g    Permits
		held atomic.Int64
		gave atomic.Int64
		wg   sync.WaitGroup
	)
	add(&g, permits)
	for range 8 {
		wg.Go(func() {
			for range rounds() / 8 {
				want := uint64(1 + rand.IntN(permits))
				limit := Forever
				switch rand.IntN(4) {
				case 0:
					limit = After(time.Duration(1 + rand.IntN(5000)))
				case 1:
					ctx, cancel := context.WithCancel(context.Background())
					go cancel()
					limit = Until(ctx)
				}
				if !acquire(&g, want, limit) {
					gave.Add(1)
					continue
				}
				if held.Add(int64(want)) > permits {
					t.Errorf("more than %d permits are held", permits)
				}
				if rand.IntN(8) == 0 {
					runtime.Gosched()
				}
				held.Add(-int64(want))
				add(&g, want)
			}
		})
	}
	wg.Wait()
	idle(t, (*gate)(&g), permits)
	if gave.Load() == 0 {
		t.Error("nobody gave up: this was no race")
	}
}

// enter starts a goroutine that acquires, and returns once it waits.
func enter(g *Permits, want uint64, limit Limit, then func(acquired bool)) {
	go func() { then(acquire(g, want, limit)) }()
	synctest.Wait()
}

func TestWhenALargeRequestGivesUpThoseBehindAreServedAtOnce(t *testing.T) {
	for _, starve := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var g Permits
			begin := time.Now()
			enter(&g, 10, After(time.Minute), func(acquired bool) {
				if acquired || time.Since(begin) != time.Minute {
					t.Errorf("acquired %v after %v", acquired, time.Since(begin))
				}
			})
			var served atomic.Int32
			for range 3 {
				enter(&g, 1, Forever, func(bool) {
					if time.Since(begin) != time.Minute {
						t.Errorf("served after %v, want 1m", time.Since(begin))
					}
					served.Add(1)
				})
			}
			add(&g, 1)
			if starve {
				time.Sleep(time.Second)
				add(&g, 1)
				synctest.Wait()
				if g.TryAcquire(1) || acquire(&g, 1, After(1)) {
					t.Error("a newcomer took a permit that the first waiter has been denied for a second")
				}
				add(&g, 1)
			} else {
				add(&g, 2)
			}
			synctest.Wait()
			if served.Load() > 0 {
				t.Error("somebody overtook the first waiter in the list")
			}
			time.Sleep(2 * time.Minute)
			if served.Load() != 3 {
				t.Errorf("%d were served, want 3", served.Load())
			}
			idle(t, (*gate)(&g), 0)
		})
	}
}

// One release serves as many as it can.
func TestAReleaseServesAllItCan(t *testing.T) {
	for _, starve := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var g Permits
			var served atomic.Int32
			for range 10 {
				enter(&g, 2, Forever, func(bool) { served.Add(1) })
			}
			if starve {
				add(&g, 1)
				time.Sleep(time.Second)
				add(&g, 12)
			} else {
				add(&g, 13)
			}
			synctest.Wait()
			if served.Load() != 6 || g.Value() != 1 {
				t.Errorf("%d were served and %d permits are left, want 6 and 1", served.Load(), g.Value())
			}
			add(&g, 7)
			synctest.Wait()
			idle(t, (*gate)(&g), 0)
		})
	}
}

// A waiter that was woken and lost keeps its place.
func TestALoserStaysInFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Permits
		var order []int
		for i := range 3 {
			enter(&g, 2, Forever, func(bool) { order = append(order, i) })
		}
		g.Add(2, maxValue) // wakes the first
		if !g.TryAcquire(1) {
			t.Skip("the first waiter was faster: nothing was lost")
		}
		synctest.Wait()
		for range 5 {
			add(&g, 1)
			synctest.Wait()
		}
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("served %v, want 0 1 2", order)
		}
	})
}

// A batch of hand-offs ends with those who were waiting when it began.
func TestBargingIsOpenAgainAfterTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Permits
		var order []int
		for i := range 3 {
			enter(&g, 2, Forever, func(bool) { order = append(order, i) })
		}
		add(&g, 1)
		time.Sleep(time.Second)
		g.TryAcquire(1)
		add(&g, 1) // the first has been passed over for a second: hand-offs begin
		enter(&g, 2, Forever, func(bool) { order = append(order, 3) })
		for range 2 {
			add(&g, 2)
			synctest.Wait()
			if g.word.Load()&starving == 0 {
				t.Error("the batch ended early")
			}
		}
		add(&g, 1)
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("served %v, want 0 1 2", order)
		}
		if g.word.Load()&starving != 0 {
			t.Error("the batch is served and barging is still closed")
		}
		add(&g, 1)
		if !g.TryAcquire(1) {
			t.Error("a newcomer was refused a free permit after the batch")
		}
		add(&g, 2)
		synctest.Wait()
		idle(t, (*gate)(&g), 0)
	})
}

// While a woken waiter competes, acquire and release are as fast as if there
// were no waiters, and no other is woken.
func TestACompetingWaiterLeavesTheFastPathOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e Exclusive
		g := (*gate)(&e)
		e.Swap(0, 1)
		competitor := entrants.Get(Forever)
		competitor.Value.want = 1
		g.takeOrList(competitor, exclusive)
		g.guard.Unlock()
		acquired := 0
		acquire := func() {
			e.Acquire(1, Forever)
			acquired++
			e.Free()
		}
		go acquire()
		synctest.Wait()
		e.Free() // picks the competitor, which takes its time: it is this goroutine
		if v := Verdict(competitor.verdict.Load()); v != Retry || competitor.list != nil {
			t.Fatalf("verdict %v, listed %v: the first waiter was not woken to compete", v, competitor.list != nil)
		}
		if competitor.Value.patience.since == 0 {
			t.Error("the clock of the competitor does not run")
		}
		if !e.Swap(0, 1) {
			t.Fatalf("the fast path is closed: flags %02b", g.word.Load()&flags)
		}
		go acquire() // a newcomer
		synctest.Wait()
		if !e.Swap(1, 0) || !e.Swap(0, 1) || !e.Swap(1, 0) {
			t.Errorf("a newcomer closed the fast path: flags %02b", g.word.Load()&flags)
		}
		g.settle(exclusive)
		synctest.Wait()
		if acquired != 0 {
			t.Error("a second waiter was woken meanwhile")
		}
		if !g.compete(competitor, exclusive) {
			t.Fatal("the competitor did not get what is free")
		}
		e.Free()
		synctest.Wait()
		if acquired != 2 {
			t.Errorf("%d of 2 others were served afterwards", acquired)
		}
		idle(t, g, 0)
	})
}

// spinning skips a test of spinning where nobody spins.
func spinning(t *testing.T) {
	if !canSpin {
		t.Skip("on a 32-bit machine and under the race detector no goroutine spins: a load takes too long")
	}
	proof.Processors(t, 2) // with one, a value does not come back during a spin
	stillOneProcessor()
}

// A goroutine that spins in vain again and again spins no more, until a value
// that has just come back says that it may be worth it.
func TestSpinningEndsWhenItIsInVain(t *testing.T) {
	spinning(t)
	var e Exclusive
	g := (*gate)(&e)
	e.Swap(0, 1)
	for range 2 * spinFailures {
		if g.spin(exclusive, 1) {
			t.Fatal("took what is held")
		}
	}
	if g.failures.Load() != spinFailures {
		t.Errorf("%d failures were counted, want %d: it still spins", g.failures.Load(), spinFailures)
	}
	e.Free()
	if !g.wait(exclusive, 1, Forever) || g.failures.Load() != spinFailures-1 {
		t.Errorf("%d failures after the value was found on the way to sleep, want %d", g.failures.Load(), spinFailures-1)
	}
}

func TestSpinningTakesWhatComesBackAndHasNotFailedThen(t *testing.T) {
	spinning(t)
	var (
		e    Exclusive
		g    = (*gate)(&e)
		done atomic.Bool
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		for !done.Load() {
			e.Acquire(1, Forever)
			for range 10 * spinGlimpse {
				e.Locked()
			}
			e.Free()
		}
	})
	for taken := false; !taken; {
		g.failures.Store(1)
		taken = g.spin(exclusive, 2)
	}
	done.Store(true)
	if g.failures.Load() != 0 {
		t.Errorf("%d failures after a success", g.failures.Load())
	}
	e.Free()
	wg.Wait()
}

// With one processor nothing can come back during a spin, and that is noticed
// when it changes.
func TestThereIsNoSpinWithOneProcessor(t *testing.T) {
	spinning(t)
	fails := func(processors, want int) {
		t.Helper()
		runtime.GOMAXPROCS(processors)
		var e Exclusive
		e.Swap(0, 1)
		(*gate)(&e).spin(exclusive, 1)
		if got := int(e.failures.Load()); got != want {
			t.Errorf("GOMAXPROCS %d: %d spins failed, want %d", processors, got, want)
		}
	}
	fails(2, 1)
	fails(1, 1) // which finds out
	fails(1, 0)
	fails(2, 1)
}

// blockedOnGuard lets a goroutine that is ready to run come to the guard, which
// the caller holds, on the one processor that there is. It hardly ever does
// not; then the test that follows shows nothing, and is repeated.
func blockedOnGuard() {
	for range 3 {
		runtime.Gosched()
	}
}

// A waiter was woken and came too late, and before it has the guard two permits
// come. It takes one at its second look, and the other must reach the next.
func TestAWaiterThatSucceedsAtItsSecondLookServesTheNext(t *testing.T) {
	defer proof.Watch(t)()
	proof.Processors(t, 1)
	for range 100 {
		var (
			s      Permits
			served sync.WaitGroup
		)
		for i := range 2 {
			served.Go(func() {
				if !acquire(&s, 1, After(20*time.Second)) { // only a hang takes so long
					t.Errorf("waiter %d was forgotten, and the value is %d", i, s.Value())
				}
			})
			for listed := 0; listed <= i; runtime.Gosched() {
				listed = 0
				s.guard.Lock()
				for w := s.list.Front(); w != nil; w = s.list.Next(w) {
					listed++
				}
				s.guard.Unlock()
			}
		}
		s.Add(1, maxValue)
		if !s.TryAcquire(1) {
			s.Add(1, maxValue) // it was preempted, and the waiter was faster
			served.Wait()
			continue
		}
		s.guard.Lock()
		blockedOnGuard()
		s.Add(2, maxValue)
		s.guard.Unlock()
		if served.Wait(); t.Failed() {
			return
		}
	}
}

// At the largest value releases come in vain, again and again, while others
// take one more than there can be, whenever they can: then a release counts.
// What was accepted and what was taken must agree. More run than there are
// processors, so that the system interrupts them anywhere.
func TestARefusedReleaseForgesNothing(t *testing.T) {
	defer proof.Watch(t)()
	proof.Processors(t, 8)
	const limit = 1
	var (
		s               Permits
		accepted, taken atomic.Int64
		releasers, all  sync.WaitGroup
		over            atomic.Bool
	)
	for range 4 {
		releasers.Go(func() {
			for i := 0; i < 100*rounds() && taken.Load() < 200; i++ {
				s.Increment()
				if s.IncrementSlow(limit) {
					accepted.Add(1)
				}
			}
		})
		all.Go(func() {
			for tries := 0; !over.Load(); tries++ {
				if s.TryAcquire(limit + 1) {
					taken.Add(limit + 1)
				}
				if tries%1000 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	releasers.Wait()
	over.Store(true)
	all.Wait()
	if got := int64(s.Value()); got != accepted.Load()-taken.Load() || got > limit {
		t.Errorf("the value is %d, want %d and at most %d", got, accepted.Load()-taken.Load(), limit)
	}
	t.Logf("%d were accepted, %d taken", accepted.Load(), taken.Load())
}

// A waiter that wants more than the bound waits until it is raised, and those
// behind it go on, also if it was about to be handed its permits.
func TestAWaiterThatTheBoundExcludesHoldsUpNobody(t *testing.T) {
	for _, starve := range []bool{false, true} {
		for _, raised := range []uint64{3, 5} {
			synctest.Test(t, func(t *testing.T) {
				var (
					b            BoundedPermits
					large, small atomic.Bool
				)
				b.Resize(3)
				b.TryAcquire(3)
				go func() { b.Acquire(3, Forever); large.Store(true) }()
				synctest.Wait()
				go func() { b.Acquire(1, Forever); small.Store(true) }()
				synctest.Wait()
				if starve {
					b.Release(1)
					time.Sleep(time.Second)
					b.TryAcquire(1)
					b.Release(1)
					if b.TryAcquire(1) {
						t.Fatal("a newcomer took a permit that the first waiter has been denied for a second")
					}
				}
				b.Resize(2)
				b.Release(3 - map[bool]uint64{true: 1}[starve])
				synctest.Wait()
				if large.Load() || !small.Load() {
					t.Fatalf("starving %v: large %v, small %v; want the small one served", starve, large.Load(), small.Load())
				}
				if !b.TryAcquire(1) {
					t.Error("a newcomer is refused what nobody can be served with")
				}
				if b.Value() != 0 {
					t.Errorf("%d are free, want 0", b.Value())
				}
				b.Release(2)
				b.Resize(raised)
				synctest.Wait()
				if !large.Load() || b.Value() != raised-3 {
					t.Errorf("raised to %d: served %v, %d are free", raised, large.Load(), b.Value())
				}
			})
		}
	}
}

// A release that comes while a new waiter is being listed must not be missed.
// Each round is one such race, and nothing else happens that could make up for
// it.
func TestAReleaseThatMeetsANewWaiterServesIt(t *testing.T) {
	var (
		g               Exclusive
		begun, finished atomic.Int64
		wg              sync.WaitGroup
	)
	last := int64(proof.Rounds(1_000_000, 5, 20)) // few of them meet
	await := func(n *atomic.Int64, round int64) {
		for tries := 0; n.Load() != round; tries++ {
			if tries > 100 {
				runtime.Gosched()
			}
		}
	}
	wg.Go(func() {
		for round := int64(1); round <= last; round++ {
			await(&begun, round)
			g.Acquire(1, Forever)
			g.Free()
			finished.Store(round)
		}
	})
	for round := int64(1); round <= last; round++ {
		g.TryAcquire(1)
		begun.Store(round)
		for range rand.IntN(1000) { // spread the releases over the whole of Acquire
		}
		if !g.Free() {
			t.Fatal("a gate that was taken could not be freed")
		}
		await(&finished, round)
	}
	wg.Wait()
	idle(t, (*gate)(&g), 0)
}

// The first waiter is always found in possession of nothing: what it wants is
// taken just before it looks. It must be served all the same.
func TestAWaiterThatAlwaysComesTooLateIsServed(t *testing.T) {
	defer proof.Watch(t)() // or it would starve for ever
	var g Exclusive
	g.Swap(0, 1)
	done := make(chan bool)
	go func() { done <- g.Acquire(1, Forever) }()
	for g.word.Load()&needSettle == 0 {
		runtime.Gosched()
	}
	for {
		// Release and acquire again before anybody can run; the woken waiter
		// finds the gate taken.
		g.Free()
		if !g.TryAcquire(2) {
			break // refused: it is being handed over
		}
		runtime.Gosched()
	}
	if !<-done || g.Value() != 1 {
		t.Errorf("value %d, want the waiter's", g.Value())
	}
	g.Free()
	idle(t, (*gate)(&g), 0)
}

func TestFreeOfAFreeGateChangesNothing(t *testing.T) {
	var g Exclusive
	if g.Free() {
		t.Error("freed what was free")
	}
	idle(t, (*gate)(&g), 0)
}

func TestAddRefusesWhatIsTooMuch(t *testing.T) {
	var g Permits
	if !g.Add(maxValue, maxValue) || g.Add(1, maxValue) || g.Add(maxValue, maxValue) {
		t.Error("wrong answer")
	}
	idle(t, (*gate)(&g), maxValue)
	var small Permits
	if !small.Add(3, 5) || small.Add(3, 5) || !small.Add(2, 5) || small.Add(1, 5) {
		t.Error("wrong answer")
	}
	idle(t, (*gate)(&small), 5)
}
