package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// largest is the largest value of a semaphore: 1<<60, or math.MaxInt32 on
// 32-bit machines.
const largest = min(1<<60, math.MaxInt)

func TestTheZeroSemaphoreHasNoPermits(t *testing.T) {
	var s semaphore.Semaphore
	wantFree(t, &s, 0)
	for _, try := range tries {
		if try.acquire(&s, 1) {
			t.Errorf("%s acquired a permit where there is none", try.name)
		}
	}
	s.ReleaseN(3)
	wantFree(t, &s, 3)
	var waiting semaphore.Semaphore
	var wg sync.WaitGroup
	wg.Go(waiting.Acquire)
	waiting.Release()
	wg.Wait()
	wantFree(t, &waiting, 0)
}

func TestTheZeroBoundedSemaphoreNeverHasPermits(t *testing.T) {
	for name, b := range map[string]*semaphore.BoundedSemaphore{
		"zero":          new(semaphore.BoundedSemaphore),
		"NewBounded(0)": semaphore.NewBounded(0),
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				wantFree(t, b, 0)
				if b.AcquireTimeout(1) || within(1, b.AcquireContext) {
					t.Error("acquired a permit where there is none")
				}
				if b.TryRelease() {
					t.Error("TryRelease added a permit beyond the bound")
				}
				if got := proof.Recovered(b.Release); got != semaphore.ErrOverRelease {
					t.Errorf("Release panicked with %v", got)
				}
				if got := proof.Recovered(func() { b.ReleaseN(1) }); got != semaphore.ErrOverRelease {
					t.Errorf("ReleaseN panicked with %v", got)
				}
				wantErrValue(t, "AcquireN(1)", func() { b.AcquireN(1) })
			}
		})
	}
}

func TestNewAndNewBoundedGiveWhatTheyAreAskedFor(t *testing.T) {
	for _, value := range []int{0, 1, 2, 99, 1 << 20, math.MaxInt32, largest} {
		if got := semaphore.New(value).Value(); got != value {
			t.Errorf("New(%d).Value() = %d", value, got)
		}
		if got := semaphore.NewBounded(value).Value(); got != value {
			t.Errorf("NewBounded(%d).Value() = %d", value, got)
		}
	}
}

func TestNewAndNewBoundedRefuseValuesThatMakeNoSense(t *testing.T) {
	values := []int{-1, -2, math.MinInt}
	if beyond := largest; beyond < math.MaxInt {
		values = append(values, beyond+1, math.MaxInt)
	}
	for _, value := range values {
		wantErrValue(t, fmt.Sprintf("New(%d)", value), func() { semaphore.New(value) })
		wantErrValue(t, fmt.Sprintf("NewBounded(%d)", value), func() { semaphore.NewBounded(value) })
	}
}

func TestEveryFormTakesWhatItIsAskedFor(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, form := range append(append([]form{}, patient...), tries...) {
			for _, n := range []int{1, 2, 5} {
				c := make(5)
				if !form.acquire(c, n) {
					t.Errorf("%s of %d gave up with 5 permits free", form.name, n)
					continue
				}
				wantFree(t, c, 5-form.takes(n))
				c.ReleaseN(form.takes(n))
				wantFree(t, c, 5)
			}
		}
		for _, form := range impatient {
			c := make(5)
			if !form.acquire(c, 5, time.Hour) {
				t.Errorf("%s gave up with 5 permits free", form.name)
			}
			wantFree(t, c, 5-form.takes(5))
		}
	})
}

func TestATryTakesAllOrNothingAndDoesNotWait(t *testing.T) {
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, try := range tries {
			c := make(0)
			if try.acquire(c, 1) {
				t.Errorf("%s acquired a permit where there is none", try.name)
			}
			if !try.counts {
				continue
			}
			c = make(3)
			if try.acquire(c, 4) {
				t.Errorf("%s acquired 4 permits of 3", try.name)
			}
			wantFree(t, c, 3)
			if !try.acquire(c, 3) || try.acquire(c, 1) {
				t.Errorf("%s does not take exactly 3 permits of 3", try.name)
			}
			wantFree(t, c, 0)
		}
	})
}

