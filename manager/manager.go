// Package manager shares objects among processes by name: Python's
// multiprocessing.Manager for Go.
//
// A [Manager] is a session with what keeps the objects, which its address says:
//
//	mem:                   this Manager alone, in this process: for tests
//	mem:NAME               all Managers of this process that open NAME
//	unix:/run/app.sock     a process of this machine, see [Start] and [Manager.Serve]
//	etcd://10.0.0.1/app    etcd, on one machine or several (import package cluster)
//
// The program stays the same whichever it is:
//
//	m, err := manager.Open(ctx, os.Getenv("MANAGER"))
//	…
//	l := m.Lock("report")
//	if !l.LockTimeout(2 * time.Second) {
//		return errBusy
//	}
//	defer l.Unlock()
//	hits := manager.NewDict[string, int](m, "hits")
//	n, err := hits.Update(ctx, "home", func(n int, _ bool) (int, error) { return n + 1, nil })
//
// # Names
//
// A name belongs to its kind: the lock "a" and the queue "a" are two objects. A
// handle costs nothing until it is used, and all handles of one name in a Manager
// share what this process holds. The name "" makes a fresh one, as Python's
// m.dict() does; its Name goes to other processes. An object lives until
// [Manager.Delete] or the server's end. Parameters, such as the size of a queue,
// belong to the object: a handle with other ones gets [ErrMismatch].
//
// # Values are copies
//
// What is stored passes a [Codec], also on "mem:". A value that was got can be
// changed freely, and that changes nothing for others: what Python loses silently
// when a list inside a dict is changed cannot be written here by accident. To
// change what is stored, use Update, which loses nothing.
//
// # Sessions
//
// A session is everything that this process holds: locks, permits, claims. When
// the process dies, however that happens, all of it is free within milliseconds,
// on etcd when the lease has run out. A living process can lose its session too
// ([Manager.End], a lease that ran out while it was paused). Then:
//
//   - A [Lock] or [RLock] that was held stays held within the process until its
//     Unlock, which does nothing else. Its Lost channel is closed before another
//     process can hold it, and [Lock.Token] protects what a late write would spoil.
//   - As many later Releases of a [Semaphore] do nothing as permits were lost.
//   - A [Condition] takes its lock again before a wait returns.
//   - An item that was claimed from a [Queue] goes back to its head; its TaskDone
//     does nothing.
//   - Forms that return an error return [ErrLost], where it matters; the others go
//     on under a new session.
//
// When the server is gone for good, or the Manager was closed, every call returns
// [ErrClosed], or panics with it if it returns no error; but Unlock, Release and
// TaskDone of what was held do nothing.
//
// # Forms
//
// Blocking calls have the four forms of the core packages, and what can be asked
// for an answer only once has a ctx. A form without an error result waits through
// what passes, such as a fail-over or [ErrQuota], and panics with what does not.
// TryX asks the server once and answers within 5 s.
//
// # Cost and order
//
//	                mem:              unix:                     etcd:
//	one call        50 ns - 5 µs      15 - 40 µs                0.15 ms read, 0.4 ms write
//	client killed   -                 what it held is free      after its lease: TTL + 1 s
//	                                  in < 10 ms                at most
//	server killed   all gone          all gone: ErrClosed       data stays, calls wait
//	client paused   -                 keeps what it holds       loses it after its TTL
//	largest value   memory            16 MB                     1 MB
//	order           barging, nobody starves (as the core)       arrival; getters: none starves
//
// All are linearizable. Durable means slower: 10 to 25 times a Python Manager, in
// exchange for surviving it.
//
// # From Python
//
//	Manager()                  Start()
//	BaseManager.connect()      Open(ctx, "unix:…")
//	serve_forever()            m.Serve(ctx, listener)
//	address, shutdown()        Addr(), Close()
//	dict, list, Namespace      NewDict, NewList, Namespace and Attr
//	Value, Array               NewValue, NewArray
//	Queue, JoinableQueue       NewQueue, NewQueue with Joinable()
//	Lock, RLock, Semaphore, …  Lock, RLock, Semaphore, …
//	register()                 Register and Define
package manager

import (
	"context"
	"iter"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/hook"
)

// A Manager is a session with what keeps shared objects. It is made by [Start] or
// [Open] and may be used by any number of goroutines.
//
// A Manager of a Unix socket has one goroutine, and one connection, until Close.
type Manager struct {
	backend backend.Backend
	codec   Codec

	guard  sync.Mutex
	states map[place]any // what this process holds, by object
	closed func()        // forgets what was registered for m
}

// A place is an object that this process can hold.
type place struct {
	kind backend.Kind
	name string
}

func newManager(b backend.Backend, codec Codec) *Manager {
	if codec == nil {
		codec = jsonCodec{}
	}
	m := &Manager{backend: b, codec: codec, states: make(map[place]any), closed: func() {}}
	if e, ok := b.(backend.ProcessEnder); ok {
		m.closed = hook.OnChildEnd(e.EndProcess)
	}
	return m
}

