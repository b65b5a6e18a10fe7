package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/rlock"
)

// An RLock is a reentrant lock of processes. Its owner is a goroutine of a
// process, which may lock it again without waiting. It implements sync.Locker.
//
// Make an RLock with [NewRLock] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.RLock:
//
//	acquire()                Lock
//	acquire(block=False)     TryLock
//	acquire(timeout=d)       LockTimeout(d)
//	release()                Unlock
//
// It is like [rlock.RLock], and like [Lock] in what a death means: if the
// process of the owner ends, the next owner acquires the RLock, and Abandoned
// tells it so. A goroutine that ends while it owns an RLock, in a process that
// goes on, leaves it locked forever. Memory model, fairness, giving up and cost
// are those of [Lock].
type RLock struct {
	handle
	m *shm.RMutex
}

// NewRLock makes an unlocked RLock.
func NewRLock() *RLock {
	m, err := shm.NewRMutex()
	return &RLock{m: made("NewRLock", m, err)}
}

func (r *RLock) mutex() *shm.RMutex {
	if r.m == nil {
		panic(zero("RLock"))
	}
	return r.m
}

// Lock acquires r, waiting for as long as that takes. The owner goes one level
// deeper at once.
func (r *RLock) Lock() { r.mutex().Lock(nil) }

// TryLock acquires r if it is free or the caller's own, and reports whether it
// did.
func (r *RLock) TryLock() bool { return r.mutex().TryLock() }

// LockTimeout is like Lock but waits for at most d, and reports whether it
// acquired r. With d <= 0 it is TryLock; math.MaxInt64 is forever.
func (r *RLock) LockTimeout(d time.Duration) bool {
	return within(d, r.mutex().TryLock, r.mutex().Lock)
}

// LockContext is like Lock but returns context.Cause(ctx) if ctx ends first.
func (r *RLock) LockContext(ctx context.Context) error {
	return until(ctx, r.mutex().TryLock, r.mutex().Lock)
}

// Unlock takes back one Lock, and releases r with the last. It panics with
// rlock.ErrNotOwner if the calling goroutine does not own r.
func (r *RLock) Unlock() {
	if !r.mutex().Unlock() {
		panic(rlock.ErrNotOwner)
	}
}

// UnlockAll releases every level, and returns how many they were. It panics
// with rlock.ErrNotOwner if the calling goroutine does not own r.
func (r *RLock) UnlockAll() (depth int) {
	depth = r.mutex().UnlockAll()
	if depth == 0 {
		panic(rlock.ErrNotOwner)
	}
	return depth
}

// LockDepth acquires r as depth calls of Lock would. With depth < 1 it does
// nothing.
func (r *RLock) LockDepth(depth int) { r.mutex().LockDepth(depth) }

// Locked reports whether a goroutine of a living process owns r.
func (r *RLock) Locked() bool { return r.mutex().Locked() }

// Owned reports whether the calling goroutine owns r.
func (r *RLock) Owned() bool { return r.mutex().Depth() > 0 }

// Depth returns how often the calling goroutine has locked r, 0 if it does not
// own it.
func (r *RLock) Depth() int { return r.mutex().Depth() }

// Abandoned reports whether the calling goroutine owns r and the process that
// owned it before ended while it did. It is true for this one holding.
func (r *RLock) Abandoned() bool { return r.mutex().Abandoned() }

// MarshalBinary encodes r for another process. It returns ErrSharing unless
// this package encodes.
func (r *RLock) MarshalBinary() ([]byte, error) {
	return handOver("RLock", r.m, (*shm.RMutex).Descriptor)
}

// UnmarshalBinary is the other direction.
func (r *RLock) UnmarshalBinary(data []byte) (err error) {
	r.m, err = takeOver("RLock", data, shm.AttachRMutex)
	return err
}

func (r *RLock) owns() bool              { return r.Owned() }
func (r *RLock) holder() shm.Holder      { return r.mutex() }
func (r *RLock) releaseAll() (depth int) { return r.UnlockAll() }
func (r *RLock) takeBack(depth int)      { r.LockDepth(depth) }
