package pool

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
)

// endContext ends d as a context.
func (d *domain) endContext(err, cause error) {
	d.mu.Lock()
	if d.over.Load() != nil {
		d.mu.Unlock()
		return
	}
	d.over.Store(&ending{err: err, cause: cause})
	done := d.done.Load()
	if done == nil {
		d.done.Store(&park.ClosedChannel)
	}
	d.mu.Unlock()
	if done != nil {
		close(*done)
	}
	for f, ok := d.takeCall(); ok; f, ok = d.takeCall() {
		hook.Run(f)
	}
}

func (d *domain) takeCall() (f func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls.take()
}

// values returns the context whose values d has.
func (d *domain) values() context.Context {
	for ; d != nil; d = d.parent {
		if d.given != nil {
			return d.given
		}
	}
	return context.Background()
}

// Done is a method of context.Context.
func (d *domain) Done() <-chan struct{} {
	if done := d.done.Load(); done != nil {
		return *done
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if done := d.done.Load(); done != nil {
		return *done
	}
	done := make(chan struct{})
	d.done.Store(&done)
	return done
}

// Err is a method of context.Context.
func (d *domain) Err() error {
	if over := d.over.Load(); over != nil {
		return over.err
	}
	return nil
}

// Deadline is a method of context.Context.
func (d *domain) Deadline() (earliest time.Time, is bool) {
	for ; d != nil; d = d.parent {
		if d.given == nil {
			continue
		}
		if t, ok := d.given.Deadline(); ok && (!is || t.Before(earliest)) {
			earliest, is = t, true
		}
	}
	return earliest, is
}

// Value is a method of context.Context.
func (d *domain) Value(key any) any {
	if over := d.over.Load(); over != nil {
		return over.of(d).Value(key)
	}
	return d.values().Value(key)
}

// of returns a context that has the values of d, and has ended with the cause:
// there context.Cause looks for it. It is made when it is first looked at.
func (e *ending) of(d *domain) context.Context {
	e.once.Do(func() {
		values, cancel := context.WithCancelCause(context.WithoutCancel(d.values()))
		cancel(e.cause)
		e.values = values
	})
	return e.values
}

func (d *domain) String() string {
	switch {
	case d.parent == nil:
		return "pool(" + d.core.name() + ")"
	case d.root:
		return d.parent.String() + ".Scope"
	case d.given == nil:
		return d.parent.String()
	}
	return d.parent.String() + ".WithContext"
}

// AfterFunc is what package context looks for in a parent that it did not make:
// so it needs no goroutine that waits for the end of d. What it gives ends a
// child, and is called by whoever ends d.
func (d *domain) AfterFunc(f func()) (stop func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over.Load() != nil {
		go f()
		return func() bool { return false }
	}
	call := &node[func()]{of: f}
	d.calls.add(call, false)
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !call.listed() {
			return false
		}
		d.calls.remove(call)
		return true
	}
}
