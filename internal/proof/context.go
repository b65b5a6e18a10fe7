package proof

import (
	"context"
	"errors"
	"time"
)

// ErrForeign is the error of a Foreign context that has ended.
var ErrForeign = errors.New("the error of a foreign context")

// A Foreign is a context that package context knows nothing about.
type Foreign struct{ done chan struct{} }

// NewForeign returns one that has not ended.
func NewForeign() *Foreign { return &Foreign{make(chan struct{})} }

// End ends it, once.
func (f *Foreign) End() { close(f.done) }

func (f *Foreign) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *Foreign) Done() <-chan struct{}       { return f.done }
func (f *Foreign) Value(any) any               { return nil }

func (f *Foreign) Err() error {
	select {
	case <-f.done:
		return ErrForeign
	default:
		return nil
	}
}

// An Entry is a context that remembers whether it had ended when it was first asked, which is at entry of the call that
// it was given to: on the clock of the machine nobody else can know. It is for one call.
type Entry struct {
	context.Context
	Ended bool
	asked bool
}

func (e *Entry) Err() error {
	err := e.Context.Err()
	if !e.asked {
		e.asked, e.Ended = true, err != nil
	}
	return err
}
