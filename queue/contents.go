package queue

import (
	"iter"
	"slices"

	"github.com/gothreading/threading/internal/park"
)

// next returns the next item, with the guard held. There must be one.
func (q *Queue[T]) next() T {
	switch {
	case q.heap != nil:
		return q.heap.peek()
	case q.lifo:
		return q.items.back()
	}
	return q.items.front()
}

// Peek returns the item that the next get would take, and whether there is one.
// Another goroutine may take it meanwhile: to take an item only if it is the right
// one, use TryGetIf.
func (q *Queue[T]) Peek() (item T, ok bool) {
	q.guard.Lock()
	if ok = q.size() > 0; ok {
		q.ask(func() { item = q.next() })
	}
	q.guard.Unlock()
	return item, ok
}

// Drain takes all items, in the order in which gets would, and returns them. They
// stay unfinished: each needs its TaskDone.
func (q *Queue[T]) Drain() []T {
	q.guard.Lock()
	items := []T{}
	if n := q.size(); n > 0 {
		items = q.takeN(n)
	}
	q.unlock()
	return items
}

// All returns an iterator over the items in the order in which gets would take
// them. It is a snapshot, made when the loop begins: what happens to the queue
// later, in the loop or elsewhere, does not affect it. In a priority queue it
// takes time n log n, during which the queue is locked.
func (q *Queue[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, item := range q.snapshot() {
			if !yield(item) {
				return
			}
		}
	}
}

func (q *Queue[T]) snapshot() (items []T) {
	q.guard.Lock()
	switch {
	case q.heap != nil:
		q.ask(func() { items = q.heap.sorted() })
	case q.lifo:
		items = q.items.slice()
		slices.Reverse(items)
	default:
		items = q.items.slice()
	}
	q.guard.Unlock()
	return items
}

// Len returns the number of items.
func (q *Queue[T]) Len() int {
	q.guard.Lock()
	n := q.size()
	q.guard.Unlock()
	return n
}

// Cap returns the number of items that fit, or 0 if the queue is unbounded.
func (q *Queue[T]) Cap() int { return q.maxsize }

// Empty reports whether there are no items.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether no more items fit. An unbounded queue is never full.
func (q *Queue[T]) Full() bool {
	q.guard.Lock()
	full := q.full()
	q.guard.Unlock()
	return full
}

// IsShutdown reports whether Shutdown or ShutdownNow was called.
func (q *Queue[T]) IsShutdown() bool { return read(&q.guard, &q.shut) }

// read reads a flag with the guard held. It is not generic, for this: the compiler
// inlines Lock and Unlock in the packages that instantiate a Queue only if they
// were inlined somewhere in this one, and they are most of what a put costs. If
// TestNoOperationHasBecomeSlower of internal/tools/cost passes with this written
// out in IsShutdown, do that.
func read(guard *park.Mutex, flag *bool) bool {
	guard.Lock()
	value := *flag
	guard.Unlock()
	return value
}
