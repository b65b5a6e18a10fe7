package process

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/queue"
)

// A Queue passes items between the goroutines of processes, first in, first
// out.
//
// Make a Queue with [NewQueue] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Queue, JoinableQueue and SimpleQueue:
//
//	put(x), put(x, timeout=d)        Put(x), PutTimeout(x, d)
//	put_nowait(x)                    TryPut(x)
//	get(), get(timeout=d)            Get, GetTimeout(d)
//	get_nowait()                     TryGet
//	qsize(), empty(), full()         Len, Empty, Full, which are exact
//	task_done(), join()              TaskDone, Join
//
// It is like [queue.Queue]. An item is encoded by the put, so a later change of
// it is not seen, and an item that cannot be encoded is an error of the put. A
// put has put when it returns: no process holds anything back when it ends.
//
// A process that is killed while it puts or gets has done all of it or nothing.
// Items that it has taken without a TaskDone are counted off: Join does not
// wait for them, and Lost counts them.
//
// Within a process, a put synchronizes before the return of the get that takes
// its item.
//
// A running process may barge ahead of one that was just woken, for about a
// millisecond. A put that gives up has stored nothing, and a get has taken
// nothing. Calls check in this order: shut down, which for a get means that
// nothing is left either; a ctx that had ended at entry; available; and then
// time or ctx.
//
// A put and a get are a lock and a copy each. Memory grows with what is inside,
// and is given back when the Queue is empty; where producers may run ahead, a
// bound is faster. Blocked calls hold two threads for each Queue and process.
// Among goroutines of one process use a [queue.Queue].
type Queue[T any] struct {
	handle
	q     *shm.Queue
	codec *codec[T]
}

// NewQueue makes an empty Queue for up to maxsize items; with maxsize <= 0 it
// is unbounded. It panics with ErrType if items of type T cannot be handed
// over, and with ErrSharing if there are shared objects in them.
func NewQueue[T any](maxsize int) *Queue[T] {
	c := newCodec[T]("NewQueue", false)
	q, err := shm.NewQueue(max(maxsize, 0))
	return &Queue[T]{q: made("NewQueue", q, err), codec: c}
}

func (q *Queue[T]) items() *shm.Queue {
	if q.q == nil {
		panic(zero("Queue"))
	}
	return q.q
}

// Put stores an item, waiting for room for as long as that takes. It returns
// nil, queue.ErrShutdown, or an error of the encoding or of the system, if
// there is no memory.
func (q *Queue[T]) Put(item T) error { return q.put(item, false, nil, queue.ErrFull) }

// TryPut stores an item if there is room. It returns queue.ErrFull if there is
// none.
func (q *Queue[T]) TryPut(item T) error { return q.put(item, true, nil, queue.ErrFull) }

// PutTimeout is like Put but waits for at most d, and then returns
// queue.ErrFull. With d <= 0 it is TryPut; math.MaxInt64 is forever.
func (q *Queue[T]) PutTimeout(item T, d time.Duration) error {
	if d <= 0 {
		return q.TryPut(item)
	}
	l := shm.After(d)
	defer l.Close()
	return q.put(item, false, l, queue.ErrFull)
}

// PutContext is like Put but returns context.Cause(ctx) if ctx ends first.
func (q *Queue[T]) PutContext(ctx context.Context, item T) error {
	if hasEnded(ctx) {
		if q.IsShutdown() {
			return queue.ErrShutdown
		}
		return park.Cause(ctx)
	}
	l := shm.Until(ctx)
	defer l.Close()
	err := q.put(item, false, l, queue.ErrFull)
	if err == queue.ErrFull {
		return park.Cause(ctx)
	}
	return err
}

func (q *Queue[T]) put(item T, try bool, l *shm.Limit, gaveUp error) (err error) {
	s := q.items()
	if q.codec.form == asMemory {
		if done, err := s.PutNow(memory(&item)); done {
			return putError(err, gaveUp)
		}
	}
	data, err := q.codec.encode(nil, item, nil)
	if err != nil {
		return err
	}
	return putError(s.Put(data, try, l), gaveUp)
}

func putError(err, gaveUp error) error {
	switch err {
	case nil:
		return nil
	case shm.ErrLimit:
		return gaveUp
	case shm.ErrShut:
		return queue.ErrShutdown
	}
	return fmt.Errorf("process: Queue: %w", err)
}

// Get takes an item, waiting for one for as long as that takes. It returns
// queue.ErrShutdown when the Queue is shut down and nothing is left.
func (q *Queue[T]) Get() (T, error) { return q.get(false, nil) }

// TryGet takes an item if there is one, or returns queue.ErrEmpty or
// queue.ErrShutdown.
func (q *Queue[T]) TryGet() (T, error) { return q.get(true, nil) }

// GetTimeout is like Get but waits for at most d, and then returns
// queue.ErrEmpty. With d <= 0 it is TryGet; math.MaxInt64 is forever.
func (q *Queue[T]) GetTimeout(d time.Duration) (T, error) {
	if d <= 0 {
		return q.TryGet()
	}
	l := shm.After(d)
	defer l.Close()
	return q.get(false, l)
}

