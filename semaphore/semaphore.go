// Package semaphore provides counting semaphores that can give up waiting:
// threading.Semaphore and threading.BoundedSemaphore for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package semaphore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrValue is the error that a call panics with if its number of permits is
// invalid. The panic value wraps ErrValue and names the call and the number.
var ErrValue = errors.New("semaphore: bad number of permits")

// maxValue is the largest value of a semaphore.
const maxValue = min(1<<60, math.MaxInt)

// A Semaphore is a number of permits that goroutines acquire and release. A
// release adds permits, whether or not they were acquired before; a
// [BoundedSemaphore] refuses a release too many.
//
// The zero value has no permits. A Semaphore must not be copied after first
// use.
//
// It is Python's threading.Semaphore; the forms with an N, for several permits
// at once, have no counterpart there:
//
//	acquire()                  Acquire
//	acquire(blocking=False)    TryAcquire
//	acquire(timeout=d)         AcquireTimeout
//	release()                  Release
//	release(n)                 ReleaseN
//
// A release “synchronizes before” the return of every acquire that needed it.
//
// Fairness is that of a lock.Lock: a waiter that has tried for a millisecond and
// failed again is handed its permits next, and so are all that wait at that
// moment, in order of arrival, however many each wants. While permits are kept
// for a waiter, TryAcquire may fail though Value is not 0, and an AcquireN for
// more permits than will ever be free blocks all others until it gives up. When
// a waiter gives up, those behind it that want less are served at once.
//
// Acquiring a free permit and releasing one that no goroutine waits for is one
// atomic operation each, in every form, and allocates nothing. A wait allocates
// only for its limit: a timer, or a channel.
//
// For mutual exclusion, use a lock.Lock; to bound how many tasks run, a
// pool.Pool.
type Semaphore struct{ permits park.Permits }

// New returns a Semaphore with the given number of permits. It panics with
// [ErrValue] if value is below 0 or beyond 1<<60 (math.MaxInt32 on 32-bit
// machines).
func New(value int) *Semaphore {
	s := new(Semaphore)
	s.permits.Add(initial("New", value), maxValue)
	return s
}

// Acquire takes a permit. If none is free, it blocks until one is available.
func (s *Semaphore) Acquire() {
	if !s.permits.TryAcquire(1) {
		s.permits.Acquire(1, park.Forever)
	}
}

// TryAcquire takes a permit if one is free, and reports whether it did.
func (s *Semaphore) TryAcquire() bool { return s.permits.TryAcquire(1) }

// AcquireTimeout is like [Semaphore.Acquire], but gives up after d. It reports
// whether it took a permit. If d <= 0, it is equivalent to
// [Semaphore.TryAcquire]. A d of math.MaxInt64 never times out.
func (s *Semaphore) AcquireTimeout(d time.Duration) bool { return s.acquireTimeout(1, d) }

// AcquireContext is like [Semaphore.Acquire], but gives up when ctx ends, and
// then returns [context.Cause] of ctx. If ctx has ended before the call, it
// does so even if a permit is free.
func (s *Semaphore) AcquireContext(ctx context.Context) error { return s.acquireContext(ctx, 1) }

// AcquireN takes n permits at once, and blocks until all of them are available.
// Until then it takes none, and may keep others from taking any; see the type's
// comment. It panics with [ErrValue] if n is below 1 or beyond 1<<60
// (math.MaxInt32 on 32-bit machines).
func (s *Semaphore) AcquireN(n int) {
	if n := permits("AcquireN", n, maxValue); !s.permits.TryAcquire(n) {
		s.permits.Acquire(n, park.Forever)
	}
}

// TryAcquireN takes n permits if that many are free, and reports whether it
// did. It panics as [Semaphore.AcquireN] does.
func (s *Semaphore) TryAcquireN(n int) bool {
	return s.permits.TryAcquire(permits("TryAcquireN", n, maxValue))
}

// AcquireNTimeout is like [Semaphore.AcquireN], but gives up after d. It
// reports whether it took the permits. If d <= 0, it is equivalent to
// [Semaphore.TryAcquireN]. A d of math.MaxInt64 never times out.
func (s *Semaphore) AcquireNTimeout(n int, d time.Duration) bool {
	return s.acquireTimeout(permits("AcquireNTimeout", n, maxValue), d)
}

// AcquireNContext is like [Semaphore.AcquireN], but gives up when ctx ends, and
// then returns [context.Cause] of ctx. If ctx has ended before the call, it
// does so even if n permits are free.
func (s *Semaphore) AcquireNContext(ctx context.Context, n int) error {
	return s.acquireContext(ctx, permits("AcquireNContext", n, maxValue))
}

// Release adds a permit. It panics with [ErrValue], and changes nothing, if the
// number of free permits would exceed 1<<60 (math.MaxInt32 on 32-bit machines).
func (s *Semaphore) Release() {
	if !s.permits.Increment() {
		s.releaseSlow()
	}
}

//go:noinline // so that Release is inlined
func (s *Semaphore) releaseSlow() {
	if !s.permits.IncrementSlow(maxValue) {
		panic(fmt.Errorf("%w: Release: the value would exceed %d", ErrValue, maxValue))
	}
}

// ReleaseN adds n permits at once, and serves as many waiters with them as it
// can. It panics with [ErrValue], and changes nothing, if n is below 1 or if
// the number of free permits would exceed 1<<60 (math.MaxInt32 on 32-bit
// machines).
func (s *Semaphore) ReleaseN(n int) {
	if !s.permits.Add(permits("ReleaseN", n, math.MaxInt), maxValue) {
		panic(fmt.Errorf("%w: ReleaseN(%d): the value would exceed %d", ErrValue, n, maxValue))
	}
}

// Value returns the number of free permits.
func (s *Semaphore) Value() int { return int(min(s.permits.Value(), maxValue)) }

func (s *Semaphore) acquireTimeout(n uint64, d time.Duration) bool {
	return s.permits.TryAcquire(n) || d > 0 && s.permits.Acquire(n, park.After(d))
}

func (s *Semaphore) acquireContext(ctx context.Context, n uint64) error {
	if ctx.Err() != nil || !s.permits.TryAcquire(n) && !s.permits.Acquire(n, park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// initial checks the number of permits that a semaphore is to have.
func initial(call string, value int) uint64 {
	if value < 0 || value > maxValue {
		panic(fmt.Errorf("%w: %s(%d): want 0 to %d", ErrValue, call, value, maxValue))
	}
	return uint64(value)
}

// permits checks the number of permits that a call acquires or releases.
func permits(call string, n, most int) uint64 {
	if n < 1 || n > most {
		panic(badN(call, n, most))
	}
	return uint64(n)
}

func badN(call string, n, most int) error {
	if most < 1 {
		return fmt.Errorf("%w: %s(%d): there are none", ErrValue, call, n)
	}
	return fmt.Errorf("%w: %s(%d): want 1 to %d", ErrValue, call, n, most)
}
