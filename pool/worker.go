package pool

import (
	"context"
	"math"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/thread"
)

// A worker is a thread of a pool, and what it has in hand. Its fields are its own.
//
// The code of others may end the goroutine at any point, by runtime.Goexit.
// Therefore every step is noted here before it is taken, and then a new thread
// goes on with the same worker where the last one stopped.
type worker struct {
	core     *core
	comes    bool   // it is counted as on its way to look for work
	prepared bool   // the Initializer has run in this thread, and the Finalizer is due
	slot     *int   // where the slot that it holds is counted, or nil
	unit     unit   // in hand
	plain    goUnit // what the unit is if it comes from a goBlock
	call     *call  // in hand
	left     bool   // it is counted no longer

	// Of the unit that was settled, for open.
	ended opener
	ctx   *taskContext

	bed      park.Waiter[struct{}] // where it sleeps, unless KeepAlive limits that
	contexts []taskContext         // for the next tasks
	stocked  int                   // how many were made the last time
	relabel  func()                // shows the name of the thread in profiles again, since code of others may have shown its own
	lent     bool                  // the slot
	errands  errands               // that are under way
	errand   errand                // for a wait for one task
	few      [1]*errand
}

// main is what the thread does. A panic of others ends a step, and not the thread.
func (w *worker) main(relabel func()) {
	crowd.Add(goid.Own(), w)
	w.relabel = relabel
	defer w.end()
	if w.unit != nil { // what ended the last thread
		w.core.guard.Lock()
		w.initialize()
		w.core.unlock()
	}
	for {
		p := hook.Catch(w.steps)
		switch {
		case p == nil:
			return
		case w.unit == nil:
			panic(p.Value) // it is our own
		}
		w.unit.panicked((*thread.PanicError)(p))
	}
}

func (w *worker) steps() {
	for {
		switch {
		case w.unit != nil:
			if watch.On {
				w.unit.owner().mark.Begin(&w.core.mark)
			}
			w.unit.run()
			w.relabel()
			if w.finish() { // it sleeps here, and not deeper; see Latch.Wait
				w.core.idle.PushFront(&w.bed)
				w.comes = w.bed.SleepIn((*bedside)(w)) == park.Granted
				continue
			}
			w.open()
		case w.call != nil:
			w.call.run()
			w.relabel()
			w.finishCall()
			w.open()
		case !w.next():
			if f := w.core.onLeave; f != nil {
				f(w)
			}
			return
		}
	}
}

// end is the end of a thread, also if it was a task that ended the goroutine.
func (w *worker) end() {
	defer w.leave() // also if the Finalizer does
	w.relabel()
	w.finalize()
}

// leave is the last that a thread does.
func (w *worker) leave() {
	c := w.core
	crowd.Remove(goid.Own())
	if watch.On && w.unit != nil { // which has ended the goroutine
		w.unit.owner().mark.End()
	}
	c.guard.Lock()
	if w.left {
		c.leaving--
		if c.listed && c.workers == 0 && c.leaving == 0 && !c.busy() {
			c.listed = false
			c.entry.Remove()
		}
	} else {
		c.threads++
		go c.begin(w)
	}
	c.unlock()
}

// initialize calls the Initializer, unless it was called, or the pool is over. It
// needs the guard, which it releases meanwhile.
func (w *worker) initialize() {
	c := w.core
	if w.prepared || c.terminated {
		return
	}
	if c.initializer == nil {
		w.prepared = true
		return
	}
	c.starting++
	c.unlock()
	err, returned := ErrGoexit, false
	defer func() {
		if err != nil {
			c.terminate(err, context.Canceled)
		}
		w.prepared = err == nil
		c.guard.Lock()
		c.starting--
		if !returned {
			c.unlock()
		}
	}()
	if p := thread.Try(func() { err = c.initializer() }); p != nil {
		err = p
	}
	returned = true
}

// finalize calls the Finalizer if it is due.
func (w *worker) finalize() {
	due := w.prepared
	w.prepared = false
	if due && w.core.finalizer != nil {
		hook.Run(w.core.finalizer)
	}
}

