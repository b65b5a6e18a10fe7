package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/shm"
)

// ErrSharing is the error of a shared object where it cannot be passed on: in a
// Queue, a Value or an Array, and to an encoder that is not this package's. It
// is also what the zero value of an object panics with, and NewValue and
// NewArray for a type with pointers, which mean nothing in another process.
var ErrSharing = errors.New("process: a shared object cannot be handed over like this")

// A shared object is encoded as an index, and its descriptor travels beside the
// bytes. MarshalBinary has no argument for the list of descriptors; so the
// encoder or decoder puts it where the goroutine finds it.
type luggage struct {
	fds   []int // to be handed over, in order; or, when they have arrived, not yet taken: -1 for those that were
	index map[any]int
	keep  []any // what they belong to
	own   []int // of them, those that have no other owner
}

var luggages sync.Map // id of the goroutine -> *luggage

// with calls f, in which what is encoded or decoded finds l.
func (l *luggage) with(f func()) {
	id := goid.Get()
	before, had := luggages.Swap(id, l)
	defer func() {
		if had { // a MarshalBinary that encodes something of its own
			luggages.Store(id, before)
		} else {
			luggages.Delete(id)
		}
	}()
	f()
}

func currentLuggage() *luggage {
	l, ok := luggages.Load(goid.Get())
	if !ok {
		return nil
	}
	return l.(*luggage)
}

// add puts a descriptor into the luggage of what this goroutine encodes.
func (l *luggage) add(object any, fd int) int {
	if l.index == nil {
		l.index = make(map[any]int)
	}
	i := len(l.fds)
	l.index[object] = i
	l.fds = append(l.fds, fd)
	l.keep = append(l.keep, object)
	return i
}

// close closes what has arrived and was not taken.
func (l *luggage) close() {
	if l != nil {
		closeAll(l.fds)
		l.fds = nil
	}
}

// sent closes what was there only to be sent.
func (l *luggage) sent() {
	if l != nil {
		closeAll(l.own)
		l.own = nil
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			closeFD(fd)
		}
	}
}

// handOver encodes a shared object. Its descriptor stays its own, and open as
// long as the object is reachable.
func handOver[S any](what string, object *S, descriptor func(*S) int) ([]byte, error) {
	return handOverBy(what, object, func(l *luggage) int { return descriptor(object) })
}

// handOverCopy is handOver for an object that can be closed: a copy of its
// descriptor goes.
func handOverCopy[S any](what string, object *S, copied func(*S) int) ([]byte, error) {
	return handOverBy(what, object, func(l *luggage) int {
		fd := copied(object)
		l.own = append(l.own, fd)
		return fd
	})
}

func handOverBy[S any](what string, object *S, descriptor func(*luggage) int) ([]byte, error) {
	if object == nil {
		return nil, zero(what)
	}
	l := currentLuggage()
	if l == nil {
		return nil, fmt.Errorf("%w: a *process.%s is encoded only in the argument of a process, in a task of a Pool and by a Conn",
			ErrSharing, what)
	}
	i, known := l.index[object]
	if !known {
		fd := descriptor(l)
		if fd < 0 {
			return nil, fmt.Errorf("%w: this %s is closed", ErrSharing, what)
		}
		i = l.add(object, fd)
	}
	return binary.AppendUvarint(nil, uint64(i)), nil
}

// takeOver decodes a shared object. It arrives with a descriptor, which attach
// makes its own. The same object may be met several times.
func takeOver[S any](what string, data []byte, attach func(fd int) (*S, error)) (*S, error) {
	l := currentLuggage()
	if l == nil {
		return nil, fmt.Errorf("%w: a *process.%s is decoded only where this package has encoded it", ErrSharing, what)
	}
	i, n := binary.Uvarint(data)
	if n <= 0 || i >= uint64(len(l.fds)) {
		return nil, fmt.Errorf("%w: no descriptor has arrived for this *process.%s", ErrSharing, what)
	}
	if object, met := l.met(int(i)); met {
		o, same := object.(*S)
		if !same {
			return nil, fmt.Errorf("%w: this *process.%s is a %T", ErrSharing, what, object)
		}
		return o, nil
	}
	o, err := attach(l.fds[i])
	l.fds[i] = -1
	if err != nil {
		return nil, err
	}
	if l.index == nil {
		l.index = make(map[any]int)
	}
	l.index[o] = int(i)
	return o, nil
}

// met returns the object that has arrived with a descriptor, if it was decoded
// before.
func (l *luggage) met(i int) (any, bool) {
	if l.fds[i] >= 0 {
		return nil, false
	}
	for object, at := range l.index {
		if at == i {
			return object, true
		}
	}
	return nil, false
}

// A handle is what a program holds of a shared object. What embeds it says so
// with the methods that follow.
type handle struct {
	_ notCopied
}

func (*handle) shared() {}

// sharedType is implemented by the pointers to handles.
var sharedType = reflect.TypeFor[interface{ shared() }]()

// MarshalText keeps other encoders, json for one, from writing something that
// is nothing.
func (*handle) MarshalText() ([]byte, error) { return nil, errForeignCodec }

// UnmarshalText is the other direction.
func (*handle) UnmarshalText([]byte) error { return errForeignCodec }

var errForeignCodec = fmt.Errorf("%w: other encoders know nothing of descriptors", ErrSharing)

// notCopied lets go vet notice copies.
type notCopied struct{}

func (*notCopied) Lock()   {}
func (*notCopied) Unlock() {}

// made returns what a constructor has made, and panics if the kernel has
// refused, as make does.
func made[S any](call string, o *S, err error) *S {
	if err != nil {
		panic(fmt.Errorf("process: %s: %w", call, unsupported(err)))
	}
	return o
}

// zero is the panic of an object that was not made by its constructor.
func zero(what string) error {
	return fmt.Errorf("%w: this %s is a zero value; New%s makes one", ErrSharing, what, what)
}

// Supported returns nil, or an error that says why processes and shared objects
// are not possible here. It is errors.ErrUnsupported to errors.Is.
func Supported() error {
	if err := shm.Found(); err != nil {
		return fmt.Errorf("process: %w", unsupported(err))
	}
	return nil
}
