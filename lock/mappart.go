package lock

import (
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A part has the entries of some of a Map's keys, under a guard.
//
// An entry is there as long as it has users: the goroutine that holds the key's
// lock, and those that wait for it. A waiter whose wait ends remains a user if
// it is the holder now, and ceases to be one if it gave up. Everything but the
// waiting is done with the guard held, so if there is no entry, the key is
// unlocked and no goroutine waits for it: to add an entry is to lock the key,
// and to remove one with a single user, the holder, is to unlock it.
//
// Therefore the Lock of an entry is locked when the entry is added, and nobody
// touches it unless there are more users. When it is removed, all that was done
// with it is over: a waiter has done what it owes to those behind it before it
// ceases to be a user, and a release is complete before the guard is free. So it
// can serve another key. A holder may unlock just as the last waiter gives up:
// the first of the two who has the guard finds another user and leaves the
// entry to it. If that is the waiter, it finds the Lock unlocked.
//
// The guard of an entry's Lock is acquired with that of the part held, never the
// other way round.
type part[K comparable] struct {
	guard   park.Guard
	entries table[K]
	spare   *entry[K] // a few that can be used again
	spares  int
}

const maxSpares = 4

// An entry is the lock of a key that is in use.
type entry[K comparable] struct {
	lock  Lock
	key   K
	hash  uint32
	users int32     // the holder, and those who wait
	next  *entry[K] // in its bucket, or the next spare
}

// enter acquires k's lock if it is free. If it is not, and the caller is
// patient, the caller becomes a user of the entry that it returns, and waits.
func (p *part[K]) enter(k K, hash uint32, patient bool) (e *entry[K], acquired bool) {
	p.guard.Lock()
	if e = p.entries.find(k, hash); e == nil {
		e, acquired = p.add(k, hash), true
	} else {
		acquired = e.lock.gate.TryAcquire(locked) // a woken waiter has not come yet
	}
	if acquired || patient {
		e.users++
	}
	if watch.On && acquired {
		e.lock.mark.Taken(watch.Lock)
	}
	p.guard.Unlock()
	return e, acquired
}

// wait acquires the lock of e, of which the caller is a user. If it gives up,
// the caller ceases to be one.
func (p *part[K]) wait(e *entry[K], limit park.Limit) (acquired bool) {
	if e.lock.acquire(limit) {
		return true
	}
	p.guard.Lock()
	if e.users--; e.users == 0 {
		_ = e.lock.gate.TryAcquire(locked) // which succeeds: who held it is no user any more
		p.remove(e)
	}
	p.guard.Unlock()
	return false
}

// leave releases k's lock, or returns false if k is not locked.
func (p *part[K]) leave(k K, hash uint32) (released bool) {
	p.guard.Lock()
	switch e := p.entries.find(k, hash); {
	case e == nil:
	case e.users > 1:
		if watch.On {
			e.lock.mark.Release(watch.Lock)
		}
		if released = e.lock.gate.Swap(locked, unlocked) || e.lock.gate.Free(); released {
			e.users--
		}
	case e.lock.gate.Value() == locked:
		if watch.On {
			e.lock.mark.Release(watch.Lock)
		}
		e.users, released = 0, true
		p.remove(e)
	}
	p.guard.Unlock()
	return released
}

// add adds an entry, which is locked and has no users yet.
func (p *part[K]) add(k K, hash uint32) *entry[K] {
	e := p.spare
	if e == nil {
		e = new(entry[K])
		_ = e.lock.gate.TryAcquire(locked)
	} else {
		p.spare = e.next
		p.spares--
	}
	e.key, e.hash = k, hash
	if watch.On {
		e.lock.mark.Renew()
	}
	p.entries.add(e)
	return e
}

// remove removes an entry, which is locked and has no users any more.
func (p *part[K]) remove(e *entry[K]) {
	p.entries.remove(e)
	if p.spares < maxSpares {
		var zero K
		e.key, e.next = zero, p.spare
		p.spare = e
		p.spares++
	}
}
