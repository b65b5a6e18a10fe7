package manager

import (
	"context"
	"errors"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// An Event is a flag that processes share by name: any of them sets it, clears it
// or waits for it.
//
//	set(), clear(), is_set()     Set, Clear, IsSet
//	wait(), wait(timeout=d)      Wait, WaitTimeout(d)
//
// A Set releases every goroutine that waits, even if a Clear follows at once.
// The flag has no owner: it stays as it is when the process that set it dies.
type Event struct {
	object
	b backend.Event
}

// Event returns the event of that name, or a fresh one if name is "".
func (m *Manager) Event(name string) *Event {
	spec := valid(m.spec(KindEvent, name))
	return &Event{object{m, spec}, m.backend.Event(spec)}
}

// Set sets e and releases every goroutine that waits for it.
func (e *Event) Set() { e.change(e.b.Set) }

// Clear clears e.
func (e *Event) Clear() { e.change(e.b.Clear) }

// change makes a change that may be made twice.
func (e *Event) change(f func(context.Context) error) {
	must(patiently(forever, func(backend.Wait) error {
		err := f(background)
		if errors.Is(err, ErrUnknown) && !errors.Is(err, ErrClosed) {
			return ErrLost
		}
		return err
	}))
}

// IsSet reports whether e is set.
func (e *Event) IsSet() (is bool) {
	must(patiently(forever, func(backend.Wait) (err error) {
		is, err = e.b.IsSet(background)
		return err
	}))
	return is
}

// SetContext is like Set, and returns what kept it from that.
func (e *Event) SetContext(ctx context.Context) error { return e.m.call(ctx, e.b.Set) }

// ClearContext is like Clear, and returns what kept it from that.
func (e *Event) ClearContext(ctx context.Context) error { return e.m.call(ctx, e.b.Clear) }

// IsSetContext is like IsSet, and returns what kept it from that.
func (e *Event) IsSetContext(ctx context.Context) (is bool, err error) {
	err = e.m.read(ctx, func(ctx context.Context) error {
		is, err = e.b.IsSet(ctx)
		return err
	})
	return is, err
}

// Wait blocks until e is set.
func (e *Event) Wait() { granted(e.wait(forever)) }

// WaitTimeout is like [Event.Wait], but gives up after d. It reports whether e
// was set. If d <= 0, it is equivalent to [Event.IsSet]. A d of
// [math.MaxInt64] never times out.
func (e *Event) WaitTimeout(d time.Duration) bool { return granted(e.wait(after(d))) }

func (e *Event) wait(w backend.Wait) error { return patiently(w, e.b.Wait) }

// WaitContext is like [Event.Wait], but gives up when ctx ends, and then
// returns [context.Cause] of ctx.
func (e *Event) WaitContext(ctx context.Context) error {
	return e.m.read(ctx, func(ctx context.Context) error { return cause(ctx, e.b.Wait(until(ctx))) })
}

// Done returns a channel that is closed when e is set: at once if it is set, and
// otherwise by the next Set. It stays closed when e is cleared; after that, Done
// returns another channel. If the Manager is closed first it stays open: look at
// [Manager.Lost] too. On "mem:" it belongs to the testing/synctest bubble, or to
// the outside, that first asked for it.
func (e *Event) Done() <-chan struct{} {
	var done <-chan struct{}
	must(patiently(forever, func(backend.Wait) (err error) {
		done, err = e.b.Done()
		return err
	}))
	return done
}

func (e *Event) describe() backend.Handle { return e.object.describe(e.b) }
