package etcd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"iter"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A tableRef is values: the keys under d/, with the key's own bytes behind it.
type tableRef struct{ *ref }

// Table returns the table of a dict, a value or an array.
func (b *Backend) Table(spec backend.Spec) backend.Table { return &tableRef{b.ref(spec)} }

func (r *tableRef) key(k []byte) string { return r.prefix + "d/" + string(k) }

// laneOf spreads writes over so many lanes of a session.
func laneOf(s *session, key string) *lane {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return s.lane("d" + strconv.Itoa(int(h.Sum32()%tableLanes)))
}

const (
	tableLanes = 16
	mostValue  = 1 << 20 // bytes of one write
)

// fits returns ErrTooLarge for more bytes than one write carries.
func (r *ref) fits(size int) error {
	if size > mostValue {
		return backend.Errorf(backend.ErrTooLarge, "%s: %d bytes, want at most %d", r.spec, size, mostValue)
	}
	return nil
}

func cellOf(kv *mvccpb.KeyValue) backend.Cell {
	if kv == nil {
		return backend.Cell{}
	}
	return backend.Cell{Value: kv.Value, Rev: uint64(kv.ModRevision)}
}

func (r *tableRef) Get(ctx context.Context, key []byte) (backend.Cell, error) {
	reads, _, err := r.read(ctx, clientv3.OpGet(r.key(key)))
	if err != nil {
		return backend.Cell{}, err
	}
	return cellOf(first(reads[0])), nil
}

func (r *tableRef) Put(ctx context.Context, key, value []byte, cond backend.If) (c backend.Cell, ok bool, err error) {
	if err := r.fits(len(key) + len(value)); err != nil {
		return c, false, err
	}
	k := r.key(key)
	type result struct {
		c  backend.Cell
		ok bool
	}
	got, err := written(r.ref, ctx, func(s *session, m *meta) (got result, err error) {
		for {
			t := txn{meta: m, lane: laneOf(s, k), reads: []clientv3.Op{clientv3.OpGet(k)}}
			var opts []clientv3.OpOption
			if cond.TTL > 0 {
				lease, err := r.b.ttlLease(cond.TTL)
				if err != nil {
					return got, err
				}
				opts, t.foreign = append(opts, clientv3.WithLease(lease)), true
			}
			t.then = []clientv3.Op{clientv3.OpPut(k, string(value), opts...)}
			if cond.Checked {
				t.conds = []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(k), "=", int64(cond.Rev))}
			}
			out, err := s.exact(t)
			if errors.Is(err, rpctypes.ErrLeaseNotFound) {
				r.b.sessionLooks(s)
				r.b.forgetTTL(cond.TTL)
				continue
			}
			if err != nil {
				return got, err
			}
			switch got.ok = out.applied; {
			case out.rev != 0:
				got.c = backend.Cell{Value: value, Rev: uint64(out.rev)}
			case got.ok: // by a try whose answer was lost: others may have changed it since
				got.c = backend.Cell{Value: value, Rev: uint64(out.receipt)}
			default:
				got.c = cellOf(first(out.reads[0]))
			}
			return got, nil
		}
	})
	return got.c, got.ok, err
}

func (r *tableRef) Delete(ctx context.Context, key []byte) (backend.Cell, error) {
	k := r.key(key)
	return written(r.ref, ctx, func(s *session, m *meta) (was backend.Cell, err error) {
		for {
			reads, _, err := r.read(r.b.life, clientv3.OpGet(k))
			if err != nil {
				return was, err
			}
			kv := first(reads[0])
			if was = cellOf(kv); kv == nil {
				return was, nil
			}
			out, err := s.exact(txn{
				meta: m, lane: laneOf(s, k),
				conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(k), "=", kv.ModRevision)},
				then:  []clientv3.Op{clientv3.OpDelete(k)},
			})
			if err != nil || out.applied {
				return was, err
			}
		}
	})
}

func (r *tableRef) PutAll(ctx context.Context, pairs []backend.Pair) error {
	size := 0
	for _, p := range pairs {
		size += len(p.Key) + len(p.Value)
	}
	if err := r.fits(size); err != nil {
		return err
	}
	return r.write(ctx, func(s *session, m *meta) error {
		puts := make([]clientv3.Op, len(pairs))
		for i, p := range pairs {
			puts[i] = clientv3.OpPut(r.key(p.Key), string(p.Value))
		}
		_, err := s.exact(txn{meta: m, lane: laneOf(s, r.prefix), then: nested(puts)})
		return err
	})
}

func (r *tableRef) Clear(ctx context.Context) error {
	return r.write(ctx, func(s *session, m *meta) error {
		_, err := s.exact(txn{meta: m, lane: laneOf(s, r.prefix), then: []clientv3.Op{clientv3.OpDelete(r.prefix+"d/", clientv3.WithPrefix())}})
		return err
	})
}

func (r *tableRef) Len(ctx context.Context) (int, error) {
	reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"d/", clientv3.WithPrefix(), clientv3.WithCountOnly()))
	if err != nil {
		return 0, err
	}
	return int(reads[0].GetResponseRange().Count), nil
}

