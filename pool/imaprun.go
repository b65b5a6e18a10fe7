package pool

import (
	"context"
	"iter"
	"math"
	"sync"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/queue"
)

// An imapRun is one range over an IMap. All of it belongs to the ranging
// goroutine, but for what says otherwise. Its parts have a domain of their own.
type imapRun[In, Out any] struct {
	run           run
	pool          *Pool // a view whose domain is the run's
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
	ready    queue.Queue[*imapPart[In, Out]] // those that have ended, unless ordered; of everybody
	errand   errand                          // for a wait in a task
	over     bool                            // the body of the loop wants no more, or must not get it
	yielding bool                            // the body of the loop is running

	guard  sync.Mutex
	sent   map[*imapPart[In, Out]]struct{} // not yet yielded; under the guard
	failed *imapPart[In, Out]              // the first that has, with FailFast; under the guard
}

// loop is the range.
func (r *imapRun[In, Out]) loop(p *Pool, items iter.Seq[In]) {
	if err := r.run.begin(p); err != nil {
		r.fail(err)
		return
	}
	defer r.run.end()
	d := p.domain.inner()
	d.hold()
	defer d.release()
	r.pool = &Pool{p.core, d, p.priority}
	r.errand.core, r.errand.all, r.errand.any = p.core, d, !r.ordered
	defer r.end()
	r.read(items)
}

// end ends the run: what was not yielded is cancelled, and nothing of it is left
// running.
func (r *imapRun[In, Out]) end() {
	r.pool.domain.end(context.Canceled, ErrCancelled)
	for _, e := range r.parts(func(*imapPart[In, Out]) bool { return true }) {
		e.job.(*imapPart[In, Out]).task.wait(park.Forever)
	}
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
	if !r.readAll(items) { // it panicked with nil, which recover cannot tell from runtime.Goexit, but this line can
		r.rest()
		var value any
		panic(value)
	}
	r.rest()
}

// readAll reads the input as far as it is wanted, and reports whether it
// returned.
func (r *imapRun[In, Out]) readAll(items iter.Seq[In]) (returned bool) {
	defer func() {
		if returned || r.over || r.yielding {
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
		if r.over || r.hasFailed() {
			break
		}
	}
	return true
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
	return r.failed != nil
}

// send submits what was read, if that is anything, and unless nothing is to be
// started any more.
func (r *imapRun[In, Out]) send() {
	n := len(r.filling)
	if n == 0 || r.over {
		return
	}
	p := newIMapPart(r, r.filling, make([]Out, n), r.taken-n)
	r.filling = nil
	r.guard.Lock()
	failed := r.failed != nil
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
		p.wanted.of = &r.errand
		p.task.more().waits.add(&p.wanted, false)
		p.task.watch(&node[func()]{of: func() { _ = r.ready.Put(p) }}) // the queue is unbounded, and never shut down
	}
	err := ErrCancelled // unless it returns: it asks contexts
	defer func() {
		if err != nil {
			p.task.reject(err)
		}
	}()
	if err = r.pool.submit(&submission{entry: &p.task.entry}, math.MaxInt64); err == nil && r.hasFailed() { // and whoever did may have looked before p could be withdrawn
		p.task.core.withdraw(ErrCancelled, &p.task.entry)
	}
}

// next returns the part that is next to yield when it has ended: if it has, or
// after a wait. It returns nil if it has not, or if the run was ended in the
// wait, and then the run is over.
func (r *imapRun[In, Out]) next(wait bool) *imapPart[In, Out] {
	if p := r.now(); p != nil || !wait {
		return p
	}
	d := r.pool.domain
	if w := lender(); w != nil {
		defer w.lend(errands{r.errandOf(w)}).back()
	}
	if d.parent.parent == nil { // the pool's own end leaves what runs to be yielded
		d = nil
	}
	if p := r.await(d); p != nil {
		return p
	}
	r.fail(park.Cause(d))
	return nil
}

// errandOf returns the errand of a wait for the part that is next to yield.
func (r *imapRun[In, Out]) errandOf(w *worker) *errand {
	c := r.pool.core
	e := &r.errand
	if e.front = c == w.core; e.front {
		e.worker = w
	}
	if p, ok := r.line.Front(); ok {
		c.guard.Lock()
		e.letAllGo()
		e.want(1, &p.task)
		c.guard.Unlock()
	}
	return e
}

// await waits for the part that is next to yield, or until d ends, if that is not
// nil.
func (r *imapRun[In, Out]) await(d *domain) *imapPart[In, Out] {
	switch {
	case r.ordered && d == nil:
		p, _ := r.line.PopFront()
		p.task.end.Wait()
		return p
	case r.ordered:
		if p, _ := r.line.Front(); !p.task.end.WaitLimit(park.Until(d)) {
			return nil
		}
		p, _ := r.line.PopFront()
		return p
	case d == nil:
		p, _ := r.ready.Get()
		return p
	}
	p, _ := r.ready.GetContext(d)
	return p
}

// now returns the part that is next to yield, if it has ended.
func (r *imapRun[In, Out]) now() *imapPart[In, Out] {
	if !r.ordered {
		p, _ := r.ready.TryGet()
		return p
	}
	p, ok := r.line.Front()
	if !ok || !p.task.end.IsOpen() {
		return nil
	}
	r.line.PopFront()
	return p
}

// deliver yields what became of a part, and reports whether there was one.
//
// What was told to end because another part has failed, or has failed after it,
// may end before that. It comes behind the error, where nothing is yielded.
func (r *imapRun[In, Out]) deliver(p *imapPart[In, Out]) bool {
	if p == nil {
		return false
	}
	r.guard.Lock()
	delete(r.sent, p)
	failed := r.failed
	r.guard.Unlock()
	if !r.ordered && failed != nil && p != failed && (p.cause != nil || p.errs != nil) {
		r.ahead -= len(p.in)
		return true
	}
	for i := 0; i < p.at && !r.over; i++ {
		r.ahead--
		v := p.out[i]
		clear(p.out[i : i+1]) // the body may let go of it
		err := p.errs[i]
		r.give(v, err)
		r.over = r.over || err != nil && r.failFast
	}
	switch {
	case p.at == len(p.in) || r.over:
	case failed != nil:
		r.ahead -= len(p.in) - p.at // the error is still to come
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
