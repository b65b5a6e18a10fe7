package process

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/internal/worker"
)

var (
	// ErrInit is what Register and RegisterError panic with after Init, and
	// New, Start and NewPool before it.
	ErrInit = worker.ErrInit
	// ErrUnregistered is the error of a child that cannot find its function or
	// decode its argument.
	ErrUnregistered = errors.New("process: the function, or its argument, is not known in the child")
)

// A Func is a function that can be called in other processes. [Register] makes
// one.
type Func[In, Out any] struct {
	id  string
	fn  func(context.Context, In) (Out, error)
	in  *codec[In]
	out *codec[Out]
}

// Register makes fn callable in other processes of the program. It is called
// where a package-level variable is initialized, or, for a function that starts
// itself, in an init function:
//
//	var count = process.Register(countWords)
//
// [pool.Plain], [pool.Unit] and their like adapt functions of other forms. A
// function without an argument takes struct{}. Register panics with [ErrInit]
// after Init, and with [ErrType] or [ErrSharing] if values of type In or Out
// cannot be passed to another process; a result must not contain shared
// objects.
//
// A child finds the function by its name and its number among registrations of
// that name, as closures and instances of generic functions have the same. So
// registration must not depend on anything that differs between processes, such
// as the environment: a child that does not find its function ends with
// [ErrUnregistered].
func Register[In, Out any](fn func(context.Context, In) (Out, error)) *Func[In, Out] {
	if fn == nil {
		panic("process: Register of a nil function")
	}
	if begun.Load() {
		panic(fmt.Errorf("%w: a function was registered after it", ErrInit))
	}
	name := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	call := "Register of " + name
	f := &Func[In, Out]{fn: fn, in: newCodec[In](call, true), out: newCodec[Out](call, false)}
	registry.guard.Lock()
	defer registry.guard.Unlock()
	id := name + " " + reflect.TypeOf(fn).String()
	registry.count[id]++
	f.id = id + " " + strconv.Itoa(registry.count[id])
	registry.funcs[f.id] = f
	return f
}

// registry is what was registered, by id. It does not change after Init.
var registry = struct {
	guard sync.Mutex
	count map[string]int
	funcs map[string]callable
}{count: make(map[string]int), funcs: make(map[string]callable)}

// begun is set by Init.
var begun atomic.Bool

// A callable is a Func whose types are not known.
type callable interface {
	// call decodes the argument, and calls begin and the function. The result
	// is encoded, behind to.
	call(ctx context.Context, in []byte, l *luggage, begin func(), to []byte) (out []byte, err error)
}

var _ callable = (*Func[int, int])(nil)

// An argumentError is that of an argument which cannot be decoded.
type argumentError struct{ err error }

func (e *argumentError) Error() string   { return e.err.Error() }
func (e *argumentError) Unwrap() []error { return []error{ErrUnregistered, e.err} }

func (f *Func[In, Out]) call(
	ctx context.Context, data []byte, l *luggage, begin func(), to []byte,
) ([]byte, error) {
	in, err := f.in.decode(data, l)
	l.close()
	if err != nil {
		return nil, &argumentError{err}
	}
	begin()
	out, err := f.fn(ctx, in)
	if err != nil {
		return nil, err
	}
	return f.out.encode(to, out, nil)
}

// find returns the Func with an id.
func find[In, Out any](id string) (*Func[In, Out], error) {
	f, ok := registry.funcs[id].(*Func[In, Out])
	if !ok {
		return nil, unregistered(id)
	}
	return f, nil
}

func unregistered(id string) error {
	return fmt.Errorf("%w: %q; is it registered in every process, in the initialization of a package-level variable?",
		ErrUnregistered, id)
}
