package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
	"github.com/gothreading/threading/internal/sentinel"
	"github.com/gothreading/threading/thread"
)

var errExited = errors.New("manager: the call ended its goroutine")

// at is for calls that do not wait.
var at = context.Background()

// handlers do what the operations ask. What they keep of a request they copy: its bytes are those of the reader.
var handlers [ops]func(*conn, *request) error

func init() {
	handlers = [ops]func(*conn, *request) error{
		opNext:    (*conn).more,
		opClose:   (*conn).close,
		opBye:     (*conn).bye,
		opObjects: func(c *conn, r *request) error { return open(c, r, c.client.Objects, putInfo) },
		opEnd: func(c *conn, r *request) error {
			id := r.string()
			return c.do(r, func() error { return c.client.End(at, id) })
		},
		opDelete: func(c *conn, r *request) error {
			kind, name := r.kind(), r.string()
			return c.do(r, func() error { return c.client.Delete(at, kind, name) })
		},

		opAcquire: (*conn).acquire,
		opRelease: (*conn).release,
		opLocked: func(c *conn, r *request) error {
			l := lockOf(c, r)
			return c.bool(r, func() (bool, error) { return l.Locked(at) })
		},
		opHolder: func(c *conn, r *request) error {
			l := lockOf(c, r)
			return c.now(r, func() ([]byte, error) {
				value, token, err := l.Holder(at)
				return putBytes(putUint(nil, token), value), err
			})
		},
		opLeaders: func(c *conn, r *request) error {
			return open(c, r, lockOf(c, r).Watch, func(b, value []byte) []byte { return append(b, value...) })
		},
		opOnceDone: (*conn).onceDone,

		opPermits: (*conn).permits,
		opGiveBack: func(c *conn, r *request) error {
			s, n := semaphoreOf(c, r), r.int()
			return c.do(r, func() error { return s.Release(at, n) })
		},
		opResizePermits: func(c *conn, r *request) error {
			s, n := semaphoreOf(c, r), r.int()
			return c.do(r, func() error { return s.Resize(at, n) })
		},
		opPermitsLeft: func(c *conn, r *request) error {
			s := semaphoreOf(c, r)
			return c.number(r, func() (int, error) { return s.Value(at) })
		},

		opSet: func(c *conn, r *request) error {
			e := eventOf(c, r)
			return c.do(r, func() error { return e.Set(at) })
		},
		opClear: func(c *conn, r *request) error {
			e := eventOf(c, r)
			return c.do(r, func() error { return e.Clear(at) })
		},
		opIsSet: func(c *conn, r *request) error {
			e := eventOf(c, r)
			return c.bool(r, func() (bool, error) { return e.IsSet(at) })
		},
		opAwait: func(c *conn, r *request) error {
			e := eventOf(c, r)
			return c.wait(r, func(w backend.Wait) reply { return reply{err: e.Wait(w)} })
		},
		opDone: (*conn).done,

		opWait:   (*conn).awaitCondition,
		opNotify: (*conn).notify,

		opMeet: (*conn).meet,
		opReset: func(c *conn, r *request) error {
			b := barrierOf(c, r)
			return c.do(r, func() error { return b.Reset(at) })
		},
		opAbort: func(c *conn, r *request) error {
			b := barrierOf(c, r)
			return c.do(r, func() error { return b.Abort(at) })
		},
		opMeeting: func(c *conn, r *request) error {
			b := barrierOf(c, r)
			return c.now(r, func() ([]byte, error) {
				waiting, broken, err := b.State(at)
				return putBool(putInt(nil, int64(waiting)), broken), err
			})
		},
	}
	addDataHandlers()
	addQueueHandlers()
}

// handle takes off the spec of an object of one of these kinds, and makes a handle of it, which does nothing yet.
func handle[O any](c *conn, r *request, open func(*local.Client, backend.Spec) O, kinds ...backend.Kind) O {
	spec, checked := r.spec()
	fits := false
	for _, k := range kinds {
		fits = fits || k == spec.Kind
	}
	if !fits {
		r.fail()
		spec.Kind = kinds[0]
	}
	o := open(c.client, spec)
	if checked {
		local.Checked(o)
	}
	return o
}

