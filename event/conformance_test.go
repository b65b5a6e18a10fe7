package event_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/event"
)

// The cases of CPython's lock_tests.py for Event, from their description, and weaknesses of CPython's own that are
// mended here.
func TestConformance(t *testing.T) {
	// bubble runs a case where time is exact.
	bubble := func(name string, test func(t *testing.T, e *event.Event)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, new(event.Event)) })
		})
	}

	// Clear at first; setting and clearing again changes nothing.
	bubble("E01 test_is_set", func(t *testing.T, e *event.Event) {
		for i, want := range []bool{false, true, true, false, false} {
			switch i {
			case 1, 2:
				e.Set()
			case 3, 4:
				e.Clear()
			}
			if got := e.IsSet(); got != want {
				t.Errorf("step %d: IsSet is %v, want %v", i, got, want)
			}
		}
	})

	// One set releases five waiters, who find it set when they wait once more; and all again after set and clear.
	bubble("E02 test_notify", func(t *testing.T, e *event.Event) {
		round := func() {
			const waiters = 5
			var (
				wg            sync.WaitGroup
				first, second atomic.Int32
			)
			for range waiters {
				wg.Go(func() {
					if e.WaitTimeout(year) {
						first.Add(1)
					}
					if e.WaitTimeout(year) {
						second.Add(1)
					}
				})
			}
			synctest.Wait()
			if first.Load() != 0 {
				t.Error("a waiter returned before the set")
			}
			e.Set()
			wg.Wait()
			if first.Load() != waiters || second.Load() != waiters {
				t.Errorf("%d and %d of %d waits returned true", first.Load(), second.Load(), waiters)
			}
		}
		round()
		e.Set()
		e.Clear()
		round()
	})

	// A clear event gives up at once without time, and else after it; a set one needs none.
	bubble("E03 test_timeout", func(t *testing.T, e *event.Event) {
		for _, set := range []bool{false, true} {
			if set {
				e.Set()
			}
			for _, d := range []time.Duration{0, 500 * time.Millisecond} {
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						start := time.Now()
						want := d
						if set {
							want = 0
						}
						if got := e.WaitTimeout(d); got != set || time.Since(start) != want {
							t.Errorf("set %v: WaitTimeout(%v) is %v after %v", set, d, got, time.Since(start))
						}
					})
				}
				wg.Wait()
			}
		}
	})

	// A set that is followed by a clear at once has released all five waiters, and they say so.
	bubble("E04 test_set_and_clear", func(t *testing.T, e *event.Event) {
		var (
			wg       sync.WaitGroup
			released atomic.Int32
		)
		for range 5 {
			wg.Go(func() {
				if e.WaitTimeout(year) {
					released.Add(1)
				}
			})
		}
		synctest.Wait()
		e.Set()
		e.Clear()
		wg.Wait()
		if n := released.Load(); n != 5 {
			t.Errorf("%d of 5 waits returned true", n)
		}
	})

	// What an event says of itself. IsSet stands for repr.
	bubble("E06 test_repr", func(t *testing.T, e *event.Event) {
		if e.IsSet() {
			t.Error("a new event says that it is set")
		}
		e.Set()
		if !e.IsSet() {
			t.Error("a set event says that it is not")
		}
	})

	// Waiting can be cancelled, for a reason that the waiter learns.
	bubble("W06 cancellation", func(t *testing.T, e *event.Event) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errCause) })
		start := time.Now()
		if err := e.WaitContext(ctx); err != errCause || time.Since(start) != time.Second {
			t.Errorf("WaitContext returned %v after %v", err, time.Since(start))
		}
	})

	// A wait does not return false while the event is set, although the set came after the deadline: it was before the
	// return.
	t.Run("W10 false while set", TestASetBetweenTheDeadlineAndTheReturnIsReported)

	// An event can be waited for together with something else.
	bubble("W11 Done in a select", func(t *testing.T, e *event.Event) {
		other := make(chan int)
		wait := func() string {
			select {
			case <-e.Done():
				return "event"
			case <-other:
				return "other"
			}
		}
		go func() { other <- 1 }()
		if got := wait(); got != "other" {
			t.Errorf("the %s was ready", got)
		}
		time.AfterFunc(time.Second, e.Set)
		if got := wait(); got != "event" {
			t.Errorf("the %s was ready", got)
		}
	})
}
