package local

import (
	"context"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/backend"
)

// An eventObject is an event.Event.
type eventObject struct {
	base
	core event.Event
}

func (o *eventObject) info(i *backend.Info) {
	if o.core.IsSet() {
		i.Len = 1
	}
}

type eventRef struct{ ref }

func (c *Client) Event(spec backend.Spec) backend.Event { return &eventRef{ref{client: c, spec: spec}} }

// core runs f with the event of a call that does not wait.
func (r *eventRef) core(ctx context.Context, f func(*event.Event)) error {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	f(&o.(*eventObject).core)
	return nil
}

func (r *eventRef) Set(ctx context.Context) error   { return r.core(ctx, (*event.Event).Set) }
func (r *eventRef) Clear(ctx context.Context) error { return r.core(ctx, (*event.Event).Clear) }

func (r *eventRef) IsSet(ctx context.Context) (is bool, err error) {
	err = r.core(ctx, func(e *event.Event) { is = e.IsSet() })
	return is, err
}

func (r *eventRef) Done() (done <-chan struct{}, err error) {
	err = r.core(context.Background(), func(e *event.Event) { done = e.Done() })
	return done, err
}

func (r *eventRef) Wait(limit backend.Wait) error {
	s, o, err := r.enter()
	if err != nil {
		return err
	}
	defer o.common().leave()
	e := o.(*eventObject)
	switch {
	case limit.Over():
		return backend.ErrGaveUp
	case e.core.IsSet():
		return nil
	case limit.Try:
		return backend.ErrGaveUp
	}
	w, err := s.begin(&e.base, limit, nil)
	if err != nil {
		return err
	}
	err = e.core.WaitContext(w.ctx)
	if why := w.finish(); err != nil {
		return why
	}
	return nil
}
