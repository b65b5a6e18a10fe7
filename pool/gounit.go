package pool

import (
	"context"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/thread"
)

// A goUnit is one function of a goBlock, in the hands of a worker. Those of the
// root are called with the context of the pool itself.
type goUnit struct {
	entry // never queued: it stands for the unit where that is asked whose it is
	core  *core
	of    tie                         // what the entry has, unless the domain is the root
	fn    func(context.Context) error // until it is called
	ctx   *taskContext                // that it was called with, unless that is the pool's

	result outcome
	fails  error // what is left to be told
	panics bool  // it is a panic
}

// take makes u the function fn of d.
func (u *goUnit) take(fn func(context.Context) error, d *domain) {
	u.fn = fn
	if d.parent != nil {
		u.of.domain = d
		u.tie = &u.of
	}
}

func (u *goUnit) owner() *entry { return &u.entry }

// run calls the function, and tells of its error.
func (u *goUnit) run() {
	d := u.domain(u.core)
	ctx := context.Context(d)
	if u.tie != nil {
		if u.ctx == nil {
			u.ctx = &taskContext{parent: d}
		}
		ctx = u.ctx
	}
	if fn := u.fn; fn != nil {
		u.fn = nil
		u.result, u.fails, u.panics = failed, nil, false // unless it returns
		if d.scope != nil {
			u.fails = ErrGoexit // of which the except hook is not told
		}
		if d.asks && d.gone() != nil {
			u.result, u.fails = cancelled, nil
		} else if u.fails = fn(ctx); u.fails == nil {
			u.result = succeeded
		}
	}
	if err := u.fails; err != nil {
		u.fails = nil
		u.tell(err, ctx, d.scope)
	}
}

func (u *goUnit) panicked(p *thread.PanicError) { u.fails, u.panics = p, true }

func (u *goUnit) tell(err error, ctx context.Context, sc *scope) {
	switch {
	case sc != nil:
		sc.fail(err, ctx)
	case u.panics:
		hook.Report((*hook.Panic)(err.(*thread.PanicError)))
	case !cancellation(ctx, err):
		hook.Report(&hook.Panic{Value: err})
	}
}

func (u *goUnit) settle(w *worker) outcome {
	if u.tie != nil {
		u.tie.left()
		w.ended, w.ctx = (*departure)(u.of.domain), u.ctx
		u.tie, u.of.domain, u.ctx = nil, nil, nil // an idle worker keeps no view alive
	}
	return u.result
}

// A departure is a domain that something has left which nobody waits for.
type departure domain

func (d *departure) open() { (*domain)(d).leave() }
