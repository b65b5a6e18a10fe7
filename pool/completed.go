package pool

import (
	"context"
	"iter"

	"github.com/gothreading/threading/queue"
)

// AsCompleted returns an iterator over the Results as they become ready: those that are, in the order given, and then
// the others, each once however often it was given. Python: concurrent.futures.as_completed.
//
// Leaving the loop early is fine; the tasks go on. In a task, a loop lends the slot while it waits; one that waits for
// the task's own Result panics with ErrJoinSelf. For wait(FIRST_COMPLETED) leave the loop after the first, for
// wait(FIRST_EXCEPTION) after the first that is not Successful.
func AsCompleted[T any](rs ...*Result[T]) iter.Seq[*Result[T]] { return asCompleted(noContext, rs) }

// AsCompletedContext is AsCompleted, but the loop stops waiting when ctx ends: it yields what is ready and leaves out the
// rest, which are those that are not Ready; their tasks go on. If ctx had ended before the loop began, it yields nothing.
func AsCompletedContext[T any](ctx context.Context, rs ...*Result[T]) iter.Seq[*Result[T]] {
	return asCompleted(ctx, rs)
}

func asCompleted[T any](ctx context.Context, rs []*Result[T]) iter.Seq[*Result[T]] {
	return func(yield func(*Result[T]) bool) {
		if ctx != nil && ctx.Err() != nil {
			for _, r := range rs {
				r.task.waiter() // misuse is reported first
			}
			return
		}
		self, _ := here.Lookup()
		var ready endings[*Result[T]]
		watched := make(map[*Result[T]]*watcher, len(rs))
		defer func() {
			for r, w := range watched {
				r.task.unwatch(w)
			}
		}()
		for _, r := range rs {
			if watched[r] != nil {
				continue
			}
			if self != nil && self.within(&r.task) && !r.Ready() {
				panic(ErrJoinSelf)
			}
			w := &watcher{func() { ready.add(r) }}
			watched[r] = w
			r.task.watch(w)
		}
		for range len(watched) {
			r, ok := ready.next(ctx)
			if !ok || !yield(r) {
				return
			}
		}
	}
}

// endings are what has ended and was not looked at yet.
type endings[T any] struct{ queue queue.Queue[T] }

func (e *endings[T]) add(item T) { _ = e.queue.Put(item) } // it is unbounded, and never shut down

// now returns an ending if there is one.
func (e *endings[T]) now() (item T, ok bool) {
	item, err := e.queue.TryGet()
	return item, err == nil
}

// next waits for an ending until ctx ends, if that is not nil, and lends meanwhile what the caller holds.
func (e *endings[T]) next(ctx context.Context) (item T, ok bool) {
	if item, ok = e.now(); ok {
		return item, true
	}
	defer lend().back()
	var err error
	if ctx == nil {
		item, err = e.queue.Get()
	} else {
		item, err = e.queue.GetContext(ctx)
	}
	return item, err == nil
}
