package proof

import (
	"context"
	"errors"
	"testing"
	"time"
)

// ErrForeign is the error of a Foreign context that has ended.
var ErrForeign = errors.New("the error of a foreign context")

// A Foreign is a context that package context did not make.
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

// An Entry is a context that remembers whether it had ended when it was first
// asked, which is at entry of the call that it was given to. On the clock of
// the machine there is no other way to know. It is for one call.
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

// EndedContexts returns contexts that have ended, each with the error that a
// call must return. Those that have a cause have the given one.
func EndedContexts(cause error) map[string]func(*testing.T) (context.Context, error) {
	cancelled := func(why error) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(why)
		return ctx
	}
	return map[string]func(*testing.T) (context.Context, error){
		"cancelled":              func(*testing.T) (context.Context, error) { return cancelled(nil), context.Canceled },
		"cancelled with a cause": func(*testing.T) (context.Context, error) { return cancelled(cause), cause },
		"child of a cancelled one": func(*testing.T) (context.Context, error) {
			type key struct{}
			return context.WithValue(cancelled(cause), key{}, 1), cause
		},
		"deadline that has passed": func(*testing.T) (context.Context, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 0)
			cancel()
			return ctx, context.DeadlineExceeded
		},
		"deadline with a cause": func(*testing.T) (context.Context, error) {
			ctx, cancel := context.WithTimeoutCause(context.Background(), -1, cause)
			cancel()
			return ctx, cause
		},
		"foreign": func(*testing.T) (context.Context, error) {
			ctx := NewForeign()
			ctx.End()
			return ctx, ErrForeign
		},
		// Its Value method leads package context to the live parent, which
		// knows no cause.
		"foreign child of a live one": func(t *testing.T) (context.Context, error) {
			own := NewForeign()
			own.End()
			return foreignChild{t.Context(), own}, ErrForeign
		},
	}
}

// A foreignChild ends by itself and has the values of its parent.
type foreignChild struct {
	context.Context
	own *Foreign
}

func (f foreignChild) Done() <-chan struct{} { return f.own.Done() }
func (f foreignChild) Err() error            { return f.own.Err() }

// An Ending makes a context and a func that ends it, which takes time in a
// bubble if it is a deadline. Want is the error of a call that waited
// meanwhile.
type Ending struct {
	New  func() (ctx context.Context, end func())
	Want error
}

// EndingContexts returns contexts that end while a call waits. Those that have
// a cause have the given one.
func EndingContexts(cause error) map[string]Ending {
	return map[string]Ending{
		"cancel": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			return ctx, cancel
		}, context.Canceled},
		"cancel with a cause": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(context.Background())
			return ctx, func() { cancel(cause) }
		}, cause},
		"cancel of the parent": {func() (context.Context, func()) {
			parent, cancel := context.WithCancelCause(context.Background())
			ctx, stop := context.WithTimeout(parent, 100*365*24*time.Hour)
			return ctx, func() { cancel(cause); stop() }
		}, cause},
		"deadline": {func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			return ctx, func() { time.Sleep(2 * time.Second); cancel() }
		}, context.DeadlineExceeded},
		"deadline with a cause": {func() (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, cause)
			return ctx, func() { time.Sleep(2 * time.Second); cancel() }
		}, cause},
		"foreign": {func() (context.Context, func()) {
			ctx := NewForeign()
			return ctx, ctx.End
		}, ErrForeign},
		"one that says nothing": {func() (context.Context, func()) {
			ctx := NewSilent()
			return ctx, ctx.End
		}, context.Canceled},
	}
}

// A Silent context closes its channel and then reports no error, as a context
// of a web framework does that is reused after its request.
type Silent struct {
	context.Context
	done chan struct{}
}

// NewSilent returns one that has not ended.
func NewSilent() *Silent { return &Silent{context.Background(), make(chan struct{})} }

// End closes the channel, once.
func (s *Silent) End() { close(s.done) }

func (s *Silent) Done() <-chan struct{} { return s.done }

// GivingUpIsAnErrorOfASilentContext fails unless a call that waits gives up
// when a Silent context ends, and says so with context.Canceled. It is for a
// bubble.
func GivingUpIsAnErrorOfASilentContext(t *testing.T, wait func(context.Context) error) {
	t.Helper()
	ctx := NewSilent()
	time.AfterFunc(time.Second, ctx.End)
	start := time.Now()
	if err := wait(ctx); err != context.Canceled || time.Since(start) != time.Second {
		t.Errorf("gave up after %v with %v, want 1s and %v", time.Since(start), err, context.Canceled)
	}
}

// A Panicking context has not ended. It panics when it is asked for its
// channel, which a call does before it waits.
type Panicking struct{ context.Context }

func (Panicking) Done() <-chan struct{} { panic("Done") }

// NothingOfOthersUnderAGuard fails unless a call that waits, and whose context
// panics, leaves the primitive as it was: the call of ask must not find its
// guard held. It is for a bubble.
func NothingOfOthersUnderAGuard(t *testing.T, wait func(context.Context), ask func()) {
	t.Helper()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the context was not asked for its channel: this tested nothing")
			}
		}()
		wait(Panicking{context.Background()})
	}()
	ask() // or this waits for ever
}
