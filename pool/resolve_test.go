package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// A stage is where one task meets its fate.
type stage struct {
	t       *testing.T
	p       *pool.Pool
	ctx     context.Context // what bounds the submission, if the fate is bounded
	stop    context.CancelCauseFunc
	other   context.Context             // one that does not end
	gate    *gate                       // what a function that minds nobody waits for
	blocker *gate                       // what keeps the worker from the task, if the fate has it queued
	runs    atomic.Int32                // of the function
	calls   atomic.Int32                // of the initializer, where it counts
	cancel  func() bool                 // of the Result
	ready   atomic.Pointer[func() bool] // likewise, once it is known
	isMap   bool
}

// heed is a function that ends when its context does.
func (s *stage) heed(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 7, context.Cause(ctx)
}

// ignore is a function that takes no notice of its context.
func (s *stage) ignore(context.Context) (int, error) {
	s.gate.pass()
	return 7, nil
}

func (s *stage) isReady() bool {
	ready := s.ready.Load()
	return ready != nil && (*ready)()
}

func (s *stage) block() { s.blocker = occupyAll(s.t, s.p, s.p.Workers()) }

// disturb is an end that the function ignores: nothing may happen before the function returns.
func disturb(what func(*stage)) func(*stage) {
	return func(s *stage) {
		what(s)
		synctest.Wait()
		if s.isReady() {
			s.t.Error("ready while the function is running")
		}
		s.gate.open()
	}
}

func terminate(s *stage) { s.p.Terminate() }
func stopContext(s *stage) {
	s.stop(errStop)
}
func openGate(s *stage) { s.gate.open() }

func cancelResult(want bool) func(*stage) {
	return func(s *stage) {
		if got := s.cancel(); got != (want || s.isMap) {
			s.t.Errorf("Cancel() = %t", got)
		}
		if s.isMap || want {
			return
		}
		if s.cancel() {
			s.t.Error("the second Cancel() = true")
		}
	}
}

// A destiny is a way in which a task can end, or never start.
type destiny struct {
	name    string
	workers int // default 1
	opts    func(*stage) []pool.Option
	before  func(*stage)                               // what comes before the submission
	fn      func(*stage, context.Context) (int, error) // nil: it waits for the gate and returns 7
	end     func(*stage)                               // what brings the end about; nil: the submission is refused
	is      error                                      // what the error is
	as      func(error) bool                           // what else is true of it
	value   int                                        // what the value is
	started bool                                       // the function is called
	mapIs   error                                      // what the error of a Map is, which knows that it was cut short
	mapOr   error                                      // what it may be as well
	hook    any                                        // what the except hook is told if it is a task of Go
	bounded bool                                       // the submission is bounded by the context of the stage
	waits   bool                                       // the submission waits for a place
	results bool                                       // it takes a Result to bring this about
}

func isPanic(value any) func(error) bool {
	return func(err error) bool {
		var p *thread.PanicError
		return errors.As(err, &p) && p.Value == value && len(p.Stack) > 0
	}
}

func withInitializer(f func(*stage) error) func(*stage) []pool.Option {
	return func(s *stage) []pool.Option {
		return []pool.Option{pool.Initializer(func() error { return f(s) })}
	}
}

func withContext(s *stage) []pool.Option { return []pool.Option{pool.Context(s.ctx)} }

func returns(s *stage, err error, panics any, exits bool) (int, error) {
	s.gate.pass()
	if panics != nil {
		panic(panics)
	}
	if exits {
		runtime.Goexit()
	}
	return 7, err
}

