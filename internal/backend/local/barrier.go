package local

import (
	"context"
	"errors"
	"sync"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/goid"
)

// A barrierObject is a barrier.Barrier whose action is that of the last to arrive: of the goroutine in which the
// barrier calls it.
type barrierObject struct {
	base
	core *barrier.Barrier

	guard   sync.Mutex
	actions map[uint64]func() // by goroutine
}

func newBarrier(st *Store, spec backend.Spec) *barrierObject {
	o := &barrierObject{base: base{store: st, spec: spec}, actions: make(map[uint64]func())}
	o.core = barrier.New(spec.N, o.act)
	return o
}

func (o *barrierObject) info(i *backend.Info) { i.Len = len(i.Waiters) }

func (o *barrierObject) act() {
	o.guard.Lock()
	action := o.actions[goid.Own()]
	o.guard.Unlock()
	if action != nil {
		action()
	}
}

func (o *barrierObject) wait(s *session, limit backend.Wait, action func()) (index int, err error) {
	if action != nil {
		defer o.enlist(func() {
			// Nobody's time or context breaks the generation any more, but the end of the session does.
			defer s.onEnd(o.core.Abort)()
			action()
		})()
	}
	if limit.Try {
		return o.core.WaitTimeout(0)
	}
	w, err := s.begin(&o.base, limit, nil)
	if err != nil {
		return -1, err
	}
	defer func() {
		why := w.finish()
		if err != nil && !errors.Is(err, barrier.ErrBroken) {
			err = why
		}
	}()
	return o.core.WaitContext(w.ctx)
}

// enlist makes action that of the calling goroutine, until the result is called.
func (o *barrierObject) enlist(action func()) (remove func()) {
	id := goid.Own()
	o.guard.Lock()
	o.actions[id] = action
	o.guard.Unlock()
	return func() {
		o.guard.Lock()
		delete(o.actions, id)
		o.guard.Unlock()
	}
}

type barrierRef struct{ ref }

func (c *Client) Barrier(spec backend.Spec) backend.Barrier {
	return &barrierRef{ref{client: c, spec: spec}}
}

func (r *barrierRef) Wait(limit backend.Wait, action func()) (int, error) {
	s, o, err := r.enter()
	if err != nil {
		return -1, err
	}
	defer o.common().leave()
	return o.(*barrierObject).wait(s, limit, action)
}

// core runs f with the barrier of a call that does not wait.
func (r *barrierRef) core(ctx context.Context, f func(*barrier.Barrier)) error {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	f(o.(*barrierObject).core)
	return nil
}

func (r *barrierRef) Reset(ctx context.Context) error { return r.core(ctx, (*barrier.Barrier).Reset) }
func (r *barrierRef) Abort(ctx context.Context) error { return r.core(ctx, (*barrier.Barrier).Abort) }

func (r *barrierRef) State(ctx context.Context) (waiting int, broken bool, err error) {
	err = r.core(ctx, func(b *barrier.Barrier) { waiting, broken = b.Waiting(), b.Broken() })
	return waiting, broken, err
}