func lockOf(c *conn, r *request) backend.Lock {
	return handle(c, r, func(c *local.Client, s backend.Spec) backend.Lock {
		if s.Kind == backend.KindOnce {
			return c.Once(s)
		}
		return c.Lock(s)
	}, backend.KindLock, backend.KindRLock, backend.KindElection, backend.KindOnce)
}

func semaphoreOf(c *conn, r *request) backend.Semaphore {
	return handle(c, r, (*local.Client).Semaphore, backend.KindSemaphore, backend.KindBoundedSemaphore)
}

func eventOf(c *conn, r *request) backend.Event {
	return handle(c, r, (*local.Client).Event, backend.KindEvent)
}

func conditionOf(c *conn, r *request) backend.Condition {
	return handle(c, r, (*local.Client).Condition, backend.KindCondition)
}

func barrierOf(c *conn, r *request) backend.Barrier {
	return handle(c, r, (*local.Client).Barrier, backend.KindBarrier)
}

// bye ends the session before it is answered.
func (c *conn) bye(r *request) error {
	return c.do(r, c.client.Close)
}

// keep remembers what the client was granted. What it was granted under a session that has ended is lost.
func (c *conn) keep(h backend.Holding) {
	c.guard.Lock()
	defer c.guard.Unlock()
	if number, _ := c.client.Session(); local.Number(h) >= number {
		c.holdings[h.Token()] = h
	}
}

// take forgets it, and returns it if it was there.
func (c *conn) take(token uint64) backend.Holding {
	c.guard.Lock()
	defer c.guard.Unlock()
	h := c.holdings[token]
	delete(c.holdings, token)
	return h
}

// grant tells what the client was granted; nothing is token 0.
func (c *conn) grant(b []byte, h backend.Holding) []byte {
	if h == nil {
		return putUint(putUint(b, 0), 0)
	}
	return putUint(putUint(b, h.Token()), local.Number(h))
}

func (c *conn) acquire(r *request) error {
	l := lockOf(c, r)
	value := bytes.Clone(r.bytes())
	return c.wait(r, func(w backend.Wait) reply {
		h, err := l.Acquire(w, value)
		if err != nil {
			return reply{err: err}
		}
		if h != nil {
			c.keep(h)
		}
		return reply{body: c.grant(nil, h)}
	})
}

func (c *conn) release(r *request) error {
	l := lockOf(c, r)
	token, pass := r.uint(), r.bool()
	return c.now(r, func() ([]byte, error) {
		h := c.take(token)
		if h == nil {
			return nil, backend.ErrLost
		}
		next, err := l.Release(at, h, pass)
		if next != nil {
			c.keep(next)
		}
		return c.grant(nil, next), err
	})
}

func (c *conn) onceDone(r *request) error {
	o, ok := lockOf(c, r).(backend.Once)
	token := r.uint()
	if !ok {
		r.fail()
	}
	return c.do(r, func() error {
		h := c.take(token)
		if h == nil {
			return backend.ErrLost
		}
		return o.Done(at, h)
	})
}

func (c *conn) permits(r *request) error {
	s := semaphoreOf(c, r)
	n := r.int()
	return c.wait(r, func(w backend.Wait) reply {
		h, err := s.Acquire(w, n)
		if err != nil {
			return reply{err: err}
		}
		return reply{body: putUint(nil, local.Number(h))}
	})
}

// done answers when the event is set, and says before that it waits; or, with the id of a call that waits for the same.
func (c *conn) done(r *request) error {
	e := eventOf(c, r)
	if err := r.end(); err != nil {
		return err
	}
	done, err := e.Done()
	if err != nil || isClosed(done) {
		return c.now(r, func() ([]byte, error) { return putUint(nil, 0), err })
	}
	id := r.id
	c.guard.Lock()
	other, waits := c.dones[done]
	if !waits && len(c.calls) < mostCalls { // else it is refused, and only this goroutine adds calls
		c.dones[done] = id
	}
	c.guard.Unlock()
	if waits {
		return c.now(r, func() ([]byte, error) { return putUint(nil, uint64(other)), nil })
	}
	return c.fork(r, func(backend.Wait, *pending) reply {
		c.act(id)
		defer func() {
			c.guard.Lock()
			delete(c.dones, done)
			c.guard.Unlock()
		}()
		select {
		case <-done:
			return reply{body: putUint(nil, 0)}
		case <-c.broken:
			return reply{err: backend.ErrClosed}
		}
	})
}

