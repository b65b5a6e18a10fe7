// Package backend is the boundary between package manager and what keeps its objects: this process ("mem:"), another
// process of this machine ("unix:"), or etcd.
//
// An object here is bytes. Package manager has everything above that, once for all backends: types and codecs, names,
// the four forms of a call, which goroutine of this process goes first, and what a process sees of its own lost session.
// A backend has everything below: who holds what, and since when; who waits; what ends with a session; and outcomes.
//
// Four rules hold for every method, and package manager relies on them:
//
//  1. A call that returns [ErrGaveUp] or [ErrLost] has had no effect. One that returns [ErrUnknown] may have had it.
//     Any other outcome is definite, however the call raced with giving up.
//  2. A session is everything that a Manager holds. When it ends, what it held is free; every [Holding] of it is lost,
//     and its Lost channel is closed before another session can hold the same; calls that wait return ErrLost, and the
//     next call runs under a new session. Only [ErrClosed] is for good.
//  3. Nothing is asked of a server before the first call: the methods of [Backend] that return objects do no I/O.
//  4. Tokens of one object grow with every holding, over all sessions and restarts of what keeps it.
//
// What cluster needs of a Manager or of a handle stands in handle.go.
package backend

import (
	"context"
	"iter"
	"log/slog"
	"time"
)

// A Backend is a session with what keeps the objects, and the next session when that one was lost.
type Backend interface {
	Addr() string
	// ID and Lost are those of the present session.
	ID() string
	Lost() <-chan struct{}
	// End ends another's session. ErrNotFound: there is none with this id.
	End(ctx context.Context, id string) error
	Objects(ctx context.Context) iter.Seq2[Info, error]
	// Delete returns ErrBusy while somebody holds the object or waits for it, ErrNotFound if it is not there.
	Delete(ctx context.Context, kind Kind, name string) error
	// Close ends the session for good. A second Close does nothing.
	Close() error
	// Closed reports whether every call returns ErrClosed from now on.
	Closed() bool

	Lock(Spec) Lock // also of a reentrant lock and of an election
	Once(Spec) Once
	Semaphore(Spec) Semaphore
	Event(Spec) Event
	Condition(Spec) Condition
	Barrier(Spec) Barrier
	Table(Spec) Table // of a dict, a value, an array
	Counter(Spec) Counter
	List(Spec) List
	Queue(Spec) Queue
	Object(Spec) Object
}

// A ProcessEnder is a Backend that does not notice at once when a process of this machine dies. EndProcess ends the
// sessions of one that is dead, and does not wait for that.
type ProcessEnder interface{ EndProcess(pid int) }

// An Opener opens an address of its scheme; ctx bounds the opening. An option that does not apply is an error: see
// [Options.Only].
type Opener func(ctx context.Context, addr string, o Options) (Backend, error)

// Options are what package manager was given. The zero value of each means that it was not.
type Options struct {
	Codec  Codec
	TTL    time.Duration
	Logger *slog.Logger
	Label  string
	UIDs   []int
}

// A Codec is that of package manager.
type Codec interface {
	Name() string
	Marshal(any) ([]byte, error)
	Unmarshal([]byte, any) error
}

// A Wait says how long a call may wait for what it asks. The zero value waits as long as that takes. No call waits for
// less than the time in which the question is answered.
type Wait struct {
	Try   bool            // not at all
	After time.Duration   // > 0: so long
	Ctx   context.Context // not nil: until it ends, which it may have done
}

// Over reports whether the Wait is for a context that has ended.
func (w Wait) Over() bool { return w.Ctx != nil && Ended(w.Ctx) }

// A Holding is what a session has been given and has to give back.
type Holding interface {
	Token() uint64
	// Lost is closed when the session ends while this is held, and never after it was given back.
	Lost() <-chan struct{}
}

// An Info describes an object to people.
type Info struct {
	Kind             Kind
	Name             string
	Holders, Waiters []Party
	Len              int
}

// A Party is a session that holds something or waits for it.
type Party struct {
	Session, Label string
	Token          uint64 // of what it holds
	Since          time.Time
}
