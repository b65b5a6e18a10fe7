package pool

import (
	"context"
	"iter"
	"math"
	"sync/atomic"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/queue"
)

// IMap returns an iterator that calls fn in workers for the items that the input yields, and yields what it returns, in
// their order.
//
// Each range over it is a run of its own. The input is read in the ranging goroutine, no further ahead than Buffer says;
// so an input without an end is fine, and one that keeps the loop waiting delays what is ready too. An item that fails
// is yielded in its place, with the value that fn returned and an *ItemError, and the run goes on; with FailFast it ends
// after the first one.
//
// When the loop ends early, by break, return, a panic or runtime.Goexit, or when the input panics, which goes on after
// what was read before has been yielded, nothing more is started, the context of what is running ends with ErrCancelled
// as its cause, and the loop is left when that has returned. No goroutine is left behind.
//
// A run that has begun survives Close, and Join waits for it, so the body of the loop must not call Join. If nothing is
// accepted when it begins, or the pool is terminated or the context of p ends on the way, it yields one error more,
// ErrClosed, ErrTerminated or that cause, which is no *ItemError, and ends.
func IMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts ...MapOption,
) iter.Seq2[Out, error] {
	return newIMap(p, fn, items, opts, "IMap", true)
}

// IMapUnordered is IMap, but yields in the order in which chunks end.
func IMapUnordered[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts ...MapOption,
) iter.Seq2[Out, error] {
	return newIMap(p, fn, items, opts, "IMapUnordered", false)
}

func newIMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts []MapOption, call string, ordered bool,
) iter.Seq2[Out, error] {
	if fn == nil || items == nil {
		panic("pool: " + call + " of a nil func or input")
	}
	choices := choose(opts)
	return func(yield func(Out, error) bool) {
		r := &imapRun[In, Out]{
			pool: p, fn: fn, yield: yield, ordered: ordered, failFast: choices.failFast,
			chunk: max(choices.chunk, 1), buffer: choices.buffer, progress: newProgress(choices.progress, -1),
			sent: make(map[*imapPart[In, Out]]struct{}),
		}
		if r.buffer == 0 {
			r.buffer = 2 * p.Workers() * r.chunk
		}
		if err := r.begin(); err != nil {
			var zero Out
			yield(zero, err)
			return
		}
		defer r.end()
		r.read(items)
	}
}

// An imapRun is one range over an IMap. All of it belongs to the ranging goroutine, but for stopped and ready.
type imapRun[In, Out any] struct {
	pool          *Pool
	fn            func(context.Context, In) (Out, error)
	yield         func(Out, error) bool
	ordered       bool
	failFast      bool
	chunk, buffer int
	progress      *progress
	stopped       atomic.Bool // no further item is to be started

	taken    int                             // inputs
	ahead    int                             // of them, not yet yielded
	filling  []In                            // not yet submitted
	sent     map[*imapPart[In, Out]]struct{} // not yet yielded
	line     queue.Deque[*imapPart[In, Out]] // the same in their order, if ordered
	ready    endings[*imapPart[In, Out]]     // those that have ended, unless ordered
	over     bool                            // the body of the loop wants no more, or must not get it
	yielding bool                            // the body of the loop is running
}

func (r *imapRun[In, Out]) begin() error {
	if err := r.pool.refuses(); err != nil {
		return err
	}
	c := r.pool.core
	c.guard.Lock()
	defer c.unlock()
	if c.err == nil {
		c.runs++
	}
	return c.err
}

// end ends the run: what was not yielded is cancelled, and nothing of it is left running.
func (r *imapRun[In, Out]) end() {
	for p := range r.sent {
		p.task.core.withdraw(&p.task.entry, ErrCancelled)
	}
	for p := range r.sent {
		p.task.wait(park.Forever)
	}
	c := r.pool.core
	c.guard.Lock()
	c.runs--
	c.unlock()
}

// read is the loop over the input, and then over what is left to yield.
func (r *imapRun[In, Out]) read(items iter.Seq[In]) {
	defer func() {
		if r.over || r.yielding {
			return
		}
		if v := recover(); v != nil { // the input panicked
			r.rest()
			panic(v) // on top of the frames that panicked, so they are in the trace
		}
	}()
	for in := range items {
		r.filling = append(r.filling, in)
		r.taken++
		r.ahead++
		if len(r.filling) == r.chunk {
			r.send()
		}
		for !r.over && r.deliver(r.next(false)) {
		}
		for !r.over && r.ahead >= r.buffer {
			r.send()
			r.deliver(r.next(true))
		}
		if r.over {
			return
		}
	}
	r.rest()
}

