package queue

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// Unfinished returns the number of items that were put and are not yet done. A put
// raises it; TaskDone lowers it, and so does ShutdownNow for the items it drops.
func (q *Queue[T]) Unfinished() int {
	q.guard.Lock()
	n := q.unfinished
	q.guard.Unlock()
	return int(min(n, math.MaxInt))
}

// TaskDone marks one item as done. As in Python it only counts, and is not tied to
// an item. It panics with [ErrTaskDone], and changes nothing, if no item is
// unfinished.
func (q *Queue[T]) TaskDone() {
	q.guard.Lock()
	if q.unfinished == 0 {
		q.guard.Unlock()
		panic(ErrTaskDone)
	}
	q.unfinished--
	var joined park.Chain[turn[T]]
	q.takeJoined(&joined)
	q.guard.Unlock()
	joined.Wake(park.Granted)
}

// takeJoined takes those off the list whose Join is over, if it is.
func (q *Queue[T]) takeJoined(joined *park.Chain[turn[T]]) {
	if q.unfinished == 0 {
		q.joiners.TakeAll(joined)
	}
}

// Join waits until no item is unfinished. It returns when that was so at some
// moment since the call, even if more items have been put since.
func (q *Queue[T]) Join() { q.join(park.Forever) }

// JoinTimeout is like Join but waits at most d. It reports whether no item was
// unfinished. If d <= 0 it does not wait.
func (q *Queue[T]) JoinTimeout(d time.Duration) bool {
	if d <= 0 {
		return q.Unfinished() == 0
	}
	return q.join(park.After(d))
}

// JoinContext is like Join but gives up when ctx ends; then it returns
// [context.Cause] of ctx.
func (q *Queue[T]) JoinContext(ctx context.Context) error {
	if ctx.Err() != nil || q.Unfinished() > 0 && !q.join(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

func (q *Queue[T]) join(limit park.Limit) bool {
	q.guard.Lock()
	if q.unfinished == 0 {
		q.guard.Unlock()
		return true
	}
	w, waiters := q.waiter(limit)
	defer waiters.Put(w)
	q.joiners.PushBack(w)
	return w.Sleep(&q.guard) == park.Granted
}

// Tasks returns an iterator that gets items until the queue is shut down and
// nothing is left. It calls TaskDone after each loop body, however that ends: by
// its last statement, continue, break, return or a panic. The body must not call
// TaskDone itself; it may shut the queue down. Several goroutines may range over
// one queue, and share its items.
func (q *Queue[T]) Tasks() iter.Seq[T] { return q.TasksContext(context.Background()) }

// TasksContext is like Tasks but also ends when ctx ends.
func (q *Queue[T]) TasksContext(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			item, err := q.GetContext(ctx)
			if err != nil || !q.do(item, yield) {
				return
			}
		}
	}
}

func (q *Queue[T]) do(item T, body func(T) bool) bool {
	defer q.TaskDone()
	return body(item)
}

// stat is what a report says of the queue.
func (q *Queue[T]) stat() watch.Stat {
	q.guard.Lock()
	defer q.guard.Unlock()
	return watch.Stat{Len: q.size(), Cap: max(q.maxsize, 0), Unfinished: int(min(q.unfinished, math.MaxInt))}
}
