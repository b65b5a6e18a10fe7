package rwlock_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rwlock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const (
	century = 100 * 365 * 24 * time.Hour
	forever = time.Duration(math.MaxInt64)
)

var errCause = errors.New("the cause")

// rounds scales the length of a race.
func rounds(full int) int { return proof.Rounds(full, 10, 10) }

// A form is a way to lock as a reader or as the writer, and reports whether it did.
type form struct {
	name string
	lock func(*rwlock.RWLock) bool
}

// A limited is one that gives up after d.
type limited struct {
	name string
	lock func(l *rwlock.RWLock, d time.Duration) bool
}

// A side is what one side does: the readers, or the writers.
type side struct {
	name      string
	patient   []form // wait until they are served
	tries     []form // never wait
	impatient []limited
	context   func(*rwlock.RWLock, context.Context) error
	unlock    func(*rwlock.RWLock)
}

func newSide(name string, lock func(*rwlock.RWLock), try func(*rwlock.RWLock) bool,
	timeout func(*rwlock.RWLock, time.Duration) bool, within func(*rwlock.RWLock, context.Context) error, unlock func(*rwlock.RWLock)) side {
	return side{
		name: name, context: within, unlock: unlock,
		patient: []form{
			{"Lock", func(l *rwlock.RWLock) bool { lock(l); return true }},
			{"Timeout of a century", func(l *rwlock.RWLock) bool { return timeout(l, 2*century) }},
			{"Timeout for ever", func(l *rwlock.RWLock) bool { return timeout(l, forever) }},
			{"Context", func(l *rwlock.RWLock) bool {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				return within(l, ctx) == nil
			}},
			{"Context of a foreign context", func(l *rwlock.RWLock) bool { return within(l, proof.NewForeign()) == nil }},
			{"Context without end", func(l *rwlock.RWLock) bool { return within(l, context.Background()) == nil }},
		},
		tries: []form{
			{"Try", try},
			{"Timeout of nothing", func(l *rwlock.RWLock) bool { return timeout(l, 0) }},
			{"Timeout of less", func(l *rwlock.RWLock) bool { return timeout(l, math.MinInt64) }},
		},
		impatient: []limited{
			{"Timeout", timeout},
			{"Context", func(l *rwlock.RWLock, d time.Duration) bool {
				ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
				defer cancel()
				err := within(l, ctx)
				if err != nil && err != errCause {
					panic(fmt.Sprintf("the error is %v, which is not the cause", err))
				}
				return err == nil
			}},
			{"Context of a foreign context", func(l *rwlock.RWLock, d time.Duration) bool {
				ctx := proof.NewForeign()
				defer time.AfterFunc(d, ctx.End).Stop()
				err := within(l, ctx)
				if err != nil && err != proof.ErrForeign {
					panic(fmt.Sprintf("the error is %v, which is not what the context says", err))
				}
				return err == nil
			}},
		},
	}
}

type rw = rwlock.RWLock

var (
	writers = newSide("writer", (*rw).Lock, (*rw).TryLock, (*rw).LockTimeout, (*rw).LockContext, (*rw).Unlock)
	readers = newSide("reader", (*rw).RLock, (*rw).TryRLock, (*rw).RLockTimeout, (*rw).RLockContext, (*rw).RUnlock)
)

// within makes a form of f.
func (f limited) within(d time.Duration) form {
	return form{f.name + " of " + d.String(), func(l *rwlock.RWLock) bool { return f.lock(l, d) }}
}

// all returns the forms of a side, those that give up with a limit of d.
func (s side) all(d time.Duration) []form {
	forms := append([]form(nil), s.patient...)
	for _, f := range s.impatient {
		forms = append(forms, f.within(d))
	}
	return forms
}

// locker adapts the writer to the tests that every lock passes.
func newWriter() locktest.Locker { return new(rwlock.RWLock) }

// usable fails the test unless l is free and as good as new.
func usable(t *testing.T, l *rwlock.RWLock) {
	t.Helper()
	if l.Readers() != 0 {
		t.Fatalf("in the end there are %d readers", l.Readers())
	}
	locktest.Usable(t, l)
	for i := range 3 {
		if !l.TryRLock() || l.Readers() != i+1 {
			t.Fatal("in the end TryRLock fails on a lock that no writer holds or waits for")
		}
	}
	if l.TryLock() || l.Locked() {
		t.Fatal("in the end TryLock succeeds beside readers")
	}
	for range 3 {
		l.RUnlock()
	}
	if l.Readers() != 0 {
		t.Fatalf("in the end there are %d readers", l.Readers())
	}
}

// await spins until condition holds, for races that one that has to be woken would never win.
func await(condition func() bool) {
	for i := 1; !condition(); i++ {
		if i%50 == 0 {
			runtime.Gosched()
		}
	}
}

func isNotLocked(f func()) bool { return proof.Recovered(f) == rwlock.ErrNotLocked }
