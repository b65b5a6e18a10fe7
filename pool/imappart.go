package pool

import "github.com/gothreading/threading/thread"

// An imapPart is the task of a run for one chunk of its input.
type imapPart[In, Out any] struct {
	task task
	part[In, Out]
	of     *imapRun[In, Out]
	errs   map[int]error // by place in the chunk
	wanted node[*errand] // by the run, if it is not ordered
	cause  error         // why not all of it was called; under the guard until the end
}

func newIMapPart[In, Out any](r *imapRun[In, Out], in []In, out []Out, first int) *imapPart[In, Out] {
	p := &imapPart[In, Out]{of: r}
	r.pool.prepare(&p.task, p, 1)
	p.task.flags |= begun | told
	p.fn, p.fail, p.progress = r.fn, p.note, r.progress
	p.assign(in, out, first)
	return p
}

// note notes that an item has failed.
func (p *imapPart[In, Out]) note(e *ItemError, _ bool) {
	if p.errs == nil {
		p.errs = make(map[int]error)
	}
	p.errs[e.Index-p.first] = e
	r := p.of
	if !r.failFast {
		return
	}
	p.stop()
	r.guard.Lock()
	if r.failed == nil {
		r.failed = p
	}
	r.guard.Unlock()
	// In order, what comes before is still to be yielded.
	behind := func(o *imapPart[In, Out]) bool { return o.first > p.first || !r.ordered && o != p }
	r.pool.core.withdraw(e, r.parts(behind)...)
}

func (p *imapPart[In, Out]) owner() *entry { return &p.task.entry }

func (p *imapPart[In, Out]) start(w *worker) unit {
	p.task.core.remove(&p.task.entry)
	p.task.begin(w)
	return p
}

func (p *imapPart[In, Out]) drop(cause error, d *drops) {
	p.cause = cause
	p.task.drop(cause, &p.task, d)
}

func (p *imapPart[In, Out]) interrupt(cause error) (*taskContext, bool) {
	if p.task.ctx == nil {
		return nil, false
	}
	if p.cause == nil {
		p.cause = cause
	}
	p.stop()
	return p.task.ctx, false
}

func (p *imapPart[In, Out]) run() { p.part.run(&p.task) }

func (p *imapPart[In, Out]) panicked(err *thread.PanicError) { p.part.panicked(err) }

func (p *imapPart[In, Out]) settle(w *worker) outcome {
	t := &p.task
	if p.cause == nil && p.at < len(p.in) {
		p.cause = t.domain(t.core).cause // which has stopped it
	}
	w.ended, w.ctx = t, t.ctx
	t.settle()
	switch {
	case len(p.errs) > 0:
		return failed
	case p.at == 0:
		return cancelled
	}
	return succeeded
}
