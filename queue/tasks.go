package queue

import (
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Unfinished returns how many items were put and are not yet done: it counts up with every item that is stored and
// down with every TaskDone, and with the items that ShutdownNow drops.
func (q *Queue[T]) Unfinished() int {
	q.guard.Lock()
	defer q.guard.Unlock()
	return q.unfinished
}

// TaskDone says that an item which was got has been dealt with. It panics with ErrTaskDone, and does nothing, if no
// item is unfinished. As in Python it is not tied to an item: it only counts.
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

// Join waits until no item is unfinished. It returns when that was so at some moment since the call, even if more has
// been put meanwhile.
func (q *Queue[T]) Join() { q.join(park.Forever) }

// JoinTimeout is Join, unless that takes longer than d, and reports whether everything was finished. With d <= 0 it
// does not wait; math.MaxInt64 is for ever.
func (q *Queue[T]) JoinTimeout(d time.Duration) bool {
	if d <= 0 {
		return q.Unfinished() == 0
	}
	return q.join(park.After(d))
}

// JoinContext is Join, unless ctx ends first; then it returns context.Cause(ctx).
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

// Tasks returns an iterator that gets items until the queue is shut down and nothing is left, and calls TaskDone after
// each loop body, however that ends: by its last statement, continue, break, return or a panic. The body must not
// call TaskDone itself; it may shut the queue down. Several goroutines may range over one queue and share its items.
func (q *Queue[T]) Tasks() iter.Seq[T] { return q.TasksContext(context.Background()) }

// TasksContext is Tasks, and ends when ctx ends too; context.Cause(ctx) tells.
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
