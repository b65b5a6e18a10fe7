// Package locktest holds the tests that every lock of this module has to pass, whatever else it can do. They are
// functions of a constructor, so that packages lock and rlock share each of them: TestX of such a package calls
// locktest.X. It is imported by tests only.
//
// Three kinds of time are used. What depends on a duration or on an order of arrival runs in a testing/synctest bubble,
// where time is exact and a goroutine that is blocked is known to be. What is about a race of two processors runs
// outside, as often as it takes, and measures nothing. Only the tests of starvation know real milliseconds.
package locktest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"testing"
	"testing/synctest"
	"time"
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
		{"LockContext of a foreign context", func(l Locker) bool { return l.LockContext(newForeign()) == nil }},
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
			ctx := newForeign()
			defer time.AfterFunc(d, ctx.end).Stop()
			err := l.LockContext(ctx)
			if err != nil && err != errForeign {
				panic(fmt.Sprintf("LockContext returned %v, which is not what the context says", err))
			}
			return err == nil
		}},
	}
}

var (
	errCause   = errors.New("locktest: the cause of a context's end")
	errForeign = errors.New("locktest: the error of a foreign context")
)

// A foreign context is one that package context knows nothing about.
type foreign struct{ done chan struct{} }

func newForeign() *foreign { return &foreign{make(chan struct{})} }

func (f *foreign) end()                        { close(f.done) }
func (f *foreign) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *foreign) Done() <-chan struct{}       { return f.done }
func (f *foreign) Value(any) any               { return nil }

func (f *foreign) Err() error {
	select {
	case <-f.done:
		return errForeign
	default:
		return nil
	}
}

// Recovered calls f and returns what it panicked with, or nil.
func Recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// Elsewhere calls f on another goroutine and waits for it.
func Elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// Usable fails the test unless l is free and as good as new: nothing was lost, and nobody is served twice.
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

// Rounds returns how often to repeat a race: all rounds, a quarter of them under the race detector, which makes a round
// five times as slow and a million of them a matter of half a minute, and with -short a tenth.
func Rounds(all int) int {
	if testing.Short() {
		all /= 10
	}
	if Race {
		all /= 4
	}
	return all
}

// watch ends the process, with all stacks, if the test goes on for minutes: a lost grant shows as a hang, which would
// otherwise take the ten minutes of go test and hide which test it was. It measures nothing. Inside a bubble a hang is
// noticed by synctest. The result ends the watch.
func watch(t *testing.T) (stop func()) {
	name := t.Name()
	timer := time.AfterFunc(3*time.Minute, func() {
		debug.SetTraceback("all")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		panic(name + " hangs: a grant was lost")
	})
	return func() { timer.Stop() }
}

// processors sets GOMAXPROCS until the test ends.
func processors(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// uninterrupted runs an experiment in a bubble on a single processor, where a goroutine that does not block is not
// overtaken, unless the runtime happens to preempt it. experiment returns false if that spoilt it: then it is
// repeated. It fails the test if that goes on, because then it was not preemption.
func uninterrupted(t *testing.T, experiment func(t *testing.T) (conclusive bool)) {
	processors(t, 1)
	for range 100 {
		conclusive := false
		synctest.Test(t, func(t *testing.T) { conclusive = experiment(t) })
		if conclusive || t.Failed() {
			return
		}
	}
	t.Error("a goroutine that had just been woken was faster than one that was running, a hundred times")
}

// barge unlocks l and locks it again before the waiter that was woken by the unlock has run. It reports false if the
// waiter was faster, or if the lock was handed to it.
func barge(l Locker) bool {
	l.Unlock()
	return l.TryLock()
}

// spin keeps the processor busy for about n nanoseconds.
func spin(n int) {
	x := uint32(0)
	for range n {
		x = x*1664525 + 1013904223
	}
	runtime.KeepAlive(x) // or the loop has no effect
}
