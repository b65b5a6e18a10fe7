package manager

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/gothreading/threading/internal/backend"
)

// A List is a slice that processes share by name.
//
//	l[i], l[i] = x               Get, Set
//	l.append(x), l.extend(xs)    Append
//	l.insert(i, x), l.pop(i)     Insert, Pop
//	len(l), for x in l           Len, All
//	l.sort(), l.reverse(), …     Update
//
// An index below 0 counts from the end; one out of range is ErrNotFound. Values
// are copies, as those of a [Dict] are. Every call is atomic by itself; on etcd a
// List is one value, of 1 MB at most.
type List[T any] struct {
	object
	b backend.List
}

// NewList returns the list of that name, or a fresh one if name is "".
func NewList[T any](m *Manager, name string) *List[T] {
	spec := m.spec(KindList, name)
	spec.Codec = m.codec.Name()
	return &List[T]{object{m, valid(spec)}, m.backend.List(spec)}
}

// Get returns the element at i.
func (l *List[T]) Get(ctx context.Context, i int) (v T, err error) {
	var data []byte
	err = l.m.read(ctx, func(ctx context.Context) error {
		data, err = l.b.Get(ctx, i)
		return err
	})
	if err != nil {
		return v, err
	}
	return decode[T](l.m.codec, data)
}

// Set replaces the element at i.
func (l *List[T]) Set(ctx context.Context, i int, v T) error {
	return l.with(ctx, v, func(ctx context.Context, data []byte) error { return l.b.Set(ctx, i, data) })
}

// Insert inserts v before the element at i; with i equal to Len it appends.
func (l *List[T]) Insert(ctx context.Context, i int, v T) error {
	return l.with(ctx, v, func(ctx context.Context, data []byte) error { return l.b.Insert(ctx, i, data) })
}

// with makes a call that brings an element.
func (l *List[T]) with(ctx context.Context, v T, f func(context.Context, []byte) error) error {
	data, err := encode(l.m.codec, v)
	if err != nil {
		return err
	}
	return l.m.write(ctx, func(ctx context.Context) error { return f(ctx, data) })
}

// Append appends elements, in one step.
func (l *List[T]) Append(ctx context.Context, v ...T) error {
	values, err := l.encode(v)
	if err != nil {
		return err
	}
	return l.m.write(ctx, func(ctx context.Context) error { return l.b.Append(ctx, values) })
}

// Pop removes the element at i and returns it: -1 is the last.
func (l *List[T]) Pop(ctx context.Context, i int) (v T, err error) {
	var data []byte
	err = l.m.write(ctx, func(ctx context.Context) error {
		data, err = l.b.Pop(ctx, i)
		return err
	})
	if err != nil {
		return v, err
	}
	return decode[T](l.m.codec, data)
}

// Len returns how many elements there are.
func (l *List[T]) Len(ctx context.Context) (n int, err error) {
	err = l.m.read(ctx, func(ctx context.Context) error {
		n, err = l.b.Len(ctx)
		return err
	})
	return n, err
}