var destinies = []destiny{
	{name: "returns a value", end: openGate, value: 7, started: true},
	{name: "returns an error", end: openGate, is: errBoom, value: 7, started: true,
		fn: func(s *stage, _ context.Context) (int, error) { return returns(s, errBoom, nil, false) }},
	{name: "panics with an error", end: openGate, is: errBoom, as: isPanic(errBoom), started: true, hook: errBoom,
		fn: func(s *stage, _ context.Context) (int, error) { return returns(s, nil, errBoom, false) }},
	{name: "panics with a value", end: openGate, as: isPanic("boom"), started: true, hook: "boom",
		fn: func(s *stage, _ context.Context) (int, error) { return returns(s, nil, "boom", false) }},
	{name: "exits", end: openGate, is: pool.ErrGoexit, started: true,
		fn: func(s *stage, _ context.Context) (int, error) { return returns(s, nil, nil, true) }},

	{name: "is cancelled before its start", results: true,
		before: (*stage).block, end: cancelResult(true), is: pool.ErrCancelled},
	{name: "is cancelled and heeds it", results: true,
		fn: (*stage).heed, end: cancelResult(false), is: pool.ErrCancelled, value: 7, started: true},
	{name: "is cancelled and ignores it", results: true,
		end: disturb(cancelResult(false)), value: 7, started: true, mapIs: pool.ErrCancelled},
	{name: "is dropped by CancelPending", before: (*stage).block, is: pool.ErrCancelled, end: func(s *stage) {
		if n := s.p.CancelPending(); n != 1 {
			s.t.Errorf("CancelPending() = %d, want 1", n)
		}
	}},
	{name: "is spared by CancelPending, for it is running", value: 7, started: true, end: disturb(func(s *stage) {
		if n := s.p.CancelPending(); n != 0 {
			s.t.Errorf("CancelPending() = %d, want 0", n)
		}
	})},

	{name: "is queued at Terminate", before: (*stage).block, end: terminate, is: pool.ErrTerminated},
	{name: "is running at Terminate and heeds it",
		fn: (*stage).heed, end: terminate, is: pool.ErrTerminated, value: 7, started: true},
	{name: "is running at Terminate and ignores it",
		end: disturb(terminate), value: 7, started: true, mapIs: pool.ErrTerminated},
	{name: "is queued at Close and then Terminate", before: (*stage).block, is: pool.ErrTerminated, end: func(s *stage) {
		s.p.Close()
		s.p.Terminate()
	}},
	{name: "is queued at Close", before: (*stage).block, value: 7, started: true, end: func(s *stage) {
		s.p.Close()
		s.blocker.open()
		synctest.Wait()
		s.gate.open()
	}},
	{name: "is running at Close", value: 7, started: true, end: disturb(func(s *stage) { s.p.Close() })},

	{name: "comes after Close", before: func(s *stage) { s.p.Close() }, is: pool.ErrClosed},
	{name: "comes after Terminate", before: terminate, is: pool.ErrTerminated},
	{name: "comes after Close, while something is running", is: pool.ErrClosed,
		before: func(s *stage) { s.block(); s.p.Close() }},
	{name: "comes after Terminate, while something is running", is: pool.ErrTerminated,
		before: func(s *stage) { s.block(); s.p.Terminate() }},
	{name: "comes after Shutdown", before: func(s *stage) { s.p.Shutdown() }, is: pool.ErrClosed},
	{name: "comes after Terminate and Join", is: pool.ErrTerminated,
		before: func(s *stage) { s.p.Terminate(); s.p.Join() }},
	{name: "comes after Close and Terminate", is: pool.ErrTerminated,
		before: func(s *stage) { s.p.Close(); s.p.Terminate() }},
	{name: "comes after Terminate and Close", is: pool.ErrTerminated,
		before: func(s *stage) { s.p.Terminate(); s.p.Close() }},

	{name: "waits for an initializer that fails", end: openGate, is: errBoom,
		opts: withInitializer(func(s *stage) error { s.gate.pass(); return errBoom })},
	{name: "waits for an initializer that panics", end: openGate, is: errBoom, as: isPanic(errBoom),
		opts: withInitializer(func(s *stage) error { s.gate.pass(); panic(errBoom) })},
	{name: "waits for an initializer that exits", end: openGate, is: pool.ErrGoexit,
		opts: withInitializer(func(s *stage) error { s.gate.pass(); runtime.Goexit(); return nil })},
	{name: "waits for an initializer that succeeds", end: openGate, value: 7, started: true,
		opts: withInitializer(func(s *stage) error { s.gate.pass(); return nil })},
	{name: "waits for an initializer at Terminate", is: pool.ErrTerminated,
		end:  func(s *stage) { s.p.Terminate(); s.gate.open() },
		opts: withInitializer(func(s *stage) error { s.gate.pass(); return nil })},
	{name: "comes after an initializer that failed", is: errBoom,
		opts: withInitializer(func(*stage) error { return errBoom }),
		before: func(s *stage) {
			_ = s.p.Go(func(context.Context) error { return nil })
			synctest.Wait()
		}},
	{name: "is running when another worker's initializer fails", workers: 2, fn: (*stage).heed,
		is: errBoom, value: 7, started: true,
		opts: withInitializer(func(s *stage) error {
			if s.calls.Add(1) == 1 {
				return nil
			}
			s.gate.pass()
			return errBoom
		}),
		end: func(s *stage) {
			_ = s.p.Go(func(context.Context) error { s.t.Error("ran without an initializer"); return nil })
			synctest.Wait()
			s.gate.open()
		}},

	{name: "comes after the end of the pool's Context", opts: withContext, is: pool.ErrTerminated,
		before: func(s *stage) { s.stop(errStop); synctest.Wait() }},
	{name: "is queued at the end of the pool's Context", opts: withContext, is: pool.ErrTerminated,
		before: (*stage).block, end: stopContext},
	{name: "is running at the end of the pool's Context and heeds it", opts: withContext, end: stopContext,
		is: context.Canceled, value: 7, started: true, // of a Map too, if the function is faster than Terminate
		mapOr: pool.ErrTerminated,
		fn:    func(s *stage, ctx context.Context) (int, error) { <-ctx.Done(); return 7, ctx.Err() }},
	{name: "is running at the end of the pool's Context and ignores it", opts: withContext,
		end: disturb(stopContext), value: 7, started: true, mapIs: pool.ErrTerminated},

	{name: "comes after the end of its context", bounded: true, before: stopContext, is: errStop},
	{name: "comes after the end of its context and Close", bounded: true, is: pool.ErrClosed,
		before: func(s *stage) { s.stop(errStop); s.p.Close() }},
	{name: "waits for a place when its context ends", bounded: true, waits: true, is: errStop,
		opts: func(*stage) []pool.Option { return []pool.Option{pool.Backlog(0)} },
		before: func(s *stage) {
			s.block()
			time.AfterFunc(time.Second, func() { s.stop(errStop) })
		}},
	{name: "waits for a place at Close", waits: true, is: pool.ErrClosed,
		opts:   func(*stage) []pool.Option { return []pool.Option{pool.Backlog(0)} },
		before: func(s *stage) { s.block(); time.AfterFunc(time.Second, s.p.Close) }},
	{name: "waits for a place at Terminate", waits: true, is: pool.ErrTerminated,
		opts:   func(*stage) []pool.Option { return []pool.Option{pool.Backlog(0)} },
		before: func(s *stage) { s.block(); time.AfterFunc(time.Second, s.p.Terminate) }},
	{name: "waits for a place and gets it", waits: true, end: openGate, value: 7, started: true,
		opts:   func(*stage) []pool.Option { return []pool.Option{pool.Backlog(0)} },
		before: func(s *stage) { s.block(); time.AfterFunc(time.Second, s.blocker.open) }},
	{name: "is queued when its context ends", bounded: true, before: (*stage).block, end: stopContext, is: errStop},
	{name: "is running when its context ends and heeds it", bounded: true,
		fn: (*stage).heed, end: stopContext, is: errStop, value: 7, started: true},
	{name: "is running when its context ends and ignores it", bounded: true,
		end: disturb(stopContext), value: 7, started: true, mapIs: errStop},
	{name: "is queued with a context at Terminate", bounded: true,
		before: (*stage).block, end: terminate, is: pool.ErrTerminated},
	{name: "is running with a context at Terminate and heeds it", bounded: true,
		fn: (*stage).heed, end: terminate, is: pool.ErrTerminated, value: 7, started: true},
	{name: "is running with a context at Terminate and ignores it", bounded: true,
		end: disturb(terminate), value: 7, started: true, mapIs: pool.ErrTerminated},
	{name: "returns a value before its context ends", bounded: true, value: 7, started: true,
		end: func(s *stage) { s.gate.open(); synctest.Wait(); s.stop(errStop) }},

	{name: "is queued at Resize", workers: 2, before: (*stage).block, value: 7, started: true, end: func(s *stage) {
		s.p.Resize(1)
		s.gate.open()
		s.blocker.open()
	}},
	{name: "is running at Resize", workers: 2, end: disturb(func(s *stage) { s.p.Resize(1) }), value: 7, started: true},
}