// rest yields what was read and not yet yielded.
func (r *imapRun[In, Out]) rest() {
	r.send()
	for !r.over && len(r.sent) > 0 {
		r.deliver(r.next(true))
	}
}

// send submits what was read, if that is anything.
func (r *imapRun[In, Out]) send() {
	n := len(r.filling)
	if n == 0 || r.over {
		return
	}
	p := new(imapPart[In, Out])
	p.batch = batch[In, Out]{
		fn: r.fn, in: r.filling, out: make([]Out, n), first: r.taken - n,
		stopped: &r.stopped, fail: p.fail, progress: r.progress,
	}
	r.filling = nil
	r.sent[p] = struct{}{}
	if r.ordered {
		r.line.PushBack(p)
	} else {
		p.task.more().watchers = []*watcher{{func() { r.ready.add(p) }}}
	}
	p.task.begun = true
	if err := r.pool.send(&p.task, p, 1, nil, math.MaxInt64); err != nil {
		p.cause = err
		p.task.refuse(err)
	}
}

// next returns the part that is next to yield when it has ended: if it has, or after a wait. It returns nil if it has
// not, or if the context of the view ended in the wait, and then the run is over.
func (r *imapRun[In, Out]) next(wait bool) *imapPart[In, Out] {
	ctx := r.pool.ctx
	if !r.ordered {
		if p, ok := r.ready.now(); ok || !wait {
			return p
		}
		if p, ok := r.ready.next(ctx); ok {
			return p
		}
		r.fail(context.Cause(ctx))
		return nil
	}
	p, ok := r.line.Front()
	limit := park.Forever
	if ctx != nil {
		limit = park.Until(ctx)
	}
	switch {
	case ok && p.task.end.IsOpen(), ok && wait && p.task.wait(limit):
		r.line.PopFront()
		return p
	case wait:
		r.fail(context.Cause(ctx))
	}
	return nil
}

// deliver yields what became of a part, and reports whether there was one.
func (r *imapRun[In, Out]) deliver(p *imapPart[In, Out]) bool {
	if p == nil {
		return false
	}
	delete(r.sent, p)
	for i := 0; i < p.batch.at && !r.over; i++ {
		r.ahead--
		err, failed := p.errs[i]
		r.give(p.batch.out[i], err)
		r.over = r.over || failed && r.failFast
	}
	if p.batch.at < len(p.batch.in) && !r.over {
		r.fail(p.cause)
	}
	return true
}

// fail ends the run with an error that is no item's.
func (r *imapRun[In, Out]) fail(err error) {
	var zero Out
	r.give(zero, err)
	r.over = true
}

// give runs the body of the loop.
func (r *imapRun[In, Out]) give(v Out, err error) {
	r.yielding = true
	if !r.yield(v, err) {
		r.over = true
	}
	r.yielding = false
}

// An imapPart is the task of a run for one chunk of its input.
type imapPart[In, Out any] struct {
	task  task
	batch batch[In, Out]
	errs  map[int]error // by place in the chunk
	cause error         // why not all of it was called; under the guard until the end
}

func (p *imapPart[In, Out]) owner() *entry { return &p.task.entry }

func (p *imapPart[In, Out]) claim(*worker) unit {
	p.task.core.remove(&p.task.entry)
	p.task.state = running
	return p
}

func (p *imapPart[In, Out]) drop(cause error, d *drop) {
	p.cause = cause
	p.task.drop(cause, d)
}

func (p *imapPart[In, Out]) interrupt(cause error) (*taskContext, bool) {
	if p.task.state != running {
		return nil, false
	}
	if p.cause == nil {
		p.cause = cause
	}
	p.batch.stopped.Store(true) // for the whole run: it cannot go on without this part
	return &p.task.ctx, false
}

func (p *imapPart[In, Out]) run() {
	if cause := p.task.parentEnded(); cause != nil {
		p.task.core.withdraw(&p.task.entry, cause)
	}
	p.batch.run(&p.task.ctx)
}

func (p *imapPart[In, Out]) fail(e *ItemError) {
	if p.errs == nil {
		p.errs = make(map[int]error)
	}
	p.errs[e.Index-p.batch.first] = e
}

func (p *imapPart[In, Out]) settle(end *ending) outcome {
	p.task.settle(end)
	switch {
	case len(p.errs) > 0:
		return failed
	case p.batch.untouched():
		return cancelled
	}
	return succeeded
}
