package etcd

import (
	"context"
	"math"
	"net/url"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// change replaces the value of one key by what f makes of it, with what else f returns. f must have no other effect.
func change[T any](r *ref, ctx context.Context, part string, f func(old *mvccpb.KeyValue) ([]byte, T, error)) (T, error) {
	return written(r, ctx, func(s *session, m *meta) (v T, err error) {
		for {
			old, err := r.part(r.b.life, part)
			if err != nil {
				return v, err
			}
			value, v, err := f(old)
			if err != nil {
				return v, err
			}
			done, err := r.swap(s, m, part, old, value)
			if err != nil || done {
				return v, err
			}
		}
	})
}

func (r *ref) part(ctx context.Context, part string) (*mvccpb.KeyValue, error) {
	reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+part))
	if err != nil {
		return nil, err
	}
	return first(reads[0]), nil
}

// swap replaces the value of one key, and reports whether it was old still.
func (r *ref) swap(s *session, m *meta, part string, old *mvccpb.KeyValue, value []byte) (bool, error) {
	if err := r.fits(len(value)); err != nil {
		return false, err
	}
	out, err := s.exact(txn{
		meta: m, lane: s.lane(part + url.PathEscape(r.prefix)),
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(r.prefix+part), "=", int64(cellOf(old).Rev))},
		then:  []clientv3.Op{clientv3.OpPut(r.prefix+part, string(value))},
	})
	return out.applied, err
}

// A counterRef is a number: the key c.
type counterRef struct{ *ref }

// Counter returns a counter.
func (b *Backend) Counter(spec backend.Spec) backend.Counter { return counterRef{b.ref(spec)} }

func (r counterRef) Add(ctx context.Context, n int64) (int64, error) {
	if n == 0 {
		reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"c"))
		if err != nil {
			return 0, err
		}
		return count(first(reads[0])), nil
	}
	return change(r.ref, ctx, "c", func(old *mvccpb.KeyValue) ([]byte, int64, error) {
		was := count(old)
		if n > 0 && was > math.MaxInt64-n || n < 0 && was < math.MinInt64-n {
			return nil, 0, backend.Errorf(backend.ErrValue, "%s: %d + %d overflows", r.spec, was, n)
		}
		return strconv.AppendInt(nil, was+n, 10), was + n, nil
	})
}

func (r counterRef) Set(ctx context.Context, n int64) error {
	_, err := change(r.ref, ctx, "c", func(*mvccpb.KeyValue) ([]byte, struct{}, error) {
		return strconv.AppendInt(nil, n, 10), struct{}{}, nil
	})
	return err
}

func count(kv *mvccpb.KeyValue) int64 {
	if kv == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(kv.Value), 10, 64)
	return n
}