// next waits for something to do, and reports false when the worker is needed no
// longer, and has left.
func (w *worker) next() bool {
	c := w.core
	w.stock()
	c.guard.Lock()
	for tired := false; ; {
		if w.comes {
			c.waking--
			w.comes = false
		}
		switch {
		case c.callbacks.ready(c):
			w.call, w.slot = c.callbacks.take(), &c.callbacks.active
			c.unlock()
			return true
		case c.afters.ready(c):
			w.call, w.slot = c.afters.take(), &c.afters.active
			c.unlock()
			return true
		case c.startable() && !w.prepared:
			w.initialize()
			continue
		case c.startable():
			if w.unit = c.next(w); w.unit == nil {
				continue // there was only something to beg for, which took no place
			}
			c.running++
			w.slot = &c.running
			c.unlock()
			return true
		case tired || c.dismisses():
			c.workers--
			c.leaving++
			w.left = true
			c.unlock()
			return false
		}
		tired = w.sleep()
		c.guard.Lock()
	}
}

// sleep waits until the worker is woken, and reports false, or until it has been
// idle for as long as it may. It needs the guard, and releases it.
func (w *worker) sleep() (tired bool) {
	c := w.core
	if keep := c.keeps(); keep < math.MaxInt64 {
		place := idlers.Get(park.After(keep))
		defer idlers.Put(place)
		c.idle.PushFront(place)
		w.comes = place.Sleep(&c.guard) == park.Granted // then whoever woke it has counted it
		return !w.comes
	}
	c.idle.PushFront(&w.bed) // who slept last is awake soonest
	w.comes = w.bed.SleepIn((*bedside)(w)) == park.Granted
	return false
}

// A bedside is a worker that has a place to sleep, as what is unlocked then: it
// opens what it has settled, and sleeps.
type bedside worker

// Lock is a method of sync.Locker.
func (b *bedside) Lock() {}

// Unlock is a method of sync.Locker.
func (b *bedside) Unlock() {
	b.core.guard.Unlock()
	explore.Point("has a place to sleep")
	(*worker)(b).open()
}

// finish settles the unit that has returned, and takes the next one with it if it
// may. If there is nothing to do at all, it reports that, with the guard held: the
// worker goes to sleep without letting go of it in between.
func (w *worker) finish() (sleeps bool) {
	c := w.core
	w.stock()
	tied := w.unit.owner().tie != nil
	if watch.On {
		w.unit.owner().mark.End()
	}
	c.guard.Lock()
	switch w.unit.settle(w) {
	case succeeded:
		c.succeeded++
	case failed:
		c.failed++
	case cancelled:
		c.cancelled++
	}
	w.unit = nil
	if c.running <= c.target {
		w.unit = c.next(w)
	}
	if w.unit == nil {
		c.running--
		w.slot = nil
		if c.running == 0 && c.away == 0 {
			c.mostAway = 0
		}
		if !tied && c.calm() {
			return true
		}
		w.look()
	}
	c.unlock()
	return false
}

// finishCall is finish for a call.
func (w *worker) finishCall() {
	c := w.core
	call := w.call
	t := call.task
	c.guard.Lock()
	if call.after == nil {
		w.ended = t
		t.settle()
	}
	w.call = nil
	*w.slot--
	w.slot = nil
	w.look()
	c.unlock()
}

// look notes that the worker will look for work at once, so that nobody else
// needs to come for that. It needs the guard.
func (w *worker) look() {
	w.core.waking++
	w.comes = true
}

// open lets everybody know of the end of what was settled.
func (w *worker) open() {
	ctx, of := w.ctx, w.ended
	w.ctx, w.ended = nil, nil
	if ctx != nil {
		ctx.end(nil)
	}
	if of != nil {
		of.open()
	}
}

// in reports whether the worker is in t: its function, or a callback of it.
func (w *worker) in(t *task) bool {
	return w.unit != nil && w.unit.owner() == &t.entry || w.call != nil && w.call.after == nil && w.call.task == t
}

// domain returns where the code belongs that the worker calls.
func (w *worker) domain() *domain {
	switch {
	case w.unit != nil:
		return w.unit.owner().domain(w.core)
	case w.call != nil && w.call.after == nil:
		return w.call.task.domain(w.core)
	}
	return &w.core.root
}

// context returns a context for a task of the pool itself.
func (w *worker) context() *taskContext {
	ctx := &w.contexts[0]
	w.contexts = w.contexts[1:]
	return ctx
}

// stock makes contexts, before the guard is locked: one for the first task, and
// then more and more at once.
func (w *worker) stock() {
	if len(w.contexts) > 0 {
		return
	}
	w.stocked = min(max(2*w.stocked, 1), 128)
	w.contexts = make([]taskContext, w.stocked)
	for i := range w.contexts {
		w.contexts[i].parent = &w.core.root
	}
}
