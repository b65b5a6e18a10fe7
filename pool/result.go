package pool

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/thread"
)

// A Result is the future outcome of a task: the value and the error that its
// function returns, or the reason why the function will never be called. It
// comes from ApplyAsync, MapAsync, Spawn, or a Promise; the zero Result is not
// usable. It must not be copied.
//
// It is Python's multiprocessing.pool.AsyncResult and concurrent.futures.Future,
// gevent's Greenlet and AsyncResult, and asyncio's Task and Future:
//
//	get, result                Get; with a timeout GetTimeout
//	ready, done                Ready
//	successful                 Successful
//	cancel, kill               Cancel
//	add_done_callback, link    OnDone
//	wait, join                 Wait
//
// The return of the function and of its callbacks synchronizes before the return
// of every call, and the receive from Done, that reports the end.
//
// A task that waits for a Result lends its slot meanwhile, as the package
// comment explains. A wait that gives up changes nothing. In the task itself,
// and in its callbacks, a wait panics with ErrJoinSelf.
//
// A Result keeps the value, but not the function, its arguments, or the context
// that it was submitted with. If the function panicked, and the Result is
// collected as garbage before anybody has asked for its error, the panic is
// reported to the except hook of package thread.
type Result[T any] struct {
	task  task
	fn    func(context.Context) (T, error) // until it is called
	value T
}

// Get waits until the Result is ready and returns the value and the error.
func (r *Result[T]) Get() (T, error) {
	if t := &r.task; watch.On {
		t.wait(park.Forever)
	} else if !t.end.IsOpen() {
		w := t.lender()
		if w != nil {
			w.lendFor(t)
		}
		t.end.Wait() // called here, and not deeper; see there
		if w != nil {
			w.back()
		}
	}
	return r.value, r.task.outcome()
}

// TryGet returns the value and the error, or ErrTimeout if the Result is not
// ready. The function may itself have returned such an error: [Result.Ready]
// tells the one from the other.
func (r *Result[T]) TryGet() (T, error) {
	if !r.Ready() {
		var zero T
		return zero, ErrTimeout
	}
	return r.value, r.task.outcome()
}

// GetTimeout is like Get but waits at most d, and then returns ErrTimeout. With
// d <= 0 it is TryGet. The task goes on; asyncio's wait_for would cancel it.
//
// The function may itself have returned such an error, if it gave up waiting for
// something else. A loop that polls should therefore ask WaitTimeout:
//
//	for !r.WaitTimeout(d) {
//		…
//	}
//	v, err := r.Get()
func (r *Result[T]) GetTimeout(d time.Duration) (T, error) {
	if d > 0 {
		r.task.wait(park.After(d))
	}
	return r.TryGet()
}

// GetContext is like Get but gives up when ctx ends, and then returns its cause.
func (r *Result[T]) GetContext(ctx context.Context) (T, error) {
	if err := r.WaitContext(ctx); err != nil {
		var zero T
		return zero, err
	}
	return r.value, r.task.outcome()
}

// Wait waits until the Result is ready.
func (r *Result[T]) Wait() { r.task.wait(park.Forever) }

// WaitTimeout is like Wait but waits at most d. It reports whether the Result is
// ready.
func (r *Result[T]) WaitTimeout(d time.Duration) bool {
	return r.Ready() || d > 0 && r.task.wait(park.After(d))
}

// WaitContext is like Wait but gives up when ctx ends, and then returns its
// cause.
func (r *Result[T]) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil {
		r.task.checkSelf(here())
		return park.Cause(ctx)
	}
	if !r.task.wait(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Ready reports whether the task has ended.
func (r *Result[T]) Ready() bool { return r.task.end.IsOpen() }

// Started reports whether the function was ever called, or is about to be. What
// has ended and was never started can safely be submitted again. A Promise is
// started once it is set.
func (r *Result[T]) Started() bool {
	defer r.task.lock().Unlock()
	return r.task.called
}

// Successful reports whether the task ended without an error. It panics with
// ErrNotReady before the end.
func (r *Result[T]) Successful() bool {
	if !r.Ready() {
		panic(ErrNotReady)
	}
	return r.task.outcome() == nil
}

// Done returns a channel that is closed when the Result is ready, for use in a
// select. It belongs to the testing/synctest bubble, or to the outside, that
// first asked for it. Waiting on it lends nothing.
func (r *Result[T]) Done() <-chan struct{} { return r.task.end.Done() }

// Cancel keeps the function from being called, and reports whether it did: then
// the Result is ready with ErrCancelled when Cancel returns, or, if the task has
// callbacks, when they have returned. If the function is running, Cancel ends
// its context with ErrCancelled as the cause and returns false; the Result is
// what the function returns. If the task has ended, Cancel returns false.
//
// Cancel of a Map drops the items that were not started and ends the context of
// those that are running. It returns true, and the Result is ready when these
// have returned: with ErrCancelled, joined with the *MapError of those that
// failed. The Result of a Promise that is not set becomes ErrCancelled.
func (r *Result[T]) Cancel() bool {
	t := &r.task
	if t.core == nil {
		return t.job.(loner).cancel()
	}
	return t.core.withdraw(ErrCancelled, &t.entry)
}

// OnDone arranges for f to be called with the value and the error when the
// Result is ready. If it already is, OnDone calls f itself. Otherwise f runs in
// a thread of the pool, where it takes no worker's slot: as many functions of
// OnDone as the pool has workers, and at least 16, run at a time, and further
// ones wait for those. Functions given first are called first, one after the
// other. A panic in f is reported to the except hook of package thread.
func (r *Result[T]) OnDone(f func(T, error)) {
	needed(f != nil, "func", "OnDone")
	r.task.onEnd(func() { f(r.value, r.task.outcome()) })
}

func (r *Result[T]) owner() *entry { return &r.task.entry }

func (r *Result[T]) start(w *worker) unit {
	r.task.core.remove(&r.task.entry)
	r.task.begin(w)
	return r
}

func (r *Result[T]) drop(cause error, d *drops) {
	r.fn = nil
	r.task.drop(cause, &r.task, d)
}

func (r *Result[T]) interrupt(error) (*taskContext, bool) { return r.task.interrupt(), false }

func (r *Result[T]) run() {
	t := &r.task
	if fn := r.fn; fn != nil {
		r.fn = nil // before the call, which may end the goroutine
		t.err = ErrGoexit
		if gone := t.ask(); gone != nil {
			t.err = gone
			t.flags |= uncalled
		} else {
			r.value, t.err = fn(t.ctx)
		}
	}
	t.note()
	t.callBack()
}

func (r *Result[T]) panicked(p *thread.PanicError) {
	r.task.err = p
	r.task.flags |= panicked
}

func (r *Result[T]) settle(w *worker) outcome { return r.task.settleUnit(w) }
