package pool

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A TaskOption is a choice made when a task is submitted.
type TaskOption[T any] struct{ apply func(*Result[T]) }

// Callback arranges for f to be called with the outcome of the task, exactly
// once, however the task ends, and before the Result is ready: a Get returns
// after f has. It is callback and error_callback of Python's Pool in one.
//
// f runs in the worker, in its slot, or, if the function is never called, in
// another thread of the pool; never in the goroutine that submitted, cancelled
// or terminated. Several callbacks are called in order. A panic in f is reported
// to the except hook of package thread.
func Callback[T any](f func(T, error)) TaskOption[T] {
	needed(f != nil, "func", "Callback")
	return TaskOption[T]{func(r *Result[T]) {
		t := &r.task
		t.flags |= callbacks | told
		x := t.more()
		x.callbacks = append(slices.Clip(x.callbacks), func() { f(r.value, t.err) })
	}}
}

// Apply runs fn in a worker, waits, and returns what fn returned. If p is a view
// with a context and that ends, Apply returns its cause at once: a function that
// was not called will not be, and one that is running goes on until it notices
// that its context has ended.
func Apply[T any](p *Pool, fn func(context.Context) (T, error)) (v T, err error) {
	if p.domain.parent != nil || watch.On {
		return applyThrough(p, fn)
	}
	needed(fn != nil, "func", "Apply")
	s := spares.Get().(*spare)
	r, ok := s.result.(*Result[T])
	if !ok {
		r = new(Result[T])
		s.result = r
	}
	t := &r.task
	r.fn, t.flags = fn, told
	p.prepare(t, r, 1)
	if err := p.submit(&submission{entry: &t.entry}, math.MaxInt64); err != nil {
		return v, err
	}
	w := lender()
	if w != nil {
		w.lendFor(t)
	}
	for !t.end.IsOpen() {
		t.end.WaitIn(s.seat)
	}
	if w != nil {
		w.back()
	}
	v, err = r.value, t.err
	*r = Result[T]{}
	spares.Put(s)
	return v, err
}

// A spare is what an Apply leaves to the next one: where it has waited, and its
// Result, of whatever type. That is safe because nobody else knows the Result. It
// is in no view, so no list has it once it was started; it has no callbacks and no
// OnDone; nobody cancels it; and to open it is the last that a worker does with it,
// or whoever drops it.
type spare struct {
	seat   *park.Seat
	result any
}

var spares = sync.Pool{New: func() any { return &spare{seat: park.NewSeat()} }}

// applyThrough is Apply through a view.
func applyThrough[T any](p *Pool, fn func(context.Context) (T, error)) (T, error) {
	r, err := submit(p, math.MaxInt64, fn, nil, "Apply")
	if err != nil {
		var zero T
		return zero, err
	}
	limit := park.Forever
	if p.domain.parent != nil {
		limit = park.Until(p.domain)
	}
	if r.task.wait(limit) {
		return r.value, r.task.outcome()
	}
	why := context.Context(p.domain)
	if p.domain.endedWithPool() {
		// That ends the view too, but it is the end of its context that one gives up for.
		why = p.domain.values()
		if r.task.wait(park.Until(why)) {
			return r.value, r.task.outcome()
		}
	}
	var zero T
	return zero, park.Cause(why)
}

// ApplyAsync submits fn and returns its Result at once, or, if the pool has a
// Backlog, as soon as there is room. If the task is not accepted, the Result is
// ready with the reason: ErrClosed, ErrTerminated, or the cause of the context
// of p.
func ApplyAsync[T any](p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T]) *Result[T] {
	r, err := submit(p, math.MaxInt64, fn, opts, "ApplyAsync")
	if err != nil {
		r.task.reject(err)
	}
	return r
}

// TryApplyAsync is like ApplyAsync but does not wait for room: it returns
// ErrFull. If the task is not accepted, there is no Result, and no callback is
// called.
func TryApplyAsync[T any](p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T]) (*Result[T], error) {
	return accepted(submit(p, 0, fn, opts, "TryApplyAsync"))
}

// ApplyAsyncTimeout is like ApplyAsync but waits at most d for room, and then
// returns ErrFull. If the task is not accepted, there is no Result, and no
// callback is called.
func ApplyAsyncTimeout[T any](
	p *Pool, d time.Duration, fn func(context.Context) (T, error), opts ...TaskOption[T],
) (*Result[T], error) {
	return accepted(submit(p, d, fn, opts, "ApplyAsyncTimeout"))
}

// ApplyAsyncContext is like ApplyAsync with p.WithContext(ctx): ctx bounds the
// wait for room, and is the parent of the context that fn is called with. If the
// task is not accepted, there is no Result, no callback is called, and the error
// is returned; it is the cause of ctx if ctx ends first. If ctx ends later, and
// before fn is called, the Result is that cause.
func ApplyAsyncContext[T any](
	ctx context.Context, p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T],
) (*Result[T], error) {
	needed(ctx != nil, "context", "ApplyAsyncContext")
	return accepted(submit(p.WithContext(ctx), math.MaxInt64, fn, opts, "ApplyAsyncContext"))
}

// submit returns a Result in any case.
func submit[T any](
	p *Pool, d time.Duration, fn func(context.Context) (T, error), opts []TaskOption[T], call string,
) (*Result[T], error) {
	needed(fn != nil, "func", call)
	r := &Result[T]{fn: fn}
	t := &r.task
	p.prepare(t, r, 1)
	for _, opt := range opts {
		if opt.apply != nil {
			opt.apply(r)
		}
	}
	switch {
	case call == "Apply":
		t.flags |= told
	case p.domain.scope != nil:
		t.flags |= told | fails
	}
	return r, p.submit(&submission{entry: &t.entry}, d)
}

func accepted[T any](r *Result[T], err error) (*Result[T], error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}
