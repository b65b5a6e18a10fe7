package etcd

import (
	"context"
	"errors"
	"iter"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

type op = pb.ResponseOp

// A lockRef is a lock: the keys under k/, each of one attempt of one session, of which the one that was made first holds.
// An attempt has a key that was never used before: so what a give-up deletes late is never what somebody else holds.
type lockRef struct{ *ref }

// Lock returns the lock of a lock, a reentrant lock or an election.
func (b *Backend) Lock(spec backend.Spec) backend.Lock { return lockRef{b.ref(spec)} }

func created(key string, rev int64) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), "=", rev)
}

// oldest returns the key that was made first, or nil.
func oldest(state map[string]*mvccpb.KeyValue) (first *mvccpb.KeyValue) {
	for _, kv := range state {
		if first == nil || kv.CreateRevision < first.CreateRevision {
			first = kv
		}
	}
	return first
}

func keyIn(key string) func(reads []*op) bool {
	return func(reads []*op) bool {
		for _, r := range reads {
			for _, kv := range kvsOf(r) {
				if string(kv.Key) == key {
					return true
				}
			}
		}
		return false
	}
}

func (r lockRef) Acquire(w backend.Wait, value []byte) (backend.Holding, error) {
	l, err := r.b.begin(w)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	h, err := r.acquire(l, w.Try, value)
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (r lockRef) acquire(l limit, try bool, value []byte) (*holding, error) {
	keys := r.prefix + "k/"
	h, err := detach(r.b, l.ask, func() (h *holding, err error) {
		err = r.with(l.ask, func(s *session, m *meta) error {
			h = &holding{s: s, key: s.fresh(keys)}
			put := clientv3.OpPut(h.key, stamp(value), clientv3.WithLease(s.lease))
			get := clientv3.OpGet(keys, clientv3.WithPrefix(), clientv3.WithKeysOnly())
			t := txn{meta: m, conds: []clientv3.Cmp{created(h.key, 0)}, then: []clientv3.Op{put, get}, reads: []clientv3.Op{get}, evidence: keyIn(h.key)}
			if try {
				t.conds = []clientv3.Cmp{nobody(keys)}
			}
			out, err := s.exact(t)
			if err != nil {
				return err
			}
			if !out.applied {
				return backend.ErrGaveUp // a try, of what is not free
			}
			all := out.reads
			if out.rev != 0 {
				all = out.then[1:]
			}
			state := kvsByName(kvsOf(all[0]))
			if state[h.key] == nil {
				s.b.sessionLooks(s)
				return backend.ErrLost
			}
			h.create, h.mod = state[h.key].CreateRevision, state[h.key].ModRevision
			if oldest(state) == state[h.key] {
				h.token = uint64(h.create)
			}
			return nil
		})
		return h, err
	}, r.abandon)
	switch {
	case err != nil:
		return nil, r.left(err, l)
	case h.token == 0:
		if err := r.await(l, h); err != nil {
			return nil, err
		}
	}
	if !h.s.hold(h) {
		return nil, h.s.ended()
	}
	return h, nil
}

// left is the error of a call that can be undone.
func (r *ref) left(err error, l limit) error {
	switch {
	case err == errLeft, errors.Is(err, backend.ErrUnknown) && !r.b.Closed() && l.ask.Err() != nil, l.ask.Err() != nil && err == context.Cause(l.ask):
		return r.b.gaveUp()
	case errors.Is(err, backend.ErrUnknown) && errors.Is(err, backend.ErrLost):
		return backend.ErrLost // whatever it was is under a lease that is over
	case errors.Is(err, backend.ErrUnknown) && errors.Is(err, backend.ErrClosed):
		return backend.ErrClosed
	}
	return err
}

// await waits until it is h's turn.
func (r lockRef) await(l limit, h *holding) error {
	m := r.b.mirror(r.prefix + "k/")
	defer m.done()
	gone := false
	err := m.await(l.wait, h.s, h.create, func(state map[string]*mvccpb.KeyValue) bool {
		gone = state[h.key] == nil
		return gone || oldest(state).CreateRevision == h.create
	})
	switch {
	case err == nil && gone:
		r.b.sessionLooks(h.s)
		return backend.ErrLost // with the session, of which this process does not know yet, or by hand
	case err == nil:
		h.token = uint64(h.create)
		return nil
	case h.s.ended() != nil:
		return h.s.ended()
	}
	r.settle(func() { r.abandon(h) })
	return r.b.gaveUp()
}

// settle runs f, which tidies up after a call, on a goroutine of the Backend, and waits for it if that is short.
func (r *ref) settle(f func()) {
	done := make(chan struct{})
	r.b.goes(func() {
		defer close(done)
		f()
	})
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	case <-r.b.life.Done():
	}
}