// nested returns at most levelOps ops that do all of ops: a Txn may have 128 on the deepest way through it.
func nested(ops []clientv3.Op) []clientv3.Op {
	for len(ops) > levelOps {
		var outer []clientv3.Op
		for part := range slices.Chunk(ops, levelOps) {
			outer = append(outer, clientv3.OpTxn(nil, part, nil))
		}
		ops = outer
	}
	return ops
}

const levelOps = 40

const pageSize = 500

// All reads pages of one revision. If etcd has compacted that meanwhile, its last error is ErrConflict.
func (r *tableRef) All(ctx context.Context) iter.Seq2[backend.Pair, error] {
	return func(yield func(backend.Pair, error) bool) {
		from, end := r.prefix+"d/", clientv3.GetPrefixRangeEnd(r.prefix+"d/")
		page := func(opts ...clientv3.OpOption) clientv3.Op {
			return clientv3.OpGet(from, append(opts, clientv3.WithRange(end), clientv3.WithLimit(pageSize))...)
		}
		reads, rev, err := r.read(ctx, page())
		for {
			if err != nil {
				yield(backend.Pair{}, err)
				return
			}
			got := reads[0].GetResponseRange()
			for _, kv := range got.Kvs {
				if backend.Ended(ctx) {
					yield(backend.Pair{}, backend.Cause(ctx))
					return
				}
				if !yield(r.pair(kv), nil) {
					return
				}
				from = string(kv.Key) + "\x00"
			}
			if !got.More {
				return
			}
			joined, stop := r.b.joined(ctx)
			resp, failed := retried(r.b, joined, func(ctx context.Context) (*clientv3.TxnResponse, error) {
				resp, err := r.b.client.Txn(ctx).Then(page(clientv3.WithRev(rev))).Commit()
				if errors.Is(err, rpctypes.ErrCompacted) {
					return nil, nil
				}
				return resp, err
			})
			stop()
			if err = failed; err == nil && resp == nil {
				err = backend.Errorf(backend.ErrConflict, "%s: etcd has compacted the revision that was read", r.spec)
			}
			if err == nil {
				reads = resp.Responses
			}
		}
	}
}

func (r *tableRef) pair(kv *mvccpb.KeyValue) backend.Pair {
	return backend.Pair{Key: bytes.TrimPrefix(kv.Key, []byte(r.prefix+"d/")), Cell: cellOf(kv)}
}

// Watch follows a mirror: of several changes of one key between two looks, the last stands for all.
func (r *tableRef) Watch(ctx context.Context) iter.Seq2[backend.Change, error] {
	return func(yield func(backend.Change, error) bool) {
		shown := make(map[string]int64)
		r.watch(ctx, r.prefix+"d/", func(m *mirror) func() bool {
			var changes []backend.Change
			for k, kv := range m.state {
				if shown[k] != kv.ModRevision {
					shown[k] = kv.ModRevision
					changes = append(changes, backend.Change{Pair: r.pair(kv)})
				}
			}
			for k := range shown {
				if m.state[k] == nil {
					delete(shown, k)
					gone := backend.Cell{Rev: uint64(m.deleted[k])} // for its place in the order
					changes = append(changes, backend.Change{Pair: backend.Pair{Key: []byte(k[len(r.prefix+"d/"):]), Cell: gone}, Deleted: true})
				}
			}
			slices.SortStableFunc(changes, func(a, b backend.Change) int { return cmp.Compare(a.Rev, b.Rev) })
			for i := range changes {
				if changes[i].Deleted {
					changes[i].Rev = 0
				}
			}
			if len(changes) == 0 {
				return nil
			}
			return func() bool {
				for _, c := range changes {
					if backend.Ended(ctx) {
						return true // and it ends with the cause
					}
					if !yield(c, nil) {
						return false
					}
				}
				return true
			}
		}, func(err error) { yield(backend.Change{}, err) })
	}
}

// A lifetime is the lease of what lives for a time: one a process for each such time and eighth of it, and never renewed. So a
// value lives for 9/8 of its time at most.
type lifetime struct {
	lease clientv3.LeaseID
	until time.Time // it is for those who come before
}

func (b *Backend) ttlLease(d time.Duration) (clientv3.LeaseID, error) {
	seconds := int64((d + time.Second - 1) / time.Second)
	b.guard.Lock()
	t := b.ttls[seconds]
	b.guard.Unlock()
	if time.Now().Before(t.until) {
		return t.lease, nil
	}
	eighth := max(time.Duration(seconds)*time.Second/8, time.Second/4)
	begin := time.Now()
	g, err := retried(b, b.life, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		begin = time.Now()
		return b.client.Grant(ctx, int64((time.Duration(seconds)*time.Second+eighth+time.Second-1)/time.Second))
	})
	if err != nil {
		return 0, err
	}
	b.guard.Lock()
	defer b.guard.Unlock()
	b.ttls[seconds] = lifetime{g.ID, begin.Add(eighth)}
	return g.ID, nil
}

func (b *Backend) forgetTTL(d time.Duration) {
	b.guard.Lock()
	defer b.guard.Unlock()
	delete(b.ttls, int64((d+time.Second-1)/time.Second))
}
