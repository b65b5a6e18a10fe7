package manager

import (
	"context"
	"iter"

	"github.com/gothreading/threading/internal/backend"
)

// A Value is one value that processes share by name.
//
//	v.value, v.value = x         Get, Set
//	v.value += 1                 Update; for integers a [Counter]
//
// One that was never set is the zero value of T.
type Value[T any] struct {
	object
	b backend.Table
}

// NewValue returns the value of that name, or a fresh one if name is "".
func NewValue[T any](m *Manager, name string) *Value[T] {
	spec := m.spec(KindValue, name)
	spec.Codec = m.codec.Name()
	return &Value[T]{object{m, valid(spec)}, m.backend.Table(spec)}
}

// A Value is a table with this key.
var only = []byte{}

// Get returns the value.
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	x, _, err := v.Load(ctx)
	return x, err
}

// Load returns the value with its revision, which is zero if it was never set.
func (v *Value[T]) Load(ctx context.Context) (T, Rev, error) { return load[T](ctx, v.m, v.b, only) }

// Set sets the value.
func (v *Value[T]) Set(ctx context.Context, x T) error {
	_, _, err := put(ctx, v.m, v.b, only, x, backend.If{})
	return err
}

// Update sets the value to what fn makes of the old one, and returns it. fn may be
// called several times, when others are faster, and should do nothing else. If it
// returns an error, nothing is changed and Update returns that.
func (v *Value[T]) Update(ctx context.Context, fn func(old T) (T, error)) (T, error) {
	if fn == nil {
		panic("manager: Value.Update with a nil function")
	}
	return update(ctx, v.m, v.b, only, func(old T, _ bool) (T, error) { return fn(old) })
}

// CompareAndSet sets the value if its revision is rev, and returns the new
// revision, or ErrConflict. The zero Rev means: only if it was never set.
func (v *Value[T]) CompareAndSet(ctx context.Context, rev Rev, x T) (Rev, error) {
	c, stored, err := put(ctx, v.m, v.b, only, x, backend.If{Checked: true, Rev: rev.n})
	return compared(v.spec, c, stored, err)
}

// Watch yields the value, if it was ever set, and then each one that it is set to;
// of several in quick succession perhaps only the last. It goes on until ctx
// ends, whose cause is its last error.
func (v *Value[T]) Watch(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := v.m.ended(ctx); err != nil {
			yield(none, err)
			return
		}
		for c, err := range v.b.Watch(ctx) {
			x := none
			if err == nil {
				if c.Resync || c.Deleted {
					continue
				}
				x, err = decode[T](v.m.codec, c.Value)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

func (v *Value[T]) describe() backend.Handle { return v.object.describe(v.b) }

// A Namespace is names for values: Python's Namespace, whose attributes have
// their types here.
//
//	ns.x = 10                    x := manager.Attr[int](ns, "x"); err := x.Set(ctx, 10)
//	ns.x                         x.Get(ctx)
type Namespace struct{ object }

// Namespace returns the namespace of that name, or a fresh one if name is "".
func (m *Manager) Namespace(name string) *Namespace {
	return &Namespace{object{m, valid(m.spec(namespace, name))}}
}

// A namespace is no object: its attributes are values whose names begin with it.
const namespace = Kind("namespace")

// Attr returns an attribute of n: a [Value] whose name is that of n, a NUL, and
// name.
func Attr[T any](n *Namespace, name string) *Value[T] {
	valid(backend.Spec{Kind: backend.Kind(namespace), Name: name})
	return NewValue[T](n.m, n.spec.Name+"\x00"+name)
}

func (n *Namespace) describe() backend.Handle { return n.object.describe(nil) }

// A Counter is an integer that processes share by name, and add to in one step.
type Counter struct {
	object
	b backend.Counter
}

// Counter returns the counter of that name, or a fresh one if name is "". It
// begins at 0.
func (m *Manager) Counter(name string) *Counter {
	spec := valid(m.spec(KindCounter, name))
	return &Counter{object{m, spec}, m.backend.Counter(spec)}
}

// Add adds n, which may be below 0, and returns the sum. It returns ErrValue, and
// changes nothing, if that overflows.
func (c *Counter) Add(ctx context.Context, n int64) (sum int64, err error) {
	err = c.m.write(ctx, func(ctx context.Context) error {
		sum, err = c.b.Add(ctx, n)
		return err
	})
	return sum, err
}

// Get returns the count.
func (c *Counter) Get(ctx context.Context) (n int64, err error) {
	err = c.m.read(ctx, func(ctx context.Context) error {
		n, err = c.b.Add(ctx, 0)
		return err
	})
	return n, err
}

// Set sets the count.
func (c *Counter) Set(ctx context.Context, n int64) error {
	return c.m.write(ctx, func(ctx context.Context) error { return c.b.Set(ctx, n) })
}

func (c *Counter) describe() backend.Handle { return c.object.describe(c.b) }
