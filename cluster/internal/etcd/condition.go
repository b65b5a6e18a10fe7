package etcd

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A conditionRef is a condition: the keys under k/, each of a waiter, with its lease and the key with which it will queue
// for the lock. A notification moves a waiter into the queue of the lock, under the lease of the waiter, in one step; so
// exactly those are notified whom the notifier picked, nobody wakes for nothing, and the lock goes on by arrival. A
// waiter that dies takes its key along, from either place.
type conditionRef struct {
	*ref
	lock lockRef
}

// Condition returns a condition over a lock of this Backend.
func (b *Backend) Condition(spec backend.Spec) backend.Condition {
	return &conditionRef{b.ref(spec), lockRef{b.ref(backend.Spec{Kind: spec.LockKind, Name: spec.Lock})}}
}

// waiterOf takes the value of a waiter's key apart.
func waiterOf(kv *mvccpb.KeyValue) (lease clientv3.LeaseID, queues string) {
	_, rest := unstamp(kv.Value)
	id, queues, _ := strings.Cut(string(rest), " ")
	n, _ := strconv.ParseInt(id, 16, 64)
	return clientv3.LeaseID(n), queues
}

func (r *conditionRef) Wait(w backend.Wait, h backend.Holding, look bool) (again backend.Holding, notified bool, err error) {
	own := h.(*holding)
	l := r.b.limit(w)
	defer l.stop()
	if r.b.Closed() {
		return nil, false, backend.ErrClosed
	}
	meta, err := r.enter(r.b.life)
	if err != nil {
		return nil, false, err
	}
	s := own.s
	if !own.drop() {
		return nil, false, lostOr(s)
	}
	deaths := make(chan struct{})
	var died atomic.Bool
	if look { // from before it waits, so that no death between is missed
		defer r.b.onDeath(func(string) {
			if died.CompareAndSwap(false, true) {
				close(deaths)
			}
		})()
	}
	waits, next := s.fresh(r.prefix+"k/"), &holding{s: s, key: s.fresh(r.lock.prefix + "k/")}
	value := stamp([]byte(strconv.FormatInt(int64(s.lease), 16) + " " + next.key))

	// Release the lock and queue for the condition, in one step.
	for {
		out, err := s.exact(txn{
			meta:     meta,
			conds:    []clientv3.Cmp{created(own.key, own.create), created(waits, 0), created(next.key, 0)},
			then:     []clientv3.Op{clientv3.OpPut(waits, value, clientv3.WithLease(s.lease)), clientv3.OpDelete(own.key)},
			reads:    []clientv3.Op{clientv3.OpGet(waits), clientv3.OpGet(next.key)},
			evidence: func(reads []*op) bool { return first(reads[0]) != nil || first(reads[1]) != nil },
		})
		if err == errStale {
			r.forget()
			if meta, err = r.enter(r.b.life); err == nil {
				continue
			}
		}
		if err != nil {
			if s.ended() == nil && !errors.Is(err, backend.ErrUnknown) {
				s.hold(own) // refused: it is held as before
			}
			return nil, false, lostIf(s, err)
		}
		if !out.applied {
			r.b.sessionLooks(s)
			return nil, false, backend.ErrLost
		}
		break
	}

	m := r.b.mirror(r.lock.prefix + "k/")
	defer m.done()
	notified, err = r.sleep(l, m, s, waits, next, deaths)
	if err != nil {
		return nil, false, err
	}
	// It queues for the lock now, for as long as that takes.
	gone := false
	err = m.await(r.b.life, s, 0, func(state map[string]*mvccpb.KeyValue) bool {
		kv := state[next.key]
		if kv == nil {
			gone = next.create != 0
			return gone
		}
		next.create, next.mod, next.token = kv.CreateRevision, kv.ModRevision, uint64(kv.ModRevision)
		return oldest(state) == kv
	})
	if err == nil && gone {
		r.b.sessionLooks(s)
		return nil, false, backend.ErrLost
	}
	if err != nil || !s.hold(next) {
		return nil, false, lostOr(s)
	}
	return next, notified, nil
}

