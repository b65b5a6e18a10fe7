package pool

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Wait waits until n of rs are ready, all if n > len(rs), and returns those that
// are and those that are not, each in the order given. With n < 1 it does not
// wait. It is concurrent.futures.wait, asyncio.wait, and gevent's wait with a
// count:
//
//	return_when=ALL_COMPLETED      Wait(len(rs), rs...)
//	return_when=FIRST_COMPLETED    Wait(1, rs...)
//	return_when=FIRST_EXCEPTION    a loop over AsCompleted that ends after the first that is not Successful
//
// A Result may be given several times, and counts as often; a nil one panics.
func Wait[T any](n int, rs ...*Result[T]) (done, pending []*Result[T]) {
	return waitFor(context.Background(), n, rs)
}

// WaitTimeout is like Wait but waits at most d, for all of them together.
func WaitTimeout[T any](d time.Duration, n int, rs ...*Result[T]) (done, pending []*Result[T]) {
	ctx, stop := within(d)
	defer stop()
	return waitFor(ctx, n, rs)
}

// WaitContext is like Wait but gives up when ctx ends. What it returns as pending
// tells that it did.
func WaitContext[T any](ctx context.Context, n int, rs ...*Result[T]) (done, pending []*Result[T]) {
	needed(ctx != nil, "context", "WaitContext")
	return waitFor(ctx, n, rs)
}

func waitFor[T any](ctx context.Context, n int, rs []*Result[T]) (done, pending []*Result[T]) {
	for _, r := range rs {
		needed(r != nil, "Result", "Wait")
	}
	ready := 0
	for _, r := range rs {
		if r.Ready() {
			ready++
		}
	}
	n = min(n, len(rs))
	if ready < n && ctx.Err() == nil {
		checkWait("Wait", rs)
		waitSome(ctx, n, rs)
	}
	for _, r := range rs {
		if r.Ready() {
			done = append(done, r)
		} else {
			pending = append(pending, r)
		}
	}
	return done, pending
}

// waitSome waits until n are ready, or ctx ends.
func waitSome[T any](ctx context.Context, n int, rs []*Result[T]) {
	if n == len(rs) {
		waitAll(ctx, rs)
		return
	}
	var enough park.Latch
	var left atomic.Int64
	left.Store(int64(n))
	tell := func() {
		if left.Add(-1) == 0 {
			enough.Open()
		}
	}
	for _, r := range rs {
		w := &node[func()]{of: tell}
		r.task.watch(w)
		defer r.task.unwatch(w)
	}
	limit := park.Until(ctx)
	defer lendForSome(n, rs)()
	enough.WaitLimit(limit)
}
