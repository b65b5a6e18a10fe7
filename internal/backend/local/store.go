// Package local keeps the objects of package manager in this process: its own ("mem:"), and those of others that reach
// it through a socket (package wire).
//
// The objects are those of the core packages, where they fit: a lock is a lock.Lock, a semaphore a semaphore.Semaphore,
// an event an event.Event, a barrier a barrier.Barrier. Around them is the ledger, which knows who holds what and who
// waits; and two that the core does not have, a queue with claims and a condition that counts, stand on internal/park.
//
// # How a grant meets the end of a session
//
// A call runs under the session that was present when it began. What it is granted, by a core object or by another
// call, is its own only once it is in the ledger, and the ledger takes nothing for a session that has ended: then what
// was granted goes back by the same way as if it had been released. The end of a session marks it ended and takes all
// its entries out in one step under the ledger's guard, and gives them back afterwards. So each thing that is granted
// is in exactly one of three hands: the call that was granted it and has not yet asked the ledger, the ledger, or
// whoever took it out. Nothing is given back twice, nothing stays.
//
// A wait ends by a grant, by its limit, or by the end of its session, which cancels the context that the wait is for.
// Cancelling wakes the waiter; until it runs it may still be granted something, and then finds that its session has
// ended, and gives that back.
//
// # How a call meets Delete
//
// A call enters the object, which is one atomic addition, and leaves it. Delete takes the object out of the store if
// nobody is inside, nobody holds it and nobody waits, by one swap from "nobody" to "gone". A call that finds an object
// gone looks it up again, and makes a new one.
package local

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// A Store is objects, and the sessions that use them.
type Store struct {
	objects sync.Map // id -> object
	codecs  sync.Map // name -> backend.Codec

	last  atomic.Uint64 // token or revision that was given out
	limit atomic.Int64  // the largest value, if not 0

	// The ledger, under its guard: who holds what, who waits for what. Nobody waits while holding it.
	guard    sync.Mutex
	sessions map[string]*session
	opened   int    // sessions, ever
	prefix   string // of their ids
}

// An id identifies an object.
type id struct {
	kind backend.Kind
	name string
}

// NewStore returns an empty Store. Tokens begin at the time, so that they grow when the server of a path is started
// again, and so do revisions, so that none of before is taken for one of after.
func NewStore() *Store {
	st := &Store{sessions: make(map[string]*session)}
	now := uint64(time.Now().UnixNano())
	st.last.Store(now)
	st.prefix = strconv.FormatUint(now, 36) + "-"
	return st
}

// next returns a number that is larger than all before.
func (st *Store) next() uint64 { return st.last.Add(1) }

// Limit bounds the size of what is stored from now on: one value, or what one call carries.
func (st *Store) Limit(size int) { st.limit.Store(int64(size)) }

func (st *Store) fits(spec backend.Spec, size int) error {
	if limit := st.limit.Load(); limit != 0 && int64(size) > limit {
		return backend.Errorf(backend.ErrTooLarge, "%s: %d bytes, want at most %d", spec, size, limit)
	}
	return nil
}

// An object is one of the kinds.
type object interface {
	common() *base
	// info fills in what the object knows, under the ledger's guard.
	info(*backend.Info)
	// idle reports whether nobody holds it, under the ledger's guard.
	idle() bool
}

// A base is what all objects have.
type base struct {
	store *Store
	spec  backend.Spec // what it was made with
	n     int          // spec.N, as it is now; under the ledger's guard
	calls atomic.Int64 // that are inside; gone or more: the object was deleted

	waiting waits // under the ledger's guard
}

const gone = -1 << 62

func (b *base) common() *base { return b }
func (b *base) idle() bool    { return true }

func (b *base) enter() bool {
	if b.calls.Add(1) > 0 {
		return true
	}
	b.calls.Add(-1)
	return false
}

func (b *base) leave() { b.calls.Add(-1) }

