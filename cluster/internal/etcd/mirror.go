package etcd

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A mirror is the state of a small prefix of keys, for those who wait until it is such and such. It follows one watch,
// and is kept for a while after the last waiter has left.
//
// It watches before it looks, so nothing is missed between the two, and never from a revision of the past, which etcd
// serves slowly. When a watch breaks, or etcd has compacted what it missed, it begins again: a fresh look replaces what
// was missed. A link that is held up says nothing for more than ten seconds, so while somebody waits, it looks every few
// seconds whether the watch has fallen behind.
type mirror struct {
	b      *Backend
	prefix string
	stop   context.CancelFunc

	guard   sync.Mutex
	state   map[string]*mvccpb.KeyValue
	rev     int64         // the state is of this revision; 0: none yet
	changed chan struct{} // closed when it has changed
	users   int
	idle    *time.Timer
	gone    []func(key string) // called for each key that goes; fixed before it runs
	deleted map[string]int64   // when keys went, if somebody wants to know; see order
}

const (
	mirrorKept = 30 * time.Second
	mirrorLook = 3 * time.Second
)

// mirror returns the mirror of a prefix, for use until done.
func (b *Backend) mirror(prefix string, gone ...func(key string)) *mirror {
	b.guard.Lock()
	defer b.guard.Unlock()
	m := b.mirrors[prefix]
	if m == nil {
		ctx, cancel := context.WithCancel(b.life)
		m = &mirror{b: b, prefix: prefix, stop: cancel, changed: make(chan struct{}), gone: gone}
		b.mirrors[prefix] = m
		if !b.closed.Load() {
			b.work.Go(func() { m.run(ctx) })
		}
	}
	m.guard.Lock()
	defer m.guard.Unlock()
	m.users++
	if m.idle != nil {
		m.idle.Stop()
		m.idle = nil
	}
	return m
}

// order lets m remember in which order keys go, for those who tell others of it: the last ones.
func (m *mirror) order() {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.deleted == nil {
		m.deleted = make(map[string]int64)
	}
}

const mostDeleted = 10_000

// wentAt notes, under the guard, that a key has gone.
func (m *mirror) wentAt(key string, rev int64) {
	if m.deleted == nil {
		return
	}
	if len(m.deleted) >= mostDeleted {
		clear(m.deleted)
	}
	m.deleted[key] = rev
}

func (m *mirror) done() {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.users--; m.users == 0 {
		m.idle = time.AfterFunc(mirrorKept, m.retire)
	}
}

func (m *mirror) retire() {
	m.b.guard.Lock()
	defer m.b.guard.Unlock()
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.users == 0 && m.b.mirrors[m.prefix] == m {
		delete(m.b.mirrors, m.prefix)
		m.stop()
	}
}

func (m *mirror) run(ctx context.Context) {
	defer m.stop()
	for try := 0; ctx.Err() == nil; try++ {
		if m.follow(ctx) {
			try = 0
		}
		pause(ctx, try)
	}
}

// follow follows one watch until it breaks, and reports whether it was any good.
func (m *mirror) follow(ctx context.Context) (good bool) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	w := m.b.client.Watch(ctx, m.prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if r, ok := <-w; !ok || r.Err() != nil {
		return false
	}
	now, rev, err := m.look(ctx, requestTime)
	if err != nil {
		return false
	}
	m.replace(now, rev)
	tick := time.NewTicker(mirrorLook + rand.N(mirrorLook/3))
	defer tick.Stop()
	for {
		select {
		case r, ok := <-w:
			if !ok || r.Err() != nil {
				return true
			}
			m.apply(r.Events, r.Header.Revision)
		case <-tick.C:
			if m.behind(ctx) {
				return true
			}
		}
	}
}

func (m *mirror) look(ctx context.Context, limit time.Duration) (map[string]*mvccpb.KeyValue, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := m.b.client.Get(ctx, m.prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, 0, err
	}
	state := make(map[string]*mvccpb.KeyValue, len(r.Kvs))
	for _, kv := range r.Kvs {
		state[string(kv.Key)] = kv
	}
	return state, r.Header.Revision, nil
}

// behind reports whether the watch has not told what a look tells.
func (m *mirror) behind(ctx context.Context) bool {
	m.guard.Lock()
	used, was := m.users > 0, m.rev
	m.guard.Unlock()
	if !used {
		return false
	}
	now, _, err := m.look(ctx, time.Second)
	if err != nil {
		return ctx.Err() != nil
	}
	m.guard.Lock()
	defer m.guard.Unlock()
	return m.rev == was && !same(m.state, now)
}

func same(a, b map[string]*mvccpb.KeyValue) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w := b[k]; w == nil || w.ModRevision != v.ModRevision {
			return false
		}
	}
	return true
}

func (m *mirror) replace(now map[string]*mvccpb.KeyValue, rev int64) {
	m.guard.Lock()
	var gone []string
	for k := range m.state {
		if now[k] == nil {
			gone = append(gone, k)
			m.wentAt(k, rev)
		}
	}
	m.state, m.rev = now, rev
	m.wake()
	m.guard.Unlock()
	m.tell(gone)
}

// apply takes what one response tells: all of it, since a revision is never split between two states.
func (m *mirror) apply(events []*clientv3.Event, rev int64) {
	m.guard.Lock()
	var gone []string
	for _, e := range events {
		switch k := string(e.Kv.Key); {
		case e.Kv.ModRevision <= m.rev:
		case e.Type == mvccpb.DELETE:
			if m.state[k] != nil {
				delete(m.state, k)
				gone = append(gone, k)
				m.wentAt(k, e.Kv.ModRevision)
			}
		default:
			m.state[k] = e.Kv
		}
	}
	m.rev = max(m.rev, rev)
	m.wake()
	m.guard.Unlock()
	m.tell(gone)
}

// poke makes those who wait look again at what is not in the state.
func (m *mirror) poke() {
	m.guard.Lock()
	defer m.guard.Unlock()
	m.wake()
}

func (m *mirror) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *mirror) tell(gone []string) {
	for _, k := range gone {
		for _, f := range m.gone {
			f(k)
		}
	}
}

// await waits until the state is of minRev or later and is reports true of it. is must not block or keep the state. It
// returns the cause of ctx, or why s is over; s may be nil.
func (m *mirror) await(ctx context.Context, s *session, minRev int64, is func(state map[string]*mvccpb.KeyValue) bool) error {
	var lost chan struct{}
	if s != nil {
		lost = s.lost
	}
	for {
		m.guard.Lock()
		ok := m.rev >= minRev && m.rev > 0 && is(m.state)
		changed := m.changed
		m.guard.Unlock()
		if s != nil && !s.alive() {
			return s.ended()
		}
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-lost:
		}
	}
}
