// Package thread provides goroutines that can be named, joined, listed and asked for their fate, and values local to
// them: what threading.Thread and the functions around it are to Python.
//
// A Thread runs one function on one goroutine. Use a plain go statement where nobody needs to know more than that, a
// sync.WaitGroup to wait for many, and a pool for many short tasks.
//
// # Goroutines not started here
//
// A goroutine that was started by a go statement (or by the testing package, net/http, …) has no Thread. Current gives
// it a fresh one each time, a dummy: named Dummy- and the ident, daemon, alive as far as anybody knows, in no list, and
// not to be joined. The main goroutine is the exception: its Thread is MainThread, always.
//
// # Daemons
//
// Python waits at exit for every thread that is not a daemon. A Go program ends
// when the function main returns, whatever else is running; so a program that
// wants Python's rule calls [Main]. Only Main distinguishes daemons. A Thread is
// one if its creator is, unless the option [Daemon] or SetDaemon says otherwise.
// The creator is the goroutine that calls New; one that was not started here
// counts as no daemon.
//
// # In profiles
//
// The goroutine of a Thread carries its name as the pprof label "thread", which replaces the labels that the goroutine
// of Start had. Goroutines that the Thread starts by a go statement inherit the label.
//
// # In a synctest bubble
//
// Everything here blocks durably, and time in it is the bubble's. A goroutine in a bubble must join, or wait in Main
// for, threads of that bubble only: being woken from outside a bubble is fatal, as for sync.Cond. A bubble ends when all
// its goroutines have, so threads that nobody joins must have been told to end before its first function returns.
package thread

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
)

// What misuse panics with.
var (
	ErrStarted    = errors.New("thread: Start of a Thread that was started before")
	ErrNotStarted = errors.New("thread: Join of a Thread that was not started")
	ErrJoinSelf   = errors.New("thread: a wait for one's own end")
	ErrDaemon     = errors.New("thread: SetDaemon of a Thread that was started")
)

// ErrGoexit is what Err returns for a Thread that ended with runtime.Goexit.
var ErrGoexit = errors.New("thread: ended by runtime.Goexit")

// A Thread is a function that runs, or will run, or ran, on a goroutine of its own. It is made by New or Go, and must
// not be copied.
//
// It is Python's threading.Thread. Arguments are what the function captures; a result is what it leaves behind; a way to
// stop it is a context that it looks at.
//
// Start synchronizes before the call of the function, and the end of the Thread, which comes after all that the
// function and the except hook did, synchronizes before the IsAlive, ActiveCount, Err or Join, or the receive from Done,
// that reports it.
type Thread struct {
	fn    func() // until it is called
	flags atomic.Uint32
	name  atomic.Pointer[string] // nil: a dummy, named by its ident
	ident atomic.Uint64
	begun park.Latch // opens when ident is set
	err   error      // written before end opens
	end   park.Latch

	place  *list.Element // among those alive
	entry  live.Entry    // unless a daemon
	values values        // the business of the goroutine alone
}

const (
	started uint32 = 1 << iota
	daemon
	dummy
)

// An Option is a choice made when a Thread is created.
type Option func(*choices)

type choices struct {
	name   string
	daemon bool
}

// Name names the Thread. The empty name stands for the automatic one.
func Name(name string) Option { return func(c *choices) { c.name = name } }

// Daemon says whether Main does without waiting for the Thread. The default is that of the creator.
func Daemon(daemon bool) Option { return func(c *choices) { c.daemon = daemon } }

// created counts the automatic names.
var created atomic.Uint64

// New returns a Thread that will run fn once it is started. Without the option Name it is called Thread-N, where N
// counts such threads from 1. New panics if fn is nil.
func New(fn func(), opts ...Option) *Thread {
	if fn == nil {
		panic("thread: New with a nil func")
	}
	creator := running(goid.Get())
	c := choices{daemon: creator != nil && creator.Daemon()}
	for _, opt := range opts {
		opt(&c)
	}
	if c.name == "" {
		c.name = "Thread-" + strconv.FormatUint(created.Add(1), 10)
	}
	t := &Thread{fn: fn}
	t.name.Store(&c.name)
	if c.daemon {
		t.flags.Store(daemon)
	}
	return t
}

