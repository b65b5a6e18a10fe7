package event_test

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
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		{"WaitContext of a foreign context", func(e *event.Event) bool { return e.WaitContext(newForeign()) == nil }},
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
			ctx := newForeign()
			defer time.AfterFunc(d, ctx.end).Stop()
			err := e.WaitContext(ctx)
			if err != nil && err != errForeign {
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
	errCause   = errors.New("the cause of a context's end")
	errForeign = errors.New("the error of a foreign context")
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

// isClosed reports whether a receive from c would return at once.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rounds returns how often to run a race: all rounds, or a tenth of them with -short, and a tenth of either under the
// race detector, which makes each about ten times as slow.
func rounds(all int) int {
	if testing.Short() {
		all /= 10
	}
	if raceEnabled {
		all /= 10
	}
	return all
}

// watch ends the process, with all stacks, if a test outside of a bubble goes on for minutes: a waiter that is never
// woken shows as a hang. It measures nothing. The result ends the watch.
func watch(t *testing.T) (stop func()) {
	name := t.Name()
	timer := time.AfterFunc(3*time.Minute, func() {
		debug.SetTraceback("all")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		panic(name + " hangs: somebody was not woken")
	})
	return func() { timer.Stop() }
}

// processors sets GOMAXPROCS until the test ends.
func processors(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// spin keeps the processor busy for about n nanoseconds.
//
//go:noinline
func spin(n int) {
	x := uint32(0)
	for range n {
		x = x*1664525 + 1013904223
	}
	runtime.KeepAlive(x) // or the loop has no effect
}

// await spins until condition holds, for races that a waiter who has to be woken would never win.
func await(condition func() bool) {
	for i := 1; !condition(); i++ {
		if i%50 == 0 {
			runtime.Gosched()
		}
	}
}
