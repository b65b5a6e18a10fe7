package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/gothreading/threading/internal/park"
)

// The errors of package manager, which documents them.
var (
	ErrLost        = errors.New("manager: the session ended, and what it held is free")
	ErrUnknown     = errors.New("manager: it may or may not have happened")
	ErrClosed      = errors.New("manager: closed, or the server is gone for good")
	ErrMismatch    = errors.New("manager: the object was made with other parameters")
	ErrBusy        = errors.New("manager: in use")
	ErrTooLarge    = errors.New("manager: too large")
	ErrQuota       = errors.New("manager: over quota")
	ErrDenied      = errors.New("manager: permission denied")
	ErrConflict    = errors.New("manager: changed meanwhile")
	ErrDuplicate   = errors.New("manager: an item with this key was put before")
	ErrNotFound    = errors.New("manager: not found")
	ErrNoServer    = errors.New("manager: no server")
	ErrNotJoinable = errors.New("manager: the queue is not joinable: make it with manager.Joinable()")
	ErrInsecure    = errors.New("manager: insecure")
	ErrValue       = errors.New("manager: bad value")
)

// ErrGaveUp is returned by a call that reached its limit, or whose context ended, and had no effect. Package manager
// says instead what the form of the call has to say. It never leaves that package.
var ErrGaveUp = errors.New("backend: gave up")

// An Error has a text of its own and is, to errors.Is, all that Errs are.
type Error struct {
	Text string
	Errs []error
}

func (e *Error) Error() string   { return e.Text }
func (e *Error) Unwrap() []error { return e.Errs }

// Errorf returns an error that is err to errors.Is, and says more.
func Errorf(err error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...))
}

// Ended reports whether ctx has ended. One whose Done is closed has, also if its Err is nil.
func Ended(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// Cause returns why ctx, which has ended, did so. It is never nil.
func Cause(ctx context.Context) error { return park.Cause(ctx) }

// Sound returns ctx such that package context can derive others from it: its Err is not nil once its Done is closed,
// whoever wrote it.
func Sound(ctx context.Context) context.Context { return sound{ctx} }

type sound struct{ context.Context }

func (s sound) Err() error {
	if err := s.Context.Err(); err != nil || !Ended(s.Context) {
		return err
	}
	return context.Canceled
}
