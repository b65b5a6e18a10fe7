package park

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A Flag is set and cleared, and any number of goroutines wait for it to be
// set: the mechanism of an Event and, never cleared, of a [Latch]. The zero
// value is clear.
//
// # The word
//
// How many Sets took effect, that is, found the Flag clear; and five bits.
//
//	flagSet      it is set
//	flagAwaited  it is clear, and there may be waiters for the next Set
//	flagCrowded  and one of them has stood in line for the guard
//	flagChannel  there is a channel: Set and Clear need the guard
//	flagSetting  with flagChannel: the channel is being closed. Whoever looks now waits
//	             for the guard, so that channel and flag change at one instant for all
//
// Without a channel, Set and Clear are one swap each, and take effect by it.
// They do not wait for the guard, where thousands may be in line to be listed.
//
// A waiter remembers the number of Sets that it read when its call began, so a
// Set that comes at any time during the call ends it, even if a Clear follows
// at once. It makes the Flag awaited by a swap, with the guard held, that fails
// if the Flag has been set. So a Set either is seen by the waiter, or sees that
// the Flag is awaited and owes a Wake to every waiter that it finds listed when
// it has the guard. The number does not wrap.
//
// # Waking
//
// The waiters that a Set owes a Wake have a smaller number, and are in front of
// those that come after a Clear. They are taken off the list and woken,
// wakeBatch at a time with the guard free in between, so that a goroutine that
// needs the guard, for instance because it timed out, need not wait until a
// million others have been woken. A waiter that times out then takes itself
// off, and finds by the number that it was served.
//
// Set itself wakes the first batch, if no goroutine stands in line for the
// guard. The rest is left to a goroutine: the woken may come back at once and,
// as long as the Flag is set, keep the processors busy, and a setter that was
// interrupted, or stood in that line, or had to hand the guard over, would come
// behind all of them before it could clear the Flag. So Set takes next to no
// time, whoever comes back. The goroutine is the setter's child, and so in the
// same synctest bubble. It ends when the waiters that its Set owes a Wake are
// woken, by it or on behalf of a later Set.
type Flag struct {
	word  atomic.Uint64
	guard Guard
	list  List[uint64]  // of waiters with the number of Sets before their call
	done  chan struct{} // of the present generation, if flagChannel is set
}

const (
	flagSet = 1 << iota
	flagSetting
	flagAwaited
	flagCrowded
	flagChannel
	flagShift = iota
)

var flagWaiters Pool[uint64]

// IsSet reports whether the Flag is set.
func (f *Flag) IsSet() bool {
	switch f.word.Load() & (flagSet | flagSetting) { // of this shape, so that Event.IsSet is inlined
	case flagSet:
		return true
	case flagSetting:
		return f.isSet()
	}
	return false
}

//go:noinline // so that IsSet is inlined
func (f *Flag) isSet() bool { return f.settled()&flagSet != 0 }

// settled returns the word when no channel is being closed.
func (f *Flag) settled() uint64 {
	word := f.word.Load()
	if word&flagSetting != 0 {
		f.guard.Lock()
		word = f.word.Load()
		f.guard.Unlock()
	}
	return word
}

// Set sets the Flag and wakes all waiters. It does nothing if the Flag is set.
func (f *Flag) Set() {
	for {
		explore.Point("set")
		word := f.word.Load()
		sets := word>>flagShift + 1
		switch {
		case word&flagSet != 0:
			return
		case word&flagChannel != 0:
			f.setAndClose()
			return
		case f.word.CompareAndSwap(word, sets<<flagShift|flagSet):
			f.wakeAll(word)
			return
		}
	}
}

// setAndClose is Set where there may be a channel.
func (f *Flag) setAndClose() {
	f.guard.Lock()
	word := f.word.Load()
	if word&flagChannel == 0 {
		f.guard.Unlock()
		f.Set() // others have set and cleared the Flag, which took the channel away
		return
	}
	if word&flagSet != 0 {
		f.guard.Unlock()
		return
	}
	sets := word>>flagShift + 1
	f.word.Store(word | flagSetting)
	close(f.done)
	explore.Point("closed")
	f.word.Store(sets<<flagShift | flagSet | flagChannel)
	f.guard.Unlock()
	f.wakeAll(word)
}

