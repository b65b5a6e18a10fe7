package pool

import (
	"context"
	"sync/atomic"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/thread"
)

// Spawn runs fn in a daemon thread of its own, started at once, and returns its
// Result. It is gevent.spawn, asyncio.create_task and asyncio.to_thread. A panic
// or runtime.Goexit of fn, callbacks, OnDone and Cancel are as in a pool; there is
// no slot that the thread could lend. Where nobody asks for the Result, use
// [thread.Go]; where the spawned functions belong together, a [Scope].
func Spawn[T any](fn func(context.Context) (T, error), opts ...TaskOption[T]) *Result[T] {
	needed(fn != nil, "func", "Spawn")
	return spawn(context.Background(), fn, opts)
}

// SpawnContext is like Spawn; ctx is the parent of the context that fn is called
// with. If ctx has ended before fn is called, fn is not: the Result is the cause
// of ctx, and not [Result.Started].
func SpawnContext[T any](
	ctx context.Context, fn func(context.Context) (T, error), opts ...TaskOption[T],
) *Result[T] {
	needed(ctx != nil, "context", "SpawnContext")
	needed(fn != nil, "func", "SpawnContext")
	return spawn(ctx, fn, opts)
}

func spawn[T any](ctx context.Context, fn func(context.Context) (T, error), opts []TaskOption[T]) *Result[T] {
	s := &spawned[T]{parent: ctx}
	r := &s.result
	r.fn = fn
	t := &r.task
	t.job = s
	for _, opt := range opts {
		if opt.apply != nil {
			opt.apply(r)
		}
	}
	if ctx.Err() != nil {
		r.fn, t.err, t.state = nil, park.Cause(ctx), dropped
		if !t.flags.has(callbacks) {
			t.state = ended
			t.open()
			return r
		}
	}
	s.goOn()
	return r
}

// A spawned is a task that has a thread to itself.
type spawned[T any] struct {
	unqueued
	result Result[T]
	guard  guard
	parent context.Context // until the function is called
	ident  atomic.Uint64   // of the thread

	// The thread's.
	after []func() // functions of OnDone that are left to call
	left  bool
}

func (s *spawned[T]) goOn() { thread.Go(s.main, thread.Daemon(true)) }

// main is the thread, and the next one if code of others has ended that.
func (s *spawned[T]) main() {
	defer func() {
		if !s.left {
			if watch.On {
				s.result.task.mark.End()
			}
			s.goOn()
		}
	}()
	s.ident.Store(goid.Get())
	if s.begin() {
		if watch.On {
			s.result.task.mark.Begin(nil)
		}
		for p := hook.Catch(s.result.run); p != nil; p = hook.Catch(s.result.run) {
			s.result.panicked((*thread.PanicError)(p))
		}
		s.settle()
	}
	for len(s.after) > 0 {
		f := s.after[0]
		s.after = s.after[1:] // before the call, which may end the goroutine
		hook.Run(f)
	}
	s.left = true
}

// begin notes that the function may be called, and reports whether the task has
// not ended.
func (s *spawned[T]) begin() bool {
	t := &s.result.task
	s.guard.Lock()
	defer s.guard.Unlock()
	if t.state == waiting {
		t.state = running
		t.ctx = &taskContext{parent: s.parent}
		s.parent = nil
	}
	return t.state != ended
}

func (s *spawned[T]) settle() {
	ctx := s.result.task.ctx
	if watch.On {
		s.result.task.mark.End()
	}
	s.guard.Lock()
	s.end()
	s.guard.Unlock()
	if ctx != nil {
		ctx.end(nil)
	}
	s.result.task.open()
}

// end notes the end of the task. It needs the guard, and open must follow.
func (s *spawned[T]) end() {
	s.after = s.result.task.endAlone()
	s.parent = nil
}

func (s *spawned[T]) own() *guard { return &s.guard }

func (s *spawned[T]) mine() bool { return s.ident.Load() == goid.Get() }

func (s *spawned[T]) ask() error {
	t := &s.result.task
	if parent := t.ctx.parent; parent.Err() != nil {
		return park.Cause(parent)
	}
	s.guard.Lock()
	t.called = true
	s.guard.Unlock()
	return nil
}

func (s *spawned[T]) cancel() bool {
	t := &s.result.task
	s.guard.Lock()
	switch {
	case t.state == running:
		ctx := t.ctx
		s.guard.Unlock()
		ctx.end(ErrCancelled)
		return false
	case t.state != waiting:
		s.guard.Unlock()
		return false
	}
	s.result.fn, t.err, t.state = nil, ErrCancelled, dropped
	if t.flags.has(callbacks) { // which the thread will do
		s.guard.Unlock()
		return true
	}
	s.end()
	s.guard.Unlock()
	t.open()
	return true
}
