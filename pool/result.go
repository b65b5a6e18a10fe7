package pool

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// A Result is what will become of a task: the value and the error that its function returns, or the reason why it will
// not be called. It is made by ApplyAsync and its like, and by MapAsync. A Result must not be copied.
//
// Python: multiprocessing.pool.AsyncResult and concurrent.futures.Future. Get is get() and result(), Ready is ready()
// and done(), OnDone is add_done_callback(), Cancel is cancel().
//
// Memory model: the return of the function and of the callbacks synchronizes before the return of every Get, Wait, TryGet
// or Ready, and the receive from Done, that reports the end.
//
// A task that waits in a form of Get or Wait lends its slot, see the package comment. A wait that gives up changes
// nothing. In the task itself, and in its callbacks, a wait panics with ErrJoinSelf.
//
// A Result keeps the value until it is garbage itself, but not the function and its arguments.
type Result[T any] struct {
	task  task
	fn    func(context.Context) (T, error) // until it is called
	value T
}

// A TaskOption is a choice made when a task is submitted.
type TaskOption[T any] func(*Result[T])

// Callback lets f be called with what became of the task, once and whatever that is, before the Result is ready: a Get
// returns after f has. It is callback and error_callback of Python's Pool in one. f runs in the worker, or, if the task
// is never started, in another thread of the pool, never in the goroutine that submitted, cancelled or terminated. Several
// callbacks are called in order. A panic in f goes to the except hook of package thread.
func Callback[T any](f func(T, error)) TaskOption[T] {
	if f == nil {
		panic("pool: Callback of a nil func")
	}
	return func(r *Result[T]) {
		last := &r.task.callbacks
		for *last != nil {
			last = &(*last).next
		}
		*last = &callback{call: func() { f(r.value, r.task.err) }}
	}
}

// Apply lets a worker call fn, waits, and returns what it returned. If p is a view with a context and that ends, Apply
// returns its cause at once: a function that was not called will not be, and one that is running goes on until it
// notices that its context has ended.
func Apply[T any](p *Pool, fn func(context.Context) (T, error)) (T, error) {
	r, err := submit(p, noContext, math.MaxInt64, fn, nil, "Apply")
	if err != nil {
		var zero T
		return zero, err
	}
	if p.ctx != nil {
		return r.GetContext(p.ctx)
	}
	return r.Get()
}

// ApplyAsync lets a worker call fn and returns the Result at once, or, if the pool has a Backlog, as soon as there is a
// place. If the task is not accepted, the Result is ready with the reason: ErrClosed, ErrTerminated, or the cause of the
// context of p.
func ApplyAsync[T any](p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T]) *Result[T] {
	r, err := submit(p, noContext, math.MaxInt64, fn, opts, "ApplyAsync")
	if err != nil {
		r.task.refuse(err)
	}
	return r
}

// TryApplyAsync is ApplyAsync, but returns ErrFull instead of waiting for a place. If the task is not accepted, there is
// no Result, and no callback is called.
func TryApplyAsync[T any](p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T]) (*Result[T], error) {
	return accepted(submit(p, noContext, 0, fn, opts, "TryApplyAsync"))
}

// ApplyAsyncTimeout is ApplyAsync, but returns ErrFull if there is no place for longer than d. If the task is not
// accepted, there is no Result, and no callback is called. With d <= 0 it is TryApplyAsync; math.MaxInt64 is for ever.
func ApplyAsyncTimeout[T any](
	p *Pool, d time.Duration, fn func(context.Context) (T, error), opts ...TaskOption[T],
) (*Result[T], error) {
	return accepted(submit(p, noContext, d, fn, opts, "ApplyAsyncTimeout"))
}

// ApplyAsyncContext is ApplyAsync, but returns context.Cause(ctx) if ctx ends before there is a place. ctx is also the
// parent of the context that fn is called with; if it ends before fn is called, the Result is its cause. If the task is
// not accepted, there is no Result, and no callback is called.
func ApplyAsyncContext[T any](
	ctx context.Context, p *Pool, fn func(context.Context) (T, error), opts ...TaskOption[T],
) (*Result[T], error) {
	if ctx == nil {
		panic("pool: ApplyAsyncContext with a nil context")
	}
	return accepted(submit(p, ctx, math.MaxInt64, fn, opts, "ApplyAsyncContext"))
}

// submit returns a Result in any case.
func submit[T any](
	p *Pool, ctx context.Context, d time.Duration, fn func(context.Context) (T, error), opts []TaskOption[T], call string,
) (*Result[T], error) {
	if fn == nil {
		panic("pool: " + call + " of a nil func")
	}
	r := &Result[T]{fn: fn}
	for _, opt := range opts {
		opt(r)
	}
	p.prepare(&r.task, r, 1)
	return r, p.send(&r.task, ctx, d)
}