// wakeAll wakes those that waited before a Set that found that word, or lets
// another goroutine do so.
func (f *Flag) wakeAll(word uint64) {
	if word&flagAwaited == 0 {
		return
	}
	sets, more := word>>flagShift+1, true
	if word&flagCrowded == 0 && f.guard.TryLock() {
		var woken Chain[uint64]
		woken, more = f.early(sets)
		f.guard.Unlock()
		woken.Wake(Granted)
	}
	if more {
		go f.wake(sets)
	}
}

// early takes a batch of the waiters off the list, with the guard held, that
// waited before that Set, and reports whether there are more.
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

// wakeBatch is how many waiters are taken off the list while the guard is held.
// It is two under the explorer, where many would be too many to try.
func wakeBatch() int {
	if explore.On {
		return 2
	}
	return 32
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
	for {
		explore.Point("clear")
		word := f.word.Load()
		switch {
		case word&(flagSet|flagSetting) == 0:
			return
		case word&flagChannel != 0:
			f.clearChannel()
			return
		case f.word.CompareAndSwap(word, word&^flagSet):
			return
		}
	}
}

// clearChannel is Clear where there may be a channel.
func (f *Flag) clearChannel() {
	f.guard.Lock()
	word := f.word.Load()
	channel := word&flagChannel != 0
	if channel && word&flagSet != 0 {
		f.done = nil
		f.word.Store(word &^ (flagSet | flagChannel))
	}
	f.guard.Unlock()
	if !channel {
		f.Clear()
	}
}

// Wait waits until the Flag is set.
func (f *Flag) Wait() {
	if f.word.Load()&flagSet == 0 {
		f.waitForever()
	}
}

// WaitTimeout waits until the Flag is set, for at most d, and reports whether
// it was. With d <= 0 it is IsSet; a d of math.MaxInt64 is forever. It returns
// false only if the Flag was not set at some instant between the deadline and
// the return, and no Set took effect since the call began.
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

// WaitContext waits until the Flag is set, or until ctx ends: then, and at once
// if it has ended, it returns [Cause].
func (f *Flag) WaitContext(ctx context.Context) error {
	word := f.word.Load()
	if ctx.Err() != nil || word&flagSet == 0 && !f.wait(word, Until(ctx)) {
		return Cause(ctx)
	}
	return nil
}

// WaitLimit waits until the Flag is set and reports true, or false if the limit
// was reached first.
func (f *Flag) WaitLimit(limit Limit) bool {
	word := f.word.Load()
	return word&flagSet != 0 || f.wait(word, limit)
}

//go:noinline // so that Wait is inlined
func (f *Flag) waitForever() { f.WaitLimit(Forever) }

// wait waits for a Set that is not counted in the word that was read when the
// call began.
func (f *Flag) wait(word uint64, limit Limit) bool {
	sets := word >> flagShift
	w := flagWaiters.Get(limit)
	defer flagWaiters.Put(w)
	w.Value = sets
	explore.Point("wait")
	awaited := uint64(flagAwaited)
	if !f.guard.TryLock() {
		awaited |= flagCrowded
		f.guard.Lock()
	}
	if !f.await(sets, awaited) {
		f.guard.Unlock()
		return true
	}
	f.list.PushBack(w)
	return w.Sleep(&f.guard) == Granted || f.settled()>>flagShift != sets
}

// await makes the Flag awaited, with the guard held, unless there was another
// Set, and reports whether it did.
func (f *Flag) await(sets, awaited uint64) bool {
	for {
		word := f.word.Load()
		if word>>flagShift != sets {
			return false
		}
		explore.Point("await")
		if word&awaited == awaited || f.word.CompareAndSwap(word, word|awaited) {
			return true
		}
	}
}

// Done returns a channel that is closed when the Flag is set: the same until
// then, and another one after a Clear. It belongs to the testing/synctest
// bubble, or to the outside, that first asked for it.
func (f *Flag) Done() <-chan struct{} {
	f.guard.Lock()
	defer f.guard.Unlock()
	if f.word.Load()&flagChannel != 0 {
		return f.done
	}
	done := make(chan struct{})
	for {
		word := f.word.Load()
		explore.Point("done")
		if f.word.CompareAndSwap(word, word|flagChannel) {
			if word&flagSet != 0 {
				close(done)
			}
			f.done = done
			return done
		}
	}
}
