package pool

import (
	"runtime/debug"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// A worker is a thread of a pool: one of the crew, or a helper, which only calls what is left to call of tasks that
// were dropped. Its fields are its own, but for unit, which changes under the guard.
//
// The code of others may end the goroutine at any point, by runtime.Goexit. Therefore every step is noted here before
// it is taken, and then a new thread goes on with the same worker where the last one stopped.
type worker struct {
	core  *core
	fresh bool   // it has not begun yet
	comes bool   // it is counted as on its way to look for work
	unit  unit   // in hand
	plain goUnit // what the unit is if it comes from a goBlock
	slot  bool   // it holds one
	end   ending // of the unit that has just been settled: after is what is left to call
	left  bool   // it is counted no longer

	helper bool
	dues   []*task // what a helper is left with
	due    *task   // and has in hand
}

// here is the worker that the calling goroutine is.
var here thread.Local[*worker]

func (w *worker) main() {
	here.Set(w)
	defer func() {
		if !w.left {
			w.core.guard.Lock()
			w.core.start(w)
			w.core.unlock()
		}
	}()
	if w.helper {
		w.help()
	} else {
		w.work()
	}
}

func (w *worker) work() {
	if w.fresh {
		w.fresh = false
		w.initialize()
	}
	for {
		w.callAfter()
		if w.unit == nil && !w.next() {
			return
		}
		w.unit.run()
		w.finish()
	}
}

// initialize calls the initializer, if there is one. Meanwhile the worker is not on its way.
func (w *worker) initialize() {
	c := w.core
	if c.initializer == nil {
		return
	}
	c.guard.Lock()
	terminated := c.terminated
	if !terminated {
		c.starting++
		c.waking--
		w.comes = false
	}
	c.unlock()
	if terminated {
		return
	}
	err := ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			err = &thread.PanicError{Value: v, Stack: debug.Stack()}
		}
		if err != nil {
			c.terminate(err)
		}
		c.guard.Lock()
		c.starting--
		c.waking++
		w.comes = true
		c.unlock()
	}()
	err = c.initializer()
}

// next waits for something to do, and reports false when the worker is needed no longer, and has left.
func (w *worker) next() bool {
	c := w.core
	c.guard.Lock()
	for {
		if w.comes {
			c.waking--
			w.comes = false
		}
		switch {
		case c.units > 0 && c.running < c.target && !c.halted():
			w.unit, w.slot = c.take(w), true
			c.running++
			c.unlock()
			return true
		case c.err != nil && c.units == 0, c.workers-c.lent > c.target:
			delete(c.crew, w)
			c.workers--
			w.left = true
			c.unlock()
			return false
		}
		place := idlers.Get(park.Forever)
		c.idle.PushFront(place) // who slept last is awake soonest
		place.Sleep(&c.guard)
		idlers.Put(place)
		w.comes = true // whoever woke it has counted it
		c.guard.Lock()
	}
}

// finish settles the unit that has returned, and takes the next one with it if it may. A task with functions for after
// its end must not: they may wait for what it took.
func (w *worker) finish() {
	c := w.core
	w.end = ending{}
	c.guard.Lock()
	switch w.unit.settle(&w.end) {
	case succeeded:
		c.succeeded++
	case failed:
		c.failed++
	case cancelled:
		c.cancelled++
	}
	w.unit = nil
	if c.units > 0 && c.running <= c.target && len(w.end.after) == 0 && !c.halted() {
		w.unit = c.take(w)
	} else {
		c.running--
		w.slot = false
		if len(w.end.after) == 0 { // it will look for work at once: nobody else needs to come for the next task
			c.waking++
			w.comes = true
		}
	}
	c.unlock()
	w.open()
}

// open lets everybody know of the end of what was settled.
func (w *worker) open() {
	if of := w.end.of; of != nil {
		w.end.of = nil
		of.open()
	}
}

func (w *worker) callAfter() {
	for len(w.end.after) > 0 {
		f := w.end.after[0]
		w.end.after = w.end.after[1:]
		protect(f)
	}
	w.end.after = nil // or the last of them is kept alive
}

// help starts a helper for tasks that were dropped. It needs the guard.
func (c *core) help(dues []*task) {
	c.helpers++
	c.start(&worker{core: c, helper: true, dues: dues})
}

func (w *worker) help() {
	c := w.core
	for {
		w.callAfter()
		if w.due == nil {
			if len(w.dues) == 0 {
				break
			}
			w.due, w.dues = w.dues[0], w.dues[1:]
		}
		w.due.callBack()
		w.end = ending{}
		c.guard.Lock()
		w.due.settle(&w.end)
		c.unlock()
		w.due = nil
		w.open()
	}
	c.guard.Lock()
	c.helpers--
	w.left = true
	c.unlock()
}

// lend gives away, before a wait, what the calling goroutine holds and others may need: a worker its slot, a helper
// what is behind the task that it has in hand. The wait is followed by back. Both can be called on nil.
func lend() *worker {
	w, _ := here.Lookup()
	return w.lend()
}

func (w *worker) lend() *worker {
	if w == nil || !w.slot && len(w.dues) == 0 {
		return nil
	}
	c := w.core
	c.guard.Lock()
	defer c.unlock()
	if len(w.dues) > 0 {
		c.help(w.dues)
		w.dues = nil
		return nil
	}
	w.slot = false
	c.running--
	c.lent++
	return w
}

func (w *worker) back() {
	if w == nil {
		return
	}
	c := w.core
	c.guard.Lock()
	w.slot = true
	c.running++
	c.lent--
	c.unlock()
}

// within reports whether the calling code is part of t: its function, or a callback of it.
func (w *worker) within(t *task) bool {
	return w.due == t || w.unit != nil && w.unit.owner() == &t.entry
}

// protect calls a function whose panic is nobody's but the except hook's.
func protect(f func()) {
	defer func() {
		if v := recover(); v != nil {
			hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})
		}
	}()
	f()
}
