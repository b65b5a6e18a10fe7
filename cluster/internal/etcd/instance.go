package etcd

import (
	"context"
	"errors"

	"github.com/gothreading/threading/internal/backend"
)

// An objectRef is a value of a registered type: its state, encoded, under the key t. A call takes the state, runs the
// method on it here, and stores what it has become, unless somebody was faster: then it runs again.
type objectRef struct{ *ref }

// Object returns an object of a registered type.
func (b *Backend) Object(spec backend.Spec) backend.Object { return objectRef{b.ref(spec)} }

func (r objectRef) Call(ctx context.Context, method string, in []byte) (out []byte, fault *backend.Fault, err error) {
	t, err := backend.LookupType(r.spec.Type)
	if err != nil {
		return nil, nil, err
	}
	run, err := t.Method(method)
	if err != nil {
		return nil, nil, err
	}
	joined, stop := r.b.joined(ctx)
	_, err = r.enter(joined)
	stop()
	if err != nil {
		return nil, nil, err
	}
	if field := t.Dropped(r.b.codec); field != "" {
		return nil, nil, backend.Errorf(errors.ErrUnsupported, "%s: the codec %s drops the field %s of type %q, which is stored here", r.spec, r.b.codec.Name(), field, t.Name)
	}
	// The method runs in the caller's goroutine, which it may end.
	for {
		joined, stop := r.b.joined(ctx)
		old, err := r.part(joined, "t")
		stop()
		if err != nil {
			return nil, nil, err
		}
		self := t.New()
		if old != nil {
			if err := r.b.codec.Unmarshal(old.Value, self); err != nil {
				return nil, nil, backend.Errorf(backend.ErrMismatch, "%s: %v", r.spec, err)
			}
		}
		out, fault := run(backend.Sound(ctx), self, r.b.codec, in)
		if fault != nil {
			return nil, fault, nil
		}
		if err := r.fits(len(out)); err != nil {
			return nil, nil, err
		}
		state, err := r.b.codec.Marshal(self)
		if err != nil {
			return nil, nil, err
		}
		done, err := written(r.ref, ctx, func(s *session, m *meta) (bool, error) { return r.swap(s, m, "t", old, state) })
		if err != nil || done {
			return out, nil, err
		}
	}
}
