package process

import (
	"context"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/semaphore"
)

// A Semaphore is a number of permits that processes acquire and release. A
// release adds permits, whichever process it is by and whether or not they were
// acquired before.
//
// Make a Semaphore with [NewSemaphore] and pass the pointer to other processes.
// The zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Semaphore:
//
//	acquire()                Acquire
//	acquire(block=False)     TryAcquire
//	acquire(timeout=d)       AcquireTimeout(d)
//	release()                Release
//	get_value()              Value
//
// Permits have no owner: those of a process that ends are gone. Where they must
// come back, use a [BoundedSemaphore].
//
// Within a process, a release synchronizes before the return of every acquire
// that takes one of its permits.
//
// A running process may barge ahead of one that was just woken, for about a
// millisecond. Then permits are kept for the one that waits, however many it
// wants, and TryAcquire may fail although Value is not 0. An AcquireN of more
// permits than there will ever be therefore blocks every acquire behind it
// until it gives up. A call that gives up leaves the Semaphore as if it had not
// been made.
//
// Free permits are acquired and released by one atomic operation. Blocked calls
// hold one thread for each Semaphore and process.
type Semaphore struct {
	handle
	s *shm.Semaphore
}

// NewSemaphore makes a Semaphore with value permits. It panics with
// semaphore.ErrValue if value is below 0 or above math.MaxInt32.
func NewSemaphore(value int) *Semaphore {
	if value < 0 || value > shm.MaxPermits {
		panic(badPermits("NewSemaphore", value, 0, shm.MaxPermits))
	}
	s, err := shm.NewSemaphore(value)
	return &Semaphore{s: made("NewSemaphore", s, err)}
}

func badPermits(call string, n, least, most int) error {
	return fmt.Errorf("%w: process: %s(%d): want %d to %d", semaphore.ErrValue, call, n, least, most)
}

func (s *Semaphore) permits() *shm.Semaphore {
	if s.s == nil {
		panic(zero("Semaphore"))
	}
	return s.s
}

// acquire are the forms of taking n permits.
func (s *Semaphore) acquire(call string, n int) (try func() bool, wait func(*shm.Limit) bool) {
	p := s.permits()
	if n < 1 || n > shm.MaxPermits {
		panic(badPermits(call, n, 1, shm.MaxPermits))
	}
	return func() bool { return p.TryAcquire(n) }, func(l *shm.Limit) bool { return p.Acquire(n, l) }
}

// Acquire takes a permit, waiting for as long as that takes.
func (s *Semaphore) Acquire() { s.permits().Acquire(1, nil) }

// TryAcquire takes a permit if one is free, and reports whether it did.
func (s *Semaphore) TryAcquire() bool { return s.permits().TryAcquire(1) }

// AcquireTimeout is like Acquire but waits for at most d, and reports whether
// it took a permit. With d <= 0 it is TryAcquire; math.MaxInt64 is forever.
func (s *Semaphore) AcquireTimeout(d time.Duration) bool {
	try, wait := s.acquire("AcquireTimeout", 1)
	return within(d, try, wait)
}

// AcquireContext is like Acquire but returns context.Cause(ctx) if ctx ends
// first.
func (s *Semaphore) AcquireContext(ctx context.Context) error {
	try, wait := s.acquire("AcquireContext", 1)
	return until(ctx, try, wait)
}

// AcquireN takes n permits at once, waiting for as long as that takes. It takes
// none until it can take all. It panics with semaphore.ErrValue if n < 1 or n >
// math.MaxInt32, and so do the forms that follow.
func (s *Semaphore) AcquireN(n int) {
	_, wait := s.acquire("AcquireN", n)
	wait(nil)
}

// TryAcquireN takes n permits if n are free, and reports whether it did.
func (s *Semaphore) TryAcquireN(n int) bool {
	try, _ := s.acquire("TryAcquireN", n)
	return try()
}

// AcquireNTimeout is like AcquireN but waits for at most d, and reports whether
// it took the permits. With d <= 0 it is TryAcquireN; math.MaxInt64 is forever.
func (s *Semaphore) AcquireNTimeout(n int, d time.Duration) bool {
	try, wait := s.acquire("AcquireNTimeout", n)
	return within(d, try, wait)
}

// AcquireNContext is like AcquireN but returns context.Cause(ctx) if ctx ends
// first.
func (s *Semaphore) AcquireNContext(ctx context.Context, n int) error {
	try, wait := s.acquire("AcquireNContext", n)
	return until(ctx, try, wait)
}

// Release adds a permit. It panics with semaphore.ErrValue, and does nothing,
// if the value would exceed math.MaxInt32.
func (s *Semaphore) Release() { s.ReleaseN(1) }

// ReleaseN adds n permits at once. It panics with semaphore.ErrValue, and does
// nothing, if n < 1 or if the value would exceed math.MaxInt32.
func (s *Semaphore) ReleaseN(n int) {
	p := s.permits()
	if n < 1 || n > shm.MaxPermits {
		panic(badPermits("ReleaseN", n, 1, shm.MaxPermits))
	}
	if !p.Release(n) {
		panic(fmt.Errorf("%w: process: a release of %d: the value would exceed %d", semaphore.ErrValue, n, shm.MaxPermits))
	}
}

// Value returns how many permits are free.
func (s *Semaphore) Value() int { return s.permits().Value() }

// MarshalBinary encodes s for another process. It returns ErrSharing unless
// this package encodes.
func (s *Semaphore) MarshalBinary() ([]byte, error) {
	return handOver("Semaphore", s.s, (*shm.Semaphore).Descriptor)
}

// UnmarshalBinary is the other direction.
func (s *Semaphore) UnmarshalBinary(data []byte) (err error) {
	s.s, err = takeOver("Semaphore", data, shm.AttachSemaphore)
	return err
}