// GetContext is like Get but returns context.Cause(ctx) if ctx ends first.
func (q *Queue[T]) GetContext(ctx context.Context) (item T, err error) {
	if hasEnded(ctx) {
		if q.items().Ended() {
			return item, queue.ErrShutdown
		}
		return item, park.Cause(ctx)
	}
	l := shm.Until(ctx)
	defer l.Close()
	item, err = q.get(false, l)
	if err == queue.ErrEmpty {
		err = park.Cause(ctx)
	}
	return item, err
}

func (q *Queue[T]) get(try bool, l *shm.Limit) (item T, err error) {
	s := q.items()
	if q.codec.form == asMemory {
		if data, ok, err := s.GetNow(memory(&item)); err != nil {
			return item, getError(err)
		} else if ok {
			return item, q.codec.sized(len(data))
		}
	}
	data, err := s.Get(try, l)
	if err != nil {
		return item, getError(err)
	}
	return q.codec.decode(data, nil)
}

func getError(err error) error {
	switch err {
	case shm.ErrLimit:
		return queue.ErrEmpty
	case shm.ErrShut:
		return queue.ErrShutdown
	}
	return fmt.Errorf("process: Queue: %w", err)
}

// GetN takes up to n items: it waits for the first as Get does, and takes what
// else is there. It panics if n < 1, and so do the forms that follow.
func (q *Queue[T]) GetN(n int) ([]T, error) { return q.more("GetN", n, q.Get) }

// TryGetN is like GetN but returns queue.ErrEmpty instead of waiting.
func (q *Queue[T]) TryGetN(n int) ([]T, error) { return q.more("TryGetN", n, q.TryGet) }

// GetNTimeout is like GetN but waits for at most d, and then returns
// queue.ErrEmpty. With d <= 0 it is TryGetN.
func (q *Queue[T]) GetNTimeout(n int, d time.Duration) ([]T, error) {
	return q.more("GetNTimeout", n, func() (T, error) { return q.GetTimeout(d) })
}

// GetNContext is like GetN but returns context.Cause(ctx) if ctx ends first.
func (q *Queue[T]) GetNContext(ctx context.Context, n int) ([]T, error) {
	return q.more("GetNContext", n, func() (T, error) { return q.GetContext(ctx) })
}

func (q *Queue[T]) more(call string, n int, first func() (T, error)) ([]T, error) {
	if n < 1 {
		panic(badCount(call, n))
	}
	item, err := first()
	if err != nil {
		return nil, err
	}
	items := []T{item}
	if n == 1 {
		return items, nil
	}
	all, err := q.items().Take(n - 1)
	for _, data := range all {
		item, err := q.codec.decode(data, nil)
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	if err != nil {
		err = getError(err)
	}
	return items, err
}

// Drain takes everything that is inside, and returns it. The items stay
// unfinished: each needs its TaskDone.
func (q *Queue[T]) Drain() []T {
	items := []T{}
	all, err := q.items().Take(math.MaxInt)
	for _, data := range all {
		item, failed := q.codec.decode(data, nil)
		if failed != nil {
			panic(failed) // an UnmarshalBinary that fails
		}
		items = append(items, item)
	}
	if err != nil {
		panic(getError(err))
	}
	return items
}

// Len returns how many items are inside.
func (q *Queue[T]) Len() int { return q.items().Len() }

// Cap returns how many items fit, 0 if the Queue is unbounded.
func (q *Queue[T]) Cap() int { return q.items().Cap() }

// Empty reports whether nothing is inside.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether no more items fit. An unbounded Queue is never full.
func (q *Queue[T]) Full() bool { return q.items().Full() }

// Shutdown ends the putting: every put from now on, and every put that waits,
// returns queue.ErrShutdown. What is inside can still be got; then a get
// returns queue.ErrShutdown. Join is not affected.
func (q *Queue[T]) Shutdown() { q.items().Shutdown(false) }

// ShutdownNow is like Shutdown but drops what is inside: dropped items are no
// longer unfinished, and every get returns queue.ErrShutdown. Join still waits
// for the items that were taken before and are not yet done.
func (q *Queue[T]) ShutdownNow() { q.items().Shutdown(true) }

// IsShutdown reports whether Shutdown or ShutdownNow was called.
func (q *Queue[T]) IsShutdown() bool { return q.items().IsShut() }

// MarshalBinary encodes q for another process. It returns ErrSharing unless
// this package encodes.
func (q *Queue[T]) MarshalBinary() ([]byte, error) {
	return handOver("Queue", q.q, (*shm.Queue).Descriptor)
}

// UnmarshalBinary is the other direction.
func (q *Queue[T]) UnmarshalBinary(data []byte) (err error) {
	q.codec = newCodec[T]("Queue", false)
	q.q, err = takeOver("Queue", data, shm.AttachQueue)
	return err
}

func badCount(call string, n int) error {
	return fmt.Errorf("process: %s(%d): want 1 or more", call, n)
}
