package pool

import "github.com/gothreading/threading/internal/goid"

// A run is a loop over an IMap, or a scope: once it has begun, Close lets it
// finish, and Join waits for it.
type run struct {
	core  *core
	scope *scope // that it is in, or nil
	id    uint64 // of the goroutine, which must not join the pool meanwhile
}

// beginRun begins a run of the calling goroutine, or returns why nothing is
// accepted through p.
func (p *Pool) beginRun() (r run, err error) {
	r = run{p.core, p.domain.scope, goid.Get()}
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
	return r, err
}

func (r run) admit(s *submission, gone error) error {
	c := r.core
	c.guard.Lock()
	defer c.unlock() // to enter a scope may free a slot
	if err := c.refusal(s, gone); err != nil {
		return err
	}
	if r.scope != nil && !r.scope.enter() {
		return ErrClosed
	}
	if c.runs == nil {
		c.runs = make(map[uint64]int)
	}
	c.runs[r.id]++
	return nil
}

func (r run) end() {
	c := r.core
	c.guard.Lock()
	if r.scope != nil {
		r.scope.out()
	}
	if c.runs[r.id]--; c.runs[r.id] == 0 {
		delete(c.runs, r.id)
	}
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
	c.guard.Lock()
	self := len(c.runs) > 0 && c.runs[goid.Get()] > 0
	c.guard.Unlock()
	if self {
		panic(ErrJoinSelf)
	}
}
