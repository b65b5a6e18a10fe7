package pool

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/gothreading/threading/internal/hook"
)

// Go lets a worker call fn, and forgets it: there is no Result. A panic in fn goes to the except hook of package thread.
// Go waits for a place as long as that takes, if the pool has a Backlog. The context ends with the pool, or with that of p
// if p is a view with one. It returns nil, ErrClosed, ErrTerminated, or the
// cause of the context of p if that ends first.
func (p *Pool) Go(fn func(context.Context)) error {
	return p.goWithin(noContext, math.MaxInt64, fn, "Go")
}

// TryGo is Go, but returns ErrFull instead of waiting for a place.
func (p *Pool) TryGo(fn func(context.Context)) error { return p.goWithin(noContext, 0, fn, "TryGo") }

// GoTimeout is Go, but returns ErrFull if there is no place for longer than d. With d <= 0 it is TryGo; math.MaxInt64
// is for ever.
func (p *Pool) GoTimeout(d time.Duration, fn func(context.Context)) error {
	return p.goWithin(noContext, d, fn, "GoTimeout")
}

// GoContext is Go, but returns context.Cause(ctx) if ctx ends before there is a place. ctx is also the parent of the
// context that fn is called with; if it ends before fn was called, fn is not called.
func (p *Pool) GoContext(ctx context.Context, fn func(context.Context)) error {
	if ctx == nil {
		panic("pool: GoContext with a nil context")
	}
	return p.goWithin(ctx, math.MaxInt64, fn, "GoContext")
}

func (p *Pool) goWithin(ctx context.Context, d time.Duration, fn func(context.Context), call string) error {
	if fn == nil {
		panic("pool: " + call + " of a nil func")
	}
	c := p.core
	if ctx == nil && p.ctx == nil {
		c.guard.Lock()
		if c.err == nil && c.place() {
			c.pushPlain(fn, p.priority)
			c.unlock()
			return nil
		}
		c.guard.Unlock()
	}
	t := &goTask{fn: fn}
	t.core, t.job, t.units = c, t, 1
	if ctx != nil || p.ctx != nil {
		ctx, t.release = p.follow(ctx, &t.entry)
		t.context().setParent(ctx)
	}
	err := c.submit(submission{&t.entry, p.priority, ctx}, d)
	if err != nil {
		t.open()
	}
	return err
}

// A goTask is what Go submits if it has to wait for a place, or has a context of its own.
type goTask struct {
	entry
	fn      func(context.Context) // until it is called
	release func()
	running bool // under the guard
	outcome outcome
}

func (t *goTask) owner() *entry { return &t.entry }

func (t *goTask) claim(*worker) unit {
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
	if t.parentEnded() != nil {
		t.outcome = cancelled
		return
	}
	callPlain(fn, t.context(), &t.outcome)
}

func (t *goTask) settle(end *ending) outcome {
	t.running = false
	end.of = t
	return t.outcome
}

func (t *goTask) drop(cause error, d *drop) {
	t.fn = nil
	d.quiet = append(d.quiet, t)
}

func (t *goTask) interrupt(error) (*taskContext, bool) {
	if !t.running {
		return nil, false
	}
	return t.context(), false
}

// open lets go of the contexts.
func (t *goTask) open() {
	t.context().end(nil)
	if t.release != nil {
		t.release()
	}
}

// callPlain calls fn. If it panics, nobody but the except hook will tell.
func callPlain(fn func(context.Context), ctx context.Context, what *outcome) {
	*what = failed // unless it returns
	defer func() {
		if v := recover(); v != nil {
			hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})
		}
	}()
	fn(ctx)
	*what = succeeded
}

// A goBlock is an entry for many functions that were given to Go, one after the other. As nobody holds a Result of
// theirs, and they are called with the context of the pool, a function is all there is to each: nothing is allocated for
// it, and a long backlog is no burden for the garbage collector.
type goBlock struct {
	entry
	from, to int
	fns      [128]func(context.Context) // those between from and to are left
}

// spareBlocks is how many are kept for the next functions.
const spareBlocks = 8

// pushPlain queues fn: into the block that was queued last, if it was a block that was queued last.
func (c *core) pushPlain(fn func(context.Context), priority int) {
	var b *goBlock
	l := c.levelOf(priority)
	if last := l.last(c.lifo); last != nil {
		b, _ = last.job.(*goBlock)
	}
	if b == nil || b.to == len(b.fns) {
		b = c.block()
		l.push(&b.entry, c.lifo)
	}
	b.fns[b.to] = fn
	b.to++
	b.units++
	c.places++
	c.units++
	c.submitted++
}

func (c *core) block() *goBlock {
	if last := len(c.spares) - 1; last >= 0 {
		b := c.spares[last]
		c.spares = c.spares[:last]
		return b
	}
	b := new(goBlock)
	b.core, b.job, b.block = c, b, true
	return b
}

func (b *goBlock) claim(w *worker) unit {
	c := b.core
	i := b.from
	if c.lifo {
		b.to--
		i = b.to
	} else {
		b.from++
	}
	w.plain.core, w.plain.fn = c, b.fns[i]
	b.fns[i] = nil
	b.units--
	c.places--
	c.units--
	if b.from == b.to {
		c.remove(&b.entry)
		b.from, b.to = 0, 0
		if len(c.spares) < spareBlocks {
			c.spares = append(c.spares, b)
		}
	}
	return &w.plain
}

func (b *goBlock) drop(error, *drop) { clear(b.fns[:]) }

func (b *goBlock) interrupt(error) (*taskContext, bool) { return nil, false }

// A goUnit is one function of a goBlock, in the hands of a worker.
type goUnit struct {
	entry   // never queued: it stands for the unit where that is asked whose it is
	fn      func(context.Context)
	outcome outcome
}

func (u *goUnit) owner() *entry { return &u.entry }

func (u *goUnit) run() {
	if fn := u.fn; fn != nil {
		u.fn = nil
		callPlain(fn, u.core.ctx, &u.outcome)
	}
}

func (u *goUnit) settle(*ending) outcome { return u.outcome }

// The entry of a goUnit is not in the queue, and its context is the pool's.

func (u *goUnit) claim(*worker) unit                   { panic("pool: a goUnit is not queued") }
func (u *goUnit) drop(error, *drop)                    {}
func (u *goUnit) interrupt(error) (*taskContext, bool) { return nil, false }
