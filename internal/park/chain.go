package park

// A Chain holds waiters that were taken off their list and are owed a Wake,
// until the guard is free.
type Chain[T any] struct{ first, last *Waiter[T] }

// Add appends w.
func (c *Chain[T]) Add(w *Waiter[T]) {
	if c.first == nil {
		c.first = w
	} else {
		c.last.next = w
	}
	c.last = w
}

// Wake wakes all of them, in order.
func (c *Chain[T]) Wake(v Verdict) {
	if c.first != nil { // for most it is, and then there is no call
		c.wake(v)
	}
}

func (c *Chain[T]) wake(v Verdict) {
	for w := c.first; w != nil; {
		next := w.next // before Wake: after it, w may be in use again
		w.next = nil
		w.Wake(v)
		w = next
	}
}
