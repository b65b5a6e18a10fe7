package lock

import (
	"hash/maphash"
	"math/bits"
	"reflect"
	"unsafe"
)

// parts is how many parts a Map has. Keys are spread over them, so that
// goroutines with different keys seldom meet: each part has a guard of its own.
const parts = 64

// A spread is what a Map has once it is used.
type spread[K comparable] struct {
	parts   [parts]part[K] // first, so that each is in a cache line
	integer bool           // K is an integer of 64 bits
}

// start makes m's spread, when m is first used.
func (m *Map[K]) start() *spread[K] {
	s := new(spread[K])
	switch t := reflect.TypeFor[K](); t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr:
		s.integer = t.Size() == 8
	}
	m.spread.CompareAndSwap(nil, s)
	return m.spread.Load()
}

var (
	seed = maphash.MakeSeed()
	mask = maphash.Comparable(seed, 0) // so that other integers meet in a part in each process
)

// golden is 1<<64 divided by the golden ratio. The two halves of its product with an
// integer, one xor the other, spread integers well that are equally far from each
// other, however far that is.
const golden = 0x9e3779b97f4a7c15

// part returns the part of a key, and the key's hash. If k cannot be hashed it
// panics. An integer is hashed here: package maphash, which finds out each time
// what k is, takes a quarter of the time of Lock and Unlock.
func (m *Map[K]) part(k K) (*part[K], uint32) {
	s := m.spread.Load()
	if s == nil {
		s = m.start()
	}
	var hash uint64
	if s.integer && unsafe.Sizeof(k) == 8 {
		high, low := bits.Mul64(*(*uint64)(unsafe.Pointer(&k))^mask, golden)
		hash = high ^ low
	} else {
		hash = maphash.Comparable(seed, k)
	}
	return &s.parts[hash%parts], uint32(hash / parts)
}
