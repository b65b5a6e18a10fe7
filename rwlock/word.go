package rwlock

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
)

// # The word
//
// Flags, and above them a number.
//
//	writing   a writer is inside
//	waiting   there are waiters, or a writer competes: whoever leaves it free serves
//	reading   with waiting: there may be readers inside
//	starving  with waiting: the first waiting writer is let in next
//
// Without flags the lock is open, and the number is that of the readers inside. A
// reader comes by adding one and leaves by subtracting one, and has done so if it
// then sees no flag. That is what makes it fast where many come: a swap fails when
// another is faster, and one that a load precedes moves the word between caches
// twice.
//
// With a flag the lock is closed, and the number is void: it is what readers have
// added that then saw a flag, and were refused, and what readers have subtracted
// that then saw a flag, and leave by the count inside. Nobody takes it back. Whoever
// opens the lock writes the number in the same step, so that an add takes place
// either before it, and is void, or after it, and counts.
//
// The count inside is that of the readers while waiting is set, and 0 otherwise.
// Whoever sets waiting where there are readers, with the guard held, moves their
// number from the word to the count, and whoever opens the lock moves it back; in
// between the count is 0. A reader leaves a closed lock by decreasing the count
// unless it is 0: as it is inside, it is part of the count whenever that is not 0,
// whatever has happened since it looked at the word. If the count is 0 it looks
// again with the guard held: then the lock is open, or the count is right, or there
// is no reader.
//
// Without the guard, besides readers, a writer comes in if nothing but waiting is
// set, or if the word is 0; and it leaves if nobody waits. All else needs the guard.
// So while a goroutine holds the guard and waiting is set, nothing changes but the
// void number, and the count, which falls; and, if reading is not set, writing,
// which is set by a writer that barges. That is why reading is set before the count
// rises and cleared only with the guard held when the count is 0: a writer that
// finds nothing but waiting, by a swap, comes in where nobody is.
//
// If two leave an open lock where there is one reader, which each has seen, the
// number becomes negative: it is overdrawn. Whoever finds that adds one, and looks
// again: the one who took too much, who then finds no reader, or another; and a
// reader that comes and then sees no more than 0, which has done just that. Nobody
// comes in and nobody closes the lock until it is made good, so a release too many
// changes nothing.

const (
	writing = 1 << iota
	waiting
	reading
	starving
	reader // one; above it, their number
	flags  = reader - 1

	negative = ^(^uintptr(0) >> 1)
	less     = ^uintptr(reader) + 1
)

// free reports whether a writer may come in without the guard.
func free(word uintptr) bool { return word == 0 || word&flags == waiting }

// overdrawn reports whether the number is too small by those who left too often.
func overdrawn(word uintptr) bool { return word&(flags|negative) == negative }

// mend makes good what one of them took, if the word is still that.
func (l *RWLock) mend(word uintptr) { atomic.CompareAndSwapUintptr(&l.word, word, word+reader) }

// close sets waiting, with the guard held, unless the word is no longer old.
func (l *RWLock) close(old uintptr) (closed bool) {
	if old&writing != 0 {
		return atomic.CompareAndSwapUintptr(&l.word, old, writing|waiting)
	}
	if !atomic.CompareAndSwapUintptr(&l.word, old, waiting|reading) {
		return false
	}
	explore.Point("closed")
	atomic.StoreUintptr(&l.inside, old/reader)
	return true
}

// runlockSlow is the rest of RUnlock, which found old and, if there was a number,
// subtracted one. Either that was void, or it was too much, which is made good; so
// it starts again.
//
//go:noinline // so that RUnlock is inlined
func (l *RWLock) runlockSlow(old uintptr) {
	for word := old; word != 0; {
		word = atomic.LoadUintptr(&l.word)
		explore.Point("leave, slowly")
		switch {
		case word&flags != 0:
			if l.leaveClosed() {
				return
			}
		case overdrawn(word):
			l.mend(word)
		case word != 0 && atomic.AddUintptr(&l.word, less)&(flags|negative) == 0:
			return
		}
	}
	panic(ErrNotLocked)
}

// leaveClosed lets a reader out, or returns false if l has been opened. It panics
// with ErrNotLocked if there is no reader.
func (l *RWLock) leaveClosed() bool {
	for {
		n := atomic.LoadUintptr(&l.inside)
		explore.Point("leave, closed")
		if n == 0 {
			l.guard.Lock()
			word, none := atomic.LoadUintptr(&l.word), atomic.LoadUintptr(&l.inside) == 0
			l.guard.Unlock()
			switch {
			case word&flags == 0:
				return false
			case none:
				panic(ErrNotLocked)
			}
		} else if atomic.CompareAndSwapUintptr(&l.inside, n, n-1) {
			if n == 1 {
				l.settle()
			}
			return true
		}
	}
}
