package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/semaphore"
)

// A semaphoreRef is a semaphore: the keys under k/, each of one Acquire, with how many permits it is for. Those hold whose
// sum, with all that were made before, is not more than there are permits. So there is no counter that could be wrong:
// arrival decides, a large Acquire is not overtaken, and who holds never loses its place, since keys before it only go.
//
// The key v has how many permits a Release has added, and up to which revision those that were there when Resize made
// them fewer hold in any case: such permits are withdrawn as they come back.
type semaphoreRef struct {
	*ref
	bounded bool
	own     *ownPermits
}

// ownPermits are those that this process holds of one semaphore.
//
// What a session loses becomes a debt: so many releases do nothing, since what they would give back is others' by now. A
// session may end at any instant of a release, so a release asks for debts when it has its session, for those of the
// sessions before, and again when that session has ended under it.
type ownPermits struct {
	turn  lock.Lock // of those that release
	guard lock.Lock
	held  []*holding          // oldest first
	gone  map[string]struct{} // keys of those that were lost during the release that has the turn
	debts int
}

// share returns what all handles of an object share.
func share[T any](r *ref, make func() T) T {
	r.b.guard.Lock()
	defer r.b.guard.Unlock()
	v, ok := r.b.shared[r.prefix].(T)
	if !ok {
		v = make()
		r.b.shared[r.prefix] = v
	}
	return v
}

// Semaphore returns a semaphore, bounded or not.
func (b *Backend) Semaphore(spec backend.Spec) backend.Semaphore {
	r := b.ref(spec)
	return &semaphoreRef{r, spec.Kind == backend.KindBoundedSemaphore, share(r, func() *ownPermits { return &ownPermits{gone: make(map[string]struct{})} })}
}

// permitState is the state of a semaphore.
type permitState struct {
	total int // permits, with those that a Release added
	out   int
	held  []*mvccpb.KeyValue // that hold, oldest first
	has   map[string]bool
}

func permitsOf(n int, keys map[string]*mvccpb.KeyValue, more *mvccpb.KeyValue) (st permitState) {
	added, granted := addedTo(more)
	st.total = n + added
	st.has = make(map[string]bool)
	for _, kv := range sortedByArrival(keys) {
		k := permitsIn(kv)
		if k > st.total-st.out && kv.CreateRevision > granted {
			break
		}
		st.out += k
		st.held = append(st.held, kv)
		st.has[string(kv.Key)] = true
	}
	return st
}

// addedTo takes the value of v apart.
func addedTo(kv *mvccpb.KeyValue) (added int, granted int64) {
	if kv != nil {
		_, _ = fmt.Sscan(string(kv.Value), &added, &granted)
	}
	return added, granted
}

func (st permitState) holds(key string) bool { return st.has[key] }
func (st permitState) value() int            { return max(st.total-st.out, 0) }

func permitsIn(kv *mvccpb.KeyValue) int {
	_, n := unstamp(kv.Value)
	i, _ := strconv.Atoi(string(n))
	return i
}

// number is a value that is a number; of no value it is 0.
func number(kv *mvccpb.KeyValue) int {
	if kv == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(kv.Value))
	return n
}

// ops read the whole state: its keys, what was added, and the parameters.
func (r *semaphoreRef) ops() []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(r.prefix+"k/", clientv3.WithPrefix()), clientv3.OpGet(r.prefix + "v"), clientv3.OpGet(r.metaKey())}
}

func (r *semaphoreRef) state(reads []*op) (st permitState, n int) {
	n = specOf(first(reads[2])).N
	return permitsOf(n, kvsByName(kvsOf(reads[0])), first(reads[1])), n
}

func specOf(kv *mvccpb.KeyValue) (spec backend.Spec) {
	if kv != nil {
		_ = json.Unmarshal(kv.Value, &spec)
	}
	return spec
}

// permits is what manager holds: its Lost is that of the session.
type permits struct{ s *session }

