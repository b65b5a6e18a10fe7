// Package lock provides a mutual exclusion lock that can give up waiting:
// threading.Lock for Go, and [sync.Mutex] with a timeout and a context.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package lock

import (
	"context"
	"errors"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// ErrNotLocked is the error that [Lock.Unlock] panics with if the Lock is not
// locked.
var ErrNotLocked = errors.New("lock: Unlock of a Lock that is not locked")

// A Lock is a mutual exclusion lock. It implements [sync.Locker]. It has no
// owner: any goroutine may unlock it, and a goroutine that locks it twice
// blocks until another unlocks it.
//
// The zero value is an unlocked Lock. A Lock must not be copied after first
// use. Make it a field of a struct and do not embed it: the name of the
// embedded field would hide the method Lock.
//
// It is Python's threading.Lock:
//
//	acquire()                  Lock
//	acquire(blocking=False)    TryLock
//	acquire(timeout=d)         LockTimeout
//	release()                  Unlock
//	locked()                   Locked
//
// In the terminology of [the Go memory model], the n'th call of Unlock
// “synchronizes before” the return of the m'th call that acquires the Lock, for
// any n < m.
//
// Fairness is that of [sync.Mutex]: a running goroutine may barge ahead of a
// waiter that was just woken, but a waiter that has tried for a millisecond and
// failed again is handed the Lock next, and so are all that wait at that moment,
// in order of arrival.
//
// Locking and unlocking a free Lock is one atomic operation each, in every
// form, and allocates nothing. A wait spins for at most about a microsecond
// before it sleeps, and allocates only for its limit: a timer, or a channel.
//
// If no goroutine ever gives up, use a sync.Mutex: it takes 8 bytes instead of
// 32. To wait for something to happen, use an event, a condition or a channel.
//
// [the Go memory model]: https://go.dev/ref/mem
type Lock struct {
	mark watch.Mark
	gate park.Exclusive
}

const (
	unlocked = 0
	locked   = 1
)

// Lock locks l. If l is locked, Lock blocks until it is available.
func (l *Lock) Lock() {
	if watch.On {
		l.mark.Attempt(watch.Lock)
	}
	if !l.gate.Swap(unlocked, locked) {
		l.lockSlow()
	} else if watch.On {
		l.mark.Taken(watch.Lock)
	}
}

//go:noinline // so that Lock is inlined
func (l *Lock) lockSlow() { l.acquire(park.Forever) }

// acquire waits for l.
func (l *Lock) acquire(limit park.Limit) bool {
	if watch.On {
		return l.mark.Wait(watch.Lock, limit, func(limit park.Limit) bool { return l.gate.Acquire(locked, limit) })
	}
	return l.gate.Acquire(locked, limit)
}

// TryLock locks l if it is unlocked, and reports whether it did.
func (l *Lock) TryLock() bool {
	acquired := l.gate.Swap(unlocked, locked) || l.gate.TryAcquire(locked)
	if watch.On && acquired {
		l.mark.Taken(watch.Lock)
	}
	return acquired
}

// LockTimeout is like [Lock.Lock], but gives up after d. It reports whether it
// locked l. If d <= 0, it is equivalent to [Lock.TryLock]. A d of math.MaxInt64
// never times out.
func (l *Lock) LockTimeout(d time.Duration) bool {
	return l.TryLock() || d > 0 && l.acquire(park.After(d))
}

// LockContext is like [Lock.Lock], but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so even if
// l is unlocked.
func (l *Lock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.TryLock() && !l.acquire(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Unlock unlocks l. It panics with [ErrNotLocked] if l is not locked.
func (l *Lock) Unlock() {
	if watch.On {
		l.mark.Release(watch.Lock)
	}
	if !l.gate.Swap(locked, unlocked) {
		l.unlockSlow()
	}
}

//go:noinline // so that Unlock is inlined
func (l *Lock) unlockSlow() {
	if !l.gate.Free() {
		panic(ErrNotLocked)
	}
}

// Locked reports whether l is locked.
func (l *Lock) Locked() bool { return l.gate.Locked() }