// state returns what all handles of one object share in m.
func state[S any](m *Manager, spec backend.Spec, make func() *S) *S {
	m.guard.Lock()
	defer m.guard.Unlock()
	p := place{spec.Kind, spec.Name}
	s, ok := m.states[p].(*S)
	if !ok {
		s = make()
		m.states[p] = s
	}
	return s
}

// spec begins the spec of an object with that name, or with a fresh one.
func (m *Manager) spec(kind Kind, name string) backend.Spec {
	if name == "" {
		name = "anonymous-" + strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
	}
	return backend.Spec{Kind: backend.Kind(kind), Name: name}
}

// valid panics unless spec can be made.
func valid(spec backend.Spec) backend.Spec {
	must(spec.Valid())
	return spec
}

// must panics with an error of a call that returns none.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Addr returns what another process of this machine gives to [Open] in order to
// reach the same objects: what this Manager was opened with, or where Start
// serves.
func (m *Manager) Addr() string { return m.backend.Addr() }

// ID returns the id of the session, for [Manager.End]. It changes when a session
// that was lost has been replaced.
func (m *Manager) ID() string { return m.backend.ID() }

// Lost returns a channel that is closed when the present session has ended. Ask
// again for that of the next one.
func (m *Manager) Lost() <-chan struct{} { return m.backend.Lost() }

// End ends the session of another Manager: what it held is free. It is for a
// process that is known to be dead or stuck; one that is alive is told, loses
// what it holds as if its lease had run out, and goes on under a new session.
// End returns ErrNotFound if there is no such session.
func (m *Manager) End(ctx context.Context, id string) error { return m.backend.End(ctx, id) }

// Objects yields what there is, by kind and name, with those who hold it and who
// wait for it: Python's debug_info. It stops after an error.
func (m *Manager) Objects(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for i, err := range m.backend.Objects(ctx) {
			if !yield(infoOf(i), err) || err != nil {
				return
			}
		}
	}
}

// Delete deletes an object with all that is in it. It returns ErrBusy while a
// session holds it or waits for it, and ErrNotFound if it is not there. A later
// use of the name makes a new one. A Manager remembers the names of locks,
// semaphores and queues that it has used until it deletes them.
func (m *Manager) Delete(ctx context.Context, kind Kind, name string) error {
	err := m.backend.Delete(ctx, backend.Kind(kind), name)
	if err == nil {
		m.guard.Lock()
		defer m.guard.Unlock()
		if s, ok := m.states[place{backend.Kind(kind), name}].(interface{ idle() bool }); ok && s.idle() {
			delete(m.states, place{backend.Kind(kind), name})
		}
	}
	return err
}

// Close ends the session: what it held is free when Close returns. Calls that
// wait return ErrClosed, and so does every later one. The Close of a Manager that
// was made by [Start] also ends the serving. A second Close does nothing.
func (m *Manager) Close() error {
	m.closed()
	return m.backend.Close()
}

// A Kind is a kind of object.
type Kind string

// The kinds.
const (
	KindLock             = Kind(backend.KindLock)
	KindRLock            = Kind(backend.KindRLock)
	KindSemaphore        = Kind(backend.KindSemaphore)
	KindBoundedSemaphore = Kind(backend.KindBoundedSemaphore)
	KindEvent            = Kind(backend.KindEvent)
	KindCondition        = Kind(backend.KindCondition)
	KindBarrier          = Kind(backend.KindBarrier)
	KindElection         = Kind(backend.KindElection)
	KindOnce             = Kind(backend.KindOnce)
	KindDict             = Kind(backend.KindDict)
	KindValue            = Kind(backend.KindValue)
	KindCounter          = Kind(backend.KindCounter)
	KindList             = Kind(backend.KindList)
	KindArray            = Kind(backend.KindArray)
	KindQueue            = Kind(backend.KindQueue)
	KindObject           = Kind(backend.KindObject)
)

// An Info describes an object. Len is how many items, keys or elements are in it;
// of a semaphore it is the free permits, of an event 1 if it is set, of a lock 1
// if it is held.
type Info struct {
	Kind             Kind
	Name             string
	Holders, Waiters []Party
	Len              int
}

// A Party is a session that holds something, or waits for it, since then.
type Party struct {
	Session, Label string
	Token          uint64 // of what it holds
	Since          time.Time
}

func infoOf(i backend.Info) Info {
	parties := func(from []backend.Party) (to []Party) {
		for _, p := range from {
			to = append(to, Party(p))
		}
		return to
	}
	return Info{Kind(i.Kind), i.Name, parties(i.Holders), parties(i.Waiters), i.Len}
}

func init() {
	backend.NewManager = func(b backend.Backend, codec backend.Codec) any { return newManager(b, codec) }
	backend.Of = func(m any) backend.Backend { return m.(*Manager).backend }
	backend.Describe = func(h any) backend.Handle { return h.(interface{ describe() backend.Handle }).describe() }
}
