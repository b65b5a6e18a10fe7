package shm

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Value is some bytes that change as a whole. There are two copies, and a
// word that says which one holds. A process that changes them writes the other
// copy, under the guard, and then the word: that store is the change. If it is
// killed before, it has changed nothing, whatever it has written.
type Value struct {
	Mutex
	page *valuePage
	size int
}

type valuePage struct {
	guard ownerPage
	which atomic.Uint64
	_     [40]byte
}

const valueFirst = int64(unsafe.Sizeof(valuePage{}))

// valueStride is the distance between the copies.
func valueStride(size uint64) int64 { return (int64(size) + 63) &^ 63 }

func valueSize(size uint64) int64 { return valueFirst + 2*valueStride(size) }

// NewValue makes a Value of size bytes, all zero.
func NewValue(size int) (*Value, error) {
	return create(KindValue, valueSize(uint64(size)), false, uint64(size), valueOf)
}

// AttachValue returns the Value of a descriptor.
func AttachValue(fd int) (*Value, error) { return attach(fd, KindValue, valueSize, valueOf) }

func valueOf(s *segment) *Value {
	v := &Value{page: (*valuePage)(s.at(0)), size: int(s.header().extra)}
	v.seg = s
	v.bind(&v.page.guard)
	return v
}

// Descriptor returns the file of the Value.
func (v *Value) Descriptor() int { return v.seg.fd }

// Size returns how many bytes it is.
func (v *Value) Size() int { return v.size }

// Enter locks the Value.
func (v *Value) Enter() {
	v.Lock(nil)
	point("value: entered")
}

// Leave unlocks the Value.
func (v *Value) Leave() {
	point("value: about to leave")
	v.Unlock()
}

// Now returns the copy that holds. It needs the Value to be locked, and must
// not be changed.
func (v *Value) Now() unsafe.Pointer { return v.copy(v.page.which.Load() & 1) }

// Next returns the other copy, which becomes the one that holds by Commit.
func (v *Value) Next() unsafe.Pointer {
	point("value: about to write")
	return v.copy(^v.page.which.Load() & 1)
}

func (v *Value) copy(i uint64) unsafe.Pointer {
	return v.seg.at(valueFirst + int64(i)*valueStride(uint64(v.size)))
}

// Commit makes the change that was written to the other copy.
func (v *Value) Commit() {
	point("value: written")
	v.page.which.Store(v.page.which.Load() ^ 1)
	point("value: committed")
	runtime.KeepAlive(v)
}
