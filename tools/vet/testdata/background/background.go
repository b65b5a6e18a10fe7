package background

import (
	"context"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

type worker struct {
	guard lock.Lock
	jobs  *queue.Queue[int]
}

func (w *worker) plain(b *barrier.Barrier) error {
	n, err := w.jobs.GetContext(context.Background()) // want `Queue.GetContext with a context that never ends is Queue.Get \(background\)`
	if err != nil {
		return err
	}
	if err := w.jobs.PutContext(context.TODO(), n); err != nil { // want `Queue.PutContext with a context that never ends is Queue.Put`
		return err
	}
	_, err = b.WaitContext(context.Background())               // want `Barrier.WaitContext`
	for n := range w.jobs.TasksContext(context.Background()) { // want `Queue.TasksContext`
		_ = n
	}
	w.guard.LockContext(context.Background())                         // want `Lock.LockContext`
	_ = w.guard.LockContext(context.Background())                     // want `Lock.LockContext`
	if err := w.guard.LockContext(context.Background()); err != nil { // want `Lock.LockContext`
		return err
	}
	return err
}

func completed(rs []*pool.Result[int]) {
	for range pool.AsCompletedContext(context.Background(), rs...) { // want `pool.AsCompletedContext with a context that never ends is pool.AsCompleted`
	}
}

// The rest is right.

func right(ctx context.Context, w *worker) {
	_ = w.guard.LockContext(ctx)
	_ = w.guard.LockContext(context.WithoutCancel(ctx))
	_ = thread.SleepContext(context.Background(), time.Second)
}
