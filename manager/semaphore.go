package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/semaphore"
)

// A Semaphore is a number of permits that processes share by name.
//
//	acquire(), release()         Acquire, Release
//	acquire(blocking=False)      TryAcquire
//	acquire(timeout=d)           AcquireTimeout(d)
//	release(n)                   ReleaseN(n)
//
// A process that dies gives back the permits that it had acquired and not
// released. A Release takes one of those that this process holds, or else the
// oldest that any process holds, and adds one only if none is held: so one
// process can acquire what another releases, and Value is always what it began
// with, minus what was acquired, plus what was released, as in Python. But a
// permit that a Release had added, and whose acquirer dies, comes back, too: for
// signals use a [Queue] or an [Event]. For each permit that was lost with the
// session of this process, one later Release does nothing.
//
// n belongs to the semaphore: other handles have to name the same, until Resize.
type Semaphore struct{ permits }

// A BoundedSemaphore is like a [Semaphore], but a Release of a permit that no
// process holds panics with [semaphore.ErrOverRelease], and an acquire of more
// than the bound at once panics with [semaphore.ErrValue].
type BoundedSemaphore struct{ permits }

// permits are what the two have in common.
type permits struct {
	object
	b    backend.Semaphore
	held *held
}

// held is how many permits this process holds, as far as it knows: for Lost, and
// for what it releases when the Manager is closed.
type held struct {
	guard sync.Mutex
	n     int
	last  backend.Holding
}

func (h *held) acquired(n int, last backend.Holding) {
	h.guard.Lock()
	defer h.guard.Unlock()
	h.n, h.last = h.n+n, last
}

// released reports whether any of n permits were held.
func (h *held) released(n int) bool {
	h.guard.Lock()
	defer h.guard.Unlock()
	had := h.n
	h.n = max(h.n-n, 0)
	return had > 0
}

func (h *held) idle() bool {
	h.guard.Lock()
	defer h.guard.Unlock()
	return h.n == 0
}

// Semaphore returns the semaphore of that name, or a fresh one if name is "". If
// it is not there yet it begins with n permits. It panics with
// [semaphore.ErrValue] if n is below 0 or beyond 1<<60 (math.MaxInt32 on 32-bit
// machines).
func (m *Manager) Semaphore(name string, n int) *Semaphore {
	return &Semaphore{newPermits(m, KindSemaphore, name, n)}
}

// BoundedSemaphore returns the bounded semaphore of that name, as
// [Manager.Semaphore] does.
func (m *Manager) BoundedSemaphore(name string, n int) *BoundedSemaphore {
	return &BoundedSemaphore{newPermits(m, KindBoundedSemaphore, name, n)}
}

func newPermits(m *Manager, kind Kind, name string, n int) permits {
	spec := m.spec(kind, name)
	spec.N = n
	valid(spec)
	return permits{object{m, spec}, m.backend.Semaphore(spec), state(m, spec, func() *held { return new(held) })}
}

// Acquire takes a permit. It blocks until one is available.
func (p *permits) Acquire() { p.AcquireN(1) }

// TryAcquire takes a permit if one is free, and reports whether it did.
func (p *permits) TryAcquire() bool { return p.TryAcquireN(1) }

// AcquireTimeout is like Acquire, but gives up after d. It reports whether it
// took a permit. If d <= 0, it is equivalent to TryAcquire. A d of
// [math.MaxInt64] never times out.
func (p *permits) AcquireTimeout(d time.Duration) bool { return p.AcquireNTimeout(1, d) }

// AcquireContext is like Acquire, but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (p *permits) AcquireContext(ctx context.Context) error { return p.AcquireNContext(ctx, 1) }

// AcquireN takes n permits at once. It blocks until all of them are available.
// It panics with [semaphore.ErrValue] if n < 1.
func (p *permits) AcquireN(n int) { granted(p.acquire(forever, n)) }

// TryAcquireN takes n permits if that many are free, and reports whether it did.
// It panics with [semaphore.ErrValue] if n < 1.
func (p *permits) TryAcquireN(n int) bool { return granted(p.acquire(try, n)) }

// AcquireNTimeout is like AcquireN, but gives up after d. It reports whether
// it took the permits. It panics with [semaphore.ErrValue] if n < 1.
func (p *permits) AcquireNTimeout(n int, d time.Duration) bool {
	return granted(p.acquire(after(d), n))
}

func (p *permits) acquire(w backend.Wait, n int) error {
	p.must(n)
	return patiently(w, func(w backend.Wait) error { return p.ask(w, n) })
}

