// Package thread provides goroutines that have a name, can be joined and listed, and
// report how they ended; and values local to a goroutine. It is Python's
// threading.Thread and the functions around it.
//
//	threading.Thread(target=f)    New(f)
//	t.start(), t.join()           Start(), Join()
//	t.is_alive(), t.ident         IsAlive(), Ident()
//	t.name, t.daemon              Name(), Daemon(), options Name, Daemon
//	threading.current_thread()    Current()
//	threading.main_thread()       MainThread()
//	threading.enumerate()         Enumerate()
//	threading.active_count()      ActiveCount()
//	threading.excepthook          SetExceptHook(f)
//	threading.local()             Local
//	the wait at the exit          Main(f)
//
// A [Thread] runs one function on one goroutine. If nothing more is needed, use a go
// statement; to wait for many goroutines, a [sync.WaitGroup]; for many short tasks,
// a pool.
//
// # Goroutines not started here
//
// A goroutine that was started by a go statement, or by a package such as testing or
// net/http, has no Thread. On such a goroutine [Current] returns a new Thread each
// time, a dummy: a daemon named Dummy-<ident> that is in no list and cannot be joined.
// So compare threads by their Ident, not by pointer. The main goroutine is the
// exception: its Thread is [MainThread].
//
// # Daemons
//
// Python waits at exit for every thread that is not a daemon. A Go program ends when
// the function main returns, whatever else is running; so a program that wants
// Python's rule calls [Main]. Only Main distinguishes daemons. A Thread is one if its
// creator is, unless the option [Daemon] or SetDaemon says otherwise. The creator is
// the goroutine that calls New; one that was not started here counts as no daemon.
//
// # In profiles
//
// The goroutine of a Thread carries its name as the pprof label "thread", which
// replaces the labels of the goroutine that called Start. Goroutines that the Thread
// starts by a go statement inherit the label.
//
// # In a synctest bubble
//
// Everything here blocks durably in the sense of [testing/synctest], and time in a
// bubble is the bubble's. A goroutine in a bubble must join only threads of that
// bubble: being woken from outside of a bubble is fatal, as for sync.Cond. A bubble
// ends when all its goroutines have, so threads that are not joined must have been
// told to end before its first function returns.
package thread

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// What misuse panics with.
var (
	ErrStarted    = errors.New("thread: Start of a Thread that was started before")
	ErrNotStarted = errors.New("thread: Join of a Thread that was not started")
	ErrJoinSelf   = errors.New("thread: a wait for one's own end")
	ErrDaemon     = errors.New("thread: SetDaemon of a Thread that was started")
)

// ErrGoexit is what Err returns for a Thread that ended by [runtime.Goexit].
var ErrGoexit = errors.New("thread: ended by runtime.Goexit")

// A Thread is a function that runs on a goroutine of its own. It is made by [New] or
// [Go], and must not be copied. Arguments are what the function captures, a result is
// what it leaves behind, and a way to stop it is a context that it observes.
//
// Start synchronizes before the call of the function. The end of a Thread, which comes
// after everything that the function and the except hook did, synchronizes before the
// return of every IsAlive, Err, Join, Enumerate and ActiveCount, and before every
// receive from Done, that reports it.
type Thread struct {
	mark  watch.Mark
	made  choices // by the creator
	fn    func()  // until it is called
	flags atomic.Uint32
	name  atomic.Pointer[string] // nil: a dummy, named by its ident
	ident atomic.Uint64
	begun park.Latch // opens when ident is set
	err   error      // written before end opens
	end   park.Latch

	next, prev *Thread    // among those alive
	entry      live.Entry // unless a daemon
	values     values     // the business of the goroutine alone
}

const (
	started uint32 = 1 << iota
	daemon
	dummy
)

// An Option configures a Thread that is created.
type Option func(*choices)

type choices struct {
	name   string
	daemon bool
}

// Name names the Thread. If name is empty, the Thread gets an automatic name.
func Name(name string) Option { return func(c *choices) { c.name = name } }

// Daemon sets whether the Thread is a daemon, for which [Main] does not wait. Without
// it a Thread is a daemon if its creator is.
func Daemon(daemon bool) Option { return func(c *choices) { c.daemon = daemon } }

// created counts the automatic names.
var created atomic.Uint64

// New returns a Thread that calls fn once it is started. Its automatic name is
// Thread-N, where N counts the threads with such names from 1. New panics if fn is nil.
func New(fn func(), opts ...Option) *Thread {
	if fn == nil {
		panic("thread: New with a nil func")
	}
	creator := running(goid.Get())
	t := &Thread{fn: fn}
	t.made.daemon = creator != nil && creator.Daemon()
	for _, opt := range opts {
		opt(&t.made)
	}
	if t.made.name == "" {
		t.made.name = string(strconv.AppendUint([]byte("Thread-"), created.Add(1), 10))
	}
	t.name.Store(&t.made.name)
	if t.made.daemon {
		t.flags.Store(daemon)
	}
	return t
}

// Go makes a Thread like [New] and starts it. The Thread may run before Go returns:
// what it needs of its own *Thread it gets from [Current], not from the variable that
// the result is assigned to.
func Go(fn func(), opts ...Option) *Thread {
	t := New(fn, opts...)
	t.Start()
	return t
}

