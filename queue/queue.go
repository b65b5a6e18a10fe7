// Package queue provides blocking queues that can give up waiting, count unfinished tasks and be shut down: Python's
// queue module for Go.
package queue

import (
	"errors"

	"github.com/gothreading/threading/internal/park"
)

var (
	// ErrEmpty is returned by a get that found no item, at once or in time.
	ErrEmpty = errors.New("queue: empty")
	// ErrFull is returned by a put that found no room, at once or in time.
	ErrFull = errors.New("queue: full")
	// ErrShutdown is returned by a put after Shutdown or ShutdownNow, and by a get when nothing is left to get.
	ErrShutdown = errors.New("queue: shut down")
	// ErrTaskDone is the value that TaskDone panics with when every task is done.
	ErrTaskDone = errors.New("queue: TaskDone called more often than items were put")
)

// A Queue passes items from goroutines that put to goroutines that get, and makes them wait for each other.
//
// The zero value is an empty, unbounded FIFO queue. A Queue must not be copied after first use.
//
// Python: queue.Queue. Put is put(item), TryPut put(item, block=False), PutTimeout put(item, timeout=d), and so for
// Get; Len, Empty and Full are qsize(), empty() and full(); Shutdown is shutdown() and ShutdownNow
// shutdown(immediate=True) of Python 3.13; TaskDone and Join are task_done() and join(). Tasks is what Python lacks.
//
// Memory model: a put synchronizes before the return of the get that takes its item, the n'th TaskDone that leaves
// nothing unfinished before the return of every Join that reports it, and a shutdown before every ErrShutdown.
//
// Fairness: waiting getters, and waiting putters, are served in order of arrival. In a queue of more than 32 items, an
// unbounded one or a priority queue, a served goroutine is only woken and a newcomer may be faster, but not for longer
// than a millisecond; in any other the item itself is handed over. Nobody starves.
//
// Giving up: a put that gives up has stored nothing, a get that gives up has taken nothing. One whose limit is reached
// just as it is served either reports success or leaves the item, or the room, to the next.
//
// Each call checks in this order: shut down, which for a get means that nothing is left either; a ctx that had ended at
// entry; available; and then time or ctx.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. One that waits inside a bubble must be
// served from inside it.
//
// Cost: constant time, and no allocation but for storage that grows; that goes back when a backlog has drained. A wait
// allocates only for its limit: a timer, or a channel.
//
// Use a channel where a select has to wait for it, or where nobody gives up, counts or drains.
type Queue[T any] struct {
	guard park.Guard

	items   blocks[T]
	lifo    bool
	heap    *heap[T] // not nil: holds the items instead, smallest first
	maxsize int      // <= 0: unbounded
	shut    bool
	getters side[T]
	putters side[T]

	unfinished int
	joiners    park.List[turn[T]]

	waiters *park.Pool[turn[T]]
}

// A side is the goroutines that wait to get, or those that wait to put.
//
// There are two ways to serve them. A waiter that is owed is granted its item, or its room, by whoever makes it
// available: it need not look at the queue again, and nobody can be faster. Another is woken to try again, one at a
// time: it may lose to a newcomer, but while it gets up the newcomers go on, and it wakes the next one only if
// something is left. Granting wins where every item means a switch of goroutines anyway, waking where items come in
// runs: 4 putters and 4 getters took 180 ns an item at capacity 1 by grants and 470 by waking; at 32, 59 and 67; at
// 128, 52 and 36. So in a queue of up to handOver items a waiter is owed from the start, and otherwise once it has
// been passed over for too long. In a priority queue it is always the latter: whoever puts or gets should ask compare
// for himself, since that may panic.
//
// While items and waiting getters, or room and waiting putters, are both there, one of those waiting is awake: it will
// take what is there or wake the next. That is why one that gives up has nothing to pass on.
type side[T any] struct {
	list  park.List[turn[T]]
	awake bool // one of them was woken to try again and has not yet done so
}

const handOver = 32

// A turn is the Value of a waiter: what it brings, or what it is given.
type turn[T any] struct {
	item     T
	owed     bool
	patience park.Patience
}

// New returns an empty FIFO queue that holds up to maxsize items; with maxsize <= 0 it is unbounded.
func New[T any](maxsize int) *Queue[T] { return &Queue[T]{maxsize: max(maxsize, 0)} }