// act sends the answer to a request that goes on.
func (c *conn) act(id uint32) {
	var head [5]byte
	putID(head[:], id)
	head[4] = statusAct
	c.out.await()
	c.out.frame(head[:], nil, false, nil)
}

func (c *conn) awaitCondition(r *request) error {
	cond := conditionOf(c, r)
	token, look := r.uint(), r.bool()
	if err := r.end(); err != nil {
		return err
	}
	c.guard.Lock()
	h := c.holdings[token]
	if len(c.calls) < mostCalls { // else it is refused, and only this goroutine adds calls
		delete(c.holdings, token)
	}
	c.guard.Unlock()
	if h == nil {
		return c.do(r, func() error { return backend.ErrLost })
	}
	return c.fork(r, func(w backend.Wait, _ *pending) reply {
		again, notified, err := cond.Wait(w, h, look)
		if err != nil {
			if !errors.Is(err, backend.ErrLost) && !errors.Is(err, backend.ErrClosed) {
				c.keep(h) // it was refused
			}
			return reply{err: err}
		}
		c.keep(again)
		return reply{body: c.grant(putBool(nil, notified), again)}
	})
}

func (c *conn) notify(r *request) error {
	cond := conditionOf(c, r)
	token, n := r.uint(), r.int()
	return c.number(r, func() (int, error) {
		c.guard.Lock()
		h := c.holdings[token]
		c.guard.Unlock()
		if h == nil {
			return 0, backend.ErrLost
		}
		return cond.Notify(at, h, n)
	})
}

// meet waits at a barrier; the action of the client runs there.
func (c *conn) meet(r *request) error {
	b := barrierOf(c, r)
	hasAction := r.bool()
	id := r.id
	return c.fork(r, func(w backend.Wait, p *pending) (answer reply) {
		var action func()
		if hasAction {
			lost := c.client.Lost()
			acted := make(chan bool, 1)
			action = func() {
				c.guard.Lock()
				p.acted = acted
				c.guard.Unlock()
				c.act(id)
				select {
				case returned := <-acted:
					if returned {
						return
					}
				case <-lost:
				case <-c.broken:
				}
				panic(errNotActed)
			}
		}
		defer func() {
			if v := recover(); v == errNotActed {
				answer = reply{err: backend.ErrLost}
			} else if v != nil {
				panic(v)
			}
		}()
		index, err := b.Wait(w, action)
		return reply{body: putInt(nil, int64(index)), err: err}
	})
}

// errNotActed breaks a barrier whose action did not return.
var errNotActed = errors.New("manager: the action of a barrier did not return")

// goexit is what a method returns that ends its goroutine.
var goexit = &backend.Fault{
	Type: fmt.Sprintf("%T", thread.ErrGoexit), Text: thread.ErrGoexit.Error(), Is: sentinel.Names(thread.ErrGoexit),
}

// grace is how long a method has, whose caller gives up, to return something.
const grace = patience / 2

// call calls a method. If its caller gives up and it does not return, it is left alone.
func (c *conn) call(r *request) error {
	o := handle(c, r, (*local.Client).Object, backend.KindObject)
	method, in := r.string(), bytes.Clone(r.bytes())
	id := r.id
	return c.fork(r, func(w backend.Wait, p *pending) reply {
		ctx := at
		if w.Ctx != nil {
			ctx = w.Ctx
			defer context.AfterFunc(ctx, func() {
				time.AfterFunc(grace, func() {
					c.answer(id, p, reply{err: backend.Errorf(backend.ErrUnknown, "the method %q had not returned %v after its context ended", method, grace)})
				})
			})()
		}
		answer := reply{body: putFault(putBool(nil, true), goexit)}
		exited := true
		defer func() {
			if exited {
				c.answer(id, p, answer)
			}
		}()
		out, fault, err := o.Call(ctx, method, in)
		exited = false
		switch {
		case err != nil:
			return reply{err: err}
		case fault != nil:
			return reply{body: putFault(putBool(nil, true), fault)}
		}
		return reply{body: append(putBool(nil, false), out...)}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
