package manager

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// The forms, as what a backend is asked.
var (
	forever = backend.Wait{}
	try     = backend.Wait{Try: true}
)

func after(d time.Duration) backend.Wait {
	switch {
	case d <= 0:
		return try
	case d == math.MaxInt64:
		return forever
	}
	return backend.Wait{After: d}
}

func until(ctx context.Context) backend.Wait { return backend.Wait{Ctx: ctx} }

// A clock says what is left of a Wait that began when it was made.
type clock struct {
	wait  backend.Wait
	began time.Time
}

func start(w backend.Wait) clock {
	if w.After > 0 {
		return clock{w, time.Now()}
	}
	return clock{wait: w}
}

func (c clock) left() backend.Wait {
	w := c.wait
	if w.After > 0 {
		if w.After -= time.Since(c.began); w.After <= 0 {
			w = try
		}
	}
	return w
}

// over reports whether nothing is left.
func (c clock) over() bool { return c.wait.Over() || c.wait.After > 0 && c.left().Try }

// acquire acquires a lock of this process within a Wait, and reports whether it did.
func acquire(l *lock.Lock, c clock) bool {
	switch w := c.left(); {
	case l.TryLock():
		return true
	case w.Try:
		return false
	case w.After > 0:
		return l.LockTimeout(w.After)
	case w.Ctx != nil:
		return l.LockContext(w.Ctx) == nil
	}
	l.Lock()
	return true
}

// tryTime is for how long a TryX waits through what passes.
const tryTime = 5 * time.Second

// quotaPause is how long to wait before a call is made again that was refused because there were too many.
const quotaPause = 10 * time.Millisecond

// patiently makes a call that has no error result until it returns something that does not pass. A call that returned
// ErrLost or ErrQuota has had no effect.
func patiently(w backend.Wait, call func(w backend.Wait) error) error {
	c := start(w)
	began := time.Time{}
	for {
		err := call(c.left())
		switch {
		case errors.Is(err, ErrLost) && !errors.Is(err, ErrUnknown):
			continue // at once: there is a new session
		case !errors.Is(err, ErrQuota):
			return err
		}
		switch {
		case c.over():
			return backend.ErrGaveUp
		case w.Try && began.IsZero():
			began = time.Now()
		case w.Try && time.Since(began) > tryTime:
			return backend.ErrGaveUp
		}
		time.Sleep(quotaPause)
	}
}

// granted is the end of a form that returns a bool.
func granted(err error) bool {
	if err == backend.ErrGaveUp {
		return false
	}
	must(err)
	return true
}

// outcome is the end of a form that returns an error: gaveUp is what it says when it reached its limit.
func outcome(err, gaveUp error) error {
	if err == backend.ErrGaveUp {
		return gaveUp
	}
	return err
}

// cause is outcome for a form with a context.
func cause(ctx context.Context, err error) error {
	if err == backend.ErrGaveUp {
		return backend.Cause(ctx)
	}
	return err
}

// whileAlive returns a context that ends with ctx, or with ErrLost as its cause when lost is closed; stop ends it.
func whileAlive(ctx context.Context, lost <-chan struct{}) (alive context.Context, stop func()) {
	alive, cancel := context.WithCancelCause(backend.Sound(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-lost:
			cancel(ErrLost)
		case <-alive.Done():
		}
	}()
	return alive, func() {
		cancel(context.Canceled)
		<-done
	}
}

// ended returns what a call with a context that has ended returns, which only the end of the Manager precedes.
func (m *Manager) ended(ctx context.Context) error {
	switch {
	case !backend.Ended(ctx):
		return nil
	case m.backend.Closed():
		return ErrClosed
	}
	return backend.Cause(ctx)
}

// isClosed reports whether a channel is closed on which nothing is sent.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// call makes a call that does not wait.
func (m *Manager) call(ctx context.Context, f func(context.Context) error) error {
	if err := m.ended(ctx); err != nil {
		return err
	}
	return f(ctx)
}

// read makes a call that changes nothing, and again if the session was lost meanwhile.
func (m *Manager) read(ctx context.Context, f func(context.Context) error) error {
	for {
		if err := m.ended(ctx); err != nil {
			return err
		}
		if err := f(ctx); !errors.Is(err, ErrLost) || errors.Is(err, ErrUnknown) {
			return err
		}
	}
}
