package etcd

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/queue"
)

// A getter is a call that waits for an item. It is in the list, or was answered, or has left; the list's guard decides
// between these.
type getter struct {
	claim, try bool
	answer     chan taken // of one
	left       bool
	sent       chan struct{} // not nil: an item for it is under way; closed when that is decided
	known      func()        // ends the interest that was told
}

// A taken is what a getter is given.
type taken struct {
	entry
	holding *holding // of a claim
	err     error
}

// take waits for an item.
func (r *queueRef) take(w backend.Wait, claim bool) (taken, error) {
	over := w.Over()
	if r.b.Closed() {
		return taken{}, backend.ErrClosed
	}
	if over { // unless it is shut and empty, which comes first
		l := r.b.limit(backend.Wait{Try: true})
		defer l.stop()
		if v, err := r.look(l.ask, 1); err == nil && v.state != "" && len(v.items) == 0 {
			return taken{}, queue.ErrShutdown
		}
		return taken{}, r.b.gaveUp()
	}
	l := r.b.limit(w)
	defer l.stop()
	if _, err := r.enter(l.ask); err != nil {
		return taken{}, r.left(err, l)
	}
	if err := r.tell(); err != nil {
		return taken{}, err
	}
	g := &getter{claim: claim, try: w.Try, answer: make(chan taken, 1)}
	r.enlist(g)
	wait := l.wait
	if w.Try {
		wait = l.ask
	}
	defer r.leave(&g.known)
	select {
	case t := <-g.answer:
		return t, t.err
	case <-wait.Done():
	}
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if sent := g.sent; sent != nil { // it is about to be given one, and others see already that it is gone
		r.queueObject.guard.Unlock()
		soon := time.NewTimer(settleTime)
		select {
		case <-sent:
		case <-soon.C:
		}
		soon.Stop()
		r.queueObject.guard.Lock()
	}
	select {
	case t := <-g.answer:
		return t, t.err
	default:
	}
	g.left = true
	if i := slices.Index(r.getters, g); i >= 0 {
		r.getters = slices.Delete(r.getters, i, i+1)
	}
	r.moved()
	return taken{}, r.b.gaveUp()
}

func (r *queueRef) enlist(g *getter) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	r.getters = append(r.getters, g)
	r.moved()
	if !r.getting {
		r.getting = true
		r.b.goes(r.serve)
	}
}

// answer gives a getter something, unless it has left.
func (r *queueRef) answer(g *getter, t taken) bool {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	if g.left {
		return false
	}
	if i := slices.Index(r.getters, g); i >= 0 {
		r.getters = slices.Delete(r.getters, i, i+1)
	}
	g.answer <- t
	g.left = true
	return true
}

// serve serves the getters of this process, until there are none. It is the only one that takes.
func (r *queueRef) serve() {
	m := r.served()
	defer m.done()
	for {
		r.queueObject.guard.Lock()
		moves := r.moves.Load()
		batch := slices.Clone(r.getters[:min(len(r.getters), takenAtOnce)])
		if len(batch) == 0 || r.b.Closed() {
			r.getting = false
			for _, g := range r.getters {
				g.left = true
				g.answer <- taken{err: backend.ErrClosed}
			}
			r.getters = nil
			r.queueObject.guard.Unlock()
			return
		}
		r.queueObject.guard.Unlock()
		v, s, err := r.takeFor(batch)
		if err == nil && v != nil { // nothing was there
			if idle := r.refuse(batch, v, s); idle {
				err = r.rest(m, s, v, moves)
			}
		}
		if err != nil {
			// What was taken with a session that is over is as if this process had died: it is redelivered, or gone.
			if errors.Is(err, backend.ErrLost) {
				err = backend.ErrLost
			}
			for _, g := range batch {
				r.answer(g, taken{err: err})
			}
		}
	}
}

// refuse answers those who do not wait, or wait for nothing, and reports whether others are left.
func (r *queueRef) refuse(batch []*getter, v *view, s *session) (idle bool) {
	for _, g := range batch {
		switch {
		case v.state != "":
			r.answer(g, taken{err: queue.ErrShutdown})
		case g.try:
			r.answer(g, taken{err: backend.ErrGaveUp})
		default:
			idle = true
			r.queueObject.guard.Lock()
			if g.known == nil && !g.left {
				g.known = r.interest(s)
			}
			r.queueObject.guard.Unlock()
		}
	}
	return idle
}

// leave ends an interest.
func (r *queueRef) leave(known *func()) {
	r.queueObject.guard.Lock()
	stop := *known
	r.queueObject.guard.Unlock()
	if stop != nil {
		stop()
	}
}