// A submission is a way to submit the task.
type submission[T any] struct {
	name   string
	errors bool // what is not accepted is told by an error, not by a Result
	tries  bool // it does not wait for a place
	submit func(*stage, func(context.Context) (int, error), ...pool.TaskOption[int]) (*pool.Result[T], error)
	value  func(T) int
}

// view returns what to submit through, if it is the view that bounds the submission.
func (s *stage) view(f *destiny) *pool.Pool {
	if f.bounded {
		return s.p.WithContext(s.ctx)
	}
	return s.p
}

func submissions(f *destiny) []submission[int] {
	type fn = func(context.Context) (int, error)
	same := func(v int) int { return v }
	all := []submission[int]{
		{"ApplyAsync", false, false, func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
			return pool.ApplyAsync(s.view(f), fn, opts...), nil
		}, same},
		{"TryApplyAsync", true, true, func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
			return pool.TryApplyAsync(s.view(f), fn, opts...)
		}, same},
		{"ApplyAsyncTimeout", true, false, func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
			return pool.ApplyAsyncTimeout(s.view(f), ages, fn, opts...)
		}, same},
		{"ApplyAsyncContext", true, false, func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
			ctx := s.other
			if f.bounded {
				ctx = s.ctx
			}
			return pool.ApplyAsyncContext(ctx, s.p, fn, opts...)
		}, same},
	}
	if !f.bounded {
		return all
	}
	return append(all, []submission[int]{
		{"ApplyAsyncContext in a view, its own ends", true, false,
			func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
				return pool.ApplyAsyncContext(s.ctx, s.p.WithContext(s.other), fn, opts...)
			}, same},
		{"ApplyAsyncContext in a view, whose ends", true, false,
			func(s *stage, fn fn, opts ...pool.TaskOption[int]) (*pool.Result[int], error) {
				return pool.ApplyAsyncContext(s.other, s.p.WithContext(s.ctx), fn, opts...)
			}, same},
	}...)
}

