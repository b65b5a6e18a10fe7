package local

import (
	"container/list"
	"context"
	"fmt"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/semaphore"
)

// A semaphoreObject is a semaphore.Semaphore of which the ledger knows who holds the permits: one bounded or not, since
// it is the ledger that knows whether a release is too much.
type semaphoreObject struct {
	base
	bounded bool
	core    *semaphore.Semaphore

	// Under the ledger's guard. A holding stands in held, oldest first, and in that of its session.
	held     list.List
	of       map[*session]*list.List
	out      int             // permits in held
	withdraw int             // permits that do not come back when they are released: see resize
	debts    map[*Client]int // permits that earlier sessions lost: so many releases do nothing
}

func newSemaphore(st *Store, spec backend.Spec) *semaphoreObject {
	return &semaphoreObject{
		base:    base{store: st, spec: spec},
		bounded: spec.Kind == backend.KindBoundedSemaphore,
		core:    semaphore.New(spec.N),
		of:      make(map[*session]*list.List),
		debts:   make(map[*Client]int),
	}
}

func (o *semaphoreObject) idle() bool { return o.held.Len() == 0 }

func (o *semaphoreObject) info(i *backend.Info) {
	i.Len = o.core.Value()
	for e := o.held.Front(); e != nil; e = e.Next() {
		h := e.Value.(*holding)
		i.Holders = append(i.Holders, h.session.party(h.token, h.since))
	}
}

// permits returns an error unless n is a number that can be acquired or released.
func (o *semaphoreObject) permits(n int) error {
	if n < 1 || n > backend.MostPermits {
		return fmt.Errorf("%w: %d of %s: want 1 to %d", semaphore.ErrValue, n, o.spec, backend.MostPermits)
	}
	return nil
}

func (o *semaphoreObject) acquire(s *session, limit backend.Wait, n int) error {
	if err := o.permits(n); err != nil {
		return err
	}
	o.store.guard.Lock()
	bound := o.n
	o.store.guard.Unlock()
	if o.bounded && n > 1 && n > bound {
		return fmt.Errorf("%w: acquire %d of %s, which has %d", semaphore.ErrValue, n, o.spec, bound)
	}
	if !o.core.TryAcquireN(n) {
		if limit.Try {
			return backend.ErrGaveUp
		}
		w, err := s.begin(&o.base, limit, nil)
		if err != nil {
			return err
		}
		err = o.core.AcquireNContext(w.ctx, n)
		if why := w.finish(); err != nil {
			return why
		}
	}
	h := &holding{of: o, n: n}
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	if !s.enter(h) {
		o.give(n)
		return s.ended
	}
	own := o.of[s]
	if own == nil {
		own = list.New()
		o.of[s] = own
	}
	h.place, h.own = o.held.PushBack(h), own.PushBack(h)
	o.out += n
	return nil
}

// drop takes n permits of h off the record, under the guard.
func (o *semaphoreObject) drop(h *holding, n int) {
	o.out -= n
	if h.n -= n; h.n > 0 {
		return
	}
	h.leave()
	o.held.Remove(h.place)
	own := o.of[h.session]
	own.Remove(h.own)
	if own.Len() == 0 {
		delete(o.of, h.session)
	}
}

// give makes n permits available, under the guard, but for those that Resize has withdrawn.
func (o *semaphoreObject) give(n int) {
	kept := min(o.withdraw, n)
	o.withdraw -= kept
	if n > kept {
		o.core.ReleaseN(n - kept)
	}
}

func (o *semaphoreObject) release(s *session, n int) error {
	if err := o.permits(n); err != nil {
		return err
	}
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	absorbed := min(o.debts[s.client], n)
	n -= absorbed
	switch added := n - o.out; {
	case added > 0 && o.bounded:
		return fmt.Errorf("%w: release %d of %s, of which %d are out", semaphore.ErrOverRelease, n, o.spec, o.out)
	case added > 0 && n > backend.MostPermits-o.core.Value():
		return fmt.Errorf("%w: release %d of %s: the value would exceed %d", semaphore.ErrValue, n, o.spec, backend.MostPermits)
	}
	if o.debts[s.client] -= absorbed; o.debts[s.client] == 0 {
		delete(o.debts, s.client)
	}
	if n == 0 {
		return backend.ErrLost
	}
	for left := n; left > 0 && o.out > 0; {
		oldest := o.held.Front()
		if own := o.of[s]; own != nil {
			oldest = own.Front()
		}
		h := oldest.Value.(*holding)
		k := min(left, h.n)
		left -= k
		o.drop(h, k)
	}
	o.give(n)
	return nil
}

func (o *semaphoreObject) free(h *holding) {
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	n := h.n
	if n == 0 {
		return // others have released it since it left the ledger
	}
	if h.session.ended == backend.ErrLost {
		o.debts[h.session.client] += n
	}
	o.drop(h, n)
	o.give(n)
}

// resize changes how many permits there are. What is to go and cannot be had now is withdrawn as it comes back.
func (o *semaphoreObject) resize(n int) {
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	more := n - o.n
	o.n = n
	if more > 0 {
		o.give(more)
		return
	}
	less := -more
	for less > 0 {
		k := min(less, o.core.Value())
		if k > 0 && o.core.TryAcquireN(k) {
			less -= k
		} else if k == 0 || o.core.Value() >= k {
			break // nothing is there, or it is kept for somebody
		}
	}
	o.withdraw += less
}

type semaphoreRef struct{ ref }

func (c *Client) Semaphore(spec backend.Spec) backend.Semaphore {
	return &semaphoreRef{ref{client: c, spec: spec}}
}

func (r *semaphoreRef) Acquire(limit backend.Wait, n int) (backend.Holding, error) {
	s, o, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer o.common().leave()
	return permits{s}, o.(*semaphoreObject).acquire(s, limit, n)
}

// permits are a Holding.
type permits struct{ *session }

func (permits) Token() uint64           { return 0 }
func (p permits) Lost() <-chan struct{} { return p.lost.Done() }

func (r *semaphoreRef) Release(ctx context.Context, n int) error {
	s, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	return o.(*semaphoreObject).release(s, n)
}

func (r *semaphoreRef) Resize(ctx context.Context, n int) error {
	if n < 0 || n > backend.MostPermits {
		return fmt.Errorf("%w: resize %s to %d: want 0 to %d", semaphore.ErrValue, r.spec, n, backend.MostPermits)
	}
	o, err := r.enterToResize(ctx, n)
	if err != nil {
		return err
	}
	defer o.common().leave()
	o.(*semaphoreObject).resize(n)
	return nil
}

func (r *semaphoreRef) Value(ctx context.Context) (int, error) {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return 0, err
	}
	defer o.common().leave()
	return o.(*semaphoreObject).core.Value(), nil
}
