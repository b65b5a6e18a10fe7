package shm

import (
	"sync/atomic"
	"time"
)

// An owner says which process holds a lock: the one word that everything else
// rests on. At most one goroutine of a process uses it at a time; its user sees
// to that, see Mutex.
//
//	 63            32 31      30            0
//	|  next serial   |waiting|  owner serial |
//
// Waiting means that the owner must wake a sleeper. Next is a process that has
// waited for a millisecond: until it has had its turn, no other process takes
// the word. So a running process may overtake one that was just woken, which
// makes a contended lock fast, but not for long.
//
// # Deaths
//
// The word changes only by compare-and-swap, from exactly the value that was
// looked at. Serials are not used twice, so no value can be mistaken for
// another.
//
//   - The owner dies. A process that finds it in the word asks the kernel
//     about it, before it sleeps and whenever a death is announced. It swaps
//     the word of a dead owner for its own, and sets died to tell itself. If
//     it is killed in between, it is a dead owner itself, and the next one
//     sets died again.
//   - The owner dies in release. Before the word is free: as above. After
//     that, and before it has woken a sleeper: the sleepers wake when the
//     death is announced, find the word free, and set waiting again.
//   - A process dies that was woken, or that had set waiting: likewise.
//     Waiting may be set without a sleeper, which costs one wake-up.
//   - Next dies: the others ask about it as about the owner, and swap it away.
//
// A process that gives up while it is next takes itself away and wakes all
// sleepers, since the word may be free. If it had slept, it may have been the
// one that was woken: it wakes another if the word is free, and sets waiting if
// not.
type owner struct {
	page *ownerPage
	me   uint64 // this process, as an owner
	// What is to be woken when the word is free again, see afterRelease; the
	// owner's alone.
	later []*atomic.Uint32
}

type ownerPage struct {
	word atomic.Uint64
	died atomic.Uint32 // the owner before this one did; of the owner alone
	_    uint32
}

const (
	ownerWaiting = 1 << 31
	ownerMask    = serialMask
	nextShift    = 32
)

func newOwner(page *ownerPage) owner { return owner{page: page, me: uint64(kin.serial)} }

// patience is how long a process is overtaken, as a goroutine is in package
// park.
const patience = time.Millisecond

// take takes the word if that is one step.
func (o *owner) take() bool {
	if !o.page.word.CompareAndSwap(0, o.me) {
		return false
	}
	point("owner: taken")
	return true
}

// try takes the word if it is free, or if its owner has died.
func (o *owner) try() bool {
	if o.take() {
		return true
	}
	for {
		old := o.page.word.Load()
		switch {
		case old>>nextShift != 0 && kin.alive(uint32(old>>nextShift)):
			return false
		case old>>nextShift != 0:
			o.page.word.CompareAndSwap(old, old&(1<<nextShift-1))
		case old&ownerMask == 0:
			if o.page.word.CompareAndSwap(old, old|o.me) {
				return true
			}
		case kin.alive(uint32(old & ownerMask)):
			return false
		case o.inherit(old):
			return true
		}
	}
}

// inherit takes the word from a dead owner.
func (o *owner) inherit(old uint64) bool {
	next := old >> nextShift
	if next == o.me {
		next = 0
	}
	if !o.page.word.CompareAndSwap(old, next<<nextShift|ownerWaiting|o.me) {
		return false
	}
	point("owner: inherited")
	o.page.died.Store(1)
	point("owner: died noted")
	return true
}

// acquire takes the word as soon as it can, and reports false if l was over
// first.
func (o *owner) acquire(l *Limit) bool {
	return o.take() || o.contend(l)
}

