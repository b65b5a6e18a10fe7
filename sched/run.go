package sched

import (
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A run is a call of Run or of one of its like.
//
// It sleeps until the next Event is due, and whatever changes when that is
// makes it look again: an Event that is entered before all others, the
// cancelling of the last one, and the timer. Each takes the sleeper off its
// list, under the guard, and so wakes it; whoever comes second finds nobody.
// A timer that fires late, when another Event is the next, or even in a later
// run, wakes one that finds nothing due and sleeps again.
type run struct {
	*Scheduler
	stays    bool            // also when no Event is left
	deadline time.Duration   // since the epoch: from then on nothing begins,
	done     <-chan struct{} // nor once this is closed

	now    time.Duration // the last reading of the clock
	waiter *park.Waiter[struct{}]
	timer  *time.Timer
}

// begin begins a run, or panics if another is under way.
func (s *Scheduler) begin() run {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.running {
		panic(ErrRunning)
	}
	s.running = true
	return run{Scheduler: s, deadline: math.MaxInt64, now: math.MinInt64}
}

// end ends it, also if a function has panicked or called runtime.Goexit.
func (r *run) end() {
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.waiter != nil {
		sleepers.Put(r.waiter)
	}
	r.guard.Lock()
	r.running = false
	r.guard.Unlock()
}

// untilEmpty calls the functions of all Events, each when it is due, and
// reports true, or false if the run was over before.
func (r *run) untilEmpty(limit park.Limit) (empty bool) {
	r.guard.Lock()
	for {
		r.callDue()
		if empty = len(r.events) == 0 && !r.stays; empty || r.over() {
			r.guard.Unlock()
			return empty
		}
		r.sleep(limit)
	}
}

// untilIdle calls what is due.
func (r *run) untilIdle() (next time.Duration, pending bool) {
	r.guard.Lock()
	r.callDue()
	if pending = len(r.events) > 0; pending {
		next = later(r.events[0].at, -r.now)
	}
	r.guard.Unlock()
	return next, pending
}

// callDue calls what is due, and what becomes due meanwhile. The guard is held
// before and after, but not while a function runs.
func (r *run) callDue() {
	for len(r.events) > 0 && !r.over() {
		if next := r.events[0].at; next > r.now {
			if r.now = time.Since(epoch); next > r.now {
				return
			}
		}
		e := r.events.remove(0)
		fn := e.fn
		e.fn = nil
		r.guard.Unlock()
		fn()
		r.guard.Lock()
	}
}

// over reports whether nothing may begin any more.
func (r *run) over() bool {
	if r.deadline != math.MaxInt64 {
		if r.now = time.Since(epoch); r.now >= r.deadline {
			return true
		}
	}
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// sleep waits until there is something to look at. The guard is held before and
// after.
func (r *run) sleep(limit park.Limit) {
	if r.waiter == nil {
		r.guard.Unlock()
		r.waiter = sleepers.Get(limit)
		r.guard.Lock()
		return // to see what has come meanwhile
	}
	until := r.deadline
	if len(r.events) > 0 {
		until = min(until, r.events[0].at)
	}
	switch wait := later(until, -r.now); {
	case until == math.MaxInt64:
		if r.timer != nil {
			r.timer.Stop()
		}
	case r.timer == nil:
		r.timer = time.AfterFunc(wait, r.ring)
	default:
		r.timer.Reset(wait)
	}
	r.sleeper.PushBack(r.waiter)
	r.waiter.Sleep(&r.guard)
	r.guard.Lock()
}

// ring is the timer's function.
func (s *Scheduler) ring() {
	s.guard.Lock()
	s.unlock(true)
}
