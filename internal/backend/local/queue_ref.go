package local

import (
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

type queueRef struct{ ref }

func (c *Client) Queue(spec backend.Spec) backend.Queue { return &queueRef{ref{client: c, spec: spec}} }

// entered is enter, for a handle that may have something to say about deliveries.
func (r *queueRef) entered(o object, err error) (*queueObject, error) {
	if err != nil {
		return nil, err
	}
	q := o.(*queueObject)
	if most := r.spec.MaxDeliveries; most > 0 {
		q.guard.Lock()
		q.most = most
		q.guard.Unlock()
	}
	return q, nil
}

func (r *queueRef) waiting() (*session, *queueObject, error) {
	s, o, err := r.enter()
	q, err := r.entered(o, err)
	return s, q, err
}

func (r *queueRef) asking(ctx context.Context) (*session, *queueObject, error) {
	s, o, err := r.enterFor(ctx)
	q, err := r.entered(o, err)
	return s, q, err
}

func (r *queueRef) Put(limit backend.Wait, i backend.Item) error {
	if err := r.client.store.fits(r.spec, len(i.Payload)+len(i.Key)); err != nil {
		return err
	}
	s, q, err := r.waiting()
	if err != nil {
		return err
	}
	defer q.leave()
	return q.put(s, limit, &item{Item: i})
}

func (r *queueRef) Get(limit backend.Wait) ([]byte, error) {
	payload, _, err := r.Take(limit)
	return payload, err
}

// Take is Get for somebody who hands the item on: undo puts it back to the head, if it cannot be.
func (r *queueRef) Take(limit backend.Wait) (payload []byte, undo func(), err error) {
	s, q, err := r.waiting()
	if err != nil {
		return nil, nil, err
	}
	defer q.leave()
	i, err := q.get(s, limit)
	if err != nil {
		return nil, nil, err
	}
	if s.over.Load() {
		q.giveBack(i)
		_, err := r.client.present()
		if err == nil {
			err = backend.ErrLost
		}
		return nil, nil, err
	}
	q.guard.Lock()
	q.unlock(1)
	return i.Payload, func() {
		q.guard.Lock()
		q.unfinished++
		q.guard.Unlock()
		q.giveBack(i)
	}, nil
}

func (r *queueRef) Claim(limit backend.Wait) (backend.Claim, error) {
	s, q, err := r.waiting()
	if err != nil {
		return backend.Claim{}, err
	}
	defer q.leave()
	i, err := q.get(s, limit)
	if err != nil {
		return backend.Claim{}, err
	}
	return q.claim(s, i)
}

func (r *queueRef) Settle(ctx context.Context, c backend.Claim, how backend.Settlement, after time.Duration) error {
	_, q, err := r.asking(ctx)
	if err != nil {
		return err
	}
	defer q.leave()
	if c.Holding == nil {
		return q.settleDead(c.Dead, how, after)
	}
	h := c.Holding.(*holding)
	return h.of.(*queueObject).settle(h, how, after)
}

func (r *queueRef) Peek(ctx context.Context) (payload []byte, ok bool, err error) {
	_, q, err := r.asking(ctx)
	if err != nil {
		return nil, false, err
	}
	defer q.leave()
	if i, ok := q.peek(); ok {
		return i.Payload, true, nil
	}
	return nil, false, nil
}

func (r *queueRef) Drain(ctx context.Context) (claims []backend.Claim, err error) {
	s, q, err := r.asking(ctx)
	if err != nil {
		return nil, err
	}
	defer q.leave()
	for _, i := range q.drain() {
		c := backend.Claim{Payload: i.Payload}
		if r.spec.Joinable {
			if c, err = q.claim(s, i); err != nil {
				continue // the session has ended: those that were claimed have gone back, and so will the rest
			}
		}
		claims = append(claims, c)
	}
	if err != nil {
		return nil, err
	}
	return claims, nil
}

func (r *queueRef) State(ctx context.Context) (backend.QueueState, error) {
	_, q, err := r.asking(ctx)
	if err != nil {
		return backend.QueueState{}, err
	}
	defer q.leave()
	q.guard.Lock()
	defer q.guard.Unlock()
	return backend.QueueState{Len: q.inside, Cap: max(q.maxsize, 0), Unfinished: q.unfinished, Shut: q.shut}, nil
}

func (r *queueRef) Shutdown(ctx context.Context, now bool) error {
	_, q, err := r.asking(ctx)
	if err != nil {
		return err
	}
	defer q.leave()
	q.shutdown(now)
	return nil
}

func (r *queueRef) Resize(ctx context.Context, maxsize int) error {
	o, err := r.enterToResize(ctx, maxsize)
	if err != nil {
		return err
	}
	q := o.(*queueObject)
	defer q.leave()
	q.store.guard.Lock()
	q.n = maxsize
	q.store.guard.Unlock()
	q.guard.Lock()
	q.maxsize = maxsize
	q.unlock(0)
	return nil
}

func (r *queueRef) Join(limit backend.Wait) error {
	s, q, err := r.waiting()
	if err != nil {
		return err
	}
	defer q.leave()
	return q.join(s, limit)
}

func (r *queueRef) Dead(ctx context.Context) iter.Seq2[backend.Claim, error] {
	return func(yield func(backend.Claim, error) bool) {
		_, q, err := r.asking(ctx)
		if err != nil {
			yield(backend.Claim{}, err)
			return
		}
		q.guard.Lock()
		dead := make([]backend.Claim, len(q.dead))
		for n, i := range q.dead {
			dead[n] = backend.Claim{Payload: i.Payload, Attempt: i.attempt, Dead: i.dead}
		}
		q.guard.Unlock()
		q.leave()
		for _, c := range dead {
			if backend.Ended(ctx) {
				yield(backend.Claim{}, backend.Cause(ctx))
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}