// rest waits until there may be something for the getters that are left.
func (r *queueRef) rest(m *mirror, s *session, v *view, moves uint64) error {
	ctx := r.b.life
	if !v.due.IsZero() {
		due, cancel := context.WithTimeout(ctx, max(time.Until(v.due), time.Millisecond))
		defer cancel()
		ctx = due
	}
	err := r.sleep(ctx, m, s, v, moves, "t")
	if ctx.Err() != nil && r.b.life.Err() == nil {
		return nil // it is due
	}
	return err
}

// takeFor takes items for a batch of getters and hands them out. It returns a view if there was nothing for anybody.
func (r *queueRef) takeFor(batch []*getter) (*view, *session, error) {
	s, err := r.b.present(r.b.life)
	if err != nil {
		return nil, nil, err
	}
	v, err := r.look(r.b.life, len(batch))
	if err != nil {
		return nil, s, err
	}
	if !v.due.IsZero() && !time.Now().Before(v.due) {
		r.due(s, v)
		return nil, s, nil
	}
	r.raise(v, len(v.items) < len(batch))
	if len(v.items) == 0 {
		return v, s, nil
	}
	m, err := r.enter(r.b.life)
	if err != nil {
		return nil, s, err
	}
	batch, decided := r.dispatch(batch)
	defer decided()
	items := v.items[:min(len(v.items), len(batch))]
	if len(items) == 0 {
		return nil, s, nil // all have left
	}
	t := txn{meta: m, lane: s.lane("g" + url.PathEscape(r.prefix))}
	claims := false
	for i, e := range items {
		t.conds = append(t.conds, clientv3.Compare(clientv3.ModRevision(e.key), "=", e.mod))
		t.then = append(t.then, clientv3.OpDelete(e.key))
		if batch[i].claim {
			claims = true
			t.then = append(t.then, clientv3.OpPut(r.claimKey(s, e.id), itemValue(e.attempt+1, e.payload)))
		}
	}
	if claims { // where the claims of this session are, for whoever gives them back
		t.then = append(t.then, clientv3.OpPut(r.b.prefix+"z/"+s.id+"/"+url.PathEscape(r.spec.Name), ""))
	}
	if r.limited.Load() {
		t.then = append(t.then, r.chime())
	}
	out, err := s.exact(t)
	switch {
	case err == errStale:
		r.forget()
		return nil, s, nil
	case err != nil:
		return nil, s, err
	case !out.applied:
		return nil, s, nil // others were faster
	}
	r.handOut(s, batch, items, out.receipt)
	return nil, s, nil
}

// dispatch marks those of a batch that have not left: an item for each is under way until decided is called.
func (r *queueRef) dispatch(batch []*getter) (stay []*getter, decided func()) {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	sent := make(chan struct{})
	for _, g := range batch {
		if !g.left {
			g.sent = sent
			stay = append(stay, g)
		}
	}
	return stay, func() {
		r.queueObject.guard.Lock()
		defer r.queueObject.guard.Unlock()
		for _, g := range stay {
			g.sent = nil
		}
		close(sent)
	}
}

func (r *queueRef) claimKey(s *session, id string) string { return r.prefix + "c/" + s.id + "/" + id }

// handOut gives the getters what was taken for them. What is left over, since its getter has left, goes to the next, or
// back to the head.
func (r *queueRef) handOut(s *session, batch []*getter, items []entry, rev int64) {
	var over []taken
	for i, e := range items {
		t := taken{entry: e}
		if batch[i].claim {
			t.attempt++
			t.key, t.mod = r.claimKey(s, e.id), rev
			t.holding = &holding{s: s, key: t.key, mod: rev, create: rev, token: uint64(rev)}
			if !s.hold(t.holding) {
				r.answer(batch[i], taken{err: lostOr(s)})
				continue
			}
		}
		if !r.answer(batch[i], t) {
			over = append(over, t)
		}
	}
	for _, t := range over {
		if !r.passOn(t) {
			r.giveBack(s, t)
		}
	}
}

// passOn gives t to another getter of this process that wants such a one.
func (r *queueRef) passOn(t taken) bool {
	r.queueObject.guard.Lock()
	defer r.queueObject.guard.Unlock()
	for i, g := range r.getters {
		if g.claim == (t.holding != nil) {
			r.getters = slices.Delete(r.getters, i, i+1)
			g.left = true
			g.answer <- t
			return true
		}
	}
	return false
}

// giveBack puts t back to the head, as if nobody had taken it.
func (r *queueRef) giveBack(s *session, t taken) {
	attempt := t.attempt
	x := txn{lane: s.lane("g" + url.PathEscape(r.prefix))}
	if t.holding != nil {
		if !t.holding.drop() {
			return // it goes back with the session
		}
		attempt--
		x.conds = []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(t.key), "=", t.mod)}
		x.then = []clientv3.Op{clientv3.OpDelete(t.key)}
	}
	x.then = append(x.then, clientv3.OpPut(r.prefix+"b/"+t.id, itemValue(attempt, t.payload)), r.bell())
	_, _ = s.exact(x)
}

