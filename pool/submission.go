package pool

import (
	"context"
	"math"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A submission is an entry, or a function given to Go, on its way into the queue.
// One that finds no room waits in line, as the Value of a waiter, and whoever
// makes room accepts the first of the line on its behalf. To take it off the line
// decides, as everywhere in package park: one whose time is up, or whose domain
// has ended, is either still in line, and nothing has happened, or it was accepted
// or rejected.
//
// There is room if fewer tasks are queued than the backlog and the free slots
// together: what is about to start is no backlog.
type submission struct {
	entry    *entry
	fn       func(context.Context) error // without an entry
	domain   *domain
	priority int
	inside   bool  // made by the code of a task or callback of the pool, or of the scope
	rejected error // why whoever took it off the line did not accept it
}

var liners park.Pool[submission]

// submit queues what s is of, waiting for room at most d, d <= 0: not at all, and
// until the domain of p ends. It returns nil, or why it was rejected.
func (p *Pool) submit(s *submission, d time.Duration) error {
	s.domain, s.priority = p.domain, p.priority
	c := p.core
	if p.domain.parent == nil && !p.domain.asks {
		c.guard.Lock()
		if c.err == nil && c.room() {
			c.accept(s)
			c.unlock()
			return nil
		}
		c.guard.Unlock()
	}
	var gone error
	if p.domain.asks {
		gone = p.domain.gone()
	}
	if gone != nil || p.domain.parent == nil {
		return c.submit(s, gone, d)
	}
	p.domain.hold()
	accepted := false
	defer func() {
		if !accepted {
			if s.entry != nil {
				s.entry.tie = nil
			}
			p.domain.release()
		}
	}()
	if s.entry != nil {
		s.entry.tie = p.domain.newTie()
	}
	err := c.submit(s, nil, d)
	accepted = err == nil
	return err
}

func (c *core) submit(s *submission, gone error, d time.Duration) error {
	err := c.offer(s, gone)
	if err == ErrClosed && s.madeInside() {
		s.inside = true
		err = c.offer(s, gone)
	}
	if err == ErrFull && d > 0 {
		err = c.offerLater(s, d)
	}
	return err
}

func (c *core) offer(s *submission, gone error) error {
	c.guard.Lock()
	err := c.admit(s, gone)
	c.unlock()
	return err
}

// admit accepts what is submitted, or returns why it does not. gone is why the
// domain of s has ended, for all that its contexts say. It needs the guard.
func (c *core) admit(s *submission, gone error) error {
	if err := c.refusal(s, gone); err != nil {
		return err
	}
	if !c.room() {
		return ErrFull
	}
	if sc := s.domain.scope; sc != nil && !sc.enter() {
		return ErrClosed
	}
	c.accept(s)
	return nil
}

// refusal returns why s is not accepted, whatever room there is.
func (c *core) refusal(s *submission, gone error) error {
	sc := s.domain.scope
	kept := s.inside || s.entry != nil && s.entry.flags.has(begun)
	switch {
	case c.terminated, c.err != nil && !kept && sc == nil:
		return c.err
	case sc != nil && (sc.over || sc.closed && !kept):
		return ErrClosed
	case gone != nil:
		return gone
	}
	return s.domain.cause
}

// refusal returns why nothing is accepted through p, or nil.
func (p *Pool) refusal() error {
	var r run
	err := r.begin(p)
	if err == nil {
		r.end()
	}
	return err
}

// madeInside reports whether the calling code is part of a task or callback of
// the pool, and of the scope, if s is made to one.
func (s *submission) madeInside() bool {
	w := here()
	if w == nil || w.core != s.domain.core {
		return false
	}
	return s.domain.scope == nil || w.domain().within(s.domain.scope)
}

// offerLater offers s when there is room, waiting at most d.
func (c *core) offerLater(s *submission, d time.Duration) error {
	defer lender().lend(nil).back()
	limit, stop := s.limit(d)
	defer stop()
	w := liners.Get(limit)
	defer liners.Put(w)
	c.guard.Lock()
	if err := c.admit(s, nil); err != ErrFull {
		c.unlock()
		return err
	}
	w.Value = *s
	c.line.PushBack(w)
	if w.Sleep(&c.guard) == park.Granted {
		return w.Value.rejected
	}
	if over := s.domain.over.Load(); over != nil && s.domain.parent != nil { // that of a pool ends with the last task, too
		return over.cause
	}
	return ErrFull
}

// limit returns how long s waits for room. Terminate sends it away in any case.
func (s *submission) limit(d time.Duration) (park.Limit, func()) {
	switch {
	case s.domain.parent == nil:
		return park.After(d), func() {}
	case d == math.MaxInt64:
		return park.Until(s.domain), func() {}
	}
	ctx, cancel := context.WithTimeout(s.domain, d)
	return park.Until(ctx), cancel
}

// serve accepts or rejects those in line, as far as there is room.
func (c *core) serve(served *park.Chain[submission]) {
	for w := c.line.Front(); w != nil; w = c.line.Front() {
		err := c.admit(&w.Value, nil)
		if err == ErrFull {
			return
		}
		w.Value.rejected = err
		c.line.Remove(w)
		served.Add(w)
	}
}

// sendAway rejects those in line who are refused now and were not when they came.
func (c *core) sendAway(sent *park.Chain[submission]) {
	var stay []*park.Waiter[submission]
	for w := c.line.Front(); w != nil; w = c.line.Front() {
		c.line.Remove(w)
		if err := c.refusal(&w.Value, nil); err != nil {
			w.Value.rejected = err
			sent.Add(w)
		} else {
			stay = append(stay, w)
		}
	}
	for _, w := range stay {
		c.line.PushBack(w)
	}
}