// Whoever releases need not have acquired.
func TestASemaphoreGrowsPastItsInitialValue(t *testing.T) {
	s := semaphore.New(1)
	for i := range 10 {
		elsewhere(s.Release)
		wantFree(t, s, 2+2*i)
		s.ReleaseN(1)
		wantFree(t, s, 3+2*i)
	}
}

func TestABadNumberOfPermitsPanicsAndChangesNothing(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, free := range []int{0, 3, bound} {
			c := make(free)
			bad := []int{0, -1, -bound, math.MinInt}
			for _, n := range bad {
				wantErrValue(t, fmt.Sprintf("ReleaseN(%d)", n), func() { c.ReleaseN(n) })
			}
			if _, bounded := c.(*semaphore.BoundedSemaphore); bounded {
				bad = append(bad, bound+1, math.MaxInt) // these would wait for ever
			} else if huge := largest; huge < math.MaxInt {
				bad = append(bad, huge+1, math.MaxInt)
			}
			for _, n := range bad {
				named := func(call string) string { return fmt.Sprintf("%s(%d)", call, n) }
				wantErrValue(t, named("AcquireN"), func() { c.AcquireN(n) })
				wantErrValue(t, named("TryAcquireN"), func() { c.TryAcquireN(n) })
				for _, d := range []time.Duration{-1, 0, time.Hour, forever} {
					wantErrValue(t, named("AcquireNTimeout"), func() { c.AcquireNTimeout(n, d) })
				}
				for _, ctx := range []context.Context{context.Background(), ended} { // misuse is reported first
					wantErrValue(t, named("AcquireNContext"), func() { _ = c.AcquireNContext(ctx, n) })
				}
			}
			wantFree(t, c, free)
		}
	})
}

func TestAReleaseBeyondTheLargestValuePanicsAndChangesNothing(t *testing.T) {
	beyond := func(s *semaphore.Semaphore, n int) {
		t.Helper()
		before := s.Value()
		wantErrValue(t, fmt.Sprintf("ReleaseN(%d)", n), func() { s.ReleaseN(n) })
		if got := s.Value(); got != before {
			t.Errorf("ReleaseN(%d) changed the value from %d to %d", n, before, got)
		}
	}
	s := semaphore.New(largest)
	wantErrValue(t, "Release", s.Release)
	for _, n := range []int{1, 2, largest, math.MaxInt} {
		beyond(s, n)
	}
	if !s.TryAcquireN(largest) || s.TryAcquire() {
		t.Error("the permits are not as many as there should be")
	}
	beyond(semaphore.New(1), largest)
	beyond(semaphore.New(2), largest-1)
	for _, value := range []int{0, 1, 2} {
		s = semaphore.New(value)
		s.ReleaseN(largest - value)
		if got := s.Value(); got != largest {
			t.Errorf("Value is %d, want the largest, %d", got, largest)
		}
		wantErrValue(t, "Release", s.Release)
		s.Acquire()
		s.Release()
		wantErrValue(t, "Release", s.Release)
	}
}

func TestABoundedSemaphoreOfTheLargestValueRefusesMore(t *testing.T) {
	b := semaphore.NewBounded(largest)
	for range 2 {
		if b.TryRelease() || proof.Recovered(b.Release) != semaphore.ErrOverRelease {
			t.Error("a release beyond the bound was not refused")
		}
		for _, n := range []int{1, largest, math.MaxInt} {
			if got := proof.Recovered(func() { b.ReleaseN(n) }); got != semaphore.ErrOverRelease {
				t.Errorf("ReleaseN(%d) panicked with %v", n, got)
			}
		}
		if got := b.Value(); got != largest {
			t.Errorf("Value is %d, want %d", got, largest)
		}
		b.AcquireN(largest)
		b.ReleaseN(largest)
	}
}