// AcquireNContext is like AcquireN, but gives up when ctx ends, and then returns
// [context.Cause] of ctx. It panics with [semaphore.ErrValue] if n < 1.
func (p *permits) AcquireNContext(ctx context.Context, n int) error {
	p.must(n)
	if err := p.m.ended(ctx); err != nil {
		return err
	}
	w := until(ctx)
	for {
		if err := p.ask(w, n); !errors.Is(err, ErrLost) || w.Over() {
			return cause(ctx, err)
		}
	}
}

func (p *permits) ask(w backend.Wait, n int) error {
	last, err := p.b.Acquire(w, n)
	switch {
	case err == nil:
		p.held.acquired(n, last)
	case errors.Is(err, semaphore.ErrValue):
		panic(err)
	}
	return err
}

// must panics unless n is a number of permits.
func (p *permits) must(n int) {
	if n < 1 || n > backend.MostPermits {
		panic(fmt.Errorf("%w: %d of %s: want 1 to %d", semaphore.ErrValue, n, p.spec, backend.MostPermits))
	}
}

// Release gives back a permit.
func (p *permits) Release() { p.ReleaseN(1) }

// ReleaseN gives back n permits at once. It panics with [semaphore.ErrValue] if
// n < 1.
func (p *permits) ReleaseN(n int) {
	switch err := p.releaseForever(n); {
	case errors.Is(err, ErrLost), errors.Is(err, ErrUnknown): // the session is over, and nothing is left to do
	default:
		must(err)
	}
}

func (p *permits) releaseForever(n int) error {
	var err error
	must(patiently(forever, func(backend.Wait) error {
		if err = p.release(background, n); errors.Is(err, ErrQuota) {
			return err
		}
		return nil
	}))
	return err
}

// ReleaseContext is like Release, and tells what became of it: nil; ErrLost if
// the permit had been lost before; ErrUnknown if ctx ended, or the session, while
// the server was told, which then goes on without the caller. If ctx has ended
// already it returns the cause and releases nothing.
func (p *permits) ReleaseContext(ctx context.Context) error { return p.ReleaseNContext(ctx, 1) }

// ReleaseNContext is like ReleaseN, and tells what became of it, as
// ReleaseContext does.
func (p *permits) ReleaseNContext(ctx context.Context, n int) error {
	p.must(n)
	if err := p.m.ended(ctx); err != nil {
		return err
	}
	err := p.release(ctx, n)
	if errors.Is(err, semaphore.ErrOverRelease) || errors.Is(err, semaphore.ErrValue) {
		panic(err)
	}
	return released(err)
}

func (p *permits) release(ctx context.Context, n int) error {
	p.must(n)
	err := p.b.Release(ctx, n)
	closed := errors.Is(err, ErrClosed) && !errors.Is(err, ErrUnknown)
	if err != nil && !closed && !errors.Is(err, ErrLost) && !errors.Is(err, ErrUnknown) {
		return err // it was refused
	}
	if had := p.held.released(n); had && closed {
		return released(err) // what was held was lost
	}
	return err
}

// TryRelease is like Release, but reports whether the permit could be given back:
// what Python code does with try and except ValueError.
func (b *BoundedSemaphore) TryRelease() bool {
	err := b.releaseForever(1)
	switch {
	case errors.Is(err, semaphore.ErrOverRelease):
		return false
	case errors.Is(err, ErrLost), errors.Is(err, ErrUnknown):
		return true
	}
	must(err)
	return true
}

// Resize changes how many permits there are: it adds some, or withdraws some,
// those that are out as they come back; Value is never below 0. An acquire of more
// than there are waits until there are more. Call it to change n in a rolling
// deploy. It panics with [semaphore.ErrValue] if n is below 0 or too large.
func (p *permits) Resize(ctx context.Context, n int) error {
	spec := p.spec
	spec.N = n
	valid(spec)
	return p.b.Resize(ctx, n)
}

// Value returns how many permits are free.
func (p *permits) Value() (n int) {
	must(patiently(forever, func(backend.Wait) (err error) {
		n, err = p.b.Value(background)
		return err
	}))
	return n
}

// Lost returns a channel that is closed when the session is lost in which this
// process acquired the permits that it holds. If it holds none it is never
// closed.
func (p *permits) Lost() <-chan struct{} {
	p.held.guard.Lock()
	defer p.held.guard.Unlock()
	if p.held.n == 0 {
		return nil
	}
	return p.held.last.Lost()
}

func (p *permits) describe() backend.Handle { return p.object.describe(p.b) }
