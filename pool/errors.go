package pool

import (
	"context"
	"errors"
	"fmt"

	"github.com/gothreading/threading/thread"
)

// What submissions and Results report.
var (
	// ErrClosed is the error of a submission after Close, and of one to a Scope
	// that has ended.
	ErrClosed = errors.New("pool: closed")
	// ErrTerminated is the error of a task that Terminate dropped, and of a
	// submission after Terminate. If the end of the context given to [Context]
	// terminated the pool, the error also wraps the cause of that context.
	ErrTerminated = errors.New("pool: terminated")
	// ErrCancelled is the error of a task that Cancel or CancelPending dropped,
	// and of a Map that Cancel ended. To errors.Is it is context.Canceled.
	ErrCancelled error = cancelledError{}
	// ErrTimeout is the error of TryGet, GetTimeout and GatherTimeout when a
	// Result is not ready in time. To errors.Is it is context.DeadlineExceeded.
	ErrTimeout error = timeoutError{}
	// ErrFull is the error of a submission that found no room in the backlog in
	// time.
	ErrFull = errors.New("pool: the backlog is full")
	// ErrGoexit is the error of a task that called runtime.Goexit. It is
	// thread.ErrGoexit.
	ErrGoexit = thread.ErrGoexit
)

// What misuse panics with.
var (
	// ErrValue is the value of the panic of New, Resize, Backlog, ChunkSize and
	// Buffer for a number that is too small. The panic's value names the call and
	// the number; to errors.Is it is ErrValue.
	ErrValue = errors.New("pool: bad value")
	// ErrRunning is the value of the panic of Join before Close or Terminate.
	ErrRunning = errors.New("pool: Join of a Pool that was neither closed nor terminated")
	// ErrJoinSelf is the value of the panic of a wait that would wait for itself:
	// of a task or callback for its own Result or the end of its own pool. It is
	// thread.ErrJoinSelf.
	ErrJoinSelf = thread.ErrJoinSelf
	// ErrNotReady is the value of the panic of Successful before the end.
	ErrNotReady = errors.New("pool: Successful of a Result that is not ready")
	// ErrSet is the value of the panic of a second Set of a Promise.
	ErrSet = errors.New("pool: Set of a Promise that was set before")
)

type timeoutError struct{}

func (timeoutError) Error() string   { return "pool: the result is not ready yet" }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }
func (timeoutError) Timeout() bool   { return true }

type cancelledError struct{}

func (cancelledError) Error() string   { return "pool: cancelled" }
func (cancelledError) Is(e error) bool { return e == context.Canceled }

// terminatedBy is the ErrTerminated of a pool whose own context has ended.
type terminatedBy struct{ cause error }

func (e *terminatedBy) Error() string   { return "pool: terminated: " + e.cause.Error() }
func (e *terminatedBy) Unwrap() []error { return []error{ErrTerminated, e.cause} }

// atLeast panics with ErrValue if n is less than least.
func atLeast(least, n int, call string) {
	if n < least {
		panic(fmt.Errorf("%w: %s(%d): want %d or more", ErrValue, call, n, least))
	}
}

// needed panics if a function or a context that the call cannot do without is nil.
func needed(is bool, what, call string) {
	if !is {
		panic("pool: " + call + " with a nil " + what)
	}
}
