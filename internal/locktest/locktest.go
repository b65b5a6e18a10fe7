// Package locktest has the tests that every lock of this module must pass,
// whatever else it can do. They are functions of a constructor, so that
// packages lock and rlock share them: TestX of such a package calls locktest.X.
// It is imported by tests only.
//
// Three kinds of time are used. What depends on a duration or on an order of
// arrival runs in a testing/synctest bubble, where time is exact and a
// goroutine that is blocked is known to be. Races of two processors run
// outside, as often as it takes, and measure nothing. Only the tests of
// starvation use real milliseconds.
package locktest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// A Locker is what the locks of this module have in common.
type Locker interface {
	Lock()
	TryLock() bool
	LockTimeout(d time.Duration) bool
	LockContext(ctx context.Context) error
	Unlock()
	Locked() bool
}

// A New makes an unlocked lock.
type New func() Locker

// A Form is one of the ways to lock.
type Form struct {
	Name string
	Lock func(Locker) bool // reports whether it acquired
}

// Patient returns the forms that wait until they are served.
func Patient() []Form {
	return []Form{
		{"Lock", func(l Locker) bool { l.Lock(); return true }},
		{"LockTimeout of a century", func(l Locker) bool { return l.LockTimeout(100 * year) }},
		{"LockTimeout for ever", func(l Locker) bool { return l.LockTimeout(math.MaxInt64) }},
		{"LockContext", func(l Locker) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return l.LockContext(ctx) == nil
		}},
		{"LockContext of a foreign context", func(l Locker) bool { return l.LockContext(proof.NewForeign()) == nil }},
		{"LockContext without end", func(l Locker) bool { return l.LockContext(context.Background()) == nil }},
	}
}

const year = 365 * 24 * time.Hour

// A Limited is a way to lock that gives up after d.
type Limited struct {
	Name string
	Lock func(l Locker, d time.Duration) bool // reports whether it acquired
}

// Impatient returns the forms that give up.
func Impatient() []Limited {
	return []Limited{
		{"LockTimeout", Locker.LockTimeout},
		{"LockContext", func(l Locker, d time.Duration) bool {
			ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
			defer cancel()
			err := l.LockContext(ctx)
			if err != nil && err != errCause {
				panic(fmt.Sprintf("LockContext returned %v, which is not the cause", err))
			}
			return err == nil
		}},
		{"LockContext of a foreign context", func(l Locker, d time.Duration) bool {
			ctx := proof.NewForeign()
			defer time.AfterFunc(d, ctx.End).Stop()
			err := l.LockContext(ctx)
			if err != nil && err != proof.ErrForeign {
				panic(fmt.Sprintf("LockContext returned %v, which is not what the context says", err))
			}
			return err == nil
		}},
	}
}

var (
	errCause = errors.New("locktest: the cause of a context's end")
)

// Elsewhere calls f on another goroutine and waits for it.
func Elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// Usable fails the test unless l is free and as good as new: nothing was lost,
// and no goroutine is served twice.
func Usable(t *testing.T, l Locker) {
	t.Helper()
	if l.Locked() {
		t.Fatal("in the end the lock is locked")
	}
	if !l.TryLock() {
		t.Fatal("in the end TryLock fails on a free lock that nobody waits for")
	}
	if !l.Locked() {
		t.Error("in the end Locked is false on a lock that is held")
	}
	Elsewhere(func() {
		if l.TryLock() {
			t.Error("in the end TryLock succeeds on a lock that is held")
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Lock()
		l.Unlock()
	}()
	runtime.Gosched() // so that it has to wait, usually
	l.Unlock()
	<-done // a fresh waiter is served
	if l.Locked() {
		t.Error("in the end the lock is locked by nobody")
	}
}

// Rounds scales the length of a race: under the race detector a round is five
// times as slow, and a million of them take half a minute.
func Rounds(full int) int { return proof.Rounds(full, 10, 4) }

// barge unlocks l and locks it again before the waiter that was woken by the
// unlock has run. It reports false if the waiter was faster, or if the lock was
// handed to it.
func barge(l Locker) bool {
	l.Unlock()
	return l.TryLock()
}
