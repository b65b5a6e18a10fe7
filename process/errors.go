package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
)

// ErrTerminated is the cause of a function's context that ended because of
// Terminate, or, in a daemon, because the parent ended.
var ErrTerminated = errors.New("process: terminated")

// An ExitError says how a process ended whose function did not return without
// an error.
type ExitError struct {
	Name  string
	Pid   int
	Code  int    // as of ExitCode
	Crash string // what the runtime wrote, if it crashed

	err error
}

// Error names the process and how it ended.
func (e *ExitError) Error() string {
	s := "process " + e.Name + " (pid " + strconv.Itoa(e.Pid) + ") "
	switch {
	case e.Code == unknownCode:
		return s + "ended, and nobody knows how: it was waited for elsewhere"
	case e.Code < 0:
		s += "was ended by signal " + strconv.Itoa(-e.Code) + " (" + syscall.Signal(-e.Code).String() + ")"
		if e.err != nil {
			s += " after its function had failed: " + e.err.Error()
		}
		return s
	case e.err != nil:
		return s + "failed: " + e.err.Error()
	case e.Crash != "":
		return s + "crashed: " + firstLine(e.Crash)
	}
	return s + "ended with code " + strconv.Itoa(e.Code) + " before its function returned"
}

func firstLine(s string) string {
	for i := range len(s) {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}

// Unwrap returns the *RemoteError of a function that returned an error, or the
// *thread.PanicError of one that panicked.
func (e *ExitError) Unwrap() error { return e.err }

// A RemoteError is an error that a function returned in another process: its
// type and its text. errors.Is finds in it the errors that were given to
// [RegisterError], those of this module, those of package context, io.EOF, and
// some more of the standard library.
type RemoteError struct {
	Type, Text string

	is []error
}

// Error returns the text.
func (e *RemoteError) Error() string { return e.Text }

// Is reports whether the error was target where it was returned.
func (e *RemoteError) Is(target error) bool {
	for _, s := range e.is {
		if errors.Is(s, target) {
			return true
		}
	}
	return false
}

// sentinels are errors that are the same in every process of the program.
var sentinels = struct {
	guard sync.Mutex
	all   []error
}{all: []error{
	io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, io.ErrShortWrite, context.Canceled, context.DeadlineExceeded,
	errors.ErrUnsupported, os.ErrNotExist, os.ErrExist, os.ErrPermission, os.ErrInvalid, os.ErrClosed, os.ErrDeadlineExceeded,
	lock.ErrNotLocked, rlock.ErrNotOwner, semaphore.ErrValue, semaphore.ErrOverRelease, condition.ErrNotLocked,
	barrier.ErrBroken, barrier.ErrParties, queue.ErrEmpty, queue.ErrFull, queue.ErrShutdown, queue.ErrTaskDone,
	thread.ErrStarted, thread.ErrNotStarted, thread.ErrJoinSelf, thread.ErrDaemon, thread.ErrGoexit,
	pool.ErrClosed, pool.ErrTerminated, pool.ErrTimeout, pool.ErrCancelled, pool.ErrFull, pool.ErrValue, pool.ErrRunning,
	pool.ErrNotReady, ErrInit, ErrSharing, ErrUnregistered, ErrTerminated, ErrType,
}}

// RegisterError makes errors that functions return known, so that errors.Is
// finds them in a [RemoteError]. It is called in the initialization of
// packages, as Register is, and panics with [ErrInit] after Init.
func RegisterError(errs ...error) {
	if begun.Load() {
		panic(fmt.Errorf("%w: an error was registered after it", ErrInit))
	}
	sentinels.guard.Lock()
	defer sentinels.guard.Unlock()
	for _, err := range errs {
		if err == nil {
			panic("process: RegisterError of a nil error")
		}
		sentinels.all = append(sentinels.all, err)
	}
}

// A message is an error, or a panic, on its way.
type message struct {
	Type, Text string
	Is         []int // of the sentinels
	Stack      []byte
	Panic      bool
}

// tell makes a message of an error.
func tell(err error) message {
	m := message{Type: fmt.Sprintf("%T", err), Text: err.Error()}
	for i, s := range sentinels.all {
		if errors.Is(err, s) {
			m.Is = append(m.Is, i)
		}
	}
	return m
}

// tellPanic makes a message of a panic.
func tellPanic(value any, stack []byte) message {
	return message{Type: fmt.Sprintf("%T", value), Text: fmt.Sprint(value), Stack: stack, Panic: true}
}

// error makes an error of a message.
func (m message) error() error {
	if m.Panic {
		return &thread.PanicError{Value: m.Text, Stack: m.Stack}
	}
	e := &RemoteError{Type: m.Type, Text: m.Text}
	for _, i := range m.Is {
		if i >= 0 && i < len(sentinels.all) {
			e.is = append(e.is, sentinels.all[i])
		}
	}
	return e
}

// unsupported makes an error of the system that says that something is not
// there an errors.ErrUnsupported.
func unsupported(err error) error {
	if errors.Is(err, syscall.ENOSYS) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}
