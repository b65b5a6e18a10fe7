package pool

import (
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A task is what a Result is, whatever its type: something that will end once.
// One of a pool is an entry of its queue; it changes under the guard of the
// pool. One of no pool, spawned or promised, has a guard of its own.
type task struct {
	entry
	core  *core        // nil: of no pool
	err   error        // written before the end
	ctx   *taskContext // of the function, while it runs
	extra *extra       // nil: see there
}

// An extra is what only some tasks have. Once the task has ended it belongs to
// whoever opens it, and it does not change when that is done.
type extra struct {
	callbacks []func()      // before the end, those that are left to call; the submitter's, then of whoever calls them
	watchers  list[func()]  // at the end; they must not wait
	waits     list[*errand] // of tasks, for the end
	after     []func()      // after the end
	unread    *unread       // a panic that nobody has been told of
}

// A loner is the job of a task of no pool.
type loner interface {
	job
	own() *guard
	ask() error   // before its function is called; see task.ask
	mine() bool   // whether the calling code is part of it
	cancel() bool // see Result.Cancel
}

// unqueued is the part of a loner that makes it a job: it is in no queue.
type unqueued struct{}

func (unqueued) start(*worker) unit                   { panic("pool: a task of no pool is in a queue") }
func (unqueued) drop(error, *drops)                   { panic("pool: a task of no pool is in a queue") }
func (unqueued) interrupt(error) (*taskContext, bool) { return nil, false }

// lock returns what protects t, locked.
func (t *task) lock() *guard {
	g := t.guard()
	g.Lock()
	return g
}

func (t *task) guard() *guard {
	if t.core != nil {
		return &t.core.guard
	}
	return t.job.(loner).own()
}

// more returns the extra of t, which is made for the first who needs it.
func (t *task) more() *extra {
	if t.extra == nil {
		t.extra = new(extra)
	}
	return t.extra
}

// prepare makes t the entry of a job.
func (p *Pool) prepare(t *task, j job, units int32) {
	t.core, t.job, t.units = p.core, j, units
}

// begin notes that w has started t. It needs the guard.
func (t *task) begin(w *worker) {
	t.state = running
	t.called = !t.domain(t.core).asks // else it is asked first
	if t.tie != nil {
		t.ctx = &t.tie.ctx
	} else {
		t.ctx = w.context()
	}
}

// ask is the first that is done for a t that was started: it returns why its
// function is not to be called. It calls code of others.
func (t *task) ask() error {
	if t.core == nil {
		return t.job.(loner).ask()
	}
	d := t.domain(t.core)
	if !d.asks {
		return nil
	}
	if gone := d.gone(); gone != nil {
		return gone
	}
	t.core.guard.Lock()
	t.called = true
	t.core.guard.Unlock()
	return nil
}

// note tells the scope of the error of t, once.
func (t *task) note() {
	if !t.flags.has(fails) {
		return
	}
	t.flags &^= fails
	if t.err != nil && !t.flags.has(uncalled) {
		t.tie.domain.scope.fail(t.err, t.ctx)
	}
}

// interrupt returns the context that is to be ended, or nil. It needs the guard.
func (t *task) interrupt() *taskContext { return t.ctx }

// settleUnit settles t, which was a single unit. It needs the guard.
func (t *task) settleUnit(w *worker) outcome {
	w.ended, w.ctx = t, t.ctx
	t.settle()
	switch {
	case t.flags.has(uncalled):
		return cancelled
	case t.err != nil:
		return failed
	}
	return succeeded
}

// drop is what happens to t when it was taken off the queue for good. It needs
// the guard.
func (t *task) drop(cause error, opens opener, d *drops) {
	t.err = cause
	if t.flags.has(callbacks) {
		t.state = dropped
		t.core.callbacks.add(&call{task: t})
		return
	}
	t.settle()
	d.opens = append(d.opens, opens)
}

// reject ends t, which was not accepted.
func (t *task) reject(cause error) {
	d := newDrops(t.core)
	t.core.guard.Lock()
	t.job.drop(cause, d)
	d.unlock()
}

// callBack calls the callbacks that are left.
func (t *task) callBack() {
	if !t.flags.has(callbacks) {
		return
	}
	x := t.extra
	for len(x.callbacks) > 0 {
		f := x.callbacks[0]
		x.callbacks = x.callbacks[1:] // before the call, which may end the goroutine
		hook.Run(f)
	}
}

// settle notes that t has ended. It needs the guard, and open must follow.
func (t *task) settle() {
	t.state = ended
	t.ctx = nil
	t.tie.left()
	x := t.extra
	if x == nil {
		return
	}
	for e, ok := x.waits.take(); ok; e, ok = x.waits.take() {
		e.ended()
	}
	if len(x.after) > 0 {
		t.core.afters.add(&call{task: t, after: x.after})
		x.after = nil
		t.flags |= told
	}
}

// endAlone is settle for a task of no pool. It returns what is to be called after
// the end.
func (t *task) endAlone() (after []func()) {
	t.state = ended
	t.ctx = nil
	if x := t.extra; x != nil && len(x.after) > 0 {
		after, x.after = x.after, nil
		t.flags |= told
	}
	return after
}

// open lets everybody know that t has ended.
func (t *task) open() {
	x, tie := t.extra, t.tie
	t.extra, t.tie = nil, nil
	if t.flags&(panicked|told) == panicked {
		t.extra = &extra{unread: newUnread(t)}
	}
	t.end.Open()
	if x != nil {
		for tell, ok := x.watchers.take(); ok; tell, ok = x.watchers.take() {
			tell()
		}
	}
	if tie != nil {
		tie.domain.leave()
	}
}

// outcome returns the error of t, which has ended, to somebody who wants to know.
func (t *task) outcome() error {
	if x := t.extra; x != nil {
		x.unread.read.Store(true)
	}
	return t.err
}

// wait waits for the end. In t itself it panics.
func (t *task) wait(limit park.Limit) bool {
	if t.end.IsOpen() {
		return true
	}
	w := t.lender()
	if w == nil {
		return t.await(limit)
	}
	defer w.lendFor(t).back()
	return t.await(limit)
}

// lender is what lender returns, before a wait for t. In t itself it panics.
func (t *task) lender() *worker {
	w := here()
	t.checkSelf(w)
	return w.lender()
}

// await is wait without lending.
func (t *task) await(limit park.Limit) bool {
	if watch.On {
		return t.mark.Wait(watch.Task, limit, t.end.WaitLimit)
	}
	return t.end.WaitLimit(limit)
}

// checkSelf panics if the calling code, which is w's, or no worker's, is in t and
// that has not ended.
func (t *task) checkSelf(w *worker) {
	self := false
	if t.core == nil {
		self = t.job.(loner).mine()
	} else if w != nil {
		self = w.in(t)
	}
	if self && !t.end.IsOpen() {
		panic(ErrJoinSelf)
	}
}

// onEnd arranges for f to be called after the end, or calls it.
func (t *task) onEnd(f func()) {
	if !t.end.IsOpen() {
		g := t.lock()
		if t.state != ended {
			x := t.more()
			x.after = append(x.after, f)
			g.Unlock()
			return
		}
		g.Unlock()
		t.end.Wait() // whoever settled it is about to open it
	}
	hook.Run(f)
}

// watch arranges for tell to be called at the end, or calls it. It is undone by
// unwatch.
func (t *task) watch(tell *node[func()]) {
	if !t.end.IsOpen() {
		g := t.lock()
		if t.state != ended {
			t.more().watchers.add(tell, false)
			g.Unlock()
			return
		}
		g.Unlock()
		t.end.Wait()
	}
	tell.of()
}

func (t *task) unwatch(tell *node[func()]) {
	if t.end.IsOpen() {
		return
	}
	g := t.lock()
	defer g.Unlock()
	if t.state != ended && tell.listed() {
		t.extra.watchers.remove(tell)
	}
}
