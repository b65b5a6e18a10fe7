package manager

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/rlock"
)

// An RLock is a reentrant [Lock]: the goroutine that holds it may lock it again,
// which costs nothing, and has to unlock it as often. Other goroutines and other
// processes wait. It implements [sync.Locker].
//
// The owner is a goroutine of a process. One that ends while it holds an RLock
// leaves it locked until its process ends. Unlock panics with [rlock.ErrNotOwner]
// if the calling goroutine does not hold it. What is said of a Lock about its
// session, its cost and its order holds here too.
//
//	acquire(), release()         Lock, Unlock
//	acquire(blocking=False)      TryLock
//	acquire(timeout=d)           LockTimeout(d)
type RLock struct {
	object
	own *owner
}

// An owner is a door, and which goroutine is inside how often.
type owner struct {
	door
	id    atomic.Uint64 // of the goroutine, or 0
	again int           // how often it has locked again; it alone looks at it, and leaves 0 behind
}

// RLock returns the reentrant lock of that name, or a fresh one if name is "".
func (m *Manager) RLock(name string) *RLock {
	spec := valid(m.spec(KindRLock, name))
	own := state(m, spec, func() *owner { return &owner{door: door{m: m, lock: m.backend.Lock(spec)}} })
	return &RLock{object{m, spec}, own}
}

// mine reports whether the calling goroutine is inside.
func (o *owner) mine() bool { return o.id.Load() == goid.Get() }

// reenter locks once more if the calling goroutine is inside, and reports whether it is.
func (o *owner) reenter() bool {
	if !o.mine() {
		return false
	}
	o.again++
	return true
}

// leaveAll makes the calling goroutine, which is inside, one that is about to leave.
func (o *owner) leaveAll() (in *hold, depth int) {
	depth = o.again + 1
	o.again = 0
	o.id.Store(0)
	return o.stand(nil), depth
}

// entered makes the calling goroutine, which has just entered, the owner.
func (o *owner) entered(depth int) {
	o.again = depth - 1
	o.id.Store(goid.Get())
}

// Lock acquires r. It blocks until r is available. The owner goes one level
// deeper at once.
func (r *RLock) Lock() { granted(r.lock(forever)) }

// TryLock acquires r if it is free or the caller's own, and reports whether it
// did.
func (r *RLock) TryLock() bool { return granted(r.lock(try)) }

// LockTimeout is like [RLock.Lock], but gives up after d. It reports whether it
// acquired r. If d <= 0, it is equivalent to [RLock.TryLock]. A d of
// [math.MaxInt64] never times out.
func (r *RLock) LockTimeout(d time.Duration) bool { return granted(r.lock(after(d))) }

func (r *RLock) lock(w backend.Wait) error {
	if r.own.reenter() {
		return nil
	}
	err := patiently(w, func(w backend.Wait) error {
		_, err := r.own.enter(w, nil)
		return err
	})
	if err == nil {
		r.own.entered(1)
	}
	return err
}

// LockContext is like [RLock.Lock], but gives up when ctx ends, and then
// returns [context.Cause] of ctx. If ctx has ended before the call, it does so
// even if the caller owns r.
func (r *RLock) LockContext(ctx context.Context) error {
	if !backend.Ended(ctx) && r.own.reenter() {
		return nil
	}
	_, err := r.own.enterContext(ctx, nil)
	if err == nil {
		r.own.entered(1)
	}
	return err
}

// Unlock takes back one Lock, and releases r with the last. It panics with
// [rlock.ErrNotOwner] if the calling goroutine does not hold r.
func (r *RLock) Unlock() { _ = r.unlock(background) }

// UnlockContext is like Unlock, and tells what became of it, as
// [Lock.UnlockContext] does.
func (r *RLock) UnlockContext(ctx context.Context) error { return r.unlock(ctx) }

func (r *RLock) unlock(ctx context.Context) error {
	closed := r.m.backend.Closed()
	switch {
	case !r.own.mine() && closed:
		return ErrClosed // a deferred Unlock, perhaps, after a wait that lost the lock
	case !r.own.mine():
		panic(rlock.ErrNotOwner)
	case !closed && backend.Ended(ctx):
		return backend.Cause(ctx)
	case r.own.again > 0:
		r.own.again--
		return nil
	}
	in, _ := r.own.leaveAll()
	return released(r.own.leave(ctx, in, true))
}

// UnlockAll releases r however often it was locked, and returns how often that
// was: what LockDepth needs to restore it. It panics with [rlock.ErrNotOwner] if
// the calling goroutine does not hold r.
func (r *RLock) UnlockAll() (depth int) {
	if !r.own.mine() {
		if r.m.backend.Closed() {
			return 0 // as in unlock
		}
		panic(rlock.ErrNotOwner)
	}
	in, depth := r.own.leaveAll()
	_ = r.own.leave(background, in, true)
	return depth
}

// LockDepth acquires r as depth calls of Lock would, in one step. With depth < 1
// it does nothing.
func (r *RLock) LockDepth(depth int) {
	if depth < 1 {
		return
	}
	r.Lock()
	r.own.again += depth - 1
}

// Locked reports whether r is held, by this process or another.
func (r *RLock) Locked() bool { return r.own.locked() }

// Owned reports whether the calling goroutine holds r.
func (r *RLock) Owned() bool { return r.own.mine() }

// Depth returns how often the calling goroutine has locked r, and 0 if it does
// not hold it.
func (r *RLock) Depth() int {
	if !r.own.mine() {
		return 0
	}
	return r.own.again + 1
}

// Token returns the fencing token of the present holding, as [Lock.Token] does.
func (r *RLock) Token() uint64 { return r.own.token() }

// Lost returns a channel that is closed if the present holding is lost, as
// [Lock.Lost] does.
func (r *RLock) Lost() <-chan struct{} { return r.own.lost() }

func (r *RLock) lockable() (object, *door, *owner) { return r.object, &r.own.door, r.own }

func (r *RLock) describe() backend.Handle {
	h := r.object.describe(r.own.lock)
	h.Holding = r.own.holding
	return h
}
