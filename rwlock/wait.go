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