func TestABoundedSemaphoreRefusesWhatIsTooMuchAllOrNothing(t *testing.T) {
	b := semaphore.NewBounded(5)
	for free := 5; free >= 0; free-- {
		room := 5 - free
		for _, n := range []int{room + 1, room + 2, 100, math.MaxInt} {
			if got := proof.Recovered(func() { b.ReleaseN(n) }); got != semaphore.ErrOverRelease {
				t.Errorf("%d free: ReleaseN(%d) panicked with %v", free, n, got)
			}
			wantFree(t, b, free)
		}
		if room > 0 {
			b.ReleaseN(room)
			wantFree(t, b, 5)
			b.AcquireN(room)
		}
		if got := proof.Recovered(b.Release); (got == nil) != (room > 0) || got != nil && got != semaphore.ErrOverRelease {
			t.Errorf("%d free: Release panicked with %v", free, got)
		}
		if room > 0 {
			b.Acquire()
		}
		if free > 0 {
			b.Acquire()
		}
	}
}

func TestTryReleaseAddsAPermitUnlessAllAreFree(t *testing.T) {
	b := semaphore.NewBounded(3)
	b.AcquireN(3)
	for free := range 6 {
		if got, want := b.TryRelease(), free < 3; got != want {
			t.Errorf("TryRelease with %d of 3 free: %v", free, got)
		}
		wantFree(t, b, min(free+1, 3))
	}
}

func TestTenReleasesAtOnceSucceedAsOftenAsThereIsRoom(t *testing.T) {
	defer proof.Watch(t)()
	releases := []struct {
		name    string
		n       int
		release func(*semaphore.BoundedSemaphore) bool
	}{
		{"TryRelease", 1, (*semaphore.BoundedSemaphore).TryRelease},
		{"Release", 1, func(b *semaphore.BoundedSemaphore) bool { return released(b.Release) }},
		{"ReleaseN", 3, func(b *semaphore.BoundedSemaphore) bool { return released(func() { b.ReleaseN(3) }) }},
	}
	for _, r := range releases {
		t.Run(r.name, func(t *testing.T) {
			for i := range rounds(20_000) {
				room := i % 20
				want := min(10, room/r.n)
				b := semaphore.NewBounded(20)
				if room > 0 {
					b.AcquireN(room)
				}
				var (
					succeeded, begun atomic.Int32
					wg               sync.WaitGroup
				)
				for range 10 {
					wg.Go(func() {
						for begun.Add(1); begun.Load() < 10; {
							runtime.Gosched() // so that all run at once
						}
						if r.release(b) {
							succeeded.Add(1)
						}
					})
				}
				wg.Wait()
				if got := int(succeeded.Load()); got != want {
					t.Fatalf("%d of 10 releases of %d succeeded with room for %d", got, r.n, room)
				}
				wantFree(t, b, 20-room+want*r.n)
			}
		})
	}
}

// released reports whether f did not panic with ErrOverRelease.
func released(f func()) bool {
	switch got := proof.Recovered(f); got {
	case nil:
		return true
	case semaphore.ErrOverRelease:
		return false
	default:
		panic(got)
	}
}

func TestAnEndedContextIsReportedAndChangesNothing(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errCause)
	plain, cancelPlain := context.WithCancel(context.Background())
	cancelPlain()
	expired, cancelExpired := context.WithTimeoutCause(context.Background(), -1, errCause)
	defer cancelExpired()
	late, cancelLate := context.WithTimeout(context.Background(), -1)
	defer cancelLate()
	eachKind(t, func(t *testing.T, make func(int) counter) {
		for _, free := range []int{0, 1, bound} {
			c := make(free)
			for _, want := range []struct {
				ctx context.Context
				err error
			}{
				{cancelled, errCause}, {plain, context.Canceled}, {expired, errCause}, {late, context.DeadlineExceeded},
			} {
				if err := c.AcquireContext(want.ctx); err != want.err {
					t.Errorf("%d free: AcquireContext returned %v, want %v", free, err, want.err)
				}
				for _, n := range []int{1, 2, bound} {
					if err := c.AcquireNContext(want.ctx, n); err != want.err {
						t.Errorf("%d free: AcquireNContext of %d returned %v, want %v", free, n, err, want.err)
					}
				}
			}
			wantFree(t, c, free)
		}
	})
}

