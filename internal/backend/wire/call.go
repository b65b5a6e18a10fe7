package wire

// How a call waits for its answer. There is no goroutine that reads for all: whoever waits reads, gives others their
// answers, and when its own has come lets the next of those who wait read on. So a call that is alone costs one wake-up,
// that of its own goroutine by the network, and no switch.
//
// A reader is not interrupted. A call that gives up tells the server so and goes on waiting for its answer, which says
// what became of it; a server that does not answer within patience has its connection closed, which ends every read.
//
// When nobody waits, nobody reads, and the end of the session would go unnoticed. So there is a sentinel: a goroutine
// that reads when nobody has for a tick. It does not tick while somebody reads for long, nor while it does itself: an
// idle program is not woken.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/park"
)

const (
	tick     = 5 * time.Millisecond
	patience = time.Second     // for the answer to a call that gave up,
	glances  = 10              // in so many parts
	tryTime  = 4 * time.Second // for which a TryX waits before it gives up
)

// A call is a request and its answer. It is used again.
type call struct {
	c    *Client
	op   byte
	wait backend.Wait
	ref  *ref   // whose object it is about, or nil
	out  []byte // the request

	begin uint64 // where in the stream the request is

	// Under the guard of c.
	id      uint32
	parked  *park.Waiter[*call] // if it waits on the list
	done    bool
	acting  bool   // the answer is that its action is to be run
	dropped bool   // nobody waits for it any more,
	then    func() // but this is to be done when the answer comes and is no error
	broken  bool   // the connection is
	overdue *time.Timer
	status  byte
	body    []byte
}

var (
	parked   park.Pool[*call]
	sleepers park.Pool[bool]
	calls    = sync.Pool{New: func() any { return new(call) }}
)

// newCall begins a request. The wait is also that of a call which does not wait, but whose context may end.
func (c *Client) newCall(op byte, r *ref, w backend.Wait) *call {
	x := calls.Get().(*call)
	x.c, x.op, x.ref, x.wait = c, op, r, w
	x.out = append(x.out[:0], 0, 0, 0, 0, op)
	switch {
	case w.Try:
		x.out = append(x.out, formTry)
	case w.After > 0:
		x.out = putUint(append(x.out, formAfter), uint64(w.After))
	case w.Ctx == nil || w.Ctx.Done() == nil:
		x.out = append(x.out, formForever)
	case backend.Ended(w.Ctx):
		x.out = append(x.out, formEnded)
	default:
		x.out = append(x.out, formUntil)
	}
	if r != nil {
		x.out = r.put(x.out)
	}
	return x
}

// free makes x one that can be used again. Its answer stays its caller's.
func (x *call) free() {
	out := x.out
	if cap(out) > 64<<10 {
		out = nil
	}
	*x = call{out: out}
	calls.Put(x)
}

// do makes the call and returns the body of its answer, or ErrGaveUp, or what the server said, or what the end of the
// connection means for it.
func (x *call) do() ([]byte, error) {
	if err := x.send(); err != nil {
		x.free()
		return nil, err
	}
	disarm := x.arm()
	x.await()
	disarm()
	return x.result()
}

// errNoAnswer is why a connection is closed whose server does not answer.
var errNoAnswer = fmt.Errorf("the server did not answer for %v after a call gave up", patience)

// send registers the call and sends the request.
func (x *call) send() error {
	c := x.c
	if size := len(x.out); size > maxFrame {
		return backend.Errorf(backend.ErrTooLarge, "a call of %d bytes: want at most %d", size, maxFrame)
	}
	c.guard.Lock()
	if c.broken != nil {
		defer c.guard.Unlock()
		return c.gone()
	}
	for c.last++; c.last == 0 || c.calls[c.last] != nil; c.last++ {
	}
	x.id = c.last
	c.calls[x.id] = x
	c.guard.Unlock()
	putID(x.out, x.id)
	x.begin = c.out.frame(x.out, nil, false, nil)
	return nil
}

// gone returns the error of a call for which there is no connection any more, under the guard.
func (c *Client) gone() error {
	if c.broken == errClosedHere {
		return backend.ErrClosed
	}
	return &backend.Error{Text: fmt.Sprintf("%v: %v", backend.ErrClosed, c.broken), Errs: []error{backend.ErrClosed, c.broken}}
}