func mapSubmission(f *destiny) submission[[]int] {
	return submission[[]int]{
		name: "MapAsync",
		submit: func(
			s *stage, fn func(context.Context) (int, error), _ ...pool.TaskOption[int],
		) (*pool.Result[[]int], error) {
			s.isMap = true
			item := func(ctx context.Context, _ string) (int, error) { return fn(ctx) }
			return pool.MapAsync(s.view(f), item, []string{"only"}), nil
		},
		value: func(v []int) int {
			if len(v) != 1 {
				panic(fmt.Sprintf("%d values for one item", len(v)))
			}
			return v[0]
		},
	}
}

// A way is one to wait for a Result. It returns what it learned.
type way[T any] struct {
	name string
	wait func(t *testing.T, r *pool.Result[T]) (T, error)
}

func ways[T any]() []way[T] {
	return []way[T]{
		{"Get", func(_ *testing.T, r *pool.Result[T]) (T, error) { return r.Get() }},
		{"GetTimeout", func(_ *testing.T, r *pool.Result[T]) (T, error) { return r.GetTimeout(ages) }},
		{"GetTimeout for ever", func(_ *testing.T, r *pool.Result[T]) (T, error) { return r.GetTimeout(forever) }},
		{"GetContext", func(t *testing.T, r *pool.Result[T]) (T, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return r.GetContext(ctx)
		}},
		{"GetContext without an end", func(_ *testing.T, r *pool.Result[T]) (T, error) {
			return r.GetContext(context.Background())
		}},
		{"TryGet", func(t *testing.T, r *pool.Result[T]) (T, error) {
			if !r.Ready() {
				if v, err := r.TryGet(); err != pool.ErrTimeout || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("TryGet before the end: %v, %v", v, err)
				}
			}
			r.Wait()
			return r.TryGet()
		}},
		{"a GetTimeout that gives up, and another", func(t *testing.T, r *pool.Result[T]) (T, error) {
			for _, d := range []time.Duration{0, -1, time.Nanosecond} {
				if r.Ready() {
					break
				}
				if v, err := r.GetTimeout(d); err != pool.ErrTimeout {
					t.Errorf("GetTimeout(%v) before the end: %v, %v", d, v, err)
				}
			}
			r.WaitTimeout(forever)
			return r.GetTimeout(0)
		}},
		{"Wait", func(_ *testing.T, r *pool.Result[T]) (T, error) { r.Wait(); return r.TryGet() }},
		{"WaitTimeout", func(t *testing.T, r *pool.Result[T]) (T, error) {
			if !r.Ready() && (r.WaitTimeout(0) || r.WaitTimeout(-1) || r.WaitTimeout(1)) {
				t.Error("WaitTimeout reports an end that has not come")
			}
			if !r.WaitTimeout(ages) || !r.WaitTimeout(0) || !r.WaitTimeout(-1) {
				t.Error("WaitTimeout() = false after the end")
			}
			return r.TryGet()
		}},
		{"WaitContext", func(t *testing.T, r *pool.Result[T]) (T, error) {
			ctx, cancel := context.WithCancelCause(context.Background())
			wantErr(t, "WaitContext", r.WaitContext(ctx), nil)
			cancel(errStop)
			wantErr(t, "WaitContext that has ended", r.WaitContext(ctx), errStop)
			_, err := r.GetContext(ctx)
			wantErr(t, "GetContext that has ended", err, errStop)
			return r.TryGet()
		}},
		{"Done", func(_ *testing.T, r *pool.Result[T]) (T, error) { <-r.Done(); <-r.Done(); return r.TryGet() }},
		{"OnDone", func(t *testing.T, r *pool.Result[T]) (value T, err error) {
			done := make(chan struct{})
			r.OnDone(func(v T, e error) {
				if !r.Ready() {
					t.Error("OnDone was called before the end")
				}
				value, err = v, e
				close(done) // a second call panics
			})
			<-done
			return value, err
		}},
		{"AsCompleted", func(t *testing.T, r *pool.Result[T]) (value T, err error) {
			n := 0
			for ended := range pool.AsCompleted(r, r) {
				n++
				value, err = ended.TryGet()
			}
			if n != 1 {
				t.Errorf("AsCompleted yielded %d times", n)
			}
			return value, err
		}},
		{"AsCompletedContext", func(t *testing.T, r *pool.Result[T]) (value T, err error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n := 0
			for ended := range pool.AsCompletedContext(ctx, r) {
				n++
				value, err = ended.TryGet()
			}
			if n != 1 {
				t.Errorf("AsCompletedContext yielded %d times", n)
			}
			return value, err
		}},
		{"Ready and Successful", func(t *testing.T, r *pool.Result[T]) (T, error) {
			if !r.Ready() {
				wantPanic(t, "Successful before the end", pool.ErrNotReady, func() { r.Successful() })
			}
			r.Wait()
			v, err := r.TryGet()
			if !r.Ready() || r.Successful() != (err == nil) {
				t.Errorf("Ready() = %t, Successful() = %t after the end with %v", r.Ready(), r.Successful(), err)
			}
			return v, err
		}},
	}
}

