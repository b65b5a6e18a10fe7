// Package lock provides a mutual exclusion lock that can give up waiting: threading.Lock for Go, and sync.Mutex with a
// timeout and a context.
package lock

import (
	"context"
	"errors"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrNotLocked is the value that Unlock panics with when the Lock is not locked.
var ErrNotLocked = errors.New("lock: Unlock of a Lock that is not locked")

// A Lock is a mutual exclusion lock. It implements sync.Locker. It has no owner: any goroutine may unlock it, and a
// goroutine that locks it twice waits for another to unlock it.
//
// The zero value is unlocked. A Lock must not be copied after first use.
//
// Python: threading.Lock. Lock is acquire(), TryLock acquire(blocking=False), LockTimeout acquire(timeout=d), Unlock
// release(), Locked locked().
//
// Memory model: the n'th Unlock synchronizes before the n+1'th successful Lock, TryLock, LockTimeout or LockContext
// returns.
//
// Fairness: that of sync.Mutex. A goroutine that is running may lock faster than a waiter that was just woken, which
// keeps a contended Lock fast; but once the first waiter has been passed over for a millisecond, the Lock is handed to
// it, and to all who were waiting then, in order of arrival. Nobody starves.
//
// Giving up: a LockTimeout or LockContext that gives up leaves the Lock as if it had never been called. One whose time
// runs out just as it is served either reports success or leaves the Lock to the next waiter.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. A waiter inside a bubble must be served
// from inside it.
//
// Cost: locking and unlocking a free Lock is one atomic operation each, in every form, and allocates nothing. Who finds
// it held looks at it for a microsecond or so before it sleeps, where that has been of use. A wait allocates only for its
// limit: a timer, or a channel.
//
// Use a sync.Mutex where nobody ever gives up: it is smaller (8 bytes, not 32). Use a channel or a condition where the
// wait is for something to happen rather than for a short critical section to end.
type Lock struct{ gate park.Exclusive }

const (
	unlocked = 0
	locked   = 1
)

// Lock acquires l, waiting for as long as that takes.
func (l *Lock) Lock() {
	if !l.gate.Swap(unlocked, locked) {
		l.lockSlow()
	}
}

//go:noinline // or Lock would not be
func (l *Lock) lockSlow() { l.gate.Acquire(locked, park.Forever) }

// TryLock acquires l if it is unlocked, and reports whether it did.
func (l *Lock) TryLock() bool {
	return l.gate.Swap(unlocked, locked) || l.gate.TryAcquire(locked)
}

// LockTimeout acquires l unless that takes longer than d, and reports whether it did. With d <= 0 it is TryLock;
// math.MaxInt64 is for ever.
func (l *Lock) LockTimeout(d time.Duration) bool {
	return l.TryLock() || d > 0 && l.gate.Acquire(locked, park.After(d))
}

// LockContext acquires l unless ctx ends first; then it returns context.Cause(ctx).
func (l *Lock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.TryLock() && !l.gate.Acquire(locked, park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Unlock releases l. It panics with ErrNotLocked if l is not locked.
func (l *Lock) Unlock() {
	if !l.gate.Swap(locked, unlocked) {
		l.unlockSlow()
	}
}

//go:noinline // or Unlock would not be
func (l *Lock) unlockSlow() {
	if !l.gate.Free() {
		panic(ErrNotLocked)
	}
}

// Locked reports whether l is locked.
func (l *Lock) Locked() bool { return l.gate.Locked() }
