package local

import (
	"context"
	"slices"
	"sync"

	"github.com/gothreading/threading/internal/backend"
)

// A listObject is a slice of bytes. They are never changed, so they can be given out.
type listObject struct {
	base
	guard  sync.Mutex
	values [][]byte
	rev    uint64
}

func (o *listObject) info(i *backend.Info) {
	o.guard.Lock()
	defer o.guard.Unlock()
	i.Len = len(o.values)
}

// at returns the index that i means, which may be up to limit.
func (o *listObject) at(i, limit int) (int, error) {
	at := i
	if at < 0 {
		at += len(o.values)
	}
	if at < 0 || at > limit {
		return 0, backend.Errorf(backend.ErrNotFound, "%s: index %d of %d", o.spec, i, len(o.values))
	}
	return at, nil
}

func (o *listObject) changed() { o.rev = o.store.next() }

type listRef struct{ ref }

func (c *Client) List(spec backend.Spec) backend.List { return &listRef{ref{client: c, spec: spec}} }

// locked runs f under the list's guard, in a call that does not wait and brings so much.
func (r *listRef) locked(ctx context.Context, f func(*listObject) error, values ...[]byte) error {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if err := r.client.store.fits(r.spec, size); err != nil {
		return err
	}
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	l := o.(*listObject)
	l.guard.Lock()
	defer l.guard.Unlock()
	return f(l)
}

func (r *listRef) Get(ctx context.Context, i int) (value []byte, err error) {
	err = r.locked(ctx, func(l *listObject) error {
		at, err := l.at(i, len(l.values)-1)
		if err == nil {
			value = l.values[at]
		}
		return err
	})
	return value, err
}

func (r *listRef) Set(ctx context.Context, i int, value []byte) error {
	return r.locked(ctx, func(l *listObject) error {
		at, err := l.at(i, len(l.values)-1)
		if err == nil {
			l.values[at] = value
			l.changed()
		}
		return err
	}, value)
}

func (r *listRef) Append(ctx context.Context, values [][]byte) error {
	return r.locked(ctx, func(l *listObject) error {
		l.values = append(l.values, values...)
		l.changed()
		return nil
	}, values...)
}

func (r *listRef) Insert(ctx context.Context, i int, value []byte) error {
	return r.locked(ctx, func(l *listObject) error {
		at, err := l.at(i, len(l.values))
		if err == nil {
			l.values = slices.Insert(l.values, at, value)
			l.changed()
		}
		return err
	}, value)
}

func (r *listRef) Pop(ctx context.Context, i int) (value []byte, err error) {
	err = r.locked(ctx, func(l *listObject) error {
		at, err := l.at(i, len(l.values)-1)
		if err == nil {
			value = l.values[at]
			l.values = slices.Delete(l.values, at, at+1)
			l.changed()
		}
		return err
	})
	return value, err
}

func (r *listRef) Len(ctx context.Context) (n int, err error) {
	err = r.locked(ctx, func(l *listObject) error { n = len(l.values); return nil })
	return n, err
}

func (r *listRef) Load(ctx context.Context) (values [][]byte, rev uint64, err error) {
	err = r.locked(ctx, func(l *listObject) error {
		values, rev = slices.Clone(l.values), l.rev
		return nil
	})
	return values, rev, err
}

func (r *listRef) Replace(ctx context.Context, rev uint64, values [][]byte) error {
	return r.locked(ctx, func(l *listObject) error {
		if l.rev != rev {
			return backend.ErrConflict
		}
		l.values = slices.Clone(values)
		l.changed()
		return nil
	}, values...)
}
