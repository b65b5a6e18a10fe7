package pool

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// Close makes the pool refuse further tasks with ErrClosed, including those that
// wait for room. Tasks that were accepted still run, and what the pool's own
// tasks and callbacks submit is still accepted. So are the rest of a loop over an
// IMap and of a Scope that have begun. A second Close does nothing.
func (p *Pool) Close() {
	if sc := p.domain.scope; sc != nil {
		sc.close()
		return
	}
	p.core.close()
}

// Terminate ends the pool. Tasks that were not started never are, and end with
// ErrTerminated. The contexts of those that are running end with that cause;
// their Results are what they return. Submissions fail with ErrTerminated from
// now on. Terminate returns at once; Join waits for what is running.
func (p *Pool) Terminate() {
	if sc := p.domain.scope; sc != nil {
		sc.end(ErrTerminated)
		return
	}
	p.core.terminate(ErrTerminated, context.Canceled)
}

// CancelPending drops everything that is queued, as Result.Cancel does, and
// returns how many tasks that were. Of a Map, each chunk counts that was not
// started, or, if the Map is not cut into chunks, all that is left as one. The
// contexts of what is running do not end, but a Map that has lost something
// starts no further item.
func (p *Pool) CancelPending() int {
	if sc := p.domain.scope; sc != nil {
		return sc.cancelPending()
	}
	c := p.core
	d := newDrops(c)
	c.guard.Lock()
	n := c.dropAll(ErrCancelled, d)
	d.unlock()
	return n
}

// Join waits until the pool has ended: all tasks, callbacks and workers. It
// panics with ErrRunning before Close, Terminate or the end of the context that
// [Context] was given, and with ErrJoinSelf in a task or callback of the pool and
// in the body of its IMap or Scope.
func (p *Pool) Join() { p.join(park.Forever) }

// JoinTimeout is like Join but waits at most d. It reports whether the pool has
// ended.
func (p *Pool) JoinTimeout(d time.Duration) bool {
	if d <= 0 {
		p.checkJoin()
		return p.core.end() == nil
	}
	return p.join(park.After(d))
}

// JoinContext is like Join but gives up when ctx ends, and then returns its
// cause.
func (p *Pool) JoinContext(ctx context.Context) error {
	p.checkJoin()
	if ctx.Err() != nil || !p.join(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

// Shutdown is Close and Join.
func (p *Pool) Shutdown() {
	p.checkSelf()
	p.core.close()
	p.Join()
}

// ShutdownTimeout closes the pool and waits at most d for its end. If that is not
// enough it terminates the pool, and returns false at once: graceful, then cut.
func (p *Pool) ShutdownTimeout(d time.Duration) bool {
	p.checkSelf()
	p.core.close()
	if p.JoinTimeout(d) {
		return true
	}
	p.core.terminate(ErrTerminated, context.Canceled)
	return false
}

// ShutdownContext closes the pool and waits for its end. If ctx ends before, it
// terminates the pool, and returns the cause of ctx at once.
func (p *Pool) ShutdownContext(ctx context.Context) error {
	p.checkSelf()
	p.core.close()
	err := p.JoinContext(ctx)
	if err != nil {
		p.core.terminate(ErrTerminated, context.Canceled)
	}
	return err
}

// checkSelf panics if the calling code, or any user of p, would wait for itself
// if it waited for the end.
func (p *Pool) checkSelf() {
	if p.domain.scope != nil {
		panic(ErrJoinSelf)
	}
	p.core.checkSelf()
}

func (p *Pool) checkJoin() {
	p.checkSelf()
	c := p.core
	if c.root.asks {
		_ = c.root.gone() // which terminates the pool
	}
	c.guard.Lock()
	running := c.err == nil
	c.guard.Unlock()
	if running {
		panic(ErrRunning)
	}
}

// join waits until nothing is left of the pool: also not the callbacks of what was
// rejected after its end.
func (p *Pool) join(limit park.Limit) bool {
	p.checkJoin()
	joined := p.core.end()
	if joined == nil {
		return true
	}
	defer lender().lend(nil).back()
	return joined.WaitLimit(limit)
}

// end returns what opens when nothing is left of the pool, or nil if nothing is.
func (c *core) end() *park.Latch {
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.over && c.ended() {
		return nil
	}
	if c.joined == nil {
		c.joined = new(park.Latch)
	}
	return c.joined
}
