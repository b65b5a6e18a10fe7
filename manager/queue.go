package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/queue"
)

// A Queue passes items between processes by name.
//
//	put(x), put_nowait(x)        Put, TryPut
//	put(x, timeout=d)            PutTimeout(x, d)
//	get(), get_nowait()          Get, TryGet
//	qsize(), empty(), full()     Len, Empty, Full
//	task_done(), join()          TaskDone, Join, of a queue with Joinable()
//	shutdown(immediate=True)     Shutdown, ShutdownNow
//
// An item that Get returns is gone from the queue, and lost if the process dies
// before it has dealt with it. Where that must not happen, take a [Claim]: the
// item stays the queue's until Ack, and goes back to the head if the process
// dies. Of a queue that was made with [Joinable], which is what Python calls a
// JoinableQueue, each Get is such a claim, and TaskDone its Ack. An item that was
// delivered [MaxDeliveries] times without is dead: see [Queue.Dead].
//
// Waiters are served in order of arrival, over all processes. maxsize, the order,
// Joinable and the codec belong to the queue: other handles have to name the same;
// maxsize can be changed by Resize. Claims that come back may exceed it.
type Queue[T any] struct {
	object
	b      backend.Queue
	level  func(T) int // of a priority queue
	claims *claims
}

// A QueueOption says how to make a queue.
type QueueOption struct{ set func(*backend.Spec) }

// Joinable makes a queue whose items are finished by TaskDone and waited for by
// Join.
func Joinable() QueueOption { return QueueOption{func(s *backend.Spec) { s.Joinable = true }} }

// MaxDeliveries sets how often an item is delivered by Claim before it is dead
// instead of going back to the head; the default is 20. It does not belong to the
// queue: what was last said holds. MaxDeliveries panics with ErrValue if n < 1.
func MaxDeliveries(n int) QueueOption {
	if n < 1 {
		panic(backend.Errorf(ErrValue, "MaxDeliveries(%d): want at least 1", n))
	}
	return QueueOption{func(s *backend.Spec) { s.MaxDeliveries = n }}
}

// NewQueue returns the FIFO queue of that name, or a fresh one if name is "": it
// holds up to maxsize items; with maxsize <= 0 it is unbounded.
func NewQueue[T any](m *Manager, name string, maxsize int, opts ...QueueOption) *Queue[T] {
	return newQueue[T](m, name, maxsize, backend.FIFO, nil, opts)
}

// NewLIFO is like [NewQueue], but a get takes the newest item.
func NewLIFO[T any](m *Manager, name string, maxsize int, opts ...QueueOption) *Queue[T] {
	return newQueue[T](m, name, maxsize, backend.LIFO, nil, opts)
}

// NewPriority is like [NewQueue], but a get takes an item of the smallest level;
// those of one level leave in order of arrival. level returns -128 to 127, and is
// called in the process that puts; a put of another level panics with
// [queue.ErrValue].
func NewPriority[T any](m *Manager, name string, maxsize int, level func(T) int, opts ...QueueOption) *Queue[T] {
	if level == nil {
		panic("manager: NewPriority with a nil level")
	}
	return newQueue(m, name, maxsize, backend.Priority, level, opts)
}

func newQueue[T any](m *Manager, name string, maxsize int, order backend.Order, level func(T) int, opts []QueueOption) *Queue[T] {
	spec := m.spec(KindQueue, name)
	spec.Codec, spec.N, spec.Order = m.codec.Name(), max(maxsize, 0), order
	for _, o := range opts {
		if o.set != nil {
			o.set(&spec)
		}
	}
	valid(spec)
	return &Queue[T]{object{m, spec}, m.backend.Queue(spec), level, state(m, spec, func() *claims { return new(claims) })}
}

func (q *Queue[T]) item(v T) (i backend.Item, err error) {
	if q.level != nil {
		l := q.level(v)
		if l < -128 || l > 127 {
			return i, fmt.Errorf("%w: level %d in %s: want -128 to 127", queue.ErrValue, l, q.spec)
		}
		i.Level = int8(l)
	}
	i.Payload, err = encode(q.m.codec, v)
	return i, err
}

// Put stores an item. It blocks until there is room. It returns nil,
// [queue.ErrShutdown], or an error that names what went wrong.
func (q *Queue[T]) Put(item T) error { return q.put(forever, item, nil) }

// TryPut stores an item if there is room, or returns [queue.ErrFull].
func (q *Queue[T]) TryPut(item T) error { return q.put(try, item, queue.ErrFull) }

// PutTimeout is like Put, but gives up after d, and then returns
// [queue.ErrFull]. If d <= 0, it is equivalent to TryPut. A d of
// [math.MaxInt64] never times out.
func (q *Queue[T]) PutTimeout(item T, d time.Duration) error {
	return q.put(after(d), item, queue.ErrFull)
}

// PutContext is like Put, but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (q *Queue[T]) PutContext(ctx context.Context, item T) error {
	return cause(ctx, q.put(until(ctx), item, backend.ErrGaveUp))
}

func (q *Queue[T]) put(w backend.Wait, v T, gaveUp error) error {
	i, err := q.item(v)
	if err != nil {
		if errors.Is(err, queue.ErrValue) {
			panic(err)
		}
		return err
	}
	return outcome(q.again(w, func(w backend.Wait) error { return q.b.Put(w, i) }), gaveUp)
}

// again makes a call that waits, and again if the session was lost while it did.
func (q *Queue[T]) again(w backend.Wait, f func(backend.Wait) error) error {
	for c := start(w); ; {
		err := f(c.left())
		if !errors.Is(err, ErrLost) || errors.Is(err, ErrUnknown) || c.over() {
			return err
		}
	}
}

