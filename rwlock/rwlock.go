// Package rwlock provides a readers-writer lock that can give up waiting:
// sync.RWMutex with timeouts and contexts, and a way from writer to reader.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package rwlock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// ErrNotLocked is the error that [RWLock.Unlock] and [RWLock.Downgrade] panic
// with if there is no writer, and [RWLock.RUnlock] if there is no reader.
var ErrNotLocked = errors.New("rwlock: release of an RWLock that is not held that way")

// An RWLock is held by any number of readers or by one writer. It implements
// [sync.Locker] for the writer; [RWLock.RLocker] does for a reader. It has no
// owner: any goroutine may release it.
//
// The zero value is unlocked. An RWLock must not be copied after first use. Python
// has none; programs there build one from a Condition.
//
// An Unlock or Downgrade “synchronizes before” the return of every later call that
// locks the RWLock, and an RUnlock before the return of every later Lock.
//
// A writer that waits holds up new readers; when it has released, the readers that
// waited meanwhile go before the next writer. So neither side starves the other.
// Among writers fairness is that of [sync.Mutex]. When a writer gives up, the
// readers that only waited for it are let in at once.
//
// It is not reentrant: if a writer has come meanwhile, the second RLock of a
// goroutine waits for the writer, which waits for the first. And a reader cannot
// become the writer, because two that wanted that would wait for each other.
// Release it, lock it as the writer, and check again whether there is still
// something to write; [RWLock.Downgrade] is the way back.
//
// Reading and releasing a free RWLock is one atomic operation each and allocates
// nothing. A wait allocates only for its limit: a timer, or a channel.
//
// If no goroutine gives up, use a [sync.RWMutex]: it is smaller, and less fair. If
// what is protected takes next to no time, use a lock.Lock: readers would spend more
// on the lock than they gain by reading at the same time.
type RWLock struct {
	mark      watch.Mark
	word      uintptr // see word.go
	guard     park.Guard
	readers   park.List[turn]
	writers   park.List[turn]
	arrivals  uint64  // how many newcomers were listed
	batch     uint64  // while starving: writers with no greater number are let in in order
	inside    uintptr // how many readers, where the word does not say it
	competing bool    // a writer was woken to compete, and has not looked yet
}

// Lock locks l as the writer.
func (l *RWLock) Lock() {
	if explore.On {
		explore.Point("lock")
	}
	if watch.On {
		l.mark.Attempt(watch.Writer)
	}
	if !atomic.CompareAndSwapUintptr(&l.word, 0, writing) {
		l.lockSlow()
	} else if watch.On {
		l.mark.Taken(watch.Writer)
	}
}

//go:noinline // so that Lock is inlined
func (l *RWLock) lockSlow() {
	if !l.TryLock() {
		l.waitToWrite(park.Forever)
	}
}

// TryLock locks l as the writer if it is free, and reports whether it did.
func (l *RWLock) TryLock() bool {
	for {
		old := atomic.LoadUintptr(&l.word)
		if !free(old) && !overdrawn(old) {
			return false
		}
		if explore.On {
			explore.Point("write")
		}
		if overdrawn(old) {
			l.mend(old)
		} else if atomic.CompareAndSwapUintptr(&l.word, old, old&waiting|writing) {
			if watch.On {
				l.mark.Taken(watch.Writer)
			}
			return true
		}
	}
}

// LockTimeout is like [RWLock.Lock], but gives up after d. It reports whether it
// locked l. If d <= 0, it is equivalent to [RWLock.TryLock]. A d of
// [math.MaxInt64] never times out.
func (l *RWLock) LockTimeout(d time.Duration) bool {
	return l.TryLock() || d > 0 && l.waitToWrite(park.After(d))
}

// LockContext is like [RWLock.Lock], but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so even if l is
// free.
func (l *RWLock) LockContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.TryLock() && !l.waitToWrite(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Unlock releases l from the writer. It panics with [ErrNotLocked] if there is none.
func (l *RWLock) Unlock() {
	if watch.On {
		l.mark.Release(watch.Writer)
	}
	if explore.On {
		explore.Point("unlock")
	}
	if !atomic.CompareAndSwapUintptr(&l.word, writing, 0) {
		l.release(0)
	}
}

// Downgrade makes the writer a reader, with no other writer in between. The readers
// that wait are let in. It panics with [ErrNotLocked] if there is no writer.
func (l *RWLock) Downgrade() {
	if watch.On {
		l.mark.Downgrade()
	}
	if explore.On {
		explore.Point("downgrade")
	}
	if !atomic.CompareAndSwapUintptr(&l.word, writing, reader) {
		l.release(1)
	}
}

// RLock locks l as a reader.
func (l *RWLock) RLock() {
	if watch.On {
		l.mark.Attempt(watch.Reader)
	}
	if explore.On {
		explore.Point("read")
	}
	if word := atomic.AddUintptr(&l.word, reader); word == 0 || word&(flags|negative) != 0 {
		l.rlockSlow()
	} else if watch.On {
		l.mark.Taken(watch.Reader)
	}
}

//go:noinline // so that RLock is inlined
func (l *RWLock) rlockSlow() {
	if !l.TryRLock() {
		l.waitToRead(park.Forever)
	}
}

// TryRLock locks l as a reader if no writer holds it or waits for it, and reports
// whether it did.
func (l *RWLock) TryRLock() bool {
	for {
		old := atomic.LoadUintptr(&l.word)
		if old&flags != 0 {
			return false
		}
		if explore.On {
			explore.Point("read")
		}
		if atomic.CompareAndSwapUintptr(&l.word, old, old+reader) && old&negative == 0 {
			if watch.On {
				l.mark.Taken(watch.Reader)
			}
			return true
		}
	}
}

// RLockTimeout is like [RWLock.RLock], but gives up after d. It reports whether it
// locked l. If d <= 0, it is equivalent to [RWLock.TryRLock]. A d of
// [math.MaxInt64] never times out.
func (l *RWLock) RLockTimeout(d time.Duration) bool {
	return l.TryRLock() || d > 0 && l.waitToRead(park.After(d))
}

// RLockContext is like [RWLock.RLock], but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so even if l is
// free.
func (l *RWLock) RLockContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.TryRLock() && !l.waitToRead(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// RUnlock releases l from a reader. It panics with [ErrNotLocked] if there is none.
func (l *RWLock) RUnlock() {
	if watch.On {
		l.mark.Release(watch.Reader)
	}
	old := atomic.LoadUintptr(&l.word)
	if explore.On {
		explore.Point("leave")
	}
	if old < reader || atomic.AddUintptr(&l.word, less)&(flags|negative) != 0 {
		l.runlockSlow(old)
	}
}

// Locked reports whether a writer holds l.
func (l *RWLock) Locked() bool { return atomic.LoadUintptr(&l.word)&writing != 0 }

// Readers returns the number of readers that hold l.
func (l *RWLock) Readers() int {
	word := atomic.LoadUintptr(&l.word)
	if word&flags != 0 {
		l.guard.Lock()
		defer l.guard.Unlock()
		if word = atomic.LoadUintptr(&l.word); word&flags != 0 {
			return int(atomic.LoadUintptr(&l.inside))
		}
	}
	if overdrawn(word) {
		return 0
	}
	return int(word / reader)
}

// RLocker returns l as a [sync.Locker] whose Lock and Unlock are RLock and RUnlock.
func (l *RWLock) RLocker() sync.Locker { return (*rlocker)(l) }

type rlocker RWLock

func (l *rlocker) Lock()   { (*RWLock)(l).RLock() }
func (l *rlocker) Unlock() { (*RWLock)(l).RUnlock() }
