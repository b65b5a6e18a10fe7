package park

// A List holds the [Waiter]s of one primitive, or of one reason to wait, in FIFO
// order. The zero value is empty. Every method must be called with the guard
// held that the primitive passes to Sleep.
type List[T any] struct {
	head *Waiter[T] // of a ring, so head.prev is the last
}

// Front returns the first waiter, or nil.
func (l *List[T]) Front() *Waiter[T] { return l.head }

// Next returns the waiter behind w, or nil.
func (l *List[T]) Next(w *Waiter[T]) *Waiter[T] {
	if w.next == l.head {
		return nil
	}
	return w.next
}

// PushBack adds w, a newcomer, at the end.
func (l *List[T]) PushBack(w *Waiter[T]) {
	w.list = l
	if l.head == nil {
		l.head, w.next, w.prev = w, w, w
		return
	}
	first, last := l.head, l.head.prev
	w.next, w.prev = first, last
	last.next, first.prev = w, w
}

// PushFront puts w back in front: it was first, was woken to compete, and lost.
func (l *List[T]) PushFront(w *Waiter[T]) {
	l.PushBack(w)
	l.head = w
}

// Remove takes w off the list. It must be on it.
func (l *List[T]) Remove(w *Waiter[T]) {
	if w.next == w {
		l.head = nil
	} else {
		w.prev.next, w.next.prev = w.next, w.prev
		if l.head == w {
			l.head = w.next
		}
	}
	w.list, w.next, w.prev = nil, nil, nil
}

// TakeAll moves every waiter to c.
func (l *List[T]) TakeAll(c *Chain[T]) {
	for w := l.head; w != nil; w = l.head {
		l.Remove(w)
		c.Add(w)
	}
}