func (o *owner) contend(l *Limit) bool {
	var (
		n      nap
		since  time.Duration // when it began to sleep
		slept  uint64        // ownerWaiting, if it has slept
		word   = &o.page.word
		looked = kin.deaths() - 1 // the deaths that were known when it last asked who lives
		sliced bool
	)
	for {
		seen := kin.deaths()
		old := word.Load()
		holder, next := old&ownerMask, old>>nextShift
		if holder == 0 && (next == 0 || next == o.me) {
			point("owner: about to take")
			// The waker has cleared waiting, and others may sleep.
			if word.CompareAndSwap(old, old&ownerWaiting|slept|o.me) {
				point("owner: taken after a wait")
				return true
			}
			continue
		}
		if looked != seen || sliced {
			if holder != 0 && !kin.alive(uint32(holder)) {
				if o.inherit(old) {
					return true
				}
				continue
			}
			if next != 0 && next != o.me && !kin.alive(uint32(next)) {
				word.CompareAndSwap(old, old&(1<<nextShift-1))
				point("owner: next died")
				continue
			}
			looked, sliced = seen, false
		}
		if l.over() {
			o.giveUp(slept != 0)
			return false
		}
		if next == 0 && since != 0 && now()-since >= patience {
			word.CompareAndSwap(old, old|o.me<<nextShift)
			point("owner: next")
			continue
		}
		if old&ownerWaiting == 0 {
			if !word.CompareAndSwap(old, old|ownerWaiting) {
				continue
			}
			old |= ownerWaiting
			point("owner: waiting")
		}
		if since == 0 {
			since = now()
		}
		n.sleep(half(word), uint32(old), seen, l)
		slept = ownerWaiting
		sliced = half(word).Load() == uint32(old) // it was not for the word that we woke
	}
}

// giveUp leaves the word as if it had never been wanted.
func (o *owner) giveUp(slept bool) {
	word := &o.page.word
	for {
		old := word.Load()
		if old>>nextShift == o.me {
			if word.CompareAndSwap(old, old&ownerMask) {
				point("owner: next gave up")
				futexWake(half(word), allSleepers)
				return
			}
			continue
		}
		if !slept {
			return
		}
		point("owner: about to give a wake-up on")
		if old&ownerMask == 0 {
			futexWake(half(word), 1)
			return
		}
		if old&ownerWaiting != 0 || word.CompareAndSwap(old, old|ownerWaiting) {
			return
		}
	}
}

// mine reports whether this process holds the word.
func (o *owner) mine() bool { return o.page.word.Load()&ownerMask == o.me }

// held reports whether a living process holds the word, or is about to.
func (o *owner) held() bool {
	old := o.page.word.Load()
	holder, next := uint32(old&ownerMask), uint32(old>>nextShift)
	return holder != 0 && kin.alive(holder) || next != 0 && kin.alive(next)
}

// abandoned reports whether the owner before this process died.
func (o *owner) abandoned() bool { return o.mine() && o.page.died.Load() != 0 }

// release lets go of the word, and reports false, and does nothing, if this
// process does not hold it.
func (o *owner) release() bool {
	word := &o.page.word
	if !o.mine() {
		return false
	}
	if o.page.died.Load() != 0 {
		o.page.died.Store(0)
		point("owner: died cleared")
	}
	later := o.later
	if later != nil {
		o.later = nil
	}
	point("owner: about to release")
	if !word.CompareAndSwap(o.me, 0) && !o.wake() {
		return false
	}
	point("owner: released")
	for _, w := range later {
		futexWake(w, allSleepers)
		point("owner: woken later")
	}
	return true
}

// wake is release when there are sleepers.
func (o *owner) wake() bool {
	word := &o.page.word
	for {
		old := word.Load()
		if old&ownerMask != o.me {
			return false // two goroutines released it at once
		}
		if !word.CompareAndSwap(old, old>>nextShift<<nextShift) {
			continue
		}
		point("owner: free")
		switch {
		case old>>nextShift != 0:
			futexWake(half(word), allSleepers) // the one that is next is among them
		case old&ownerWaiting != 0:
			futexWake(half(word), 1)
		}
		return true
	}
}

// afterRelease wakes the sleepers on a word when this process, which holds o,
// has released it: if they woke before, they would only wait for this lock.
func (o *owner) afterRelease(w *atomic.Uint32) { o.later = append(o.later, w) }

// A Holder is a lock that a Condition may belong to.
type Holder interface{ holder() *owner }

func (o *owner) holder() *owner { return o }
