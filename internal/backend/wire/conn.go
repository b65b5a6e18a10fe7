package wire

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
)

// A conn is a connection of the server. One goroutine reads it and does what does not wait; a call that has to wait gets
// a goroutine of its own.
type conn struct {
	server *server
	conn   *net.UnixConn
	label  string
	in     frames
	out    writer
	client *local.Client

	guard    sync.Mutex
	calls    map[uint32]*pending        // that wait
	holdings map[uint64]backend.Holding // that the client was granted, by token,
	claims   map[uint64]backend.Claim   // and the claims
	cursors  map[uint32]*cursor
	dones    map[<-chan struct{}]uint32 // of events, and the call that waits for them
	broken   chan struct{}              // closed at the end
}

// A pending is a call that waits. It is answered once.
type pending struct {
	cancel   context.CancelCauseFunc
	acted    chan bool // what became of the action, where one is run
	answered bool
}

// A request is what a frame asks.
type request struct {
	id   uint32
	op   byte
	wait backend.Wait // Ctx is not nil if the client may cancel
	decoder
}

// A reply is what is said to it.
type reply struct {
	body []byte
	err  error
	undo func() // if it cannot be said
}

var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// serve reads until the connection breaks or the client breaks the protocol.
func (c *conn) serve() error {
	for {
		frame, err := c.in.next()
		if err == nil {
			err = c.handle(frame)
		}
		if err != nil {
			if _, ok := err.(protocolError); ok {
				_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
				c.out.frame(putError([]byte{0, 0, 0, 0, noteGoodbye}, err), nil, false, nil)
			}
			return err
		}
		if !c.in.buffered() {
			c.out.flush()
			c.out.await() // who does not read what it is sent is not read either
		}
	}
}

// end ends the session and everything that goes on for it.
func (c *conn) end() {
	close(c.broken)
	c.out.stop(net.ErrClosed)
	_ = c.client.Close()
	c.guard.Lock()
	defer c.guard.Unlock()
	for _, p := range c.calls {
		p.cancel(backend.ErrClosed)
	}
	for _, cur := range c.cursors {
		cur.cancel()
	}
}

// noted tells the client that its session was ended by another, and forgets what that had been granted. It is called
// when the next session has begun.
func (c *conn) noted() {
	c.guard.Lock()
	defer c.guard.Unlock()
	number, id := c.client.Session()
	for token, h := range c.holdings {
		if local.Number(h) < number {
			delete(c.holdings, token)
		}
	}
	for token, claim := range c.claims {
		if local.Number(claim.Holding) < number {
			delete(c.claims, token)
		}
	}
	c.out.frame(putString(putUint([]byte{0, 0, 0, 0, noteSession}, number), id), nil, true, nil)
	go c.out.flush() // whoever ended the session does not wait for this client
}

// handle does what a frame asks.
func (c *conn) handle(frame []byte) error {
	r := request{decoder: decoder{b: frame}}
	r.id, r.op = r.u32(), r.byte()
	if r.id == 0 || r.bad {
		return protocolError{"a request that makes no sense"}
	}
	switch r.op {
	case opCancel:
		c.cancel(r.id)
		return nil
	case opActed:
		return c.acted(r.id, r.bool())
	}
	if err := r.form(); err != nil {
		return err
	}
	if int(r.op) >= len(handlers) || handlers[r.op] == nil {
		return protocolError{"a request for what this version does not know"}
	}
	return handlers[r.op](c, &r)
}

// form takes off how long a request may wait.
func (r *request) form() error {
	switch r.byte() {
	case formForever:
	case formTry:
		r.wait.Try = true
	case formAfter:
		if r.wait.After = time.Duration(r.uint()); r.wait.After <= 0 {
			return protocolError{"a request that waits for less than nothing"}
		}
	case formUntil:
		r.wait.Ctx = context.Background()
	case formEnded:
		r.wait.Ctx = canceled
	default:
		return protocolError{"a request of a form that this version does not know"}
	}
	return nil
}