// Go is New and Start.
func Go(fn func(), opts ...Option) *Thread {
	t := New(fn, opts...)
	t.Start()
	return t
}

// Start lets t run. It does not wait for the goroutine to get going, but t is alive, and in Enumerate and ActiveCount,
// when Start returns. It panics with ErrStarted the second time, also if t has ended meanwhile.
func (t *Thread) Start() {
	if t.flags.Or(started)&started != 0 {
		panic(ErrStarted)
	}
	t.enter()
	go t.run()
}

// Join waits until t has ended. Any number of goroutines may join, also later and again; the end releases all. What
// became of t is Err's to say: Join does not panic with a panic of t's.
//
// It panics with ErrNotStarted before Start and on a dummy, and with ErrJoinSelf in t itself. MainThread ends, as in
// Python, when the program begins to end: when the function that Main runs on the main goroutine has returned.
func (t *Thread) Join() {
	t.checkJoin()
	t.end.Wait()
}

// JoinTimeout waits like Join but no longer than d, and reports whether t has ended. With d <= 0 it only looks;
// math.MaxInt64 is for ever. A call that gave up leaves no trace.
func (t *Thread) JoinTimeout(d time.Duration) bool {
	t.checkJoin()
	return t.end.WaitTimeout(d)
}

// JoinContext waits like Join but no longer than until ctx ends; then, or if ctx has ended before, it returns
// context.Cause(ctx) and leaves no trace. Else it returns nil.
func (t *Thread) JoinContext(ctx context.Context) error {
	t.checkJoin()
	return t.end.WaitContext(ctx)
}

func (t *Thread) checkJoin() {
	if flags := t.flags.Load(); flags&started == 0 || flags&dummy != 0 {
		panic(ErrNotStarted)
	}
	if t.ident.Load() == goid.Get() { // 0 as long as t has not got going and can join nobody
		panic(ErrJoinSelf)
	}
}

// Done returns a channel that is closed when t has ended, for use in a select. It belongs to the synctest bubble, or to
// the outside, that first asked for it; the forms of Join have no such bond. That of a dummy is never closed.
func (t *Thread) Done() <-chan struct{} { return t.end.Done() }

// IsAlive reports whether t was started and has not ended. While the except hook handles a panic of t, t is alive. A
// dummy is always alive: there is no telling.
func (t *Thread) IsAlive() bool { return t.flags.Load()&started != 0 && !t.end.IsOpen() }

// Err returns what became of t: nil if its function returned, a *PanicError if it panicked, ErrGoexit if it called
// runtime.Goexit, and nil as long as t has not ended.
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

// SetName changes the name of t, at any time; names need not be unique. In profiles the goroutine carries the new name
// if t itself sets it or has not got going; a label cannot be changed from elsewhere. The name of a dummy is that of the
// one *Thread only, and no label.
func (t *Thread) SetName(name string) {
	t.name.Store(&name)
	if t.flags.Load()&dummy == 0 && t.ident.Load() == goid.Own() {
		setLabel(name)
	}
}

// Ident returns the id of the goroutine of t, which runtime.Stack prints too, or 0 before Start. It stays after the end
// and is never given to another goroutine. Right after Start it waits for the goroutine to get going.
func (t *Thread) Ident() uint64 {
	if t.ident.Load() == 0 && t.flags.Load()&started != 0 {
		t.begun.Wait()
	}
	return t.ident.Load()
}

// Daemon reports whether Main does without waiting for t.
func (t *Thread) Daemon() bool { return t.flags.Load()&daemon != 0 }

// SetDaemon says whether Main does without waiting for t. It panics with ErrDaemon once t was started.
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

// String describes t as Python does: its name, whether it is initial, started or stopped, whether it is a daemon, and
// its ident once it has one.
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
