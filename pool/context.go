package pool

import (
	"context"
	"sync/atomic"
	"time"
)

// noContext is given where there is none of one's own.
var noContext context.Context

// A taskContext is the context that a task is called with. Most tasks never look at theirs, so what it takes to end it
// is made when it is first looked at. When the task has returned, its context has ended, as for every context whose
// cancel function is called.
type taskContext struct {
	parent context.Context
	state  atomic.Pointer[madeContext] // nil: nobody has looked at it yet
}

type madeContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

// unseen is the state of a context that ended with its task before anybody looked at it.
var unseen = func() *madeContext {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	return &madeContext{ctx, cancel}
}()

func (c *taskContext) made() *madeContext {
	for {
		if m := c.state.Load(); m != nil {
			return m
		}
		ctx, cancel := context.WithCancelCause(c.parent)
		if m := (&madeContext{ctx, cancel}); c.state.CompareAndSwap(nil, m) {
			return m
		}
		cancel(nil)
	}
}

// end ends the context with a cause. nil is for a task that has returned.
func (c *taskContext) end(cause error) {
	if cause == nil && c.state.CompareAndSwap(nil, unseen) {
		return
	}
	c.made().cancel(cause)
}

func (c *taskContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *taskContext) Done() <-chan struct{}       { return c.made().Done() }
func (c *taskContext) Err() error                  { return c.made().Err() }

func (c *taskContext) Value(key any) any {
	m := c.made()
	if m == unseen {
		return c.parent.Value(key)
	}
	return m.Value(key)
}

// merge returns a context with the values and the deadline of one, which ends with either, and how to release it.
func merge(one, other context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(one)
	follow := func() { cancel(context.Cause(other)) }
	if other.Err() != nil {
		follow()
	}
	stop := context.AfterFunc(other, follow)
	return ctx, func() { stop(); cancel(nil) }
}
