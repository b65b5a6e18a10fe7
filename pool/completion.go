package pool

import (
	"cmp"
	"context"
	"slices"

	"github.com/gothreading/threading/queue"
)

// A completion is a loop over Results as they become ready. It holds those that
// were not yielded, and no other.
type completion[T any] struct {
	ended   queue.Queue[*Result[T]] // those that have ended and were not looked at yet
	watched map[*Result[T]]*watched
	lender  *worker // who waits, or nil
	errands errands
	late    bool         // it does not wait any more:
	rest    []*Result[T] // these are left
}

// A watched is what a completion needs to let go of a Result.
type watched struct {
	at     int // of those given
	tell   node[func()]
	errand *errand // or nil
	place  int     // in the errand
}

func watchAll[T any](rs []*Result[T]) *completion[T] {
	l := &completion[T]{watched: make(map[*Result[T]]*watched, len(rs))}
	ts := make([]*task, 0, len(rs))
	for i, r := range rs {
		if l.watched[r] != nil {
			continue
		}
		w := &watched{at: i}
		w.tell.of = func() { _ = l.ended.Put(r) } // the queue is unbounded, and never shut down
		l.watched[r] = w
		ts = append(ts, &r.task)
		r.task.watch(&w.tell)
	}
	if l.lender = lender(); l.lender == nil {
		return l
	}
	l.errands = l.lender.errandsFor(1, ts)
	places := make(map[*task]*watched, len(ts))
	for r, w := range l.watched {
		places[&r.task] = w
	}
	for _, e := range l.errands {
		e.any = true
		for i := range e.some {
			w := places[e.some[i].task]
			w.errand, w.place = e, i
		}
	}
	return l
}

// end forgets what was not yielded.
func (l *completion[T]) end() {
	for r, w := range l.watched {
		r.task.unwatch(&w.tell)
	}
	l.errands.letAllGo()
}

// next returns the next Result that is ready, or nil if there will be none before
// ctx ends, if that is not nil.
func (l *completion[T]) next(ctx context.Context) *Result[T] {
	if len(l.watched) == 0 {
		return nil
	}
	if !l.late {
		if r := l.await(ctx); r != nil {
			l.forget(r)
			return r
		}
		l.late = true
		l.rest = l.ready()
	}
	if len(l.rest) == 0 {
		return nil
	}
	r := l.rest[0]
	l.rest[0] = nil
	l.rest = l.rest[1:]
	l.forget(r)
	return r
}

// await waits for the next Result, or until ctx ends, if that is not nil.
func (l *completion[T]) await(ctx context.Context) *Result[T] {
	if ctx != nil && ctx.Err() != nil {
		return nil
	}
	if r, err := l.ended.TryGet(); err == nil {
		return r
	}
	defer l.lender.lend(l.errands).back()
	if ctx == nil {
		r, _ := l.ended.Get()
		return r
	}
	r, _ := l.ended.GetContext(ctx)
	return r
}

// ready returns those that are ready, in the order given. Not all of them need be
// in the queue: who ends one opens it first.
func (l *completion[T]) ready() (rs []*Result[T]) {
	for r := range l.watched {
		if r.Ready() {
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, func(a, b *Result[T]) int { return cmp.Compare(l.watched[a].at, l.watched[b].at) })
	return rs
}

// forget lets go of r, which has ended.
func (l *completion[T]) forget(r *Result[T]) {
	if w := l.watched[r]; w.errand != nil {
		w.errand.core.guard.Lock()
		w.errand.letGo(w.place)
		w.errand.core.guard.Unlock()
	}
	delete(l.watched, r)
}
