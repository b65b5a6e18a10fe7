package local

import (
	"context"
	"runtime"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/park"
)

// A conditionObject is a list of waiters. condition.Condition would not do: it does not tell how many it notified, and
// a waiter that wants to look when somebody has died is one more way to end a wait.
type conditionObject struct {
	base
	guard park.Guard // before the ledger's
	list  park.List[place]
	n     int // on the list, or on their way off it
}

// A place is the Value of a waiter: the lock that it releases, and whether it wants to look.
type place struct {
	look bool
	held *holding
	lost bool // the lock had been lost when it was to be released
}

var places park.Pool[place]

// Unlock releases the lock. Package park calls it when the waiter has its place.
func (p *place) Unlock() {
	_, err := p.held.of.(*lockObject).release(p.held, false)
	p.lost = err != nil
}

// PassOn is for an Unlock that panics, which this one does not.
func (p *place) PassOn() {}

func (o *conditionObject) info(i *backend.Info) { i.Len = len(i.Waiters) }

// wait is Wait under s, which holds the lock if h is in the ledger.
func (o *conditionObject) wait(s *session, limit backend.Wait, h *holding, look bool) (again *holding, notified bool, err error) {
	l := h.of.(*lockObject)
	if h.session != s || !l.enter() {
		return nil, false, backend.ErrLost
	}
	defer l.leave()
	if limit.Try || limit.Over() {
		if _, err := l.release(h, false); err != nil {
			return nil, false, err
		}
		runtime.Gosched() // others get their chance
	} else if notified, err = o.sleep(s, l, limit, h, look); err != nil {
		return nil, false, err
	}
	again, err = l.acquire(s, backend.Wait{}, nil)
	if err != nil && notified {
		o.notify(1) // what it was notified of it will not see to
	}
	return again, notified && err == nil, err
}

// sleep releases the lock and waits. Its error is that the session ended first.
func (o *conditionObject) sleep(s *session, l *lockObject, limit backend.Wait, h *holding, look bool) (notified bool, err error) {
	w, err := s.begin(&o.base, limit, l)
	if err != nil {
		return false, err
	}
	p := places.Get(park.Until(w.ctx))
	p.Value = place{look: look, held: h}
	p.AlsoUnlock(&p.Value)
	o.guard.Lock()
	o.count(l, +1)
	o.list.PushBack(p)
	verdict := p.Sleep(&o.guard)
	lost := p.Value.lost
	places.Put(p)
	o.guard.Lock()
	o.count(l, -1)
	o.guard.Unlock()
	why := w.finish()
	switch {
	case verdict == park.GaveUp && (lost || why != backend.ErrGaveUp):
		return false, why
	case verdict == park.GaveUp:
		return false, nil
	}
	return true, nil
}

// count counts those who wait, under the guard, and lets the lock know whether to look for them.
func (o *conditionObject) count(l *lockObject, n int) {
	before := o.n
	o.n += n
	if before > 0 && o.n > 0 {
		return
	}
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	if o.n == 0 {
		delete(l.conditions, o)
		return
	}
	if l.conditions == nil {
		l.conditions = make(map[*conditionObject]struct{})
	}
	l.conditions[o] = struct{}{}
}

// notify wakes n of those who wait and returns how many there were.
func (o *conditionObject) notify(n int) (picked int) {
	var chain park.Chain[place]
	o.guard.Lock()
	for p := o.list.Front(); p != nil && picked < n; p = o.list.Front() {
		o.list.Remove(p)
		chain.Add(p)
		picked++
	}
	o.guard.Unlock()
	chain.Wake(park.Granted)
	return picked
}

// lookAgain wakes those who want to look.
func (o *conditionObject) lookAgain() {
	var looking park.Chain[place]
	o.guard.Lock()
	for p := o.list.Front(); p != nil; {
		next := o.list.Next(p)
		if p.Value.look {
			o.list.Remove(p)
			looking.Add(p)
		}
		p = next
	}
	o.guard.Unlock()
	looking.Wake(park.Granted)
}

type conditionRef struct{ ref }

func (c *Client) Condition(spec backend.Spec) backend.Condition {
	return &conditionRef{ref{client: c, spec: spec}}
}

func (r *conditionRef) Wait(limit backend.Wait, h backend.Holding, look bool) (backend.Holding, bool, error) {
	s, o, err := r.enter()
	if err != nil {
		return nil, false, err
	}
	defer o.common().leave()
	again, notified, err := o.(*conditionObject).wait(s, limit, h.(*holding), look)
	if again == nil {
		return nil, notified, err
	}
	return again, notified, err
}

func (r *conditionRef) Notify(ctx context.Context, h backend.Holding, n int) (int, error) {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return 0, err
	}
	defer o.common().leave()
	r.client.store.guard.Lock()
	lost := !h.(*holding).held
	r.client.store.guard.Unlock()
	if lost {
		return 0, backend.ErrLost
	}
	return o.(*conditionObject).notify(n), nil
}
