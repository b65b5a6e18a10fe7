package etcd

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gothreading/threading/internal/backend"
)

// A txn is a write. Only exact sends one.
type txn struct {
	meta  *meta          // of the object: it must be the same still
	conds []clientv3.Cmp // all of which must hold
	then  []clientv3.Op
	reads []clientv3.Op // what is read instead if they do not
	// evidence reports, from what was read, that the effect is there. It is asked only after a try that was not answered.
	evidence func(reads []*pb.ResponseOp) bool
	lane     *lane // instead of evidence, where others may have consumed the effect
	foreign  bool  // it uses leases of others: that one is not found says nothing about the session
}

// An outcome is definite.
type outcome struct {
	applied bool
	rev     int64            // of the commit; 0 if a try was applied whose answer was lost
	then    []*pb.ResponseOp // of then; nil if rev is 0
	reads   []*pb.ResponseOp // of reads, if rev is 0
	receipt int64            // the revision in which it was applied, if it has a lane
}

// did reports whether the i'th of Txns within a txn was applied, that has a receipt and reads a key for each, which it
// writes. If the answer was lost, what it wrote is of the revision of the receipt.
func (o outcome) did(i int) bool {
	if o.rev != 0 {
		return o.then[i].GetResponseTxn().Succeeded
	}
	kv := first(o.reads[i])
	return kv != nil && kv.ModRevision == o.receipt
}

var errStale = errors.New("etcd: the object was deleted, and perhaps made again")

// requestTime is for how long one request may be under way.
const requestTime = 2 * time.Second

// exact sends a txn until its outcome is known: applied exactly once, or not at all. What makes that difficult is a
// request that is not answered: it may have been applied, may never be, and may yet be, any time later, after what was
// done in between. Hence three rules.
//
//   - Every try compares the session's epoch, which is the mod revision of its key. A retry writes that key in its own
//     Txn, so once a retry was applied no earlier try can be.
//   - A compare that failed proves nothing about an earlier try. That one was applied if its effect is read: a key that
//     only it can have written (evidence), or its receipt, where others may have consumed the effect meanwhile.
//   - Where a try may still be under way when exact returns, the epoch is bumped first.
//
// Tries of other calls of the session that were under way fail by a bump, definitely, and are sent again. exact runs on a
// goroutine of this package and never under a caller's context. It returns ErrLost, or ErrClosed, if nothing happened
// and nothing will; with ErrUnknown if that is not known.
func (s *session) exact(t txn) (outcome, error) {
	if t.lane != nil {
		t.lane.turn.Lock()
		defer t.lane.turn.Unlock()
	}
	opid := ""
	if t.lane != nil {
		opid = strconv.FormatUint(rand.Uint64(), 36)
	}
	unanswered := 0
	for try := 0; ; try++ {
		if !s.alive() {
			return outcome{}, unsure(unanswered > 0, s.ended())
		}
		s.guard.Lock()
		epoch := s.epoch
		s.guard.Unlock()
		r, err := s.send(t, opid, epoch, unanswered > 0)
		if err != nil {
			switch final := definite(err); {
			case errors.Is(err, rpctypes.ErrLeaseNotFound) && t.foreign && unanswered == 0:
				return outcome{}, rpctypes.ErrLeaseNotFound
			case errors.Is(err, rpctypes.ErrLeaseNotFound) && t.foreign:
				// An earlier try may have been applied before that one died.
				s.bump()
				if done, again, err := s.look(t, opid); err != nil || done {
					return outcome{applied: done, reads: again, receipt: t.lane.last()}, err
				}
				return outcome{}, rpctypes.ErrLeaseNotFound
			case errors.Is(err, rpctypes.ErrLeaseNotFound):
				s.end(backend.ErrLost)
				return outcome{}, unsure(unanswered > 0, s.ended())
			case errors.Is(err, rpctypes.ErrTooManyRequests):
			case final != nil:
				return outcome{}, unsure(unanswered > 0, final)
			default:
				unanswered++
			}
			pause(s.b.life, try)
			continue
		}
		if r.Succeeded {
			s.guard.Lock()
			if unanswered > 0 {
				s.epoch = max(s.epoch, r.Header.Revision)
			}
			s.guard.Unlock()
			if t.lane != nil {
				t.lane.rev = r.Header.Revision
			}
			return outcome{applied: true, rev: r.Header.Revision, then: r.Responses[:len(t.then)], receipt: r.Header.Revision}, nil
		}
		own := first(r.Responses[0])
		if own == nil {
			s.end(backend.ErrLost)
			return outcome{}, unsure(unanswered > 0, s.ended())
		}
		rest := r.Responses[1:]
		there := false
		if t.lane != nil {
			t.lane.rev = 0
			if receipt := first(rest[0]); receipt != nil {
				t.lane.rev, there = receipt.ModRevision, string(receipt.Value) == opid
			}
			rest = rest[1:]
		}
		stale := false
		if t.meta != nil {
			now := first(rest[0])
			stale = now == nil || now.CreateRevision != t.meta.create
			rest = rest[1:]
		}
		if there || unanswered > 0 && t.evidence != nil && t.evidence(rest) {
			if unanswered > 1 {
				s.bump()
			}
			return outcome{applied: true, reads: rest, receipt: t.lane.last()}, nil
		}
		s.guard.Lock()
		moved := own.ModRevision != epoch
		if moved {
			s.epoch = max(s.epoch, own.ModRevision)
		}
		s.guard.Unlock()
		switch {
		case moved: // and so the tries before are void, and this one saw that none of them had been applied
			unanswered = 0
		case unanswered > 0:
			s.bump() // now they are void; look once more, whether one was applied in between
			unanswered = 0
			if t.lane != nil || t.evidence != nil {
				done, again, err := s.look(t, opid)
				if err != nil || done {
					return outcome{applied: done, reads: again, receipt: t.lane.last()}, err
				}
			}
		case stale:
			return outcome{}, errStale
		default:
			return outcome{reads: rest}, nil
		}
	}
}

