// Package rlock provides a reentrant lock that can give up waiting:
// threading.RLock for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package rlock

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

var (
	// ErrNotOwner is the error that [RLock.Unlock] and [RLock.UnlockAll] panic
	// with if the calling goroutine does not own the RLock.
	ErrNotOwner = errors.New("rlock: unlock by a goroutine that does not own the RLock")
	// ErrOverflow is the error that a call panics with if it would lock an RLock
	// more than math.MaxInt times.
	ErrOverflow = errors.New("rlock: locked more than math.MaxInt times")
)

// An RLock is a reentrant mutual exclusion lock: the goroutine that owns it may
// lock it again without blocking, and must unlock it as often. It implements
// [sync.Locker]. It is for code whose locked parts call each other; otherwise
// use a lock.Lock.
//
// The zero value is an unlocked RLock. An RLock must not be copied after first
// use.
//
// It is Python's threading.RLock:
//
//	acquire()                  Lock
//	acquire(blocking=False)    TryLock
//	acquire(timeout=d)         LockTimeout
//	release()                  Unlock
//	locked()                   Locked
//	_is_owned()                Owned
//	_recursion_count()         Depth
//	_release_save()            UnlockAll
//	_acquire_restore()         LockDepth
//
// The unlock that makes the RLock free “synchronizes before” the return of
// every later call that acquires it. Fairness is that of a lock.Lock.
//
// The owner is a goroutine. If it ends, the RLock stays locked forever. The body
// of a generator or a greenlet of this module acts for the goroutine that resumes
// it; an iterator that is driven by [iter.Pull] does not. In callbacks from C, on
// threads that C started, the owner is a goroutine that the runtime gives to one
// such thread after another, with what the last one left locked.
//
// Every call reads the goroutine's identity. That takes about a nanosecond on
// 386, amd64, arm, arm64 and s390x, and microseconds on other architectures, or
// if a new version of Go has moved it. Locking a free RLock, or one's own
// again, allocates nothing.
type RLock struct {
	mark  watch.Mark
	gate  park.Exclusive // its value is the owner's id, or 0
	again int            // how often the owner has locked r again; it alone uses it, and leaves 0 behind
}

const free = 0

// owns reports whether id is the owner. Only the goroutine itself stores and
// clears its id, so the answer about oneself cannot be out of date.
func (r *RLock) owns(id uint64) bool { return r.gate.Value() == id }

// deeper locks r again, n times, for its owner.
func (r *RLock) deeper(n int) {
	if r.again > math.MaxInt-1-n {
		panic(ErrOverflow)
	}
	r.again += n
}

// Lock locks r. If another goroutine owns r, Lock blocks until it is available.
// The owner goes one level deeper at once.
func (r *RLock) Lock() {
	owner := r.gate.Value() // before the id, so that neither load waits for the other
	id, ok := goid.Fast()
	if !ok { // this is goid.Get, which is not inlined
		id = goid.Get()
	}
	if owner == id {
		r.deeper(1)
		return
	}
	if watch.On {
		r.lockWatched(id)
		return
	}
	if !r.gate.Swap(free, id) {
		r.gate.Acquire(id, park.Forever)
	}
}

// TryLock locks r if it is free or owned by the calling goroutine, and reports
// whether it did.
func (r *RLock) TryLock() bool {
	id := goid.Get()
	if r.owns(id) {
		r.deeper(1)
		return true
	}
	acquired := r.gate.TryAcquire(id)
	if watch.On && acquired {
		r.mark.Taken(watch.RLock)
	}
	return acquired
}

// LockTimeout is like [RLock.Lock], but gives up after d. It reports whether it
// locked r. If d <= 0, it is equivalent to [RLock.TryLock]. A d of
// math.MaxInt64 never times out.
func (r *RLock) LockTimeout(d time.Duration) bool {
	return r.TryLock() || d > 0 && r.acquire(park.After(d))
}

// LockContext is like [RLock.Lock], but gives up when ctx ends, and then
// returns [context.Cause] of ctx. If ctx has ended before the call, it does so
// even if r is free or owned by the calling goroutine.
func (r *RLock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !r.TryLock() && !r.acquire(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// acquire waits for an RLock that the calling goroutine does not own.
func (r *RLock) acquire(limit park.Limit) bool {
	id := goid.Get()
	if watch.On {
		return r.mark.Wait(watch.RLock, limit, func(limit park.Limit) bool { return r.gate.Acquire(id, limit) })
	}
	return r.gate.Acquire(id, limit)
}

// lockWatched is Lock by another than the owner, where that is watched.
func (r *RLock) lockWatched(id uint64) {
	r.mark.Attempt(watch.RLock)
	if r.gate.Swap(free, id) {
		r.mark.Taken(watch.RLock)
	} else {
		r.acquire(park.Forever)
	}
}

// Unlock undoes one Lock, and frees r with the last. It panics with
// [ErrNotOwner] if the calling goroutine does not own r.
func (r *RLock) Unlock() {
	owner := r.gate.Value()
	id, ok := goid.Fast()
	if !ok {
		id = goid.Get()
	}
	if owner != id {
		panic(ErrNotOwner)
	}
	if r.again > 0 {
		r.again--
		return
	}
	r.release(id)
}

// UnlockAll frees r however often it was locked, and returns how often that
// was: what [RLock.LockDepth] needs to restore it. It panics with [ErrNotOwner]
// if the calling goroutine does not own r.
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
	if watch.On {
		r.mark.Release(watch.RLock)
	}
	if !r.gate.Swap(id, free) {
		r.gate.Free()
	}
}

// LockDepth locks r depth times, in one step, and blocks like [RLock.Lock]. If
// depth < 1, it does nothing. It panics with [ErrOverflow], and changes nothing,
// if the calling goroutine would own r more than [math.MaxInt] times.
func (r *RLock) LockDepth(depth int) {
	switch {
	case depth < 1:
	case r.Owned():
		r.deeper(depth)
	default:
		r.Lock()
		r.again = depth - 1
	}
}

// Locked reports whether any goroutine owns r.
func (r *RLock) Locked() bool { return r.gate.Locked() }

// Owned reports whether the calling goroutine owns r.
func (r *RLock) Owned() bool { return r.owns(goid.Get()) }

// Depth returns how often the calling goroutine has locked r: 0 if it does not
// own it.
func (r *RLock) Depth() int {
	if !r.Owned() {
		return 0
	}
	return r.again + 1
}
