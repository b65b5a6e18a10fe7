package process

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/gothreading/threading/internal/shm"
)

// A Value is a variable that processes share. Each change takes effect as a
// whole.
//
// Make a Value with [NewValue] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Value. Get and Set read and write .value;
// [Add] and Update replace the with block around get_lock(): v.value += 1 is
// not atomic there.
//
// T has no pointers, and so no strings, slices or maps. A process that is
// killed while it changes a Value has changed it or has not.
//
// There are no forms that give up. A call waits for a function that was given
// to Update, and for nothing else; where that can take long, use a [Lock] as
// well.
//
// The n'th change synchronizes before the n+1'th, and before the return of a
// Get that sees it. Between processes that holds for the contents of a Value,
// an [Array] or a [Memory].
//
// A call is a lock and a copy. Within one process use sync/atomic.
type Value[T any] struct {
	handle
	v *shm.Value
}

// A Number is a type that [Add] adds.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// NewValue makes a Value that is x. It panics with ErrSharing if T has
// pointers, and with ErrType if it has a lock or a uintptr.
func NewValue[T any](x T) *Value[T] {
	size := plainSize[T]("NewValue")
	s, err := shm.NewValue(size)
	v := &Value[T]{v: made("NewValue", s, err)}
	v.Set(x)
	return v
}

// plainSize returns the size of a type that lies in shared memory, which is at
// least 1.
func plainSize[T any](call string) int {
	t := reflect.TypeFor[T]()
	if hasPointers(t) {
		panic(fmt.Errorf("%w: process: %s: %v has pointers, which mean nothing in another process", ErrSharing, call, t))
	}
	if s := shapeOf(t); s.err != nil {
		panic(fmt.Errorf("process: %s: %w", call, s.err))
	}
	return max(int(t.Size()), 1)
}

func (v *Value[T]) variable() *shm.Value {
	if v.v == nil {
		panic(zero("Value"))
	}
	return v.v
}

// Get returns what the Value is.
func (v *Value[T]) Get() T {
	s := v.variable()
	s.Enter()
	x := *(*T)(s.Now())
	s.Leave()
	return x
}

// Set makes the Value x.
func (v *Value[T]) Set(x T) {
	s := v.variable()
	s.Enter()
	*(*T)(s.Next()) = x
	s.Commit()
	s.Leave()
}

// Update calls fn to change the Value, which no other call reads or changes
// meanwhile. If fn panics, the Value is unchanged. fn must not use the Value.
func (v *Value[T]) Update(fn func(*T)) {
	if fn == nil {
		panic("process: Update of a Value with a nil function")
	}
	s := v.variable()
	s.Enter()
	defer s.Leave()
	x := new(T) // not in shared memory: fn may keep the pointer
	*x = *(*T)(s.Now())
	fn(x)
	*(*T)(s.Next()) = *x
	s.Commit()
}

// Add adds n to the Value, and returns what it is then.
func Add[T Number](v *Value[T], n T) T {
	s := v.variable()
	s.Enter()
	x := *(*T)(s.Now()) + n
	*(*T)(s.Next()) = x
	s.Commit()
	s.Leave()
	return x
}

// CompareAndSwap makes the Value new if it is old, and reports whether it was.
func CompareAndSwap[T comparable](v *Value[T], old, new T) (swapped bool) {
	s := v.variable()
	s.Enter()
	if swapped = *(*T)(s.Now()) == old; swapped {
		*(*T)(s.Next()) = new
		s.Commit()
	}
	s.Leave()
	return swapped
}

// MarshalBinary encodes v for another process. It returns ErrSharing unless
// this package encodes.
func (v *Value[T]) MarshalBinary() ([]byte, error) {
	return handOver("Value", v.v, (*shm.Value).Descriptor)
}

// UnmarshalBinary is the other direction.
func (v *Value[T]) UnmarshalBinary(data []byte) error {
	s, err := takeOver("Value", data, shm.AttachValue)
	if err == nil && s.Size() != max(int(unsafe.Sizeof(*new(T))), 1) {
		return fmt.Errorf("%w: a Value of %d bytes is no %v", ErrSharing, s.Size(), reflect.TypeFor[T]())
	}
	v.v = s
	return err
}
