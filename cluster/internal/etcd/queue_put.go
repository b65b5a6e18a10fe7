package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/queue"
)

// A putter is a call that puts an item. It waits in the list, or its item is under way, or it was answered.
type putter struct {
	item   backend.Item
	try    bool
	answer chan error // of one
	sent   bool
	left   bool
	known  func() // ends the interest that was told
}

func (r *queueRef) Put(w backend.Wait, item backend.Item) error {
	if err := r.fits(len(item.Payload) + len(item.Key)); err != nil {
		return err
	}
	over := w.Over()
	if r.b.Closed() {
		return backend.ErrClosed
	}
	if over { // unless it is shut, which comes first
		l := r.b.limit(backend.Wait{Try: true})
		defer l.stop()
		if st, err := r.State(l.ask); err == nil && st.Shut {
			return queue.ErrShutdown
		}
		return r.b.gaveUp()
	}
	l := r.b.limit(w)
	defer l.stop()
	if _, err := r.enter(l.ask); err != nil {
		return r.left(err, l)
	}
	if err := r.tell(); err != nil {
		return err
	}
	p := &putter{item: item, try: w.Try, answer: make(chan error, 1)}
	r.queueObject.guard.Lock()
	r.putters = append(r.putters, p)
	r.moved()
	if !r.putting {
		r.putting = true
		r.b.goes(r.store)
	}
	r.queueObject.guard.Unlock()
	wait := l.wait
	if w.Try {
		wait = l.ask
	}
	defer r.leave(&p.known)
	select {
	case err := <-p.answer:
		return err
	case <-wait.Done():
	}
	r.queueObject.guard.Lock()
	sent := p.sent
	if !sent {
		p.left = true
		if i := slices.Index(r.putters, p); i >= 0 {
			r.putters = slices.Delete(r.putters, i, i+1)
		}
		r.moved()
	}
	r.queueObject.guard.Unlock()
	if !sent {
		select {
		case err := <-p.answer:
			return err
		default:
			return r.b.gaveUp()
		}
	}
	select {
	case err := <-p.answer:
		return err
	case <-l.ask.Done():
		return unsure(true, context.Cause(l.ask))
	}
}

// store puts what the putters of this process bring, until there are none. It is the only one that puts.
func (r *queueRef) store() {
	m := r.served()
	defer m.done()
	for {
		batch, moves := r.nextPuts()
		if batch == nil {
			return
		}
		full, s, err := r.putAll(batch)
		if err == nil && full != nil {
			err = r.sleep(r.b.life, m, s, full, moves, "o")
		}
		if err != nil {
			for _, p := range batch {
				r.done(p, err)
			}
		}
	}
}

// nextPuts returns those whose turn it is, each key once.
func (r *queueRef) nextPuts() (batch []*putter, moves uint64) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if len(r.putters) == 0 || r.b.Closed() {
		r.putting = false
		for _, p := range r.putters {
			p.answer <- backend.ErrClosed
		}
		r.putters = nil
		return nil, 0
	}
	size, keys := 0, map[string]bool{}
	for _, p := range r.putters {
		size += len(p.item.Payload) + len(p.item.Key)
		if len(batch) > 0 && (len(batch) == putAtOnce || size > putBytes || p.item.Key != "" && keys[p.item.Key]) {
			break
		}
		keys[p.item.Key] = true
		batch = append(batch, p)
	}
	return batch, r.moves.Load()
}

// done answers a putter.
func (r *queueRef) done(p *putter, err error) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if i := slices.Index(r.putters, p); i >= 0 {
		r.putters = slices.Delete(r.putters, i, i+1)
		p.answer <- err
	}
}

// send marks those of a batch that have not left as sent, and returns them.
func (r *queueRef) send(batch []*putter) (sent []*putter) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	for _, p := range batch {
		if !p.left {
			p.sent = true
			sent = append(sent, p)
		}
	}
	return sent
}

func (r *queueRef) unsend(batch []*putter) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	for _, p := range batch {
		p.sent = false
	}
}

