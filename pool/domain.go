package pool

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
)

// A domain is what a task belongs to: the pool, a view of it that has a context,
// a scope, or a loop over an IMap. Domains form a tree. The end of one ends those
// below: what is queued in them is dropped, and the contexts of what runs end.
//
// A domain is the parent of the contexts of its tasks. It is not made of those
// of package context because they cannot say all of it: Err is that of the
// context that ended it (DeadlineExceeded, or not), the cause may be another
// (ErrTerminated), and the deadline is the earliest of all above.
//
// A view may be dropped by its owner at any time, so nothing may be left behind
// by one that has no tasks. While it holds something, and no longer, it follows
// its context and is linked under its parent.
type domain struct {
	core    *core
	parent  *domain         // nil: it is the pool's, the root
	given   context.Context // ends it, or nil
	follows bool            // given may end
	asks    bool            // something above, or it, has a context that may end
	scope   *scope          // that its tasks belong to, or nil
	root    bool            // of that scope

	// As a context.
	over  atomic.Pointer[ending] // nil: it has not ended
	done  atomic.Pointer[chan struct{}]
	mu    sync.Mutex   // no guard: package context asks for it with a lock of its own held, where no schedule may stop
	calls list[func()] // for the end; see AfterFunc

	// As what holds tasks. It needs the guard of the pool, also to count from
	// 0 to 1.
	holds    atomic.Int64
	cause    error        // why nothing is started in it any more
	withPool bool         // and that is the end of the pool
	queued   list[*entry] // through their ties
	below    list[*domain]
	place    node[*domain] // below its parent, where it is linked
	follower *follower     // of the context, while it is linked
	fellow   node[*domain] // among those of the follower
	errand   *errand       // somebody waits for all of it
}

// An ending is how a domain ended.
type ending struct {
	err, cause error
	once       sync.Once
	values     context.Context // see of
}

// A tie ties an entry to a domain other than the root.
type tie struct {
	domain *domain
	place  node[*entry] // while it is queued; whoever keeps the context keeps no entry
	ctx    taskContext
}

// left notes that what is tied has ended. It needs the guard.
func (t *tie) left() {
	if t != nil && t.domain.scope != nil {
		t.domain.scope.out()
	}
}

// newTie returns what ties an entry to d: nothing, if d is the root.
func (d *domain) newTie() *tie {
	if d.parent == nil {
		return nil
	}
	return &tie{domain: d, ctx: taskContext{parent: d}}
}

// inner returns a domain below d.
func (d *domain) inner() *domain {
	return &domain{core: d.core, parent: d, asks: d.asks, scope: d.scope}
}

// under returns a domain below d that also ends with ctx.
func (d *domain) under(ctx context.Context) *domain {
	x := d.inner()
	x.given, x.follows = ctx, ctx.Done() != nil
	x.asks = x.asks || x.follows
	return x
}

// gone returns why nothing is started in d any more, or nil. It asks the
// contexts themselves, since they may have ended a moment before d learns of it.
// They are code of others.
func (d *domain) gone() error {
	for ; d != nil; d = d.parent {
		if over := d.over.Load(); over != nil {
			return over.cause
		}
		if !d.asks || d.given == nil || d.given.Err() == nil {
			continue
		}
		if d.parent == nil {
			return d.core.expire()
		}
		return park.Cause(d.given)
	}
	return nil
}

// hold keeps d following its context until release. It calls code of others.
func (d *domain) hold() {
	if d.parent == nil {
		return
	}
	for n := d.holds.Load(); n > 0; n = d.holds.Load() {
		if d.holds.CompareAndSwap(n, n+1) {
			return
		}
	}
	d.parent.hold()
	held := false
	defer func() {
		if !held {
			d.parent.release()
		}
	}()
	c := d.core
	var fresh *follower
	c.guard.Lock()
	if d.follows && c.followers.of(d.given) == nil {
		c.guard.Unlock()
		fresh = c.follow(d.given)
		c.guard.Lock()
	}
	first := !d.place.listed() // or else another one was faster, or has let go and not yet unlinked
	if first {
		d.link()
		if d.follows {
			d.join(fresh)
		}
	}
	d.holds.Add(1)
	unused := fresh != nil && d.follower != fresh
	late := fresh != nil && fresh.over
	c.guard.Unlock()
	held = true
	if !first {
		d.parent.release()
	}
	switch {
	case unused:
		fresh.stop()
	case late: // it did not know of d yet
		d.expire()
	}
}