func (permits) Token() uint64           { return 0 }
func (p permits) Lost() <-chan struct{} { return p.s.lost }

func (r *semaphoreRef) check(n int) error {
	if n < 1 || n > backend.MostPermits {
		return fmt.Errorf("%w: %d of %s: want 1 to %d", semaphore.ErrValue, n, r.spec, backend.MostPermits)
	}
	return nil
}

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
	holds := false
	h, err := detach(r.b, l.ask, func() (h *holding, err error) {
		err = r.with(l.ask, func(s *session, m *meta) error {
			h = &holding{s: s, key: s.fresh(r.prefix + "k/"), n: n}
			put := clientv3.OpPut(h.key, stamp([]byte(strconv.Itoa(n))), clientv3.WithLease(s.lease))
			out, err := s.exact(txn{
				meta: m, conds: []clientv3.Cmp{created(h.key, 0)},
				then: append([]clientv3.Op{put}, r.ops()...), reads: r.ops(), evidence: keyIn(h.key),
			})
			if err != nil {
				return err
			}
			reads := out.reads
			if out.rev != 0 {
				reads = out.then[1:]
			}
			kv := kvsByName(kvsOf(reads[0]))[h.key]
			if kv == nil {
				s.b.sessionLooks(s)
				return backend.ErrLost
			}
			h.create, h.mod = kv.CreateRevision, kv.ModRevision
			st, _ := r.state(reads)
			holds = st.holds(h.key)
			return nil
		})
		return h, err
	}, func(h *holding) { _, _ = h.s.exact(freeing(h)) })
	switch {
	case err != nil:
		return nil, r.left(err, l)
	case !holds && w.Try:
		r.settle(func() { _, _ = h.s.exact(freeing(h)) })
		return nil, r.b.gaveUp()
	case !holds:
		if err := r.await(l, h); err != nil {
			return nil, err
		}
	}
	h.owed = r.own.lost
	r.own.guard.Lock()
	r.own.held = append(r.own.held, h)
	r.own.guard.Unlock()
	if !h.s.hold(h) {
		r.own.drop(h)
		return nil, h.s.ended()
	}
	return permits{h.s}, nil
}

func (r *semaphoreRef) await(l limit, h *holding) error {
	m := r.b.mirror(r.prefix)
	defer m.done()
	gone := false
	err := m.await(l.wait, h.s, h.create, func(state map[string]*mvccpb.KeyValue) bool {
		if gone = state[h.key] == nil; gone {
			return true
		}
		keys := make(map[string]*mvccpb.KeyValue, len(state))
		for k, kv := range state {
			if len(k) > len(r.prefix)+2 && k[len(r.prefix):len(r.prefix)+2] == "k/" {
				keys[k] = kv
			}
		}
		return permitsOf(specOf(state[r.metaKey()]).N, keys, state[r.prefix+"v"]).holds(h.key)
	})
	switch {
	case err == nil && gone:
		r.b.sessionLooks(h.s)
		return backend.ErrLost
	case err == nil:
		return nil
	case h.s.ended() != nil:
		return h.s.ended()
	}
	r.settle(func() { _, _ = h.s.exact(freeing(h)) })
	return r.b.gaveUp()
}

// lost counts what a session lost.
func (o *ownPermits) lost(h *holding) {
	o.guard.Lock()
	defer o.guard.Unlock()
	if i := slices.Index(o.held, h); i >= 0 {
		o.held = slices.Delete(o.held, i, i+1)
		o.gone[h.key] = struct{}{}
		o.debts += h.n
	}
}

func (o *ownPermits) drop(h *holding) {
	o.guard.Lock()
	defer o.guard.Unlock()
	if i := slices.Index(o.held, h); i >= 0 {
		o.held = slices.Delete(o.held, i, i+1)
	}
}

