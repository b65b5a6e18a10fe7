// Package etcd keeps the objects of package manager in etcd.
//
// Four mechanisms carry everything: a session is a lease with a deadline of its own ([session]); every write is a Txn
// whose outcome becomes known ([session.exact]); whoever waits looks at a mirror of a few keys that follows one watch
// ([mirror]); and what many calls write at once goes in one Txn. The objects are thin on them, and their state is where
// a key is: a claim is an item under another prefix.
package etcd

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
)

// A Backend is a session with etcd, and the next one when that was lost.
type Backend struct {
	addr, prefix, value string // value: of the session's key
	ttl                 time.Duration
	log                 *slog.Logger
	codec               backend.Codec
	client              *clientv3.Client
	onClose             func() error

	life   context.Context // ends with ErrClosed
	finish context.CancelCauseFunc
	closed atomic.Bool
	shut   chan struct{} // closed when Close is done
	work   sync.WaitGroup

	guard   sync.Mutex
	session *session // the present one
	failed  error    // why there is none, for good
	mirrors map[string]*mirror
	shared  map[string]any // what the handles of one object share, by prefix
	deaths  map[*func(id string)]struct{}
	ttls    map[int64]lifetime // by seconds

	sessions *mirror

	fault  Fault
	walked atomic.Int64 // keys that looks have made etcd walk over; for tests
}

const (
	defaultTTL = 10 * time.Second
	minTTL     = 2 * time.Second
)

// Open opens a session. ctx bounds the opening.
func Open(ctx context.Context, c Config) (*Backend, error) {
	if backend.Ended(ctx) {
		return nil, backend.Cause(ctx)
	}
	client, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	if c.Namespace == "" {
		c.Namespace = defaultNamespace
	}
	ttl := c.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	b := &Backend{
		addr: c.Addr, prefix: "/threading/" + url.PathEscape(c.Namespace) + "/", value: describeProcess(c.label()), ttl: max(ttl, minTTL), log: c.Logger, codec: c.Codec,
		client: client, onClose: c.OnClose, fault: c.Fault,
		shut:    make(chan struct{}),
		mirrors: make(map[string]*mirror),
		shared:  make(map[string]any),
		deaths:  make(map[*func(string)]struct{}),
		ttls:    make(map[int64]lifetime),
	}
	b.life, b.finish = context.WithCancelCause(context.Background())
	s := b.newSession()
	b.session = s
	opening, stop := b.joined(ctx)
	err = s.open(opening)
	stop()
	if err != nil {
		b.finish(backend.ErrClosed)
		_ = client.Close()
		if backend.Ended(ctx) && !errors.Is(err, backend.ErrDenied) {
			return nil, unopened(ctx, c.Addr, err)
		}
		return nil, err
	}
	b.goes(s.keep)
	b.sessions = b.mirror(b.prefix+"s/", b.sessionGone)
	b.goes(b.sweep)
	return b, nil
}

// unopened is the cause of ctx. If that is a deadline it is also ErrNoServer or, if the server had no room, ErrQuota.
// last is what was heard last.
func unopened(ctx context.Context, addr string, last error) error {
	cause := backend.Cause(ctx)
	if !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	why := backend.ErrNoServer
	text := "nobody answered at " + addr
	switch {
	case errors.Is(last, backend.ErrQuota):
		why, text = backend.ErrQuota, addr
	case last == nil:
		last = cause
	}
	return &backend.Error{Text: why.Error() + ": " + text + ": " + last.Error(), Errs: []error{why, cause}}
}

// enterWork reports whether the Backend is open, and Close waits for work.Done.
func (b *Backend) enterWork() bool {
	b.guard.Lock()
	defer b.guard.Unlock()
	if b.closed.Load() {
		return false
	}
	b.work.Add(1)
	return true
}

// goes runs f on a goroutine of the Backend, unless that is closed.
func (b *Backend) goes(f func()) {
	if b.enterWork() {
		go func() {
			defer b.work.Done()
			f()
		}()
	}
}

// Go runs f on a goroutine of the Backend; its ctx ends with that.
func (b *Backend) Go(f func(life context.Context)) { b.goes(func() { f(b.life) }) }

