// Package semaphore provides counting semaphores that can give up waiting: threading.Semaphore and
// threading.BoundedSemaphore for Go.
package semaphore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrValue is what a call panics with whose number of permits makes no sense: below 0 or too large for New and
// NewBounded, below 1 for AcquireN and ReleaseN and their like, more than the bound for AcquireN of a BoundedSemaphore,
// and a ReleaseN that would take a Semaphore beyond the largest value. The value of the panic names the call and the
// number, and is ErrValue to errors.Is.
var ErrValue = errors.New("semaphore: bad number of permits")

// maxValue is the largest value of a semaphore.
const maxValue = min(1<<60, math.MaxInt)

// A Semaphore is a number of permits that goroutines acquire and release. A release adds permits, whoever it is by
// and whether or not they were acquired before; a BoundedSemaphore refuses what is too much.
//
// The zero value has no permits: whoever acquires waits for a release. A Semaphore must not be copied after first use.
//
// Python: threading.Semaphore. Acquire is acquire(), TryAcquire acquire(blocking=False), AcquireTimeout
// acquire(timeout=d), Release release(), ReleaseN release(n). AcquireN is what Python lacks.
//
// Memory model: a release synchronizes before the return of every acquire that takes one of its permits.
//
// Fairness: that of lock.Lock. A goroutine that is running may take a free permit before a waiter that was just woken;
// but once the first waiter has been passed over for a millisecond, permits are kept for it, and for all who were
// waiting then, in order of arrival, however many each wants. While permits are being kept, TryAcquire may fail though
// Value is not 0. Nobody starves, neither one who wants many among many who want one.
//
// Giving up: an acquire that gives up leaves the Semaphore as if it had never been called, and those who waited behind
// it for less are served at once.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. A waiter inside a bubble must be served
// from inside it.
//
// Cost: acquiring a free permit and releasing one that nobody waits for is one atomic operation each, in every form,
// and allocates nothing. A wait allocates only for its limit: a timer, or a channel.
//
// Use a lock.Lock for mutual exclusion, and a pool.Pool to bound how many tasks run.
type Semaphore struct {
	permits park.Permits
}

// New returns a Semaphore with value permits. It panics with ErrValue if value is below 0 or beyond 1<<60
// (math.MaxInt32 on 32-bit machines).
func New(value int) *Semaphore {
	s := new(Semaphore)
	s.permits.Add(initial("New", value), maxValue)
	return s
}

func initial(call string, value int) uint64 {
	if value < 0 || value > maxValue {
		panic(fmt.Errorf("%w: %s(%d): want 0 to %d", ErrValue, call, value, maxValue))
	}
	return uint64(value)
}

// Acquire takes a permit, waiting for as long as that takes.
func (s *Semaphore) Acquire() {
	if !s.permits.TryAcquire(1) {
		s.permits.Acquire(1, park.Forever)
	}
}

// TryAcquire takes a permit if one is free, and reports whether it did.
func (s *Semaphore) TryAcquire() bool { return s.permits.TryAcquire(1) }

// AcquireTimeout takes a permit unless that takes longer than d, and reports whether it did. With d <= 0 it is
// TryAcquire; math.MaxInt64 is for ever.
func (s *Semaphore) AcquireTimeout(d time.Duration) bool { return s.acquireTimeout(1, d) }

// AcquireContext takes a permit unless ctx ends first; then it returns context.Cause(ctx).
func (s *Semaphore) AcquireContext(ctx context.Context) error { return s.acquireContext(ctx, 1) }

// AcquireN takes n permits at once, waiting for as long as that takes. It takes none until it can take all. It panics
// with ErrValue if n < 1.
func (s *Semaphore) AcquireN(n int) {
	if n := permits("AcquireN", n, maxValue); !s.permits.TryAcquire(n) {
		s.permits.Acquire(n, park.Forever)
	}
}

// TryAcquireN takes n permits if that many are free, and reports whether it did. It panics with ErrValue if n < 1.
func (s *Semaphore) TryAcquireN(n int) bool {
	return s.permits.TryAcquire(permits("TryAcquireN", n, maxValue))
}

// AcquireNTimeout takes n permits at once unless that takes longer than d, and reports whether it did. With d <= 0 it
// is TryAcquireN; math.MaxInt64 is for ever. It panics with ErrValue if n < 1.
func (s *Semaphore) AcquireNTimeout(n int, d time.Duration) bool {
	return s.acquireTimeout(permits("AcquireNTimeout", n, maxValue), d)
}

// AcquireNContext takes n permits at once unless ctx ends first; then it returns context.Cause(ctx). It panics with
// ErrValue if n < 1.
func (s *Semaphore) AcquireNContext(ctx context.Context, n int) error {
	return s.acquireContext(ctx, permits("AcquireNContext", n, maxValue))
}

// Release adds a permit. It panics with ErrValue, and does nothing, at the largest value.
func (s *Semaphore) Release() {
	if !s.permits.Increment() {
		s.released()
	}
}

//go:noinline // or Release would not be
func (s *Semaphore) released() {
	if !s.permits.IncrementSlow(maxValue) {
		panic(fmt.Errorf("%w: Release: the value would exceed %d", ErrValue, maxValue))
	}
}

// ReleaseN adds n permits at once, and serves as many waiters with them as it can. It panics with ErrValue, and does
// nothing, if n < 1 or if the value would exceed the largest.
func (s *Semaphore) ReleaseN(n int) {
	if !s.permits.Add(permits("ReleaseN", n, math.MaxInt), maxValue) {
		panic(fmt.Errorf("%w: ReleaseN(%d): the value would exceed %d", ErrValue, n, maxValue))
	}
}

// Value returns how many permits are free.
func (s *Semaphore) Value() int { return int(s.permits.Value()) }

// permits checks how many permits a call wants or gives.
func permits(call string, n, limit int) uint64 {
	if n < 1 || n > limit {
		panic(bad(call, n, limit))
	}
	return uint64(n)
}

func bad(call string, n, limit int) error {
	if limit < 1 {
		return fmt.Errorf("%w: %s(%d): there are none", ErrValue, call, n)
	}
	return fmt.Errorf("%w: %s(%d): want 1 to %d", ErrValue, call, n, limit)
}

func (s *Semaphore) acquireTimeout(n uint64, d time.Duration) bool {
	return s.permits.TryAcquire(n) || d > 0 && s.permits.Acquire(n, park.After(d))
}

func (s *Semaphore) acquireContext(ctx context.Context, n uint64) error {
	if ctx.Err() != nil || !s.permits.TryAcquire(n) && !s.permits.Acquire(n, park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}
