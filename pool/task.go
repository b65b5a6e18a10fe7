package pool

import (
	"context"
	"slices"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A task is what a Result is, whatever its type: an entry that has an end which can be waited for.
type task struct {
	entry
	end   park.Latch
	err   error // written before the end
	extra *extra

	callbacks *callback // that are left to call; the submitter's, then of whoever runs the task or helps
}

// A callback is called before the end.
type callback struct {
	call func()
	next *callback
}

type state uint8

const (
	waiting state = iota // for a place, or in the queue
	running
	dropped // callbacks are being called
	ended
)

// An extra is what only some tasks have. It changes under the guard, until the task has ended.
type extra struct {
	watchers []*watcher // at the end
	after    []func()   // after the end
	release  func()     // lets go of the context that the task follows
}

// A watcher is told of an end by whoever ends the task. It must not wait.
type watcher struct{ tell func() }

func (t *task) more() *extra {
	if t.extra == nil {
		t.extra = new(extra)
	}
	return t.extra
}

// prepare makes t the entry of a job of so many units.
func (p *Pool) prepare(t *task, j job, units int) {
	t.core, t.job, t.units = p.core, j, uint32(units)
}

// send submits t, which was prepared, through p. It waits for a place for d at the longest, and no longer than until ctx
// ends, if that is not nil, or the context of p.
func (p *Pool) send(t *task, ctx context.Context, d time.Duration) error {
	c := p.core
	if ctx == nil && p.ctx == nil {
		return c.submit(submission{entry: &t.entry, priority: p.priority}, d)
	}
	parent, release := p.follow(ctx, &t.entry)
	t.context().setParent(parent)
	if release != nil {
		t.more().release = release
	}
	err := c.submit(submission{&t.entry, p.priority, parent}, d)
	if err != nil && release != nil {
		release()
		t.extra.release = nil
	}
	return err
}

// refuses returns why nothing is accepted through p at the moment, if that is so.
func (p *Pool) refuses() error {
	c := p.core
	c.guard.Lock()
	err := c.err
	c.guard.Unlock()
	if err == nil && p.ctx != nil && p.ctx.Err() != nil {
		err = park.Cause(p.ctx)
	}
	return err
}

// follow returns the parent of the context of what is submitted through p, with a ctx of its own or nil, and lets the
// end of the parent withdraw e until release is called.
func (p *Pool) follow(ctx context.Context, e *entry) (parent context.Context, release func()) {
	release = func() {}
	switch {
	case ctx == nil:
		parent = p.ctx
	case p.ctx == nil || p.ctx.Done() == nil:
		parent = ctx
	default:
		parent, release = merge(ctx, p.ctx)
	}
	if parent.Done() == nil {
		return parent, nil
	}
	if parent.Err() != nil {
		return parent, release // it will not be accepted
	}
	unmerge := release
	stop := context.AfterFunc(parent, func() { e.core.withdraw(park.Cause(parent), e) })
	return parent, func() { stop(); unmerge() }
}

// refuse ends t, which was not queued.
func (t *task) refuse(err error) {
	d := newDrop(t.core)
	t.core.guard.Lock()
	t.job.drop(err, d)
	d.unlock()
}

// parentEnded returns why a task should not be started although it is its turn.
func (e *entry) parentEnded() error {
	if parent, own := e.context().parent(); own && parent.Err() != nil {
		return park.Cause(parent)
	}
	return nil
}

// drop is what happens to t, under the guard, when it was taken off the queue for good.
func (t *task) drop(cause error, d *drop) {
	t.err = cause
	if t.callbacks != nil || t.extra != nil && len(t.extra.after) > 0 {
		t.state = dropped
		d.called = append(d.called, t)
		return
	}
	t.state = ended
	d.quiet = append(d.quiet, t)
}

// callBack calls the callbacks that are left.
func (t *task) callBack() {
	for c := t.callbacks; c != nil; c = t.callbacks {
		t.callbacks = c.next // before the call, which may end the goroutine
		protect(c.call)
	}
}

// An ending is what is left to do, without the guard, when a task was settled.
type ending struct {
	of    interface{ open() }
	after []func()
}

// settle ends t, under the guard.
func (t *task) settle(end *ending) {
	t.state = ended
	end.of = t
	if t.extra != nil {
		end.after = t.extra.after
	}
}

// open lets everybody know that t has ended.
func (t *task) open() {
	x := t.extra
	t.extra = nil
	t.context().end(nil)
	t.end.Open()
	if x == nil {
		return
	}
	for _, w := range x.watchers {
		w.tell()
	}
	if x.release != nil {
		x.release()
	}
}

// wait waits for the end. In t itself it panics.
func (t *task) wait(limit park.Limit) bool {
	if t.end.IsOpen() {
		return true
	}
	if w := t.waiter(); w != nil {
		defer w.lend().back()
	}
	return t.end.WaitLimit(limit)
}

// waiter returns the worker that the calling goroutine is, or nil. It panics if that is in t.
func (t *task) waiter() *worker {
	w, _ := here.Lookup()
	if w != nil && w.within(t) && !t.end.IsOpen() {
		panic(ErrJoinSelf)
	}
	return w
}

// onEnd calls f after the end, in whatever goroutine ends t, or at once.
func (t *task) onEnd(f func()) {
	t.core.guard.Lock()
	if t.state != ended {
		x := t.more()
		x.after = append(x.after, f)
		t.core.guard.Unlock()
		return
	}
	t.core.guard.Unlock()
	t.end.Wait() // whoever ended it is about to open it
	protect(f)
}

// watch calls w.tell at the end, or at once. It is undone by unwatch.
func (t *task) watch(w *watcher) {
	t.core.guard.Lock()
	if t.state != ended {
		x := t.more()
		x.watchers = append(x.watchers, w)
		t.core.guard.Unlock()
		return
	}
	t.core.guard.Unlock()
	t.end.Wait()
	w.tell()
}

func (t *task) unwatch(w *watcher) {
	t.core.guard.Lock()
	defer t.core.guard.Unlock()
	if t.state == ended {
		return
	}
	if i := slices.Index(t.extra.watchers, w); i >= 0 {
		t.extra.watchers = slices.Delete(t.extra.watchers, i, i+1)
	}
}