const resolving = "resolving" // prefix of the threads

// setUp sets the stage up to the submission.
func (f *destiny) setUp(t *testing.T) *stage {
	s := &stage{t: t}
	s.ctx, s.stop = context.WithCancelCause(t.Context())
	var cancel context.CancelFunc
	s.other, cancel = context.WithCancel(t.Context())
	t.Cleanup(cancel)
	t.Cleanup(func() { s.stop(nil) })
	opts := []pool.Option{pool.Name(resolving)}
	if f.opts != nil {
		opts = append(opts, f.opts(s)...)
	}
	s.p = newPool(t, max(f.workers, 1), opts...)
	s.gate = newGate(t)
	if f.before != nil {
		f.before(s)
	}
	return s
}

// fn is the function of the task, which counts its calls.
func (f *destiny) fnOn(s *stage) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		s.runs.Add(1)
		if f.fn != nil {
			return f.fn(s, ctx)
		}
		return s.ignore(ctx)
	}
}

// want checks what became of the task.
func (f *destiny) want(s *stage, what string, value int, err error) {
	s.t.Helper()
	is, as := f.is, f.as
	if s.isMap && f.mapIs != nil {
		is = f.mapIs
	}
	switch {
	case is == nil && as == nil:
		wantErr(s.t, what, err, nil)
	case s.isMap && f.mapOr != nil && errors.Is(err, f.mapOr):
	case is != nil && !errors.Is(err, is), as != nil && !as(err):
		s.t.Errorf("%s: %v, want %v", what, err, is)
	}
	if value != f.value {
		s.t.Errorf("%s: value %d, want %d", what, value, f.value)
	}
}

