package park

import (
	"context"
	"time"
)

// A Latch opens once and stays open: the end of a thread, a timer or a task, which
// many may wait for. The zero value is closed. Open synchronizes before the return
// of every Wait, IsOpen and receive that reports it.
type Latch struct{ flag Flag }

// IsOpen reports whether the Latch is open.
func (l *Latch) IsOpen() bool { return l.flag.IsSet() }

// Open opens the Latch and wakes all waiters. Opening it again does nothing.
func (l *Latch) Open() { l.flag.Set() }

// Wait waits until the Latch is open.
func (l *Latch) Wait() { l.flag.Wait() }

// WaitTimeout waits until the Latch is open, for at most d, and reports whether it
// is. With d <= 0 it is IsOpen; a d of math.MaxInt64 is forever.
func (l *Latch) WaitTimeout(d time.Duration) bool { return l.flag.WaitTimeout(d) }

// WaitContext waits until the Latch is open, or until ctx ends: then, and at once if
// it has ended, it returns [Cause].
func (l *Latch) WaitContext(ctx context.Context) error { return l.flag.WaitContext(ctx) }

// WaitLimit waits until the Latch is open and reports true, or false if the limit was
// reached first.
func (l *Latch) WaitLimit(limit Limit) bool { return l.flag.WaitLimit(limit) }

// Done returns a channel that is closed when the Latch opens. It belongs to the
// testing/synctest bubble, or to the outside, that first asked for it.
func (l *Latch) Done() <-chan struct{} { return l.flag.Done() }
