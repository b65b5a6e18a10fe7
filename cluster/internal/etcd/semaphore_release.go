package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/semaphore"
)

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

// owe takes n off the debts if that is all there is to do, for which no server is needed.
func (o *ownPermits) owe(n int) bool {
	if !o.turn.TryLock() {
		return false
	}
	defer o.turn.Unlock()
	o.guard.Lock()
	defer o.guard.Unlock()
	if o.debts < n {
		return false
	}
	o.debts -= n
	return true
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
	if s := r.b.now(); s.ended() != nil {
		<-s.lost // the debts are known
	}
	if r.own.owe(n) {
		return backend.ErrLost
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
		resp, err := s.ask(append(r.ops(), clientv3.OpGet(s.key))...)
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
