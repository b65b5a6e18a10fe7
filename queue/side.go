package queue

import (
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A side is the goroutines that wait to get, or those that wait to put.
//
// There are two ways to serve them. A waiter that is owed is granted its item, or
// its room, by the goroutine that makes it available: it need not look at the queue
// again, and no other can be faster. Any other is woken to try again, one at a
// time: it may lose to a newcomer, but until it is up the newcomers go on, and it
// wakes the next one only if something is left.
//
// Granting wins where every item costs a switch of goroutines anyway, waking where
// items come in runs. For 4 putters and 4 getters, in ns an item:
//
//	capacity    1    4    8   16   32  128
//	granting  181  105   80   62   59   52
//	waking    477  185  108   84   67   36
//
// So in a queue of up to handOver items a waiter is owed from the start, and in
// others once it has been passed over for too long. In a priority queue it is
// always the latter: each goroutine should call compare itself, since compare may
// panic.
//
// While items and waiting getters are both there, or room and waiting putters, one
// of those waiting is awake: it takes what is there, or wakes the next. So one that
// gives up has nothing to pass on.
type side[T any] struct {
	list  park.List[turn[T]]
	awake bool // one of them was woken to try again and has not yet done so

	// due is false if nobody on the list is to be served, whatever is available:
	// because the list is empty, or because the one who is awake will do. It saves
	// a put or get that meets waiters from going through the lists each time, which
	// took 4 putters and 4 getters at capacity 128 half as long again. It may be
	// true when nobody is left, since whoever gives up does not tell.
	due bool
}

// handOver is the largest capacity at which items are handed over.
const handOver = 32

// A turn is the Value of a waiter: what it brings, or what it is given.
type turn[T any] struct {
	item     T
	batch    *batch[T] // of a GetN; nil for a get of one item
	owed     bool
	patience park.Patience
}

// look sets due after the list, or awake, has changed.
func (s *side[T]) look() { s.due = !s.awake && s.list.Front() != nil }

// tries notes that the waiter which was woken has the guard and tries again.
func (s *side[T]) tries() {
	s.awake = false
	s.look()
}

// wake takes w, the first waiter, off the list in order to wake it, unless another
// is awake.
func (s *side[T]) wake(w *park.Waiter[turn[T]], again *park.Chain[turn[T]]) {
	if !s.awake {
		s.awake = true
		s.list.Remove(w)
		again.Add(w)
	}
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
	s.look()
}

// waiter returns a waiter to be listed, and the pool it goes back to. It needs the
// guard.
func (q *Queue[T]) waiter(limit park.Limit) (*park.Waiter[turn[T]], *park.Pool[turn[T]]) {
	if watch.On {
		watch.Describe(&q.mark, watch.Queue, q, (*Queue[T]).stat)
	}
	if q.waiters == nil {
		q.waiters = waiterPool[T]()
	}
	return q.waiters.Get(limit), q.waiters
}

// unlock releases the guard after items came or went, and serves those who may be
// served now.
func (q *Queue[T]) unlock() {
	if q.getters.due || q.putters.due {
		q.serve()
		return
	}
	q.guard.Unlock()
}

func (q *Queue[T]) serve() {
	var granted, again park.Chain[turn[T]]
	for q.serveOne(&granted, &again) {
	}
	q.getters.look()
	q.putters.look()
	q.guard.Unlock()
	granted.Wake(park.Granted)
	again.Wake(park.Retry)
}

// serveOne serves the first getter and the first putter, if they can be, and
// reports whether others may follow.
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

// takeFor and storeFor do what the call of w would, and report whether that went
// well. If it did not, w finds out itself: it is woken to try again.
func (q *Queue[T]) takeFor(w *park.Waiter[turn[T]]) bool {
	v := &w.Value
	switch {
	case q.heap == nil && v.batch == nil:
		v.item = q.take()
	case q.heap == nil:
		v.batch.items = q.takeN(v.batch.n)
	case v.batch == nil:
		return elsewhere(func() { v.item = q.heap.pop() })
	default:
		return elsewhere(func() { v.batch.items = q.heap.popN(min(v.batch.n, q.heap.len())) })
	}
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

// elsewhere calls f, which calls compare on behalf of another goroutine, on a
// goroutine of its own: if compare panics, or ends its goroutine, that hits nobody
// who did not call for it. It reports whether f returned. This is slow, and rare.
func elsewhere(f func()) (returned bool) {
	done := make(chan bool)
	go func() {
		ok := false
		defer func() {
			_ = recover()
			done <- ok
		}()
		f()
		ok = true
	}()
	return <-done
}
