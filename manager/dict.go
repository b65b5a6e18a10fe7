package manager

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// A Dict is a map that processes share by name.
//
//	d[k], d.get(k)               Get
//	d[k] = v, d.update(…)        Set, SetAll
//	d.setdefault(k, v)           SetDefault
//	d[k] += 1                    Update
//	d.pop(k), del d[k]           Pop, Delete
//	len(d), d.items()            Len, All
//
// Values are copies: what Get returns can be changed freely, and that changes
// nothing in the Dict. To change a value that is there, use Update:
//
//	total, err := d.Update(ctx, "apples", func(n int, ok bool) (int, error) { return n + 1, nil })
//
// Every call is atomic by itself. A call costs a round trip; Len and All cost
// what is in the Dict on etcd.
type Dict[K comparable, V any] struct {
	object
	b    backend.Table
	keys keyCodec[K]
}

// NewDict returns the dict of that name, or a fresh one if name is "". Equal keys
// must encode to equal bytes, and NewDict panics with ErrValue for a type of which
// that is not certain: strings, integers, bools, and arrays and structs of them
// are fine.
func NewDict[K comparable, V any](m *Manager, name string) *Dict[K, V] {
	spec := m.spec(KindDict, name)
	spec.Codec = m.codec.Name()
	return &Dict[K, V]{object{m, valid(spec)}, m.backend.Table(spec), newKeyCodec[K](m.codec)}
}

// A Rev is a revision of a value: another one each time it is set. Revs can be
// compared. The zero Rev stands for a value that is not there.
type Rev struct{ n uint64 }

// An Entry is what All yields.
type Entry[K comparable, V any] struct {
	Key   K
	Value V
	Rev   Rev
}

// A Change is what Watch yields. Resync says that some changes were missed: it
// stands alone, and what is there follows.
type Change[K comparable, V any] struct {
	Key             K
	Value           V
	Rev             Rev
	Deleted, Resync bool
}

// Get returns the value of k, and whether there is one.
func (d *Dict[K, V]) Get(ctx context.Context, k K) (v V, ok bool, err error) {
	v, rev, err := d.Load(ctx, k)
	return v, rev != Rev{}, err
}

// Load returns the value of k with its revision, which is zero if there is none.
func (d *Dict[K, V]) Load(ctx context.Context, k K) (v V, rev Rev, err error) {
	key, err := d.keys.encode(k)
	if err != nil {
		return v, rev, err
	}
	return load[V](ctx, d.m, d.b, key)
}

func load[V any](ctx context.Context, m *Manager, b backend.Table, key []byte) (v V, rev Rev, err error) {
	var c backend.Cell
	err = m.read(ctx, func(ctx context.Context) error {
		c, err = b.Get(ctx, key)
		return err
	})
	if err != nil {
		return v, rev, err
	}
	return value[V](m, c)
}

// value decodes a cell.
func value[V any](m *Manager, c backend.Cell) (v V, rev Rev, err error) {
	if c.Rev == 0 {
		return v, rev, nil
	}
	v, err = decode[V](m.codec, c.Value)
	return v, Rev{c.Rev}, err
}

// Set sets the value of k.
func (d *Dict[K, V]) Set(ctx context.Context, k K, v V) error {
	_, _, err := d.put(ctx, k, v, backend.If{})
	return err
}

// SetTTL sets the value of k for a time: it lives at least d (on etcd at most 9/8
// d and the session's TTL). A later Set makes it stay. With d <= 0 it is like
// Set.
func (d *Dict[K, V]) SetTTL(ctx context.Context, k K, v V, ttl time.Duration) error {
	_, _, err := d.put(ctx, k, v, backend.If{TTL: max(ttl, 0)})
	return err
}

// SetDefault sets the value of k unless there is one, and returns the one that is
// there afterwards and whether it is the new one.
func (d *Dict[K, V]) SetDefault(ctx context.Context, k K, v V) (now V, stored bool, err error) {
	c, stored, err := d.put(ctx, k, v, backend.If{Checked: true})
	if err != nil || stored {
		return v, stored, err
	}
	now, _, err = value[V](d.m, c)
	return now, false, err
}

// CompareAndSet sets the value of k if its revision is rev, and returns the new
// revision, or ErrConflict. The zero Rev means: only if there is no value.
func (d *Dict[K, V]) CompareAndSet(ctx context.Context, k K, rev Rev, v V) (Rev, error) {
	c, stored, err := d.put(ctx, k, v, backend.If{Checked: true, Rev: rev.n})
	return compared(d.spec, c, stored, err)
}

func compared(spec backend.Spec, c backend.Cell, stored bool, err error) (Rev, error) {
	switch {
	case err != nil:
		return Rev{}, err
	case !stored:
		return Rev{}, backend.Errorf(ErrConflict, "%s has another revision", spec)
	}
	return Rev{c.Rev}, nil
}

func (d *Dict[K, V]) put(ctx context.Context, k K, v V, cond backend.If) (c backend.Cell, stored bool, err error) {
	key, err := d.keys.encode(k)
	if err != nil {
		return c, false, err
	}
	return put(ctx, d.m, d.b, key, v, cond)
}

func put[V any](ctx context.Context, m *Manager, b backend.Table, key []byte, v V, cond backend.If) (c backend.Cell, stored bool, err error) {
	data, err := encode(m.codec, v)
	if err != nil {
		return c, false, err
	}
	err = m.write(ctx, func(ctx context.Context) error {
		c, stored, err = b.Put(ctx, key, data, cond)
		return err
	})
	return c, stored, err
}