// within reports whether d is part of a scope.
func (d *domain) within(sc *scope) bool {
	for ; d != nil; d = d.parent {
		if d.scope == sc {
			return true
		}
	}
	return false
}

// leave is called when a task that belonged to d, not the root, has ended.
func (d *domain) leave() {
	if d.scope != nil {
		d.scope.leave()
	}
	d.release()
}

// release undoes hold.
func (d *domain) release() {
	if d.parent == nil || d.holds.Add(-1) > 0 {
		return
	}
	c := d.core
	c.guard.Lock()
	if d.holds.Load() > 0 || !d.place.listed() { // another one came, or was the last too
		c.guard.Unlock()
		return
	}
	d.unlink()
	stop := d.quit()
	c.guard.Unlock()
	d.parent.release()
	hook.Run(stop)
}

// link puts d below its parent.
func (d *domain) link() {
	d.place.of = d
	d.parent.below.add(&d.place, false)
	if d.cause == nil {
		d.cause = d.parent.cause
	}
}

func (d *domain) unlink() { d.parent.below.remove(&d.place) }

// add notes that e is queued.
func (d *domain) add(e *entry) {
	e.tie.place.of = e
	d.queued.add(&e.tie.place, false)
	for ; d != nil; d = d.parent {
		if d.errand != nil {
			d.errand.more()
		}
	}
}

// remove notes that e is queued no longer.
func (d *domain) remove(e *entry) {
	d.queued.remove(&e.tie.place)
	e.tie.place.of = nil
}

// first returns an entry that is queued in d or below, or nil.
func (d *domain) first() *entry {
	if n := d.queued.first; n != nil {
		return n.of
	}
	for x := range d.below.all {
		if e := x.first(); e != nil {
			return e
		}
	}
	return nil
}

// expire ends d because its context has ended, if the follower has not.
func (d *domain) expire() {
	err, cause := context.Canceled, context.Canceled
	defer func() { d.end(err, cause) }() // also if the context ends the goroutine
	err, cause = endOf(d.given)
}

// end ends d and all below.
func (d *domain) end(err, cause error) {
	c := d.core
	drops := newDrops(c)
	c.guard.Lock()
	all := d.mark(cause, nil, drops)
	drops.unlock()
	for _, x := range all {
		x.endContext(err, cause) // of none before all others are off the queue: what ends would be followed by one of them
	}
}

// ended returns why nothing is started in d any more, or nil, for all that it was
// told.
func (d *domain) ended() error {
	d.core.guard.Lock()
	defer d.core.guard.Unlock()
	return d.cause
}

// endedWithPool reports whether it was the end of the pool that ended d.
func (d *domain) endedWithPool() bool {
	d.core.guard.Lock()
	defer d.core.guard.Unlock()
	return d.withPool
}

// mark keeps what is queued in d and below from being started, and returns those
// that did not know yet behind all. It needs the guard.
func (d *domain) mark(cause error, all []*domain, drops *drops) []*domain {
	if d.cause != nil {
		return all
	}
	d.cause = cause
	d.withPool = d.core.root.cause != nil // which is marked before what is below it
	if d.root && d.scope.first == nil && !d.scope.over {
		d.scope.first = cause
	}
	for n := d.queued.first; n != nil; n = d.queued.first {
		d.core.drop(n.of, cause, drops)
	}
	all = append(all, d)
	for x := range d.below.all {
		all = x.mark(cause, all, drops)
	}
	return all
}
