package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// Get takes an item, waiting for one as long as necessary. It returns
// [ErrShutdown] if the queue is shut down and nothing is left.
func (q *Queue[T]) Get() (T, error) { return q.get(park.Forever) }

// TryGet takes an item if there is one. Otherwise it returns [ErrEmpty] or
// [ErrShutdown].
func (q *Queue[T]) TryGet() (item T, err error) {
	q.guard.Lock()
	if q.size() == 0 {
		err = q.nothing()
		q.guard.Unlock()
		return item, err
	}
	item = q.take()
	if watch.On {
		q.mark.Took()
	}
	q.unlock()
	return item, nil
}

// nothing is the error of a get that does not wait, with the guard held.
func (q *Queue[T]) nothing() error {
	if q.shut {
		return ErrShutdown
	}
	return ErrEmpty
}

// GetTimeout is like Get but waits at most d; then it returns [ErrEmpty]. If
// d <= 0 it is TryGet.
func (q *Queue[T]) GetTimeout(d time.Duration) (T, error) {
	if d <= 0 {
		return q.TryGet()
	}
	return q.get(park.After(d))
}

// GetContext is like Get but gives up when ctx ends; then it returns
// [context.Cause] of ctx.
func (q *Queue[T]) GetContext(ctx context.Context) (item T, err error) {
	if ctx.Err() != nil {
		return item, q.ended(ctx)
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

// ended is the error of a get whose ctx had ended before.
func (q *Queue[T]) ended(ctx context.Context) error {
	q.guard.Lock()
	over := q.shut && q.size() == 0
	q.guard.Unlock()
	if over {
		return ErrShutdown
	}
	return park.Cause(ctx)
}

// get returns ErrEmpty when it reached its limit.
func (q *Queue[T]) get(limit park.Limit) (T, error) {
	q.guard.Lock()
	if q.size() == 0 {
		return q.getSlow(limit, nil)
	}
	item := q.take()
	if watch.On {
		q.mark.Took()
	}
	q.unlock()
	return item, nil
}

// getSlow goes on where get, which holds the guard, cannot. If b is not nil it
// takes what b wants, into b.
func (q *Queue[T]) getSlow(limit park.Limit, b *batch[T]) (item T, err error) {
	w, waiters := q.waiter(limit)
	defer waiters.Put(w)
	w.Value.batch = b
	for awake := false; ; awake = true {
		switch {
		case q.size() > 0:
			if b == nil {
				item = q.take()
			} else {
				b.items = q.takeN(b.n)
			}
			if watch.On {
				q.mark.Took()
			}
			q.unlock()
			return item, nil
		case q.shut:
			q.guard.Unlock()
			return item, ErrShutdown
		}
		q.await(&q.getters, w, awake)
		switch w.Sleep(&q.guard) {
		case park.Granted:
			if watch.On {
				q.mark.Took()
			}
			return w.Value.item, nil
		case park.GaveUp:
			return item, ErrEmpty
		}
		q.guard.Lock()
		q.getters.tries()
	}
}

// TryGetIf takes the next item if pred returns true for it. Otherwise, or if there
// is none, it returns [ErrEmpty], or [ErrShutdown] if the queue is shut down and
// nothing is left.
//
// Unlike a Peek followed by a TryGet it is right if there are several consumers.
// pred is called with the queue locked and must not use it. If pred panics so does
// TryGetIf, and the queue is as it was. TryGetIf panics with [ErrValue] if pred is
// nil.
func (q *Queue[T]) TryGetIf(pred func(T) bool) (item T, err error) {
	if pred == nil {
		panic(fmt.Errorf("%w: TryGetIf with a nil func", ErrValue))
	}
	q.guard.Lock()
	if q.size() == 0 {
		err = q.nothing()
		q.guard.Unlock()
		return item, err
	}
	wanted := false
	q.ask(func() { wanted = pred(q.next()) })
	if !wanted {
		q.guard.Unlock()
		return item, ErrEmpty
	}
	item = q.take()
	if watch.On {
		q.mark.Took()
	}
	q.unlock()
	return item, nil
}