// NewLIFO returns an empty queue, of which a get takes the newest item: Python's queue.LifoQueue. It holds up to
// maxsize items; with maxsize <= 0 it is unbounded.
func NewLIFO[T any](maxsize int) *Queue[T] { return &Queue[T]{maxsize: max(maxsize, 0), lifo: true} }

// NewPriority returns an empty queue, of which a get takes the smallest item: Python's queue.PriorityQueue. Items that
// are equal leave in order of arrival. It holds up to maxsize items; with maxsize <= 0 it is unbounded.
//
// compare returns a negative number if a comes before b, a positive one if b comes before a, and 0 if they are equal;
// By makes one from a key. cmp.Compare of a numeric type, and By of a numeric key, cost least. compare is called with the
// queue locked, and must not use the queue. If it panics, the put or get that it was asked for panics; a put has then
// stored nothing, a get has taken nothing, and the queue is as it was. A put or get takes logarithmic time. NewPriority
// panics if compare is nil.
func NewPriority[T any](maxsize int, compare func(a, b T) int) *Queue[T] {
	if compare == nil {
		panic("queue: NewPriority with a nil compare")
	}
	return &Queue[T]{maxsize: max(maxsize, 0), heap: &heap[T]{compare: unbranched(compare)}}
}

func (q *Queue[T]) size() int {
	if q.heap != nil {
		return q.heap.len()
	}
	return q.items.n
}

func (q *Queue[T]) full() bool { return q.maxsize > 0 && q.size() >= q.maxsize }

// store and take are what a put and a get do, with the guard held.
func (q *Queue[T]) store(item T) {
	if q.heap == nil {
		q.items.pushBack(item)
	} else {
		q.storeInOrder(item)
	}
	q.unfinished++
}

func (q *Queue[T]) take() T {
	switch {
	case q.heap != nil:
		return q.takeSmallest()
	case q.lifo:
		return q.items.popBack()
	}
	return q.items.popFront()
}

// What asks compare may panic. Then nothing has changed: the guard is released, and a waiter that was woken to do this
// has passed its turn on.
func (q *Queue[T]) takeSmallest() T {
	asked := false
	defer q.unlockUnless(&asked)
	item := q.heap.pop()
	asked = true
	return item
}

func (q *Queue[T]) storeInOrder(item T) {
	asked := false
	defer q.unlockUnless(&asked)
	q.heap.push(item)
	asked = true
}

func (q *Queue[T]) drainInOrder() []T {
	asked := false
	defer q.unlockUnless(&asked)
	items := q.heap.drain()
	asked = true
	return items
}

func (q *Queue[T]) unlockUnless(asked *bool) {
	if !*asked {
		q.unlock()
	}
}

// waiter returns a waiter to be listed, and the pool it goes back to. It is called with the guard held.
func (q *Queue[T]) waiter(limit park.Limit) (*park.Waiter[turn[T]], *park.Pool[turn[T]]) {
	if q.waiters == nil {
		q.waiters = waiterPool[T]()
	}
	return q.waiters.Get(limit), q.waiters
}

// await lists w. One that was awake keeps its place in front.
func (q *Queue[T]) await(s *side[T], w *park.Waiter[turn[T]], awake bool) {
	if awake {
		s.list.PushFront(w)
		w.Value.owed = w.Value.patience.Lost()
	} else {
		s.list.PushBack(w)
		w.Value.owed = 0 < q.maxsize && q.maxsize <= handOver && q.heap == nil
	}
}

// unlock releases the guard after items came or went, and serves those who may be served now.
func (q *Queue[T]) unlock() {
	if q.getters.list.Front() != nil || q.putters.list.Front() != nil {
		q.serve()
		return
	}
	q.guard.Unlock()
}

func (q *Queue[T]) serve() {
	var granted, again park.Chain[turn[T]]
	for q.serveOne(&granted, &again) {
	}
	q.guard.Unlock()
	granted.Wake(park.Granted)
	again.Wake(park.Retry)
}

// serveOne serves the first getter and the first putter, if they can be, and reports whether others may follow.
func (q *Queue[T]) serveOne(granted, again *park.Chain[turn[T]]) (more bool) {
	if w := q.getters.list.Front(); w != nil && q.size() > 0 {
		if w.Value.owed && q.takeFor(w) {
			q.getters.list.Remove(w)
			granted.Add(w)
			more = true
		} else {
			q.getters.wake(w, again)
		}
	}
	if w := q.putters.list.Front(); w != nil && !q.full() {
		if w.Value.owed && q.storeFor(w) {
			q.putters.list.Remove(w)
			granted.Add(w)
			more = true
		} else {
			q.putters.wake(w, again)
		}
	}
	return more
}

