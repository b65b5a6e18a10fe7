package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/queue"
)

// A Claim is an item that this process has taken, and that stays the queue's
// until it is acknowledged. If the process dies, or its session is lost, the item
// goes back to the head of the queue, and its next claim has a larger Attempt and
// Token. An item may therefore be worked on twice, but is acknowledged once; Token
// is for those that must refuse a worker which has lost its claim without knowing.
type Claim[T any] struct {
	Item    T
	Attempt int // from 1
	Token   uint64

	taken *taken[T]
}

// A taken is what all copies of a Claim share.
type taken[T any] struct {
	item T
	b    backend.Claim
	q    backend.Queue
	own  uint64 // the goroutine whose Get it is

	turn    lock.Lock // of those that settle it
	settled bool
	err     error
}

func (t *taken[T]) public() *Claim[T] {
	c := &Claim[T]{Item: t.item, Attempt: t.b.Attempt, Token: t.b.Dead, taken: t}
	if t.b.Holding != nil {
		c.Token = t.b.Holding.Token()
	}
	return c
}

// Ack ends the claim: the item is finished. It returns ErrLost if the claim was
// lost before, and then the item may be delivered again. A second Ack or Nack
// does nothing and returns what the first did. If ctx has ended already it
// returns the cause and the claim goes on, as it does after ErrQuota. Ack of a dead item drops it.
func (c *Claim[T]) Ack(ctx context.Context) error { return c.taken.settle(ctx, backend.Ack, 0) }

// Nack gives the item back to the head of the queue, when so much time has
// passed, or makes it dead if it was delivered too often. Otherwise it is like
// Ack. Nack of a dead item revives it: its Attempt begins at 1 again.
func (c *Claim[T]) Nack(ctx context.Context, after time.Duration) error {
	return c.taken.settle(ctx, backend.Nack, after)
}

// Lost returns a channel that is closed if the claim is lost before Ack or Nack.
func (c *Claim[T]) Lost() <-chan struct{} {
	if h := c.taken.b.Holding; h != nil {
		return h.Lost()
	}
	return nil
}

// settle ends the claim, once. A context that has ended before anything was done leaves it as it is, and so does a server
// that refuses.
func (t *taken[T]) settle(ctx context.Context, how backend.Settlement, after time.Duration) error {
	if err := t.turn.LockContext(ctx); err != nil {
		return err
	}
	defer t.turn.Unlock()
	if t.settled {
		return t.err
	}
	if backend.Ended(ctx) {
		return backend.Cause(ctx)
	}
	t.err = t.q.Settle(ctx, t.b, how, after)
	if backend.Ended(ctx) && t.err == backend.Cause(ctx) || refused(t.err) {
		return t.err
	}
	t.settled = true
	if errors.Is(t.err, ErrClosed) {
		t.err = released(t.err) // it has gone back with the session
	}
	return t.err
}

// refused reports whether a call had no effect, but may be made again.
func refused(err error) bool {
	return (errors.Is(err, ErrQuota) || errors.Is(err, ErrDenied)) && !errors.Is(err, ErrUnknown)
}

// finish is settle for callers that return no error: it waits through
// ErrQuota.
func (t *taken[T]) finish(how backend.Settlement) {
	for {
		if err := t.settle(background, how, 0); !errors.Is(err, ErrQuota) || !refused(err) {
			return
		}
		time.Sleep(quotaPause)
	}
}

// Claim takes an item on claim. It blocks until there is one.
func (q *Queue[T]) Claim() (*Claim[T], error) { return public(q.claim(forever, nil)) }

// TryClaim takes an item on claim if there is one, or returns [queue.ErrEmpty].
func (q *Queue[T]) TryClaim() (*Claim[T], error) { return public(q.claim(try, queue.ErrEmpty)) }

// ClaimTimeout is like Claim, but gives up after d, and then returns
// [queue.ErrEmpty]. If d <= 0, it is equivalent to TryClaim. A d of
// [math.MaxInt64] never times out.
func (q *Queue[T]) ClaimTimeout(d time.Duration) (*Claim[T], error) {
	return public(q.claim(after(d), queue.ErrEmpty))
}

