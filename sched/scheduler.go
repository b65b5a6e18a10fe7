// Package sched provides a scheduler that calls functions one after another,
// each at its time: Python's sched for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package sched

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// ErrRunning is the error that [Scheduler.Run] and its forms, and
// [Scheduler.Serve], panic with while one of them runs the same Scheduler.
var ErrRunning = errors.New("sched: the Scheduler is being run already")

// A Scheduler calls functions at set times, one after another, in the
// goroutine that runs it. [Scheduler.Enter] and [Scheduler.EnterAt] add one,
// [Scheduler.Cancel] removes one, and [Scheduler.Run] calls them. Any goroutine,
// and the functions themselves, may add and cancel at any time.
//
// The zero value has nothing to call. A Scheduler must not be copied after
// first use.
//
// It is Python's sched.scheduler, on the clock of package time:
//
//	enter(delay, priority, action)    Enter(delay, priority, fn)
//	enterabs(time, priority, action)  EnterAt(t, priority, fn)
//	cancel(event)                     Cancel(e), false for ValueError
//	run()                             Run()
//	run(blocking=False)               TryRun()
//	empty(), queue                    Len() == 0, Events()
//
// Events are served in order of time, then of priority, the smaller first, and
// then of entry. An Event that is entered while the Scheduler sleeps, or
// becomes due while a function runs, is served in its order.
//
// A panic, or a [runtime.Goexit], in a function goes on in the caller of Run. The
// Event is gone, the others stay, and the Scheduler may be run again.
//
// Enter and EnterAt “synchronize before” the call of the function, and its
// return before the call of the next.
//
// Entering, cancelling and calling one of n Events takes time proportional to
// log n, and one allocation. A Scheduler has no goroutine, and a timer only while
// Run sleeps.
//
// For functions that need not wait for each other, use a timer.Timer or
// [time.AfterFunc].
type Scheduler struct {
	guard   park.Guard
	running bool
	events  heap
	entries uint64 // how many there have been
	wall    wall
	sleeper park.List[struct{}] // the goroutine that runs it, if it sleeps
}

var sleepers park.Pool[struct{}]

// Enter adds an Event that is due d from now; if d <= 0 it is due at once. It
// panics if fn is nil.
func (s *Scheduler) Enter(d time.Duration, priority int, fn func()) *Event {
	if fn == nil {
		panic("sched: Enter with a nil func")
	}
	now := time.Now()
	e := &Event{scheduler: s, time: now.Add(d), priority: priority, fn: fn}
	s.guard.Lock()
	s.enter(e, later(now.Sub(epoch), d))
	return e
}

// EnterAt adds an Event that is due at t. The call decides how long that is
// from now: if the clock of the machine is set later, the Event does not move.
// EnterAt panics if fn is nil.
func (s *Scheduler) EnterAt(t time.Time, priority int, fn func()) *Event {
	if fn == nil {
		panic("sched: EnterAt with a nil func")
	}
	now := time.Now()
	e := &Event{scheduler: s, time: t, priority: priority, fn: fn}
	s.guard.Lock()
	s.enter(e, s.wall.since(t, now))
	return e
}

// enter adds e, with the guard held, which it releases, and wakes Run if e is
// the next.
func (s *Scheduler) enter(e *Event, at time.Duration) {
	s.entries++
	s.events.push(item{at, e.priority, s.entries, e})
	s.unlock(e.index == 0)
}

// Cancel takes e back. It reports true if that was in time: e's function has
// not been called and never will be. It reports false, and does nothing, once
// the function has begun or e was cancelled, and for an Event of another
// Scheduler. The functions of Events may cancel others.
func (s *Scheduler) Cancel(e *Event) bool {
	if e == nil || e.scheduler != s {
		return false
	}
	s.guard.Lock()
	pending := e.fn != nil
	if pending {
		s.events.remove(e.index)
		e.fn = nil
	}
	s.unlock(pending && len(s.events) == 0)
	return pending
}

// unlock releases the guard and wakes Run if it sleeps and is to look again.
func (s *Scheduler) unlock(look bool) {
	var w *park.Waiter[struct{}]
	if look {
		if w = s.sleeper.Front(); w != nil {
			s.sleeper.Remove(w)
		}
	}
	s.guard.Unlock()
	if w != nil {
		w.Wake(park.Granted)
	}
}

// Len returns how many Events are pending. One whose function has begun is not.
func (s *Scheduler) Len() int {
	s.guard.Lock()
	defer s.guard.Unlock()
	return len(s.events)
}

// Events returns those that are pending, in the order in which they will be
// served if none is added.
func (s *Scheduler) Events() []*Event {
	s.guard.Lock()
	pending := append(heap(nil), s.events...)
	s.guard.Unlock()
	return pending.sorted()
}

// Run calls the functions of all Events, each when it is due, until none is
// left. It panics with [ErrRunning] if the Scheduler is being run already.
func (s *Scheduler) Run() {
	r := s.begin()
	defer r.end()
	r.untilEmpty(park.Forever)
}

// TryRun is like Run but does not wait: it calls the functions of Events that
// are due, and of those that become due meanwhile. It returns how long it is
// until the next Event is due; pending is false if none is left.
func (s *Scheduler) TryRun() (next time.Duration, pending bool) {
	r := s.begin()
	defer r.end()
	return r.untilIdle()
}

// RunTimeout is like Run but calls no function once d has passed, even if an
// Event is due. It reports whether no Event is left. If d <= 0, RunTimeout is
// equivalent to [Scheduler.TryRun]. A d of [math.MaxInt64] never times out.
func (s *Scheduler) RunTimeout(d time.Duration) bool {
	r := s.begin()
	defer r.end()
	if d <= 0 {
		_, pending := r.untilIdle()
		return !pending
	}
	if d != math.MaxInt64 {
		r.deadline = later(time.Since(epoch), d)
	}
	return r.untilEmpty(park.Forever)
}

// RunContext is like Run but calls no function once ctx has ended, even if an
// Event is due. It returns nil if no Event is left, and the cause of ctx
// otherwise, or if ctx had ended before.
func (s *Scheduler) RunContext(ctx context.Context) error { return s.within(ctx, false) }

// Serve is like RunContext but also waits for Events to be entered when none
// is left. It returns the cause of ctx once ctx has ended.
func (s *Scheduler) Serve(ctx context.Context) error { return s.within(ctx, true) }

func (s *Scheduler) within(ctx context.Context, stays bool) error {
	r := s.begin()
	defer r.end()
	r.stays = stays
	if ctx.Err() == nil {
		r.done = ctx.Done()
		if r.untilEmpty(park.Until(ctx)) {
			return nil
		}
	}
	return park.Cause(ctx)
}
