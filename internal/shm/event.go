package shm

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// An Event is a flag of processes: one word, whose lowest bit is the flag, and
// whose rest counts how often it was set. A waiter remembers the word, and
// returns when it is another: Set followed at once by Clear releases it too.
//
// Set is one compare-and-swap. If a process is killed after it, and before it
// has woken the waiters, the death is announced, and they look.
type Event struct {
	word *atomic.Uint64
	station
	edge edge
	seg  *segment
}

const eventSize = int64(unsafe.Sizeof(atomic.Uint64{}))

// NewEvent makes an Event that is clear.
func NewEvent() (*Event, error) { return create(KindEvent, eventSize, false, 0, eventOf) }

// AttachEvent returns the Event of a descriptor.
func AttachEvent(fd int) (*Event, error) {
	return attach(fd, KindEvent, func(uint64) int64 { return eventSize }, eventOf)
}

func eventOf(s *segment) *Event {
	e := &Event{word: (*atomic.Uint64)(s.at(0)), seg: s}
	e.bell = half(e.word)
	return e
}

// Descriptor returns the file of the Event.
func (e *Event) Descriptor() int { return e.seg.fd }

// Set sets the Event and releases its waiters.
func (e *Event) Set() {
	e.edge.release()
	for {
		old := e.word.Load()
		if old&1 != 0 {
			break
		}
		point("event: about to set")
		if e.word.CompareAndSwap(old, old+3) {
			point("event: set")
			futexWake(e.bell, allSleepers)
			point("event: woken")
			break
		}
	}
	runtime.KeepAlive(e)
}

// Clear clears the Event.
func (e *Event) Clear() {
	for {
		old := e.word.Load()
		if old&1 == 0 || e.word.CompareAndSwap(old, old-1) {
			point("event: cleared")
			break
		}
	}
	runtime.KeepAlive(e)
}

// IsSet reports whether the Event is set.
func (e *Event) IsSet() bool {
	set := e.word.Load()&1 != 0
	if set {
		e.edge.acquire()
	}
	runtime.KeepAlive(e)
	return set
}

// Wait waits until the Event is set, and reports false if l was over first.
func (e *Event) Wait(l *Limit) bool {
	seen := e.word.Load()
	set := seen&1 != 0 || e.wait(e.word, seen, l)
	if set {
		e.edge.acquire()
	}
	runtime.KeepAlive(e)
	return set
}
