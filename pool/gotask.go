package pool

import (
	"context"
	"math"
	"time"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/thread"
)

// Go submits fn. It returns nil once fn is accepted, which takes as long as there
// is no room if the pool has a Backlog, or ErrClosed, ErrTerminated, or the cause
// of the context of p.
//
// There is no Result. In a [Scope] an error or a panic of fn ends the scope.
// Elsewhere it is reported to the except hook of package thread, an error as a
// PanicError without a stack; an error that is the cause of the ended context of
// fn is not. That context ends with the pool, or with the context of p.
func (p *Pool) Go(fn func(context.Context) error) error { return p.submitGo(math.MaxInt64, fn, "Go") }

// TryGo is like Go but does not wait for room: it returns ErrFull.
func (p *Pool) TryGo(fn func(context.Context) error) error { return p.submitGo(0, fn, "TryGo") }

// GoTimeout is like Go but waits at most d for room, and then returns ErrFull.
func (p *Pool) GoTimeout(d time.Duration, fn func(context.Context) error) error {
	return p.submitGo(d, fn, "GoTimeout")
}

// GoContext is p.WithContext(ctx).Go(fn): ctx bounds the wait for room, and is
// the parent of the context that fn is called with. If it ends before fn is
// called, fn is not.
func (p *Pool) GoContext(ctx context.Context, fn func(context.Context) error) error {
	needed(ctx != nil, "context", "GoContext")
	return p.WithContext(ctx).submitGo(math.MaxInt64, fn, "GoContext")
}

func (p *Pool) submitGo(d time.Duration, fn func(context.Context) error, call string) error {
	needed(fn != nil, "func", call)
	if c := p.core; p.domain.parent == nil && !p.domain.asks {
		c.guard.Lock()
		if c.err == nil && c.room() {
			c.acceptGo(fn, p.priority)
			c.unlock()
			return nil
		}
		c.guard.Unlock()
	}
	t := &goTask{core: p.core, goCall: goCall{fn: fn}}
	t.job, t.units = t, 1
	return p.submit(&t.entry, d)
}

// A goTask is what Go submits if it has to wait for room, or belongs to a domain
// of its own.
type goTask struct {
	entry
	core *core
	goCall
	ctx *taskContext // while it runs
}

func (t *goTask) owner() *entry { return &t.entry }

func (t *goTask) start(w *worker) unit {
	t.core.remove(&t.entry)
	if t.tie != nil {
		t.ctx = t.tie.ctx
	} else {
		t.ctx = w.context()
	}
	return t
}

func (t *goTask) run() { t.goCall.run(t.ctx, t.domain(t.core)) }

func (t *goTask) settle(w *worker) outcome {
	w.ended, w.ctx = t, t.ctx
	t.ctx = nil
	t.tie.left()
	return t.outcome
}

func (t *goTask) drop(_ error, d *drops) {
	t.fn = nil
	t.tie.left()
	d.opens = append(d.opens, t)
}

func (t *goTask) interrupt(error) (*taskContext, bool) { return t.ctx, false }

// open lets go of the domain.
func (t *goTask) open() {
	if t.tie != nil {
		t.tie.domain.leave()
	}
}

// A goCall is the call of a function that was given to Go.
type goCall struct {
	fn      func(context.Context) error // until it is called
	outcome outcome
	fails   error // what is left to be told
	panics  bool  // it is a panic
}

// run calls the function, and tells of its error. It is called again if that
// panicked or ended the goroutine.
func (g *goCall) run(ctx context.Context, d *domain) {
	if fn := g.fn; fn != nil {
		g.fn = nil
		g.outcome, g.fails, g.panics = failed, nil, false // unless it returns
		if d.scope != nil {
			g.fails = ErrGoexit // of which the except hook is not told
		}
		if d.asks && d.gone() != nil {
			g.outcome, g.fails = cancelled, nil
		} else if g.fails = fn(ctx); g.fails == nil {
			g.outcome = succeeded
		}
	}
	if err := g.fails; err != nil {
		g.fails = nil
		g.tell(err, ctx, d.scope)
	}
}

func (g *goCall) panicked(p *thread.PanicError) { g.fails, g.panics = p, true }

func (g *goCall) tell(err error, ctx context.Context, sc *scope) {
	switch {
	case sc != nil:
		sc.fail(err, ctx)
	case g.panics:
		p := err.(*thread.PanicError)
		hook.Report((*hook.Panic)(p))
	case !cancellation(ctx, err):
		hook.Report(&hook.Panic{Value: err})
	}
}
