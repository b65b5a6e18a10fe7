package park

import "github.com/gothreading/threading/internal/explore"

// An Exclusive is the mechanism of a lock. Its value is 0 when it is free, and
// otherwise the mark, above 0, of whoever acquired it. The zero value is free.
type Exclusive gate

var exclusive = policy{exclusive: true}

// Swap changes the value from old to new if there are no waiters to consider: the
// fast path of acquiring, from 0 to a mark, and of releasing. If it fails, TryAcquire
// or Free follows.
func (e *Exclusive) Swap(old, new uint64) bool {
	return e.word.CompareAndSwap(old<<valueShift, new<<valueShift)
}

// TryAcquire leaves the mark if the value is 0 and no waiter is to be served first,
// and reports whether it did.
func (e *Exclusive) TryAcquire(mark uint64) bool {
	for {
		old := e.word.Load()
		if old&^needSettle != 0 {
			return false
		}
		if explore.On {
			explore.Point("take")
		}
		if e.word.CompareAndSwap(old, old|mark<<valueShift) {
			return true
		}
	}
}

// Acquire leaves the mark as soon as it can, or returns false if it reached the
// limit first.
func (e *Exclusive) Acquire(mark uint64, limit Limit) bool {
	return e.TryAcquire(mark) || (*gate)(e).acquire(exclusive, mark, limit)
}

// Value returns the mark, or 0.
func (e *Exclusive) Value() uint64 { return (*gate)(e).value() }

// Locked reports whether e is taken, or about to be handed over.
func (e *Exclusive) Locked() bool { return e.word.Load()&^needSettle != 0 }

// Free releases e. It returns false, and does nothing, if e is free.
func (e *Exclusive) Free() bool {
	g := (*gate)(e)
	for {
		old := g.word.Load()
		if old>>valueShift == 0 {
			return false
		}
		explore.Point("free")
		if g.word.CompareAndSwap(old, old&flags) {
			if old&needSettle != 0 {
				g.settle(exclusive)
			}
			return true
		}
	}
}
