package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/shm"
)

// An Event is a flag that processes set and clear, and that any number of
// goroutines of all of them wait for.
//
// Make an Event with [NewEvent] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Event:
//
//	set(), clear()           Set, Clear
//	is_set()                 IsSet
//	wait(), wait(timeout=d)  Wait, WaitTimeout(d)
//
// It is like [event.Event], without Done, which would need a goroutine. Set
// releases every waiter, and each of them reports success even if Clear follows
// at once. Set never waits for those it releases, and a process that is killed
// while it waits affects no other.
//
// Within a process, a Set that takes effect synchronizes before the return of
// every Wait and IsSet that reports it.
//
// A call that gives up leaves no trace. WaitTimeout returns false only if the
// Event was clear at some instant between its deadline and its return, and no
// Set took effect since the call began.
//
// IsSet, and any form of Wait on a set Event, is an atomic load. Waiting holds
// one thread for each Event and process, however many goroutines wait.
type Event struct {
	handle
	e *shm.Event
}

// NewEvent makes an Event that is clear.
func NewEvent() *Event {
	e, err := shm.NewEvent()
	return &Event{e: made("NewEvent", e, err)}
}

func (e *Event) flag() *shm.Event {
	if e.e == nil {
		panic(zero("Event"))
	}
	return e.e
}

// Set sets the Event and releases all waiters.
func (e *Event) Set() { e.flag().Set() }

// Clear clears the Event: waiters from now on wait for the next Set.
func (e *Event) Clear() { e.flag().Clear() }

// IsSet reports whether the Event is set.
func (e *Event) IsSet() bool { return e.flag().IsSet() }

// Wait waits until the Event is set.
func (e *Event) Wait() { e.flag().Wait(nil) }

// WaitTimeout is like Wait but waits for at most d, and reports whether the
// Event was set. With d <= 0 it is IsSet; math.MaxInt64 is forever.
func (e *Event) WaitTimeout(d time.Duration) bool { return within(d, e.flag().IsSet, e.flag().Wait) }

// WaitContext is like Wait but returns context.Cause(ctx) if ctx ends first.
func (e *Event) WaitContext(ctx context.Context) error {
	return until(ctx, e.flag().IsSet, e.flag().Wait)
}

// String says whether the Event is set, as Python does.
func (e *Event) String() string {
	if e.IsSet() {
		return "Event(set)"
	}
	return "Event(unset)"
}

// MarshalBinary encodes e for another process. It returns ErrSharing unless
// this package encodes.
func (e *Event) MarshalBinary() ([]byte, error) {
	return handOver("Event", e.e, (*shm.Event).Descriptor)
}

// UnmarshalBinary is the other direction.
func (e *Event) UnmarshalBinary(data []byte) (err error) {
	e.e, err = takeOver("Event", data, shm.AttachEvent)
	return err
}
