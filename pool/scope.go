package pool

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
)

// A scope is what the tasks of a Scope have in common.
type scope struct {
	run     run // as part of what it was begun in
	domain  *domain
	pending atomic.Int64 // tasks, runs and scopes in it, and its body; 0: it is over
	done    park.Latch   // opens then

	// Under the guard of the pool.
	inside int     // tasks, runs and scopes that have not ended
	closed bool    // by its user
	over   bool    // its end is no failure any more
	first  error   // what ended it
	others []error // that came later and are not that cancellation
}

// Scope calls body with a view g of a pool of its own, New(Unlimited, opts...),
// waits until nothing runs in g any more, and returns the first error. It is
// asyncio's TaskGroup, Trio's nursery, and an errgroup with results, limits
// (g.Resize, or [Backlog]) and panics:
//
//	err := pool.Scope(ctx, func(ctx context.Context, g *pool.Pool) error {
//		for _, url := range urls {
//			if err := g.Go(func(ctx context.Context) error { return fetch(ctx, url) }); err != nil {
//				return err
//			}
//		}
//		return nil
//	})
//
// The tasks of the scope are what is submitted by Go, ApplyAsync and MapAsync
// through g, by body, by the tasks themselves, or by anybody else, until body has
// returned and nothing runs in g any more. What Apply, Map, ForEach and IMap
// return is their caller's, and fails nothing.
//
// The first error of body or of a task ends the scope: the contexts of body and
// of all tasks end with that error as the cause, and what is queued is dropped. A
// panic of a task counts as its *thread.PanicError. Scope returns when all have
// returned, with the first error and, joined behind it, those of the others that
// are not that cancellation itself. What is dropped uncalled, by Cancel,
// CancelPending or the context of a view, fails nothing, and neither does a task
// that returns the cause of its own ended context. A panic or runtime.Goexit of
// body ends the scope, and continues when all have returned.
//
// If ctx has ended, Scope returns its cause and does not call body. If ctx ends
// before all is done, Scope returns its cause, unless an error came first, with
// later errors joined behind it.
//
// Close, Terminate and CancelPending of g act on the scope: after Terminate, Scope
// returns ErrTerminated unless an error came first. Join and Shutdown of g panic
// with ErrJoinSelf. After Scope has returned, g refuses submissions with
// ErrClosed. Nothing is left behind.
func Scope(ctx context.Context, body func(ctx context.Context, g *Pool) error, opts ...Option) error {
	needed(ctx != nil, "context", "Scope")
	needed(body != nil, "func", "Scope")
	p := New(Unlimited, opts...)
	defer p.Shutdown()
	return p.Scope(ctx, body)
}

// Scope is like the function [Scope] but on the workers of p: g is a view of p
// with a context whose tasks belong to the scope. Resize, Workers and Stats of g
// are those of p. A Scope that has begun survives Close of p. In a task of p, it
// lends the slot while it waits, and the tasks of the scope are started first.
func (p *Pool) Scope(ctx context.Context, body func(ctx context.Context, g *Pool) error) error {
	needed(ctx != nil, "context", "Scope")
	needed(body != nil, "func", "Scope")
	d := p.domain.under(ctx)
	g := &Pool{p.core, d, p.priority}
	s := &scope{domain: d}
	if err := s.run.begin(g); err != nil {
		return err
	}
	defer s.run.end()
	s.pending.Store(1)
	d.scope, d.root = s, true // before anybody can end it
	d.hold()
	defer d.release()
	if err := d.ended(); err != nil { // since it was refused nothing
		return err
	}
	s.call(body, g)
	return s.err()
}

// call calls body and waits for all that is in the scope.
func (s *scope) call(body func(context.Context, *Pool) error, g *Pool) {
	ctx := &taskContext{parent: s.domain}
	returned := false
	defer func() {
		if !returned {
			s.end(ErrCancelled)
		}
		s.leave()
		s.wait()
		s.finish()
		ctx.end(nil)
	}()
	err := body(ctx, g)
	returned = true
	if err != nil {
		s.fail(err, ctx)
	}
}

// enter is called for what begins in the scope. It reports false if that is over.
// It needs the guard.
func (s *scope) enter() bool {
	for n := s.pending.Load(); ; n = s.pending.Load() {
		if n == 0 {
			return false
		}
		if s.pending.CompareAndSwap(n, n+1) {
			break
		}
	}
	if e := s.domain.errand; s.inside == 0 && e != nil && e.active && e.worker != nil && !e.worker.lent {
		e.worker.give() // again: it has its slot back since the last one ended
	}
	s.inside++
	return true
}

// out notes that something of the scope has ended. Leave follows when everybody
// has learned of it. It needs the guard.
func (s *scope) out() {
	s.inside--
	if e := s.domain.errand; s.inside == 0 && e != nil && e.active && e.worker != nil && e.worker.lent {
		e.worker.takeBack()
	}
}

// leave undoes enter, after out.
func (s *scope) leave() {
	explore.Point("leave")
	if s.pending.Add(-1) == 0 {
		s.done.Open()
	}
}

// fail ends the scope with the error of body or a task, which had ctx, or keeps
// the error for those that come behind.
func (s *scope) fail(err error, ctx context.Context) {
	if cancellation(ctx, err) {
		return
	}
	c := s.domain.core
	drops := newDrops(c)
	c.guard.Lock()
	if s.first != nil {
		s.others = append(s.others, err)
		c.guard.Unlock()
		return
	}
	all := s.domain.mark(err, nil, drops)
	drops.unlock()
	for _, x := range all {
		x.endContext(context.Canceled, err)
	}
}

// end ends the scope from outside.
func (s *scope) end(cause error) { s.domain.end(context.Canceled, cause) }

// close refuses what is not submitted from inside.
func (s *scope) close() {
	c := s.domain.core
	var sent park.Chain[submission]
	c.guard.Lock()
	s.closed = true
	c.sendAway(&sent)
	c.unlock()
	sent.Wake(park.Granted)
}

// cancelPending drops what is queued.
func (s *scope) cancelPending() (tasks int) {
	c := s.domain.core
	drops := newDrops(c)
	c.guard.Lock()
	for e := s.domain.first(); e != nil; e = s.domain.first() {
		tasks += e.tasks()
		c.drop(e, ErrCancelled, drops)
	}
	drops.unlock()
	return tasks
}

// wait waits until nothing is in the scope.
func (s *scope) wait() {
	if s.done.IsOpen() {
		return
	}
	d := s.domain
	if w := lender(); w != nil {
		e := &errand{core: d.core, all: d}
		if e.front = d.core == w.core; e.front {
			e.worker = w
		}
		d.core.guard.Lock()
		d.errand = e
		d.core.guard.Unlock()
		defer w.lend(errands{e}).back()
	}
	s.done.Wait()
}

// finish notes that the scope is over, and makes it refuse what is submitted from
// now on.
func (s *scope) finish() {
	d := s.domain
	var gone error
	if d.asks {
		defer d.end(context.Canceled, ErrClosed) // also if a context panics
		gone = d.gone()                          // the context may have ended a moment before d learns of it
	}
	c := d.core
	c.guard.Lock()
	if s.first == nil {
		s.first = gone
	}
	s.over = true
	c.guard.Unlock()
	d.end(context.Canceled, ErrClosed)
}

// err returns what Scope does.
func (s *scope) err() error {
	if len(s.others) == 0 {
		return s.first
	}
	return errors.Join(append([]error{s.first}, s.others...)...)
}
