package wire

import (
	"context"
	"iter"
	"sync"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/queue"
)

// A cursor is a sequence that a client reads in batches. A goroutine runs it ahead, as far as the queue has room, so that
// a batch is what has come by now: at least one record, if it takes a while, as from a watch.
type cursor struct {
	cancel  context.CancelFunc
	records *queue.Queue[record]

	turn sync.Mutex
	kept []record // taken from the queue, and did not fit into the last batch
	err  error    // what ends it, when the client has been told of all before
}

type record struct {
	body []byte
	err  error
}

const (
	recordsAhead = 256
	batchSize    = 256 << 10
)

// open opens a cursor on what seq yields, and answers with the first batch.
func open[T any](c *conn, r *request, seq func(context.Context) iter.Seq2[T, error], encode func([]byte, T) []byte) error {
	if err := r.end(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cur := &cursor{cancel: cancel, records: queue.New[record](recordsAhead)}
	id := r.id
	c.guard.Lock()
	full, taken := len(c.cursors) >= mostCursors, c.cursors[id] != nil
	if !full && !taken {
		c.cursors[id] = cur
	}
	c.guard.Unlock()
	switch {
	case taken:
		cancel()
		return protocolError{"two requests with one id"}
	case full:
		cancel()
		c.say(id, reply{err: backend.Errorf(backend.ErrQuota, "%d sequences of this process are open", mostCursors)}, true)
		return nil
	}
	go func() {
		defer cur.records.Shutdown()
		for v, err := range seq(ctx) {
			rec := record{err: err}
			if err == nil {
				rec.body = encode(nil, v)
			}
			if cur.records.PutContext(ctx, rec) != nil || err != nil {
				return
			}
		}
	}()
	return c.batch(r, id, cur)
}

// batch answers a request with the next batch, when there is one.
func (c *conn) batch(r *request, id uint32, cur *cursor) error {
	return c.fork(r, func(w backend.Wait, _ *pending) reply {
		ctx := w.Ctx
		if ctx == nil {
			ctx = context.Background()
		}
		body, more, err := cur.next(ctx)
		if !more && err != backend.ErrGaveUp {
			c.closeCursor(id)
		}
		return reply{body: body, err: err}
	})
}

// next returns the next batch, and whether others may follow.
func (cur *cursor) next(ctx context.Context) (body []byte, more bool, err error) {
	cur.turn.Lock()
	defer cur.turn.Unlock()
	body = []byte{1}
	add := func(rec record) (full bool) {
		if cur.err = rec.err; cur.err == nil {
			body = putBytes(body, rec.body)
		}
		return cur.err != nil || len(body) >= batchSize
	}
	for len(cur.kept) > 0 {
		rec := cur.kept[0]
		cur.kept = cur.kept[1:]
		if add(rec) {
			return cur.batch(body)
		}
	}
	rec, err := cur.records.GetContext(ctx)
	switch {
	case backend.Ended(ctx) && err != nil:
		return nil, true, backend.ErrGaveUp
	case err != nil: // shut down
		return []byte{0}, false, nil
	}
	for full := add(rec); !full; full = add(rec) {
		if rec, err = cur.records.TryGet(); err != nil {
			break
		}
		if len(body)+len(rec.body) > batchSize && len(body) > 1 {
			cur.kept = append(cur.kept, rec)
			break
		}
	}
	return cur.batch(body)
}

// batch ends a batch: an error that came after records waits for the next.
func (cur *cursor) batch(body []byte) ([]byte, bool, error) {
	if cur.err == nil || len(body) > 1 {
		if cur.err != nil {
			cur.kept = []record{{err: cur.err}}
		}
		return body, true, nil
	}
	return nil, false, cur.err
}

// more answers opNext.
func (c *conn) more(r *request) error {
	id := uint32(r.uint())
	c.guard.Lock()
	cur := c.cursors[id]
	c.guard.Unlock()
	if cur == nil {
		return c.do(r, func() error { return backend.Errorf(backend.ErrNotFound, "the rest of a sequence") })
	}
	return c.batch(r, id, cur)
}

// close is opClose, which has no answer.
func (c *conn) close(r *request) error {
	c.closeCursor(uint32(r.uint()))
	return r.end()
}

func (c *conn) closeCursor(id uint32) {
	c.guard.Lock()
	cur := c.cursors[id]
	delete(c.cursors, id)
	c.guard.Unlock()
	if cur != nil {
		cur.cancel()
	}
}
