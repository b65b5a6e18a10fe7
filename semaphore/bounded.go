package semaphore

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrOverRelease is the value that a release of a BoundedSemaphore panics with when more permits would be free than it
// began with.
var ErrOverRelease = errors.New("semaphore: released more often than acquired")

// A BoundedSemaphore is a Semaphore that never has more permits than it began with: it guards something there is so
// much of, and a release too many is a mistake that it reports instead of making more of it.
//
// The zero value has no permits and never will; use NewBounded. A BoundedSemaphore must not be copied after first use.
//
// Python: threading.BoundedSemaphore. TryRelease is release() in a try statement that catches ValueError.
//
// Everything else is as for Semaphore: memory model, fairness, giving up, cost.
type BoundedSemaphore struct {
	permits park.BoundedPermits
}

// NewBounded returns a BoundedSemaphore with value permits, which is also the most it can have. It panics with
// ErrValue if value is below 0 or beyond 1<<60 (math.MaxInt32 on 32-bit machines).
func NewBounded(value int) *BoundedSemaphore {
	b := new(BoundedSemaphore)
	b.permits.Resize(initial("NewBounded", value))
	return b
}

// Acquire takes a permit, waiting for as long as that takes.
func (b *BoundedSemaphore) Acquire() {
	if !b.permits.TryAcquire(1) {
		b.permits.Acquire(1, park.Forever)
	}
}

// TryAcquire takes a permit if one is free, and reports whether it did.
func (b *BoundedSemaphore) TryAcquire() bool { return b.permits.TryAcquire(1) }

// AcquireTimeout takes a permit unless that takes longer than d, and reports whether it did. With d <= 0 it is
// TryAcquire; math.MaxInt64 is for ever.
func (b *BoundedSemaphore) AcquireTimeout(d time.Duration) bool { return b.acquireTimeout(1, d) }

// AcquireContext takes a permit unless ctx ends first; then it returns context.Cause(ctx).
func (b *BoundedSemaphore) AcquireContext(ctx context.Context) error { return b.acquireContext(ctx, 1) }

// AcquireN takes n permits at once, waiting for as long as that takes. It takes none until it can take all. It panics
// with ErrValue if n < 1 or if n is more than there will ever be.
func (b *BoundedSemaphore) AcquireN(n int) {
	if n := b.want("AcquireN", n); !b.permits.TryAcquire(n) {
		b.permits.Acquire(n, park.Forever)
	}
}

// TryAcquireN takes n permits if that many are free, and reports whether it did. It panics with ErrValue if n < 1 or
// if n is more than there will ever be.
func (b *BoundedSemaphore) TryAcquireN(n int) bool {
	return b.permits.TryAcquire(b.want("TryAcquireN", n))
}

// AcquireNTimeout takes n permits at once unless that takes longer than d, and reports whether it did. With d <= 0 it
// is TryAcquireN; math.MaxInt64 is for ever. It panics with ErrValue if n < 1 or if n is more than there will ever be.
func (b *BoundedSemaphore) AcquireNTimeout(n int, d time.Duration) bool {
	return b.acquireTimeout(b.want("AcquireNTimeout", n), d)
}

// AcquireNContext takes n permits at once unless ctx ends first; then it returns context.Cause(ctx). It panics with
// ErrValue if n < 1 or if n is more than there will ever be.
func (b *BoundedSemaphore) AcquireNContext(ctx context.Context, n int) error {
	return b.acquireContext(ctx, b.want("AcquireNContext", n))
}

// Release adds a permit. It panics with ErrOverRelease, and does nothing, if all are free already.
func (b *BoundedSemaphore) Release() {
	if !b.TryRelease() {
		panic(ErrOverRelease)
	}
}

// TryRelease adds a permit unless all are free already, and reports whether it did.
func (b *BoundedSemaphore) TryRelease() bool { return b.permits.Release(1) }

// ReleaseN adds n permits at once, and serves as many waiters with them as it can. It panics with ErrValue if n < 1,
// and with ErrOverRelease if more would be free than it began with; in either case it does nothing.
func (b *BoundedSemaphore) ReleaseN(n int) {
	if n < 1 {
		panic(bad("ReleaseN", n, math.MaxInt))
	}
	if !b.permits.Release(uint64(n)) {
		panic(ErrOverRelease)
	}
}

// Value returns how many permits are free.
func (b *BoundedSemaphore) Value() int { return int(b.permits.Value()) }

// Resize changes the bound to n permits, and serves the waiters that can be served
// now. If more than n permits are out, those beyond are withdrawn as they come back:
// until then no permit is free. It panics with ErrValue if n is below 0 or beyond
// 1<<60 (math.MaxInt32 on 32-bit machines).
func (b *BoundedSemaphore) Resize(n int) { b.permits.Resize(initial("Resize", n)) }

// want checks how many permits a call wants.
func (b *BoundedSemaphore) want(call string, n int) uint64 {
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
