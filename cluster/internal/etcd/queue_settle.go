package etcd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A settling is a claim that is to be settled.
type settling struct {
	h      *claimHolding
	how    backend.Settlement
	after  time.Duration
	answer chan error
}

func (r *queueRef) Settle(ctx context.Context, c backend.Claim, how backend.Settlement, after time.Duration) error {
	if r.b.Closed() {
		return backend.ErrClosed
	}
	if c.Holding == nil {
		return r.settleDead(ctx, c.Dead, how, after)
	}
	h := c.Holding.(*claimHolding)
	if !h.drop() {
		return lostOr(h.s)
	}
	joined, stop := r.b.joined(ctx)
	defer stop()
	one := &settling{h, how, after, make(chan error, 1)}
	if !r.settles.add(r.b, one, settledAtOnce, r.settleAll) {
		return backend.ErrClosed
	}
	select {
	case err := <-one.answer:
		if (errors.Is(err, backend.ErrQuota) || errors.Is(err, backend.ErrDenied)) && !errors.Is(err, backend.ErrUnknown) && !h.s.hold(h.holding) {
			return lostOr(h.s) // refused, so it would be held as before
		}
		return err
	case <-joined.Done():
		return unsure(true, context.Cause(joined))
	}
}

// settleAll settles claims of this process in one Txn, each for itself.
func (r *queueRef) settleAll(batch []*settling) {
	answer := func(err error) {
		for _, one := range batch {
			one.answer <- err
		}
	}
	s := batch[0].h.s
	if n := len(batch); n > 1 { // a Txn is one session's
		for i, one := range batch {
			if one.h.s != s {
				r.settleAll(batch[:i])
				r.settleAll(batch[i:])
				return
			}
		}
	}
	reads, _, err := r.read(r.b.life, clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()))
	if err != nil {
		answer(err)
		return
	}
	var v view
	v.read(r.prefix+"q/", kvsOf(reads[0]))
	t := txn{lane: s.lane("s" + url.PathEscape(r.prefix))}
	bells := rung{}
	for _, one := range batch {
		e := one.h.entry
		then := append([]clientv3.Op{clientv3.OpDelete(e.key)}, r.settled(&v, e, one.how, one.after, bells)...)
		t.then = append(t.then, clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(e.key), "=", e.mod)}, then, nil))
		t.reads = append(t.reads, clientv3.OpGet(e.key))
	}
	t.then = append(t.then, bells.ops()...)
	out, err := s.exact(t)
	if err != nil {
		answer(err)
		return
	}
	for i, one := range batch {
		switch {
		case out.rev != 0 && !out.then[i].GetResponseTxn().Succeeded:
			one.answer <- backend.ErrLost
		default: // of a batch whose answer was lost, each claim of a session that lives was its own to settle
			one.answer <- nil
		}
	}
}

// rung are the bells that a Txn of many calls rings: each once, since a Txn may write a key once.
type rung map[string]clientv3.Op

func (b rung) ring(op clientv3.Op) { b[string(op.KeyBytes())] = op }

func (b rung) ops() []clientv3.Op { return slices.Collect(maps.Values(b)) }

// settled are the ops that put e where it belongs after a claim.
func (r *queueRef) settled(v *view, e entry, how backend.Settlement, after time.Duration, bells rung) []clientv3.Op {
	to := ""
	switch {
	case how == backend.Ack, v.state == "now" && how == backend.Nack:
		if r.spec.Joinable {
			bells.ring(r.chime())
		}
		return nil
	case how == backend.Bury, e.attempt >= v.deliveries():
		bells.ring(r.chime())
		to = r.prefix + "x/" + e.id
	case after > 0:
		bells.ring(r.bell())
		to = r.heldKey(e.id, after)
	default:
		bells.ring(r.bell())
		to = r.prefix + "b/" + e.id
	}
	return []clientv3.Op{clientv3.OpPut(to, itemValue(e.attempt, e.payload))}
}

