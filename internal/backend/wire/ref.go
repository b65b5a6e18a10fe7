package wire

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/gothreading/threading/internal/backend"
)

// A ref is a handle of an object of the server.
type ref struct {
	c       *Client
	spec    backend.Spec
	wire    []byte      // the spec as it travels
	checked atomic.Bool // the server has compared the parameters
}

func (c *Client) ref(spec backend.Spec) *ref {
	return &ref{c: c, spec: spec, wire: putSpec(nil, spec, false)}
}

// put appends the spec to a request.
func (r *ref) put(b []byte) []byte {
	at := len(b) + 1 // of the flags
	b = append(b, r.wire...)
	if r.checked.Load() {
		b[at] |= flagChecked
	}
	return b
}

func (r *ref) call(op byte, w backend.Wait) *call { return r.c.newCall(op, r, w) }

func (r *ref) now(op byte, ctx context.Context) *call { return r.call(op, backend.Wait{Ctx: ctx}) }

// granted decodes the answer to a call that grants something.
func (r *ref) granted(body []byte, err error) (backend.Holding, error) {
	if err != nil {
		return nil, err
	}
	d := decoder{b: body}
	h := d.grant(r.c)
	if err := d.end(); err != nil {
		return nil, err
	}
	return h, nil
}

// grant decodes a token with the number of its session. Token 0 is nothing.
func (d *decoder) grant(c *Client) backend.Holding {
	token, number := d.uint(), d.uint()
	if token == 0 {
		return nil
	}
	return c.enter(token, number)
}

type lockRef struct{ *ref }

func (c *Client) Lock(spec backend.Spec) backend.Lock { return lockRef{c.ref(spec)} }
func (c *Client) Once(spec backend.Spec) backend.Once { return lockRef{c.ref(spec)} }

func (r lockRef) Acquire(w backend.Wait, value []byte) (backend.Holding, error) {
	x := r.call(opAcquire, w)
	x.out = putBytes(x.out, value)
	return r.granted(x.do())
}

func (r lockRef) Release(ctx context.Context, h backend.Holding, pass bool) (backend.Holding, error) {
	r.c.leave(h.(*holding))
	x := r.now(opRelease, ctx)
	x.out = putBool(putUint(x.out, h.Token()), pass)
	return r.granted(x.do())
}

func (r lockRef) Done(ctx context.Context, h backend.Holding) error {
	r.c.leave(h.(*holding))
	x := r.now(opOnceDone, ctx)
	x.out = putUint(x.out, h.Token())
	_, err := x.do()
	return err
}

func (r lockRef) Locked(ctx context.Context) (bool, error) { return r.bool(ctx, opLocked) }

// bool makes a call that asks whether something is so.
func (r *ref) bool(ctx context.Context, op byte) (bool, error) {
	body, err := r.now(op, ctx).get(ctx)
	if err != nil {
		return false, err
	}
	d := decoder{b: body}
	is := d.bool()
	return is, d.end()
}

func (r lockRef) Holder(ctx context.Context) (value []byte, token uint64, err error) {
	body, err := r.now(opHolder, ctx).get(ctx)
	if err != nil {
		return nil, 0, err
	}
	d := decoder{b: body}
	token, value = d.uint(), d.bytes()
	return value, token, d.end()
}

func (r lockRef) Watch(ctx context.Context) iter.Seq2[[]byte, error] {
	return records(ctx, func() *call { return r.now(opLeaders, ctx) }, (*decoder).rest)
}

type semaphoreRef struct{ *ref }

func (c *Client) Semaphore(spec backend.Spec) backend.Semaphore { return semaphoreRef{c.ref(spec)} }

func (r semaphoreRef) Acquire(w backend.Wait, n int) (backend.Holding, error) {
	x := r.call(opPermits, w)
	x.out = putInt(x.out, int64(n))
	body, err := x.do()
	if err != nil {
		return nil, err
	}
	d := decoder{b: body}
	number := d.uint()
	return r.c.permits(number), d.end()
}

// permits are a Holding of the session of that number.
func (c *Client) permits(number uint64) backend.Holding {
	c.guard.Lock()
	defer c.guard.Unlock()
	if number >= c.state.number && c.broken == nil {
		return permits{c.state}
	}
	lost := newSession(number, "")
	lost.lost.Open()
	return permits{lost}
}

type permits struct{ session }

func (permits) Token() uint64           { return 0 }
func (p permits) Lost() <-chan struct{} { return p.lost.Done() }

func (r semaphoreRef) Release(ctx context.Context, n int) error {
	x := r.now(opGiveBack, ctx)
	x.out = putInt(x.out, int64(n))
	return x.ask(ctx)
}

func (r semaphoreRef) Resize(ctx context.Context, n int) error {
	x := r.now(opResizePermits, ctx)
	x.out = putInt(x.out, int64(n))
	return x.ask(ctx)
}

