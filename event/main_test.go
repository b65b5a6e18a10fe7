package event_test

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
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// A form is one of the ways to wait for an Event until it is set.
type form struct {
	name string
	wait func(*event.Event) bool // reports whether the wait says that the Event was set
}

// patient returns the forms that do not give up.
func patient() []form {
	return []form{
		{"Wait", func(e *event.Event) bool { e.Wait(); return true }},
		{"WaitTimeout of a century", func(e *event.Event) bool { return e.WaitTimeout(100 * year) }},
		{"WaitTimeout for ever", func(e *event.Event) bool { return e.WaitTimeout(math.MaxInt64) }},
		{"WaitContext", func(e *event.Event) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return e.WaitContext(ctx) == nil
		}},
		{"WaitContext of a foreign context", func(e *event.Event) bool { return e.WaitContext(proof.NewForeign()) == nil }},
		{"WaitContext without end", func(e *event.Event) bool { return e.WaitContext(context.Background()) == nil }},
		{"Done", func(e *event.Event) bool { _, open := <-e.Done(); return !open }},
	}
}

const year = 365 * 24 * time.Hour

// A limited is a way to wait that gives up after d.
type limited struct {
	name string
	wait func(e *event.Event, d time.Duration) bool
}

// impatient returns the forms that give up.
func impatient() []limited {
	return []limited{
		{"WaitTimeout", (*event.Event).WaitTimeout},
		{"WaitContext", func(e *event.Event, d time.Duration) bool {
			ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
			defer cancel()
			err := e.WaitContext(ctx)
			if err != nil && err != errCause {
				panic(fmt.Sprintf("WaitContext returned %v, which is not the cause", err))
			}
			return err == nil
		}},
		{"WaitContext of a foreign context", func(e *event.Event, d time.Duration) bool {
			ctx := proof.NewForeign()
			defer time.AfterFunc(d, ctx.End).Stop()
			err := e.WaitContext(ctx)
			if err != nil && err != proof.ErrForeign {
				panic(fmt.Sprintf("WaitContext returned %v, which is not what the context says", err))
			}
			return err == nil
		}},
	}
}

// within makes a form of l.
func within(l limited, d time.Duration) form {
	return form{l.name + " for " + d.String(), func(e *event.Event) bool { return l.wait(e, d) }}
}

var (
	errCause = errors.New("the cause of a context's end")
)

// isClosed reports whether a receive from c would return at once.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rounds scales the length of a race, of which each round is about ten times as
// slow under the race detector.
func rounds(full int) int { return proof.Rounds(full, 10, 10) }

// await spins until condition holds, for races that a waiter who has to be
// woken would never win.
func await(condition func() bool) {
	for i := 1; !condition(); i++ {
		if i%50 == 0 {
			runtime.Gosched()
		}
	}
}
