package local

import (
	"context"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// An instance is a value of a registered type, kept as it is. One call at a time has its turn.
type instance struct {
	base
	of   *backend.Type
	turn lock.Lock
	self any
}

func newInstance(st *Store, spec backend.Spec) (object, error) {
	of, err := backend.LookupType(spec.Type)
	if err != nil {
		return nil, err
	}
	return &instance{base: base{store: st, spec: spec}, of: of, self: of.New()}, nil
}

func (o *instance) info(*backend.Info) {}

func (o *instance) call(ctx context.Context, s *session, method string, in []byte) (out []byte, fault *backend.Fault, err error) {
	m, err := o.of.Method(method)
	if err != nil {
		return nil, nil, err
	}
	codec, ok := o.store.codecs.Load(o.spec.Codec)
	if !ok {
		return nil, nil, backend.Errorf(backend.ErrMismatch, "the process that serves %s does not know the codec %q", o.spec, o.spec.Codec)
	}
	if !o.turn.TryLock() {
		w, err := s.begin(&o.base, backend.Wait{Ctx: ctx}, nil)
		if err != nil {
			return nil, nil, err
		}
		err = o.turn.LockContext(w.ctx)
		if why := w.finish(); err != nil {
			return nil, nil, why
		}
	}
	defer o.turn.Unlock()

	ctx, cancel := context.WithCancelCause(backend.Sound(ctx))
	defer cancel(nil)
	defer s.onEnd(func() { cancel(backend.ErrLost) })()
	restore := o.of.Keep(o.self)
	done := false
	defer func() { // also if the function ends its goroutine
		if !done {
			restore()
		}
	}()
	out, fault = m(ctx, o.self, codec.(backend.Codec), in)
	if fault == nil {
		if err = o.store.fits(o.spec, len(out)); err != nil {
			return nil, nil, err
		}
	}
	done = fault == nil
	return out, fault, nil
}

type objectRef struct{ ref }

func (c *Client) Object(spec backend.Spec) backend.Object {
	return &objectRef{ref{client: c, spec: spec}}
}

func (r *objectRef) Call(ctx context.Context, method string, in []byte) ([]byte, *backend.Fault, error) {
	s, o, err := r.enterFor(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer o.common().leave()
	out, fault, err := o.(*instance).call(ctx, s, method, in)
	if err == backend.ErrGaveUp {
		err = backend.Cause(ctx)
	}
	return out, fault, err
}