// ClaimContext is like Claim, but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (q *Queue[T]) ClaimContext(ctx context.Context) (*Claim[T], error) {
	t, err := q.claim(until(ctx), backend.ErrGaveUp)
	return public(t, cause(ctx, err))
}

func public[T any](t *taken[T], err error) (*Claim[T], error) {
	if err != nil {
		return nil, err
	}
	return t.public(), nil
}

// claim claims an item. One that cannot be decoded is buried: nobody who knows
// this queue as a queue of T can do anything with it.
func (q *Queue[T]) claim(w backend.Wait, gaveUp error) (*taken[T], error) {
	var c backend.Claim
	err := q.again(w, func(w backend.Wait) (err error) {
		c, err = q.b.Claim(w)
		return err
	})
	if err != nil {
		return nil, outcome(err, gaveUp)
	}
	t := &taken[T]{b: c, q: q.b, own: goid.Get()}
	if t.item, err = decode[T](q.m.codec, c.Payload); err != nil {
		_ = q.b.Settle(background, c, backend.Bury, 0)
		return nil, fmt.Errorf("%w; the item in %s is dead now", err, q.spec)
	}
	return t, nil
}

// Claims yields claims until the queue is shut down and nothing is left, when it
// just ends, or ctx ends, whose cause is its last error. The body has to end each
// claim by Ack or Nack.
func (q *Queue[T]) Claims(ctx context.Context) iter.Seq2[*Claim[T], error] {
	return func(yield func(*Claim[T], error) bool) {
		for {
			c, err := q.ClaimContext(ctx)
			if errors.Is(err, queue.ErrShutdown) || !yield(c, err) {
				return
			}
			if err != nil && (backend.Ended(ctx) || q.m.backend.Closed()) {
				return
			}
		}
	}
}

// Dead yields the items that were delivered too often or that could not be
// decoded. They stay dead unless they are dropped, by Ack, or revived, by Nack.
func (q *Queue[T]) Dead(ctx context.Context) iter.Seq2[*Claim[T], error] {
	return func(yield func(*Claim[T], error) bool) {
		if err := q.m.ended(ctx); err != nil {
			yield(nil, err)
			return
		}
		for b, err := range q.b.Dead(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			t := &taken[T]{b: b, q: q.b}
			t.item, err = decode[T](q.m.codec, b.Payload) // the zero value, if it is no T
			if !yield(t.public(), err) {
				return
			}
		}
	}
}

// claims are those that were got by Get and wait for their TaskDone: of the whole
// process, in the order in which they were got.
type claims struct {
	guard sync.Mutex
	list  []gotten
}

// A gotten is a *taken of any type.
type gotten interface {
	owner() uint64
	settle(ctx context.Context, how backend.Settlement, after time.Duration) error
}

func (t *taken[T]) owner() uint64 { return t.own }

func (c *claims) add(g gotten) {
	c.guard.Lock()
	defer c.guard.Unlock()
	c.list = append(c.list, g)
}

// restore undoes next.
func (c *claims) restore(g gotten) {
	c.guard.Lock()
	defer c.guard.Unlock()
	c.list = append([]gotten{g}, c.list...)
}

// next removes the oldest of the calling goroutine, or else the oldest.
func (c *claims) next() (g gotten, ok bool) {
	me := goid.Get()
	c.guard.Lock()
	defer c.guard.Unlock()
	if len(c.list) == 0 {
		return nil, false
	}
	at := 0
	for i, g := range c.list {
		if g.owner() == me {
			at = i
			break
		}
	}
	g = c.list[at]
	copy(c.list[at:], c.list[at+1:])
	c.list[len(c.list)-1] = nil
	if c.list = c.list[:len(c.list)-1]; len(c.list) == 0 {
		c.list = nil
	}
	return g, true
}

