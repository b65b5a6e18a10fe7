package local

import (
	"context"
	"iter"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// A lockObject is a lock.Lock of which the ledger knows the holder: a lock, a reentrant lock (whose owner its process
// knows), an election or a once.
type lockObject struct {
	base
	core lock.Lock

	// Under the ledger's guard.
	holder     *holding
	done       bool // a once
	conditions map[*conditionObject]struct{}
	watchers   map[*event.Event]struct{}
}

func (o *lockObject) idle() bool { return o.holder == nil && len(o.watchers) == 0 }

func (o *lockObject) info(i *backend.Info) {
	if h := o.holder; h != nil {
		i.Holders = append(i.Holders, h.session.party(h.token, h.since))
		i.Len = 1
	}
}

// acquire waits for the lock and enters it for s.
func (o *lockObject) acquire(s *session, limit backend.Wait, value []byte) (*holding, error) {
	if !o.core.TryLock() {
		if limit.Try {
			return nil, backend.ErrGaveUp
		}
		w, err := s.begin(&o.base, limit, o)
		if err != nil {
			return nil, err
		}
		err = o.core.LockContext(w.ctx)
		if why := w.finish(); err != nil {
			return nil, why
		}
	}
	return o.enterFor(s, value)
}

// enterFor enters the lock, which the caller was granted, for s.
func (o *lockObject) enterFor(s *session, value []byte) (*holding, error) {
	h := &holding{of: o, value: value}
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	if !s.enter(h) {
		o.core.Unlock()
		return nil, s.ended
	}
	o.holder = h
	o.tell()
	return h, nil
}

// tell says to those who watch that the holder is another, under the guard.
func (o *lockObject) tell() {
	for dirty := range o.watchers {
		dirty.Set()
	}
}

// release takes h, which was entered, out again. With the core unlocked under the guard, nobody sees a lock that has no
// holder and cannot be had.
func (o *lockObject) release(h *holding, pass bool) (next *holding, err error) {
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	if !h.leave() {
		return nil, backend.ErrLost
	}
	if pass && o.waiting.first == nil {
		next = &holding{of: o, value: h.value}
		h.session.enter(next)
		o.holder = next
		return next, nil
	}
	o.unlock()
	return nil, nil
}

func (o *lockObject) unlock() {
	o.holder = nil
	o.core.Unlock()
}

func (o *lockObject) free(*holding) {
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	o.unlock()
}

// lookAgain makes those waiters of the lock's conditions that want to look look: a session has ended that held the
// lock or waited for it.
func (o *lockObject) lookAgain() {
	o.store.guard.Lock()
	conditions := make([]*conditionObject, 0, len(o.conditions))
	for c := range o.conditions {
		conditions = append(conditions, c)
	}
	o.store.guard.Unlock()
	for _, c := range conditions {
		c.lookAgain()
	}
}

// A lockRef is a handle of a lock or election, an onceRef one of a once.
type (
	lockRef struct{ ref }
	onceRef struct{ lockRef }
)

func (c *Client) Lock(spec backend.Spec) backend.Lock {
	return &lockRef{ref{client: c, spec: spec}}
}

func (c *Client) Once(spec backend.Spec) backend.Once {
	return &onceRef{lockRef{ref{client: c, spec: spec}}}
}

func (r *lockRef) Acquire(limit backend.Wait, value []byte) (backend.Holding, error) {
	s, o, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer o.common().leave()
	return held(o.(*lockObject).acquire(s, limit, value))
}

// held keeps a nil *holding from becoming a Holding that is not nil.
func held(h *holding, err error) (backend.Holding, error) {
	if h == nil {
		return nil, err
	}
	return h, err
}

func (r *lockRef) Release(_ context.Context, h backend.Holding, pass bool) (backend.Holding, error) {
	if _, err := r.client.present(); err != nil {
		return nil, err
	}
	own := h.(*holding)
	return held(own.of.(*lockObject).release(own, pass))
}

// Locked asks the core: whoever was granted the lock may not be in the ledger yet.
func (r *lockRef) Locked(ctx context.Context) (bool, error) {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return false, err
	}
	defer o.common().leave()
	return o.(*lockObject).core.Locked(), nil
}

func (r *lockRef) Holder(ctx context.Context) (value []byte, token uint64, err error) {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer o.common().leave()
	r.client.store.guard.Lock()
	defer r.client.store.guard.Unlock()
	if h := o.(*lockObject).holder; h != nil {
		return h.value, h.token, nil
	}
	return nil, 0, nil
}

func (r *lockRef) Watch(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		_, o, err := r.enterFor(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer o.common().leave()
		l, st := o.(*lockObject), r.client.store
		var (
			dirty event.Event
			seen  uint64
		)
		dirty.Set()
		st.guard.Lock()
		if l.watchers == nil {
			l.watchers = make(map[*event.Event]struct{})
		}
		l.watchers[&dirty] = struct{}{}
		st.guard.Unlock()
		defer func() {
			st.guard.Lock()
			defer st.guard.Unlock()
			delete(l.watchers, &dirty)
		}()
		for {
			if err := r.client.await(ctx, &l.base, &dirty); err != nil {
				yield(nil, err)
				return
			}
			dirty.Clear() // before the look: what changes after it sets dirty again
			st.guard.Lock()
			h := l.holder
			st.guard.Unlock()
			if h == nil || h.token == seen {
				continue
			}
			seen = h.token
			if !yield(h.value, nil) {
				return
			}
		}
	}
}

// await waits until dirty is set, on behalf of a watch, which goes on from session to session.
func (c *Client) await(ctx context.Context, b *base, dirty *event.Event) error {
	for {
		s, err := c.present()
		if err != nil {
			return err
		}
		if backend.Ended(ctx) {
			return backend.Cause(ctx)
		}
		if dirty.IsSet() {
			return nil
		}
		w, err := s.begin(b, backend.Wait{Ctx: ctx}, nil)
		if err != nil {
			continue
		}
		err = dirty.WaitContext(w.ctx)
		w.finish()
		if err == nil {
			return nil
		}
	}
}

func (r *onceRef) Acquire(limit backend.Wait, _ []byte) (backend.Holding, error) {
	s, o, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer o.common().leave()
	l := o.(*lockObject)
	isDone := func() bool {
		l.store.guard.Lock()
		defer l.store.guard.Unlock()
		return l.done
	}
	if isDone() {
		return nil, nil
	}
	h, err := l.acquire(s, limit, nil)
	if err == nil && isDone() { // by the one before us
		_, _ = l.release(h, false)
		return nil, nil
	}
	return held(h, err)
}

func (r *onceRef) Done(_ context.Context, h backend.Holding) error {
	if _, err := r.client.present(); err != nil {
		return err
	}
	own := h.(*holding)
	o := own.of.(*lockObject)
	o.store.guard.Lock()
	defer o.store.guard.Unlock()
	if !own.leave() {
		return backend.ErrLost
	}
	o.done = true
	o.unlock()
	return nil
}