// PutKey is like PutContext, but returns ErrDuplicate if an item with that key was
// put within its window, which begins now. So it is safe to repeat a PutKey that
// returned ErrUnknown: the item is stored once. With window <= 0 the key is not
// remembered.
func (q *Queue[T]) PutKey(ctx context.Context, item T, key string, window time.Duration) error {
	i, err := q.item(item)
	if err != nil {
		if errors.Is(err, queue.ErrValue) {
			panic(err)
		}
		return err
	}
	i.Key, i.Window = key, window
	return cause(ctx, q.again(until(ctx), func(w backend.Wait) error { return q.b.Put(w, i) }))
}

// Get takes an item. It blocks until there is one. It returns [queue.ErrShutdown]
// when the queue is shut down and nothing is left. Of a queue with Joinable the
// item is a claim of the calling goroutine, which TaskDone ends.
func (q *Queue[T]) Get() (T, error) { return q.get(forever, nil) }

// TryGet takes an item if there is one, or returns [queue.ErrEmpty].
func (q *Queue[T]) TryGet() (T, error) { return q.get(try, queue.ErrEmpty) }

// GetTimeout is like Get, but gives up after d, and then returns
// [queue.ErrEmpty]. If d <= 0, it is equivalent to TryGet. A d of
// [math.MaxInt64] never times out.
func (q *Queue[T]) GetTimeout(d time.Duration) (T, error) { return q.get(after(d), queue.ErrEmpty) }

// GetContext is like Get, but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (q *Queue[T]) GetContext(ctx context.Context) (T, error) {
	v, err := q.get(until(ctx), backend.ErrGaveUp)
	return v, cause(ctx, err)
}

func (q *Queue[T]) get(w backend.Wait, gaveUp error) (v T, err error) {
	if q.spec.Joinable {
		c, err := q.claim(w, gaveUp)
		if err != nil {
			return v, err
		}
		q.claims.add(c)
		return c.item, nil
	}
	var payload []byte
	err = q.again(w, func(w backend.Wait) error {
		payload, err = q.b.Get(w)
		return err
	})
	if err != nil {
		return v, outcome(err, gaveUp)
	}
	return decode[T](q.m.codec, payload)
}

// Peek returns the item that the next get would take, and whether there is one.
func (q *Queue[T]) Peek() (item T, ok bool) {
	var payload []byte
	must(patiently(forever, func(backend.Wait) (err error) {
		payload, ok, err = q.b.Peek(background)
		return err
	}))
	if ok {
		var err error
		item, err = decode[T](q.m.codec, payload)
		must(err)
	}
	return item, ok
}

// Drain takes everything that is inside, in the order in which gets would, and
// returns it. Of a queue with Joinable each item needs its TaskDone.
func (q *Queue[T]) Drain() (items []T) {
	var drained []backend.Claim
	must(patiently(forever, func(backend.Wait) (err error) {
		drained, err = q.b.Drain(background)
		return err
	}))
	items = make([]T, len(drained))
	for i, d := range drained {
		var err error
		items[i], err = decode[T](q.m.codec, d.Payload)
		must(err)
		if d.Holding != nil {
			q.claims.add(&taken[T]{item: items[i], b: d, q: q.b})
		}
	}
	return items
}

// Len returns how many items are inside. Those that are out on claim are not.
func (q *Queue[T]) Len() int { return q.state().Len }

// Cap returns how many items fit, 0 if the queue is unbounded.
func (q *Queue[T]) Cap() int { return q.state().Cap }

// Empty reports whether nothing is inside.
func (q *Queue[T]) Empty() bool { return q.state().Len == 0 }

// Full reports whether no more items fit. An unbounded queue is never full.
func (q *Queue[T]) Full() bool {
	s := q.state()
	return s.Cap > 0 && s.Len >= s.Cap
}

// Unfinished returns how many items were put and are not finished: those inside,
// those on claim, and those that a Nack holds back.
func (q *Queue[T]) Unfinished() int { return q.state().Unfinished }

// IsShutdown reports whether Shutdown or ShutdownNow was called.
func (q *Queue[T]) IsShutdown() bool { return q.state().Shut }

func (q *Queue[T]) state() (s backend.QueueState) {
	must(patiently(forever, func(backend.Wait) (err error) {
		s, err = q.b.State(background)
		return err
	}))
	return s
}

// Shutdown ends the putting: every put returns [queue.ErrShutdown]. What is inside
// can still be got; then a get returns it, too. What comes back from a claim can
// be got again.
func (q *Queue[T]) Shutdown() { q.shutdown(false) }

// ShutdownNow is like Shutdown, and drops what is inside and what comes back.
func (q *Queue[T]) ShutdownNow() { q.shutdown(true) }

func (q *Queue[T]) shutdown(now bool) {
	must(patiently(forever, func(backend.Wait) error {
		err := q.b.Shutdown(background, now)
		if errors.Is(err, ErrUnknown) && !errors.Is(err, ErrClosed) {
			return ErrLost // to do it twice does no harm
		}
		return err
	}))
}

// Resize changes maxsize. It is also how a queue gets another one in a rolling
// deploy. When more items are inside than fit, puts wait until fewer are.
func (q *Queue[T]) Resize(ctx context.Context, maxsize int) error {
	return q.m.write(ctx, func(ctx context.Context) error { return q.b.Resize(ctx, max(maxsize, 0)) })
}

func (q *Queue[T]) describe() backend.Handle {
	h := q.object.describe(q.b)
	h.Item = func(v any) (backend.Item, error) { return q.item(v.(T)) }
	return h
}
