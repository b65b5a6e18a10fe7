package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// Keys, all under the namespace's prefix. Names are escaped, so "/" only separates.
//
//	s/ID             a session: leased, its label
//	r/ID/LANE        the receipt of a lane: leased
//	o/KIND/NAME/m    the parameters of an object, which exists while this key does
//	o/KIND/NAME/k/…  who holds it or waits for it; leased
//	o/KIND/NAME/i/…  who waits without a place of its own: for people, and for Delete; leased
//	o/KIND/NAME/…    what is in it

// A ref is a handle of an object.
type ref struct {
	b      *Backend
	spec   backend.Spec
	prefix string // of its keys

	guard sync.Mutex
	known *meta
}

// A meta is what is known of an object: that it was made in this revision, and that what the handle says fits it.
type meta struct {
	key    string
	create int64
}

func (b *Backend) ref(spec backend.Spec) *ref {
	return &ref{b: b, spec: spec, prefix: b.object(spec.Kind, spec.Name)}
}

func (b *Backend) object(kind backend.Kind, name string) string {
	return b.prefix + "o/" + url.PathEscape(string(kind)) + "/" + url.PathEscape(name) + "/"
}

func (r *ref) metaKey() string { return r.prefix + "m" }

// enter returns the object's meta; it makes the object if it is not there, and compares the parameters once.
func (r *ref) enter(ctx context.Context) (*meta, error) {
	r.guard.Lock()
	known := r.known
	r.guard.Unlock()
	if known != nil {
		return known, nil
	}
	if err := r.spec.Valid(); err != nil {
		return nil, err
	}
	spec := r.spec
	spec.MaxDeliveries = 0
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	for {
		kv, err := r.b.get(ctx, r.metaKey())
		if err != nil {
			return nil, err
		}
		if kv == nil {
			// Late or twice does no harm: it makes an object that is empty, if there is none.
			_, err := r.b.commit([]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(r.metaKey()), "=", 0)},
				[]clientv3.Op{clientv3.OpPut(r.metaKey(), string(data))}, nil)
			if final := definite(err); final != nil {
				return nil, final
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			continue
		}
		var made backend.Spec
		if err := json.Unmarshal(kv.Value, &made); err != nil {
			return nil, backend.Errorf(backend.ErrMismatch, "%s: %v", r.spec, err)
		}
		if err := r.spec.Check(made); err != nil {
			return nil, err
		}
		return r.knows(kv.CreateRevision), nil
	}
}

func (r *ref) knows(create int64) *meta {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.known = &meta{r.metaKey(), create}
	return r.known
}

func (r *ref) forget() {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.known = nil
}

// with runs f with the present session and the object, and again if the object was deleted meanwhile. It runs on a
// goroutine of this package: ctx bounds what comes before f.
func (r *ref) with(ctx context.Context, f func(s *session, m *meta) error) error {
	for {
		s, err := r.b.present(ctx)
		if err != nil {
			return err
		}
		m, err := r.enter(ctx)
		if err != nil {
			return err
		}
		if err := f(s, m); err != errStale {
			return err
		}
		r.forget()
	}
}

// write makes a call that changes something, detached from ctx.
func (r *ref) write(ctx context.Context, f func(s *session, m *meta) error) error {
	_, err := written(r, ctx, func(s *session, m *meta) (struct{}, error) { return struct{}{}, f(s, m) })
	return err
}

// written is write for a call with a result, which f must not keep elsewhere: the caller may have left.
func written[T any](r *ref, ctx context.Context, f func(s *session, m *meta) (T, error)) (T, error) {
	ctx, stop := r.b.joined(ctx)
	defer stop()
	v, err := detach(r.b, ctx, func() (v T, err error) {
		err = r.with(ctx, func(s *session, m *meta) (err error) {
			v, err = f(s, m)
			return err
		})
		return v, err
	}, nil)
	return v, r.b.unknown(ctx, err)
}

