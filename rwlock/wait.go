package rwlock

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// # Who is next
//
// Readers and writers that must wait are listed apart, with numbers in their common
// order of arrival.
//
//   - While a writer waits, newcomers among the readers do too.
//   - When a writer releases or downgrades, all waiting readers are let in: those that
//     came before the waiting writers and those that came after.
//   - When the last reader leaves, the first waiting writer is let in.
//   - When the first waiting writer gives up, the readers in front of the next one are
//     let in, unless a writer is inside.
//
// So each side lets the other one in, and neither can keep it out. Among writers it
// is as for a lock, see package park: when one releases and no readers wait, the first
// waiting writer is woken to compete with newcomers, and once it has tried for a
// millisecond and failed again, it and those that were waiting then are let in in
// order.
//
// Nobody spins. A writer that waits for readers waits for goroutines that were let in
// and may not have run yet, which takes as long as their turns take. So where a writer
// always waits and readers come back at once, each turn takes a switch of goroutines.
// A sync.RWMutex gives a running reader the turn of one that it has woken, and spares
// most of the switches; who was woken may then wait for long. Here it has its turn.
//
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
// number from the word to the count, and whoever opens the lock moves it back. In
// between both are 0 for those without the guard. A reader leaves a closed lock by
// decreasing the count unless it is 0: as it is inside, it is part of the count
// whenever that is not 0, whatever has happened since it looked at the word. If the
// count is 0 it looks again with the guard held: then the lock is open, or the
// count is right, or there is no reader.
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
//
// # What each event must see
//
//   - A release and a new waiter. The waiter sets waiting, with the guard held, by a
//     swap that fails if the word has changed: either it sees the release, or the
//     release sees waiting and serves, with the guard held, after the waiter was listed.
//     If waiting is set already, the same holds without a swap.
//   - A release and a competing writer. The writer looks and, if it finds nothing, is
//     listed, in one step with the guard held; whoever releases serves with the guard
//     held. If the serve is first, it leaves what is free to the competitor. If the
//     writer is first, the serve finds it listed. Meanwhile waiting stays set.
//   - The last reader and others. Between its step from 1 to 0 and its serve another
//     goroutine may serve first. Then it finds the lock taken, or nothing to do.
//   - Giving up. A waiter that was taken off its list by its timer, or took itself off,
//     serves: those behind it may come in now, and the flags may have lost their reason.
//     Until it does, others find the flags set and are listed, in time for that serve.
//   - Success needs no serve. What a writer leaves to others it leaves when it releases,
//     and a reader leaves as much as it found.

// A turn is the Value of a waiter: its number, and how long it has been passed over.
type turn struct {
	number   uint64
	patience park.Patience
}

var turns park.Pool[turn]

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

// waitToRead lets a reader in as soon as it can, or returns false if it reached the
// limit first.
func (l *RWLock) waitToRead(limit park.Limit) bool {
	wait := func(limit park.Limit) bool { return l.wait(limit, false) }
	if watch.On {
		return l.mark.Wait(watch.Reader, limit, wait)
	}
	return wait(limit)
}

// waitToWrite lets a writer in as soon as it can, or returns false if it reached the
// limit first.
func (l *RWLock) waitToWrite(limit park.Limit) bool {
	wait := func(limit park.Limit) bool { return l.wait(limit, true) }
	if watch.On {
		return l.mark.Wait(watch.Writer, limit, wait)
	}
	return wait(limit)
}

// wait lets a writer, or a reader, in as soon as it may come in and it is its turn in
// the list, or returns false if it reached the limit first.
func (l *RWLock) wait(limit park.Limit, writes bool) (in bool) {
	w := turns.Get(limit)
	in = l.enterOrList(w, writes) || l.await(w)
	turns.Put(w)
	return in
}

// enterOrList lets w, a newcomer, in, or lists it and returns false with the guard
// held.
func (l *RWLock) enterOrList(w *park.Waiter[turn], writes bool) (in bool) {
	l.guard.Lock()
	for {
		old := atomic.LoadUintptr(&l.word)
		explore.Point("enter or list")
		switch {
		case overdrawn(old):
			l.mend(old)
		case writes && free(old):
			if atomic.CompareAndSwapUintptr(&l.word, old, old&waiting|writing) {
				l.guard.Unlock()
				return true
			}
		case !writes && old&flags == 0:
			if atomic.CompareAndSwapUintptr(&l.word, old, old+reader) {
				l.guard.Unlock()
				return true
			}
		case old&waiting != 0 || l.close(old):
			l.arrivals++
			w.Value.number = l.arrivals
			if writes {
				l.writers.PushBack(w)
			} else {
				l.readers.PushBack(w)
			}
			return false
		}
	}
}

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

// await sleeps, with the guard held and w listed, until w was let in or has given up.
// It has one exit, where one that gave up settles.
func (l *RWLock) await(w *park.Waiter[turn]) (in bool) {
	verdict := w.Sleep(&l.guard)
	for verdict == park.Retry && !l.compete(w) {
		verdict = w.Sleep(&l.guard)
	}
	if verdict == park.GaveUp {
		l.settle()
	}
	return verdict != park.GaveUp
}

