package etcd

import (
	"context"
	"encoding/json"
	"net/url"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// resize changes N in the parameters, which may differ from what the handle says, and what and says for what was read.
func (r *ref) resize(ctx context.Context, n int, and func(reads []*op, rev int64) ([]clientv3.Cmp, []clientv3.Op), reads ...clientv3.Op) error {
	if r.b.Closed() {
		return backend.ErrClosed
	}
	joined, stop := r.b.joined(ctx)
	defer stop()
	_, err := detach(r.b, joined, func() (struct{}, error) {
		for {
			done, err := r.tryResize(joined, n, and, reads)
			if err != nil || done {
				return struct{}{}, err
			}
		}
	}, nil)
	return r.b.unknown(joined, err)
}

func (r *ref) tryResize(ctx context.Context, n int, and func(reads []*op, rev int64) ([]clientv3.Cmp, []clientv3.Op), reads []clientv3.Op) (bool, error) {
	s, err := r.b.present(ctx)
	if err != nil {
		return false, err
	}
	resp, err := retried(r.b, ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return r.b.client.Txn(ctx).Then(append(reads, clientv3.OpGet(r.metaKey()))...).Commit()
	})
	if err != nil {
		return false, err
	}
	kv := first(resp.Responses[len(reads)])
	made := r.spec
	if kv != nil {
		made = specOf(kv)
	}
	want := r.spec
	made.N, want.N, made.MaxDeliveries = n, n, 0
	if err := want.Check(made); err != nil {
		return false, err
	}
	data, _ := json.Marshal(made)
	conds, then := and(resp.Responses, resp.Header.Revision)
	out, err := s.exact(txn{
		conds: append(conds, clientv3.Compare(clientv3.ModRevision(r.metaKey()), "=", int64(cellOf(kv).Rev))),
		then:  append(then, clientv3.OpPut(r.metaKey(), string(data))),
		lane:  s.lane("m" + url.PathEscape(r.prefix)),
	})
	if err != nil || !out.applied {
		return false, err
	}
	create := out.receipt // and what the handle says is no mismatch any more
	if kv != nil {
		create = kv.CreateRevision
	}
	r.knows(create)
	return true, nil
}
