package park

import "sync"

// A Pool hands out [Waiter]s. The zero value is ready for use.
type Pool[T any] struct{ free sync.Pool }

// Get returns a Waiter, on no list, for one call with that limit.
func (p *Pool[T]) Get(limit Limit) *Waiter[T] {
	w, ok := p.free.Get().(*Waiter[T])
	if !ok {
		w = new(Waiter[T])
		w.cond.L = (*sleeper[T])(w)
	}
	switch {
	case limit.after > 0:
		w.extras().after = limit.after
	case limit.done != nil:
		x := w.extras()
		x.done, x.bell = limit.done, make(chan struct{}, 1)
	}
	return w
}

// Put returns w to the pool at the end of the call. w must not be listed, and no
// Wake may be pending.
func (p *Pool[T]) Put(w *Waiter[T]) {
	if x := w.extra; x != nil {
		if x.timer != nil && !x.timer.Stop() || x.abandoned {
			return // the timer's function, or whoever wakes w, may still use it
		}
		*x = extra[T]{w: w, onTimer: x.onTimer}
	}
	var zero T
	w.Value, w.guard = zero, nil
	p.free.Put(w)
}