const settleTime = time.Second

// abandon deletes the key of an attempt.
func (r lockRef) abandon(h *holding) { _, _ = h.s.exact(freeing(h)) }

// freeing deletes what h holds.
func freeing(h *holding, and ...clientv3.Op) txn {
	return txn{
		conds: []clientv3.Cmp{created(h.key, h.create)},
		then:  append([]clientv3.Op{clientv3.OpDelete(h.key)}, and...),
		reads: []clientv3.Op{clientv3.OpGet(h.key)},
		evidence: func(reads []*op) bool {
			kv := first(reads[0])
			return kv == nil || kv.CreateRevision != h.create
		},
	}
}

// sessionLooks makes sure that a session whose key has gone is over, when something of it has.
func (b *Backend) sessionLooks(s *session) {
	kv, err := b.get(b.life, s.key)
	if err == nil && kv == nil {
		s.end(backend.ErrLost)
	}
}

func (r lockRef) Release(ctx context.Context, h backend.Holding, pass bool) (backend.Holding, error) {
	own := h.(*holding)
	if !own.drop() {
		if err := own.s.ended(); err != nil {
			return nil, err
		}
		return nil, backend.ErrLost
	}
	joined, stop := r.b.joined(ctx)
	defer stop()
	next, err := detach(r.b, joined, func() (*holding, error) {
		if pass {
			if next := r.pass(own); next != nil {
				return next, nil
			}
		}
		return nil, released(own.s.exact(freeing(own)))
	}, func(next *holding) {
		if next != nil && next.drop() {
			r.abandon(next)
		}
	})
	if err != nil || next == nil {
		return nil, r.b.unknown(joined, err)
	}
	return next, nil
}

// released is the end of a release that has begun while the session lived: if that ends meanwhile nothing is left to do.
func released(out outcome, err error) error {
	switch {
	case errors.Is(err, backend.ErrLost), errors.Is(err, backend.ErrClosed):
		return nil
	case err == nil && !out.applied:
		return backend.ErrLost
	}
	return err
}

// pass hands the lock on within the session, under a new token, unless somebody else waits. It returns nil otherwise.
func (r lockRef) pass(h *holding) *holding {
	keys := r.prefix + "k/"
	out, err := h.s.exact(txn{
		conds: []clientv3.Cmp{created(h.key, h.create), clientv3.Compare(clientv3.CreateRevision(keys), "<", h.create+1).WithPrefix()},
		then:  []clientv3.Op{clientv3.OpPut(h.key, stamp(nil), clientv3.WithLease(h.s.lease))},
		reads: []clientv3.Op{clientv3.OpGet(h.key)},
		evidence: func(reads []*op) bool {
			kv := first(reads[0])
			return kv != nil && kv.CreateRevision == h.create && kv.ModRevision > h.mod
		},
	})
	if err != nil || !out.applied {
		return nil
	}
	mod := out.rev
	if mod == 0 {
		mod = first(out.reads[0]).ModRevision
	}
	next := &holding{s: h.s, key: h.key, create: h.create, mod: mod, token: uint64(mod)}
	if !next.s.hold(next) {
		return nil
	}
	return next
}