// Update sets the value of k to what fn makes of the old one, and returns it. ok
// says whether there was one. fn may be called several times, when others are
// faster, and should do nothing else. If it returns an error, nothing is changed
// and Update returns that.
func (d *Dict[K, V]) Update(ctx context.Context, k K, fn func(old V, ok bool) (V, error)) (V, error) {
	if fn == nil {
		panic("manager: Dict.Update with a nil function")
	}
	key, err := d.keys.encode(k)
	if err != nil {
		var none V
		return none, err
	}
	return update(ctx, d.m, d.b, key, fn)
}

func update[V any](ctx context.Context, m *Manager, b backend.Table, key []byte, fn func(old V, ok bool) (V, error)) (now V, err error) {
	var c backend.Cell
	err = m.read(ctx, func(ctx context.Context) error {
		c, err = b.Get(ctx, key)
		return err
	})
	for err == nil {
		old, rev, failed := value[V](m, c)
		if failed != nil {
			return now, failed
		}
		v, failed := fn(old, rev != Rev{})
		if failed != nil {
			return now, failed
		}
		var stored bool
		c, stored, err = put(ctx, m, b, key, v, backend.If{Checked: true, Rev: rev.n})
		if stored && err == nil {
			return v, nil
		}
	}
	return now, err
}

// Delete deletes the value of k, and reports whether there was one.
func (d *Dict[K, V]) Delete(ctx context.Context, k K) (bool, error) {
	c, err := d.remove(ctx, k)
	return c.Rev != 0, err
}

// Pop deletes the value of k and returns it, and whether there was one.
func (d *Dict[K, V]) Pop(ctx context.Context, k K) (v V, ok bool, err error) {
	c, err := d.remove(ctx, k)
	if err != nil {
		return v, false, err
	}
	v, rev, err := value[V](d.m, c)
	return v, rev != Rev{}, err
}

func (d *Dict[K, V]) remove(ctx context.Context, k K) (c backend.Cell, err error) {
	key, err := d.keys.encode(k)
	if err != nil {
		return c, err
	}
	err = d.m.write(ctx, func(ctx context.Context) error {
		c, err = d.b.Delete(ctx, key)
		return err
	})
	return c, err
}

// SetAll sets several values in one step: no other call sees only some of
// them.
func (d *Dict[K, V]) SetAll(ctx context.Context, values map[K]V) error {
	pairs := make([]backend.Pair, 0, len(values))
	for k, v := range values {
		key, err := d.keys.encode(k)
		if err != nil {
			return err
		}
		data, err := encode(d.m.codec, v)
		if err != nil {
			return err
		}
		pairs = append(pairs, backend.Pair{Key: key, Cell: backend.Cell{Value: data}})
	}
	return d.m.write(ctx, func(ctx context.Context) error { return d.b.PutAll(ctx, pairs) })
}

// Clear deletes all values.
func (d *Dict[K, V]) Clear(ctx context.Context) error { return d.m.write(ctx, d.b.Clear) }

// Len returns how many values there are.
func (d *Dict[K, V]) Len(ctx context.Context) (n int, err error) {
	err = d.m.read(ctx, func(ctx context.Context) error {
		n, err = d.b.Len(ctx)
		return err
	})
	return n, err
}

// All yields the values that are there when the loop begins, in the order of
// their encoded keys. It stops after an error.
func (d *Dict[K, V]) All(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		if err := d.m.ended(ctx); err != nil {
			yield(Entry[K, V]{}, err)
			return
		}
		for p, err := range d.b.All(ctx) {
			var e Entry[K, V]
			if err == nil {
				e.Key, e.Value, e.Rev, err = d.entry(p, false)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (d *Dict[K, V]) entry(p backend.Pair, deleted bool) (k K, v V, rev Rev, err error) {
	k, err = d.keys.decode(p.Key)
	if err == nil && !deleted {
		v, err = decode[V](d.m.codec, p.Value)
	}
	return k, v, Rev{p.Rev}, err
}

// Watch yields what is there, and then what changes, in the order in which it
// does. Several changes of one key may come as one, so a loop that is slow misses
// none but the last; if too many keys change meanwhile it gets a Resync. It goes
// on until ctx ends, whose cause is its last error.
func (d *Dict[K, V]) Watch(ctx context.Context) iter.Seq2[Change[K, V], error] {
	return func(yield func(Change[K, V], error) bool) {
		if err := d.m.ended(ctx); err != nil {
			yield(Change[K, V]{}, err)
			return
		}
		for b, err := range d.b.Watch(ctx) {
			c := Change[K, V]{Deleted: b.Deleted, Resync: b.Resync}
			if err == nil && !b.Resync {
				c.Key, c.Value, c.Rev, err = d.entry(b.Pair, b.Deleted)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

func (d *Dict[K, V]) describe() backend.Handle {
	h := d.object.describe(d.b)
	h.Key = func(k any) ([]byte, error) { return d.keys.encode(k.(K)) }
	return h
}

// write makes a call that changes something: once, unless it certainly did not.
func (m *Manager) write(ctx context.Context, f func(context.Context) error) error {
	return m.read(ctx, func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, ErrUnknown) {
			return err
		}
		return cause(ctx, err)
	})
}
