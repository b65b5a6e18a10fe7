package pool

import "github.com/gothreading/threading/internal/goid"

// A run is a loop over an IMap, or a scope: once it has begun, Close lets it
// finish, and Join waits for it.
type run struct {
	core  *core
	scope *scope     // that it is in, or nil
	id    uint64     // of the goroutine, which must not join the pool meanwhile
	place node[*run] // among those of the pool
}

// begin begins a run of the calling goroutine on p, or returns why nothing is
// accepted through p.
func (r *run) begin(p *Pool) (err error) {
	r.core, r.scope, r.id = p.core, p.domain.scope, goid.Get()
	s := submission{domain: p.domain}
	var gone error
	if p.domain.asks {
		gone = p.domain.gone()
	}
	err = r.admit(&s, gone)
	if err == ErrClosed && s.madeInside() {
		s.inside = true
		err = r.admit(&s, gone)
	}
	return err
}

func (r *run) admit(s *submission, gone error) error {
	c := r.core
	c.guard.Lock()
	defer c.unlock() // to enter a scope may free a slot
	if err := c.refusal(s, gone); err != nil {
		return err
	}
	if r.scope != nil && !r.scope.enter() {
		return ErrClosed
	}
	r.place.of = r
	c.runs.add(&r.place, false)
	return nil
}

func (r *run) end() {
	c := r.core
	c.guard.Lock()
	if r.scope != nil {
		r.scope.out()
	}
	c.runs.remove(&r.place)
	c.unlock()
	if r.scope != nil {
		r.scope.leave()
	}
}

// checkSelf panics if the calling code is part of the pool, and would wait for
// itself if it waited for the end of that.
func (c *core) checkSelf() {
	if w := here(); w != nil && w.core == c {
		panic(ErrJoinSelf)
	}
	id := goid.Get()
	c.guard.Lock()
	defer c.guard.Unlock()
	for r := range c.runs.all {
		if r.id == id {
			panic(ErrJoinSelf)
		}
	}
}
