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
//
// A Release takes what anybody holds, also of one who does not know yet that it holds. So a key that has gone, or is for
// fewer, while its session lives and the semaphore is there, was let in: nobody else takes one. For the same reason an
// Acquire leaves a receipt, and so does its giving up.
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

// add adds what was acquired, and reports false if it was lost before.
func (o *ownPermits) add(h *holding) bool {
	h.owed = o.lost
	o.guard.Lock()
	o.held = append(o.held, h)
	o.guard.Unlock()
	return h.s.hold(h) || !o.drop(h)
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

// drop takes h out, and reports whether it was there still.
func (o *ownPermits) drop(h *holding) bool {
	o.guard.Lock()
	defer o.guard.Unlock()
	i := slices.Index(o.held, h)
	if i >= 0 {
		o.held = slices.Delete(o.held, i, i+1)
	}
	return i >= 0
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
	owed := r.own.begin(n)
	if owed == n {
		return backend.ErrLost
	}
	err := r.release(s, m, n-owed)
	if err == nil || errors.Is(err, backend.ErrUnknown) {
		return err
	}
	lost := errors.Is(err, backend.ErrLost)
	if lost {
		<-s.lost // the debts are known
		if owed += r.own.absorb(n - owed); owed == n {
			return err
		}
	}
	r.own.absorb(-owed) // nothing was done
	if lost {
		return errStale // once more, in the next session
	}
	return err
}

// release gives back n permits: this session's, the oldest of others, and new ones.
func (r *semaphoreRef) release(s *session, m *meta, n int) error {
	held, sum := r.own.of(s)
	if sum >= n {
		t, took := r.take(held, n)
		t.meta = m
		if done, err := r.gives(s, t, took); err != nil || done {
			return err
		}
	}
	for {
		resp, err := retried(r.b, r.b.life, func(context.Context) (*clientv3.TxnResponse, error) {
			return r.b.commit(nil, append(r.ops(), clientv3.OpGet(s.key)), nil)
		})
		if err != nil {
			return err
		}
		if first(resp.Responses[len(r.ops())]) == nil { // nobody has released what is not there: it was lost
			s.end(backend.ErrLost)
			return backend.ErrLost
		}
		st, _ := r.state(resp.Responses)
		r.refresh(s, st, resp.Header.Revision)
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
		t.meta = m
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
		if done, err := r.gives(s, t, took); err != nil || done {
			return err
		}
	}
}

// gives sends a release that takes so many of each key.
func (r *semaphoreRef) gives(s *session, t txn, took map[string]int) (bool, error) {
	t.lane = s.lane("p" + url.PathEscape(r.prefix))
	out, err := s.exact(t)
	switch {
	case out.applied:
		r.settleOwn(took, out.rev)
	case errors.Is(err, backend.ErrUnknown) && errors.Is(err, backend.ErrLost):
		<-s.lost
		r.settleOwn(took, 0) // what was this session's is gone either way, and is released by this
	}
	return out.applied, err
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

// refresh takes from the server what this process held at a revision: others may have released some of it.
func (r *semaphoreRef) refresh(s *session, st permitState, rev int64) {
	there := kvsByName(st.held)
	r.own.guard.Lock()
	defer r.own.guard.Unlock()
	r.own.held = slices.DeleteFunc(r.own.held, func(h *holding) bool {
		if h.s != s || h.create > rev {
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