// putAll puts what it can of a batch. It returns the view in which the queue was full, if it was.
func (r *queueRef) putAll(batch []*putter) (full *view, s *session, err error) {
	if s, err = r.b.present(r.b.life); err != nil {
		return nil, nil, err
	}
	count := func(part string) clientv3.Op {
		return clientv3.OpGet(r.prefix+part, clientv3.WithPrefix(), clientv3.WithCountOnly())
	}
	ops := []clientv3.Op{clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()), clientv3.OpGet(r.metaKey())}
	bounded := r.limited.Load()
	if bounded {
		ops = append(ops, count("a/"), count("b/"))
	}
	at := len(ops)
	for _, p := range batch {
		if p.item.Key != "" {
			ops = append(ops, clientv3.OpGet(r.knownKey(p.item.Key)))
		}
	}
	reads, rev, err := r.read(r.b.life, ops...)
	if err != nil {
		return nil, s, err
	}
	v := &view{rev: rev}
	v.read(r.prefix+"q/", kvsOf(reads[0]))
	meta := first(reads[1])
	n := specOf(meta).N
	if !bounded && n > 0 { // it was resized, by others
		r.limited.Store(true)
		return nil, s, nil
	}
	var fresh []*putter
	for _, p := range batch {
		known := false
		if p.item.Key != "" {
			known = first(reads[at]) != nil
			at++
		}
		switch {
		case v.state != "":
			r.done(p, queue.ErrShutdown)
		case known:
			r.done(p, backend.Errorf(backend.ErrDuplicate, "key %q in %s", p.item.Key, r.spec))
		default:
			fresh = append(fresh, p)
		}
	}
	if n > 0 && len(fresh) > 0 { // so it is bounded, and was counted
		room := n - int(reads[2].GetResponseRange().Count+reads[3].GetResponseRange().Count)
		if room <= 0 {
			for _, p := range fresh {
				if p.try {
					r.done(p, backend.ErrGaveUp)
					continue
				}
				r.queueObject.guard.Lock()
				if p.known == nil && !p.left {
					p.known = r.interest(s)
				}
				r.queueObject.guard.Unlock()
			}
			return v, s, nil
		}
		fresh = fresh[:min(room, len(fresh))]
	}
	if fresh = r.send(fresh); len(fresh) == 0 {
		return nil, s, nil
	}
	defer r.unsend(fresh)
	m, err := r.enter(r.b.life)
	if err != nil {
		return nil, s, err
	}
	t := txn{meta: m, lane: s.lane("p" + url.PathEscape(r.prefix))}
	t.conds = []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(r.prefix+"q/s"), "=", v.mod("s"))}
	if n > 0 {
		t.conds = append(t.conds, clientv3.Compare(clientv3.ModRevision(r.prefix+"q/t"), "=", v.mod("t")),
			clientv3.Compare(clientv3.ModRevision(r.metaKey()), "=", meta.ModRevision))
	}
	levels := map[string]bool{}
	for i, p := range fresh {
		id := r.id(p.item.Level, uint64(rev), i, s.id)
		t.then = append(t.then, clientv3.OpPut(r.prefix+"a/"+id, itemValue(0, p.item.Payload)))
		levels[levelKey(p.item.Level)] = true
		if p.item.Key != "" && p.item.Window > 0 {
			lease, err := r.b.ttlLease(p.item.Window)
			if err != nil {
				return nil, s, err
			}
			t.foreign = true
			t.conds = append(t.conds, created(r.knownKey(p.item.Key), 0))
			t.then = append(t.then, clientv3.OpPut(r.knownKey(p.item.Key), "", clientv3.WithLease(lease)))
		}
	}
	for l := range levels {
		key := r.prefix + "q/f/" + l
		if _, there := v.floors[l]; there {
			t.conds = append(t.conds, clientv3.Compare(clientv3.Value(key), "<", fmt.Sprintf("%016x", rev+1)))
		} else {
			t.conds = append(t.conds, created(key, 0))
			t.then = append(t.then, clientv3.OpPut(key, fmt.Sprintf("%016x", 0)))
		}
	}
	t.then = append(t.then, r.bell())
	out, err := s.exact(t)
	switch {
	case err == errStale:
		r.forget()
		return nil, s, nil
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		r.b.sessionLooks(s)
		for _, p := range fresh {
			r.b.forgetTTL(p.item.Window)
		}
		return nil, s, nil
	case err != nil:
		for _, p := range fresh {
			r.done(p, err)
		}
		return nil, s, nil
	case out.applied:
		for _, p := range fresh {
			r.done(p, nil)
		}
	}
	return nil, s, nil
}

// knownKey is where a key is known.
func (r *queueRef) knownKey(key string) string { return r.prefix + "u/" + url.PathEscape(key) }
