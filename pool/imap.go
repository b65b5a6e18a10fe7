package pool

import (
	"context"
	"iter"
	"math"
	"sync"
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
// after the first one: what comes before is still yielded, and nothing that comes behind is started.
//
// When the loop ends early, by break, return, a panic or runtime.Goexit, or when the input panics, which goes on after
// what was read before has been yielded, nothing more is started, the context of what is running ends with ErrCancelled
// as its cause, and the loop is left when that has returned. No goroutine is left behind.
//
// In a task, the loop lends the slot while it waits; iter.Pull2 runs the loop on a goroutine of its own, which lends nothing.
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

// An imapRun is one range over an IMap. All of it belongs to the ranging goroutine, but for what says otherwise.
type imapRun[In, Out any] struct {
	pool          *Pool
	fn            func(context.Context, In) (Out, error)
	yield         func(Out, error) bool
	ordered       bool
	failFast      bool
	chunk, buffer int
	progress      *progress

	taken    int                             // inputs
	ahead    int                             // of them, not yet yielded
	filling  []In                            // not yet submitted
	line     queue.Deque[*imapPart[In, Out]] // not yet yielded, if ordered
	ready    endings[*imapPart[In, Out]]     // those that have ended, unless ordered; of everybody
	over     bool                            // the body of the loop wants no more, or must not get it
	yielding bool                            // the body of the loop is running

	guard  sync.Mutex
	sent   map[*imapPart[In, Out]]struct{} // not yet yielded; under the guard
	failed bool                            // one has, with FailFast; under the guard
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
	c := r.pool.core
	left := r.parts(func(*imapPart[In, Out]) bool { return true })
	c.withdraw(ErrCancelled, left...)
	for _, e := range left {
		e.job.(*imapPart[In, Out]).task.wait(park.Forever)
	}
	c.guard.Lock()
	c.runs--
	c.unlock()
}

// parts returns those of the parts not yet yielded that are wanted.
func (r *imapRun[In, Out]) parts(wanted func(*imapPart[In, Out]) bool) (entries []*entry) {
	r.guard.Lock()
	defer r.guard.Unlock()
	for p := range r.sent {
		if wanted(p) {
			entries = append(entries, &p.task.entry)
		}
	}
	return entries
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
		if r.hasFailed() {
			break
		}
	}
	r.rest()
}

// rest yields what was read and not yet yielded.
func (r *imapRun[In, Out]) rest() {
	r.send()
	for !r.over && r.ahead > 0 {
		r.deliver(r.next(true))
	}
}

func (r *imapRun[In, Out]) hasFailed() bool {
	r.guard.Lock()
	defer r.guard.Unlock()
	return r.failed
}

// send submits what was read, if that is anything, and unless nothing is to be started any more.
func (r *imapRun[In, Out]) send() {
	n := len(r.filling)
	if n == 0 || r.over {
		return
	}
	p := &imapPart[In, Out]{of: r}
	p.batch = batch[In, Out]{
		fn: r.fn, in: r.filling, out: make([]Out, n), first: r.taken - n,
		stopped: &p.stopped, fail: p.fail, progress: r.progress,
	}
	r.pool.prepare(&p.task, p, 1)
	p.task.begun = true
	r.filling = nil
	r.guard.Lock()
	failed := r.failed
	if !failed {
		r.sent[p] = struct{}{}
	}
	r.guard.Unlock()
	if failed {
		return
	}
	if r.ordered {
		r.line.PushBack(p)
	} else {
		p.task.more().watchers = []*watcher{{func() { r.ready.add(p) }}}
	}
	if err := r.pool.send(&p.task, noContext, math.MaxInt64); err != nil {
		p.task.refuse(err)
	} else if r.hasFailed() { // and whoever did may have looked before p could be withdrawn
		p.task.core.withdraw(ErrCancelled, &p.task.entry)
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
		r.fail(park.Cause(ctx))
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
		r.fail(park.Cause(ctx))
	}
	return nil
}

// deliver yields what became of a part, and reports whether there was one.
func (r *imapRun[In, Out]) deliver(p *imapPart[In, Out]) bool {
	if p == nil {
		return false
	}
	r.guard.Lock()
	delete(r.sent, p)
	failed := r.failed
	r.guard.Unlock()
	for i := 0; i < p.batch.at && !r.over; i++ {
		r.ahead--
		v := p.batch.out[i]
		clear(p.batch.out[i : i+1]) // the body may let go of it
		err := p.errs[i]
		r.give(v, err)
		r.over = r.over || err != nil && r.failFast
	}
	switch {
	case p.batch.at == len(p.batch.in) || r.over:
	case failed:
		r.ahead -= len(p.batch.in) - p.batch.at // the error is still to come
	default:
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
	task    task
	of      *imapRun[In, Out]
	batch   batch[In, Out]
	stopped atomic.Bool
	errs    map[int]error // by place in the chunk
	cause   error         // why not all of it was called; under the guard until the end
}

func (p *imapPart[In, Out]) fail(e *ItemError) {
	if p.errs == nil {
		p.errs = make(map[int]error)
	}
	p.errs[e.Index-p.batch.first] = e
	r := p.of
	if !r.failFast {
		return
	}
	p.stopped.Store(true)
	r.guard.Lock()
	r.failed = true
	r.guard.Unlock()
	// In order, what comes before is still to be yielded.
	behind := func(o *imapPart[In, Out]) bool { return o.batch.first > p.batch.first || !r.ordered && o != p }
	r.pool.core.withdraw(e, r.parts(behind)...)
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
	p.stopped.Store(true)
	return p.task.context(), false
}

func (p *imapPart[In, Out]) run() {
	if cause := p.task.parentEnded(); cause != nil {
		p.task.core.withdraw(cause, &p.task.entry)
	}
	p.batch.run(p.task.context())
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
