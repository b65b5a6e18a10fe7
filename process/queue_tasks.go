package process

import (
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/queue"
)

// Unfinished returns how many items were put and are not yet done. Every put
// adds one. TaskDone takes one away, ShutdownNow what it drops, and a process
// that ends what it had taken.
func (q *Queue[T]) Unfinished() int { return q.items().Unfinished() }

// Lost returns how many items processes had taken, and not called TaskDone for,
// when they ended.
func (q *Queue[T]) Lost() int { return q.items().Lost() }

// TaskDone says that an item which was taken has been dealt with. It panics
// with queue.ErrTaskDone, and does nothing, if no item is unfinished.
func (q *Queue[T]) TaskDone() {
	if err := q.items().TaskDone(); err != nil {
		panic(queue.ErrTaskDone)
	}
}

// Join waits until no item is unfinished. It returns when that was so at some
// moment since the call.
func (q *Queue[T]) Join() { q.items().Join(nil) }

// JoinTimeout is like Join but waits for at most d, and reports whether
// everything was finished. With d <= 0 it does not wait; math.MaxInt64 is
// forever.
func (q *Queue[T]) JoinTimeout(d time.Duration) bool { return within(d, q.finished, q.items().Join) }

// JoinContext is like Join but returns context.Cause(ctx) if ctx ends first.
func (q *Queue[T]) JoinContext(ctx context.Context) error {
	return until(ctx, q.finished, q.items().Join)
}

func (q *Queue[T]) finished() bool { return q.Unfinished() == 0 }

// Tasks returns an iterator that gets items until the Queue is shut down and
// nothing is left, and calls TaskDone after each loop body, however that ends.
// The body must not call TaskDone itself.
func (q *Queue[T]) Tasks() iter.Seq[T] { return q.TasksContext(context.Background()) }

// TasksContext is like Tasks but ends when ctx ends too; context.Cause(ctx)
// tells.
func (q *Queue[T]) TasksContext(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			item, err := q.GetContext(ctx)
			switch {
			case err == queue.ErrShutdown, err != nil && hasEnded(ctx):
				return
			case err != nil: // an UnmarshalBinary that fails; or there is no memory
				panic(err)
			case !q.do(item, yield):
				return
			}
		}
	}
}

func (q *Queue[T]) do(item T, body func(T) bool) bool {
	defer q.TaskDone()
	return body(item)
}
