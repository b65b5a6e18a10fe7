package unstarted

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

func work() {}

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

func dropped(p *pool.Pool, q *queue.Queue[int]) {
	thread.New(work)                                                    // want `what thread.New returns is dropped, and is never started: use thread.Go, or call its Start \(unstarted\)`
	threading.NewThread(work)                                           // want `what threading.NewThread returns is dropped`
	timer.New(time.Second, work)                                        // want `what timer.New returns is dropped`
	timer.Every(time.Second, work)                                      // want `what timer.Every returns is dropped`
	threading.NewTimer(time.Second, work)                               // want `what threading.NewTimer returns is dropped`
	pool.IMap(p, double, slices.Values([]int{1}))                       // want `what pool.IMap returns is dropped, and does nothing until a loop ranges over it`
	pool.IMapUnordered(p, double, slices.Values([]int{1}))              // want `what pool.IMapUnordered returns is dropped`
	pool.AsCompleted[int]()                                             // want `what pool.AsCompleted returns is dropped`
	pool.AsCompletedTimeout[int](time.Second)                           // want `what pool.AsCompletedTimeout returns is dropped`
	q.All()                                                             // want `what Queue.All returns is dropped, and does nothing until a loop ranges over it`
	q.Tasks()                                                           // want `what Queue.Tasks returns is dropped`
	coroutine.New(func(coroutine.Yield[int, int]) error { return nil }) // want `what coroutine.New returns is dropped, and never runs`
	greenlet.New(func(any) (any, error) { return nil, nil })            // want `what greenlet.New returns is dropped`
}

// A sequence of others may do what it likes when it is made.
func others() iter.Seq[int] { return nil }

func right(p *pool.Pool) {
	thread.Go(work)
	thread.New(work).Start()
	t := thread.New(work)
	t.Start()
	_ = timer.New(time.Second, work)
	timer.New(time.Second, work).Start()
	thread.New(nil)
	others()
	_, _ = pool.Map(p, double, []int{1})
	for range pool.IMap(p, double, slices.Values([]int{1})) {
	}
}
