package queue

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Put stores an item, waiting for room as long as necessary. It returns nil or
// [ErrShutdown].
func (q *Queue[T]) Put(item T) error { return q.put(item, park.Forever) }

// TryPut stores an item if there is room. It returns nil, [ErrFull] or
// [ErrShutdown].
func (q *Queue[T]) TryPut(item T) error {
	q.guard.Lock()
	switch {
	case q.shut:
		q.guard.Unlock()
		return ErrShutdown
	case q.full():
		q.guard.Unlock()
		return ErrFull
	}
	q.store(item)
	q.unlock()
	return nil
}

// PutTimeout is like Put but waits at most d; then it returns [ErrFull]. If
// d <= 0 it is TryPut.
func (q *Queue[T]) PutTimeout(item T, d time.Duration) error {
	if d <= 0 {
		return q.TryPut(item)
	}
	return q.put(item, park.After(d))
}

// PutContext is like Put but gives up when ctx ends; then it returns
// [context.Cause] of ctx.
func (q *Queue[T]) PutContext(ctx context.Context, item T) error {
	if ctx.Err() != nil {
		if q.IsShutdown() {
			return ErrShutdown
		}
		return park.Cause(ctx)
	}
	err := q.TryPut(item)
	if err == ErrFull {
		err = q.put(item, park.Until(ctx))
	}
	if err == ErrFull {
		err = park.Cause(ctx)
	}
	return err
}

// put returns ErrFull when it reached its limit.
func (q *Queue[T]) put(item T, limit park.Limit) error {
	q.guard.Lock()
	if q.shut || q.full() {
		return q.putSlow(item, limit)
	}
	q.store(item)
	q.unlock()
	return nil
}

// putSlow goes on where put, which holds the guard, cannot. It is outlined so that
// put's item stays on the stack.
func (q *Queue[T]) putSlow(item T, limit park.Limit) error {
	w, waiters := q.waiter(limit)
	defer waiters.Put(w)
	w.Value.item = item
	for awake := false; ; awake = true {
		switch {
		case q.shut:
			q.guard.Unlock()
			return ErrShutdown
		case !q.full():
			q.store(item)
			q.unlock()
			return nil
		}
		q.await(&q.putters, w, awake)
		switch w.Sleep(&q.guard) {
		case park.Granted:
			return nil
		case park.GaveUp:
			return ErrFull
		}
		q.guard.Lock()
		q.putters.tries()
	}
}
