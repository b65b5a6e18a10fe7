package pool

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Gather waits until all rs are ready, and returns their values in the order
// given. If any failed, the error is a *MapError with the error of each, by
// index; where there is no value, the slice has the zero value. It is asyncio's
// gather and gevent's joinall. A Result may be given several times; a nil one
// panics.
//
// All rs are of one type. Tasks of several types are run in a [Scope] and leave
// their values in variables, or are gathered type by type.
func Gather[T any](rs ...*Result[T]) ([]T, error) {
	return gather(context.Background(), false, rs)
}

// GatherTimeout is like Gather but waits at most d, for all of them together. It
// then returns the values of those that are ready, and ErrTimeout, joined with
// the *MapError of those that failed. The tasks go on.
func GatherTimeout[T any](d time.Duration, rs ...*Result[T]) ([]T, error) {
	ctx, stop := within(d)
	defer stop()
	return gather(ctx, false, rs)
}

// GatherContext is like Gather but gives up when ctx ends. It then returns the
// values of those that are ready, and the cause of ctx, joined with the *MapError
// of those that failed. The tasks go on.
func GatherContext[T any](ctx context.Context, rs ...*Result[T]) ([]T, error) {
	needed(ctx != nil, "context", "GatherContext")
	return gather(ctx, true, rs)
}

// within returns a context that ends after d, and how to release it.
func within(d time.Duration) (context.Context, func()) {
	if d == math.MaxInt64 {
		return context.Background(), func() {}
	}
	return context.WithTimeoutCause(context.Background(), d, ErrTimeout)
}

// gather is Gather until ctx ends. With strict, a ctx that has ended is reported
// though all are ready.
func gather[T any](ctx context.Context, strict bool, rs []*Result[T]) ([]T, error) {
	checkWait("Gather", rs)
	late := ctx.Err() != nil
	if !late {
		late = !waitAll(ctx, rs)
	}
	values := make([]T, len(rs))
	var failures []*ItemError
	all := true
	for i, r := range rs {
		if !r.Ready() {
			all = false
			continue
		}
		values[i] = r.value
		if err := r.task.outcome(); err != nil {
			failures = append(failures, &ItemError{Index: i, Err: err})
		}
	}
	err := newMapError(failures, len(rs))
	switch {
	case !late || all && !strict:
		return values, err
	case err == nil:
		return values, park.Cause(ctx)
	}
	return values, errors.Join(park.Cause(ctx), err)
}

// checkWait panics if one of the Results is nil, or the calling code's own.
func checkWait[T any](call string, rs []*Result[T]) {
	for _, r := range rs {
		needed(r != nil, "Result", call)
	}
	for _, r := range rs {
		if !r.Ready() {
			r.task.checkSelf(here())
		}
	}
}

// waitAll waits until all are ready, or ctx ends.
func waitAll[T any](ctx context.Context, rs []*Result[T]) bool {
	limit := park.Until(ctx)
	defer lendForSome(len(rs), rs)()
	for _, r := range rs {
		if !r.task.await(limit) {
			return false
		}
	}
	return true
}

// lendForSome lends the slot of the calling code, if it has one, for a wait until n
// of the Results are ready. It returns the end of the wait.
func lendForSome[T any](n int, rs []*Result[T]) (back func()) {
	w := lender()
	if w == nil {
		return func() {}
	}
	es := w.errandsFor(n, tasksOf(rs))
	w.lend(es)
	return func() {
		w.back()
		es.letAllGo()
	}
}

func tasksOf[T any](rs []*Result[T]) []*task {
	ts := make([]*task, len(rs))
	for i, r := range rs {
		ts[i] = &r.task
	}
	return ts
}
