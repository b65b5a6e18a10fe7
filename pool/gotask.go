package pool

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/gothreading/threading/internal/hook"
)

// A goTask is what Go submits. As nobody holds a Result of it, it can be used again, if its function was called with
// the context of the pool: one of its own might still be in use.
type goTask struct {
	entry
	fn       func(context.Context) // until it is called
	ctx      taskContext           // unless the context of the pool will do
	running  bool                  // under the guard
	outcome  outcome
	release  func()
	reusable bool
}

// spare is how many goTasks are kept. With as many in the queue, nothing is allocated.
const spare = 256

// Go lets a worker call fn, and forgets it: there is no Result. A panic in fn goes to the except hook of package thread.
// Go waits for a place as long as that takes, if the pool has a Backlog. It returns nil, ErrClosed, ErrTerminated, or the
// cause of the context of p if that ends first.
func (p *Pool) Go(fn func(context.Context)) error { return p.goWithin(nil, math.MaxInt64, fn, "Go") }

// TryGo is Go, but returns ErrFull instead of waiting for a place.
func (p *Pool) TryGo(fn func(context.Context)) error { return p.goWithin(nil, 0, fn, "TryGo") }

// GoTimeout is Go, but returns ErrFull if there is no place for longer than d. With d <= 0 it is TryGo; math.MaxInt64
// is for ever.
func (p *Pool) GoTimeout(d time.Duration, fn func(context.Context)) error {
	return p.goWithin(nil, d, fn, "GoTimeout")
}

// GoContext is Go, but returns context.Cause(ctx) if ctx ends before there is a place. ctx is also the parent of the
// context that fn is called with; if it ends before fn was called, fn is not called.
func (p *Pool) GoContext(ctx context.Context, fn func(context.Context)) error {
	return p.goWithin(ctx, math.MaxInt64, fn, "GoContext")
}

func (p *Pool) goWithin(ctx context.Context, d time.Duration, fn func(context.Context), call string) error {
	if fn == nil {
		panic("pool: " + call + " of a nil func")
	}
	c := p.core
	if ctx == nil && p.ctx == nil {
		c.guard.Lock()
		t := c.spareTask()
		t.fn, t.priority = fn, p.priority
		if c.err == nil && c.place() {
			c.push(&t.entry)
			c.unlock()
			return nil
		}
		c.unlock()
		return c.submit(&t.entry, nil, d)
	}
	t := &goTask{fn: fn}
	t.core, t.job, t.units, t.priority = c, t, 1, p.priority
	t.ctx.parent, t.release = p.follow(ctx, &t.entry)
	err := c.submit(&t.entry, t.ctx.parent, d)
	if err != nil {
		t.open()
	}
	return err
}

// spareTask returns a goTask to be called with the context of the pool. It needs the guard.
func (c *core) spareTask() *goTask {
	if last := len(c.spares) - 1; last >= 0 {
		t := c.spares[last]
		c.spares[last] = nil
		c.spares = c.spares[:last]
		return t
	}
	t := &goTask{reusable: true}
	t.core, t.job, t.units = c, t, 1
	return t
}

func (t *goTask) owner() *entry { return &t.entry }

func (t *goTask) claim() unit {
	t.core.remove(&t.entry)
	t.running = true
	return t
}

func (t *goTask) run() {
	fn := t.fn
	if fn == nil {
		return
	}
	t.fn = nil
	t.outcome = failed
	var ctx context.Context = t.core.ctx
	if !t.reusable {
		if t.ctx.parent.Err() != nil {
			t.outcome = cancelled
			return
		}
		ctx = &t.ctx
	}
	defer func() {
		if v := recover(); v != nil {
			hook.Report(v, debug.Stack())
		}
	}()
	fn(ctx)
	t.outcome = succeeded
}

func (t *goTask) settle(end *ending) outcome {
	t.running = false
	if t.reusable {
		if len(t.core.spares) < spare {
			t.core.spares = append(t.core.spares, t)
		}
	} else {
		end.of = t
	}
	return t.outcome
}

func (t *goTask) drop(cause error, d *drop) {
	t.fn = nil
	if !t.reusable {
		d.quiet = append(d.quiet, t)
	}
}

func (t *goTask) interrupt(error) (*taskContext, bool) {
	if t.reusable || !t.running {
		return nil, false
	}
	return &t.ctx, false
}

// open lets go of the contexts.
func (t *goTask) open() {
	t.ctx.end(nil)
	if t.release != nil {
		t.release()
	}
}