// read reads keys of the object in one Txn, linearizably, and makes the object if it is not there.
func (r *ref) read(ctx context.Context, ops ...clientv3.Op) (rest []*pb.ResponseOp, rev int64, err error) {
	ctx, stop := r.b.joined(ctx)
	defer stop()
	for {
		m, err := r.enter(ctx)
		if err != nil {
			return nil, 0, err
		}
		resp, err := retried(r.b, ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return r.b.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(m.key), "=", m.create)).Then(ops...).Commit()
		})
		if err != nil {
			return nil, 0, err
		}
		if resp.Succeeded {
			return resp.Responses, resp.Header.Revision, nil
		}
		r.forget()
	}
}

// interest tells people, and Delete, that somebody waits here, if that takes a while; until stop.
func (r *ref) interest(s *session) (stop func()) {
	key := s.fresh(r.prefix + "i/")
	var (
		guard sync.Mutex
		put   bool
		over  bool
	)
	t := time.AfterFunc(interestAfter, func() {
		guard.Lock()
		defer guard.Unlock()
		if over || !r.b.enterWork() {
			return
		}
		defer r.b.work.Done()
		ctx, cancel := context.WithTimeout(r.b.life, requestTime)
		defer cancel()
		// It may come late or not at all: only people and Delete ask for it, and the lease ends it.
		_, err := r.b.client.Put(ctx, key, stamp(nil), clientv3.WithLease(s.lease))
		put = err == nil
	})
	return func() {
		t.Stop()
		r.b.goes(func() {
			guard.Lock()
			defer guard.Unlock()
			over = true
			if put {
				for try := 0; s.alive() && r.b.remove(key) != nil; try++ {
					pause(r.b.life, try)
				}
			}
		})
	}
}

const interestAfter = 3 * time.Millisecond

// stamp puts the time before a value, for people.
func stamp(value []byte) string { return time.Now().UTC().Format(stampFormat) + string(value) }

const stampFormat = "2006-01-02T15:04:05.000000Z"

func unstamp(value []byte) (since time.Time, rest []byte) {
	if len(value) < len(stampFormat) {
		return time.Time{}, value
	}
	since, _ = time.Parse(stampFormat, string(value[:len(stampFormat)]))
	return since, value[len(stampFormat):]
}

// sessionOf returns the id of the session in a fresh key.
func sessionOf(key string) string {
	key = key[strings.LastIndexByte(key, '/')+1:]
	id, _, _ := strings.Cut(key, "-")
	return id
}

var errLeft = errors.New("etcd: the caller has left")

// detach runs f on a goroutine of the Backend. If ctx ends first the caller leaves with errLeft, f goes on, and what it
// then returns without an error is given to undo, if that is not nil; the caller waits for that if it is soon.
func detach[T any](b *Backend, ctx context.Context, f func() (T, error), undo func(T)) (v T, err error) {
	if !b.enterWork() {
		return v, backend.ErrClosed
	}
	var (
		guard sync.Mutex
		left  bool
		done  = make(chan struct{})
		all   = make(chan struct{}) // it has been undone, too
	)
	go func() {
		defer b.work.Done()
		defer close(all)
		got, failed := f()
		guard.Lock()
		gone := left
		if !gone {
			v, err = got, failed
			close(done)
		}
		guard.Unlock()
		if gone && failed == nil && undo != nil {
			undo(got)
		}
	}()
	select {
	case <-done:
		return v, err
	case <-ctx.Done():
	}
	guard.Lock()
	select {
	case <-done:
		guard.Unlock()
		return v, err
	default:
	}
	left = true
	guard.Unlock()
	if undo != nil { // as if it had never been made, if that can be had soon
		soon := time.NewTimer(settleTime)
		defer soon.Stop()
		select {
		case <-all:
		case <-soon.C:
		}
	}
	var none T
	return none, errLeft
}

// unknown is what a write returns whose caller left.
func (b *Backend) unknown(ctx context.Context, err error) error {
	if err != errLeft {
		return err
	}
	return unsure(true, context.Cause(ctx))
}
