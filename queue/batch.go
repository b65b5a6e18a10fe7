package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A batch is what a GetN that has to wait wants, and gets.
type batch[T any] struct {
	n     int
	items []T
}

// GetN takes up to n items at once, in the order in which Get would. It waits, as
// long as necessary, until there is one, and then takes what there is. It returns
// [ErrShutdown] if the queue is shut down and nothing is left.
//
// Each item needs its own TaskDone. The forms of GetN panic with [ErrValue] if
// n < 1.
func (q *Queue[T]) GetN(n int) ([]T, error) {
	checkN(n, "GetN")
	return q.getN(n, park.Forever)
}

// TryGetN is like GetN but does not wait: if there is no item it returns
// [ErrEmpty] or [ErrShutdown].
func (q *Queue[T]) TryGetN(n int) ([]T, error) {
	checkN(n, "TryGetN")
	return q.tryGetN(n)
}

// GetNTimeout is like GetN but waits at most d; then it returns [ErrEmpty]. If
// d <= 0 it is TryGetN.
func (q *Queue[T]) GetNTimeout(n int, d time.Duration) ([]T, error) {
	checkN(n, "GetNTimeout")
	if d <= 0 {
		return q.tryGetN(n)
	}
	return q.getN(n, park.After(d))
}

// GetNContext is like GetN but gives up when ctx ends; then it returns
// [context.Cause] of ctx.
func (q *Queue[T]) GetNContext(ctx context.Context, n int) ([]T, error) {
	checkN(n, "GetNContext")
	if ctx.Err() != nil {
		return nil, q.ended(ctx)
	}
	items, err := q.tryGetN(n)
	if err == ErrEmpty {
		items, err = q.getN(n, park.Until(ctx))
	}
	if err == ErrEmpty {
		err = park.Cause(ctx)
	}
	return items, err
}

func checkN(n int, call string) {
	if n < 1 {
		panic(fmt.Errorf("%w: %s of %d items: want at least 1", ErrValue, call, n))
	}
}

func (q *Queue[T]) tryGetN(n int) ([]T, error) {
	q.guard.Lock()
	if q.size() == 0 {
		err := q.nothing()
		q.guard.Unlock()
		return nil, err
	}
	items := q.takeN(n)
	if watch.On {
		q.mark.Took()
	}
	q.unlock()
	return items, nil
}

// getN returns ErrEmpty when it reached its limit.
func (q *Queue[T]) getN(n int, limit park.Limit) ([]T, error) {
	items, err := q.tryGetN(n)
	if err != ErrEmpty {
		return items, err
	}
	b := &batch[T]{n: n}
	q.guard.Lock()
	_, err = q.getSlow(limit, b)
	return b.items, err
}

// takeN takes n items, or all if there are fewer, with the guard held.
func (q *Queue[T]) takeN(n int) (items []T) {
	n = min(n, q.size())
	if q.heap != nil {
		q.ask(func() { items = q.heap.popN(n) })
		return items
	}
	items = make([]T, n)
	for i := range items {
		items[i] = q.take()
	}
	return items
}