// enter returns the object that spec names, entered; it makes it if it is not there. Unless *checked, the parameters
// are compared first.
func (st *Store) enter(spec *backend.Spec, checked *atomic.Bool) (object, error) {
	key := id{spec.Kind, spec.Name}
	for {
		found, ok := st.objects.Load(key)
		if !ok {
			o, err := st.make(*spec)
			if err != nil {
				return nil, err
			}
			o.common().n = spec.N
			found, _ = st.objects.LoadOrStore(key, o)
		}
		o := found.(object)
		b := o.common()
		if !b.enter() {
			runtime.Gosched() // Delete is about to take it out
			continue
		}
		if !checked.Load() {
			st.guard.Lock()
			made := b.spec
			made.N = b.n
			st.guard.Unlock()
			if err := spec.Check(made); err != nil {
				b.leave()
				return nil, err
			}
			checked.Store(true)
		}
		return o, nil
	}
}

// make makes an object, which is not in the store yet.
func (st *Store) make(spec backend.Spec) (object, error) {
	if err := spec.Valid(); err != nil {
		return nil, err
	}
	switch spec.Kind {
	case backend.KindLock, backend.KindRLock, backend.KindElection, backend.KindOnce:
		return &lockObject{base: base{store: st, spec: spec}}, nil
	case backend.KindSemaphore, backend.KindBoundedSemaphore:
		return newSemaphore(st, spec), nil
	case backend.KindEvent:
		return &eventObject{base: base{store: st, spec: spec}}, nil
	case backend.KindCondition:
		return &conditionObject{base: base{store: st, spec: spec}}, nil
	case backend.KindBarrier:
		return newBarrier(st, spec), nil
	case backend.KindDict, backend.KindValue, backend.KindArray:
		return newTable(st, spec), nil
	case backend.KindCounter:
		return &counterObject{base: base{store: st, spec: spec}}, nil
	case backend.KindList:
		return &listObject{base: base{store: st, spec: spec}}, nil
	case backend.KindQueue:
		return newQueue(st, spec), nil
	case backend.KindObject:
		return newInstance(st, spec)
	}
	return nil, backend.Errorf(backend.ErrValue, "no kind %q", spec.Kind)
}

// remove is Delete.
func (st *Store) remove(kind backend.Kind, name string) error {
	key := id{kind, name}
	spec := backend.Spec{Kind: kind, Name: name}
	found, ok := st.objects.Load(key)
	if !ok {
		return backend.Errorf(backend.ErrNotFound, "%s", spec)
	}
	o := found.(object)
	b := o.common()
	for range 1000 {
		st.guard.Lock()
		idle := o.idle() && b.waiting.first == nil
		gone := idle && b.calls.CompareAndSwap(0, gone)
		st.guard.Unlock()
		if gone {
			st.objects.CompareAndDelete(key, found)
			return nil
		}
		if !idle {
			break
		}
		runtime.Gosched() // a call is inside that neither waits nor holds anything
	}
	return backend.Errorf(backend.ErrBusy, "%s", spec)
}

// all yields a description of each object, by kind and name.
func (st *Store) all(ctx context.Context) iter.Seq2[backend.Info, error] {
	return func(yield func(backend.Info, error) bool) {
		var objects []object
		st.objects.Range(func(_, o any) bool {
			objects = append(objects, o.(object))
			return true
		})
		slices.SortFunc(objects, func(a, b object) int {
			x, y := &a.common().spec, &b.common().spec
			return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
		})
		for _, o := range objects {
			if backend.Ended(ctx) {
				yield(backend.Info{}, backend.Cause(ctx))
				return
			}
			b := o.common()
			info := backend.Info{Kind: b.spec.Kind, Name: b.spec.Name}
			st.guard.Lock()
			for w := b.waiting.first; w != nil; w = w.next {
				info.Waiters = append(info.Waiters, w.session.party(0, w.since))
			}
			o.info(&info)
			st.guard.Unlock()
			if !yield(info, nil) {
				return
			}
		}
	}
}