// compete lets w in, a writer that was woken for that, or lists it in front and
// returns false with the guard held.
func (l *RWLock) compete(w *park.Waiter[turn]) (in bool) {
	explore.Point("compete")
	l.guard.Lock()
	l.competing = false
	for {
		old := atomic.LoadUintptr(&l.word)
		explore.Point("compete, with the guard")
		if !free(old) {
			break
		}
		if atomic.CompareAndSwapUintptr(&l.word, old, l.justified(old)|writing) {
			l.guard.Unlock()
			return true
		}
	}
	l.writers.PushFront(w)
	if w.Value.patience.Lost() {
		l.batch = l.arrivals
		atomic.OrUintptr(&l.word, starving)
	}
	return false
}

// justified returns those of the flags waiting and starving that word has and that
// have not lost their reason. It needs the guard, and no writer competes.
func (l *RWLock) justified(word uintptr) (left uintptr) {
	first := l.writers.Front()
	if first != nil && first.Value.number <= l.batch {
		left = word & starving
	}
	if first != nil || l.readers.Front() != nil {
		left |= waiting
	}
	return left
}

// release lets the writer out, or makes it a reader if stay is 1, and lets all waiting
// readers in. It panics with ErrNotLocked if there is no writer.
func (l *RWLock) release(stay uintptr) {
	l.guard.Lock()
	old := atomic.LoadUintptr(&l.word)
	for old&waiting == 0 {
		explore.Point("release")
		if old&writing == 0 {
			l.guard.Unlock()
			panic(ErrNotLocked)
		}
		if atomic.CompareAndSwapUintptr(&l.word, old, stay*reader) {
			l.guard.Unlock()
			return
		}
		old = atomic.LoadUintptr(&l.word)
	}
	if old&writing == 0 {
		l.guard.Unlock()
		panic(ErrNotLocked)
	}
	var served served
	for r := l.readers.Front(); r != nil; r = l.readers.Front() {
		l.readers.Remove(r)
		served.in.Add(r)
		stay++
	}
	old &= waiting | starving
	if stay > 0 {
		atomic.StoreUintptr(&l.inside, stay)
		old |= reading
	}
	atomic.StoreUintptr(&l.word, old)
	l.serve(&served, false)
	l.guard.Unlock()
	served.wake()
}

// settle makes flags and lists agree, and lets in the waiters that may come in.
func (l *RWLock) settle() {
	var served served
	l.guard.Lock()
	l.serve(&served, true)
	l.guard.Unlock()
	served.wake()
}

// served are waiters that are owed a Wake.
type served struct {
	in     park.Chain[turn]   // are inside
	picked *park.Waiter[turn] // is to compete
}

func (s *served) wake() {
	s.in.Wake(park.Granted)
	if s.picked != nil {
		s.picked.Wake(park.Retry)
	}
}

// serve is settle with the guard held, except that those whom it serves remain to be
// woken. The first waiting writer is let in if now is true or l is starving; otherwise
// it is picked to compete.
func (l *RWLock) serve(served *served, now bool) {
	for {
		old := atomic.LoadUintptr(&l.word)
		explore.Point("serve")
		w, r := l.writers.Front(), l.readers.Front()
		switch {
		case old&writing != 0 || old&waiting == 0:
			return // the writer that is inside is responsible, or all was served
		case old&reading != 0 && atomic.LoadUintptr(&l.inside) == 0:
			atomic.CompareAndSwapUintptr(&l.word, old, old&^reading)
		case l.competing:
			return // the writer that looks next is responsible
		case r != nil && (w == nil || r.Value.number < w.Value.number):
			if old&reading != 0 || atomic.CompareAndSwapUintptr(&l.word, old, old|reading) {
				atomic.AddUintptr(&l.inside, 1)
				l.readers.Remove(r)
				served.in.Add(r)
			}
		case w == nil:
			inside := atomic.SwapUintptr(&l.inside, 0)
			explore.Point("open")
			if old&reading != 0 {
				atomic.StoreUintptr(&l.word, inside*reader)
				return
			}
			if atomic.CompareAndSwapUintptr(&l.word, old, 0) {
				return
			}
		case old&reading != 0:
			return
		case now || l.justified(old)&starving != 0:
			if atomic.CompareAndSwapUintptr(&l.word, old, l.justified(old)|writing) {
				l.writers.Remove(w)
				served.in.Add(w)
				return
			}
		default:
			if next := l.justified(old); next == old || atomic.CompareAndSwapUintptr(&l.word, old, next) {
				l.pick(w)
				served.picked = w
				return
			}
		}
	}
}

// pick takes w, the first waiting writer, off the list, with the guard held, in order
// to wake it to compete.
func (l *RWLock) pick(w *park.Waiter[turn]) {
	l.writers.Remove(w)
	l.competing = true
	if l.writers.Front() != nil {
		// Where several wait, w may be ready for long before it runs, and that counts.
		w.Value.patience.Begin()
	}
}