// result returns the answer and frees the call.
func (x *call) result() (body []byte, err error) {
	c := x.c
	switch {
	case x.broken:
		c.guard.Lock()
		err = c.gone()
		gaveUp := x.wait.Try && c.broken == errNoAnswer
		c.guard.Unlock()
		if ctx := x.wait.Ctx; ctx != nil && backend.Ended(ctx) {
			cause := backend.Cause(ctx)
			err = &backend.Error{Text: fmt.Sprintf("%v: %v", err, cause), Errs: []error{err, cause}}
		}
		if fates[x.op] == nothing && gaveUp {
			err = backend.ErrGaveUp // nothing was got in time, nor will be
		} else if fates[x.op] == unknown && c.out.sent(x.begin) {
			err = &backend.Error{Text: fmt.Sprintf("%v: %v", backend.ErrUnknown, err), Errs: []error{backend.ErrUnknown, err}}
		}
	case x.status == statusGaveUp:
		err = backend.ErrGaveUp
	case x.status == statusError:
		d := decoder{b: x.body}
		err = d.error()
	default:
		body = x.body
	}
	if x.ref != nil && (err == nil || err == backend.ErrGaveUp) {
		x.ref.checked.Store(true)
	}
	x.free()
	return body, err
}

// ask makes a call that does not wait and has no result.
func (x *call) ask(ctx context.Context) error {
	body, err := x.get(ctx)
	if err != nil {
		return err
	}
	d := decoder{b: body}
	return d.end()
}

// get makes a call that does not wait.
func (x *call) get(ctx context.Context) ([]byte, error) {
	if backend.Ended(ctx) {
		err := backend.Cause(ctx)
		if x.c.Closed() {
			x.c.guard.Lock()
			err = x.c.gone()
			x.c.guard.Unlock()
		}
		x.free()
		return nil, err
	}
	body, err := x.do()
	if err == backend.ErrGaveUp {
		err = backend.Cause(ctx)
	}
	return body, err
}

// arm sees to it that the call gives up when its wait says so, until disarm.
func (x *call) arm() (disarm func()) {
	c, id := x.c, x.id
	switch w := x.wait; {
	case w.Try:
		t := time.AfterFunc(tryTime, func() { c.giveUp(id) })
		return func() { t.Stop() }
	case w.After > 0: // the server gives up
		t := time.AfterFunc(w.After, func() { c.expect(id) })
		return func() { t.Stop() }
	case w.Ctx != nil && w.Ctx.Done() != nil:
		stop := context.AfterFunc(backend.Sound(w.Ctx), func() { c.giveUp(id) })
		return func() { stop() }
	}
	return func() {}
}

// giveUp tells the server that a call gives up, and expects the answer soon.
func (c *Client) giveUp(id uint32) {
	c.guard.Lock()
	x := c.calls[id]
	if x == nil || x.overdue != nil {
		c.guard.Unlock()
		return
	}
	c.expectLocked(id, x, glances)
	c.guard.Unlock()
	var head [5]byte
	putID(head[:], id)
	head[4] = opCancel
	c.out.frame(head[:], nil, false, nil)
}

// expect closes the connection if there is no answer in time. It looks several times: when the process was paused, all
// time is over at once, while the answer lies there and nobody has had the time to read it.
func (c *Client) expect(id uint32) {
	c.guard.Lock()
	defer c.guard.Unlock()
	if x := c.calls[id]; x != nil && x.overdue == nil {
		c.expectLocked(id, x, glances)
	}
}

func (c *Client) expectLocked(id uint32, x *call, left int) {
	x.overdue = time.AfterFunc(patience/glances, func() {
		c.guard.Lock()
		pending := c.calls[id] == x
		if pending && left > 1 {
			c.expectLocked(id, x, left-1)
		}
		c.guard.Unlock()
		if pending && left <= 1 {
			c.fail(errNoAnswer)
		}
	})
}

// await waits for the answer.
func (x *call) await() {
	c := x.c
	c.guard.Lock()
	for !x.done {
		if !c.reading {
			c.takeTurn()
		} else {
			p := parked.Get(park.Forever)
			p.Value = x
			x.parked = p
			c.waiting.PushBack(p)
			verdict := p.Sleep(&c.guard)
			parked.Put(p)
			c.guard.Lock()
			if verdict != park.Retry {
				continue
			}
		}
		c.guard.Unlock()
		c.read(func() bool { return x.done })
		c.guard.Lock()
		c.passTurn()
	}
	c.guard.Unlock()
}

func (c *Client) takeTurn() {
	c.reading = true
	c.turns++
}

