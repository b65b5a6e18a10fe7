package local

import (
	"container/heap"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// A tableObject is a map of bytes: a dict, a value (under one key) or an array.
type tableObject struct {
	base
	guard    sync.Mutex
	cells    map[string]*cell
	expiring expiring
	armed    time.Time // when a timer looks for those that have expired; zero: none will
	watchers map[*watcher]struct{}
}

// A cell is a value. Its bytes are never changed, so they can be given out.
type cell struct {
	key     string
	value   []byte
	rev     uint64
	expires time.Time // zero: never
	place   int       // among those that expire
}

func newTable(st *Store, spec backend.Spec) *tableObject {
	return &tableObject{base: base{store: st, spec: spec}, cells: make(map[string]*cell), watchers: make(map[*watcher]struct{})}
}

// The watchers wait in the ledger, so they need not be asked.
func (o *tableObject) info(i *backend.Info) {
	o.guard.Lock()
	defer o.guard.Unlock()
	i.Len = len(o.cells)
	if o.spec.Kind == backend.KindArray {
		i.Len = o.spec.N
	}
}

func (o *tableObject) get(key []byte) backend.Cell {
	if c := o.cells[string(key)]; c != nil {
		return backend.Cell{Value: c.value, Rev: c.rev}
	}
	return backend.Cell{}
}

// put and drop change one value, under the guard.
func (o *tableObject) put(key, value []byte, ttl time.Duration) backend.Cell {
	c := o.cells[string(key)]
	if c == nil {
		c = &cell{key: string(key)}
		o.cells[c.key] = c
	}
	c.value, c.rev = value, o.store.next()
	o.expire(c, ttl)
	o.tell(c.key, c.rev)
	return backend.Cell{Value: c.value, Rev: c.rev}
}

func (o *tableObject) drop(c *cell) {
	o.expire(c, 0)
	delete(o.cells, c.key)
	o.tell(c.key, o.store.next())
}

// expire sets the life of c; 0 is without end.
func (o *tableObject) expire(c *cell, ttl time.Duration) {
	if !c.expires.IsZero() {
		heap.Remove(&o.expiring, c.place)
		c.expires = time.Time{}
	}
	if ttl > 0 {
		c.expires = time.Now().Add(ttl)
		heap.Push(&o.expiring, c)
		o.arm(c.expires)
	}
}

// arm sees to it that a timer looks by then. A timer that was made is let be: it may belong to a synctest bubble. One that
// another has come before looks at nothing.
func (o *tableObject) arm(at time.Time) {
	if o.armed.IsZero() || at.Before(o.armed) {
		o.armed = at
		time.AfterFunc(time.Until(at), func() { o.look(at) })
	}
}

// look drops what has expired.
func (o *tableObject) look(at time.Time) {
	o.guard.Lock()
	defer o.guard.Unlock()
	if at != o.armed {
		return
	}
	o.armed = time.Time{}
	now := time.Now()
	for len(o.expiring) > 0 && !o.expiring[0].expires.After(now) {
		o.drop(o.expiring[0])
	}
	if len(o.expiring) > 0 {
		o.arm(o.expiring[0].expires)
	}
}

// pairs returns all, in the order of the keys. It needs the guard for the copy, not for the order: see sorted.
func (o *tableObject) pairs() []backend.Pair {
	all := make([]backend.Pair, 0, len(o.cells))
	for _, c := range o.cells {
		all = append(all, backend.Pair{Key: []byte(c.key), Cell: backend.Cell{Value: c.value, Rev: c.rev}})
	}
	return all
}

func sorted(pairs []backend.Pair) []backend.Pair {
	slices.SortFunc(pairs, func(a, b backend.Pair) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return pairs
}

// expiring is a heap.
type expiring []*cell

func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].expires.Before(e[j].expires) }

func (e expiring) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i, j
}

func (e *expiring) Push(x any) {
	c := x.(*cell)
	c.place = len(*e)
	*e = append(*e, c)
}

func (e *expiring) Pop() any {
	last := len(*e) - 1
	c := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return c
}

type tableRef struct{ ref }

func (c *Client) Table(spec backend.Spec) backend.Table { return &tableRef{ref{client: c, spec: spec}} }

// locked runs f under the table's guard, in a call that does not wait.
func (r *tableRef) locked(ctx context.Context, f func(*tableObject)) error {
	_, o, err := r.enterFor(ctx)
	if err != nil {
		return err
	}
	defer o.common().leave()
	t := o.(*tableObject)
	t.guard.Lock()
	defer t.guard.Unlock()
	f(t)
	return nil
}

func (r *tableRef) Get(ctx context.Context, key []byte) (c backend.Cell, err error) {
	err = r.locked(ctx, func(t *tableObject) { c = t.get(key) })
	return c, err
}

func (r *tableRef) Put(ctx context.Context, key, value []byte, cond backend.If) (c backend.Cell, ok bool, err error) {
	if err := r.client.store.fits(r.spec, len(key)+len(value)); err != nil {
		return backend.Cell{}, false, err
	}
	err = r.locked(ctx, func(t *tableObject) {
		c = t.get(key)
		if ok = !cond.Checked || c.Rev == cond.Rev; ok {
			c = t.put(key, value, cond.TTL)
		}
	})
	return c, ok, err
}

func (r *tableRef) Delete(ctx context.Context, key []byte) (was backend.Cell, err error) {
	err = r.locked(ctx, func(t *tableObject) {
		if c := t.cells[string(key)]; c != nil {
			was = backend.Cell{Value: c.value, Rev: c.rev}
			t.drop(c)
		}
	})
	return was, err
}

func (r *tableRef) PutAll(ctx context.Context, pairs []backend.Pair) error {
	size := 0
	for _, p := range pairs {
		size += len(p.Key) + len(p.Value)
	}
	if err := r.client.store.fits(r.spec, size); err != nil {
		return err
	}
	return r.locked(ctx, func(t *tableObject) {
		for _, p := range pairs {
			t.put(p.Key, p.Value, 0)
		}
	})
}

func (r *tableRef) Clear(ctx context.Context) error {
	return r.locked(ctx, func(t *tableObject) {
		for _, c := range t.cells {
			t.drop(c)
		}
	})
}

func (r *tableRef) Len(ctx context.Context) (n int, err error) {
	err = r.locked(ctx, func(t *tableObject) { n = len(t.cells) })
	return n, err
}

func (r *tableRef) All(ctx context.Context) iter.Seq2[backend.Pair, error] {
	return func(yield func(backend.Pair, error) bool) {
		var pairs []backend.Pair
		if err := r.locked(ctx, func(t *tableObject) { pairs = t.pairs() }); err != nil {
			yield(backend.Pair{}, err)
			return
		}
		for _, p := range sorted(pairs) {
			if backend.Ended(ctx) {
				yield(backend.Pair{}, backend.Cause(ctx))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}