// sleep waits until a notification has moved the waiter, or moves it itself when it gives up or is to look.
func (r *conditionRef) sleep(l limit, m *mirror, s *session, waits string, next *holding, deaths <-chan struct{}) (notified bool, err error) {
	wait, cancel := context.WithCancelCause(l.wait)
	defer cancel(nil)
	stop := context.AfterFunc(r.b.life, func() { cancel(backend.ErrClosed) })
	defer stop()
	looks := make(chan struct{})
	go func() {
		defer close(looks)
		select {
		case <-deaths:
			cancel(errLook)
		case <-wait.Done():
		}
	}()
	defer func() { cancel(nil); <-looks }()
	err = m.await(wait, s, 0, func(state map[string]*mvccpb.KeyValue) bool { return state[next.key] != nil })
	switch {
	case err == nil:
		return true, nil
	case s.ended() != nil:
		return false, s.ended()
	}
	look := err == errLook
	out, err := s.exact(txn{
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(waits), ">", 0)},
		then:  []clientv3.Op{clientv3.OpDelete(waits), clientv3.OpPut(next.key, stamp(nil), clientv3.WithLease(s.lease))},
		reads: []clientv3.Op{clientv3.OpGet(next.key)},
		evidence: func(reads []*op) bool {
			// A notification writes "notified" there.
			kv := first(reads[0])
			return kv != nil && !wasNotified(kv)
		},
	})
	if err != nil {
		return false, lostIf(s, err)
	}
	return !out.applied || look, nil
}

var errLook = errors.New("etcd: somebody has died")

func wasNotified(kv *mvccpb.KeyValue) bool {
	_, rest := unstamp(kv.Value)
	return string(rest) == "notified"
}

func lostOr(s *session) error {
	if err := s.ended(); err != nil {
		return err
	}
	return backend.ErrLost
}

// lostIf is err, or why s is over: whatever was unknown went with it.
func lostIf(s *session, err error) error {
	if over := s.ended(); over != nil {
		return over
	}
	return err
}

func (r *conditionRef) Notify(ctx context.Context, h backend.Holding, n int) (picked int, err error) {
	own := h.(*holding)
	if n < 1 {
		return 0, nil
	}
	joined, stop := r.b.joined(ctx)
	defer stop()
	picked, err = detach(r.b, joined, func() (picked int, err error) {
		err = r.with(joined, func(s *session, m *meta) error {
			if !own.s.alive() {
				return lostOr(own.s)
			}
			// One in each Txn: what one Txn makes is equally old, and the queue of the lock goes by age, and so do tokens.
			// Nobody can tell, since this session holds the lock meanwhile.
			for picked < n {
				resp, err := r.b.list(r.b.life, r.prefix+"k/", clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend), clientv3.WithLimit(1))
				if err != nil {
					return err
				}
				if len(resp.Kvs) == 0 {
					return nil
				}
				kv := resp.Kvs[0]
				lease, queues := waiterOf(kv)
				t := txn{
					meta: m, lane: own.s.lane("n" + url.PathEscape(r.prefix)), foreign: true,
					conds: []clientv3.Cmp{created(own.key, own.create), created(string(kv.Key), kv.CreateRevision)},
					then:  []clientv3.Op{clientv3.OpDelete(string(kv.Key)), clientv3.OpPut(queues, stamp([]byte("notified")), clientv3.WithLease(lease))},
					reads: []clientv3.Op{clientv3.OpGet(own.key)},
				}
				out, err := own.s.exact(t)
				switch {
				case errors.Is(err, rpctypes.ErrLeaseNotFound): // of one that has died meanwhile, or of this session
					r.b.sessionLooks(own.s)
					continue
				case err != nil:
					return err
				case out.applied:
					picked++
				default:
					if kv := first(out.reads[0]); kv == nil || kv.CreateRevision != own.create {
						r.b.sessionLooks(own.s)
						return backend.ErrLost
					}
				}
			}
			return nil
		})
		return picked, err
	}, nil)
	return picked, r.b.unknown(joined, err)
}
