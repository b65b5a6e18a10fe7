package lock

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A Map has a [Lock] for each key. Locks of different keys are independent, and
// there may be any number of them: a key takes memory only while a goroutine
// holds its lock or waits for it.
//
// The zero value has all keys unlocked. A Map must not be copied after first
// use. Python programs keep such locks by hand, in a dict with a lock of its
// own and a count of users.
//
// For each key, memory model, fairness and giving up are those of a Lock: an
// Unlock of a key “synchronizes before” the return of every later Lock of that
// key. A key that cannot be hashed panics as in a map, and changes nothing. One
// that is not equal to itself, such as a NaN, is a new key in each call, so it
// can be locked and never unlocked.
//
// Locking a free key, and unlocking it, takes a hash of the key and a short lock
// of one of many parts of the Map. Once the Map has been in use it allocates
// nothing.
//
// If there is a value for each key anyway, make a Lock a field of the value.
type Map[K comparable] struct {
	spread atomic.Pointer[spread[K]] // made when it is first used
}

// Lock acquires the lock of k.
func (m *Map[K]) Lock(k K) {
	p, hash := m.part(k)
	if e, acquired := p.enter(k, hash, true); !acquired {
		p.wait(e, park.Forever)
	}
}

// TryLock acquires the lock of k if it is unlocked, and reports whether it did.
func (m *Map[K]) TryLock(k K) bool {
	p, hash := m.part(k)
	_, acquired := p.enter(k, hash, false)
	return acquired
}

// LockTimeout is like [Map.Lock], but gives up after d. It reports whether it
// acquired the lock. If d <= 0, it is equivalent to [Map.TryLock]. A d of
// [math.MaxInt64] never times out.
func (m *Map[K]) LockTimeout(k K, d time.Duration) bool {
	p, hash := m.part(k)
	e, acquired := p.enter(k, hash, d > 0)
	return acquired || d > 0 && p.wait(e, park.After(d))
}

// LockContext is like [Map.Lock], but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so even if k
// is unlocked.
func (m *Map[K]) LockContext(ctx context.Context, k K) error {
	p, hash := m.part(k)
	if ctx.Err() != nil {
		return park.Cause(ctx)
	}
	if _, acquired := p.enter(k, hash, false); acquired {
		return nil
	}
	limit := park.Until(ctx) // which is code of the caller: it is no user yet
	if e, acquired := p.enter(k, hash, true); !acquired && !p.wait(e, limit) {
		return park.Cause(ctx)
	}
	return nil
}

// Unlock releases the lock of k. It panics with [ErrNotLocked] if k is not
// locked.
func (m *Map[K]) Unlock(k K) {
	p, hash := m.part(k)
	if !p.leave(k, hash) {
		panic(ErrNotLocked)
	}
}

// Locked reports whether k is locked.
func (m *Map[K]) Locked(k K) bool {
	p, hash := m.part(k)
	p.guard.Lock()
	defer p.guard.Unlock()
	e := p.entries.find(k, hash)
	return e != nil && e.lock.Locked()
}

// Len returns the number of keys that take memory: those that are locked, and
// those that a goroutine is about to lock. It is exact only if no key is locked
// or unlocked meanwhile.
func (m *Map[K]) Len() (n int) {
	s := m.spread.Load()
	if s == nil {
		return 0
	}
	for i := range s.parts {
		p := &s.parts[i]
		p.guard.Lock()
		n += p.entries.count
		p.guard.Unlock()
	}
	return n
}

// Locker returns the lock of k as a [sync.Locker], for example for a condition.
// It holds nothing and may be kept: its methods call those of m with that key.
// Two Lockers of one key are equal. If k cannot be hashed, Locker panics.
func (m *Map[K]) Locker(k K) sync.Locker {
	m.part(k)
	return locker[K]{m, k}
}

type locker[K comparable] struct {
	m *Map[K]
	k K
}

func (l locker[K]) Lock()        { l.m.Lock(l.k) }
func (l locker[K]) Unlock()      { l.m.Unlock(l.k) }
func (l locker[K]) Locked() bool { return l.m.Locked(l.k) } // a Condition asks it