// heldKey is where an item is held back. Wall clocks decide when it is due: one that is wrong makes it early or late,
// never twice.
func (r *queueRef) heldKey(id string, after time.Duration) string {
	due := time.Now().UnixMilli() + int64((after+time.Millisecond-1)/time.Millisecond)
	return r.prefix + "h/" + fmt.Sprintf("%016x", max(due, 0)) + "/" + id
}

func (r *queueRef) Dead(ctx context.Context) iter.Seq2[backend.Claim, error] {
	return func(yield func(backend.Claim, error) bool) {
		reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"x/", clientv3.WithPrefix()))
		if err != nil {
			yield(backend.Claim{}, err)
			return
		}
		for _, kv := range byChange(kvsOf(reads[0])) {
			if backend.Ended(ctx) {
				yield(backend.Claim{}, backend.Cause(ctx))
				return
			}
			e := r.entry(kv)
			if !yield(backend.Claim{Payload: e.payload, Attempt: e.attempt, Dead: uint64(kv.ModRevision)}, nil) {
				return
			}
		}
	}
}

// byChange sorts keys that were written once by when they were.
func byChange(kvs []*mvccpb.KeyValue) []*mvccpb.KeyValue { return byArrival(kvs) }

func (r *queueRef) settleDead(ctx context.Context, token uint64, how backend.Settlement, after time.Duration) error {
	return r.write(ctx, func(s *session, m *meta) error {
		reads, _, err := r.read(r.b.life, clientv3.OpGet(r.prefix+"x/", clientv3.WithPrefix()))
		if err != nil {
			return err
		}
		for _, kv := range kvsOf(reads[0]) {
			if uint64(kv.ModRevision) != token {
				continue
			}
			e := r.entry(kv)
			e.attempt = 0
			then := []clientv3.Op{clientv3.OpDelete(e.key)}
			switch {
			case how == backend.Bury:
				return nil
			case how == backend.Nack && after > 0:
				then = append(then, clientv3.OpPut(r.heldKey(e.id, after), itemValue(0, e.payload)), r.bell())
			case how == backend.Nack:
				then = append(then, clientv3.OpPut(r.prefix+"b/"+e.id, itemValue(0, e.payload)), r.bell())
			}
			out, err := s.exact(txn{
				meta: m, lane: s.lane("s" + url.PathEscape(r.prefix)),
				conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(e.key), "=", e.mod)}, then: then,
			})
			if err == nil && !out.applied {
				err = backend.ErrLost
			}
			return err
		}
		return backend.ErrLost
	})
}

func (r *queueRef) Shutdown(ctx context.Context, now bool) error {
	return r.write(ctx, func(s *session, m *meta) error {
		for {
			reads, _, err := r.read(r.b.life, clientv3.OpGet(r.prefix+"q/s"))
			if err != nil {
				return err
			}
			old := first(reads[0])
			if old != nil && (!now || string(old.Value) == "now") {
				return nil
			}
			to := "shut"
			then := []clientv3.Op{r.bell(), r.chime()}
			if now {
				to = "now"
				for _, part := range [...]string{"a/", "b/", "h/"} {
					then = append(then, clientv3.OpDelete(r.prefix+part, clientv3.WithPrefix()))
				}
			}
			out, err := s.exact(txn{
				meta: m, lane: s.lane("s" + url.PathEscape(r.prefix)),
				conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(r.prefix+"q/s"), "=", int64(cellOf(old).Rev))},
				then:  append(then, clientv3.OpPut(r.prefix+"q/s", to)),
			})
			if err != nil || out.applied {
				return err
			}
		}
	})
}

func (r *queueRef) Resize(ctx context.Context, maxsize int) error {
	r.limited.Store(true)
	return r.resize(ctx, maxsize, func([]*op, int64) ([]clientv3.Cmp, []clientv3.Op) { return nil, []clientv3.Op{r.chime()} })
}

