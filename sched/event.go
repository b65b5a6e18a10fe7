package sched

import "time"

// An Event is a function in a [Scheduler], and the time and the priority at
// which it is called. [Scheduler.Enter] and [Scheduler.EnterAt] return one; it
// is what [Scheduler.Cancel] takes.
//
// An Event must not be copied.
type Event struct {
	scheduler *Scheduler
	time      time.Time
	priority  int

	// Under the Scheduler's guard.
	fn    func() // nil once it was called or cancelled
	index int    // where it is in the heap, or -1
}

// Time returns the time at which e is due: for an Event that Enter returned,
// that of the call and the delay.
func (e *Event) Time() time.Time { return e.time }

// Priority returns e's priority.
func (e *Event) Priority() int { return e.priority }
