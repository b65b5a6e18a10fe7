package semaphore

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrOverRelease is the error that a release of a BoundedSemaphore panics with
// if it releases more permits than are out.
var ErrOverRelease = errors.New("semaphore: released more often than acquired")

// A BoundedSemaphore is a [Semaphore] with a fixed number of permits, its
// bound: it guards a fixed number of resources, and panics on a release too
// many instead of creating a permit.
//
// The zero value has no permits; make one with [NewBounded]. A BoundedSemaphore
// must not be copied after first use.
//
// It is Python's threading.BoundedSemaphore, with the names of Semaphore.
// [BoundedSemaphore.TryRelease] is release() in a try statement that catches
// ValueError; [BoundedSemaphore.Resize] has no counterpart.
//
// Memory model, fairness and cost are those of Semaphore, except that a waiter
// that wants more permits than there are since a Resize does not block those
// behind it. It waits until a Resize makes enough of them.
type BoundedSemaphore struct{ permits park.BoundedPermits }

// NewBounded returns a BoundedSemaphore with the given number of permits. It
// panics with [ErrValue] if value is below 0 or beyond 1<<60 (math.MaxInt32 on
// 32-bit machines).
func NewBounded(value int) *BoundedSemaphore {
	b := new(BoundedSemaphore)
	b.permits.Resize(initial("NewBounded", value))
	return b
}

// Acquire takes a permit. If none is free, it blocks until one is available.
func (b *BoundedSemaphore) Acquire() {
	if !b.permits.TryAcquire(1) {
		b.permits.Acquire(1, park.Forever)
	}
}

// TryAcquire takes a permit if one is free, and reports whether it did.
func (b *BoundedSemaphore) TryAcquire() bool { return b.permits.TryAcquire(1) }

// AcquireTimeout is like [BoundedSemaphore.Acquire], but gives up after d. It
// reports whether it took a permit. If d <= 0, it is equivalent to
// [BoundedSemaphore.TryAcquire]. A d of math.MaxInt64 never times out.
func (b *BoundedSemaphore) AcquireTimeout(d time.Duration) bool { return b.acquireTimeout(1, d) }

// AcquireContext is like [BoundedSemaphore.Acquire], but gives up when ctx
// ends, and then returns [context.Cause] of ctx. If ctx has ended before the
// call, it does so even if a permit is free.
func (b *BoundedSemaphore) AcquireContext(ctx context.Context) error {
	return b.acquireContext(ctx, 1)
}

// AcquireN takes n permits at once, and blocks until all of them are available.
// Until then it takes none, and may keep others from taking any, as
// [Semaphore.AcquireN] may. It panics with [ErrValue] if n is below 1, or more
// than the bound at the call.
func (b *BoundedSemaphore) AcquireN(n int) {
	if n := b.wanted("AcquireN", n); !b.permits.TryAcquire(n) {
		b.permits.Acquire(n, park.Forever)
	}
}

// TryAcquireN takes n permits if that many are free, and reports whether it
// did. It panics as [BoundedSemaphore.AcquireN] does.
func (b *BoundedSemaphore) TryAcquireN(n int) bool {
	return b.permits.TryAcquire(b.wanted("TryAcquireN", n))
}

// AcquireNTimeout is like [BoundedSemaphore.AcquireN], but gives up after d. It
// reports whether it took the permits. If d <= 0, it is equivalent to
// [BoundedSemaphore.TryAcquireN]. A d of math.MaxInt64 never times out.
func (b *BoundedSemaphore) AcquireNTimeout(n int, d time.Duration) bool {
	return b.acquireTimeout(b.wanted("AcquireNTimeout", n), d)
}

// AcquireNContext is like [BoundedSemaphore.AcquireN], but gives up when ctx
// ends, and then returns [context.Cause] of ctx. If ctx has ended before the
// call, it does so even if n permits are free.
func (b *BoundedSemaphore) AcquireNContext(ctx context.Context, n int) error {
	return b.acquireContext(ctx, b.wanted("AcquireNContext", n))
}

// Release returns a permit. It panics with [ErrOverRelease], and changes
// nothing, if none is out.
func (b *BoundedSemaphore) Release() {
	if !b.TryRelease() {
		panic(ErrOverRelease)
	}
}

// TryRelease returns a permit unless none is out, and reports whether it did.
func (b *BoundedSemaphore) TryRelease() bool { return b.permits.Release(1) }

// ReleaseN returns n permits at once, and serves as many waiters with them as
// it can. It panics with [ErrValue] if n is below 1, and with [ErrOverRelease]
// if fewer than n are out; in either case it changes nothing.
func (b *BoundedSemaphore) ReleaseN(n int) {
	if n < 1 {
		panic(badN("ReleaseN", n, math.MaxInt))
	}
	if !b.permits.Release(uint64(n)) {
		panic(ErrOverRelease)
	}
}

// Value returns the number of free permits. It is never below 0.
func (b *BoundedSemaphore) Value() int { return int(b.permits.Value()) }

// Resize changes the bound to n. If that makes more permits, they are free at
// once. If more than n are out, those beyond are withdrawn as they come back:
// until then, no permit is free. An acquire that meets a Resize may be granted
// by the larger of the two bounds, so there are never more permits out than
// that. Resize panics with [ErrValue] if n is below 0 or beyond 1<<60
// (math.MaxInt32 on 32-bit machines).
func (b *BoundedSemaphore) Resize(n int) { b.permits.Resize(initial("Resize", n)) }

// wanted checks the number of permits that a call wants.
func (b *BoundedSemaphore) wanted(call string, n int) uint64 {
	return permits(call, n, int(b.permits.Bound()))
}

func (b *BoundedSemaphore) acquireTimeout(n uint64, d time.Duration) bool {
	return b.permits.TryAcquire(n) || d > 0 && b.permits.Acquire(n, park.After(d))
}

func (b *BoundedSemaphore) acquireContext(ctx context.Context, n uint64) error {
	if ctx.Err() != nil || !b.permits.TryAcquire(n) && !b.permits.Acquire(n, park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}
