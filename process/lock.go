package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/lock"
)

// A Lock is a mutual exclusion lock of processes. It implements sync.Locker.
// Within a process it has no owner: any goroutine of the process that holds it
// may unlock it.
//
// Make a Lock with [NewLock] and pass the pointer to other processes. The zero
// value panics with [ErrSharing].
//
// It is Python's multiprocessing.Lock:
//
//	acquire()                Lock
//	acquire(block=False)     TryLock
//	acquire(timeout=d)       LockTimeout(d)
//	release()                Unlock, by the process that holds it
//
// It is like [lock.Lock], except for what a death means. If a process ends
// while it holds the Lock, in whatever way, the next process acquires it, and
// Abandoned tells it so: what the Lock protects may be half done.
//
// Within a process, the n'th Unlock synchronizes before the n+1'th Lock
// returns. Between processes the same holds for the contents of a [Value], an
// [Array] or a [Memory].
//
// A running process may barge ahead of one that was just woken, for about a
// millisecond; then the Lock is handed to the one that waits. A call that gives
// up leaves the Lock as if it had not been made.
//
// A free Lock is acquired and released without a system call. Blocked calls
// hold one thread for each Lock and process. Among goroutines of one process
// use a [lock.Lock].
type Lock struct {
	handle
	m *shm.Mutex
}

// NewLock makes an unlocked Lock.
func NewLock() *Lock {
	m, err := shm.NewMutex()
	return &Lock{m: made("NewLock", m, err)}
}

func (l *Lock) mutex() *shm.Mutex {
	if l.m == nil {
		panic(zero("Lock"))
	}
	return l.m
}

// Lock acquires l, waiting for as long as that takes.
func (l *Lock) Lock() { l.mutex().Lock(nil) }

// TryLock acquires l if it is free, and reports whether it did.
func (l *Lock) TryLock() bool { return l.mutex().TryLock() }

// LockTimeout is like Lock but waits for at most d, and reports whether it
// acquired l. With d <= 0 it is TryLock; math.MaxInt64 is forever.
func (l *Lock) LockTimeout(d time.Duration) bool { return within(d, l.mutex().TryLock, l.mutex().Lock) }

// LockContext is like Lock but returns context.Cause(ctx) if ctx ends first.
func (l *Lock) LockContext(ctx context.Context) error {
	return until(ctx, l.mutex().TryLock, l.mutex().Lock)
}

// Unlock releases l. It panics with lock.ErrNotLocked if this process does not
// hold it.
func (l *Lock) Unlock() {
	if !l.mutex().Unlock() {
		panic(lock.ErrNotLocked)
	}
}

// Locked reports whether a living process holds l.
func (l *Lock) Locked() bool { return l.mutex().Locked() }

// Abandoned reports whether this process holds l and the process that held it
// before ended while it did. It is true for this one holding.
func (l *Lock) Abandoned() bool { return l.mutex().Abandoned() }

// MarshalBinary encodes l for another process. It returns ErrSharing unless
// this package encodes.
func (l *Lock) MarshalBinary() ([]byte, error) {
	return handOver("Lock", l.m, (*shm.Mutex).Descriptor)
}

// UnmarshalBinary is the other direction.
func (l *Lock) UnmarshalBinary(data []byte) (err error) {
	l.m, err = takeOver("Lock", data, shm.AttachMutex)
	return err
}

func (l *Lock) owns() bool         { return l.mutex().Held() }
func (l *Lock) holder() shm.Holder { return l.mutex() }
func (l *Lock) releaseAll() (depth int) {
	l.Unlock()
	return 1
}
func (l *Lock) takeBack(int) { l.Lock() }