// begin begins the release of n permits: it takes up to n off the debts.
func (o *ownPermits) begin(n int) int {
	o.guard.Lock()
	clear(o.gone)
	o.guard.Unlock()
	return o.absorb(n)
}

// absorb takes up to n off the debts.
func (o *ownPermits) absorb(n int) int {
	o.guard.Lock()
	defer o.guard.Unlock()
	k := min(o.debts, n)
	o.debts -= k
	return k
}

func (o *ownPermits) of(s *session) (held []*holding, sum int) {
	o.guard.Lock()
	defer o.guard.Unlock()
	for _, h := range o.held {
		if h.s == s {
			held, sum = append(held, h), sum+h.n
		}
	}
	return held, sum
}

func (r *semaphoreRef) Release(ctx context.Context, n int) error {
	if err := r.check(n); err != nil {
		return err
	}
	if r.b.Closed() {
		return backend.ErrClosed
	}
	return r.write(ctx, func(s *session, m *meta) error { return r.repay(s, m, n) })
}

// repay gives back n permits, of which those do nothing that a session lost.
func (r *semaphoreRef) repay(s *session, m *meta, n int) error {
	r.own.turn.Lock()
	defer r.own.turn.Unlock()
	absorbed := r.own.begin(n)
	if absorbed == n {
		return backend.ErrLost
	}
	err := r.release(s, m, n-absorbed)
	switch {
	case errors.Is(err, semaphore.ErrOverRelease), errors.Is(err, semaphore.ErrValue): // nothing was done
		r.own.absorb(-absorbed)
	case errors.Is(err, backend.ErrLost):
		<-s.lost // the debts are known
		more := r.own.absorb(n - absorbed)
		if absorbed+more < n && !errors.Is(err, backend.ErrUnknown) {
			r.own.absorb(-absorbed - more)
			return errStale // nothing was done: once more, in the next session
		}
	}
	return err
}

// release gives back n permits: this session's, the oldest of others, and new ones.
func (r *semaphoreRef) release(s *session, m *meta, n int) error {
	lane := s.lane("p" + url.PathEscape(r.prefix))
	held, sum := r.own.of(s)
	if sum >= n {
		t, took := r.take(held, n)
		t.meta, t.lane = m, lane
		out, err := s.exact(t)
		if err != nil {
			return err
		}
		if out.applied {
			r.settleOwn(took, out.rev)
			return nil
		}
	}
	for {
		resp, err := retried(r.b, r.b.life, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return r.b.client.Txn(ctx).Then(append(r.ops(), clientv3.OpGet(s.key))...).Commit()
		})
		if err != nil {
			return err
		}
		if first(resp.Responses[len(r.ops())]) == nil { // nobody has released what is not there: it was lost
			s.end(backend.ErrLost)
			return backend.ErrLost
		}
		st, _ := r.state(resp.Responses)
		r.refresh(s, st)
		var take []*holding
		left := n
		add := func(own bool) {
			for _, kv := range st.held {
				if mine := sessionOf(string(kv.Key)) == s.id; mine == own && left > 0 {
					k := min(left, permitsIn(kv))
					left -= k
					take = append(take, &holding{key: string(kv.Key), create: kv.CreateRevision, mod: kv.ModRevision, n: permitsIn(kv)})
				}
			}
		}
		add(true)
		add(false)
		t, took := r.take(take, n-left)
		t.meta, t.lane = m, lane
		if left > 0 {
			switch {
			case r.bounded:
				return fmt.Errorf("%w: release %d of %s, of which %d are out", semaphore.ErrOverRelease, n, r.spec, st.out)
			case left > backend.MostPermits-st.value():
				return fmt.Errorf("%w: release %d of %s: the value would exceed %d", semaphore.ErrValue, n, r.spec, backend.MostPermits)
			}
			added := first(resp.Responses[1])
			mod := int64(0)
			if added != nil {
				mod = added.ModRevision
			}
			t.conds = append(t.conds, clientv3.Compare(clientv3.ModRevision(r.prefix+"v"), "=", mod),
				clientv3.Compare(clientv3.ModRevision(r.prefix+"k/"), "<", resp.Header.Revision+1).WithPrefix())
			already, granted := addedTo(added)
			t.then = append(t.then, clientv3.OpPut(r.prefix+"v", fmt.Sprint(already+left, granted)))
		}
		out, err := s.exact(t)
		if err != nil {
			return err
		}
		if out.applied {
			r.settleOwn(took, out.rev)
			return nil
		}
	}
}

