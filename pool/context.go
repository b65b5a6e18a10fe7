package pool

import (
	"context"
	"sync/atomic"
	"time"
)

// A taskContext is the context that a task is called with. Most tasks never look
// at theirs, so what it takes to end it is made when it is first looked at. When
// the task has returned, its context has ended, as every context does whose
// cancel function is called.
//
// It is no part of the task: whoever keeps it keeps no Result.
type taskContext struct {
	parent context.Context             // a domain, or what was given to SpawnContext
	made   atomic.Pointer[madeContext] // nil: nobody has looked
}

// A madeContext is what becomes of a taskContext.
type madeContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

// unseen is a context that ended with its task before anybody looked at it.
var unseen = func() *madeContext {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	return &madeContext{ctx, cancel}
}()

// look returns the context that c stands for, and makes it for the first who looks.
func (c *taskContext) look() *madeContext {
	if made := c.made.Load(); made != nil {
		return made
	}
	ctx, cancel := context.WithCancelCause(sure(c.parent))
	if made := (&madeContext{ctx, cancel}); c.made.CompareAndSwap(nil, made) {
		return made
	}
	cancel(nil)
	return c.made.Load()
}

// end ends the context with a cause. nil is for a task that has returned.
func (c *taskContext) end(cause error) {
	if cause == nil && c.made.CompareAndSwap(nil, unseen) {
		return
	}
	c.look().cancel(cause)
}

// Done is a method of context.Context.
func (c *taskContext) Done() <-chan struct{} { return c.look().Done() }

// Err is a method of context.Context.
func (c *taskContext) Err() error { return c.look().Err() }

// Deadline is a method of context.Context.
func (c *taskContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Value is a method of context.Context.
func (c *taskContext) Value(key any) any {
	made := c.look()
	if made == unseen {
		return context.WithoutCancel(c.parent).Value(key) // whose end is another one
	}
	return made.Value(key)
}

func (c *taskContext) String() string {
	if d, ok := c.parent.(*domain); ok {
		return d.String() + ".Task"
	}
	return "pool.Spawn"
}
