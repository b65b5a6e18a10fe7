// Package condition provides condition variables that can give up waiting, over any lock: threading.Condition for Go.
package condition

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/rlock"
)

// ErrNotLocked is the value that waiting and notifying panic with when the lock is not held, where that can be known:
// by Owned, if the lock has that method, and else by Locked.
var ErrNotLocked = errors.New("condition: wait or notify without holding the lock")

// A Condition lets goroutines that hold a lock wait, without it, until another that holds it notifies them.
//
// The zero value is a Condition over an RLock of its own. A Condition must not be copied after first use.
//
// Python: threading.Condition. Lock and Unlock are acquire() and release(); Wait, WaitFor, Notify and NotifyAll are
// wait(), wait_for(), notify(n) and notify_all(); the timed forms are wait(timeout=d) and wait_for(pred, timeout=d).
//
// Any sync.Locker serves as the lock. One that also has UnlockAll() int and LockDepth(int), as rlock.RLock has, is
// released completely while a goroutine waits and taken back at the same depth.
//
// Memory model: a Notify synchronizes before the return of the wait it ends; and what the lock promises holds, since
// every wait releases and acquires it.
//
// Waiters are notified in order of arrival, and then compete for the lock as its own fairness has it. There are no
// spurious wakeups: a wait ends because it was notified or because it gave up. Still, another goroutine may have been
// faster with the lock and have changed what was notified: wait in a loop, or with WaitFor.
//
// Giving up: time and ctx bound the wait for the notification, not for the lock, which is held again whenever a call
// returns. Notify counts only waiters that have not given up: one whose time ran out first is passed by, and one that
// was picked reports success. So no notification is lost.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest, and so while it waits for the lock if
// that is one of this module's. A waiter inside a bubble must be notified from inside it.
//
// Cost: a wait and its notification are two switches of goroutines and no allocation but for a limit: a timer, or a
// channel. Notify without waiters is an atomic load.
//
// Use a channel, an event.Event or a queue.Queue where what is waited for can be said by one of them.
type Condition struct {
	lock sync.Locker // nil: own
	own  rlock.RLock
	held func() bool // whether the lock is held, if it can tell; nil also if lock is
	deep reentrant   // the lock, if it is

	guard  park.Guard
	list   park.List[place]
	listed atomic.Bool // somebody may be on the list
}

// A place is the Value of a waiter: the lock it released, and how to take it back.
type place struct {
	c     *Condition
	depth int
}

var waiters park.Pool[place]

type reentrant interface {
	UnlockAll() (depth int)
	LockDepth(depth int)
}

// New returns a Condition over l, or over a new RLock if l is nil.
func New(l sync.Locker) *Condition {
	c := &Condition{lock: l}
	switch l := l.(type) {
	case interface{ Owned() bool }:
		c.held = l.Owned
	case interface{ Locked() bool }:
		c.held = l.Locked
	}
	c.deep, _ = l.(reentrant)
	return c
}

// Lock acquires the lock.
func (c *Condition) Lock() {
	if c.lock == nil {
		c.own.Lock()
	} else {
		c.lock.Lock()
	}
}

// Unlock releases the lock.
func (c *Condition) Unlock() {
	if c.lock == nil {
		c.own.Unlock()
	} else {
		c.lock.Unlock()
	}
}

// mustHold panics if the caller does not hold the lock, as far as the lock can tell. One without owners can only tell
// that somebody holds it.
func (c *Condition) mustHold() {
	if c.lock == nil && !c.own.Owned() || c.held != nil && !c.held() {
		panic(ErrNotLocked)
	}
}

// Unlock releases the lock. Package park calls it when the waiter has its place.
func (p *place) Unlock() {
	switch c := p.c; {
	case c.lock == nil:
		p.depth = c.own.UnlockAll()
	case c.deep != nil:
		p.depth = c.deep.UnlockAll()
	default:
		c.lock.Unlock()
	}
}

// PassOn notifies another in the place of this one, whose lock did not return from its
// Unlock, but panicked.
func (p *place) PassOn() { p.c.notify(1) }

