// Package lock provides a mutual exclusion lock that can give up waiting.
package lock

import (
	"context"
	"errors"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrNotLocked is the value that Unlock panics with when the Lock is not locked.
var ErrNotLocked = errors.New("lock: Unlock of a Lock that is not locked")

// A Lock is a mutual exclusion lock.
type Lock struct{ m park.Mutex }

// Lock acquires l, waiting for as long as that takes.
func (l *Lock) Lock() { l.m.Lock() }

// TryLock acquires l if it is unlocked, and reports whether it did.
func (l *Lock) TryLock() bool { return l.m.TryLock() }

// LockTimeout acquires l unless that takes longer than d, and reports whether it did. With d <= 0 it is TryLock;
// math.MaxInt64 is for ever.
func (l *Lock) LockTimeout(d time.Duration) bool {
	return l.m.TryLock() || d > 0 && l.m.LockWithin(park.After(d))
}

// LockContext acquires l unless ctx ends first; then it returns context.Cause(ctx).
func (l *Lock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.m.TryLock() && !l.m.LockWithin(park.Until(ctx)) {
		return context.Cause(ctx)
	}
	return nil
}

// Unlock releases l. It panics with ErrNotLocked if l is not locked.
func (l *Lock) Unlock() {
	if !l.m.TryUnlock() {
		panic(ErrNotLocked)
	}
}

// Locked reports whether l is locked.
func (l *Lock) Locked() bool { return l.m.Locked() }