// last is the revision of the last receipt.
func (l *lane) last() int64 {
	if l == nil {
		return 0
	}
	return l.rev
}

func unsure(is bool, err error) error {
	if err == nil {
		err = backend.ErrClosed
	}
	if !is {
		return err
	}
	return &backend.Error{Text: backend.ErrUnknown.Error() + ": " + err.Error(), Errs: []error{backend.ErrUnknown, err}}
}

func (s *session) send(t txn, opid string, epoch int64, again bool) (*clientv3.TxnResponse, error) {
	conds := append([]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.key), "=", epoch)}, t.conds...)
	then := append([]clientv3.Op{}, t.then...)
	otherwise := []clientv3.Op{clientv3.OpGet(s.key)}
	if t.lane != nil {
		conds = append(conds, clientv3.Compare(clientv3.ModRevision(t.lane.key), "=", t.lane.rev))
		then = append(then, clientv3.OpPut(t.lane.key, opid, clientv3.WithLease(s.lease)))
		otherwise = append(otherwise, clientv3.OpGet(t.lane.key))
	}
	if t.meta != nil {
		conds = append(conds, clientv3.Compare(clientv3.CreateRevision(t.meta.key), "=", t.meta.create))
		otherwise = append(otherwise, clientv3.OpGet(t.meta.key))
	}
	if again {
		then = append(then, clientv3.OpPut(s.key, s.b.value, clientv3.WithLease(s.lease)))
	}
	return s.b.commit(conds, then, append(otherwise, t.reads...))
}

// commit sends one Txn.
func (b *Backend) commit(conds []clientv3.Cmp, then, otherwise []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(b.life, requestTime)
	defer cancel()
	if b.fault != nil {
		return b.fault(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return b.client.Txn(ctx).If(conds...).Then(then...).Else(otherwise...).Commit()
		})
	}
	return b.client.Txn(ctx).If(conds...).Then(then...).Else(otherwise...).Commit()
}