// tearDown ends the pool and checks what is left of it.
func (f *destiny) tearDown(s *stage) {
	s.t.Helper()
	if runs := s.runs.Load(); runs != map[bool]int32{true: 1}[f.started] {
		s.t.Errorf("the function was called %d times", runs)
	}
	s.gate.open()
	if s.blocker != nil {
		s.blocker.open()
	}
	s.p.Shutdown()
	wantOver(s.t, s.p, resolving)
	if runs := s.runs.Load(); runs != map[bool]int32{true: 1}[f.started] {
		s.t.Errorf("the function was called %d times, or late", runs)
	}
}

// act lets a task meet its fate, while w waits for it, early or late, and reports whether it can be submitted so.
func act[T any](t *testing.T, f *destiny, sub submission[T], w way[T], early, called bool) {
	synctest.Test(t, func(t *testing.T) {
		s := f.setUp(t)
		var calls atomic.Int32
		var opts []pool.TaskOption[int]
		if called {
			opts = append(opts, pool.Callback(func(v int, err error) {
				calls.Add(1)
				f.want(s, "Callback", v, err)
				if s.isReady() {
					t.Error("ready before the callback has returned")
				}
			}))
		}
		if f.end == nil && sub.errors {
			r, err := sub.submit(s, f.fnOn(s), opts...)
			if r != nil {
				t.Errorf("a Result %v for what was not accepted", r)
			}
			f.want(s, sub.name, f.value, err)
			f.tearDown(s)
			if n := calls.Load(); n != 0 {
				t.Errorf("the callback was called %d times for what was not accepted", n)
			}
			return
		}
		r, err := sub.submit(s, f.fnOn(s), opts...)
		if err != nil {
			t.Fatalf("%s: %v", sub.name, err)
		}
		ready := r.Ready
		s.cancel = r.Cancel
		s.ready.Store(&ready)
		synctest.Wait()
		var got T
		wait := func() error {
			var err error
			got, err = w.wait(t, r)
			return err
		}
		var c *call
		if early {
			c = start(wait)
			synctest.Wait()
		}
		if f.end != nil {
			time.Sleep(time.Hour) // nothing of it ends by itself; a timed wait of the waiter may
			if early {
				c.wantWaiting(t, w.name)
			}
			if r.Ready() {
				t.Fatal("ready too soon")
			}
			f.end(s)
		}
		if !early {
			synctest.Wait()
			c = start(wait)
		}
		synctest.Wait()
		if !c.returned() {
			t.Fatalf("%s still waits", w.name)
		}
		f.want(s, w.name, sub.value(got), c.err)
		f.tearDown(s)
		v, err := r.Get()
		f.want(s, "Get after Join", sub.value(v), err)
		if r.Cancel() {
			t.Error("Cancel() = true after the end")
		}
		if n := calls.Load(); called && n != 1 {
			t.Errorf("the callback was called %d times", n)
		}
	})
}

func TestEveryFateResolvesEveryResultForEveryWayOfWaiting(t *testing.T) {
	for i := range destinies {
		f := &destinies[i]
		t.Run(f.name, func(t *testing.T) {
			for _, sub := range submissions(f) {
				if f.waits && sub.tries {
					continue
				}
				t.Run(sub.name, func(t *testing.T) {
					all := ways[int]()
					if sub.name != "ApplyAsync" {
						all = all[:1] // the Result is the same
					}
					for _, w := range all {
						for _, early := range []bool{true, false} {
							t.Run(w.name+map[bool]string{true: " before", false: " after"}[early], func(t *testing.T) {
								act(t, f, sub, w, early, false)
								act(t, f, sub, w, early, true)
							})
						}
					}
				})
			}
		})
	}
}

func TestEveryFateResolvesAMapForEveryWayOfWaiting(t *testing.T) {
	for i := range destinies {
		f := &destinies[i]
		t.Run(f.name, func(t *testing.T) {
			sub := mapSubmission(f)
			for _, w := range ways[[]int]() {
				for _, early := range []bool{true, false} {
					t.Run(w.name+map[bool]string{true: " before", false: " after"}[early], func(t *testing.T) {
						act(t, f, sub, w, early, false)
					})
				}
			}
		})
	}
}