// say answers a request.
func (c *conn) say(id uint32, r reply, later bool) {
	var head [5]byte
	binary.LittleEndian.PutUint32(head[:], id)
	switch {
	case r.err == nil:
		if len(r.body) > maxFrame-len(head) {
			if r.undo != nil {
				r.undo()
			}
			c.say(id, reply{err: backend.Errorf(backend.ErrTooLarge, "an answer of %d bytes: a frame holds %d", len(r.body), maxFrame)}, later)
			return
		}
	case r.err == backend.ErrGaveUp:
		head[4] = statusGaveUp
	default:
		head[4] = statusError
		r.body = putError(nil, r.err)
	}
	c.out.frame(head[:], r.body, later, r.undo)
}

// now answers a request for something that does not wait, if the request makes sense; the reader writes when it has
// nothing else to do.
func (c *conn) now(r *request, call func() ([]byte, error)) error {
	if err := r.end(); err != nil {
		return err
	}
	body, err := call()
	c.say(r.id, reply{body: body, err: err}, true)
	return nil
}

// do is now for a call without a result, number and bool for one whose result is that.
func (c *conn) do(r *request, call func() error) error {
	return c.now(r, func() ([]byte, error) { return nil, call() })
}

func (c *conn) number(r *request, call func() (int, error)) error {
	return c.now(r, func() ([]byte, error) {
		n, err := call()
		return putInt(nil, int64(n)), err
	})
}

func (c *conn) bool(r *request, call func() (bool, error)) error {
	return c.now(r, func() ([]byte, error) {
		is, err := call()
		return putBool(nil, is), err
	})
}

// wait makes a call that may wait: it tries, and if that is not enough goes on in a goroutine of its own.
func (c *conn) wait(r *request, call func(w backend.Wait) reply) error {
	if err := r.end(); err != nil {
		return err
	}
	if r.wait.Try || r.wait.Over() {
		c.say(r.id, call(r.wait), true)
		return nil
	}
	if first := call(backend.Wait{Try: true}); first.err != backend.ErrGaveUp {
		c.say(r.id, first, true)
		return nil
	}
	return c.fork(r, func(w backend.Wait, _ *pending) reply { return call(w) })
}

// fork makes a call in a goroutine of its own, which the client may cancel.
func (c *conn) fork(r *request, call func(w backend.Wait, p *pending) reply) error {
	if err := r.end(); err != nil {
		return err
	}
	p := &pending{cancel: func(error) {}}
	w := r.wait
	if w.Ctx != nil && !w.Over() {
		w.Ctx, p.cancel = context.WithCancelCause(context.Background())
	}
	c.guard.Lock()
	_, taken := c.calls[r.id]
	full := len(c.calls) >= mostCalls
	if !taken && !full {
		c.calls[r.id] = p
	}
	c.guard.Unlock()
	switch {
	case taken:
		p.cancel(nil)
		return protocolError{"two requests with one id"}
	case full:
		p.cancel(nil)
		c.say(r.id, reply{err: backend.Errorf(backend.ErrQuota, "%d calls of this process wait", mostCalls)}, true)
		return nil
	}
	id := r.id
	go func() {
		answer := reply{err: errExited} // if the call ends its goroutine
		defer func() {
			c.answer(id, p, answer)
			p.cancel(nil)
		}()
		answer = call(w, p)
	}()
	return nil
}

// answer answers a call that waited, unless it was answered before.
func (c *conn) answer(id uint32, p *pending, r reply) {
	c.guard.Lock()
	first := !p.answered
	p.answered = true
	if first {
		delete(c.calls, id)
	}
	c.guard.Unlock()
	if first {
		c.out.await()
		c.say(id, r, false)
	} else if r.undo != nil {
		r.undo()
	}
}

// cancel makes a call give up that waits. One that has been answered is none any more.
func (c *conn) cancel(id uint32) {
	c.guard.Lock()
	p := c.calls[id]
	c.guard.Unlock()
	if p != nil {
		p.cancel(backend.ErrGaveUp)
	}
}

// acted is what became of an action.
func (c *conn) acted(id uint32, returned bool) error {
	c.guard.Lock()
	p := c.calls[id]
	c.guard.Unlock()
	if p == nil {
		return nil // the session was ended meanwhile
	}
	select {
	case p.acted <- returned:
		return nil
	default:
		return protocolError{"the end of an action that nobody asked for"}
	}
}