// bump changes the epoch, so that no try of before can be applied any more. It returns when that is certain, or the
// session is over, which is as good.
func (s *session) bump() {
	for try := 0; s.alive(); try++ {
		r, err := s.b.commit([]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(s.key), ">", 0)},
			[]clientv3.Op{clientv3.OpPut(s.key, s.b.value, clientv3.WithLease(s.lease))}, nil)
		switch {
		case err == nil && r.Succeeded:
			s.guard.Lock()
			s.epoch = max(s.epoch, r.Header.Revision)
			s.guard.Unlock()
			return
		case err == nil, errors.Is(err, rpctypes.ErrLeaseNotFound):
			s.end(backend.ErrLost)
			return
		}
		pause(s.b.life, try)
	}
}

// look reports whether the effect of t is there.
func (s *session) look(t txn, opid string) (bool, []*pb.ResponseOp, error) {
	ops := []clientv3.Op{}
	if t.lane != nil {
		ops = append(ops, clientv3.OpGet(t.lane.key))
	}
	ops = append(ops, t.reads...)
	r, err := s.ask(ops...)
	if err != nil {
		return false, nil, unsure(true, err)
	}
	rest := r.Responses
	if t.lane != nil {
		receipt := first(rest[0])
		rest = rest[1:]
		if receipt != nil {
			t.lane.rev = receipt.ModRevision
			return string(receipt.Value) == opid, rest, nil
		}
		return false, rest, nil
	}
	return t.evidence(rest), rest, nil
}

// ask reads, for as long as the session lives.
func (s *session) ask(ops ...clientv3.Op) (*clientv3.TxnResponse, error) {
	for try := 0; s.alive(); try++ {
		r, err := s.b.commit(nil, ops, nil)
		if err == nil {
			return r, nil
		}
		if final := definite(err); final != nil {
			return nil, final
		}
		pause(s.b.life, try)
	}
	return nil, s.ended()
}

// definite returns the error of package manager for one that says that nothing happened, and nil for any other.
func definite(err error) error {
	text := ""
	if st, ok := status.FromError(err); ok {
		text = st.Message()
	} else if err != nil {
		text = err.Error()
	}
	of := func(e error) error { return backend.Errorf(e, "%s", text) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rpctypes.ErrRequestTooLarge), errors.Is(err, rpctypes.ErrTooManyOps),
		strings.Contains(text, "message larger than max"): // the client would not send it, or the server not receive it
		return of(backend.ErrTooLarge)
	case errors.Is(err, rpctypes.ErrNoSpace):
		return backend.Errorf(backend.ErrQuota, "%s: compact, defragment and disarm the alarm of etcd, or raise its quota", text)
	case errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrUserEmpty),
		errors.Is(err, rpctypes.ErrAuthNotEnabled), status.Code(err) == codes.PermissionDenied, status.Code(err) == codes.Unauthenticated && !errors.Is(err, rpctypes.ErrInvalidAuthToken):
		return of(backend.ErrDenied)
	case errors.Is(err, rpctypes.ErrDuplicateKey), errors.Is(err, rpctypes.ErrEmptyKey), errors.Is(err, rpctypes.ErrLeaseNotFound):
		return of(backend.ErrValue)
	}
	return nil
}

// pause waits before another try, and reports whether ctx goes on.
func pause(ctx context.Context, try int) bool {
	d := time.Millisecond << min(try, 8)
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// first returns the first key of a read, or nil.
func first(r *pb.ResponseOp) *mvccpb.KeyValue {
	if kvs := kvsOf(r); len(kvs) > 0 {
		return kvs[0]
	}
	return nil
}

func kvsOf(r *pb.ResponseOp) []*mvccpb.KeyValue { return r.GetResponseRange().GetKvs() }