func (r lockRef) Locked(ctx context.Context) (bool, error) {
	rest, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"k/", clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()))
	if err != nil {
		return false, err
	}
	return first(rest[0]) != nil, nil
}

func (r lockRef) Holder(ctx context.Context) (value []byte, token uint64, err error) {
	rest, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"k/", clientv3.WithPrefix()))
	if err != nil {
		return nil, 0, err
	}
	kv := oldest(kvsByName(kvsOf(rest[0])))
	if kv == nil {
		return nil, 0, nil
	}
	_, value = unstamp(kv.Value)
	return value, tokenOf(kv), nil
}

// tokenOf is the token of the holding of a key.
func tokenOf(kv *mvccpb.KeyValue) uint64 { return uint64(kv.ModRevision) }

func (r lockRef) Watch(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		seen := uint64(0)
		r.watch(ctx, r.prefix+"k/", func(m *mirror) func() bool {
			kv := oldest(m.state)
			if kv == nil || tokenOf(kv) == seen {
				return nil
			}
			seen = tokenOf(kv)
			_, value := unstamp(kv.Value)
			return func() bool { return yield(value, nil) }
		}, func(err error) { yield(nil, err) })
	}
}

// watch shows each state of a prefix to see, with the guard, which returns what is then done without it, if anything, and
// whether to go on. It goes on from session to session until ctx ends.
func (r *ref) watch(ctx context.Context, prefix string, see func(*mirror) func() bool, fail func(error)) {
	joined, stop := r.b.joined(ctx)
	defer stop()
	if _, err := r.enter(joined); err != nil {
		fail(err)
		return
	}
	m := r.b.mirror(prefix)
	m.order()
	defer m.done()
	if s, err := r.b.present(joined); err == nil {
		defer r.interest(s)()
	}
	for {
		var do func() bool
		err := m.await(joined, nil, 0, func(map[string]*mvccpb.KeyValue) bool {
			do = see(m)
			return do != nil
		})
		switch {
		case r.b.Closed():
			fail(backend.ErrClosed)
			return
		case err != nil:
			fail(err)
			return
		case !do():
			return
		}
	}
}

// A onceRef is a lock, and the key d when it is done.
type onceRef struct{ lockRef }

// Once returns the lock of a once.
func (b *Backend) Once(spec backend.Spec) backend.Once { return onceRef{lockRef{b.ref(spec)}} }

func (r onceRef) Acquire(w backend.Wait, value []byte) (backend.Holding, error) {
	l, err := r.b.begin(w)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	done := func() (bool, error) {
		rest, _, err := r.read(l.ask, clientv3.OpGet(r.prefix+"d"))
		return err == nil && first(rest[0]) != nil, r.left(err, l)
	}
	if is, err := done(); is || err != nil {
		return nil, err
	}
	h, err := r.acquire(l, w.Try, value)
	if err != nil {
		return nil, err
	}
	is, err := done() // by the one before us
	if is || err != nil {
		if h.drop() {
			r.settle(func() { r.abandon(h) })
		}
		return nil, err
	}
	return h, nil
}

func (r onceRef) Done(ctx context.Context, h backend.Holding) error {
	own := h.(*holding)
	if !own.drop() {
		if err := own.s.ended(); err != nil {
			return err
		}
		return backend.ErrLost
	}
	joined, stop := r.b.joined(ctx)
	defer stop()
	_, err := detach(r.b, joined, func() (struct{}, error) {
		out, err := own.s.exact(txn{
			conds:    []clientv3.Cmp{created(own.key, own.create)},
			then:     []clientv3.Op{clientv3.OpDelete(own.key), clientv3.OpPut(r.prefix+"d", stamp(nil))},
			reads:    []clientv3.Op{clientv3.OpGet(r.prefix + "d")},
			evidence: func(reads []*op) bool { return first(reads[0]) != nil },
		})
		if err == nil && !out.applied {
			err = backend.ErrLost
		}
		return struct{}{}, err
	}, nil)
	return r.b.unknown(joined, err)
}
