package process

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/gothreading/threading/thread"
)

// A Process is a function that runs, or will run, or ran, in another process:
// this program started once more, which calls that function and nothing else.
// It is made by [New] or [Go], and must not be copied.
//
// It is Python's multiprocessing.Process:
//
//	Process(target=f, args=(x,), name=s, daemon=b)    New(f, x, Name(s), Daemon(b))
//	start(), is_alive()                               Start, IsAlive
//	join(), join(timeout=d)                           Join, JoinTimeout(d)
//	exitcode, pid, name, daemon                       ExitCode, Pid, Name, Daemon
//	terminate(), kill()                               Terminate, Kill
//	sentinel                                          Done, or Wait
//
// Start encodes the argument, so a later change of it is not seen. The result
// of the function is sent back. The child has the arguments and the environment
// of this process; its standard input is /dev/null, its output and errors go
// where this one's go. It does not see what this process did to its variables.
//
// A daemon ends when its parent ends, in whatever way, and may have children.
// Any other child goes on.
//
// Start synchronizes before the call of the function as far as its argument
// goes, and the end of the process before the Join, IsAlive, Err, Result or
// ExitCode, or the receive from Done, that reports it.
//
// A living child costs two descriptors and a goroutine, and one or two
// milliseconds to start. For work that need not be apart from the rest of the
// program use goroutines: they run on all processors.
type Process[Out any] struct {
	_    notCopied
	c    child
	out  *codec[Out]
	send func() (id string, arg []byte, l *luggage, err error) // until it has started
}

// New returns a Process that will call fn with in once it is started. It panics
// with ErrInit before Init.
func New[In, Out any](fn *Func[In, Out], in In, opts ...Option) *Process[Out] {
	if fn == nil {
		panic("process: New with a nil Func")
	}
	p := &Process[Out]{out: fn.out}
	p.c.init(choose(opts), p)
	p.send = func() (string, []byte, *luggage, error) {
		l := new(luggage)
		data, err := fn.in.encode(nil, in, l)
		return fn.id, data, l, err
	}
	return p
}

// Go is New and Start.
func Go[In, Out any](fn *Func[In, Out], in In, opts ...Option) (*Process[Out], error) {
	p := New(fn, in, opts...)
	return p, p.Start()
}

// Start starts the process. If it returns an error, of encoding the argument or
// of the system, the process is unstarted, and Start can be called again. It
// panics with [ErrInit] if Init was not called, and with thread.ErrStarted if
// the process was started before.
func (p *Process[Out]) Start() error {
	if !begun.Load() {
		panic(fmt.Errorf("%w: a process was to be started before it", ErrInit))
	}
	c := &p.c
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.started {
		panic(thread.ErrStarted)
	}
	id, arg, l, err := p.send()
	defer l.sent()
	if err == nil {
		err = c.start(id, arg, l)
	}
	if err != nil {
		return fmt.Errorf("process: Start of %s: %w", c.choices.name, unsupported(err))
	}
	runtime.KeepAlive(l)
	p.send = nil // the argument is not kept alive
	return nil
}

// Join waits until the process has ended. Any number of goroutines may join,
// also later and again. Err says what became of it. Join panics with
// thread.ErrNotStarted before Start, and so do the forms that follow.
func (p *Process[Out]) Join() { p.c.join() }

// JoinTimeout is like Join but waits for at most d, and reports whether the
// process has ended. With d <= 0 it does not wait; math.MaxInt64 is forever.
// Giving up ends nothing.
func (p *Process[Out]) JoinTimeout(d time.Duration) bool { return p.c.joinTimeout(d) }

// JoinContext is like Join but returns context.Cause(ctx) if ctx ends first.
// Giving up ends nothing.
func (p *Process[Out]) JoinContext(ctx context.Context) error { return p.c.joinContext(ctx) }

// Done returns a channel that is closed when the process has ended.
func (p *Process[Out]) Done() <-chan struct{} { return p.c.end.Done() }

// Result waits until the process has ended, and returns what its function
// returned, or Err. If the process ended with code 0 before its function
// returned, as os.Exit can do, the error is an [*ExitError] too.
func (p *Process[Out]) Result() (out Out, err error) {
	p.c.join()
	if err := p.c.exit(); err != nil {
		return out, err
	}
	if !p.c.returned {
		return out, p.c.exitError(nil)
	}
	return p.out.decode(p.c.result, nil)
}

// Err returns nil before the end. After it, it returns nil if the process ended
// with code 0, and else an *ExitError.
func (p *Process[Out]) Err() error {
	if !p.c.end.IsOpen() {
		return nil
	}
	return p.c.exit()
}

// ExitCode returns the code that the process ended with, and whether it has
// ended:
//
//	0       the function returned no error
//	1       it returned an error, panicked, or called runtime.Goexit
//	2       the runtime crashed, as by a panic in another goroutine
//	n       os.Exit(n), the low 8 bits
//	-n      signal n
//	-256    unknown: it was waited for elsewhere
func (p *Process[Out]) ExitCode() (code int, ended bool) {
	if !p.c.end.IsOpen() {
		return 0, false
	}
	return p.c.code, true
}

// IsAlive reports whether the process was started and has not ended.
func (p *Process[Out]) IsAlive() bool { return p.c.alive() }

// Name returns the name.
func (p *Process[Out]) Name() string { return p.c.choices.name }

// Pid returns the id of the process, 0 before Start.
func (p *Process[Out]) Pid() int { return p.c.id() }

// Daemon reports whether the process ends with its parent.
func (p *Process[Out]) Daemon() bool { return p.c.choices.daemon }

// Terminate ends the process by SIGTERM: when its function has returned, whose
// context ends with the cause [ErrTerminated], or when the time given to
// [Grace] is over. Without Grace that is at once, unless the function handles
// SIGTERM itself. It does nothing to a process that has ended, and panics with
// thread.ErrNotStarted before Start.
func (p *Process[Out]) Terminate() { _ = p.c.signal(terminateSignal) }

// Kill ends the process at once. It does nothing to a process that has ended,
// and panics with thread.ErrNotStarted before Start.
func (p *Process[Out]) Kill() { _ = p.c.signal(os.Kill) }

// Signal sends a signal, never to another process. It does nothing to a process
// that has ended, and panics with thread.ErrNotStarted before Start.
func (p *Process[Out]) Signal(sig os.Signal) error { return p.c.signal(sig) }

// String describes the process as Python does.
func (p *Process[Out]) String() string {
	s := "Process(" + p.Name()
	pid := p.Pid()
	code, ended := p.ExitCode()
	switch {
	case ended:
		s += ", stopped with code " + strconv.Itoa(code)
	case pid != 0:
		s += ", started"
	default:
		s += ", initial"
	}
	if p.Daemon() {
		s += ", daemon"
	}
	if pid != 0 {
		s += ", pid " + strconv.Itoa(pid)
	}
	return s + ")"
}

func (p *Process[Out]) waitable() waitable { return &p.c }
