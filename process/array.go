package process

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"unsafe"

	"github.com/gothreading/threading/internal/shm"
)

// An Array is a row of elements that processes share.
//
// Make an Array with [NewArray] or [ArrayOf] and pass the pointer to other
// processes. The zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Array:
//
//	a[i], a[i] = x           Get(i), Set(i, x)
//	len(a), iteration        Len, All
//	a[i:j], get_lock()       Update
//
// T has no pointers. A process that is killed while it sets an element has set
// it or has not. What it has done within Update stays although it was cut
// short, and Abandoned says so.
//
// There are no forms that give up. A call waits for a function that was given
// to Update, and for nothing else. The memory model is that of [Value].
//
// A call is a lock and a copy of an element. For bytes without a lock use a
// [Memory].
type Array[T any] struct {
	handle
	a *shm.Array
}

// NewArray makes an Array of n elements, all zero. It panics if n < 0, with
// ErrSharing if T has pointers, and with ErrType if it has a lock or a uintptr.
func NewArray[T any](n int) *Array[T] {
	size := plainSize[T]("NewArray")
	if n < 0 || int64(n) > shm.MaxElements || size > shm.MaxElementSize {
		panic(fmt.Errorf("process: NewArray(%d) of elements of %d bytes: want 0 to %d of up to %d", n, size, int64(shm.MaxElements),
			shm.MaxElementSize))
	}
	a, err := shm.NewArray(n, size)
	return &Array[T]{a: made("NewArray", a, err)}
}

// ArrayOf makes an Array of the items.
func ArrayOf[T any](items ...T) *Array[T] {
	a := NewArray[T](len(items))
	s := a.row()
	s.Enter()
	copy(a.elements(s), items)
	s.Leave()
	return a
}

func (a *Array[T]) row() *shm.Array {
	if a.a == nil {
		panic(zero("Array"))
	}
	return a.a
}

// elements returns the elements, which must not be used when the Array is not
// locked.
func (a *Array[T]) elements(s *shm.Array) []T {
	n := s.Len()
	if unsafe.Sizeof(*new(T)) == 0 {
		return make([]T, n)
	}
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(s.Row()), n)[:n:n]
}

func (a *Array[T]) inside(call string, i int) *shm.Array {
	s := a.row()
	if i < 0 || i >= s.Len() {
		panic(fmt.Errorf("process: %s of element %d of an Array of %d", call, i, s.Len()))
	}
	return s
}

// Len returns how many elements there are.
func (a *Array[T]) Len() int { return a.row().Len() }

// Get returns the element at i. It panics if there is none.
func (a *Array[T]) Get(i int) T {
	s := a.inside("Get", i)
	s.Enter()
	x := a.elements(s)[i]
	s.Leave()
	return x
}

// Set makes x the element at i. It panics if there is none.
func (a *Array[T]) Set(i int, x T) {
	s := a.inside("Set", i)
	s.Enter()
	*(*T)(s.Aside()) = x
	s.Set(i)
	s.Leave()
}

// All returns an iterator over the elements as they were at one moment, when
// the loop begins.
func (a *Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		s := a.row()
		s.Enter()
		now := slices.Clone(a.elements(s))
		s.Leave()
		for i, x := range now {
			if !yield(i, x) {
				return
			}
		}
	}
}

// Update calls fn to change the elements, which no other call reads or changes
// meanwhile. The slice is the Array itself and must not be kept. If fn panics,
// or its process ends, what it has done stays, and Abandoned says so. fn may
// call Abandoned, and no other method of the Array.
func (a *Array[T]) Update(fn func([]T)) {
	if fn == nil {
		panic("process: Update of an Array with a nil function")
	}
	s := a.row()
	s.Enter()
	defer s.Leave()
	s.Begin()
	fn(a.elements(s))
	s.End()
}

// Abandoned reports whether the last Update was cut short and none has returned
// since. Within an Update it refers to the one before.
func (a *Array[T]) Abandoned() bool { return a.row().Cut() }

// MarshalBinary encodes a for another process. It returns ErrSharing unless
// this package encodes.
func (a *Array[T]) MarshalBinary() ([]byte, error) {
	return handOver("Array", a.a, (*shm.Array).Descriptor)
}

// UnmarshalBinary is the other direction.
func (a *Array[T]) UnmarshalBinary(data []byte) error {
	s, err := takeOver("Array", data, shm.AttachArray)
	if err == nil && s.Stride() != max(int(unsafe.Sizeof(*new(T))), 1) {
		return fmt.Errorf("%w: an Array of elements of %d bytes is none of %v", ErrSharing, s.Stride(), reflect.TypeFor[T]())
	}
	a.a = s
	return err
}
