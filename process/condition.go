package process

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/shm"
)

// A Lockable is a lock that a Condition may belong to: a *Lock or an *RLock.
type Lockable interface {
	sync.Locker
	owns() bool
	holder() shm.Holder
	releaseAll() (depth int)
	takeBack(depth int)
	MarshalBinary() ([]byte, error)
}

// A Condition lets goroutines that hold a lock wait, without it, until another
// goroutine that holds it notifies them. They may belong to different
// processes.
//
// Make a Condition with [NewCondition] and pass the pointer to other processes;
// its lock goes with it. The zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Condition:
//
//	acquire(), release()              Lock, Unlock
//	wait(), wait(timeout=d)           Wait, WaitTimeout(d)
//	wait_for(pred, timeout=d)         WaitFor(pred), WaitForTimeout(pred, d)
//	notify(n), notify_all()           Notify(n), NotifyAll
//
// It is like [condition.Condition]: there are no spurious wakeups, and waiters
// are notified in order of arrival over all processes. Notify never waits for
// those it wakes. If a process is killed after it was notified and before its
// wait has returned, the notification goes to the next waiter; if the process
// that passes it on is killed as well, it may be given twice.
//
// Within a process, a Notify synchronizes before the return of the wait that it
// ends.
//
// Time and ctx bound the wait for the notification and not for the lock. Notify
// does not count waiters that have given up, and one that it picked reports
// success.
//
// Waiting holds one thread for each Condition and process, however many
// goroutines wait. At most 2,048 wait at one Condition: beyond that, a wait
// panics.
type Condition struct {
	handle
	c    *shm.Condition
	lock Lockable
}

// NewCondition makes a Condition over l, or over a new RLock if l is nil.
func NewCondition(l Lockable) *Condition {
	if l == nil {
		l = NewRLock()
	}
	l.holder() // panics for a zero value
	c, err := shm.NewCondition()
	return &Condition{c: made("NewCondition", c, err), lock: l}
}

func (c *Condition) places() *shm.Condition {
	if c.c == nil {
		panic(zero("Condition"))
	}
	return c.c
}

// held returns the places, and panics with condition.ErrNotLocked if the lock
// is not held.
func (c *Condition) held() *shm.Condition {
	p := c.places()
	if !c.lock.owns() {
		panic(condition.ErrNotLocked)
	}
	return p
}

// Lock acquires the lock.
func (c *Condition) Lock() {
	c.places()
	c.lock.Lock()
}

// Unlock releases the lock.
func (c *Condition) Unlock() {
	c.places()
	c.lock.Unlock()
}

// Wait releases the lock, waits until it is notified, and acquires the lock
// again. It panics with condition.ErrNotLocked if the lock is not held, and so
// do all forms that follow.
func (c *Condition) Wait() { c.wait(nil, nil) }

// WaitTimeout is like Wait but waits for at most d, and reports whether it was
// notified. With d <= 0 it releases the lock, acquires it again and returns
// false; math.MaxInt64 is forever.
func (c *Condition) WaitTimeout(d time.Duration) bool {
	if d <= 0 {
		c.held()
		depth := c.lock.releaseAll()
		runtime.Gosched()
		c.lock.takeBack(depth)
		return false
	}
	l := shm.After(d)
	defer l.Close()
	return c.wait(l, nil)
}

// WaitContext is like Wait but returns context.Cause(ctx) if ctx ends first. If
// ctx has ended already, it keeps the lock and changes nothing.
func (c *Condition) WaitContext(ctx context.Context) error { return c.WaitForContext(ctx, nil) }

// WaitFor waits until pred returns true. It calls pred with the lock held, at
// once and after each notification that picks it; where goroutines wait for
// different things, use NotifyAll. If pred panics, the lock is held.
func (c *Condition) WaitFor(pred func() bool) { c.wait(nil, needed(pred)) }

// WaitForTimeout is like WaitFor but waits for at most d, and reports whether
// pred returned true. When the time is up it calls pred once more: success
// beats the deadline. With d <= 0 it releases the lock once in between;
// math.MaxInt64 is forever.
func (c *Condition) WaitForTimeout(pred func() bool, d time.Duration) bool {
	needed(pred)
	if d <= 0 {
		c.held()
		return pred() || c.WaitTimeout(0) || pred()
	}
	l := shm.After(d)
	defer l.Close()
	return c.wait(l, pred)
}

// WaitForContext is like WaitFor but returns context.Cause(ctx) if ctx ends
// first and pred, called once more, returns false. If ctx has ended already, it
// keeps the lock and calls nothing.
func (c *Condition) WaitForContext(ctx context.Context, pred func() bool) error {
	c.held()
	if hasEnded(ctx) {
		return park.Cause(ctx)
	}
	l := shm.Until(ctx)
	defer l.Close()
	if !c.wait(l, pred) {
		return park.Cause(ctx)
	}
	return nil
}

func needed(pred func() bool) func() bool {
	if pred == nil {
		panic("process: a wait of a Condition with a nil predicate")
	}
	return pred
}

// wait waits for a notification, or for pred if that is not nil, and reports
// whether it came.
func (c *Condition) wait(l *shm.Limit, pred func() bool) bool {
	p := c.held()
	if pred != nil && pred() {
		return true
	}
	for {
		at, err := p.Enlist()
		if err != nil {
			panic(fmt.Errorf("process: a wait of a Condition, at which at most %d wait: %w", shm.MaxWaiters, unsupported(err)))
		}
		depth := c.lock.releaseAll()
		notified := p.Await(at, l)
		c.lock.takeBack(depth)
		if notified {
			p.Vacate(at)
		}
		switch {
		case pred == nil:
			return notified
		case pred():
			return true
		case !notified:
			return false
		}
	}
}

// Notify wakes the n goroutines that have waited longest, or all if there are
// fewer. They return when they have acquired the lock, so not before the caller
// has released it. With n < 1 it does nothing.
func (c *Condition) Notify(n int) { c.held().Notify(n, c.lock.holder()) }

// NotifyAll wakes all waiters.
func (c *Condition) NotifyAll() { c.Notify(math.MaxInt) }

// MarshalBinary encodes c for another process. It returns ErrSharing unless
// this package encodes.
func (c *Condition) MarshalBinary() ([]byte, error) {
	data, err := handOver("Condition", c.c, (*shm.Condition).Descriptor)
	if err != nil {
		return nil, err
	}
	its, err := c.lock.MarshalBinary()
	if err != nil {
		return nil, err
	}
	kind := byte(0)
	if _, ok := c.lock.(*RLock); ok {
		kind = 1
	}
	return append(append([]byte{kind, byte(len(data))}, data...), its...), nil
}

// UnmarshalBinary is the other direction.
func (c *Condition) UnmarshalBinary(data []byte) (err error) {
	if len(data) < 2 || len(data) < 2+int(data[1]) {
		return fmt.Errorf("%w: %d bytes are no Condition", ErrSharing, len(data))
	}
	n := 2 + int(data[1])
	if c.c, err = takeOver("Condition", data[2:n], shm.AttachCondition); err != nil {
		return err
	}
	if data[0] == 1 {
		r := new(RLock)
		c.lock = r
		return r.UnmarshalBinary(data[n:])
	}
	l := new(Lock)
	c.lock = l
	return l.UnmarshalBinary(data[n:])
}
