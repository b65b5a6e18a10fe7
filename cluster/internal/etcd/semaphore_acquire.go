package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/semaphore"
)

func (r *semaphoreRef) Acquire(w backend.Wait, n int) (backend.Holding, error) {
	if err := r.check(n); err != nil {
		return nil, err
	}
	l, err := r.b.begin(w)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	if n > 1 && (r.bounded || w.Try) {
		reads, _, err := r.read(l.ask, r.ops()...)
		if err != nil {
			return nil, r.left(err, l)
		}
		st, bound := r.state(reads)
		switch {
		case r.bounded && n > bound:
			return nil, fmt.Errorf("%w: acquire %d of %s, which has %d", semaphore.ErrValue, n, r.spec, bound)
		case w.Try && n > st.value():
			return nil, backend.ErrGaveUp
		}
	}
	h, err := detach(r.b, l.ask, func() (h *asking, err error) {
		err = r.with(l.ask, func(s *session, m *meta) error {
			h, err = r.enqueue(s, m, n)
			return err
		})
		return h, err
	}, r.undo)
	switch {
	case err != nil:
		return nil, r.left(err, l)
	case h.in:
	case w.Try:
		err = r.leave(h)
	default:
		err = r.await(l, h)
	}
	if err != nil {
		return nil, err
	}
	if h.n > 0 && !r.own.add(h.holding) {
		if h.n == h.want {
			return nil, h.s.ended()
		}
		r.own.absorb(-h.n) // some of it was released already: so it was acquired, and the rest is lost
	}
	return permits{h.s}, nil
}

// An asking is the key of an Acquire. n is for how many it is, of want: somebody has released the others already.
type asking struct {
	*holding
	m    *meta
	want int
	in   bool // it was let in
}

// acquires is one of the lanes of those that acquire, or give up.
func (r *semaphoreRef) acquires(s *session) *lane {
	return s.lane("a" + strconv.Itoa(int(s.names.Load()%acquireLanes)) + url.PathEscape(r.prefix))
}

const acquireLanes = 8

// enqueue makes the key of an Acquire.
func (r *semaphoreRef) enqueue(s *session, m *meta, n int) (*asking, error) {
	h := &asking{&holding{s: s, key: s.fresh(r.prefix + "k/"), n: n}, m, n, false}
	put := clientv3.OpPut(h.key, stamp([]byte(strconv.Itoa(n))), clientv3.WithLease(s.lease))
	for {
		out, err := s.exact(txn{
			meta: m, lane: r.acquires(s), conds: []clientv3.Cmp{created(h.key, 0)},
			then: append([]clientv3.Op{put}, r.ops()...), reads: r.ops(),
		})
		if err != nil {
			return nil, err
		}
		if !out.applied { // the lane's last receipt was not known
			continue
		}
		reads := out.reads
		if out.rev != 0 {
			reads = out.then[1:]
		}
		kv := kvsByName(kvsOf(reads[0]))[h.key]
		if kv == nil {
			return h, r.letIn(h)
		}
		st, _ := r.state(reads)
		h.is(kv, st.holds(h.key))
		return h, nil
	}
}

// is takes what is known of the key.
func (h *asking) is(kv *mvccpb.KeyValue, in bool) {
	n := permitsIn(kv)
	h.in = in || n < h.n
	h.create, h.mod, h.n = kv.CreateRevision, kv.ModRevision, n
}

// letIn is what a key was whose key has gone, unless it went with its session, or the semaphore.
func (r *semaphoreRef) letIn(h *asking) error {
	resp, err := retried(r.b, r.b.life, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return r.b.client.Txn(ctx).Then(clientv3.OpGet(h.s.key), clientv3.OpGet(h.m.key)).Commit()
	})
	if err != nil {
		return err
	}
	if first(resp.Responses[0]) == nil {
		h.s.end(backend.ErrLost)
		return backend.ErrLost
	}
	if m := first(resp.Responses[1]); m == nil || m.CreateRevision != h.m.create {
		return backend.ErrLost // by hand
	}
	h.in, h.n = true, 0
	return nil
}

func (r *semaphoreRef) await(l limit, h *asking) error {
	m := r.b.mirror(r.prefix)
	defer m.done()
	gone := false
	err := m.await(l.wait, h.s, h.create, func(state map[string]*mvccpb.KeyValue) bool {
		kv := state[h.key]
		if gone = kv == nil; gone {
			return true
		}
		keys := make(map[string]*mvccpb.KeyValue, len(state))
		for k, kv := range state {
			if len(k) > len(r.prefix)+2 && k[len(r.prefix):len(r.prefix)+2] == "k/" {
				keys[k] = kv
			}
		}
		h.is(kv, permitsOf(specOf(state[r.metaKey()]).N, keys, state[r.prefix+"v"]).holds(h.key))
		return h.in
	})
	switch {
	case err == nil && gone:
		return r.letIn(h)
	case err == nil:
		return nil
	case h.s.ended() != nil:
		return h.s.ended()
	}
	return r.leave(h)
}

// leave gives up, unless h was let in meanwhile and that is known soon.
func (r *semaphoreRef) leave(h *asking) error {
	soon, stop := context.WithTimeout(r.b.life, settleTime)
	defer stop()
	gone, err := detach(r.b, soon, func() (bool, error) { return r.withdraw(h) }, func(gone bool) {
		if !gone {
			r.giveBack(h)
		}
	})
	if err == nil && !gone {
		return nil
	}
	return r.b.gaveUp()
}

// withdraw deletes the key of one that gives up, unless somebody has released some of it.
func (r *semaphoreRef) withdraw(h *asking) (gone bool, err error) {
	t := txn{
		lane:  r.acquires(h.s),
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(h.key), "=", h.mod)},
		then:  []clientv3.Op{clientv3.OpDelete(h.key)},
		reads: []clientv3.Op{clientv3.OpGet(h.key)},
	}
	for {
		out, err := h.s.exact(t)
		if errors.Is(err, backend.ErrQuota) && !errors.Is(err, backend.ErrUnknown) { // a receipt is refused, a deletion is not
			t.lane, t.evidence = nil, func(reads []*op) bool { return first(reads[0]) == nil }
			continue
		}
		if err != nil || out.applied {
			return err == nil, err
		}
		switch kv := first(out.reads[0]); {
		case kv == nil:
			return false, r.letIn(h)
		case kv.ModRevision != h.mod:
			h.is(kv, true)
			return false, nil
		}
	}
}

// undo gives back what an Acquire was given whose caller has left.
func (r *semaphoreRef) undo(h *asking) {
	if gone, err := r.withdraw(h); err == nil && !gone {
		r.giveBack(h)
	}
}

// giveBack releases what h was let in for, also what others have released of it.
func (r *semaphoreRef) giveBack(h *asking) {
	if h.n > 0 && !r.own.add(h.holding) {
		r.own.absorb(-h.n)
	}
	_ = r.with(r.b.life, func(s *session, m *meta) error { return r.repay(s, m, h.want) })
}