// Apply gives up when the context of its view ends; for the rest it is ApplyAsync and Get.
func TestEveryFateEndsApply(t *testing.T) {
	for i := range destinies {
		f := &destinies[i]
		if f.results {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := f.setUp(t)
				var value int
				c := start(func() (err error) {
					value, err = pool.Apply(s.view(f), f.fnOn(s))
					return err
				})
				if f.end != nil {
					time.Sleep(time.Hour)
					c.wantWaiting(t, "Apply")
					f.end(s)
				} else {
					time.Sleep(time.Hour)
				}
				synctest.Wait()
				if !c.returned() {
					t.Fatal("Apply still waits")
				}
				if f.bounded && f.end != nil && c.err == errStop {
					// It gave up, or the function was as fast.
					if value != 0 && value != f.value || s.ctx.Err() == nil {
						t.Errorf("Apply gave up with value %d", value)
					}
				} else {
					f.want(s, "Apply", value, c.err)
				}
				f.tearDown(s)
			})
		})
	}
}

// A goSubmission is a way to submit a task without a Result.
type goSubmission struct {
	name   string
	tries  bool
	submit func(*stage, func(context.Context)) error
}

func goSubmissions(f *destiny) []goSubmission {
	all := []goSubmission{
		{"Go", false, func(s *stage, fn func(context.Context)) error { return s.view(f).Go(quiet(fn)) }},
		{"TryGo", true, func(s *stage, fn func(context.Context)) error { return s.view(f).TryGo(quiet(fn)) }},
		{"GoTimeout", false, func(s *stage, fn func(context.Context)) error { return s.view(f).GoTimeout(ages, quiet(fn)) }},
		{"GoTimeout for ever", false, func(s *stage, fn func(context.Context)) error {
			return s.view(f).GoTimeout(forever, quiet(fn))
		}},
		{"GoContext", false, func(s *stage, fn func(context.Context)) error {
			if f.bounded {
				return s.p.GoContext(s.ctx, quiet(fn))
			}
			return s.p.GoContext(s.other, quiet(fn))
		}},
	}
	if !f.bounded {
		return all
	}
	return append(all, []goSubmission{
		{"GoContext in a view, its own ends", false, func(s *stage, fn func(context.Context)) error {
			return s.p.WithContext(s.other).GoContext(s.ctx, quiet(fn))
		}},
		{"GoContext in a view, whose ends", false, func(s *stage, fn func(context.Context)) error {
			return s.p.WithContext(s.ctx).GoContext(s.other, quiet(fn))
		}},
	}...)
}

// Nobody is told what became of a task of Go: it has run once, or it has not.
func TestEveryFateOfATaskWithoutAResult(t *testing.T) {
	for i := range destinies {
		f := &destinies[i]
		if f.results {
			continue
		}
		for _, sub := range goSubmissions(f) {
			if f.waits && sub.tries {
				continue
			}
			t.Run(f.name+"/"+sub.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					hook := hookPanics(t)
					s := f.setUp(t)
					fn := f.fnOn(s)
					var returned atomic.Bool
					err := sub.submit(s, func(ctx context.Context) {
						if _, err := fn(ctx); err != nil && f.is != nil && !errors.Is(err, f.is) {
							t.Errorf("the function found %v, want %v", err, f.is)
						}
						returned.Store(true)
					})
					if f.end == nil {
						f.want(s, sub.name, f.value, err)
						f.tearDown(s)
						return
					}
					wantErr(t, sub.name, err, nil)
					synctest.Wait()
					f.end(s)
					synctest.Wait()
					f.tearDown(s)
					if f.hook != nil {
						hook.wantValues(t, f.hook)
					} else {
						hook.wantValues(t)
					}
					if want := f.started && f.value != 0; returned.Load() != want {
						t.Errorf("the function has returned: %t, want %t", returned.Load(), want)
					}
				})
			})
		}
	}
}

// Whether an end is counted as a success, a failure or never a start.
func TestStatsSayWhatBecameOfATask(t *testing.T) {
	for i := range destinies {
		f := &destinies[i]
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := f.setUp(t)
				synctest.Wait()
				before := s.p.Stats()
				sub := submissions(f)[0]
				r, _ := sub.submit(s, f.fnOn(s))
				s.cancel = r.Cancel
				synctest.Wait()
				addsUp(t, s.p.Stats())
				if f.end != nil {
					f.end(s)
				}
				synctest.Wait()
				wantReady(t, "the Result", r)
				f.tearDown(s)
				after := s.p.Stats()
				// What occupied the workers before succeeds in the end.
				others := uint64(before.Running)
				got := [4]uint64{
					after.Submitted - before.Submitted, after.Succeeded - before.Succeeded - others,
					after.Failed - before.Failed, after.Cancelled - before.Cancelled,
				}
				_, err := r.Get()
				var want [4]uint64
				switch {
				case f.end == nil:
				case f.name == "is running when another worker's initializer fails":
					want = [4]uint64{2, 0, 1, 1}
				case !f.started:
					want = [4]uint64{1, 0, 0, 1}
				case err != nil:
					want = [4]uint64{1, 0, 1, 0}
				default:
					want = [4]uint64{1, 1, 0, 0}
				}
				if got != want {
					t.Errorf("submitted, succeeded, failed, cancelled: %v, want %v", got, want)
				}
			})
		})
	}
}

