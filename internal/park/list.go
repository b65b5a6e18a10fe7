package park

import "sync"

// A List holds the Waiters of one primitive, or of one reason to wait, in FIFO order. The zero value is empty. Every
// method needs the guard that the primitive passes to Sleep.
type List[T any] struct {
	head *Waiter[T] // of a ring, so head.prev is the last
}

// An Era tells the waiters of a List that came before a certain moment from those who came after it. A primitive that
// needs to know has one beside the List, notes it in each waiter that it lists, and begins the next one at that moment.
type Era uint16

// Front returns the first waiter, or nil.
func (l *List[T]) Front() *Waiter[T] { return l.head }

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

// WakeEarly grants up to a hundred of the waiters that came before the present era, and reports whether there may be more.
// It is called without the guard, again and again: nobody who needs the guard meanwhile, because his time ran out, say,
// has to wait for a million others to be woken.
func (l *List[T]) WakeEarly(guard sync.Locker, present *Era) (more bool) {
	var granted Chain[T]
	guard.Lock()
	for range 100 {
		w := l.Front()
		if more = w != nil && w.Era != *present; !more {
			break
		}
		l.Remove(w)
		granted.Add(w)
	}
	guard.Unlock()
	granted.Wake(Granted)
	return more
}

// A Chain holds waiters that were taken off their list and are owed a Wake, until the guard is free.
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

// Wake wakes them all, in order.
func (c *Chain[T]) Wake(v Verdict) {
	for w := c.first; w != nil; {
		next := w.next // before Wake: after it, w may be in use again
		w.next = nil
		w.Wake(v)
		w = next
	}
}
