package pool

import (
	"context"
	"reflect"
)

// A follower follows one context for all the domains of a pool that end with it.
// Many a program makes a view for each task, or uses GoContext, which does: the
// end of the context ends them all at once, on one goroutine.
//
// It is there as long as one of its domains holds something. It needs the guard.
type follower struct {
	core    *core
	ctx     context.Context
	stop    func() // calls code of others
	domains list[*domain]
	over    bool // the context has ended
}

// A followers is what can be joined of those of a pool. Contexts that are no
// pointers, which may not be comparable, are followed for each domain.
type followers map[context.Context]*follower

func (fs followers) of(ctx context.Context) *follower {
	if !shared(ctx) {
		return nil
	}
	return fs[ctx]
}

func shared(ctx context.Context) bool { return reflect.TypeOf(ctx).Kind() == reflect.Pointer }

// follow makes a follower of ctx. It calls code of others, and does not need the
// guard.
func (c *core) follow(ctx context.Context) *follower {
	f := &follower{core: c, ctx: ctx}
	f.stop = follow(ctx, f.expire)
	return f
}

// join makes d one of those that end with its context: those of the follower that
// there is, or else of a fresh one.
func (d *domain) join(fresh *follower) {
	c := d.core
	f := c.followers.of(d.given)
	if f == nil {
		f = fresh
		if shared(f.ctx) && !f.over {
			if c.followers == nil {
				c.followers = make(followers)
			}
			c.followers[f.ctx] = f
		}
	}
	d.follower = f
	d.fellow.of = d
	f.domains.add(&d.fellow, false)
}

// quit undoes join. It returns what is to be called without the guard.
func (d *domain) quit() (stop func()) {
	f := d.follower
	if f == nil {
		return func() {}
	}
	d.follower = nil
	f.domains.remove(&d.fellow)
	if f.domains.first != nil {
		return func() {}
	}
	f.forget()
	return f.stop
}

// forget keeps f from being joined.
func (f *follower) forget() {
	if f.core.followers.of(f.ctx) == f {
		delete(f.core.followers, f.ctx)
	}
}

// expire ends the domains because the context has ended.
func (f *follower) expire() {
	err, cause := context.Canceled, context.Canceled
	defer func() { f.end(err, cause) }() // also if the context ends the goroutine
	err, cause = endOf(f.ctx)
}

func (f *follower) end(err, cause error) {
	c := f.core
	drops := newDrops(c)
	c.guard.Lock()
	f.over = true
	f.forget()
	var all []*domain
	for d := range f.domains.all {
		all = d.mark(cause, all, drops)
	}
	drops.unlock()
	for _, x := range all {
		x.endContext(err, cause) // of none before all others are off the queue: what ends would be followed by one of them
	}
}
