// Package event provides a flag that goroutines can wait for: threading.Event
// for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package event

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// An Event is a flag that is set and cleared, and that any number of goroutines
// wait for.
//
// The zero value is clear. An Event must not be copied after first use.
//
// It is Python's threading.Event; Done has no counterpart there:
//
//	set()              Set
//	clear()            Clear
//	is_set()           IsSet
//	wait()             Wait
//	wait(timeout=d)    WaitTimeout
//
// A Set that takes effect, that is, one that finds the Event clear,
// “synchronizes before” the return of every wait, IsSet and receive from Done
// that reports it.
//
// A Set releases every goroutine that is waiting, and each reports that it was
// released, even if a Clear follows before it runs. A goroutine that begins to
// wait after the Clear waits for the next Set. However many goroutines there
// are, Set wakes at most 32 of them itself; another goroutine wakes the rest,
// and then ends.
//
// IsSet, and every form of wait on a set Event, is one atomic load. A wait
// allocates only for its limit: a timer, or a channel.
//
// If the flag is never cleared and is only waited for, close a channel instead.
type Event struct{ flag park.Flag }

// Set sets e and releases every goroutine that waits for it. It does nothing if
// e is set.
func (e *Event) Set() { e.flag.Set() }

// Clear clears e. From then on, a wait is for the next Set.
func (e *Event) Clear() { e.flag.Clear() }

// IsSet reports whether e is set.
func (e *Event) IsSet() bool { return e.flag.IsSet() }

// Wait blocks until e is set.
func (e *Event) Wait() { e.flag.Wait() }

// WaitTimeout blocks until e is set, for at most d, and reports whether it was
// set. It returns false only if e was not set at some instant between the
// deadline and the return, and no Set took effect since the call began. If d <=
// 0, WaitTimeout is equivalent to [Event.IsSet]. A d of math.MaxInt64 never
// times out.
func (e *Event) WaitTimeout(d time.Duration) bool { return e.flag.WaitTimeout(d) }

// WaitContext blocks until e is set, or until ctx ends: then it returns
// [context.Cause] of ctx. A ctx that has ended at the call makes it fail even
// if e is set.
func (e *Event) WaitContext(ctx context.Context) error { return e.flag.WaitContext(ctx) }

// Done returns a channel that is closed when e is set, for use in a select: at
// once if e is set, and otherwise by the next Set. It stays closed when e is
// cleared; after that, Done returns another channel. So call Done again for
// each select.
//
// The channel belongs to the [testing/synctest] bubble, or to the outside, that
// first asked for it, and must not be closed from elsewhere: once Done was
// called in a bubble, a Set outside of it is a fatal error until a Clear in it.
func (e *Event) Done() <-chan struct{} { return e.flag.Done() }
