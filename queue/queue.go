// Package queue provides queues whose every wait can time out or be cancelled,
// that count unfinished tasks and can be shut down: Python's queue module. It also
// has a [Deque], which is collections.deque.
//
//	queue.Queue(n)                   New(n)
//	queue.LifoQueue(n)               NewLIFO(n)
//	queue.PriorityQueue(n)           NewPriority(n, compare)
//	q.put(x), q.get()                Put(x), Get()
//	q.put_nowait(x), q.get_nowait()  TryPut(x), TryGet()
//	q.put(x, timeout=s)              PutTimeout(x, d)
//	q.get(timeout=s)                 GetTimeout(d)
//	q.qsize(), q.empty(), q.full()   Len(), Empty(), Full()
//	q.task_done(), q.join()          TaskDone(), Join()
//	q.shutdown()                     Shutdown()
//	q.shutdown(immediate=True)       ShutdownNow()
//	Empty, Full, ShutDown            ErrEmpty, ErrFull, ErrShutdown
//
// # Giving up
//
// A call that gives up leaves the queue as if it had not been made: a put has
// stored nothing, a get has taken nothing. If the limit is reached at the moment
// of a hand-over, either the call succeeds, or the item or the room goes to the
// next waiter. A form with a context returns [context.Cause] of it when it has
// ended, also if that was before the call; only the shutdown of the queue is
// reported before that. A d of [math.MaxInt64] is forever.
//
// A goroutine that waits is durably blocked in the sense of [testing/synctest].
// One that waits in a bubble must be served from that bubble. Calls that do not
// wait may be made in a bubble and outside of it at the same moment.
package queue

import (
	"errors"
	"fmt"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

var (
	// ErrEmpty is returned by a get that found no item, at once or in time.
	ErrEmpty = errors.New("queue: empty")

	// ErrFull is returned by a put that found no room, at once or in time.
	ErrFull = errors.New("queue: full")

	// ErrShutdown is returned by a put after Shutdown or ShutdownNow, and by a
	// get when nothing is left.
	ErrShutdown = errors.New("queue: shut down")

	// ErrTaskDone is the error that TaskDone panics with when no item is
	// unfinished.
	ErrTaskDone = errors.New("queue: TaskDone called more often than items were put")

	// ErrValue is the error that a call panics with if an argument makes no
	// sense, such as a GetN of no items. The panic value wraps ErrValue and names
	// the call and the argument.
	ErrValue = errors.New("queue: bad argument")
)

// A Queue passes items from goroutines that put them to goroutines that get them.
// It is a FIFO queue, or one of the other orders of [NewLIFO] and [NewPriority].
//
// The zero value is an empty, unbounded FIFO queue. A Queue must not be copied
// after first use.
//
// A put “synchronizes before” the return of the get that takes its item. The
// TaskDone that leaves nothing unfinished synchronizes before the return of every
// Join that reports it, and a shutdown before every ErrShutdown.
//
// Waiting getters and waiting putters are served in order of arrival. In a FIFO or
// LIFO queue of at most 32 items the item itself is handed over. In any other a
// waiter is woken, and a newcomer may be faster; once the waiter has tried for a
// millisecond and failed again, it is served next.
//
// A put or get takes constant time, in a priority queue logarithmic time. It
// allocates only storage that grows, which is released when a backlog has drained,
// and for the limit of a wait.
//
// If a select has to wait for it, or if no call gives up, counts or drains, use
// a channel.
type Queue[T any] struct {
	mark  watch.Mark
	guard park.Mutex

	items   blocks[T]
	lifo    bool
	heap    *heap[T] // if not nil, it holds the items
	maxsize int      // <= 0: unbounded
	shut    bool
	getters side[T]
	putters side[T]

	unfinished int64 // 64 bits, since whoever never calls TaskDone never lowers it
	joiners    park.List[turn[T]]

	waiters *park.Pool[turn[T]] // nil until somebody waits
}

// New returns an empty FIFO queue that holds up to maxsize items. If maxsize <= 0
// it is unbounded.
func New[T any](maxsize int) *Queue[T] { return &Queue[T]{maxsize: max(maxsize, 0)} }

// NewLIFO is like New but a get takes the newest item.
func NewLIFO[T any](maxsize int) *Queue[T] { return &Queue[T]{maxsize: max(maxsize, 0), lifo: true} }

// NewPriority is like New but a get takes the smallest item. Items that are equal
// leave in order of arrival.
//
// compare returns a negative number if a leaves before b, a positive number if b
// leaves before a, and 0 if they are equal. [By] makes one from a key. compare is
// called with the queue locked, so it must not use the queue, and never twice at
// once; it may be called on another goroutine. If it panics, so does the call that
// needed the answer; a put has then stored nothing, a get has taken nothing, and the
// queue is as it was.
//
// [cmp.Compare] of an integer type, and By of an integer key, cost least.
// NewPriority panics with [ErrValue] if compare is nil.
func NewPriority[T any](maxsize int, compare func(a, b T) int) *Queue[T] {
	if compare == nil {
		panic(fmt.Errorf("%w: NewPriority with a nil compare", ErrValue))
	}
	return &Queue[T]{maxsize: max(maxsize, 0), heap: newHeap(compare)}
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
	if q.heap != nil {
		q.ask(func() { q.heap.push(item) })
	} else {
		q.items.pushBack(item)
	}
	q.unfinished++
}

func (q *Queue[T]) take() (item T) {
	switch {
	case q.heap != nil:
		q.ask(func() { item = q.heap.pop() })
		return item
	case q.lifo:
		return q.items.popBack()
	}
	return q.items.popFront()
}

// ask calls f, which calls compare or a predicate, with the guard held. If that
// does not return, f has changed nothing; the guard is released, and if the call
// was woken to do this, another is woken.
func (q *Queue[T]) ask(f func()) {
	returned := false
	defer func() {
		if !returned {
			q.unlock()
		}
	}()
	f()
	returned = true
}
