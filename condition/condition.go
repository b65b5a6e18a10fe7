// Package condition provides condition variables that can give up waiting, over
// any lock: threading.Condition for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
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

// ErrNotLocked is the error that waiting and notifying panic with if the lock
// is not held, where that can be known: by the lock's method Owned, or else
// Locked.
var ErrNotLocked = errors.New("condition: wait or notify without holding the lock")

// A Condition lets goroutines that hold a lock wait, without it, until another
// goroutine that holds the lock notifies them.
//
// The zero value is a Condition over an RLock of its own. A Condition must not
// be copied after first use. Any [sync.Locker] serves as the lock. One that
// also has the methods UnlockAll() int and LockDepth(int), as [rlock.RLock]
// has, is released completely while a goroutine waits, and locked again at the
// same depth.
//
// It is Python's threading.Condition:
//
//	acquire(), release()        Lock, Unlock
//	wait()                      Wait
//	wait(timeout=d)             WaitTimeout
//	wait_for(pred)              WaitFor
//	wait_for(pred, timeout=d)   WaitForTimeout
//	notify(n)                   Notify
//	notify_all()                NotifyAll
//
// A notification “synchronizes before” the return of the wait that it ends.
//
// Waiters are notified in order of arrival, and then compete for the lock under
// its own fairness policy. There are no spurious wakeups, but another goroutine
// may acquire the lock first: wait in a loop, or use WaitFor.
//
// A limit bounds the wait for the notification, not for the lock, which is held
// again whenever a call returns. A waiter that gave up before it was notified
// does not count for Notify, and one that was notified reports success. If the
// lock's own methods panic, the notification goes to the next waiter.
//
// A wait allocates only for its limit: a timer, or a channel. Notify without
// waiters is an atomic load.
//
// To wait for a flag, an item or a set number of goroutines, use an event, a
// queue or a barrier.
type Condition struct {
	lock sync.Locker // nil: own
	own  rlock.RLock
	held func() bool // whether the lock is held, if it can tell; nil also if lock is
	deep reentrant   // the lock, if it is reentrant

	guard  park.Guard
	list   park.List[place]
	listed atomic.Bool // there may be waiters on the list
}

