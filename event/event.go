// Package event provides a flag that goroutines can wait for: threading.Event for Go.
package event

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
)

// An Event is a flag that is set and cleared, and that any number of goroutines wait for.
//
// The zero value is clear. An Event must not be copied after first use.
//
// Python: threading.Event. Set, Clear, IsSet and Wait are set(), clear(), is_set() and wait(); WaitTimeout is
// wait(timeout=d). Done is what Python lacks: the Event in a select.
//
// Memory model: a Set that takes effect, that is, which finds the Event clear, synchronizes before the return of every
// Wait, IsSet and receive from Done that reports it.
//
// A Set releases everybody who waits, and each of them reports so, even if Clear follows before they run. Who begins
// to wait after the Clear waits for the next Set.
//
// Giving up: a wait that gives up leaves no trace. WaitTimeout returns false only if the Event was not set at some
// instant between its deadline and its return, and no Set took effect since the call began.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. A waiter inside a bubble must be
// released from inside it.
//
// Cost: IsSet, and every form of Wait on a set Event, is one atomic load. Nothing is allocated but by Done, and by a
// wait for its limit: a timer, or a channel. Set wakes n waiters in time proportional to n and keeps no lock meanwhile.
//
// Use a channel that is closed where nothing is ever cleared and nobody asks but by receiving.
type Event struct {
	state atomic.Uint32 // changes under the guard
	guard explore.Mutex
	era   park.Era // each Set that took effect began one
	list  park.List[struct{}]
	sets  uint64        // how many took effect
	done  chan struct{} // of the present generation, once it was asked for
}

// The states of an Event. Setting is when the channel is being closed: who looks then waits for the guard, so that the
// channel and IsSet change at one instant for everybody.
const (
	clear = iota
	setting
	set
)

var waiters = park.Waiters[struct{}]()

// Set sets the Event and releases everybody who waits for it.
func (e *Event) Set() {
	if e.state.Load() == set {
		return
	}
	e.guard.Lock()
	if e.state.Load() == set {
		e.guard.Unlock()
		return
	}
	e.sets++
	e.era++
	if e.done != nil {
		e.state.Store(setting)
		close(e.done)
	}
	e.state.Store(set)
	e.guard.Unlock()
	for e.list.WakeEarly(&e.guard, &e.era) {
	}
}

// Clear clears the Event: from now on, waiting means waiting for the next Set.
func (e *Event) Clear() {
	e.guard.Lock()
	if e.state.Load() == set {
		e.state.Store(clear)
		e.done = nil
	}
	e.guard.Unlock()
}

// IsSet reports whether the Event is set.
func (e *Event) IsSet() bool {
	s := e.state.Load()
	return s == set || s == setting && e.isSet()
}

func (e *Event) isSet() bool {
	e.guard.Lock()
	defer e.guard.Unlock()
	return e.state.Load() == set
}

// Wait waits until the Event is set.
func (e *Event) Wait() {
	if e.state.Load() != set {
		e.wait(park.Forever)
	}
}

// WaitTimeout waits until the Event is set, for d at the longest, and reports whether it was. With d <= 0 it is IsSet;
// math.MaxInt64 is for ever.
func (e *Event) WaitTimeout(d time.Duration) bool {
	return e.IsSet() || d > 0 && e.wait(park.After(d))
}

// WaitContext waits until the Event is set, unless ctx ends first; then it returns context.Cause(ctx).
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil || e.state.Load() != set && !e.wait(park.Until(ctx)) {
		return context.Cause(ctx)
	}
	return nil
}

func (e *Event) wait(limit park.Limit) bool {
	w := waiters.Get(limit)
	defer waiters.Put(w)
	e.guard.Lock()
	if e.state.Load() == set {
		e.guard.Unlock()
		return true
	}
	sets := e.sets
	w.Era = e.era
	e.list.PushBack(w)
	if w.Sleep(&e.guard) == park.Granted {
		return true
	}
	e.guard.Lock()
	defer e.guard.Unlock()
	return e.sets != sets // a Set was on its way to us when we left
}

// Done returns a channel that is closed when the Event is set: at once if it is set, and otherwise by the next Set. It
// stays closed when the Event is cleared; after that, Done returns another channel. So ask for it again in each
// select. The channel belongs to the testing/synctest bubble, or to the outside, that first asked for it.
func (e *Event) Done() <-chan struct{} {
	e.guard.Lock()
	defer e.guard.Unlock()
	if e.done == nil {
		e.done = make(chan struct{})
		if e.state.Load() == set {
			close(e.done)
		}
	}
	return e.done
}