func (c *claims) idle() bool {
	c.guard.Lock()
	defer c.guard.Unlock()
	return len(c.list) == 0
}

// TaskDone marks an item as finished that a Get of this process returned: the
// oldest that the calling goroutine got, and only if it has none the oldest of the
// process. It panics with [queue.ErrTaskDone] if there is none, and with
// [ErrNotJoinable] if the queue was made without Joinable. If the item was lost
// with its session it has gone back to the queue, and TaskDone does nothing.
func (q *Queue[T]) TaskDone() {
	for {
		if err := q.taskDone(background); !errors.Is(err, ErrQuota) || !refused(err) {
			return
		}
		time.Sleep(quotaPause)
	}
}

// TaskDoneContext is like TaskDone, and tells what became of it: nil; ErrLost if
// the item had been lost before; ErrUnknown if ctx ended, or the session, while
// the server was told. If ctx has ended already it returns the cause and nothing
// is finished.
func (q *Queue[T]) TaskDoneContext(ctx context.Context) error { return q.taskDone(ctx) }

func (q *Queue[T]) taskDone(ctx context.Context) error {
	q.mustJoin()
	closed := q.m.backend.Closed()
	if !closed && backend.Ended(ctx) && !q.claims.idle() {
		return backend.Cause(ctx)
	}
	g, ok := q.claims.next()
	switch {
	case !ok && closed:
		return ErrClosed
	case !ok:
		panic(queue.ErrTaskDone)
	}
	err := g.settle(ctx, backend.Ack, 0)
	if backend.Ended(ctx) && err == backend.Cause(ctx) || refused(err) {
		q.claims.restore(g)
	}
	return err
}

func (q *Queue[T]) mustJoin() {
	if !q.spec.Joinable {
		panic(fmt.Errorf("%w: %s", ErrNotJoinable, q.spec))
	}
}

// Join waits until no item is unfinished. It panics with [ErrNotJoinable] if the
// queue was made without Joinable.
func (q *Queue[T]) Join() { granted(q.join(forever)) }

// JoinTimeout is like Join, but gives up after d. It reports whether no item was
// unfinished. If d <= 0, it does not wait. A d of [math.MaxInt64] never times
// out.
func (q *Queue[T]) JoinTimeout(d time.Duration) bool { return granted(q.join(after(d))) }

func (q *Queue[T]) join(w backend.Wait) error {
	q.mustJoin()
	return patiently(w, q.b.Join)
}

// JoinContext is like Join, but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (q *Queue[T]) JoinContext(ctx context.Context) error {
	q.mustJoin()
	return q.m.read(ctx, func(ctx context.Context) error { return cause(ctx, q.b.Join(until(ctx))) })
}

// Tasks yields items until the queue is shut down and nothing is left, and
// acknowledges each when the body ends, also by continue, break or return. If the
// body panics or ends its goroutine, the item goes back to the queue. The body
// must not call TaskDone. Tasks waits through what passes, and panics with
// ErrClosed.
func (q *Queue[T]) Tasks() iter.Seq[T] { return q.tasks(forever) }

// TasksContext is like Tasks, and ends when ctx ends, too.
func (q *Queue[T]) TasksContext(ctx context.Context) iter.Seq[T] { return q.tasks(until(ctx)) }

func (q *Queue[T]) tasks(w backend.Wait) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			t, err := q.claim(w, backend.ErrGaveUp)
			switch {
			case err == nil:
				if !t.do(yield) {
					return
				}
			case errors.Is(err, queue.ErrShutdown), w.Over():
				return
			case errors.Is(err, ErrQuota):
				time.Sleep(quotaPause)
			case errors.Is(err, errUndecodable), errors.Is(err, ErrLost) && !errors.Is(err, ErrClosed):
			default:
				panic(err)
			}
		}
	}
}

func (t *taken[T]) do(body func(T) bool) (more bool) {
	how := backend.Nack
	defer func() { t.finish(how) }()
	more = body(t.item)
	how = backend.Ack
	return more
}
