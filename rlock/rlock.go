// Package rlock provides a reentrant lock that can give up waiting.
package rlock

import (
	"context"
	"errors"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
)

// ErrNotOwner is the value that Unlock and UnlockAll panic with when the calling goroutine does not own the RLock.
var ErrNotOwner = errors.New("rlock: unlock by a goroutine that does not own the RLock")

// An RLock is a reentrant mutual exclusion lock: the goroutine that owns it may lock it again without waiting, and
// others may lock it when its owner has unlocked it as often as it locked it. It implements sync.Locker. It is for
// code whose locked parts call each other; where they need not, a lock.Lock is simpler and says more.
//
// The zero value is unlocked. An RLock must not be copied after first use.
//
// Python: threading.RLock. Lock is acquire(), TryLock acquire(blocking=False), LockTimeout acquire(timeout=d), Unlock
// release(), Locked locked(); Owned, Depth, UnlockAll and LockDepth are _is_owned(), _recursion_count(),
// _release_save() and _acquire_restore().
//
// Memory model: the unlock that makes the RLock free synchronizes before the return of the next lock that acquires it.
//
// Fairness: that of lock.Lock. A newcomer may be faster than a waiter that was just woken, but once the first waiter
// has been passed over for a millisecond the RLock is handed to it, and to all who were waiting then, in order.
//
// Giving up: a LockTimeout or LockContext that gives up leaves the RLock as if it had never been called.
//
// Cost: the goroutine's identity is read for every call, about one nanosecond where it can be read directly; see
// internal/goid for where it cannot. Locking a free RLock, or one's own again, allocates nothing.
//
// The owner is a goroutine. One that ends while it owns an RLock leaves it locked for ever: ids of goroutines are not
// used twice. And a goroutine cannot unlock for another; a lock that is passed on is a lock.Lock. Only the body of a
// coroutine.Generator, or a greenlet, acts for another goroutine: whoever resumes it.
type RLock struct {
	gate  park.Exclusive // its value is the owner's id, or 0
	again int            // how often the owner has locked r again; the owner alone looks at it, and leaves 0 behind
}

const free = 0

// owns reports whether id is the owner. Only the goroutine itself stores and clears its id, so the answer about
// oneself cannot be out of date.
func (r *RLock) owns(id uint64) bool { return r.gate.Value() == id }

// Lock acquires r, waiting for as long as that takes. The owner goes one level deeper at once.
func (r *RLock) Lock() {
	id, ok := goid.Fast()
	if !ok {
		id = goid.Get()
	}
	if r.owns(id) {
		r.again++
		return
	}
	if !r.gate.Swap(free, id) {
		r.gate.Acquire(id, park.Forever)
	}
}

// TryLock acquires r if it is free or the caller's own, and reports whether it did.
func (r *RLock) TryLock() bool {
	id := goid.Get()
	if r.owns(id) {
		r.again++
		return true
	}
	return r.gate.TryAcquire(id)
}

// LockTimeout acquires r unless that takes longer than d, and reports whether it did. With d <= 0 it is TryLock;
// math.MaxInt64 is for ever. The owner never waits.
func (r *RLock) LockTimeout(d time.Duration) bool {
	return r.TryLock() || d > 0 && r.lockWithin(park.After(d))
}

// LockContext acquires r unless ctx ends first; then it returns context.Cause(ctx). If ctx has ended already it
// changes nothing, also if r is free or the caller's own.
func (r *RLock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !r.TryLock() && !r.lockWithin(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// lockWithin waits for an RLock that is not the caller's own.
func (r *RLock) lockWithin(limit park.Limit) bool {
	return r.gate.Acquire(goid.Get(), limit)
}

// Unlock takes back one Lock, and releases r with the last. It panics with ErrNotOwner, and does nothing, if the
// calling goroutine does not own r.
func (r *RLock) Unlock() {
	id, ok := goid.Fast()
	if !ok {
		id = goid.Get()
	}
	if !r.owns(id) {
		panic(ErrNotOwner)
	}
	if r.again > 0 {
		r.again--
		return
	}
	r.release(id)
}

// UnlockAll releases r however often it was locked, and returns how often that was: what LockDepth needs to restore
// it. It panics with ErrNotOwner, and does nothing, if the calling goroutine does not own r.
func (r *RLock) UnlockAll() (depth int) {
	id := goid.Get()
	if !r.owns(id) {
		panic(ErrNotOwner)
	}
	depth = r.again + 1
	r.again = 0
	r.release(id)
	return depth
}

func (r *RLock) release(id uint64) {
	if !r.gate.Swap(id, free) {
		r.gate.Free()
	}
}

// LockDepth acquires r as depth calls of Lock would, in one step. With depth < 1 it does nothing.
func (r *RLock) LockDepth(depth int) {
	if depth < 1 {
		return
	}
	r.Lock()
	r.again += depth - 1
}

// Locked reports whether any goroutine owns r.
func (r *RLock) Locked() bool { return r.gate.Locked() }

// Owned reports whether the calling goroutine owns r.
func (r *RLock) Owned() bool { return r.owns(goid.Get()) }

// Depth returns how often the calling goroutine has locked r, and 0 if it does not own it.
func (r *RLock) Depth() int {
	if !r.Owned() {
		return 0
	}
	return r.again + 1
}