func TestTheErrorsAreDifferentAndSayWhoseTheyAre(t *testing.T) {
	if errors.Is(semaphore.ErrValue, semaphore.ErrOverRelease) || errors.Is(semaphore.ErrOverRelease, semaphore.ErrValue) {
		t.Error("one error is the other")
	}
	for _, err := range []error{semaphore.ErrValue, semaphore.ErrOverRelease} {
		if got := err.Error(); len(got) < 12 || got[:11] != "semaphore: " {
			t.Errorf("%q does not begin with the name of the package", got)
		}
	}
}

func TestNoFormAllocatesWhenPermitsAreFree(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	eachKind(t, func(t *testing.T, make func(int) counter) {
		c := make(10)
		calls := map[string]func(){
			"Acquire":            func() { c.Acquire(); c.Release() },
			"TryAcquire":         func() { c.TryAcquire(); c.Release() },
			"AcquireTimeout":     func() { c.AcquireTimeout(time.Hour); c.Release() },
			"AcquireTimeout(0)":  func() { c.AcquireTimeout(0); c.Release() },
			"AcquireContext":     func() { _ = c.AcquireContext(ctx); c.Release() },
			"AcquireN":           func() { c.AcquireN(3); c.ReleaseN(3) },
			"TryAcquireN":        func() { c.TryAcquireN(3); c.ReleaseN(3) },
			"AcquireNTimeout":    func() { c.AcquireNTimeout(3, time.Hour); c.ReleaseN(3) },
			"AcquireNTimeout(0)": func() { c.AcquireNTimeout(3, 0); c.ReleaseN(3) },
			"AcquireNContext":    func() { _ = c.AcquireNContext(ctx, 3); c.ReleaseN(3) },
			"a try that fails":   func() { c.TryAcquireN(11); c.AcquireNTimeout(11, 0) },
			"Value":              func() { c.Value() },
		}
		if b, ok := c.(*semaphore.BoundedSemaphore); ok {
			calls["TryRelease"] = func() { b.TryAcquire(); b.TryRelease() }
		}
		for name, call := range calls {
			if allocs := testing.AllocsPerRun(100, call); allocs != 0 {
				t.Errorf("%s allocates %v times", name, allocs)
			}
		}
		wantFree(t, c, 10)
	})
}

// Two goroutines pass permits to and fro, so that each call waits.
func TestAWaitAllocatesOnlyForItsLimit(t *testing.T) {
	if proof.Race {
		t.Skip("under the race detector sync.Pool forgets at random what it is given")
	}
	defer proof.Watch(t)()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, form := range []struct {
		name    string
		budget  float64
		acquire func(*semaphore.Semaphore)
	}{
		{"Acquire", 0, (*semaphore.Semaphore).Acquire},
		{"AcquireN", 0, func(s *semaphore.Semaphore) { s.AcquireN(1) }},
		{"AcquireTimeout for ever", 0, func(s *semaphore.Semaphore) { s.AcquireTimeout(forever) }},
		{"AcquireTimeout", 1, func(s *semaphore.Semaphore) { s.AcquireTimeout(time.Hour) }},
		{"AcquireContext without end", 0, func(s *semaphore.Semaphore) { _ = s.AcquireContext(context.Background()) }},
		{"AcquireContext", 1, func(s *semaphore.Semaphore) { _ = s.AcquireContext(ctx) }},
	} {
		t.Run(form.name, func(t *testing.T) {
			var (
				ping, pong semaphore.Semaphore
				stop       atomic.Bool
				wg         sync.WaitGroup
			)
			wg.Go(func() {
				for {
					form.acquire(&ping)
					if stop.Load() {
						return
					}
					pong.Release()
				}
			})
			allocs := testing.AllocsPerRun(10_000, func() { // sets GOMAXPROCS to 1: both sides have to wait
				ping.Release()
				form.acquire(&pong)
			})
			stop.Store(true)
			ping.Release()
			wg.Wait()
			if allocs > 2*form.budget {
				t.Errorf("a wait allocates %v times, want at most %v", allocs/2, form.budget)
			}
		})
	}
}

func TestAContextThatPanicsLeavesTheSemaphoreAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore.New(0)
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = s.AcquireContext(ctx) }, func() {
			go s.Release()
			s.Acquire()
		})
	})
}
