package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A Waiter is a [*Conn] or a [*Process]. A Conn is ready when Recv would not
// block, which includes the end of the stream and a Conn that was closed here.
// A Process is ready when it has ended.
type Waiter interface{ waitable() waitable }

// A waitable is what a Waiter has inside.
type waitable interface {
	// ready reports whether it is.
	ready() bool
	// announce rings the bell when it may be ready, at once or later, until
	// forget is called.
	announce(b *waitBell) (forget func(), err error)
}

// Wait blocks until a waiter is ready, and returns those that are, in the order
// given: Python's connection.wait. There is no limit to their number, and one
// may be given twice. Without any it returns at once. A [*Process] that was not
// started panics with thread.ErrNotStarted.
func Wait(ws ...Waiter) []Waiter {
	ready, _ := wait(limit{}, ws)
	return ready
}

// TryWait returns the waiters that are ready.
func TryWait(ws ...Waiter) []Waiter {
	ready, _ := wait(limit{try: true}, ws)
	return ready
}

// WaitTimeout is like Wait but waits for at most d, and then returns none. With
// d <= 0 it is TryWait; math.MaxInt64 is forever.
func WaitTimeout(d time.Duration, ws ...Waiter) []Waiter {
	ready, _ := wait(limit{try: d <= 0, d: d}, ws)
	return ready
}

// WaitContext is like Wait but returns context.Cause(ctx) if ctx ends first.
func WaitContext(ctx context.Context, ws ...Waiter) ([]Waiter, error) {
	if hasEnded(ctx) {
		return nil, park.Cause(ctx)
	}
	ready, err := wait(limit{ctx: ctx}, ws)
	if err == errLimit {
		err = park.Cause(ctx)
	}
	return ready, err
}

// wait returns errLimit when it gave up.
func wait(lim limit, ws []Waiter) (ready []Waiter, err error) {
	inside := make([]waitable, len(ws))
	for i, w := range ws {
		inside[i] = w.waitable()
	}
	look := func() bool {
		for i, w := range inside {
			if w.ready() {
				ready = append(ready, ws[i])
			}
		}
		return len(ready) > 0
	}
	if look() || len(ws) == 0 {
		return ready, nil
	}
	if lim.try {
		return nil, errLimit
	}
	bell, err := newWaitBell()
	if err != nil {
		return nil, err
	}
	defer bell.close()
	for _, w := range inside {
		forget, err := w.announce(bell)
		if err != nil {
			return nil, err
		}
		defer forget()
	}
	err = bell.wait(lim, look)
	return ready, err
}

func (c *child) ready() bool {
	c.mustHaveStarted()
	return c.end.IsOpen()
}

func (c *child) announce(b *waitBell) (forget func(), err error) { return c.onEnd(b.ring), nil }