func (r semaphoreRef) Value(ctx context.Context) (int, error) {
	body, err := r.now(opPermitsLeft, ctx).get(ctx)
	if err != nil {
		return 0, err
	}
	d := decoder{b: body}
	n := d.int()
	return n, d.end()
}

type conditionRef struct{ *ref }

func (c *Client) Condition(spec backend.Spec) backend.Condition { return conditionRef{c.ref(spec)} }

func (r conditionRef) Wait(w backend.Wait, h backend.Holding, look bool) (again backend.Holding, notified bool, err error) {
	r.c.leave(h.(*holding))
	x := r.call(opWait, w)
	x.out = putBool(putUint(x.out, h.Token()), look)
	body, err := x.do()
	if err != nil {
		return nil, false, err
	}
	d := decoder{b: body}
	notified = d.bool()
	again, err = r.granted(d.rest(), nil)
	return again, notified, err
}

func (r conditionRef) Notify(ctx context.Context, h backend.Holding, n int) (int, error) {
	x := r.now(opNotify, ctx)
	x.out = putInt(putUint(x.out, h.Token()), int64(n))
	body, err := x.get(ctx)
	if err != nil {
		return 0, err
	}
	d := decoder{b: body}
	n = d.int()
	return n, d.end()
}

type barrierRef struct{ *ref }

func (c *Client) Barrier(spec backend.Spec) backend.Barrier { return barrierRef{c.ref(spec)} }

func (r barrierRef) Wait(w backend.Wait, action func()) (index int, err error) {
	x := r.call(opMeet, w)
	x.out = putBool(x.out, action != nil)
	if err := x.send(); err != nil {
		x.free()
		return -1, err
	}
	disarm := x.arm()
	x.await()
	disarm() // once the server has answered, all have arrived, or it is over
	if x.act(action) {
		x.await()
	}
	body, err := x.result()
	if err != nil {
		return -1, err
	}
	d := decoder{b: body}
	index = d.int()
	return index, d.end()
}

// act runs the action if that is what the answer asks for, and tells the server how it went.
func (x *call) act(action func()) (acted bool) {
	c := x.c
	c.guard.Lock()
	acting := x.acting && !x.broken
	if acting {
		x.acting, x.done = false, false
	}
	c.guard.Unlock()
	if !acting {
		return false
	}
	returned := false
	defer func() {
		if !returned {
			x.drop() // its answer comes when nobody is here
		}
		var head [6]byte
		putID(head[:], x.id)
		head[4] = opActed
		if returned {
			head[5] = 1
		}
		c.out.frame(head[:], nil, false, nil)
	}()
	action()
	returned = true
	return true
}

func (r barrierRef) Reset(ctx context.Context) error { return r.now(opReset, ctx).ask(ctx) }
func (r barrierRef) Abort(ctx context.Context) error { return r.now(opAbort, ctx).ask(ctx) }

func (r barrierRef) State(ctx context.Context) (waiting int, broken bool, err error) {
	body, err := r.now(opMeeting, ctx).get(ctx)
	if err != nil {
		return 0, false, err
	}
	d := decoder{b: body}
	waiting, broken = d.int(), d.bool()
	return waiting, broken, d.end()
}

type eventRef struct{ *ref }

func (c *Client) Event(spec backend.Spec) backend.Event { return eventRef{c.ref(spec)} }

func (r eventRef) Set(ctx context.Context) error   { return r.now(opSet, ctx).ask(ctx) }
func (r eventRef) Clear(ctx context.Context) error { return r.now(opClear, ctx).ask(ctx) }

func (r eventRef) IsSet(ctx context.Context) (bool, error) { return r.bool(ctx, opIsSet) }

func (r eventRef) Wait(w backend.Wait) error {
	_, err := r.call(opAwait, w).do()
	return err
}

// Done leaves a call behind whose answer closes the channel, unless the server says that one is there. If there is
// anything to wait for, it answers first that it waits.
func (r eventRef) Done() (<-chan struct{}, error) {
	c := r.c
	x := r.call(opDone, backend.Wait{})
	if err := x.send(); err != nil {
		x.free()
		return nil, err
	}
	id := uint64(x.id)
	x.await()
	done := make(chan struct{})
	c.guard.Lock()
	waits := x.acting && !x.broken
	if waits {
		x.acting, x.done, x.dropped = false, false, true
		c.dones[id] = done
		x.then = func() {
			c.guard.Lock()
			delete(c.dones, id)
			c.guard.Unlock()
			close(done)
		}
	}
	c.guard.Unlock()
	if waits {
		return done, nil
	}
	body, err := x.result()
	if err != nil {
		return nil, err
	}
	d := decoder{b: body}
	if id = d.uint(); id != 0 {
		c.guard.Lock()
		waiting, waits := c.dones[id]
		c.guard.Unlock()
		if waits {
			return waiting, d.end()
		}
	}
	close(done) // it is set, or has been by now
	return done, d.end()
}
