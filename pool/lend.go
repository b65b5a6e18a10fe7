package pool

import "github.com/gothreading/threading/internal/goid"

// crowd finds the worker that a goroutine is.
var crowd goid.Table[worker]

// here returns the worker that the calling goroutine is, or nil.
func here() *worker { return crowd.Find(goid.Get()) }

// lender returns the worker that the calling goroutine is, if it has a slot to
// lend, or nil.
func lender() *worker { return here().lender() }

// lender returns w if it has a slot to lend, or nil.
func (w *worker) lender() *worker {
	if w != nil && w.slot != nil {
		return w
	}
	return nil
}

// lend gives away the slot of w before a wait. The wait is followed by back. Both
// can be called on nil.
func (w *worker) lend(es errands) *worker {
	if w == nil {
		return nil
	}
	c := w.core
	c.guard.Lock()
	w.give()
	for _, e := range es {
		if e.core == c {
			e.begin()
		}
	}
	c.unlock()
	for _, e := range es {
		if e.core != c {
			e.core.guard.Lock()
			e.begin()
			e.core.guard.Unlock()
		}
	}
	w.errands = es
	return w
}

// lendFor is lend for a wait for t.
func (w *worker) lendFor(t *task) *worker {
	if w == nil || t.core == nil {
		return w.lend(nil)
	}
	e := &w.errand
	e.core = t.core
	if e.front = t.core == w.core; !e.front {
		e.worker = nil
		t.core.guard.Lock()
		e.want(1, t)
		t.core.guard.Unlock()
		w.few[0] = e
		return w.lend(w.few[:])
	}
	c := w.core
	e.worker = w
	c.guard.Lock()
	w.give()
	e.want(1, t)
	e.begin()
	c.unlock()
	w.few[0] = e
	w.errands = w.few[:]
	return w
}

// back is the end of a wait.
func (w *worker) back() {
	if w == nil {
		return
	}
	c := w.core
	c.guard.Lock()
	if w.lent {
		w.takeBack()
	}
	for _, e := range w.errands {
		if e.core == c {
			e.finish()
			if e == &w.errand {
				e.letAllGo()
			}
		}
	}
	c.unlock()
	for _, e := range w.errands {
		if e.core != c {
			e.core.guard.Lock()
			e.finish()
			if e == &w.errand {
				e.letAllGo()
			}
			e.core.guard.Unlock()
		}
	}
	w.errands = nil
}

// give gives the slot away. It needs the guard.
func (w *worker) give() {
	c := w.core
	w.lent = true
	*w.slot--
	if w.slot == &c.running {
		c.lent++
	}
	c.away++
	c.mostAway = max(c.mostAway, c.away)
}

// takeBack has the slot back: w does at the end of the wait, or on its behalf
// whoever ends what it waits for. It needs the guard.
func (w *worker) takeBack() {
	c := w.core
	w.lent = false
	*w.slot++
	if w.slot == &c.running {
		c.lent--
	}
	c.away--
}