func accepted[T any](r *Result[T], err error) (*Result[T], error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Get waits until the Result is ready, and returns the value and the error.
func (r *Result[T]) Get() (T, error) {
	r.task.wait(park.Forever)
	return r.value, r.task.err
}

// TryGet returns the value and the error, or ErrTimeout if the Result is not ready.
func (r *Result[T]) TryGet() (T, error) {
	if !r.Ready() {
		var zero T
		return zero, ErrTimeout
	}
	return r.value, r.task.err
}

// GetTimeout is Get, but returns ErrTimeout if that takes longer than d. With d <= 0 it is TryGet; math.MaxInt64 is for
// ever.
func (r *Result[T]) GetTimeout(d time.Duration) (T, error) {
	if d > 0 {
		r.task.wait(park.After(d))
	}
	return r.TryGet()
}

// GetContext is Get, but returns context.Cause(ctx) if ctx ends first.
func (r *Result[T]) GetContext(ctx context.Context) (T, error) {
	if err := r.WaitContext(ctx); err != nil {
		var zero T
		return zero, err
	}
	return r.value, r.task.err
}

// Wait waits until the Result is ready.
func (r *Result[T]) Wait() { r.task.wait(park.Forever) }

// WaitTimeout is Wait, for d at the longest, and reports whether the Result is ready. With d <= 0 it does not wait;
// math.MaxInt64 is for ever.
func (r *Result[T]) WaitTimeout(d time.Duration) bool {
	return r.Ready() || d > 0 && r.task.wait(park.After(d))
}

// WaitContext is Wait, unless ctx ends first; then it returns context.Cause(ctx).
func (r *Result[T]) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil {
		r.task.waiter()
		return park.Cause(ctx)
	}
	if !r.Ready() && !r.task.wait(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Ready reports whether the task has ended.
func (r *Result[T]) Ready() bool { return r.task.end.IsOpen() }

// Successful reports whether the task ended without an error. It panics with ErrNotReady before the end.
func (r *Result[T]) Successful() bool {
	if !r.Ready() {
		panic(ErrNotReady)
	}
	return r.task.err == nil
}

// Done returns a channel that is closed when the Result is ready, for use in a select. It belongs to the testing/synctest
// bubble, or to the outside, that first asked for it. To wait on it lends nothing.
func (r *Result[T]) Done() <-chan struct{} { return r.task.end.Done() }

// Cancel keeps the task from starting, and reports whether that was in time: then the Result is ready with ErrCancelled,
// after its callbacks. If the task is running, Cancel ends its context, with ErrCancelled as the cause, and returns false;
// the Result is what the function returns. If it has ended, Cancel returns false.
//
// Of a Map, what was not started is dropped, and the context of what is running ends; the Result is ErrCancelled when
// that has returned, and Cancel returns true.
func (r *Result[T]) Cancel() bool { return r.task.core.withdraw(ErrCancelled, &r.task.entry) }

// OnDone lets f be called with the value and the error after the Result is ready: at once, in the caller, if it is. Else
// f runs in a thread of the pool, where it should not take long: it keeps a worker from other tasks, though not their
// slots. A panic in f goes to the except hook of package thread. Functions given first are called first.
func (r *Result[T]) OnDone(f func(T, error)) {
	if f == nil {
		panic("pool: OnDone of a nil func")
	}
	r.task.onEnd(func() { f(r.value, r.task.err) })
}

func (r *Result[T]) owner() *entry { return &r.task.entry }

func (r *Result[T]) claim(*worker) unit {
	r.task.core.remove(&r.task.entry)
	r.task.state = running
	return r
}

func (r *Result[T]) drop(cause error, d *drop) {
	r.fn = nil
	r.task.drop(cause, d)
}

func (r *Result[T]) interrupt(error) (*taskContext, bool) {
	if r.task.state != running {
		return nil, false
	}
	return r.task.context(), false
}

func (r *Result[T]) run() {
	if fn := r.fn; fn != nil {
		r.fn = nil // before the call, which may end the goroutine
		r.call(fn)
	}
	r.task.callBack()
}

func (r *Result[T]) call(fn func(context.Context) (T, error)) {
	t := &r.task
	if t.err = t.parentEnded(); t.err != nil {
		t.unstarted = true
		return
	}
	t.err = ErrGoexit // unless it returns or panics
	defer func() {
		if v := recover(); v != nil {
			t.err = &thread.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	r.value, t.err = fn(t.context())
}

func (r *Result[T]) settle(end *ending) outcome {
	t := &r.task
	t.settle(end)
	switch {
	case t.unstarted:
		return cancelled
	case t.err != nil:
		return failed
	}
	return succeeded
}
