package queue

import (
	"iter"
	"sync"
)

// A Deque is a list of items that grows and shrinks at both ends.
//
// The zero value is an empty, unbounded Deque. A Deque must not be copied after first use.
//
// Python: collections.deque. PushBack is append, PushFront appendleft, PopBack pop, PopFront popleft; Front and Back
// are d[0] and d[-1]; Rotate is rotate, Cap is maxlen. It is safe for concurrent use and never blocks: a pop from an
// empty Deque reports false. Use a Queue to wait for items.
//
// Memory model: a push synchronizes before the return of the pop that takes its item.
//
// Cost: constant time but for Rotate, Clear and All, and no allocation but for storage that grows; that goes back when
// a backlog has drained.
type Deque[T any] struct {
	guard  sync.Mutex
	items  blocks[T]
	maxlen int // <= 0: unbounded
}

// NewDeque returns an empty Deque that holds up to maxlen items: a push onto a full one drops the item at the other
// end. With maxlen <= 0 it is unbounded.
func NewDeque[T any](maxlen int) *Deque[T] { return &Deque[T]{maxlen: max(maxlen, 0)} }

func (d *Deque[T]) full() bool { return d.maxlen > 0 && d.items.n == d.maxlen }

// PushFront adds an item at the front; if the Deque is full, the last one is dropped.
func (d *Deque[T]) PushFront(item T) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.full() {
		d.items.popBack()
	}
	d.items.pushFront(item)
}

// PushBack adds an item at the back; if the Deque is full, the first one is dropped.
func (d *Deque[T]) PushBack(item T) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.full() {
		d.items.popFront()
	}
	d.items.pushBack(item)
}

// PopFront takes the first item, and reports whether there was one.
func (d *Deque[T]) PopFront() (item T, ok bool) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.items.n == 0 {
		return item, false
	}
	return d.items.popFront(), true
}

// PopBack takes the last item, and reports whether there was one.
func (d *Deque[T]) PopBack() (item T, ok bool) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.items.n == 0 {
		return item, false
	}
	return d.items.popBack(), true
}

// Front returns the first item, and whether there is one.
func (d *Deque[T]) Front() (item T, ok bool) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.items.n == 0 {
		return item, false
	}
	return d.items.front(), true
}

// Back returns the last item, and whether there is one.
func (d *Deque[T]) Back() (item T, ok bool) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.items.n == 0 {
		return item, false
	}
	return d.items.back(), true
}

// Len returns how many items are inside.
func (d *Deque[T]) Len() int {
	d.guard.Lock()
	defer d.guard.Unlock()
	return d.items.n
}

// Cap returns how many items fit before a push drops one, 0 if the Deque is unbounded.
func (d *Deque[T]) Cap() int { return d.maxlen }

// Rotate moves the last n items to the front, in order; with n < 0 it moves the first -n to the back. It takes time in
// proportion to how many those are, modulo Len, and at most half of that.
func (d *Deque[T]) Rotate(n int) {
	d.guard.Lock()
	defer d.guard.Unlock()
	size := d.items.n
	if size < 2 {
		return
	}
	n %= size
	switch { // the shorter way round
	case n > size/2:
		n -= size
	case n < -size/2:
		n += size
	}
	for ; n > 0; n-- {
		d.items.pushFront(d.items.popBack())
	}
	for ; n < 0; n++ {
		d.items.pushBack(d.items.popFront())
	}
}

// Clear drops all items.
func (d *Deque[T]) Clear() {
	d.guard.Lock()
	defer d.guard.Unlock()
	d.items = blocks[T]{}
}

// All returns an iterator over the items from front to back, as they are when the loop begins: what happens to the
// Deque meanwhile, in the loop or elsewhere, does not matter to it.
func (d *Deque[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		d.guard.Lock()
		snapshot := make([]T, 0, d.items.n)
		d.items.all(func(item T) bool {
			snapshot = append(snapshot, item)
			return true
		})
		d.guard.Unlock()
		for _, item := range snapshot {
			if !yield(item) {
				return
			}
		}
	}
}
