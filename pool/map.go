package pool

import (
	"context"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/thread"
)

// A MapOption is a choice made for one Map, MapAsync, IMap or IMapUnordered.
type MapOption func(*mapChoices)

type mapChoices struct {
	chunk, buffer int // 0: the default
	failFast      bool
	progress      func(done, total int)
}

func choose(opts []MapOption) (c mapChoices) {
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// ChunkSize makes a worker take n items at a time. The default is a quarter of a worker's share for Map, which is
// ceil(len / (4 × workers)) as in Python, and 1 for IMap. ChunkSize panics with ErrValue if n < 1.
func ChunkSize(n int) MapOption {
	atLeast(1, n, "ChunkSize")
	return func(c *mapChoices) { c.chunk = n }
}

// Buffer bounds how many inputs an IMap has taken and not yet yielded. The default is enough for two chunks for each
// worker, 2 × workers inputs if ChunkSize is 1. It is of no account for Map. Buffer panics with ErrValue if n < 1.
func Buffer(n int) MapOption {
	atLeast(1, n, "Buffer")
	return func(c *mapChoices) { c.buffer = n }
}

// FailFast ends the Map or IMap with the first error: no further item is started, the context of those that are running
// ends with the *ItemError as its cause, and Map returns the error that arrived first, when they have returned.
func FailFast() MapOption { return func(c *mapChoices) { c.failFast = true } }

// Progress lets f be called when items have ended, well or not, in a worker. Calls do not overlap; done grows from each to
// the next, not always by one; total is the number of items, and -1 for IMap. The last call comes before Map returns. A
// panic in f goes to the except hook of package thread.
func Progress(f func(done, total int)) MapOption {
	if f == nil {
		panic("pool: Progress of a nil func")
	}
	return func(c *mapChoices) { c.progress = f }
}

// Map lets workers call fn for each item, waits until all that was started has returned, and returns the values in the
// order of the items, and nil or the *ItemError of the lowest index that failed. The slice always has as many elements
// as items; where fn was not called, or panicked, there is the zero value.
//
// Items are started in chunks, in order; after every chunk the Map goes back behind what else waits at its priority, so
// that a long one does not keep later work waiting. An item that fails does not keep others from being called, unless
// FailFast is given.
//
// If nothing is accepted any more, or the context of p has ended, the error is ErrClosed, ErrTerminated or its cause;
// likewise, without an item, if the Map is terminated or its context ends on the way.
func Map[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts ...MapOption,
) ([]Out, error) {
	return startMap(p, fn, items, opts, "Map").Get()
}

// MapAsync is Map, but returns the Result at once, or, if the pool has a Backlog, as soon as there is a place. The items
// must not be changed before it is ready.
func MapAsync[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts ...MapOption,
) *Result[[]Out] {
	return startMap(p, fn, items, opts, "MapAsync")
}

func startMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts []MapOption, call string,
) *Result[[]Out] {
	if fn == nil {
		panic("pool: " + call + " of a nil func")
	}
	choices := choose(opts)
	n := len(items)
	m := &mapping[In, Out]{
		fn: fn, items: items, size: choices.chunk, failFast: choices.failFast, progress: newProgress(choices.progress, n),
	}
	m.result.value = make([]Out, n)
	if m.size == 0 {
		share := 4 * p.Workers()
		m.size = max(n-1, 0)/share + 1
	}
	m.size = max(m.size, n/math.MaxInt32+1) // so that the chunks can be counted
	t := &m.result.task
	var err error
	if n == 0 {
		p.prepare(t, m, 0)
		err = p.refuses()
	} else {
		p.prepare(t, m, (n-1)/m.size+1)
		err = p.send(t, noContext, math.MaxInt64)
	}
	if err != nil || n == 0 {
		t.refuse(err)
	}
	return &m.result
}

// A mapping is a Map that runs: its entry stays in the queue until the last chunk was taken.
type mapping[In, Out any] struct {
	result   Result[[]Out]
	fn       func(context.Context, In) (Out, error)
	items    []In
	size     int
	failFast bool
	progress *progress
	stopped  atomic.Bool // no further item is to be started

	// Under the guard.
	next   int   // the first item that is in no chunk yet
	active int   // chunks that are running
	cause  error // why items were not started
	lowest *ItemError
}

func (m *mapping[In, Out]) claim(*worker) unit {
	t := &m.result.task
	c := t.core
	first := m.next
	m.next += min(m.size, len(m.items)-first)
	m.active++
	t.units--
	c.units--
	if l := t.level; m.next == len(m.items) {
		c.remove(&t.entry)
	} else {
		l.remove(&t.entry)
		l.push(&t.entry, false)
	}
	ch := &chunk[In, Out]{mapping: m}
	ch.batch = batch[In, Out]{
		fn: m.fn, in: m.items[first:m.next], out: m.result.value[first:m.next], first: first,
		stopped: &m.stopped, fail: ch.fail, progress: m.progress,
	}
	return ch
}

func (m *mapping[In, Out]) drop(cause error, d *drop) {
	m.next = len(m.items)
	m.stop(cause)
	if m.active == 0 {
		m.forget()
		m.result.task.drop(m.cause, d)
	}
}

