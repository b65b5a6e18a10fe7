package shm

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
	"weak"
)

// A segment is the memory of one object: a file without a name, which the
// processes that know the object map, and hand over by descriptor. The kernel
// frees it with the last of them, however they end, so there is nothing to
// clean up. It begins with a header that says what it is.
type segment struct {
	fd  int
	id  fileID
	mem []byte
	// There is memory behind the first reserved bytes, as far as this process
	// knows. A table that is mostly empty gets its memory when it is needed,
	// see reach.
	reserved int64
}

// A fileID tells a file from all others.
type fileID struct{ device, inode uint64 }

type header struct {
	magic uint64
	kind  Kind
	_     uint32
	size  uint64 // of what is mapped, from the beginning
	extra uint64 // the object's own
	_     [32]byte
}

const (
	segmentMagic = 0x7365676d30303031
	headerSize   = int64(unsafe.Sizeof(header{}))
)

// A Kind is what an object is.
type Kind uint32

// The kinds of objects.
const (
	KindMutex Kind = 1 + iota
	KindRMutex
	KindSemaphore
	KindBounded
	KindEvent
	KindCondition
	KindBarrier
	KindQueue
	KindValue
	KindArray
	KindMemory
)

// objects finds the state that this process has for an object, by the file.
// There is one, however often the object was handed over, since goroutines of
// one process meet in it before they meet other processes. It keeps none alive:
// an unreachable object is unmapped, and its descriptor closed. So a method
// that uses the memory of an object ends with runtime.KeepAlive of it.
var objects = struct {
	guard sync.Mutex
	all   map[fileID]any // weak.Pointer to the state
}{all: make(map[fileID]any)}

// ErrSegment means that a descriptor is not that of the expected object.
var ErrSegment = errors.New("shm: the descriptor is not that of a shared object")

// create makes an object with size bytes behind the header. grows is for one
// whose file gets longer.
func create[T any](kind Kind, size int64, grows bool, extra uint64, state func(*segment) *T) (*T, error) {
	return createSparse(kind, size, size, grows, extra, state)
}

// createSparse is create for an object that needs memory behind the first of
// its bytes only.
func createSparse[T any](
	kind Kind, size, first int64, grows bool, extra uint64, state func(*segment) *T,
) (*T, error) {
	if err := Found(); err != nil {
		return nil, err
	}
	fd, err := newFile("threading-object")
	if err != nil {
		return nil, err
	}
	s, err := newSegment(fd, headerSize+size, headerSize+first, grows)
	if err != nil {
		closeFile(fd)
		return nil, err
	}
	*s.header() = header{magic: segmentMagic, kind: kind, size: uint64(len(s.mem)), extra: extra}
	o := state(s)
	objects.guard.Lock()
	defer objects.guard.Unlock()
	adopt(s, o)
	return o, nil
}

func newSegment(fd int, size, first int64, grows bool) (*segment, error) {
	if err := lengthen(fd, size); err != nil {
		return nil, err
	}
	if err := reserve(fd, 0, first); err != nil {
		return nil, err
	}
	if err := seal(fd, grows); err != nil {
		return nil, err
	}
	id, _, err := inspect(fd)
	if err != nil {
		return nil, err
	}
	mem, err := mapFile(fd, 0, size)
	if err != nil {
		return nil, err
	}
	return &segment{fd, id, mem, first}, nil
}

// attach returns the state of the object whose file fd is; fd belongs to it, or
// is closed.
func attach[T any](fd int, kind Kind, size func(extra uint64) int64, state func(*segment) *T) (*T, error) {
	if kinErr != nil || kin == nil {
		closeFile(fd)
		return nil, fmt.Errorf("%w: this process belongs to no family", ErrSegment)
	}
	objects.guard.Lock()
	defer objects.guard.Unlock()
	s, err := openSegment(fd, kind, size)
	if err != nil {
		closeFile(fd)
		return nil, err
	}
	if known, ok := objects.all[s.id].(weak.Pointer[T]); ok {
		if o := known.Value(); o != nil {
			s.free()
			return o, nil
		}
	}
	o := state(s)
	adopt(s, o)
	return o, nil
}

func openSegment(fd int, kind Kind, size func(extra uint64) int64) (*segment, error) {
	id, length, err := inspect(fd)
	if err != nil {
		return nil, err
	}
	if length < headerSize {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrSegment, length)
	}
	mem, err := mapFile(fd, 0, headerSize)
	if err != nil {
		return nil, err
	}
	h := *(*header)(unsafe.Pointer(&mem[0]))
	unmap(mem)
	if h.magic != segmentMagic || h.kind != kind {
		return nil, fmt.Errorf("%w: it begins with %#x and is of kind %d, want %d", ErrSegment, h.magic, h.kind, kind)
	}
	if want := headerSize + size(h.extra); h.size != uint64(want) || length < want {
		return nil, fmt.Errorf("%w: it was cut short: %d bytes of %d", ErrSegment, min(length, int64(h.size)), want)
	}
	if mem, err = mapFile(fd, 0, int64(h.size)); err != nil {
		return nil, err
	}
	return &segment{fd, id, mem, headerSize}, nil
}

// adopt makes o the state of its object, for as long as o is reachable.
func adopt[T any](s *segment, o *T) {
	self := weak.Make(o)
	objects.all[s.id] = self
	runtime.AddCleanup(o, func(s *segment) {
		objects.guard.Lock()
		if objects.all[s.id] == any(self) { // else it was handed over again, and has another state by now
			delete(objects.all, s.id)
		}
		objects.guard.Unlock()
		s.free()
	}, s)
}

func (s *segment) header() *header { return (*header)(unsafe.Pointer(&s.mem[0])) }

// at returns what lies at a distance behind the header.
func (s *segment) at(offset int64) unsafe.Pointer { return unsafe.Pointer(&s.mem[headerSize+offset]) }

// reach makes sure that there is memory up to a distance behind the header.
func (s *segment) reach(offset int64) error {
	const step = 4096
	end := (headerSize + offset + step - 1) / step * step
	if end <= s.reserved {
		return nil
	}
	if err := reserve(s.fd, 0, min(end, int64(len(s.mem)))); err != nil {
		return err
	}
	s.reserved = end
	return nil
}

func (s *segment) free() {
	if s.fd >= 0 { // else it was closed
		unmap(s.mem)
		closeFile(s.fd)
	}
}