// A task is accepted in the instant in which its context ends, or not at all; if it is, it resolves, though every worker
// may be busy for ever.
func TestATaskAcceptedAsItsContextEndsResolvesAtOnce(t *testing.T) {
	for _, name := range []string{"ApplyAsync in a view", "ApplyAsyncContext", "MapAsync in a view"} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 1, pool.Backlog(1))
			occupyAll(t, p, 1)
			never := func(context.Context) (int, error) { t.Error("started"); return 0, nil }
			for i := range rounds(20_000) {
				place := pool.ApplyAsync(p, never)
				ctx, cancel := context.WithCancelCause(context.Background())
				var r interface{ WaitTimeout(time.Duration) bool }
				submitted := startCall(func() {
					switch name {
					case "ApplyAsync in a view":
						r = pool.ApplyAsync(p.WithContext(ctx), never)
					case "MapAsync in a view":
						r = pool.MapAsync(p.WithContext(ctx), func(context.Context, int) (int, error) { return never(ctx) }, []int{1})
					default:
						if accepted, err := pool.ApplyAsyncContext(ctx, p, never); err == nil {
							r = accepted
						}
					}
				})
				stopped := startCall(func() {
					if i%2 == 0 {
						runtime.Gosched()
					}
					cancel(errStop)
				})
				if i%3 == 0 {
					runtime.Gosched()
				}
				place.Cancel()
				<-submitted.done
				<-stopped.done
				if r != nil && !r.WaitTimeout(2*time.Minute) {
					t.Fatalf("round %d: accepted, and its context has ended, but it is not ready", i)
				}
			}
		})
	}
}

// What a task's function keeps of its context has ended with the task, whether or not anybody had looked at it, and
// still leads to the values and the deadline of its parent.
func TestTheContextOfATaskThatHasEndedHasEndedThoughNobodyLooked(t *testing.T) {
	type key struct{}
	deadline := time.Now().Add(time.Hour)
	parent, cancel := context.WithDeadline(context.WithValue(context.Background(), key{}, "value"), deadline)
	defer cancel()
	for name, looks := range map[string]func(context.Context){
		"not looked at": func(context.Context) {},
		"looked at":     func(ctx context.Context) { ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			for name, p := range map[string]*pool.Pool{
				"the parent is the pool's": newPool(t, 1, pool.Context(parent)),
				"the parent is a view's":   newPool(t, 1).WithContext(parent),
			} {
				var kept []context.Context
				_, _ = pool.Apply(p, func(ctx context.Context) (int, error) {
					looks(ctx)
					kept = append(kept, ctx)
					return 1, nil
				})
				_, _ = pool.Map(p, func(ctx context.Context, _ int) (int, error) {
					looks(ctx)
					kept = append(kept, ctx)
					return 1, nil
				}, []int{1})
				done := make(chan struct{})
				_ = p.GoContext(parent, func(ctx context.Context) error {
					defer close(done)
					looks(ctx)
					kept = append(kept, ctx)
					return nil
				})
				<-done
				_, _ = pool.Apply(p, func(context.Context) (int, error) { return 1, nil }) // the worker is done with all before
				for i, ctx := range kept {
					if err := ctx.Err(); err != context.Canceled {
						t.Errorf("%s: context %d: Err is %v, want %v", name, i, err, context.Canceled)
					}
					<-ctx.Done()
					if v := ctx.Value(key{}); v != "value" {
						t.Errorf("%s: context %d has the value %v, want that of its parent", name, i, v)
					}
					if d, ok := ctx.Deadline(); !ok || !d.Equal(deadline) {
						t.Errorf("%s: context %d has the deadline %v, want that of its parent", name, i, d)
					}
				}
			}
		})
	}
}
