package coroutine

import (
	"errors"

	"github.com/gothreading/threading/internal/coro"
)

// What is returned.
var (
	// ErrDone is what a Generator that has ended returns instead of a value:
	// StopIteration.
	ErrDone = errors.New("coroutine: the generator has ended")

	// ErrClosed is what yield returns when the Generator is closed:
	// GeneratorExit.
	ErrClosed = errors.New("coroutine: the generator is being closed")
)

// What misuse panics with.
var (
	// ErrRunning is for a Generator that is resumed while it is running, by
	// another goroutine or by its own body: ValueError.
	ErrRunning = errors.New("coroutine: the generator is running already")

	// ErrNotStarted is for a Send before the first Next: TypeError.
	ErrNotStarted = errors.New("coroutine: Send to a generator that is at no yield yet: call Next first")

	// ErrIgnoredClose is for a body that yields again when it is closed:
	// RuntimeError.
	ErrIgnoredClose = errors.New("coroutine: Close of a generator that yielded again instead of returning")

	// ErrOutside is for a yield that is called on another goroutine than the
	// body's, or after the body has ended.
	ErrOutside = errors.New("coroutine: yield called by another goroutine than that of the running body")

	// ErrElsewhere is for a Generator that was started in a synctest bubble, or
	// outside of it, or while packages are initialized, and is resumed elsewhere.
	ErrElsewhere = coro.ErrElsewhere
)

// done returns err, the error of a body, or ErrDone if it is nil.
func done(err error) error {
	if err == nil {
		return ErrDone
	}
	return err
}

// notDone returns err, or what stands for it if it could be taken for the end of a generator.
func notDone(err error) error {
	if err != nil && errors.Is(err, ErrDone) {
		return lookalike{err}
	}
	return err
}

// A lookalike is an error that is ErrDone, but for that.
type lookalike struct{ err error }

func (l lookalike) Error() string { return l.err.Error() }

func (l lookalike) Is(target error) bool { return target != ErrDone && errors.Is(l.err, target) }

func (l lookalike) As(target any) bool { return errors.As(l.err, target) }