// A place is the Value of a waiter: the lock it released, and how to lock it
// again.
type place struct {
	c     *Condition
	depth int
	owes  bool // it was notified, and does not have the lock again: if it never will, the next is notified
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

// locker returns the lock.
func (c *Condition) locker() sync.Locker {
	if c.lock == nil {
		return &c.own
	}
	return c.lock
}

// Lock locks the lock.
func (c *Condition) Lock() { c.locker().Lock() }

// Unlock unlocks the lock.
func (c *Condition) Unlock() { c.locker().Unlock() }

// mustHold panics if the calling goroutine does not hold the lock, as far as
// the lock can tell. One without owners can only tell that some goroutine holds
// it.
func (c *Condition) mustHold() {
	if c.lock == nil && !c.own.Owned() || c.held != nil && !c.held() {
		panic(ErrNotLocked)
	}
}

// Unlock unlocks the lock. Package park calls it when the waiter has its place
// to sleep.
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

// PassOn notifies the next waiter. Package park calls it if Unlock did not
// return, and a notification had come before that.
func (p *place) PassOn() { p.c.notify(1) }

// lock locks the lock again.
func (p *place) lock() {
	switch c := p.c; {
	case c.lock == nil:
		c.own.LockDepth(p.depth)
	case c.deep != nil:
		c.deep.LockDepth(p.depth)
	default:
		c.lock.Lock()
	}
}

// Wait unlocks the lock, blocks until it is notified, and locks the lock again.
// It panics with [ErrNotLocked] if the lock is not held.
func (c *Condition) Wait() {
	c.mustHold()
	c.wait(park.Forever, nil)
}

// WaitTimeout is like [Condition.Wait], but gives up after d. It reports
// whether it was notified. If d <= 0, it unlocks the lock and locks it again,
// as in Python, so that others may come between, and returns false. A d of
// math.MaxInt64 never times out.
func (c *Condition) WaitTimeout(d time.Duration) bool {
	c.mustHold()
	if d <= 0 {
		c.yield()
		return false
	}
	return c.wait(park.After(d), nil)
}

// yield lets others have the lock for a moment.
func (c *Condition) yield() {
	p := place{c: c}
	p.Unlock()
	runtime.Gosched()
	p.lock()
}

// WaitContext is like [Condition.Wait], but gives up when ctx ends, and then
// returns [context.Cause] of ctx. If ctx has ended before the call, it does so
// without unlocking the lock.
func (c *Condition) WaitContext(ctx context.Context) error {
	c.mustHold()
	if ctx.Err() != nil || !c.wait(park.Until(ctx), nil) {
		return park.Cause(ctx)
	}
	return nil
}

// WaitFor blocks until pred returns true. It calls pred with the lock held: at
// once, and after each notification that picks this waiter. Each of them is
// consumed, so if goroutines wait for different conditions, use
// [Condition.NotifyAll]. If pred panics, the lock is held. WaitFor panics with
// [ErrNotLocked] if the lock is not held, and if pred is nil.
func (c *Condition) WaitFor(pred func() bool) {
	c.mustHoldFor(pred)
	c.waitFor(park.Forever, pred)
}

// WaitForTimeout is like [Condition.WaitFor], but gives up after d, when it
// calls pred once more. It reports whether pred returned true. If d <= 0, it
// unlocks the lock and locks it again before that last call, as in Python. A d
// of math.MaxInt64 never times out.
func (c *Condition) WaitForTimeout(pred func() bool, d time.Duration) bool {
	c.mustHoldFor(pred)
	if d <= 0 {
		if pred() {
			return true
		}
		c.yield()
		return pred()
	}
	return c.waitFor(park.After(d), pred)
}

// WaitForContext is like [Condition.WaitFor], but gives up when ctx ends and
// pred, called once more, returns false; then it returns [context.Cause] of
// ctx. If ctx has ended before the call, it does so without unlocking the lock,
// and does not call pred.
func (c *Condition) WaitForContext(ctx context.Context, pred func() bool) error {
	c.mustHoldFor(pred)
	if ctx.Err() != nil || !c.waitFor(park.Until(ctx), pred) {
		return park.Cause(ctx)
	}
	return nil
}

// mustHoldFor is like mustHold, and panics if pred is nil.
func (c *Condition) mustHoldFor(pred func() bool) {
	c.mustHold()
	if pred == nil {
		panic("condition: a wait for a nil func")
	}
}

func (c *Condition) waitFor(limit park.Limit, pred func() bool) bool {
	return pred() || c.wait(limit, pred)
}

// wait waits for a notification, or until pred returns true if that is not nil,
// and reports whether that came. It is one function with few calls because
// everything from here to the unlocking of the lock, and the waking of
// goroutines that wait for that, runs on a stack that may still have its
// initial size, and growing it would be the largest cost.
func (c *Condition) wait(limit park.Limit, pred func() bool) bool {
	w := waiters.Get(limit)
	defer leave(w)
	w.Value.c = c
	w.AlsoUnlock(&w.Value)
	for {
		c.guard.Lock()
		if !c.listed.Load() {
			c.listed.Store(true)
		}
		c.list.PushBack(w)
		notified := w.Sleep(&c.guard) == park.Granted
		w.Value.owes = notified
		w.Value.lock()
		w.Value.owes = false
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

func leave(w *park.Waiter[place]) {
	if w.Value.owes { // the lock panicked
		w.Value.PassOn()
	}
	waiters.Put(w)
}

// Notify wakes the n goroutines that have waited longest, or all if there are
// fewer. They return when they have the lock, and so not before the caller has
// unlocked it. If n < 1, it wakes none. It panics with [ErrNotLocked] if the
// lock is not held.
func (c *Condition) Notify(n int) {
	c.mustHold()
	if c.listed.Load() {
		c.notify(n)
	}
}

// NotifyAll wakes all goroutines that wait. It panics with [ErrNotLocked] if
// the lock is not held.
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
