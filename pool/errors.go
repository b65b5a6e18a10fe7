package pool

import (
	"context"
	"errors"
	"fmt"

	"github.com/gothreading/threading/thread"
)

// What submissions and Results report.
var (
	// ErrClosed is what a submission reports after Close.
	ErrClosed = errors.New("pool: closed")
	// ErrTerminated is what became of a task that Terminate kept from starting, and what a submission reports after it.
	ErrTerminated = errors.New("pool: terminated")
	// ErrCancelled is what became of a task that Cancel or CancelPending kept from starting, and of a Map that Cancel
	// ended.
	ErrCancelled = errors.New("pool: cancelled")
	// ErrTimeout is what TryGet and GetTimeout return when the Result is not ready in time. It is
	// context.DeadlineExceeded to errors.Is.
	ErrTimeout error = timeoutError{}
	// ErrFull is what a submission reports that found no place in the backlog in time.
	ErrFull = errors.New("pool: the backlog is full")
	// ErrGoexit is what became of a task that ended with runtime.Goexit. It is thread.ErrGoexit.
	ErrGoexit = thread.ErrGoexit
)

// What misuse panics with.
var (
	// ErrValue is what New, Resize, Backlog, ChunkSize and Buffer panic with when the number is too small. The value of
	// the panic names the call and the number, and is ErrValue to errors.Is.
	ErrValue = errors.New("pool: bad value")
	// ErrRunning is the value that Join panics with before Close or Terminate.
	ErrRunning = errors.New("pool: Join of a Pool that was neither closed nor terminated")
	// ErrJoinSelf is the value that a wait of a task or callback for its own Result, or for the end of its own pool,
	// panics with. It is thread.ErrJoinSelf.
	ErrJoinSelf = thread.ErrJoinSelf
	// ErrNotReady is the value that Successful panics with before the end.
	ErrNotReady = errors.New("pool: Successful of a Result that is not ready")
)

type timeoutError struct{}

func (timeoutError) Error() string   { return "pool: the result is not ready yet" }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }
func (timeoutError) Timeout() bool   { return true }

// An ItemError is the error of one item of a Map or IMap.
type ItemError struct {
	Index int // of the item in the input
	Err   error
}

// Error names the item and its error.
func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap returns the error that the function returned, a *thread.PanicError if it panicked, or ErrGoexit.
func (e *ItemError) Unwrap() error { return e.Err }

// atLeast panics with ErrValue if n is too small for what is asked for.
func atLeast(least, n int, call string) {
	if n < least {
		panic(fmt.Errorf("%w: %s(%d): want %d or more", ErrValue, call, n, least))
	}
}