// passTurn lets the next read, under the guard, or else sees to it that the sentinel is awake.
func (c *Client) passTurn() {
	if p := c.waiting.Front(); p != nil {
		c.waiting.Remove(p)
		p.Value.parked = nil
		c.turns++
		p.Wake(park.Retry)
		return
	}
	c.reading = false
	if p := c.sleeper.Front(); p != nil {
		c.sleeper.Remove(p)
		p.Wake(park.Granted)
	}
}

// read reads until enough, which is asked under the guard, and whatever has arrived by then.
func (c *Client) read(enough func() bool) {
	for {
		frame, err := c.in.next()
		if err == nil {
			err = c.dispatch(frame)
		}
		if err != nil {
			if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the server is gone")
			}
			c.fail(err)
			return
		}
		c.guard.Lock()
		stop := enough() && !c.in.buffered()
		c.guard.Unlock()
		if stop {
			return
		}
	}
}

// dispatch gives a frame to whom it is for.
func (c *Client) dispatch(frame []byte) error {
	d := decoder{b: frame}
	id := d.u32()
	if id == 0 {
		return c.noted(&d)
	}
	status := d.byte()
	if d.bad || status > statusAct {
		return protocolError{"the server sent a frame that makes no sense"}
	}
	var served park.Chain[*call]
	c.guard.Lock()
	x := c.calls[id]
	if x == nil {
		c.guard.Unlock()
		return protocolError{"the server answered what nobody had asked"}
	}
	if x.acting = status == statusAct; !x.acting {
		delete(c.calls, id)
		if x.overdue != nil {
			x.overdue.Stop()
		}
	}
	x.status = status
	if rest := d.rest(); len(rest) > 0 {
		x.body = append([]byte(nil), rest...)
	}
	if x.dropped {
		c.guard.Unlock()
		if x.then != nil && status == statusOK {
			x.then()
		}
		return nil
	}
	x.finish(&served)
	c.guard.Unlock()
	served.Wake(park.Granted)
	return nil
}

// drop makes x one that nobody waits for any more.
func (x *call) drop() {
	x.c.guard.Lock()
	defer x.c.guard.Unlock()
	x.dropped = true
}

// finish makes the call one that is done, under the guard, and takes it off the list if it waits there.
func (x *call) finish(served *park.Chain[*call]) {
	x.done = true
	if p := x.parked; p != nil {
		x.parked = nil
		x.c.waiting.Remove(p)
		served.Add(p)
	}
}

// noted is a frame that no call asked for.
func (c *Client) noted(d *decoder) error {
	switch d.byte() {
	case noteSession:
		next := newSession(d.uint(), d.string())
		if err := d.end(); err != nil {
			return err
		}
		c.guard.Lock()
		before := c.state
		c.state = next
		for token, h := range before.holdings { // granted under the new one already
			if h.number >= next.number {
				next.holdings[token] = h
			}
		}
		lost := before.losing(next.number)
		c.guard.Unlock()
		lost()
		return nil
	case noteGoodbye:
		return d.error()
	}
	return protocolError{"the server sent a frame that makes no sense"}
}

// sentinel reads while nobody else does, until the connection is closed.
func (c *Client) sentinel() {
	defer c.done.Open()
	p := sleepers.Get(park.Forever)
	defer sleepers.Put(p)
	turns := uint64(0)
	for {
		time.Sleep(tick)
		c.guard.Lock()
		idle := turns == c.turns
		turns = c.turns
		switch {
		case c.broken != nil:
			c.guard.Unlock()
			return
		case !idle: // the calls see to themselves
			c.guard.Unlock()
		case c.reading:
			c.sleeper.PushBack(p)
			p.Sleep(&c.guard)
		default:
			c.takeTurn()
			turns = c.turns
			c.guard.Unlock()
			c.read(func() bool { return true })
			c.guard.Lock()
			c.passTurn()
			c.guard.Unlock()
		}
	}
}

// enter registers what the session of that number was granted. What an older one was granted is lost.
func (c *Client) enter(token, number uint64) *holding {
	h := &holding{token: token, number: number}
	c.guard.Lock()
	lost := number < c.state.number || c.broken != nil
	if !lost {
		c.state.holdings[token] = h
	}
	c.guard.Unlock()
	if lost {
		h.lost.Open()
	}
	return h
}

// leave undoes enter: h is about to be given back.
func (c *Client) leave(h *holding) {
	c.guard.Lock()
	defer c.guard.Unlock()
	delete(c.state.holdings, h.token)
}

func putID(frame []byte, id uint32) {
	frame[0], frame[1], frame[2], frame[3] = byte(id), byte(id>>8), byte(id>>16), byte(id>>24)
}
