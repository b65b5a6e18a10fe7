package pool

import (
	"context"
	"iter"
	"time"
)

// AsCompleted returns an iterator over rs as they become ready: those that are,
// in the order given, and then the others, each once however often it was given.
// It is concurrent.futures.as_completed and gevent's iwait. A nil Result panics.
//
// Leaving the loop early leaves nothing behind; the tasks go on. The loop lets go
// of each Result that it has yielded. In a task, it lends the slot while it
// waits; one that would wait for the task's own Result panics with ErrJoinSelf.
func AsCompleted[T any](rs ...*Result[T]) iter.Seq[*Result[T]] {
	return asCompleted(func() (context.Context, func()) { return nil, func() {} }, rs)
}

// AsCompletedTimeout is like AsCompleted but waits at most d, counted from the
// beginning of the loop. It then yields what is ready, and ends, where Python's
// raises a TimeoutError. What was not yielded is not ready; the tasks go on.
func AsCompletedTimeout[T any](d time.Duration, rs ...*Result[T]) iter.Seq[*Result[T]] {
	return asCompleted(func() (context.Context, func()) { return within(d) }, rs)
}

// AsCompletedContext is like AsCompleted but stops waiting when ctx ends. It then
// yields what is ready, and ends. What was not yielded is not ready; the tasks go
// on.
func AsCompletedContext[T any](ctx context.Context, rs ...*Result[T]) iter.Seq[*Result[T]] {
	needed(ctx != nil, "context", "AsCompletedContext")
	return asCompleted(func() (context.Context, func()) { return ctx, func() {} }, rs)
}

func asCompleted[T any](limit func() (context.Context, func()), rs []*Result[T]) iter.Seq[*Result[T]] {
	for _, r := range rs {
		needed(r != nil, "Result", "AsCompleted")
	}
	return func(yield func(*Result[T]) bool) {
		checkWait("AsCompleted", rs)
		ctx, stop := limit()
		defer stop()
		l := watchAll(rs)
		defer l.end()
		for r := l.next(ctx); r != nil && yield(r); r = l.next(ctx) {
		}
	}
}