func (p *place) reacquire() {
	switch c := p.c; {
	case c.lock == nil:
		c.own.LockDepth(p.depth)
	case c.deep != nil:
		c.deep.LockDepth(p.depth)
	default:
		c.lock.Lock()
	}
}

// Wait releases the lock, waits until it is notified, and acquires the lock again. It panics with ErrNotLocked if the
// lock is not held.
func (c *Condition) Wait() { c.wait(park.Forever, nil) }

// WaitTimeout is Wait, unless it is not notified within d, and reports whether it was. With d <= 0 it releases the lock,
// acquires it again and reports false: others get their chance, as in Python. math.MaxInt64 is for ever. It panics with
// ErrNotLocked if the lock is not held.
func (c *Condition) WaitTimeout(d time.Duration) bool {
	if d <= 0 {
		c.mustHold()
		p := place{c: c}
		p.Unlock()
		runtime.Gosched()
		p.reacquire()
		return false
	}
	return c.wait(park.After(d), nil)
}

// WaitContext is Wait, unless ctx ends before it is notified; then it returns context.Cause(ctx). If ctx has ended
// already it keeps the lock and changes nothing. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) WaitContext(ctx context.Context) error {
	c.mustHold()
	if ctx.Err() != nil || !c.wait(park.Until(ctx), nil) {
		return park.Cause(ctx)
	}
	return nil
}

// WaitFor waits until pred returns true. It calls pred with the lock held, at once and after each notification that
// picks it; where goroutines wait for different things, use NotifyAll. If pred panics, the lock is held. It panics with
// ErrNotLocked if the lock is not held.
func (c *Condition) WaitFor(pred func() bool) { c.wait(park.Forever, pred) }

// WaitForTimeout is WaitFor, for d at the longest, and reports whether pred returned true. When the time has run out it
// calls pred once more: success beats the deadline. With d <= 0 it releases the lock once in between, as in Python;
// math.MaxInt64 is for ever. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) WaitForTimeout(pred func() bool, d time.Duration) bool {
	if d <= 0 {
		c.mustHold()
		return pred() || c.WaitTimeout(0) || pred()
	}
	return c.wait(park.After(d), pred)
}

// WaitForContext is WaitFor, unless ctx ends first and pred, called once more, returns false; then it returns
// context.Cause(ctx). If ctx has ended already it keeps the lock and calls nothing. It panics with ErrNotLocked if the
// lock is not held.
func (c *Condition) WaitForContext(ctx context.Context, pred func() bool) error {
	c.mustHold()
	if ctx.Err() != nil || !c.wait(park.Until(ctx), pred) {
		return park.Cause(ctx)
	}
	return nil
}

// wait waits for a notification, or for pred if that is not nil, and reports whether it came. It is one function, and
// calls little, because everything from here to the unlocking of the lock and the waking of whoever waits for that
// happens on the stack of a goroutine that may be as small as they come.
func (c *Condition) wait(limit park.Limit, pred func() bool) bool {
	c.mustHold()
	if pred != nil && pred() {
		return true
	}
	w := waiters.Get(limit)
	defer waiters.Put(w)
	w.Value.c = c
	w.AlsoUnlock(&w.Value)
	for {
		c.guard.Lock()
		if !c.listed.Load() {
			c.listed.Store(true)
		}
		c.list.PushBack(w)
		notified := w.Sleep(&c.guard) == park.Granted
		w.Value.reacquire()
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

// Notify wakes the n goroutines that have waited longest, or all if there are fewer. They return when they have the
// lock, so not before the caller has released it. With n < 1 it wakes nobody. It panics with ErrNotLocked if the lock
// is not held.
func (c *Condition) Notify(n int) {
	c.mustHold()
	if c.listed.Load() {
		c.notify(n)
	}
}

// NotifyAll wakes everybody who waits. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) NotifyAll() { c.Notify(math.MaxInt) }

func (c *Condition) notify(n int) {
	var picked park.Chain[place]
	c.guard.Lock()
	w := c.list.Front()
	if w == nil {
		c.listed.Store(false)
	}
	for ; w != nil && n > 0; w = c.list.Front() {
		c.list.Remove(w)
		picked.Add(w)
		n--
	}
	c.guard.Unlock()
	picked.Wake(park.Granted)
}