func (m *mapping[In, Out]) interrupt(cause error) (*taskContext, bool) {
	if m.active == 0 {
		return nil, false
	}
	first := m.cause == nil
	m.stop(cause)
	return m.result.task.context(), first || cause == ErrCancelled && m.cause == ErrCancelled
}

// stop keeps what is left from being started. It needs the guard.
func (m *mapping[In, Out]) stop(cause error) {
	if m.cause == nil {
		m.cause = cause
	}
	m.stopped.Store(true)
}

// forget lets go of what the Result has no use for.
func (m *mapping[In, Out]) forget() { m.fn, m.items = nil, nil }

// A chunk is the unit of a mapping.
type chunk[In, Out any] struct {
	mapping *mapping[In, Out]
	batch   batch[In, Out]
	lowest  *ItemError
}

func (ch *chunk[In, Out]) owner() *entry { return &ch.mapping.result.task.entry }

func (ch *chunk[In, Out]) run() {
	t := &ch.mapping.result.task
	if cause := t.parentEnded(); cause != nil {
		t.core.withdraw(cause, &t.entry)
	}
	ch.batch.run(t.context())
}

func (ch *chunk[In, Out]) fail(e *ItemError) {
	if ch.lowest == nil {
		ch.lowest = e
	}
	if ch.mapping.failFast {
		ch.mapping.result.task.core.withdraw(e, ch.owner())
	}
}

func (ch *chunk[In, Out]) settle(end *ending) outcome {
	m := ch.mapping
	m.active--
	if e := ch.lowest; e != nil && (m.lowest == nil || e.Index < m.lowest.Index) {
		m.lowest = e
	}
	if m.active == 0 && m.next == len(m.items) {
		t := &m.result.task
		switch {
		case m.cause != nil:
			t.err = m.cause
		case m.lowest != nil:
			t.err = m.lowest
			// Items may have failed because the context has ended, a moment before this was said to the Map.
			if cause := t.parentEnded(); cause != nil {
				t.err = cause
			} else if t.core.halted() {
				t.err = ErrTerminated
			}
		}
		t.settle(end)
		m.forget()
	}
	switch {
	case ch.lowest != nil:
		return failed
	case ch.batch.untouched():
		return cancelled
	}
	return succeeded
}

// A batch calls fn for some items, one after the other.
type batch[In, Out any] struct {
	fn       func(context.Context, In) (Out, error)
	in       []In
	out      []Out
	first    int // index of the first of them in the whole input
	at       int // how many have been called
	stopped  *atomic.Bool
	fail     func(*ItemError)
	progress *progress
}

// run calls fn for what is left. It can be called again after one of them ended the goroutine.
func (b *batch[In, Out]) run(ctx context.Context) {
	for b.some(ctx) {
	}
	b.progress.tell()
}

// some calls fn for one item after the other, until one panics or none is left, and reports whether there may be more.
func (b *batch[In, Out]) some(ctx context.Context) (more bool) {
	i, calling := b.at, false
	defer func() {
		b.at = i
		if !calling {
			return
		}
		b.at = i + 1
		err := ErrGoexit
		if v := recover(); v != nil {
			err = &thread.PanicError{Value: v, Stack: debug.Stack()}
			more = true
		}
		b.ended(i, err)
	}()
	for i < len(b.in) && !b.stopped.Load() {
		calling = true
		v, err := b.fn(ctx, b.in[i])
		calling = false
		b.out[i] = v
		i++
		if err != nil || b.progress != nil {
			b.ended(i-1, err)
		}
	}
	return false
}

func (b *batch[In, Out]) ended(i int, err error) {
	if err != nil {
		b.fail(&ItemError{Index: b.first + i, Err: err})
	}
	b.progress.add()
}

// untouched reports that there was something to call, and nothing was.
func (b *batch[In, Out]) untouched() bool { return b.at == 0 && len(b.in) > 0 }

// A progress counts items. Whoever finds nobody calling f does so, until it was told of all: nobody waits for f, which
// may wait for whatever others do.
type progress struct {
	f     func(done, total int)
	total int

	guard      sync.Mutex
	done, told int
	telling    bool
}

func newProgress(f func(done, total int), total int) *progress {
	if f == nil {
		return nil
	}
	return &progress{f: f, total: total}
}

func (p *progress) add() {
	if p == nil {
		return
	}
	p.guard.Lock()
	p.done++
	p.guard.Unlock()
	p.tell()
}

func (p *progress) tell() {
	for p != nil && p.once() {
	}
}

// once calls f if there is something to tell and nobody who does. It can be called again if f ended the goroutine.
func (p *progress) once() bool {
	p.guard.Lock()
	if p.telling || p.told == p.done {
		p.guard.Unlock()
		return false
	}
	p.telling = true
	p.told = p.done
	done := p.told
	p.guard.Unlock()
	defer func() {
		p.guard.Lock()
		p.telling = false
		p.guard.Unlock()
	}()
	protect(func() { p.f(done, p.total) })
	return true
}
