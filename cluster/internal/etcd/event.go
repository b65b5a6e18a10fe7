package etcd

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// An eventRef is an event: the key e, which says whether it is set and how often it was. By that count a Set followed by
// a Clear releases those who wait, also when both were missed.
type eventRef struct {
	*ref
	done *eventDone
}

// An eventDone is the channel of the current generation.
type eventDone struct {
	guard lock.Lock
	c     chan struct{} // nil: none that is open
}

// Event returns an event.
func (b *Backend) Event(spec backend.Spec) backend.Event {
	r := b.ref(spec)
	return &eventRef{r, share(r, func() *eventDone { return new(eventDone) })}
}

func (r *eventRef) key() string { return r.prefix + "e" }

func eventOf(kv *mvccpb.KeyValue) (set bool, count uint64) {
	if kv != nil {
		_, _ = fmt.Sscanf(string(kv.Value), "%t %d", &set, &count)
	}
	return set, count
}

func (r *eventRef) Set(ctx context.Context) error   { return r.change(ctx, true) }
func (r *eventRef) Clear(ctx context.Context) error { return r.change(ctx, false) }

func (r *eventRef) change(ctx context.Context, to bool) error {
	return r.write(ctx, func(s *session, m *meta) error {
		lane := s.lane("e" + url.PathEscape(r.prefix))
		for {
			kv, err := r.b.get(r.b.life, r.key())
			if err != nil {
				return err
			}
			set, count := eventOf(kv)
			if set == to {
				return nil
			}
			mod := int64(0)
			if kv != nil {
				mod = kv.ModRevision
			}
			if to {
				count++
			}
			out, err := s.exact(txn{
				meta: m, lane: lane,
				conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(r.key()), "=", mod)},
				then:  []clientv3.Op{clientv3.OpPut(r.key(), fmt.Sprintf("%t %d", to, count))},
			})
			if err != nil || out.applied {
				return err
			}
		}
	})
}

func (r *eventRef) look(ctx context.Context) (set bool, count uint64, rev int64, err error) {
	reads, rev, err := r.read(ctx, clientv3.OpGet(r.key()))
	if err != nil {
		return false, 0, 0, err
	}
	set, count = eventOf(first(reads[0]))
	return set, count, rev, nil
}

func (r *eventRef) IsSet(ctx context.Context) (bool, error) {
	set, _, _, err := r.look(ctx)
	return set, err
}

func (r *eventRef) Wait(w backend.Wait) error {
	l, err := r.b.begin(w)
	if err != nil {
		return err
	}
	defer l.stop()
	s, err := r.b.present(l.ask)
	if err != nil {
		return r.left(err, l)
	}
	set, count, rev, err := r.look(l.ask)
	switch {
	case err != nil:
		return r.left(err, l)
	case set:
		return nil
	case w.Try:
		return backend.ErrGaveUp
	}
	m := r.b.mirror(r.key())
	defer m.done()
	defer r.interest(s)()
	err = m.await(l.wait, s, rev, r.happened(count))
	switch {
	case err == nil:
		return nil
	case s.ended() != nil:
		return s.ended()
	}
	// An event that was set in time, and of which the watch has not told yet, was set.
	if w.Ctx == nil {
		if set, now, _, err := r.look(l.ask); err == nil && (set || now > count) {
			return nil
		}
	}
	return r.b.gaveUp()
}

func (r *eventRef) happened(count uint64) func(map[string]*mvccpb.KeyValue) bool {
	return func(state map[string]*mvccpb.KeyValue) bool {
		set, now := eventOf(state[r.key()])
		return set || now > count
	}
}

func (r *eventRef) Done() (<-chan struct{}, error) {
	if r.b.Closed() {
		return nil, backend.ErrClosed
	}
	set, count, rev, err := r.look(r.b.life)
	if err != nil {
		return nil, err
	}
	r.done.guard.Lock()
	defer r.done.guard.Unlock()
	if set {
		c := make(chan struct{})
		close(c)
		return c, nil
	}
	if r.done.c != nil {
		return r.done.c, nil
	}
	c := make(chan struct{})
	r.done.c = c
	r.b.goes(func() {
		m := r.b.mirror(r.key())
		defer m.done()
		if m.await(r.b.life, nil, rev, r.happened(count)) != nil {
			return
		}
		r.done.guard.Lock()
		defer r.done.guard.Unlock()
		r.done.c = nil
		close(c)
	})
	return c, nil
}