// wake takes w, the first waiter, off the list in order to wake it, unless another is awake.
func (s *side[T]) wake(w *park.Waiter[turn[T]], again *park.Chain[turn[T]]) {
	if !s.awake {
		s.awake = true
		s.list.Remove(w)
		again.Add(w)
	}
}

// takeFor and storeFor do what the call of w would, and report whether that went well. If it did not, that is for w to
// find out, who is woken to try it.
func (q *Queue[T]) takeFor(w *park.Waiter[turn[T]]) bool {
	if q.heap != nil {
		return elsewhere(func() { w.Value.item = q.heap.pop() })
	}
	w.Value.item = q.take()
	return true
}

func (q *Queue[T]) storeFor(w *park.Waiter[turn[T]]) bool {
	if q.heap != nil && !elsewhere(func() { q.heap.push(w.Value.item) }) {
		return false
	}
	if q.heap == nil {
		q.items.pushBack(w.Value.item)
	}
	q.unfinished++
	return true
}

// elsewhere calls what asks compare on behalf of another goroutine, on neither's, so that if compare panics, or ends its
// goroutine, nobody is hit who did not call for it. It reports whether compare did neither. This is slow, and rare.
func elsewhere(what func()) (returned bool) {
	done := make(chan bool)
	go func() {
		ok := false
		defer func() {
			_ = recover()
			done <- ok
		}()
		what()
		ok = true
	}()
	return <-done
}

// Shutdown ends the putting: every put from now on, and every put that waits, returns ErrShutdown and stores nothing.
// What is inside can still be got; then, and in those who wait in vain, a get returns ErrShutdown. Join is not
// affected. A second call does nothing.
func (q *Queue[T]) Shutdown() {
	q.guard.Lock()
	q.shutdown()
}

// ShutdownNow is Shutdown, and drops what is inside: dropped items are no longer unfinished, and every get returns
// ErrShutdown. Join still waits for the items that were taken before and are not yet done.
func (q *Queue[T]) ShutdownNow() {
	q.guard.Lock()
	q.unfinished = max(q.unfinished-q.size(), 0) // a TaskDone may have come before its item was got
	q.items = blocks[T]{}
	if q.heap != nil {
		q.heap.entries = nil
	}
	q.shutdown()
}

func (q *Queue[T]) shutdown() {
	q.shut = true
	var again, joined park.Chain[turn[T]]
	q.getters.list.TakeAll(&again)
	q.putters.list.TakeAll(&again)
	q.takeJoined(&joined)
	q.guard.Unlock()
	again.Wake(park.Retry)
	joined.Wake(park.Granted)
}

// Peek returns the item that the next get would take, and whether there is one.
func (q *Queue[T]) Peek() (item T, ok bool) {
	q.guard.Lock()
	defer q.guard.Unlock()
	switch {
	case q.size() == 0:
		return item, false
	case q.heap != nil:
		return q.heap.peek(), true
	case q.lifo:
		return q.items.back(), true
	}
	return q.items.front(), true
}

// Drain takes everything that is inside, in the order in which gets would, and returns it. The items stay unfinished:
// each needs its TaskDone.
func (q *Queue[T]) Drain() (items []T) {
	q.guard.Lock()
	if q.heap != nil {
		items = q.drainInOrder()
	} else {
		items = make([]T, q.items.n)
		for i := range items {
			items[i] = q.take()
		}
	}
	q.unlock()
	return items
}

// Len returns how many items are inside.
func (q *Queue[T]) Len() int {
	q.guard.Lock()
	defer q.guard.Unlock()
	return q.size()
}

// Cap returns how many items fit, 0 if the queue is unbounded.
func (q *Queue[T]) Cap() int { return q.maxsize }

// Empty reports whether nothing is inside.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether no more items fit. An unbounded queue is never full.
func (q *Queue[T]) Full() bool {
	q.guard.Lock()
	defer q.guard.Unlock()
	return q.full()
}

// IsShutdown reports whether Shutdown or ShutdownNow was called.
func (q *Queue[T]) IsShutdown() bool { return read(&q.guard, &q.shut) }

// read reads a flag under the guard. It is not generic, for this: the compiler inlines Lock and Unlock in the packages
// that instantiate a Queue only if they were inlined somewhere in this one, and they are most of what a put costs.
func read(guard *park.Guard, flag *bool) bool {
	guard.Lock()
	value := *flag
	guard.Unlock()
	return value
}