// All yields the elements that are there when the loop begins. It stops after an
// error.
func (l *List[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		values, _, err := l.load(ctx)
		if err != nil {
			yield(none, err)
			return
		}
		for _, data := range values {
			v, err := decode[T](l.m.codec, data)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Update replaces the elements by what fn makes of them, and returns that: for
// what has to be done in one step, such as sorting. fn may change and return its
// argument. It may be called several times, when others are faster, and should do
// nothing else. If it returns an error, nothing is changed and Update returns
// that.
func (l *List[T]) Update(ctx context.Context, fn func([]T) ([]T, error)) ([]T, error) {
	if fn == nil {
		panic("manager: List.Update with a nil function")
	}
	for {
		values, rev, err := l.load(ctx)
		if err != nil {
			return nil, err
		}
		elements := make([]T, len(values))
		for i, data := range values {
			if elements[i], err = decode[T](l.m.codec, data); err != nil {
				return nil, err
			}
		}
		if elements, err = fn(elements); err != nil {
			return nil, err
		}
		if values, err = l.encode(elements); err != nil {
			return nil, err
		}
		err = l.m.write(ctx, func(ctx context.Context) error { return l.b.Replace(ctx, rev, values) })
		if err == nil {
			return elements, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
}

func (l *List[T]) load(ctx context.Context) (values [][]byte, rev uint64, err error) {
	err = l.m.read(ctx, func(ctx context.Context) error {
		values, rev, err = l.b.Load(ctx)
		return err
	})
	return values, rev, err
}

func (l *List[T]) encode(v []T) (values [][]byte, err error) {
	values = make([][]byte, len(v))
	for i, v := range v {
		if values[i], err = encode(l.m.codec, v); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (l *List[T]) describe() backend.Handle { return l.object.describe(l.b) }

// An Array is a fixed number of values that processes share by name.
//
//	a[i], a[i] = x               Get, Set
//	a[i] += 1                    Update
//	len(a), for x in a           Len, All
//
// An index below 0 counts from the end; one out of range is ErrNotFound. Elements
// that were never set are zero values of T. The length belongs to the array:
// other handles have to name the same.
type Array[T any] struct {
	object
	b backend.Table
}

// NewArray returns the array of that name, or a fresh one if name is "". It
// panics with ErrValue if n is below 0.
func NewArray[T any](m *Manager, name string, n int) *Array[T] {
	spec := m.spec(KindArray, name)
	spec.Codec, spec.N = m.codec.Name(), n
	return &Array[T]{object{m, valid(spec)}, m.backend.Table(spec)}
}

// key returns the key of the element at i: keys are ordered as indices are.
func (a *Array[T]) key(i int) ([]byte, error) {
	at := i
	if at < 0 {
		at += a.spec.N
	}
	if at < 0 || at >= a.spec.N {
		return nil, backend.Errorf(ErrNotFound, "%s: index %d of %d", a.spec, i, a.spec.N)
	}
	return binary.BigEndian.AppendUint64(nil, uint64(at)), nil
}

// Get returns the element at i.
func (a *Array[T]) Get(ctx context.Context, i int) (v T, err error) {
	key, err := a.key(i)
	if err != nil {
		return v, err
	}
	v, _, err = load[T](ctx, a.m, a.b, key)
	return v, err
}

// Set sets the element at i.
func (a *Array[T]) Set(ctx context.Context, i int, v T) error {
	key, err := a.key(i)
	if err != nil {
		return err
	}
	_, _, err = put(ctx, a.m, a.b, key, v, backend.If{})
	return err
}

// Update sets the element at i to what fn makes of the old one, and returns it.
// fn may be called several times, when others are faster, and should do nothing
// else. If it returns an error, nothing is changed and Update returns that.
func (a *Array[T]) Update(ctx context.Context, i int, fn func(old T) (T, error)) (v T, err error) {
	if fn == nil {
		panic("manager: Array.Update with a nil function")
	}
	key, err := a.key(i)
	if err != nil {
		return v, err
	}
	return update(ctx, a.m, a.b, key, func(old T, _ bool) (T, error) { return fn(old) })
}

// All yields all elements, as they are when the loop begins. It stops after an
// error.
func (a *Array[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := a.m.ended(ctx); err != nil {
			yield(none, err)
			return
		}
		next := 0
		for p, err := range a.b.All(ctx) {
			if err != nil {
				yield(none, err)
				return
			}
			for at := int(binary.BigEndian.Uint64(p.Key)); next < at; next++ {
				if !yield(none, nil) {
					return
				}
			}
			v, err := decode[T](a.m.codec, p.Value)
			if !yield(v, err) || err != nil {
				return
			}
			next++
		}
		for ; next < a.spec.N; next++ {
			if !yield(none, nil) {
				return
			}
		}
	}
}

// Len returns how many elements there are.
func (a *Array[T]) Len() int { return a.spec.N }

func (a *Array[T]) describe() backend.Handle { return a.object.describe(a.b) }