// present returns the session, once it is open.
func (b *Backend) present(ctx context.Context) (*session, error) {
	for {
		b.guard.Lock()
		s, failed := b.session, b.failed
		b.guard.Unlock()
		switch {
		case b.closed.Load():
			return nil, backend.ErrClosed
		case failed != nil:
			return nil, failed
		}
		select {
		case <-s.opens:
			if s.alive() {
				return s, nil
			}
			if b.closed.Load() {
				return nil, backend.ErrClosed
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-b.life.Done():
			return nil, backend.ErrClosed
		}
	}
}

// replace begins the session after s.
func (b *Backend) replace(s *session) {
	b.guard.Lock()
	defer b.guard.Unlock()
	if b.closed.Load() || b.session != s {
		return
	}
	next := b.newSession()
	b.session = next
	b.work.Go(func() {
		if err := next.open(b.life); err != nil {
			b.guard.Lock()
			defer b.guard.Unlock()
			if b.failed == nil && !b.closed.Load() {
				b.failed = err
			}
			close(next.opens)
			return
		}
		next.keep()
	})
}

// sessionGone is told when the key of any session has gone.
func (b *Backend) sessionGone(key string) {
	id := key[strings.LastIndexByte(key, '/')+1:]
	b.guard.Lock()
	s := b.session
	var tell []func(string)
	for f := range b.deaths {
		tell = append(tell, *f)
	}
	b.guard.Unlock()
	if s.id == id {
		s.end(backend.ErrLost)
	}
	for _, f := range tell {
		f(id)
	}
	b.goes(func() { b.reapSoon(id) })
}

// sweep looks now and then for what dead sessions have claimed, in case nobody was there when they ended.
func (b *Backend) sweep() {
	for every := sweepTime; ; {
		if err := b.reap(b.life, ""); err != nil && b.life.Err() == nil {
			b.warn("a sweep failed", "error", err)
		}
		if !pauseFor(b.life, every/2+rand.N(every)) {
			return
		}
	}
}

const sweepTime = 30 * time.Second

// onDeath calls f, which must not block, when a session has ended; until stop.
func (b *Backend) onDeath(f func(id string)) (stop func()) {
	b.guard.Lock()
	defer b.guard.Unlock()
	b.deaths[&f] = struct{}{}
	return func() {
		b.guard.Lock()
		defer b.guard.Unlock()
		delete(b.deaths, &f)
	}
}

func (b *Backend) warn(text string, args ...any) {
	if b.log != nil {
		b.log.Warn("cluster: "+text, args...)
	}
}

// Codec returns the codec that it was opened with.
func (b *Backend) Codec() backend.Codec { return b.codec }

// Addr returns the address that was opened.
func (b *Backend) Addr() string { return b.addr }

// ID returns the id of the present session.
func (b *Backend) ID() string { return b.now().id }

// Lost is closed when the present session is over.
func (b *Backend) Lost() <-chan struct{} { return b.now().lost }

func (b *Backend) now() *session {
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.session
}

// Closed reports whether Close was called.
func (b *Backend) Closed() bool { return b.closed.Load() }

// Close ends the session.
func (b *Backend) Close() error {
	b.guard.Lock()
	if b.closed.Swap(true) {
		b.guard.Unlock()
		<-b.shut
		return nil
	}
	s := b.session
	for _, m := range b.mirrors {
		m.guard.Lock()
		if m.idle != nil {
			m.idle.Stop()
		}
		m.guard.Unlock()
	}
	b.guard.Unlock()
	defer close(b.shut)
	s.end(backend.ErrClosed)
	b.finish(backend.ErrClosed)
	b.work.Wait()
	if s.lease != 0 {
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		if _, err := b.client.Revoke(ctx, s.lease); err != nil {
			b.warn("what was held is free when the lease has run out", "session", s.id, "error", err)
		} else if err := b.reap(ctx, s.id); err != nil {
			b.warn("what was claimed comes back when others notice", "session", s.id, "error", err)
		}
		cancel()
	}
	_ = b.client.Close()
	if b.onClose != nil {
		return b.onClose()
	}
	return nil
}

// End revokes the lease of a session.
func (b *Backend) End(ctx context.Context, id string) error {
	if b.Closed() {
		return backend.ErrClosed
	}
	if backend.Ended(ctx) {
		return backend.Cause(ctx)
	}
	ctx, stop := b.joined(ctx)
	defer stop()
	kv, err := b.get(ctx, b.prefix+"s/"+id)
	if err != nil {
		return err
	}
	if kv == nil {
		return backend.Errorf(backend.ErrNotFound, "no session %q", id)
	}
	_, err = retried(b, ctx, func(ctx context.Context) (*clientv3.LeaseRevokeResponse, error) {
		r, err := b.client.Revoke(ctx, clientv3.LeaseID(kv.Lease))
		if definite(err) != nil && errors.Is(definite(err), backend.ErrValue) {
			return r, nil // it ended by itself
		}
		return r, err
	})
	if err != nil {
		return err
	}
	return b.reap(ctx, id)
}

// EndProcess ends the sessions that a process of this machine had.
func (b *Backend) EndProcess(pid int) {
	b.goes(func() { b.endProcess(pid) })
}

// joined returns ctx such that it ends with the Backend, too.
func (b *Backend) joined(ctx context.Context) (context.Context, func()) {
	if ctx.Done() == nil {
		return b.life, func() {}
	}
	joined, cancel := context.WithCancelCause(backend.Sound(ctx))
	stop := context.AfterFunc(b.life, func() { cancel(backend.ErrClosed) })
	return joined, func() {
		stop()
		cancel(context.Canceled)
	}
}

// retried makes a request that changes nothing, or may be made twice, until it is answered or ctx ends.
func retried[T any](b *Backend, ctx context.Context, f func(ctx context.Context) (T, error)) (v T, err error) {
	for try := 0; ; try++ {
		one, cancel := context.WithTimeout(ctx, requestTime)
		v, err := f(one)
		cancel()
		if err == nil {
			return v, nil
		}
		if final := definite(err); final != nil && ctx.Err() == nil {
			return v, final
		}
		if !pause(ctx, try) {
			return v, context.Cause(ctx)
		}
	}
}

// get reads one key, linearizably.
func (b *Backend) get(ctx context.Context, key string) (*mvccpb.KeyValue, error) {
	r, err := retried(b, ctx, func(ctx context.Context) (*clientv3.GetResponse, error) { return b.client.Get(ctx, key) })
	if err != nil || len(r.Kvs) == 0 {
		return nil, err
	}
	return r.Kvs[0], nil
}

func (b *Backend) list(ctx context.Context, prefix string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return retried(b, ctx, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return b.client.Get(ctx, prefix, append([]clientv3.OpOption{clientv3.WithPrefix()}, opts...)...)
	})
}

