package shm

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// An Array is a row of elements of one size. Setting one of them goes through a
// place beside the row: the element is written there, then a word says which
// one it is, which is the change; it is carried out, and the word cleared. A
// process that locks the guard and finds the word carries it out. So an element
// is the old one or the new one.
//
// A change of several elements is made in the row itself, by code of others. So
// it may be cut short, by the death of its process or by a panic. Two words say
// so: updating while it is under way, and cut from the moment at which a
// process finds updating without it.
type Array struct {
	Mutex
	page   *arrayPage
	n      int
	stride int
}

type arrayPage struct {
	guard    ownerPage
	setting  atomic.Uint64 // the index of the element that is set, plus 1
	updating atomic.Uint64
	cut      atomic.Uint64
	_        [24]byte
}

const arrayFirst = int64(unsafe.Sizeof(arrayPage{}))

// The header has room for one number: the length in the lower bits, and the
// size of an element above.
const arrayLengthBits = 40

func arrayExtra(n, stride int) uint64 { return uint64(stride)<<arrayLengthBits | uint64(n) }

func arraySize(extra uint64) int64 {
	n, stride := int64(extra&(1<<arrayLengthBits-1)), int64(extra>>arrayLengthBits)
	return arrayFirst + (stride+63)&^63 + n*stride
}

// MaxElements and MaxElementSize bound an Array.
const (
	MaxElements    = 1<<arrayLengthBits - 1
	MaxElementSize = 1<<(63-arrayLengthBits) - 1
)

// NewArray makes an Array of n elements of size bytes each, all zero.
func NewArray(n, stride int) (*Array, error) {
	extra := arrayExtra(n, stride)
	return create(KindArray, arraySize(extra), false, extra, arrayOf)
}

// AttachArray returns the Array of a descriptor.
func AttachArray(fd int) (*Array, error) { return attach(fd, KindArray, arraySize, arrayOf) }

func arrayOf(s *segment) *Array {
	extra := s.header().extra
	a := &Array{
		page: (*arrayPage)(s.at(0)), n: int(extra & (1<<arrayLengthBits - 1)), stride: int(extra >> arrayLengthBits),
	}
	a.seg = s
	a.bind(&a.page.guard)
	return a
}

// Descriptor returns the file of the Array.
func (a *Array) Descriptor() int { return a.seg.fd }

// Len returns how many elements there are, and Stride how many bytes each has.
func (a *Array) Len() int    { return a.n }
func (a *Array) Stride() int { return a.stride }

func (a *Array) first() int64 { return arrayFirst + (int64(a.stride)+63)&^63 }

// Row returns the elements. It needs the Array to be locked.
func (a *Array) Row() unsafe.Pointer {
	if a.n*a.stride == 0 {
		return nil
	}
	return a.seg.at(a.first())
}

// Aside returns where an element is written that is to be set. It needs the
// Array to be locked.
func (a *Array) Aside() unsafe.Pointer {
	point("array: about to write")
	return a.seg.at(arrayFirst)
}

// Enter locks the Array. What it finds is whole.
func (a *Array) Enter() {
	a.Lock(nil)
	point("array: entered")
	if a.page.setting.Load() != 0 {
		a.carryOut()
	}
	if a.page.updating.Load() != 0 {
		a.page.cut.Store(1)
		point("array: cut short")
		a.page.updating.Store(0)
	}
}

// Leave unlocks the Array.
func (a *Array) Leave() {
	point("array: about to leave")
	a.Unlock()
	runtime.KeepAlive(a)
}

// Set makes what was written aside the element at i.
func (a *Array) Set(i int) {
	point("array: written aside")
	a.page.setting.Store(uint64(i) + 1)
	point("array: set")
	a.carryOut()
}

func (a *Array) carryOut() {
	i := a.page.setting.Load() - 1
	if i < uint64(a.n) && a.stride > 0 {
		aside := unsafe.Slice((*byte)(a.seg.at(arrayFirst)), a.stride)
		copy(unsafe.Slice((*byte)(a.seg.at(a.first()+int64(i)*int64(a.stride))), a.stride), aside)
	}
	point("array: carried out")
	a.page.setting.Store(0)
}

// Begin begins a change of several elements. If End does not follow, it was cut
// short.
func (a *Array) Begin() {
	a.page.updating.Store(1)
	point("array: updating")
}

// End ends what Begin began.
func (a *Array) End() {
	point("array: updated")
	a.page.cut.Store(0)
	point("array: whole")
	a.page.updating.Store(0)
}

// Cut reports whether the last change of several elements was cut short. In
// one, it is about the one before.
func (a *Array) Cut() bool {
	cut := a.page.cut.Load() != 0 || a.page.updating.Load() != 0 && !a.held()
	runtime.KeepAlive(a)
	return cut
}
