package manager

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/backend"
)

// A Condition lets goroutines of any process that hold a lock wait, without it,
// until another that holds it notifies them.
//
//	wait(), wait(timeout=d)             Wait, WaitTimeout(d)
//	wait_for(p), wait_for(p, timeout)   WaitFor, WaitForTimeout
//	notify(n), notify_all()             Notify, NotifyAll
//
// It is like condition.Condition: waiters are notified in order of arrival, over
// all processes, Notify picks exactly n of those that have not given up, and time
// and ctx bound the wait for the notification, not for the lock. Predicates run
// in the process that waits.
//
// If the session is lost meanwhile, every form takes the lock again, under the
// new session, before it returns: Wait and WaitTimeout then return as if they
// had been notified, WaitFor and WaitForTimeout look again, and the forms with a
// ctx return ErrLost with the lock held. When another process dies that waited
// or held the lock, WaitFor looks again as well, since the dead may have been
// meant to act; a plain Wait has no spurious wakeups. Only when the Manager is
// closed is the lock not held afterwards.
type Condition struct {
	object
	lock Lockable
	door *door
	own  *owner // nil over a Lock
	b    backend.Condition
}

// Condition returns the condition of that name, or a fresh one if name is "",
// over l, or over m.RLock(name) if l is nil. l must be a lock of m.
func (m *Manager) Condition(name string, l Lockable) *Condition {
	spec := m.spec(KindCondition, name)
	if l == nil {
		l = m.RLock(spec.Name)
	}
	of, d, own := l.lockable()
	if of.m != m {
		panic(backend.Errorf(backend.ErrValue, "%s over the %s of another Manager", spec, of.spec))
	}
	spec.Lock, spec.LockKind = of.spec.Name, of.spec.Kind
	return &Condition{object{m, valid(spec)}, l, d, own, m.backend.Condition(spec)}
}

// Lock acquires the lock.
func (c *Condition) Lock() { c.lock.Lock() }

// Unlock releases the lock.
func (c *Condition) Unlock() { c.lock.Unlock() }

// mustHold panics unless the lock is held: by the calling goroutine, if it is an
// RLock, and else by this process.
func (c *Condition) mustHold() {
	if c.own != nil && !c.own.mine() || c.door.holder() == nil {
		panic(condition.ErrNotLocked)
	}
}

// Wait releases the lock, waits until it is notified, and acquires the lock
// again. It panics with [condition.ErrNotLocked] if the lock is not held.
func (c *Condition) Wait() { c.granted(c.wait(forever, nil)) }

// WaitTimeout is like Wait, but gives up after d. It reports whether it was
// notified. If d <= 0, it releases the lock, acquires it again and returns false.
func (c *Condition) WaitTimeout(d time.Duration) bool { return c.granted(c.wait(after(d), nil)) }

// WaitContext is like Wait, but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so without
// releasing the lock.
func (c *Condition) WaitContext(ctx context.Context) error {
	c.mustHold()
	if err := c.m.ended(ctx); err != nil {
		return err
	}
	return cause(ctx, c.wait(until(ctx), nil))
}

// WaitFor waits until pred returns true. It calls pred with the lock held, at
// once and after each notification that picks it; where others wait for other
// things, use NotifyAll. If pred panics, the lock is held.
func (c *Condition) WaitFor(pred func() bool) { c.granted(c.waitFor(forever, pred)) }

// WaitForTimeout is like WaitFor, but gives up after d, when it calls pred once
// more. It reports whether pred returned true.
func (c *Condition) WaitForTimeout(pred func() bool, d time.Duration) bool {
	return c.granted(c.waitFor(after(d), pred))
}

// WaitForContext is like WaitFor, but gives up when ctx ends and pred, called
// once more, returns false; then it returns [context.Cause] of ctx. If ctx has
// ended before the call, it does so without releasing the lock, and does not
// call pred.
func (c *Condition) WaitForContext(ctx context.Context, pred func() bool) error {
	c.mustHold()
	if err := c.m.ended(ctx); err != nil {
		return err
	}
	return cause(ctx, c.waitFor(until(ctx), pred))
}

// granted is the end of a form without an error: one that lost its session has
// taken the lock again.
func (c *Condition) granted(err error) bool {
	if errors.Is(err, ErrLost) {
		return true
	}
	return granted(err)
}

func (c *Condition) waitFor(w backend.Wait, pred func() bool) error {
	if pred == nil {
		panic("manager: Condition.WaitFor with a nil predicate")
	}
	return c.wait(w, pred)
}

// wait waits for a notification, or for pred if it is not nil. It returns
// ErrGaveUp, or ErrLost if it had to take the lock again, unless pred decides.
func (c *Condition) wait(w backend.Wait, pred func() bool) error {
	c.mustHold()
	if pred != nil && pred() {
		return nil
	}
	limit := start(w)
	for {
		err := c.sleep(limit.left(), pred != nil)
		lost := errors.Is(err, ErrLost)
		switch {
		case errors.Is(err, ErrQuota) && w.Ctx == nil:
			time.Sleep(quotaPause)
		case pred == nil, lost && w.Ctx != nil:
			return err
		case err != nil && !lost && err != backend.ErrGaveUp:
			return err
		case pred():
			return nil
		case err == backend.ErrGaveUp:
			return err
		}
	}
}

// sleep releases the lock, waits once and holds the lock again, unless it returns
// ErrClosed.
func (c *Condition) sleep(w backend.Wait, look bool) error {
	var in *hold
	depth := 1
	if c.own != nil {
		in, depth = c.own.leaveAll()
	} else {
		in = c.door.stand(nil)
	}
	if in == nil {
		panic(condition.ErrNotLocked) // another goroutine has unlocked the Lock meanwhile
	}
	c.door.yield(in)
	again, notified, err := c.b.Wait(w, in.Holding, look)
	switch {
	case again != nil:
		_ = c.door.sit(&hold{Holding: again}, clock{})
	case errors.Is(err, ErrLost):
		if err := patiently(forever, func(w backend.Wait) error { _, err := c.door.enter(w, nil); return err }); err != nil {
			return err
		}
	case errors.Is(err, ErrClosed):
		return err
	default: // it was refused, and the lock is held as before
		_ = c.door.sit(&hold{Holding: in.Holding}, clock{})
	}
	if c.own != nil {
		c.own.entered(depth)
	}
	if err == nil && !notified {
		return backend.ErrGaveUp
	}
	return err
}

// Notify wakes the n that have waited longest, or all if there are fewer. They
// return when they have the lock, so not before the caller has released it. If n
// < 1, it wakes none. It panics with [condition.ErrNotLocked] if the lock is not
// held.
func (c *Condition) Notify(n int) {
	if _, err := c.notify(background, n); !errors.Is(err, ErrLost) {
		must(err)
	}
}

// NotifyAll wakes all that wait.
func (c *Condition) NotifyAll() { c.Notify(math.MaxInt) }

// NotifyContext is like Notify, and returns how many it woke. If the lock had
// been lost, it returns ErrLost and wakes none.
func (c *Condition) NotifyContext(ctx context.Context, n int) (int, error) {
	c.mustHold()
	if err := c.m.ended(ctx); err != nil {
		return 0, err
	}
	return c.notify(ctx, n)
}

func (c *Condition) notify(ctx context.Context, n int) (int, error) {
	c.mustHold()
	if n < 1 {
		return 0, nil
	}
	in := c.door.holder()
	if in == nil {
		panic(condition.ErrNotLocked)
	}
	return c.b.Notify(ctx, in.Holding, n)
}

func (c *Condition) describe() backend.Handle { return c.object.describe(c.b) }
