package park

import (
	"math"
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
)

// maxValue is the largest value of a gate.
const maxValue = 1<<(64-valueShift) - 1

// Permits is the mechanism of a semaphore: a number of free permits, which is its
// value. The zero value has none.
type Permits gate

var permits = policy{}

// Value returns how many permits are free. For a moment it may count one more than
// the limit of an IncrementSlow that is taking it back.
func (s *Permits) Value() uint64 { return (*gate)(s).value() }

// TryAcquire takes n permits if that many are free and no waiter is to be served
// first, and reports whether it did.
func (s *Permits) TryAcquire(n uint64) bool {
	for {
		old := s.word.Load()
		if old>>valueShift < n || old&starving != 0 {
			return false
		}
		if explore.On {
			explore.Point("take")
		}
		if s.word.CompareAndSwap(old, old-n<<valueShift) {
			return true
		}
	}
}

// Acquire takes n permits at once as soon as it can, or returns false if it reached
// the limit first. The caller has tried TryAcquire.
func (s *Permits) Acquire(n uint64, limit Limit) bool { return (*gate)(s).acquire(permits, n, limit) }

// Add releases n permits. It returns false, and does nothing, if the value would
// exceed limit.
func (s *Permits) Add(n, limit uint64) bool {
	g := (*gate)(s)
	for {
		old := g.word.Load()
		if value := old >> valueShift; value > limit || n > limit-value {
			return false
		}
		explore.Point("add")
		if g.word.CompareAndSwap(old, old+n<<valueShift) {
			if old&needSettle != 0 {
				g.settle(permits)
			}
			return true
		}
	}
}

// Increment releases one permit in one step that cannot fail. It is small enough to
// be inlined. If it returns false, the caller must call IncrementSlow.
func (s *Permits) Increment() (done bool) {
	if explore.On {
		explore.Point("increment")
	}
	return s.word.Add(1<<valueShift)&(needSettle|large) == 0
}

// large masks the bits that are set only if the value exceeds math.MaxInt32.
const large = ^uint64(math.MaxInt32<<valueShift | flags)

// IncrementSlow does what is left of an Increment that returned false: it serves
// waiters. It returns false if the value exceeds limit, and takes the permit back.
//
// The permit that is too many is there for a moment, and may be acquired: then
// there is room for another, and the release counts. It is taken back by a swap
// that fails unless the value exceeds the limit, so exactly the excess is refused,
// of this release or of another that is under way, whatever is acquired meanwhile.
func (s *Permits) IncrementSlow(limit uint64) bool {
	g := (*gate)(s)
	for {
		old := g.word.Load()
		if old>>valueShift <= limit {
			g.settle(permits)
			return true
		}
		explore.Point("take back")
		if g.word.CompareAndSwap(old, old-1<<valueShift) {
			return false
		}
	}
}

// BoundedPermits is the mechanism of a semaphore whose number of permits is fixed:
// its value is how many of them are out. The zero value has no permits.
//
// # When the bound changes
//
// What is out is a count of its own, and a release needs nothing but that. So a bound
// that is lowered while more are out takes nothing from anyone: what comes back is
// not given out again until less are out than the bound. A release is exact at any
// moment: it succeeds if and only if that many are out.
//
// An acquire compares with the bound as it was at one moment during the call. So
// there are never more out than the larger of the bounds that a call of Resize is
// replacing by each other. Resize settles after it has stored the bound, and needs the
// guard for that: a goroutine that is about to be listed, or to be listed again after
// competing, compares with the bound, and sets needSettle, with the guard held. Either
// that comes first, and Resize finds the waiter; or it comes later, and finds the new
// bound.
//
// A waiter that wants more than the bound cannot be served until the bound is
// raised. It keeps its place, and those behind it are served meanwhile; see gate.first.
type BoundedPermits struct {
	gate  gate
	bound atomic.Uint64
}

func (b *BoundedPermits) policy() policy { return policy{bound: &b.bound} }

// Bound returns the number of permits.
func (b *BoundedPermits) Bound() uint64 { return b.bound.Load() }

// Value returns how many permits are free.
func (b *BoundedPermits) Value() uint64 {
	bound, out := b.bound.Load(), b.gate.value()
	if out > bound {
		return 0
	}
	return bound - out
}

// Resize changes the number of permits, and serves the waiters that can be served
// now.
func (b *BoundedPermits) Resize(bound uint64) {
	b.bound.Store(bound)
	explore.Point("resized")
	b.gate.settle(b.policy())
}

// TryAcquire takes n permits if that many are free and no waiter is to be served
// first, and reports whether it did.
func (b *BoundedPermits) TryAcquire(n uint64) bool {
	for {
		old := b.gate.word.Load()
		if old>>valueShift+n > b.bound.Load() || old&starving != 0 {
			return false
		}
		if explore.On {
			explore.Point("take")
		}
		if b.gate.word.CompareAndSwap(old, old+n<<valueShift) {
			return true
		}
	}
}

// Acquire takes n permits at once as soon as it can, or returns false if it reached
// the limit first. The caller has tried TryAcquire.
func (b *BoundedPermits) Acquire(n uint64, limit Limit) bool {
	return b.gate.acquire(b.policy(), n, limit)
}

// Release releases n permits. It returns false, and does nothing, if fewer are out.
func (b *BoundedPermits) Release(n uint64) bool {
	g := &b.gate
	for {
		old := g.word.Load()
		if old>>valueShift < n {
			return false
		}
		explore.Point("release")
		if g.word.CompareAndSwap(old, old-n<<valueShift) {
			if old&needSettle != 0 {
				g.settle(b.policy())
			}
			return true
		}
	}
}
