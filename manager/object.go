package manager

import (
	"context"
	"fmt"
	"reflect"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/thread"
)

// A Type is a type of one's own whose values processes share by name: Python's
// BaseManager.register. Make it, and its methods, in package-level variables, so
// that every process of the program has them:
//
//	type Account struct{ Balance int }
//
//	func (a *Account) Deposit(_ context.Context, n int) (int, error) {
//		a.Balance += n
//		return a.Balance, nil
//	}
//
//	var (
//		accounts = manager.Register("account", func() *Account { return new(Account) })
//		deposit  = manager.Define(accounts, "deposit", (*Account).Deposit)
//	)
//
//	balance, err := deposit.Call(ctx, accounts.Open(m, "mine"), 5)
type Type[T any] struct{ t *backend.Type }

// Register makes a type known under a name: the same in every process. make
// returns a new value, and is called where the object is kept when it is first
// used. Register panics with ErrDuplicate if the name is taken.
func Register[T any](name string, make func() *T) *Type[T] {
	if make == nil {
		panic("manager: Register with a nil function")
	}
	t := &backend.Type{
		Name:    name,
		New:     func() any { return make() },
		Keep:    func(self any) func() { return keep(self.(*T)) },
		Dropped: func(codec backend.Codec) string { return dropped(reflect.TypeFor[T](), codec) },
	}
	if !backend.RegisterType(t) {
		panic(backend.Errorf(ErrDuplicate, "Register: a type named %q is registered", name))
	}
	return &Type[T]{t}
}

// An Object is a value of a registered [Type].
type Object[T any] struct {
	object
	b backend.Object
}

// Open returns the object of that name, or a fresh one if name is "".
func (t *Type[T]) Open(m *Manager, name string) *Object[T] {
	spec := m.spec(KindObject, name)
	spec.Codec, spec.Type = m.codec.Name(), t.t.Name
	return &Object[T]{object{m, valid(spec)}, m.backend.Object(spec)}
}

func (o *Object[T]) describe() backend.Handle { return o.object.describe(o.b) }

// A Method is a function on the values of a [Type].
type Method[T, In, Out any] struct{ name string }

// Define adds a method to a type, under a name: the same in every process. It
// panics with ErrDuplicate if the type has one of that name.
func Define[T, In, Out any](t *Type[T], name string, fn func(self *T, ctx context.Context, in In) (Out, error)) *Method[T, In, Out] {
	if fn == nil {
		panic("manager: Define with a nil function")
	}
	run := func(ctx context.Context, self any, codec backend.Codec, in []byte) ([]byte, *backend.Fault) {
		arg, err := decode[In](codec, in)
		if err != nil {
			return nil, faultOf(err)
		}
		var out []byte
		panicked := thread.Try(func() {
			var result Out
			if result, err = fn(self.(*T), ctx, arg); err == nil {
				out, err = encode(codec, result)
			}
		})
		if panicked != nil {
			err = panicked
		}
		if err != nil {
			return nil, faultOf(err)
		}
		return out, nil
	}
	if !t.t.Define(name, run) {
		panic(backend.Errorf(ErrDuplicate, "Define: type %q has a method named %q", t.t.Name, name))
	}
	return &Method[T, In, Out]{name}
}

// Call calls the method where the object is kept, one call at a time for each
// object. On "mem:" and "unix:" that is the process which serves, and the value
// stays there as it is; on etcd the value passes the codec, the method runs in the
// caller and may run again when others are faster, and the first Call returns an
// [errors.ErrUnsupported] that names a field which the codec drops.
//
// An error of the method arrives as a [*RemoteError], and so does a panic. Either
// leaves the value as it was: before each call what it consists of is copied, but
// for channels, functions and what has a lock or an atomic in it, which are
// shared. So keep large things in a [Dict] instead.
//
// If ctx ends, the method's context does. A method on a server that does not
// return then is left alone, and Call returns ErrUnknown.
func (f *Method[T, In, Out]) Call(ctx context.Context, o *Object[T], in In) (out Out, err error) {
	arg, err := encode(o.m.codec, in)
	if err != nil {
		return out, err
	}
	var (
		data  []byte
		fault *backend.Fault
	)
	err = o.m.write(ctx, func(ctx context.Context) error {
		data, fault, err = o.b.Call(ctx, f.name, arg)
		return err
	})
	switch {
	case err != nil:
		return out, err
	case fault != nil:
		return out, remoteError(*fault)
	}
	return decode[Out](o.m.codec, data)
}

// dropped returns the name of a field of t that the codec drops, or "". That it
// drops one is seen from what is left when a value in which every field is set
// has passed it.
func dropped(t reflect.Type, codec backend.Codec) string {
	full := reflect.New(t)
	fill(full.Elem(), 0)
	data, err := codec.Marshal(full.Interface())
	if err != nil {
		return ""
	}
	back := reflect.New(t)
	if err := codec.Unmarshal(data, back.Interface()); err != nil {
		return ""
	}
	return missing(t.Name(), full.Elem(), back.Elem(), 0)
}

// depth is how deep fill and missing go into a type that contains itself.
const depth = 8

// fill sets everything in v that can be set to something else than zero.
func fill(v reflect.Value, level int) {
	if level > depth || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), level+1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), level+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(k, level+1)
		fill(e, level+1)
		v.SetMapIndex(k, e)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), level+1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), level+1)
		}
	}
}

// missing returns the path of a field of full that back lacks. An unexported
// field of a type that encodes itself is its own business.
func missing(path string, full, back reflect.Value, level int) string {
	if level > depth {
		return ""
	}
	switch full.Kind() {
	case reflect.Struct:
		if encodesItself(full.Type()) {
			return ""
		}
		for i := range full.NumField() {
			f := full.Type().Field(i)
			name := fmt.Sprintf("%s.%s", path, f.Name)
			if !f.IsExported() && !f.Anonymous {
				return name
			}
			if lost := missing(name, full.Field(i), back.Field(i), level+1); lost != "" {
				return lost
			}
		}
	case reflect.Pointer:
		if full.IsNil() {
			return ""
		}
		if back.IsNil() {
			return path
		}
		return missing(path, full.Elem(), back.Elem(), level+1)
	case reflect.Slice, reflect.Array:
		if full.Len() != back.Len() {
			return path
		}
		if full.Len() > 0 {
			return missing(path, full.Index(0), back.Index(0), level+1)
		}
	case reflect.Map:
		if full.Len() != back.Len() {
			return path
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Interface:
		return path
	default:
		if full.CanInterface() && !full.IsZero() && back.IsZero() {
			return path
		}
	}
	return ""
}

func encodesItself(t reflect.Type) bool {
	for _, name := range []string{"MarshalJSON", "MarshalText", "MarshalBinary", "MarshalCBOR"} {
		if _, ok := reflect.PointerTo(t).MethodByName(name); ok {
			return true
		}
	}
	return false
}
