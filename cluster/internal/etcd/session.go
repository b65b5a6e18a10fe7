package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/lock"
)

// A session is a lease and the key s/ID under it. Everything that this process holds is under that lease.
//
// It ends for this process at its deadline, which is counted from when the last renewal that was answered had been sent,
// less a margin of a fifth of the TTL. The server counts from when it received that renewal, so for everybody else it
// ends later: Lost is closed before anybody can hold what this process held. Clocks are compared with themselves only.
//
// A paused process wakes up with its timers due and answers waiting, in any order. So whoever takes an answer asks alive,
// which looks at the clock, before believing that it holds anything.
type session struct {
	b     *Backend
	id    string
	key   string
	opens chan struct{} // closed when it is open or over
	lease clientv3.LeaseID
	names atomic.Uint64 // of fresh keys

	guard    sync.Mutex
	epoch    int64     // the mod revision of key, as far as it is known; see exact
	deadline time.Time // with its monotonic reading
	wall     time.Time // of the same instant, without
	over     error     // ErrLost, ErrClosed; nil while it lives
	holdings map[*holding]struct{}
	lanes    map[string]*lane
	lost     chan struct{}
}

// A lane is for calls of which others may consume the effect, so that it proves nothing that the effect is not there: each
// call leaves a receipt. One call at a time may be in it.
type lane struct {
	turn lock.Lock
	key  string
	rev  int64 // of the last receipt that is known
}

func (b *Backend) newSession() *session {
	id := strconv.FormatUint(rand.Uint64(), 36)
	return &session{
		b: b, id: id, key: b.prefix + "s/" + id,
		opens:    make(chan struct{}),
		holdings: make(map[*holding]struct{}),
		lanes:    make(map[string]*lane),
		lost:     make(chan struct{}),
	}
}

// open gets a lease. It tries until it has one, ctx ends, or the server refuses for good. If ctx ends the error says too
// what the server refused last, if it did.
func (s *session) open(ctx context.Context) error {
	var last error
	for try := 0; ; try++ {
		err := s.tryOpen(ctx)
		if err == nil {
			close(s.opens)
			return nil
		}
		final := definite(err)
		if final != nil && !errors.Is(final, backend.ErrQuota) {
			return final
		}
		if final != nil {
			last = final
		}
		if !pause(ctx, try) {
			if last == nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %w", last, context.Cause(ctx))
		}
	}
}

func (s *session) tryOpen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	sent := time.Now()
	g, err := s.b.client.Grant(ctx, int64((s.b.ttl+time.Second-1)/time.Second))
	if err != nil {
		return err
	}
	p, err := s.b.client.Put(ctx, s.key, s.b.value, clientv3.WithLease(g.ID))
	if err != nil {
		return err
	}
	s.guard.Lock()
	defer s.guard.Unlock()
	s.lease, s.epoch = g.ID, p.Header.Revision
	s.renewed(sent, time.Duration(g.TTL)*time.Second)
	return nil
}

// renewed sets the deadline, under the guard.
func (s *session) renewed(sent time.Time, ttl time.Duration) {
	s.deadline, s.wall = sent.Add(ttl-ttl/5), sent.Round(0)
}

// keep renews the lease until the session is over.
func (s *session) keep() {
	every := s.b.ttl / 5
	tick := time.NewTimer(every)
	defer tick.Stop()
	for {
		select {
		case <-s.lost:
			return
		case <-tick.C:
		}
		s.renew(s.b.ttl / 3)
		left := every
		s.guard.Lock()
		left = min(left, time.Until(s.deadline))
		s.guard.Unlock()
		tick.Reset(max(left, time.Millisecond))
	}
}

func (s *session) renew(limit time.Duration) {
	if !s.alive() {
		return
	}
	s.guard.Lock()
	limit = min(limit, time.Until(s.deadline))
	s.guard.Unlock()
	ctx, cancel := context.WithTimeout(s.b.life, limit)
	defer cancel()
	sent := time.Now()
	r, err := s.b.client.KeepAliveOnce(ctx, s.lease)
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		s.end(backend.ErrLost)
	case err == nil:
		s.guard.Lock()
		if s.over == nil && time.Now().Before(s.deadline) {
			s.renewed(sent, time.Duration(r.TTL)*time.Second)
		}
		s.guard.Unlock()
	}
	s.alive()
}

// alive reports whether the session lives, and ends it if its time is over.
func (s *session) alive() bool {
	s.guard.Lock()
	over := s.over != nil
	late := !over && !time.Now().Before(s.deadline)
	s.guard.Unlock()
	if late {
		s.end(backend.ErrLost)
	}
	return !over && !late
}

// end ends the session for this process. What it held is lost first; then the next begins.
func (s *session) end(why error) {
	s.guard.Lock()
	if s.over != nil {
		s.guard.Unlock()
		return
	}
	s.over = why
	held := s.holdings
	s.holdings = nil
	s.guard.Unlock()
	for h := range held {
		h.lost.Open()
	}
	if why == backend.ErrLost {
		for h := range held {
			if h.owed != nil {
				h.owed(h)
			}
		}
		s.b.replace(s)
	}
	close(s.lost)
	if why == backend.ErrLost {
		s.b.warn("the session was lost", "session", s.id)
	}
}

// ended returns why the session is over.
func (s *session) ended() error {
	s.guard.Lock()
	defer s.guard.Unlock()
	return s.over
}

// fresh returns a key that was never used before and never will be.
func (s *session) fresh(prefix string) string {
	return prefix + s.id + "-" + strconv.FormatUint(s.names.Add(1), 10)
}

func (s *session) lane(name string) *lane {
	s.guard.Lock()
	defer s.guard.Unlock()
	l := s.lanes[name]
	if l == nil {
		l = &lane{key: s.b.prefix + "r/" + s.id + "/" + name}
		s.lanes[name] = l
	}
	return l
}

// A holding is what a session has been given and has to give back.
type holding struct {
	s      *session
	key    string
	create int64 // revision of key
	mod    int64
	token  uint64
	n      int            // permits
	owed   func(*holding) // called if it is lost
	lost   park.Latch
}

func (h *holding) Token() uint64         { return h.token }
func (h *holding) Lost() <-chan struct{} { return h.lost.Done() }

// hold enters h, unless the session is over.
func (s *session) hold(h *holding) bool {
	if !s.alive() {
		return false
	}
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.over != nil {
		return false
	}
	s.holdings[h] = struct{}{}
	return true
}

// drop takes h out. It reports false if it was lost before, or dropped.
func (h *holding) drop() bool {
	h.s.alive()
	h.s.guard.Lock()
	defer h.s.guard.Unlock()
	_, held := h.s.holdings[h]
	delete(h.s.holdings, h)
	return held
}

// forget takes h out without asking whether the session lives, which might call owed.
func (h *holding) forget() {
	h.s.guard.Lock()
	defer h.s.guard.Unlock()
	delete(h.s.holdings, h)
}
