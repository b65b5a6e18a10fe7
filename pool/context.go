package pool

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// noContext is given where there is none of one's own.
var noContext context.Context

// A taskContext is the context that a task is called with: the task's entry, which has what it takes. Most tasks never
// look at theirs, so what it takes to end it is made when it is first looked at. When the task has returned, its context
// has ended, as for every context whose cancel function is called.
type taskContext entry

// A madeContext is what becomes of a taskContext.
type madeContext struct {
	context.Context                         // nil: nobody has looked at it yet
	cancel          context.CancelCauseFunc // nil: likewise
	parent          context.Context         // nil: that of the pool
}

// unseen is a context that ended with its task before anybody looked at it.
var unseen = func() *madeContext {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	return &madeContext{ctx, cancel, nil}
}()

// setParent is for a task whose context has another parent than the pool's, before it is queued.
func (c *taskContext) setParent(parent context.Context) { c.made.Store(&madeContext{parent: parent}) }

// parent returns the parent, and own whether it is not the pool's.
func (c *taskContext) parent() (parent context.Context, own bool) {
	if m := c.made.Load(); m != nil && m.parent != nil {
		return m.parent, true
	}
	return c.core.ctx, false
}

// look returns the context that c stands for, and makes it for the first who looks.
func (c *taskContext) look() *madeContext {
	for {
		old := c.made.Load()
		if old != nil && old.Context != nil {
			return old
		}
		m := new(madeContext)
		parent := c.core.ctx
		if old != nil {
			m.parent, parent = old.parent, old.parent
		}
		m.Context, m.cancel = context.WithCancelCause(parent)
		if c.made.CompareAndSwap(old, m) {
			return m
		}
		m.cancel(nil)
	}
}

// end ends the context with a cause. nil is for a task that has returned.
func (c *taskContext) end(cause error) {
	if cause == nil {
		if c.made.CompareAndSwap(nil, unseen) {
			return
		}
		m := c.made.Load()
		if m.Context == nil && c.made.CompareAndSwap(m, &madeContext{unseen.Context, unseen.cancel, m.parent}) {
			return
		}
	}
	c.look().cancel(cause)
}

func (c *taskContext) Done() <-chan struct{} { return c.look().Done() }
func (c *taskContext) Err() error            { return c.look().Err() }

func (c *taskContext) Deadline() (time.Time, bool) {
	parent, _ := c.parent()
	return parent.Deadline()
}

func (c *taskContext) Value(key any) any {
	m := c.look()
	if m.Context == unseen.Context {
		parent, _ := c.parent()
		return parent.Value(key)
	}
	return m.Value(key)
}

// merge returns a context with the values and the deadline of one, which ends with either, and how to release it.
func merge(one, other context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(one)
	follow := func() { cancel(park.Cause(other)) }
	if other.Err() != nil {
		follow()
	}
	stop := context.AfterFunc(other, follow)
	return ctx, func() { stop(); cancel(nil) }
}