// Claims outlive their session, or an item could be lost with it: they are given back by whoever notices its end. Under
// z/SESSION/ is in which queues a session has had claims.

// reap gives back what sessions that are dead had claimed: those with this id, or all if it is "".
func (b *Backend) reap(ctx context.Context, id string) error {
	prefix := b.prefix + "z/"
	if id != "" {
		prefix += id + "/"
	}
	r, err := b.list(ctx, prefix)
	if err != nil {
		return err
	}
	alive := make(map[string]bool)
	for _, kv := range r.Kvs {
		session, queue, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), b.prefix+"z/"), "/")
		if _, known := alive[session]; !known {
			kv, err := b.get(ctx, b.prefix+"s/"+session)
			if err != nil {
				return err
			}
			alive[session] = kv != nil
		}
		if alive[session] {
			continue
		}
		pool, isPool := strings.CutPrefix(queue, "pool/")
		name, _ := url.PathUnescape(queue)
		if isPool {
			name, _ = url.PathUnescape(pool)
			err = b.reapTasks(ctx, session, name)
		} else {
			err = b.reapQueue(ctx, session, b.Queue(backend.Spec{Kind: backend.KindQueue, Name: name}).(*queueRef))
		}
		if err != nil {
			return err
		}
		// Its claims are gone, and it makes no more.
		_, err = retried(b, ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return b.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(b.prefix+"s/"+session), "=", 0)).
				Then(clientv3.OpDelete(string(kv.Key))).Commit()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const reapedAtOnce = 30

func (b *Backend) reapQueue(ctx context.Context, session string, r *queueRef) error {
	for {
		resp, err := retried(b, ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return b.client.Txn(ctx).Then(clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()), clientv3.OpGet(r.metaKey()),
				clientv3.OpGet(r.prefix+"c/"+session+"/", clientv3.WithPrefix(), clientv3.WithLimit(reapedAtOnce))).Commit()
		})
		if err != nil {
			return err
		}
		var v view
		v.read(r.prefix+"q/", kvsOf(resp.Responses[0]))
		claims := kvsOf(resp.Responses[2])
		if len(claims) == 0 {
			return nil
		}
		made := specOf(first(resp.Responses[1]))
		// Sent twice, or late, it finds other revisions and does nothing.
		conds := []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(b.prefix+"s/"+session), "=", 0)}
		then := []clientv3.Op{r.bell()}
		for _, kv := range claims {
			e := r.entry(kv)
			conds = append(conds, clientv3.Compare(clientv3.ModRevision(e.key), "=", e.mod))
			then = append(then, clientv3.OpDelete(e.key))
			switch {
			case v.state == "now":
			case e.attempt >= v.deliveries():
				then = append(then, clientv3.OpPut(r.prefix+"x/"+e.id, itemValue(e.attempt, e.payload)))
			default:
				then = append(then, clientv3.OpPut(r.prefix+"b/"+e.id, itemValue(e.attempt, e.payload)))
			}
		}
		if made.Joinable {
			then = append(then, r.chime())
		}
		one, cancel := context.WithTimeout(ctx, requestTime)
		_, err = b.client.Txn(one).If(conds...).Then(then...).Commit()
		cancel()
		if err != nil && definite(err) != nil && !errors.Is(definite(err), backend.ErrQuota) {
			return definite(err)
		}
		if err != nil && !pause(ctx, 3) {
			return context.Cause(ctx)
		}
	}
}

// reapSoon reaps after a session has ended. Everybody notices at once, and one is enough, so each waits for another time.
func (b *Backend) reapSoon(id string) {
	if !pauseFor(b.life, rand.N(30*time.Millisecond)) {
		return
	}
	if err := b.reap(b.life, id); err != nil && !b.Closed() {
		b.warn("what a session had claimed could not be given back yet", "session", id, "error", err)
	}
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
