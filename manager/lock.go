package manager

import (
	"context"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// A Lock is a mutual exclusion lock that processes share by name. It implements
// [sync.Locker].
//
// A Lock is held by this process, not by a goroutine: any goroutine of it may
// unlock. Unlock panics with [lock.ErrNotLocked] if this process does not hold
// it, even if another process does. When the session is lost, the Lock is free
// for other processes but stays held in this one until its Unlock, which then
// does nothing else; [Lock.Lost] tells, and [Lock.Token] protects what others
// may write meanwhile.
//
//	acquire(), release()         Lock, Unlock
//	acquire(blocking=False)      TryLock
//	acquire(timeout=d)           LockTimeout(d)
//	locked()                     Locked
//	with l:                      With, or Lock and a deferred Unlock
//
// The goroutines of one process queue up before they ask the server, which sees
// one waiting call for all of them. A holder that dies frees the Lock within
// milliseconds (etcd: after its lease). A call costs a round trip: 15 to 40 µs on
// a Unix socket, 10 to 25 times that on etcd.
type Lock struct {
	object
	door *door
}

// An object is what every handle has.
type object struct {
	m    *Manager
	spec backend.Spec
}

// Name returns the name of the object, for other processes.
func (o object) Name() string { return o.spec.Name }

func (o object) describe(b any) backend.Handle {
	return backend.Handle{Backend: o.m.backend, Spec: o.spec, Object: b, Codec: o.m.codec}
}

// Lock returns the lock of that name, or a fresh one if name is "".
func (m *Manager) Lock(name string) *Lock {
	spec := valid(m.spec(KindLock, name))
	return &Lock{object{m, spec}, state(m, spec, func() *door { return &door{m: m, lock: m.backend.Lock(spec)} })}
}

// Lock acquires l. It blocks until l is available.
func (l *Lock) Lock() { granted(l.lock(forever)) }

// TryLock acquires l if it is free, and reports whether it did.
func (l *Lock) TryLock() bool { return granted(l.lock(try)) }

// LockTimeout is like [Lock.Lock], but gives up after d. It reports whether it
// acquired l. If d <= 0, it is equivalent to [Lock.TryLock]. A d of
// [math.MaxInt64] never times out.
func (l *Lock) LockTimeout(d time.Duration) bool { return granted(l.lock(after(d))) }

func (l *Lock) lock(w backend.Wait) error {
	return patiently(w, func(w backend.Wait) error {
		_, err := l.door.enter(w, nil)
		return err
	})
}

// LockContext is like [Lock.Lock], but gives up when ctx ends, and then
// returns [context.Cause] of ctx.
func (l *Lock) LockContext(ctx context.Context) error {
	_, err := l.door.enterContext(ctx, nil)
	return err
}

// enterContext is enter for a form with a context.
func (d *door) enterContext(ctx context.Context, value []byte) (*hold, error) {
	if err := d.m.ended(ctx); err != nil {
		return nil, err
	}
	in, err := d.enter(until(ctx), value)
	return in, cause(ctx, err)
}

// Unlock releases l. It panics with [lock.ErrNotLocked] if this process does not
// hold it.
func (l *Lock) Unlock() { _ = l.unlock(background) }

// UnlockContext is like Unlock, and tells what became of it: nil; ErrLost if the
// holding had been lost before; ErrUnknown if ctx ended, or the session, while
// the server was told, which then goes on without the caller. If ctx has ended
// already it returns the cause and l stays held.
func (l *Lock) UnlockContext(ctx context.Context) error { return l.unlock(ctx) }

func (l *Lock) unlock(ctx context.Context) error {
	if l.door.holder() != nil && backend.Ended(ctx) && !l.m.backend.Closed() {
		return backend.Cause(ctx)
	}
	in := l.door.stand(nil)
	switch {
	case in != nil:
		return released(l.door.leave(ctx, in, true))
	case l.m.backend.Closed():
		return ErrClosed // a deferred Unlock, perhaps, after a wait that lost the lock
	}
	panic(lock.ErrNotLocked)
}

// Locked reports whether l is held, by this process or another.
func (l *Lock) Locked() bool { return l.door.locked() }

// Token returns the fencing token of the present holding, or 0 if this process
// does not hold l. Tokens of one name only grow, over all processes and also if
// the server starts again. Pass the token along with what is stored under a
// lock, and have the store refuse smaller ones: then a process that was paused,
// and has lost the lock without knowing, spoils nothing.
func (l *Lock) Token() uint64 { return l.door.token() }

// Lost returns a channel that is closed if the present holding is lost before it
// is unlocked. If this process does not hold l it is never closed.
func (l *Lock) Lost() <-chan struct{} { return l.door.lost() }

// With acquires l, calls fn and releases l, also if fn panics. fn's context ends
// with ctx, or with ErrLost as its cause when l is lost. With returns what fn
// returned, joined with ErrLost if l was lost before it was released, or what
// kept it from acquiring l.
func (l *Lock) With(ctx context.Context, fn func(ctx context.Context) error) error {
	if fn == nil {
		panic("manager: Lock.With with a nil function")
	}
	in, err := l.door.enterContext(ctx, nil)
	if err != nil {
		return err
	}
	return l.door.with(ctx, in, fn)
}

func (l *Lock) describe() backend.Handle {
	h := l.object.describe(l.door.lock)
	h.Holding = l.door.holding
	return h
}

func (d *door) holding() backend.Holding {
	if in := d.holder(); in != nil {
		return in.Holding
	}
	return nil
}

// A Lockable is a [Lock] or an [RLock], for a [Condition].
type Lockable interface {
	sync.Locker
	Name() string
	lockable() (of object, d *door, own *owner)
}

func (l *Lock) lockable() (object, *door, *owner) { return l.object, l.door, nil }
