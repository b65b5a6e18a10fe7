package semaphore_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

func TestResizeMakesPermitsAndWithdrawsThem(t *testing.T) {
	b := semaphore.NewBounded(2)
	wantFree(t, b, 2)
	b.Resize(5)
	wantFree(t, b, 5)
	b.Resize(5)
	wantFree(t, b, 5)
	b.Resize(0)
	wantFree(t, b, 0)
	b.Resize(3)
	wantFree(t, b, 3)
	var zero semaphore.BoundedSemaphore
	zero.Resize(1)
	wantFree(t, &zero, 1)
}

// Permits that are out beyond the bound are withdrawn as they come back, and
// until then none is free.
func TestWhatIsOutIsWithdrawnAsItComesBack(t *testing.T) {
	b := semaphore.NewBounded(5)
	b.AcquireN(5)
	b.Resize(2)
	for out := 5; out > 0; out-- {
		if want := max(2-out, 0); b.Value() != want || b.TryAcquireN(1) != (want > 0) {
			t.Errorf("%d are out of 2: Value is %d, want %d", out, b.Value(), want)
		} else if want > 0 {
			b.Release()
		}
		b.Release()
	}
	wantFree(t, b, 2)
	if b.TryRelease() || proof.Recovered(b.Release) != semaphore.ErrOverRelease {
		t.Error("a release too many was not refused")
	}
	wantFree(t, b, 2)
}

// A bound that grows again before they have come back gives back what it
// withdrew.
func TestABoundThatGrowsAgainLosesNothing(t *testing.T) {
	b := semaphore.NewBounded(5)
	b.AcquireN(4)
	b.Resize(1)
	b.Release()
	b.Resize(4)
	if b.Value() != 1 {
		t.Errorf("3 are out of 4: Value is %d, want 1", b.Value())
	}
	b.ReleaseN(3)
	wantFree(t, b, 4)
}

func TestResizeServesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := semaphore.NewBounded(3)
		b.AcquireN(3)
		var order []int
		for i, n := range []int{2, 1, 3, 1} {
			go func() { b.AcquireN(n); order = append(order, i) }()
			synctest.Wait()
		}
		for _, step := range []struct{ bound, served int }{{4, 0}, {5, 1}, {2, 1}, {6, 2}, {8, 2}, {9, 3}, {10, 4}} {
			b.Resize(step.bound)
			synctest.Wait()
			if len(order) != step.served {
				t.Errorf("of %d permits: %d were served, want %d", step.bound, len(order), step.served)
			}
		}
		for i, who := range order {
			if i != who {
				t.Errorf("served in the order %v", order)
			}
		}
		b.ReleaseN(10)
		wantFree(t, b, 10)
	})
}

// Who waits for more than the bound waits until it grows, or gives up; others
// are served meanwhile.
func TestWhoWaitsForMoreThanTheBoundWaitsUntilItGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := semaphore.NewBounded(4)
		b.AcquireN(4)
		var large, small atomic.Bool
		go func() { b.AcquireN(4); large.Store(true) }()
		synctest.Wait()
		go func() {
			if b.AcquireNTimeout(3, time.Minute) {
				t.Error("took 3 of 2")
			}
		}()
		synctest.Wait()
		go func() { b.Acquire(); small.Store(true) }()
		synctest.Wait()
		b.Resize(2)
		b.ReleaseN(4)
		synctest.Wait()
		if large.Load() || !small.Load() {
			t.Errorf("large %v, small %v; want the small one served", large.Load(), small.Load())
		}
		time.Sleep(2 * time.Minute)
		if !b.TryAcquire() || b.TryAcquire() {
			t.Error("a newcomer cannot have what is free, or more")
		}
		b.ReleaseN(2)
		b.Resize(4)
		synctest.Wait()
		if !large.Load() {
			t.Error("not served though the bound has grown")
		}
		b.ReleaseN(4)
		wantFree(t, b, 4)
	})
}

func TestANumberIsComparedWithTheBoundAtTheCall(t *testing.T) {
	b := semaphore.NewBounded(2)
	b.Resize(5)
	b.AcquireN(5)
	b.ReleaseN(5)
	b.Resize(1)
	wantErrValue(t, "AcquireN(2)", func() { b.AcquireN(2) })
	wantErrValue(t, "TryAcquireN(2)", func() { b.TryAcquireN(2) })
	wantErrValue(t, "AcquireNTimeout(2)", func() { b.AcquireNTimeout(2, time.Second) })
	wantErrValue(t, "AcquireNContext(2)", func() { _ = b.AcquireNContext(t.Context(), 2) })
	wantFree(t, b, 1)
	for _, n := range []int{-1, math.MinInt} {
		wantErrValue(t, "Resize", func() { b.Resize(n) })
	}
	if over := int64(largest) + 1; over <= math.MaxInt {
		wantErrValue(t, "Resize", func() { b.Resize(int(over)) })
		wantErrValue(t, "Resize", func() { b.Resize(math.MaxInt) })
	}
	wantFree(t, b, 1)
	b.Resize(largest)
	wantFree(t, b, largest)
}

// The bound moves while permits are out, are waited for, come back and are
// given up. There are never more out than the larger bound, and in the end all
// are there.
func TestResizeAgainstEverythingLosesNothing(t *testing.T) {
	defer proof.Watch(t)()
	const small, large = 2, 5
	var (
		b      = semaphore.NewBounded(large)
		out    atomic.Int64
		gaveUp atomic.Int64
		over   atomic.Bool
		users  sync.WaitGroup
		others sync.WaitGroup
	)
	for i := range 6 {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for range rounds(100_000) {
				n, acquired := 1+rng.IntN(small), true // which is never refused
				switch rng.IntN(4) {
				case 0:
					b.AcquireN(n)
				case 1:
					acquired = b.TryAcquireN(n)
				case 2:
					acquired = b.AcquireNTimeout(n, time.Duration(1+rng.IntN(20_000)))
				case 3:
					acquired = within(time.Duration(1+rng.IntN(20_000)), b.AcquireContext)
					n = 1
				}
				if !acquired {
					gaveUp.Add(1)
					continue
				}
				if n := out.Add(int64(n)); n > large {
					t.Errorf("%d are out of at most %d", n, large)
				}
				proof.Pause()
				out.Add(-int64(n))
				b.ReleaseN(n)
			}
		})
	}
	others.Go(func() {
		for bound := small; !over.Load(); bound = small + large - bound {
			b.Resize(bound)
			proof.Pause()
		}
	})
	others.Go(func() {
		for !over.Load() {
			if v := b.Value(); v < 0 || v > large {
				t.Errorf("Value is %d", v)
			}
			proof.Pause()
		}
	})
	users.Wait()
	over.Store(true)
	others.Wait()
	b.Resize(large)
	wantFree(t, b, large)
	if gaveUp.Load() == 0 {
		t.Error("nobody gave up: this was no race")
	}
	if err, ok := proof.Recovered(b.Release).(error); !ok || !errors.Is(err, semaphore.ErrOverRelease) {
		t.Error("a release too many was not refused")
	}
}