// due moves the first that is held back to the head.
func (r *queueRef) due(s *session, v *view) {
	e := r.entry(v.held)
	_, _ = s.exact(txn{
		lane:  s.lane("g" + url.PathEscape(r.prefix)),
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(e.key), "=", e.mod)},
		then:  []clientv3.Op{clientv3.OpDelete(e.key), clientv3.OpPut(r.prefix+"b/"+e.id, itemValue(e.attempt, e.payload)), r.bell()},
	})
}

func (r *queueRef) Get(w backend.Wait) ([]byte, error) {
	t, err := r.take(w, false)
	return t.payload, err
}

func (r *queueRef) Claim(w backend.Wait) (backend.Claim, error) {
	t, err := r.take(w, true)
	if err != nil {
		return backend.Claim{}, err
	}
	return t.public(), nil
}

func (t taken) public() backend.Claim {
	return backend.Claim{Payload: t.payload, Attempt: t.attempt, Holding: &claimHolding{t.holding, t.entry}}
}

// A claimHolding is the Holding of a claim.
type claimHolding struct {
	*holding
	entry entry
}

func (r *queueRef) Peek(ctx context.Context) ([]byte, bool, error) {
	joined, stop := r.b.joined(ctx)
	defer stop()
	v, err := r.look(joined, 1)
	if err != nil || len(v.items) == 0 {
		return nil, false, err
	}
	return v.items[0].payload, true, nil
}

func (r *queueRef) Drain(ctx context.Context) (claims []backend.Claim, err error) {
	if r.b.Closed() {
		return nil, backend.ErrClosed
	}
	st, err := r.State(ctx)
	if err != nil {
		return nil, err
	}
	for range st.Len { // what is put meanwhile is not meant
		t, err := r.take(backend.Wait{Try: true}, r.spec.Joinable)
		switch {
		case err == backend.ErrGaveUp, errors.Is(err, queue.ErrShutdown):
			return claims, nil
		case err != nil:
			return nil, err
		case r.spec.Joinable:
			claims = append(claims, t.public())
		default:
			claims = append(claims, backend.Claim{Payload: t.payload})
		}
	}
	return claims, nil
}

func (r *queueRef) State(ctx context.Context) (backend.QueueState, error) {
	count := func(part string) clientv3.Op {
		return clientv3.OpGet(r.prefix+part, clientv3.WithPrefix(), clientv3.WithCountOnly())
	}
	reads, _, err := r.read(ctx, clientv3.OpGet(r.prefix+"q/s"), clientv3.OpGet(r.metaKey()), count("a/"), count("b/"), count("c/"), count("h/"))
	if err != nil {
		return backend.QueueState{}, err
	}
	n := func(i int) int { return int(reads[i].GetResponseRange().Count) }
	st := backend.QueueState{Len: n(2) + n(3), Cap: max(specOf(first(reads[1])).N, 0), Shut: first(reads[0]) != nil}
	st.Unfinished = st.Len + n(4) + n(5)
	return st, nil
}

func (r *queueRef) Join(w backend.Wait) error {
	l, err := r.b.begin(w)
	if err != nil {
		return err
	}
	defer l.stop()
	s, err := r.b.present(l.ask)
	if err != nil {
		return r.left(err, l)
	}
	m := r.b.mirror(r.prefix + "q/")
	defer m.done()
	var stop func()
	for {
		rest, rev, err := r.read(l.ask, clientv3.OpGet(r.prefix+"q/", clientv3.WithPrefix()),
			clientv3.OpGet(r.prefix+"a/", clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()),
			clientv3.OpGet(r.prefix+"b/", clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()),
			clientv3.OpGet(r.prefix+"c/", clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()),
			clientv3.OpGet(r.prefix+"h/", clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()))
		if err != nil {
			return r.left(err, l)
		}
		unfinished := false
		for _, part := range rest[1:] {
			unfinished = unfinished || first(part) != nil
		}
		if !unfinished {
			return nil
		}
		if w.Try {
			return backend.ErrGaveUp
		}
		if stop == nil {
			stop = r.interest(s)
			defer stop()
		}
		had := first(rest[0]) != nil
		err = m.await(l.wait, s, rev, func(state map[string]*mvccpb.KeyValue) bool {
			kv := state[r.prefix+"q/o"]
			return kv != nil && kv.ModRevision > rev || had && len(state) == 0
		})
		switch {
		case err == nil:
		case s.ended() != nil:
			return s.ended()
		default:
			return r.b.gaveUp()
		}
	}
}
