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
	// ID and Lost are those of the present session, which begins with the Backend. One that was lost is replaced
	// without being asked for, soon; until then they are those of the one that was lost.
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
