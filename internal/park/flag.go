package park

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A Flag is set and cleared, and any number of goroutines wait for it to be set:
// the mechanism of an Event and, never cleared, of a [Latch]. The zero value is
// clear.
//
// # The word
//
// How many Sets took effect, that is, found the Flag clear; and the state.
//
//	flagClear    there are no waiters for the next Set, and there is no channel:
//	             Set is one swap, which fails if that has just changed
//	flagAwaited  clear, and there may be waiters or a channel: Set needs the guard
//	flagSetting  clear, and the channel is being closed: whoever looks now waits for
//	             the guard, so that channel and word change at one instant for all
//	flagSet      set
//
// A waiter remembers the number that it read when its call began, so a Set that
// comes at any time during the call ends it, even if a Clear follows at once. The
// number does not wrap.
//
// # Waking
//
// A Set owes a Wake to every waiter that was listed before it: those with a smaller
// number, which are in front of those that come after a Clear. It takes them off
// the list and wakes them, wakeBatch at a time with the guard free in between, so
// that a goroutine that needs the guard meanwhile, for instance because it timed out,
// need not wait until a million others have been woken. A waiter that times out then
// takes itself off, and finds by the number that it has been served.
//
// If there are more than one batch, a goroutine of its own wakes the rest: the woken
// may come back at once and, as long as the Flag is set, keep the processors busy,
// and a setter that was interrupted would stand behind all of them before it could
// clear the Flag. So Set takes next to no time, whoever comes back. That goroutine is
// the setter's child, so it is in the same synctest bubble, and ends when the waiters
// that its Set owes a Wake are woken, by it or by that of a later Set.
type Flag struct {
	word  atomic.Uint64
	guard Guard
	list  List[uint64]  // of waiters with the number of Sets before their call
	done  chan struct{} // of the present generation, once it was asked for
}

const (
	flagAwaited = 1 << iota
	flagSetting
	flagSet
	flagClear = 0
	flagState = flagAwaited | flagSetting | flagSet
	flagShift = 3
)

var flagWaiters Pool[uint64]

// IsSet reports whether the Flag is set.
func (f *Flag) IsSet() bool {
	switch f.word.Load() & flagState { // of this shape, so that Event.IsSet is inlined
	case flagSet:
		return true
	case flagSetting:
		return f.isSet()
	}
	return false
}

//go:noinline // so that IsSet is inlined
func (f *Flag) isSet() bool { return f.settled()&flagSet != 0 }

// settled returns the word when the channel is not being closed.
func (f *Flag) settled() uint64 {
	f.guard.Lock()
	defer f.guard.Unlock()
	return f.word.Load()
}

// Set sets the Flag and wakes all waiters. It does nothing if the Flag is set.
func (f *Flag) Set() {
	explore.Point("set")
	word := f.word.Load()
	switch word & flagState {
	case flagSet:
		return
	case flagClear:
		if f.word.CompareAndSwap(word, word+1<<flagShift|flagSet) {
			return
		}
	}
	f.setSlow()
}

func (f *Flag) setSlow() {
	f.guard.Lock()
	word := f.await()
	if word&flagSet != 0 {
		f.guard.Unlock()
		return
	}
	sets := word>>flagShift + 1 // and the word changes with the guard held only
	if f.done != nil {
		f.word.Store((sets-1)<<flagShift | flagSetting)
		close(f.done)
	}
	f.word.Store(sets<<flagShift | flagSet)
	woken, more := f.early(sets)
	f.guard.Unlock()
	woken.Wake(Granted)
	if more {
		go f.wake(sets)
	}
}

// await, with the guard held, makes the next Set need the guard unless the Flag is
// set, and returns the word.
func (f *Flag) await() uint64 {
	for {
		word := f.word.Load()
		if word&flagState != flagClear {
			return word
		}
		if f.word.CompareAndSwap(word, word|flagAwaited) {
			return word | flagAwaited
		}
	}
}

// early takes a batch of the waiters off the list, with the guard held, that waited
// before that Set, and reports whether there are more.
func (f *Flag) early(sets uint64) (early Chain[uint64], more bool) {
	for range wakeBatch() {
		w := f.list.Front()
		if w == nil || w.Value >= sets {
			return early, false
		}
		f.list.Remove(w)
		early.Add(w)
	}
	w := f.list.Front()
	return early, w != nil && w.Value < sets
}

// wakeBatch is how many waiters are taken off the list while the guard is held. It
// is two under the explorer, where many would be too many to try.
func wakeBatch() int {
	if explore.On {
		return 2
	}
	return 100
}

// wake wakes those that waited before that Set.
func (f *Flag) wake(sets uint64) {
	for more := true; more; {
		var woken Chain[uint64]
		f.guard.Lock()
		woken, more = f.early(sets)
		f.guard.Unlock()
		woken.Wake(Granted)
	}
}

// Clear clears the Flag: from now on, waiting means waiting for the next Set.
func (f *Flag) Clear() {
	explore.Point("clear")
	if f.word.Load()&(flagSet|flagSetting) == 0 {
		return
	}
	f.guard.Lock()
	if word := f.word.Load(); word&flagSet != 0 {
		f.done = nil
		f.word.Store(word&^flagState | flagClear)
	}
	f.guard.Unlock()
}

// Wait waits until the Flag is set.
func (f *Flag) Wait() {
	if f.word.Load()&flagSet == 0 {
		f.waitForever()
	}
}

// WaitTimeout waits until the Flag is set, for at most d, and reports whether it
// was. With d <= 0 it is IsSet; a d of math.MaxInt64 is forever. It returns false
// only if the Flag was not set at some instant between the deadline and the return,
// and no Set took effect since the call began.
func (f *Flag) WaitTimeout(d time.Duration) bool {
	word := f.word.Load()
	switch {
	case word&flagSet != 0:
		return true
	case d <= 0:
		return f.IsSet()
	}
	return f.wait(word, After(d))
}

// WaitContext waits until the Flag is set, or until ctx ends: then, and at once if it
// has ended, it returns [Cause].
func (f *Flag) WaitContext(ctx context.Context) error {
	word := f.word.Load()
	if ctx.Err() != nil || word&flagSet == 0 && !f.wait(word, Until(ctx)) {
		return Cause(ctx)
	}
	return nil
}

// WaitLimit waits until the Flag is set and reports true, or false if the limit was
// reached first.
func (f *Flag) WaitLimit(limit Limit) bool {
	word := f.word.Load()
	return word&flagSet != 0 || f.wait(word, limit)
}

//go:noinline // so that Wait is inlined
func (f *Flag) waitForever() { f.WaitLimit(Forever) }

// wait waits for a Set that is not counted in the word that was read when the call
// began.
func (f *Flag) wait(word uint64, limit Limit) bool {
	sets := word >> flagShift
	w := flagWaiters.Get(limit)
	defer flagWaiters.Put(w)
	w.Value = sets
	explore.Point("wait")
	f.guard.Lock()
	if f.await()>>flagShift != sets {
		f.guard.Unlock()
		return true
	}
	f.list.PushBack(w)
	return w.Sleep(&f.guard) == Granted || f.settled()>>flagShift != sets
}

// Done returns a channel that is closed when the Flag is set: the same until then,
// and another one after a Clear. It belongs to the testing/synctest bubble, or to
// the outside, that first asked for it.
func (f *Flag) Done() <-chan struct{} {
	f.guard.Lock()
	defer f.guard.Unlock()
	if f.done == nil {
		done := make(chan struct{})
		if f.await()&flagSet != 0 {
			close(done)
		}
		f.done = done
	}
	return f.done
}
