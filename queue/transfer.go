package queue

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Put stores an item, waiting for room for as long as that takes. It returns nil or ErrShutdown.
func (q *Queue[T]) Put(item T) error { return q.put(item, park.Forever) }

// TryPut stores an item if there is room. It returns nil, ErrFull or ErrShutdown.
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

// PutTimeout stores an item unless it has to wait for room for longer than d. It returns nil, ErrFull or ErrShutdown.
// With d <= 0 it is TryPut; math.MaxInt64 is for ever.
func (q *Queue[T]) PutTimeout(item T, d time.Duration) error {
	if d <= 0 {
		return q.TryPut(item)
	}
	return q.put(item, park.After(d))
}

// PutContext stores an item unless ctx ends before there is room. It returns nil, ErrShutdown or context.Cause(ctx).
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

// putSlow goes on where put, which holds the guard, cannot. It is apart so that put's item stays on the stack.
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
		q.putters.awake = false
	}
}

// Get takes an item, waiting for one for as long as that takes. It returns ErrShutdown when the queue is shut down and
// nothing is left.
func (q *Queue[T]) Get() (T, error) { return q.get(park.Forever) }

// TryGet takes an item if there is one, or returns ErrEmpty or ErrShutdown.
func (q *Queue[T]) TryGet() (item T, err error) {
	q.guard.Lock()
	switch {
	case q.size() > 0:
		item = q.take()
		q.unlock()
		return item, nil
	case q.shut:
		err = ErrShutdown
	default:
		err = ErrEmpty
	}
	q.guard.Unlock()
	return item, err
}

// GetTimeout takes an item unless it has to wait for one for longer than d; then it returns ErrEmpty. It returns
// ErrShutdown as Get does. With d <= 0 it is TryGet; math.MaxInt64 is for ever.
func (q *Queue[T]) GetTimeout(d time.Duration) (T, error) {
	if d <= 0 {
		return q.TryGet()
	}
	return q.get(park.After(d))
}

// GetContext takes an item unless ctx ends before there is one; then it returns context.Cause(ctx). It returns
// ErrShutdown as Get does.
func (q *Queue[T]) GetContext(ctx context.Context) (item T, err error) {
	if ctx.Err() != nil {
		q.guard.Lock()
		over := q.shut && q.size() == 0
		q.guard.Unlock()
		if over {
			return item, ErrShutdown
		}
		return item, park.Cause(ctx)
	}
	item, err = q.TryGet()
	if err == ErrEmpty {
		item, err = q.get(park.Until(ctx))
	}
	if err == ErrEmpty {
		err = park.Cause(ctx)
	}
	return item, err
}

// get returns ErrEmpty when it reached its limit.
func (q *Queue[T]) get(limit park.Limit) (T, error) {
	q.guard.Lock()
	if q.size() == 0 {
		return q.getSlow(limit)
	}
	item := q.take()
	q.unlock()
	return item, nil
}

// getSlow goes on where get, which holds the guard, cannot.
func (q *Queue[T]) getSlow(limit park.Limit) (item T, err error) {
	w, waiters := q.waiter(limit)
	defer waiters.Put(w)
	for awake := false; ; awake = true {
		switch {
		case q.size() > 0:
			item = q.take()
			q.unlock()
			return item, nil
		case q.shut:
			q.guard.Unlock()
			return item, ErrShutdown
		}
		q.await(&q.getters, w, awake)
		switch w.Sleep(&q.guard) {
		case park.Granted:
			return w.Value.item, nil
		case park.GaveUp:
			return item, ErrEmpty
		}
		q.guard.Lock()
		q.getters.awake = false
	}
}
