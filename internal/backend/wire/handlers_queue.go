package wire

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
)

func queueOf(c *conn, r *request) backend.Queue {
	return handle(c, r, (*local.Client).Queue, backend.KindQueue)
}

func addQueueHandlers() {
	handlers[opEnqueue] = func(c *conn, r *request) error {
		q, i := queueOf(c, r), r.item()
		i.Payload = bytes.Clone(i.Payload)
		return c.wait(r, func(w backend.Wait) reply { return reply{err: q.Put(w, i)} })
	}
	handlers[opDequeue] = (*conn).dequeue
	handlers[opClaim] = func(c *conn, r *request) error {
		q := queueOf(c, r)
		return c.wait(r, func(w backend.Wait) reply {
			claim, err := q.Claim(w)
			if err != nil {
				return reply{err: err}
			}
			c.keepClaim(claim)
			return reply{body: putClaim(nil, claim, c.grant)}
		})
	}
	handlers[opSettle] = (*conn).settle
	handlers[opSettleDead] = func(c *conn, r *request) error {
		q := queueOf(c, r)
		token, how, after := r.settlement()
		return c.do(r, func() error { return q.Settle(at, backend.Claim{Dead: token}, how, after) })
	}
	handlers[opPeek] = func(c *conn, r *request) error {
		q := queueOf(c, r)
		return c.now(r, func() ([]byte, error) {
			payload, ok, err := q.Peek(at)
			return append(putBool(nil, ok), payload...), err
		})
	}
	handlers[opDrain] = (*conn).drain
	handlers[opQueueState] = func(c *conn, r *request) error {
		q := queueOf(c, r)
		return c.now(r, func() ([]byte, error) {
			s, err := q.State(at)
			body := putInt(putInt(putInt(nil, int64(s.Len)), int64(s.Cap)), int64(s.Unfinished))
			return putBool(body, s.Shut), err
		})
	}
	handlers[opShutdown] = func(c *conn, r *request) error {
		q, now := queueOf(c, r), r.bool()
		return c.do(r, func() error { return q.Shutdown(at, now) })
	}
	handlers[opResizeQueue] = func(c *conn, r *request) error {
		q, n := queueOf(c, r), r.int()
		return c.do(r, func() error { return q.Resize(at, n) })
	}
	handlers[opJoin] = func(c *conn, r *request) error {
		q := queueOf(c, r)
		return c.wait(r, func(w backend.Wait) reply { return reply{err: q.Join(w)} })
	}
	handlers[opDead] = func(c *conn, r *request) error {
		return open(c, r, queueOf(c, r).Dead, c.putClaim)
	}
}

func (c *conn) putClaim(b []byte, claim backend.Claim) []byte { return putClaim(b, claim, c.grant) }

// A taker is a queue whose Get can be undone: what cannot be sent to a client that is dead goes back to the head.
type taker interface {
	Take(w backend.Wait) (payload []byte, undo func(), err error)
}

func (c *conn) dequeue(r *request) error {
	q := queueOf(c, r).(taker)
	return c.wait(r, func(w backend.Wait) reply {
		payload, undo, err := q.Take(w)
		return reply{body: payload, err: err, undo: undo}
	})
}

func (c *conn) keepClaim(claim backend.Claim) {
	c.guard.Lock()
	defer c.guard.Unlock()
	if number, _ := c.client.Session(); local.Number(claim.Holding) >= number {
		c.claims[claim.Holding.Token()] = claim
	}
}

// settlement takes off how a claim is settled.
func (r *request) settlement() (token uint64, how backend.Settlement, after time.Duration) {
	token, how, after = r.uint(), backend.Settlement(r.byte()), time.Duration(r.int64())
	if how > backend.Bury {
		r.fail()
	}
	return token, how, after
}

func (c *conn) settle(r *request) error {
	q := queueOf(c, r)
	token, how, after := r.settlement()
	return c.do(r, func() error {
		c.guard.Lock()
		claim, ok := c.claims[token]
		delete(c.claims, token)
		c.guard.Unlock()
		if !ok {
			return backend.ErrLost
		}
		return q.Settle(at, claim, how, after)
	})
}

// drain takes everything in one step, and hands it out in batches.
func (c *conn) drain(r *request) error {
	q := queueOf(c, r)
	return open(c, r, func(context.Context) iter.Seq2[backend.Claim, error] {
		return func(yield func(backend.Claim, error) bool) {
			claims, err := q.Drain(at)
			if err != nil {
				yield(backend.Claim{}, err)
				return
			}
			for _, claim := range claims {
				if claim.Holding != nil {
					c.keepClaim(claim)
				}
			}
			for _, claim := range claims {
				if !yield(claim, nil) {
					return
				}
			}
		}
	}, c.putClaim)
}
