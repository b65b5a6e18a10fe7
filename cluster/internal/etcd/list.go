package etcd

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A listRef is a list: all of it under the key l, so that every change of it is one step.
type listRef struct{ *ref }

// List returns a list.
func (b *Backend) List(spec backend.Spec) backend.List { return listRef{b.ref(spec)} }

// pack puts values into one: each with its length before it.
func pack(values [][]byte) (data []byte) {
	for _, v := range values {
		data = append(binary.AppendUvarint(data, uint64(len(v))), v...)
	}
	return data
}

func unpack(data []byte) (values [][]byte, err error) {
	for len(data) > 0 {
		n, used := binary.Uvarint(data)
		if used <= 0 || n > uint64(len(data)-used) {
			return nil, errors.New("etcd: a list that is none")
		}
		data = data[used:]
		values = append(values, data[:n:n])
		data = data[n:]
	}
	return values, nil
}

func valuesOf(kv *mvccpb.KeyValue) ([][]byte, error) {
	if kv == nil {
		return nil, nil
	}
	return unpack(kv.Value)
}

func (r listRef) at(values [][]byte, i, limit int) (int, error) {
	at := i
	if at < 0 {
		at += len(values)
	}
	if at < 0 || at > limit {
		return 0, backend.Errorf(backend.ErrNotFound, "%s: index %d of %d", r.spec, i, len(values))
	}
	return at, nil
}

// edit changes the list.
func (r listRef) edit(ctx context.Context, f func(values [][]byte) ([][]byte, error)) error {
	_, err := change(r.ref, ctx, "l", func(old *mvccpb.KeyValue) (data []byte, none struct{}, err error) {
		values, err := valuesOf(old)
		if err == nil {
			values, err = f(values)
		}
		return pack(values), none, err
	})
	return err
}

func (r listRef) Get(ctx context.Context, i int) ([]byte, error) {
	values, _, err := r.Load(ctx)
	if err != nil {
		return nil, err
	}
	at, err := r.at(values, i, len(values)-1)
	if err != nil {
		return nil, err
	}
	return values[at], nil
}

func (r listRef) Set(ctx context.Context, i int, value []byte) error {
	return r.edit(ctx, func(values [][]byte) ([][]byte, error) {
		at, err := r.at(values, i, len(values)-1)
		if err == nil {
			values[at] = value
		}
		return values, err
	})
}

func (r listRef) Append(ctx context.Context, more [][]byte) error {
	return r.edit(ctx, func(values [][]byte) ([][]byte, error) { return append(values, more...), nil })
}

func (r listRef) Insert(ctx context.Context, i int, value []byte) error {
	return r.edit(ctx, func(values [][]byte) ([][]byte, error) {
		at, err := r.at(values, i, len(values))
		if err == nil {
			values = slices.Insert(values, at, value)
		}
		return values, err
	})
}

func (r listRef) Pop(ctx context.Context, i int) ([]byte, error) {
	return change(r.ref, ctx, "l", func(old *mvccpb.KeyValue) (data, value []byte, err error) {
		values, err := valuesOf(old)
		if err != nil {
			return nil, nil, err
		}
		at, err := r.at(values, i, len(values)-1)
		if err != nil {
			return nil, nil, err
		}
		value = values[at]
		return pack(slices.Delete(slices.Clone(values), at, at+1)), value, nil
	})
}

func (r listRef) Len(ctx context.Context) (int, error) {
	values, _, err := r.Load(ctx)
	return len(values), err
}

func (r listRef) Load(ctx context.Context) (values [][]byte, rev uint64, err error) {
	reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"l"))
	if err != nil {
		return nil, 0, err
	}
	kv := first(reads[0])
	values, err = valuesOf(kv)
	return values, cellOf(kv).Rev, err
}

func (r listRef) Replace(ctx context.Context, rev uint64, values [][]byte) error {
	_, err := change(r.ref, ctx, "l", func(old *mvccpb.KeyValue) (data []byte, none struct{}, err error) {
		if cellOf(old).Rev != rev {
			return nil, none, backend.ErrConflict
		}
		return pack(values), none, nil
	})
	return err
}