// Start starts t. It may return before t's function has begun; but t is alive, and in
// Enumerate and ActiveCount, when it returns. Start panics with [ErrStarted] the second
// time, also if t has ended.
func (t *Thread) Start() {
	if t.flags.Or(started)&started != 0 {
		panic(ErrStarted)
	}
	t.enter()
	go t.run()
}

// Join waits until t has ended. Any number of goroutines may join, also after the end.
// Join does not panic if t panicked; Err reports how t ended.
//
// Join panics with [ErrNotStarted] before Start and on a dummy, and with [ErrJoinSelf]
// in t itself. [MainThread] ends, as in Python, when the program begins to end: when
// the function that Main calls on the main goroutine has returned.
func (t *Thread) Join() {
	t.checkJoin()
	if watch.On && !t.end.IsOpen() {
		t.join(park.Forever)
		return
	}
	t.end.Wait()
}

// JoinTimeout is like Join but waits at most d. It reports whether t has ended. If
// d <= 0 it does not wait; a d of [math.MaxInt64] is forever.
func (t *Thread) JoinTimeout(d time.Duration) bool {
	t.checkJoin()
	if watch.On && d > 0 && !t.end.IsOpen() {
		return t.join(park.After(d))
	}
	return t.end.WaitTimeout(d)
}

// JoinContext is like Join but gives up when ctx ends; then, and if ctx had ended
// before, it returns [context.Cause] of ctx.
func (t *Thread) JoinContext(ctx context.Context) error {
	t.checkJoin()
	if watch.On && ctx.Err() == nil && !t.end.IsOpen() {
		if !t.join(park.Until(ctx)) {
			return park.Cause(ctx)
		}
		return nil
	}
	return t.end.WaitContext(ctx)
}

// join waits for the end, where that is watched.
func (t *Thread) join(limit park.Limit) bool {
	return t.mark.Wait(watch.Thread, limit, t.end.WaitLimit)
}

func (t *Thread) checkJoin() {
	if flags := t.flags.Load(); flags&started == 0 || flags&dummy != 0 {
		panic(ErrNotStarted)
	}
	if t.ident.Load() == goid.Get() { // 0 as long as t has not got going and can join nobody
		panic(ErrJoinSelf)
	}
}

// Done returns a channel that is closed when t has ended, for use in a select. It
// belongs to the testing/synctest bubble, or to the outside, that first asked for it;
// the forms of Join do not. The channel of a dummy is never closed.
func (t *Thread) Done() <-chan struct{} { return t.end.Done() }

// IsAlive reports whether t was started and has not ended. While the except hook
// handles a panic of t, t is alive. A dummy is always alive.
func (t *Thread) IsAlive() bool { return t.flags.Load()&started != 0 && !t.end.IsOpen() }

// Err returns how t ended: nil if its function returned, a [*PanicError] if it
// panicked, and [ErrGoexit] if it called [runtime.Goexit]. It is nil before t has ended.
func (t *Thread) Err() error {
	if !t.end.IsOpen() {
		return nil
	}
	return t.err
}

// Name returns the name of t.
func (t *Thread) Name() string {
	if name := t.name.Load(); name != nil {
		return *name
	}
	return "Dummy-" + strconv.FormatUint(t.ident.Load(), 10)
}

// SetName changes the name of t. It may be called at any time, and names need not be
// unique. In profiles the goroutine of t carries the new name if t itself calls SetName,
// or if t has not begun: a label cannot be changed from elsewhere. The name of a dummy
// is that of one *Thread only, and no label.
func (t *Thread) SetName(name string) {
	t.name.Store(&name)
	if t.flags.Load()&dummy == 0 && t.ident.Load() == goid.Own() {
		(&label{of: t}).show()
	}
}

// Ident returns the id of the goroutine of t, which [runtime.Stack] prints too. It is 0
// before Start, and stays after the end. Right after Start it waits until the goroutine
// has begun.
//
// A goroutine that a go statement or a Thread started has an id that no other gets. In
// a callback from C, on a thread that C has made, the goroutine is one that the runtime
// keeps for such threads: a later thread of C can get the same id.
func (t *Thread) Ident() uint64 {
	if t.ident.Load() == 0 && t.flags.Load()&started != 0 {
		t.begun.Wait()
	}
	return t.ident.Load()
}

// Daemon reports whether t is a daemon, for which [Main] does not wait.
func (t *Thread) Daemon() bool { return t.flags.Load()&daemon != 0 }

// SetDaemon sets whether t is a daemon. It panics with [ErrDaemon] once t was started.
func (t *Thread) SetDaemon(is bool) {
	for {
		old := t.flags.Load()
		if old&started != 0 {
			panic(ErrDaemon)
		}
		new := old &^ daemon
		if is {
			new |= daemon
		}
		if t.flags.CompareAndSwap(old, new) {
			return
		}
	}
}

// String describes t as Python does: its name, whether it is initial, started or
// stopped, whether it is a daemon, and its ident once it has one.
func (t *Thread) String() string {
	s := "Thread(" + t.Name()
	switch {
	case t.IsAlive():
		s += ", started"
	case t.end.IsOpen():
		s += ", stopped"
	default:
		s += ", initial"
	}
	if t.Daemon() {
		s += " daemon"
	}
	if id := t.ident.Load(); id != 0 {
		s += " " + strconv.FormatUint(id, 10)
	}
	return s + ")"
}