// take builds the txn that takes n permits of those holdings, and says how many of each.
func (r *semaphoreRef) take(held []*holding, n int) (t txn, took map[string]int) {
	took = make(map[string]int)
	for _, h := range held {
		if n == 0 {
			break
		}
		k := min(n, h.n)
		n -= k
		took[h.key] = k
		t.conds = append(t.conds, clientv3.Compare(clientv3.ModRevision(h.key), "=", h.mod))
		if h.n == k {
			t.then = append(t.then, clientv3.OpDelete(h.key))
		} else {
			t.then = append(t.then, clientv3.OpPut(h.key, stamp([]byte(strconv.Itoa(h.n-k))), clientv3.WithIgnoreLease()))
		}
	}
	return t, took
}

// settleOwn notes what was taken of this process's holdings. rev is 0 if it is not known when that was written.
func (r *semaphoreRef) settleOwn(took map[string]int, rev int64) {
	r.own.guard.Lock()
	defer r.own.guard.Unlock()
	r.own.held = slices.DeleteFunc(r.own.held, func(h *holding) bool {
		k, touched := took[h.key]
		if !touched {
			return false
		}
		h.n, h.mod = h.n-k, rev
		if h.n == 0 {
			h.forget()
		}
		return h.n == 0
	})
	for key, k := range took {
		if _, lost := r.own.gone[key]; lost { // after it was released
			r.own.debts -= k
		}
	}
}

// refresh takes from the server what this process holds: others may have released some of it.
func (r *semaphoreRef) refresh(s *session, st permitState) {
	there := kvsByName(st.held)
	r.own.guard.Lock()
	defer r.own.guard.Unlock()
	r.own.held = slices.DeleteFunc(r.own.held, func(h *holding) bool {
		if h.s != s {
			return false
		}
		kv := there[h.key]
		if kv == nil {
			h.forget()
			return true
		}
		h.n, h.mod = permitsIn(kv), kv.ModRevision
		return false
	})
}

func (r *semaphoreRef) Resize(ctx context.Context, n int) error {
	if n < 0 || n > backend.MostPermits {
		return fmt.Errorf("%w: resize %s to %d: want 0 to %d", semaphore.ErrValue, r.spec, n, backend.MostPermits)
	}
	return r.resize(ctx, n, func(reads []*op, rev int64) ([]clientv3.Cmp, []clientv3.Op) {
		st, _ := r.state(reads)
		if len(st.held) == 0 {
			return nil, nil
		}
		v := first(reads[1])
		added, granted := addedTo(v)
		granted = max(granted, st.held[len(st.held)-1].CreateRevision)
		return []clientv3.Cmp{
			clientv3.Compare(clientv3.ModRevision(r.prefix+"v"), "=", int64(cellOf(v).Rev)),
			clientv3.Compare(clientv3.ModRevision(r.prefix+"k/"), "<", rev+1).WithPrefix(),
		}, []clientv3.Op{clientv3.OpPut(r.prefix+"v", fmt.Sprint(added, granted))}
	}, r.ops()...)
}

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

func (r *semaphoreRef) Value(ctx context.Context) (int, error) {
	reads, _, err := r.read(ctx, r.ops()...)
	if err != nil {
		return 0, err
	}
	st, _ := r.state(reads)
	return st.value(), nil
}
