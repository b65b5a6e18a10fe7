package pool

import (
	"sync"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/thread"
)

// A Promise is a Result that is set by hand. The zero Promise is ready to use, and
// needs no goroutine. It must not be copied after first use.
//
// It is asyncio.Future, gevent's AsyncResult, and the set_result and
// set_exception of concurrent.futures.Future:
//
//	var told pool.Promise[string]
//	go func() { told.Set(ask()) }()
//	answer, err := told.Result().Get()
//
// Set synchronizes before the return of every call that reports the end.
type Promise[T any] struct {
	unqueued
	once      sync.Once
	result    Result[T]
	guard     guard
	cancelled bool
}

// Result returns the Result, always the same one. It is Started once the Promise
// is set. Its Cancel makes it ready with ErrCancelled, unless it was set before.
func (p *Promise[T]) Result() *Result[T] {
	p.begin()
	return &p.result
}

// Set makes the Result ready with v and err. Functions given to OnDone are called
// by Set. It panics with ErrSet if the Promise was set before; if the Result was
// cancelled, it does nothing.
func (p *Promise[T]) Set(v T, err error) {
	if !p.set(v, err) && !p.cancelled {
		panic(ErrSet)
	}
}

// TrySet is like Set but reports false if the Promise was set or cancelled
// before.
func (p *Promise[T]) TrySet(v T, err error) bool { return p.set(v, err) }

func (p *Promise[T]) begin() {
	p.once.Do(func() { p.result.task.job = p })
}

func (p *Promise[T]) set(v T, err error) bool {
	p.begin()
	t := &p.result.task
	p.guard.Lock()
	if t.state != waiting {
		p.guard.Unlock()
		return false
	}
	p.result.value, t.err, t.called = v, err, true
	after := t.endAlone()
	p.guard.Unlock()
	t.open()
	callAll(after)
	return true
}

// callAll calls functions, also those behind one that ends the goroutine.
func callAll(fs []func()) {
	for len(fs) > 0 {
		f := fs[0]
		fs = fs[1:]
		returned := false
		func() {
			defer func() {
				if !returned {
					callAll(fs)
				}
			}()
			hook.Run(f)
			returned = true
		}()
	}
}

func (p *Promise[T]) own() *guard { return &p.guard }

func (p *Promise[T]) ask() error { return nil }

func (p *Promise[T]) mine() bool { return false }

func (p *Promise[T]) cancel() bool {
	t := &p.result.task
	p.guard.Lock()
	if t.state != waiting {
		p.guard.Unlock()
		return false
	}
	p.cancelled = true
	t.err = ErrCancelled
	after := t.endAlone()
	p.guard.Unlock()
	t.open()
	if len(after) > 0 { // code of others, which whoever cancels must not run
		thread.Go(func() { callAll(after) }, thread.Daemon(true))
	}
	return true
}
