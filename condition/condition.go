// Package condition provides condition variables that can give up waiting, over any lock: threading.Condition for Go.
package condition

import (
	"context"
	"errors"
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
	lock    sync.Locker // nil: own
	own     rlock.RLock
	guard   sync.Mutex
	list    park.List[place]
	waiting atomic.Int32 // how many calls wait, or are about to return from it
}

// A place is the Value of a waiter: the lock it released, and how to take it back.
type place struct {
	c     *Condition
	depth int
}

var waiters = park.Waiters[place]()

// What a lock may offer beyond sync.Locker.
type (
	owned     interface{ Owned() bool }
	locked    interface{ Locked() bool }
	reentrant interface {
		UnlockAll() (depth int)
		LockDepth(depth int)
	}
)

// New returns a Condition over l, or over a new RLock if l is nil.
func New(l sync.Locker) *Condition { return &Condition{lock: l} }

func (c *Condition) locker() sync.Locker {
	if c.lock == nil {
		return &c.own
	}
	return c.lock
}

// Lock acquires the lock.
func (c *Condition) Lock() { c.locker().Lock() }

// Unlock releases the lock.
func (c *Condition) Unlock() { c.locker().Unlock() }

// mustHold panics if the caller does not hold the lock, as far as the lock can tell. One without owners can only tell
// that somebody holds it.
func (c *Condition) mustHold() {
	held := true
	switch l := c.locker().(type) {
	case owned:
		held = l.Owned()
	case locked:
		held = l.Locked()
	}
	if !held {
		panic(ErrNotLocked)
	}
}

// Release releases the lock. Only park calls it, when the waiter has its place.
func (p *place) Release() {
	l := p.c.locker()
	if r, ok := l.(reentrant); ok {
		p.depth = r.UnlockAll()
	} else {
		l.Unlock()
	}
}

func (p *place) reacquire() {
	l := p.c.locker()
	if r, ok := l.(reentrant); ok {
		r.LockDepth(p.depth)
	} else {
		l.Lock()
	}
}

// Wait releases the lock, waits until it is notified, and acquires the lock again. It panics with ErrNotLocked if the
// lock is not held.
func (c *Condition) Wait() { c.wait(park.Forever) }

// WaitTimeout is Wait, unless it is not notified within d, and reports whether it was. With d <= 0 it releases the lock,
// acquires it again and reports false: others get their chance, as in Python. math.MaxInt64 is for ever. It panics with
// ErrNotLocked if the lock is not held.
func (c *Condition) WaitTimeout(d time.Duration) bool {
	if d <= 0 {
		c.mustHold()
		p := place{c: c}
		p.Release()
		p.reacquire()
		return false
	}
	return c.wait(park.After(d))
}

// WaitContext is Wait, unless ctx ends before it is notified; then it returns context.Cause(ctx). If ctx has ended
// already it keeps the lock and changes nothing. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) WaitContext(ctx context.Context) error {
	c.mustHold()
	if ctx.Err() != nil || !c.wait(park.Until(ctx)) {
		return context.Cause(ctx)
	}
	return nil
}

func (c *Condition) wait(limit park.Limit) (notified bool) {
	c.mustHold()
	w := waiters.Get()
	defer waiters.Put(w)
	return c.sleep(w, limit)
}

// sleep releases the lock, waits for a notification and acquires the lock again.
func (c *Condition) sleep(w *park.Waiter[place], limit park.Limit) (notified bool) {
	w.Value.c = c
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	c.guard.Lock()
	c.list.PushBack(w)
	notified = w.SleepReleasing(&w.Value, &c.guard, limit) == park.Granted
	w.Value.reacquire()
	return notified
}

// WaitFor waits until pred returns true. It calls pred with the lock held, at once and after each notification that
// picks it; where goroutines wait for different things, use NotifyAll. If pred panics, the lock is held. It panics with
// ErrNotLocked if the lock is not held.
func (c *Condition) WaitFor(pred func() bool) { c.waitFor(park.Forever, pred) }

// WaitForTimeout is WaitFor, for d at the longest, and reports whether pred returned true. When the time has run out it
// calls pred once more: success beats the deadline. With d <= 0 it releases the lock once in between, as in Python;
// math.MaxInt64 is for ever. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) WaitForTimeout(pred func() bool, d time.Duration) bool {
	if d <= 0 {
		c.mustHold()
		return pred() || c.WaitTimeout(0) || pred()
	}
	return c.waitFor(park.After(d), pred)
}

// WaitForContext is WaitFor, unless ctx ends first and pred, called once more, returns false; then it returns
// context.Cause(ctx). If ctx has ended already it keeps the lock and calls nothing. It panics with ErrNotLocked if the
// lock is not held.
func (c *Condition) WaitForContext(ctx context.Context, pred func() bool) error {
	c.mustHold()
	if ctx.Err() != nil || !c.waitFor(park.Until(ctx), pred) {
		return context.Cause(ctx)
	}
	return nil
}

func (c *Condition) waitFor(limit park.Limit, pred func() bool) bool {
	c.mustHold()
	if pred() {
		return true
	}
	w := waiters.Get()
	defer waiters.Put(w)
	for c.sleep(w, limit) {
		if pred() {
			return true
		}
	}
	return pred()
}

// Notify wakes the n goroutines that have waited longest, or all if there are fewer. They return when they have the
// lock, so not before the caller has released it. With n < 1 it wakes nobody. It panics with ErrNotLocked if the lock
// is not held.
func (c *Condition) Notify(n int) {
	c.mustHold()
	if n < 1 || c.waiting.Load() == 0 {
		return
	}
	var picked park.Chain[place]
	c.guard.Lock()
	for w := c.list.Front(); w != nil && n > 0; w = c.list.Front() {
		c.list.Remove(w)
		picked.Add(w)
		n--
	}
	c.guard.Unlock()
	picked.Wake(park.Granted)
}

// NotifyAll wakes everybody who waits. It panics with ErrNotLocked if the lock is not held.
func (c *Condition) NotifyAll() {
	c.mustHold()
	if c.waiting.Load() == 0 {
		return
	}
	var picked park.Chain[place]
	c.guard.Lock()
	c.list.TakeAll(&picked)
	c.guard.Unlock()
	picked.Wake(park.Granted)
}