// remove deletes a key that only its maker wrote, and never again.
func (b *Backend) remove(key string) error {
	ctx, cancel := context.WithTimeout(b.life, requestTime)
	defer cancel()
	_, err := b.client.Delete(ctx, key)
	return err
}

// A limit is a Wait as contexts: ask bounds the questions, wait the waiting.
type limit struct {
	ask, wait context.Context
	stop      func()
}

// answerTime is how long a call that may hardly wait, or not at all, waits for an answer.
const answerTime = 5 * time.Second

func (b *Backend) limit(w backend.Wait) limit {
	switch {
	case w.Try:
		ask, cancel := context.WithTimeoutCause(b.life, answerTime, backend.ErrGaveUp)
		return limit{ask, over, cancel}
	case w.After > 0:
		begin := time.Now()
		ask, cancelAsk := context.WithDeadlineCause(b.life, begin.Add(w.After).Add(answerTime), backend.ErrGaveUp)
		wait, cancelWait := context.WithDeadlineCause(ask, begin.Add(w.After), backend.ErrGaveUp)
		return limit{ask, wait, func() { cancelWait(); cancelAsk() }}
	case w.Ctx != nil:
		ctx, stop := b.joined(w.Ctx)
		return limit{ctx, ctx, stop}
	}
	return limit{b.life, b.life, func() {}}
}

var over = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(backend.ErrGaveUp)
	return ctx
}()

// gaveUp returns what a call returns that had no effect when its limit was reached.
func (b *Backend) gaveUp() error {
	if b.Closed() {
		return backend.ErrClosed
	}
	return backend.ErrGaveUp
}

// begin is how each call begins that waits.
func (b *Backend) begin(w backend.Wait) (limit, error) {
	over := w.Over()
	switch {
	case b.Closed():
		return limit{}, backend.ErrClosed
	case over:
		return limit{}, backend.ErrGaveUp
	}
	return b.limit(w), nil
}

// Objects yields what there is.
func (b *Backend) Objects(ctx context.Context) iter.Seq2[backend.Info, error] {
	return func(yield func(backend.Info, error) bool) { b.objects(ctx, yield) }
}
