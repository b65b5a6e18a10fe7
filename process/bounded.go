package process

import (
	"context"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/semaphore"
)

// A BoundedSemaphore is a [Semaphore] that never has more permits than it began
// with, and that knows which process holds how many: the permits of a process
// that ends come back.
//
// Make a BoundedSemaphore with [NewBoundedSemaphore] and pass the pointer to
// other processes. The zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.BoundedSemaphore. TryRelease is release() in a
// try statement that catches ValueError.
//
// A process may release permits that another acquired, as in Python; they are
// then taken from a process that holds some. At most 512 processes hold permits
// at once: beyond that, an acquire panics. Everything else is as for
// [Semaphore].
//
// An acquire and a release are a lock and a store each. Their time grows with
// the number of processes that hold permits.
type BoundedSemaphore struct {
	handle
	b *shm.Bounded
}

// NewBoundedSemaphore makes a BoundedSemaphore with value permits, which is
// also the most it can have. It panics with semaphore.ErrValue if value is
// below 0 or above math.MaxInt32.
func NewBoundedSemaphore(value int) *BoundedSemaphore {
	if value < 0 || value > shm.MaxPermits {
		panic(badPermits("NewBoundedSemaphore", value, 0, shm.MaxPermits))
	}
	b, err := shm.NewBounded(value)
	return &BoundedSemaphore{b: made("NewBoundedSemaphore", b, err)}
}

func (b *BoundedSemaphore) permits() *shm.Bounded {
	if b.b == nil {
		panic(zero("BoundedSemaphore"))
	}
	return b.b
}

// acquire are the forms of taking n permits.
func (b *BoundedSemaphore) acquire(n int) (try func() bool, wait func(*shm.Limit) bool) {
	p := b.permits()
	return func() bool { return room(p.TryAcquire(n)) }, func(l *shm.Limit) bool { return room(p.Acquire(n, l)) }
}

// acquireN is acquire for a number that the caller gave.
func (b *BoundedSemaphore) acquireN(call string, n int) (try func() bool, wait func(*shm.Limit) bool) {
	if bound := b.permits().Bound(); n < 1 || n > bound {
		panic(badPermits(call, n, 1, bound))
	}
	return b.acquire(n)
}

func room(taken, full bool) bool {
	if full {
		panic(fmt.Errorf("process: more than %d processes hold permits of a BoundedSemaphore", shm.MaxHolders))
	}
	return taken
}

// Acquire takes a permit, waiting for as long as that takes.
func (b *BoundedSemaphore) Acquire() { room(b.permits().Acquire(1, nil)) }

// TryAcquire takes a permit if one is free, and reports whether it did.
func (b *BoundedSemaphore) TryAcquire() bool { return room(b.permits().TryAcquire(1)) }

// AcquireTimeout is like Acquire but waits for at most d, and reports whether
// it took a permit. With d <= 0 it is TryAcquire; math.MaxInt64 is forever.
func (b *BoundedSemaphore) AcquireTimeout(d time.Duration) bool {
	try, wait := b.acquire(1)
	return within(d, try, wait)
}

// AcquireContext is like Acquire but returns context.Cause(ctx) if ctx ends
// first.
func (b *BoundedSemaphore) AcquireContext(ctx context.Context) error {
	try, wait := b.acquire(1)
	return until(ctx, try, wait)
}

// AcquireN takes n permits at once, waiting for as long as that takes. It takes
// none until it can take all. It panics with semaphore.ErrValue if n < 1 or if
// n is more than there are, and so do the forms that follow.
func (b *BoundedSemaphore) AcquireN(n int) {
	_, wait := b.acquireN("AcquireN", n)
	wait(nil)
}

// TryAcquireN takes n permits if n are free, and reports whether it did.
func (b *BoundedSemaphore) TryAcquireN(n int) bool {
	try, _ := b.acquireN("TryAcquireN", n)
	return try()
}

// AcquireNTimeout is like AcquireN but waits for at most d, and reports whether
// it took the permits. With d <= 0 it is TryAcquireN; math.MaxInt64 is forever.
func (b *BoundedSemaphore) AcquireNTimeout(n int, d time.Duration) bool {
	try, wait := b.acquireN("AcquireNTimeout", n)
	return within(d, try, wait)
}

// AcquireNContext is like AcquireN but returns context.Cause(ctx) if ctx ends
// first.
func (b *BoundedSemaphore) AcquireNContext(ctx context.Context, n int) error {
	try, wait := b.acquireN("AcquireNContext", n)
	return until(ctx, try, wait)
}

// Release adds a permit. It panics with semaphore.ErrOverRelease, and does
// nothing, if all are free.
func (b *BoundedSemaphore) Release() {
	if !b.TryRelease() {
		panic(semaphore.ErrOverRelease)
	}
}

// TryRelease adds a permit unless all are free, and reports whether it did.
func (b *BoundedSemaphore) TryRelease() bool { return b.permits().Release(1) }

// ReleaseN adds n permits at once. It panics with semaphore.ErrValue if n < 1,
// and with semaphore.ErrOverRelease if more would be free than there are; in
// either case it does nothing.
func (b *BoundedSemaphore) ReleaseN(n int) {
	p := b.permits()
	if n < 1 {
		panic(badPermits("ReleaseN", n, 1, p.Bound()))
	}
	if !p.Release(n) {
		panic(semaphore.ErrOverRelease)
	}
}

// Value returns how many permits are free.
func (b *BoundedSemaphore) Value() int { return b.permits().Value() }

// MarshalBinary encodes b for another process. It returns ErrSharing unless
// this package encodes.
func (b *BoundedSemaphore) MarshalBinary() ([]byte, error) {
	return handOver("BoundedSemaphore", b.b, (*shm.Bounded).Descriptor)
}

// UnmarshalBinary is the other direction.
func (b *BoundedSemaphore) UnmarshalBinary(data []byte) (err error) {
	b.b, err = takeOver("BoundedSemaphore", data, shm.AttachBounded)
	return err
}
