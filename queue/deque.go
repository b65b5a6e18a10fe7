package queue

import (
	"fmt"
	"iter"
	"sync"
)

// A Deque is a list of items that grows and shrinks at both ends. It is safe for
// concurrent use and never blocks. It is Python's collections.deque:
//
//	deque(maxlen=n)           NewDeque(n)
//	d.append(x), d.pop()      PushBack(x), PopBack()
//	d.appendleft, d.popleft   PushFront(x), PopFront()
//	d[0], d[-1]               Front(), Back()
//	d.remove(x)               RemoveFunc(pred)
//	d.rotate(n), d.clear()    Rotate(n), Clear()
//	len(d), d.maxlen          Len(), Cap()
//
// The zero value is an empty, unbounded Deque. A Deque must not be copied after
// first use.
//
// A push synchronizes before the return of the pop that takes its item.
//
// Calls take constant time, except Rotate, Clear, RemoveFunc and All. They allocate
// only storage that grows, which is released when a backlog has drained. To wait
// for items, use a [Queue].
type Deque[T any] struct {
	guard  sync.Mutex
	items  blocks[T]
	maxlen int // <= 0: unbounded
}

// NewDeque returns an empty Deque that holds up to maxlen items: a push onto a full
// one drops the item at the other end. If maxlen <= 0 it is unbounded.
func NewDeque[T any](maxlen int) *Deque[T] { return &Deque[T]{maxlen: max(maxlen, 0)} }

func (d *Deque[T]) full() bool { return d.maxlen > 0 && d.items.n == d.maxlen }

// PushFront adds an item at the front. If the Deque is full, the last item is
// dropped.
func (d *Deque[T]) PushFront(item T) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.full() {
		d.items.popBack()
	}
	d.items.pushFront(item)
}

// PushBack adds an item at the back. If the Deque is full, the first item is
// dropped.
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

// RemoveFunc takes out the first item for which pred returns true, and reports
// whether there was one. It asks from front to back, and takes time in proportion
// to the number of items asked for.
//
// pred is called with the Deque locked and must not use it. If pred panics so does
// RemoveFunc, and nothing is taken. RemoveFunc panics with [ErrValue] if pred is
// nil.
func (d *Deque[T]) RemoveFunc(pred func(T) bool) (item T, ok bool) {
	if pred == nil {
		panic(fmt.Errorf("%w: RemoveFunc with a nil func", ErrValue))
	}
	d.guard.Lock()
	defer d.guard.Unlock()
	at, i := d.items.index(pred)
	if i < 0 {
		return item, false
	}
	return d.items.remove(at, i), true
}

// Len returns the number of items.
func (d *Deque[T]) Len() int {
	d.guard.Lock()
	defer d.guard.Unlock()
	return d.items.n
}

// Cap returns the number of items that fit before a push drops one, or 0 if the
// Deque is unbounded.
func (d *Deque[T]) Cap() int { return d.maxlen }

// Rotate moves the last n items to the front, in order. If n < 0 it moves the first
// -n items to the back. It goes the shorter way round, and takes time in proportion
// to the number of items that it moves.
func (d *Deque[T]) Rotate(n int) {
	d.guard.Lock()
	defer d.guard.Unlock()
	size := d.items.n
	if size < 2 {
		return
	}
	n %= size
	switch {
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

// All returns an iterator over the items from front to back. It is a snapshot, made
// when the loop begins: what happens to the Deque later, in the loop or elsewhere,
// does not affect it.
func (d *Deque[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		d.guard.Lock()
		items := d.items.slice()
		d.guard.Unlock()
		for _, item := range items {
			if !yield(item) {
				return
			}
		}
	}
}
