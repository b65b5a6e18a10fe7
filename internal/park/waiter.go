package park

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A Verdict is what ended a sleep.
type Verdict uint32

const (
	GaveUp  Verdict = iota // the limit was reached first; nothing was granted
	Granted                // the waiter has what it asked for
	Retry                  // worth trying again; nothing was granted
	Own                    // from here on, verdicts have the meaning that the primitive gives them
)

// A Waiter is one goroutine's place in a [List]. Value is what it brings or is
// given: written by the waiter before it is listed, and by others before they
// wake it.
//
// Its size is part of the cost of a blocked goroutine: 96 bytes and the Value on
// a 64-bit machine.
type Waiter[T any] struct {
	Value T

	next, prev *Waiter[T] // a ring; with the guard held
	list       *List[T]   // the list it is on, or nil; with the guard held

	verdict atomic.Uint32
	cond    sync.Cond // where it sleeps; its L is what happens before that
	extra   *extra[T] // what only some calls need; nil until then
}

// An extra is the part of a Waiter that only some calls need: those with a
// limit, and those that release a second lock. It stays with its Waiter; what
// it holds for the present call does not.
type extra[T any] struct {
	w       *Waiter[T]
	onTimer func() // timeUp as a func value, allocated once

	guard sync.Locker // what Sleep releases, and the timer acquires

	after    time.Duration // > 0: the limit of the call
	timer    *time.Timer   // which was started
	timedOut bool          // it has fired; with the guard held
	tookOff  bool          // and found w listed; with the guard held

	done <-chan struct{} // not nil: the limit of the call
	bell chan struct{}   // where w sleeps then

	other     Unlocker // what Sleep unlocks besides the guard
	abandoned bool     // its Unlock did not return: w has a place to sleep that it never used
}

func (w *Waiter[T]) extras() *extra[T] {
	if w.extra == nil {
		x := &extra[T]{w: w}
		x.onTimer = x.timeUp
		w.extra = x
	}
	return w.extra
}

// Sleep waits, with the guard held and w on a list that it protects, until w is
// woken or its limit is reached. It returns with the guard released and w on no
// list. The guard is a [*Guard] or a [*Mutex], the same for every Sleep of one
// call. The limit's clock starts with the first.
func (w *Waiter[T]) Sleep(guard sync.Locker) Verdict {
	if x := w.extra; x != nil {
		if x.guard == nil { // else the timer may be reading it
			x.guard = guard
		}
		switch {
		case x.timedOut:
			x.timer = nil // its function is done with w
			w.list.Remove(w)
			w.unlock(x)
			return GaveUp
		case x.bell != nil:
			return w.sleepUntil(x)
		}
		w.cond.L = (*sleeper[T])(w)
	} else {
		w.cond.L = sleeping(guard)
	}
	w.cond.Wait()
	explore.Point("awake")
	verdict := Verdict(w.verdict.Load())
	if verdict == GaveUp {
		w.extra.timer = nil // its function woke w, which was the last it did
	}
	return verdict
}

// SleepIn is Sleep of a waiter without a limit, and with l in place of the guard:
// l.Unlock is called when w has its place to sleep, and calls no code of others;
// l.Lock does nothing.
func (w *Waiter[T]) SleepIn(l sync.Locker) Verdict {
	w.cond.L = l
	w.cond.Wait()
	explore.Point("awake")
	return Verdict(w.verdict.Load())
}

func (w *Waiter[T]) sleepUntil(x *extra[T]) Verdict {
	w.unlock(x)
	select {
	case <-x.bell:
	case <-x.done:
		explore.Point("context ended")
		if listed, _ := w.leave(); listed {
			return GaveUp
		}
		<-x.bell // whoever took w off the list owes it this
	}
	explore.Point("awake")
	return Verdict(w.verdict.Load())
}

// unlock is what happens between taking a place to sleep and sleeping. A timer is
// started when the guard is free, so that no other goroutine waits until it is
// made.
func (w *Waiter[T]) unlock(x *extra[T]) {
	x.guard.Unlock()
	explore.Point("has a place to sleep")
	if x.other != nil {
		w.unlockOther(x)
	}
	if x.after > 0 && x.timer == nil && !x.timedOut {
		x.timer = time.AfterFunc(x.after, x.onTimer)
	}
}

// An Unlocker is a lock that Sleep releases besides the guard. PassOn is called
// if Unlock does not return, but panics or ends its goroutine, and the waiter
// was granted something meanwhile: it goes to the next.
type Unlocker interface {
	Unlock()
	PassOn()
}

// AlsoUnlock makes every Sleep of this call unlock another lock too, the one
// that a condition belongs to: after w has taken its place to sleep, so that
// nothing that is done with that lock held can be missed, and after the guard
// was released, which is not held while foreign code runs.
func (w *Waiter[T]) AlsoUnlock(other Unlocker) { w.extras().other = other }

func (w *Waiter[T]) unlockOther(x *extra[T]) {
	x.abandoned = true // unless Unlock returns
	defer func() {
		if !x.abandoned {
			return
		}
		if _, granted := w.leave(); granted {
			x.other.PassOn()
		}
	}()
	x.other.Unlock()
	x.abandoned = false
}

// leave takes w off its list, and reports whether it was there. If it was not,
// it reports whether that was by a grant: the timer grants nothing.
func (w *Waiter[T]) leave() (listed, granted bool) {
	x := w.extra
	x.guard.Lock()
	defer x.guard.Unlock()
	if w.list == nil {
		return false, !x.tookOff
	}
	w.list.Remove(w)
	return true, false
}

// Wake ends w's sleep with a verdict. Only whoever took w off its list calls
// it, once, with or without the guard.
func (w *Waiter[T]) Wake(v Verdict) {
	explore.Point("wake")
	var bell chan struct{}
	if w.extra != nil {
		bell = w.extra.bell
	}
	w.verdict.Store(uint32(v))
	explore.Point("verdict")
	if bell != nil {
		bell <- struct{}{} // never blocks: one Wake a sleep, and the buffer holds one
	} else {
		w.cond.Signal()
	}
}

// A Cond calls Unlock of its L once its ticket is taken, and Lock when it was
// woken, where there is nothing to do: the primitive acquires its guard again only
// if it needs to. So the L of a Waiter is its guard as a type that Lock does
// nothing for, and a Waiter that has more to do than to release the guard is its
// own L.
type (
	sleeper[T any] Waiter[T]
	sleepingGuard  Guard
	sleepingMutex  Mutex
)

func (s *sleeper[T]) Lock()   {}
func (s *sleeper[T]) Unlock() { (*Waiter[T])(s).unlock(s.extra) }

func (g *sleepingGuard) Lock() {}
func (g *sleepingGuard) Unlock() {
	(*Guard)(g).Unlock()
	explore.Point("has a place to sleep")
}

func (m *sleepingMutex) Lock() {}
func (m *sleepingMutex) Unlock() {
	(*Mutex)(m).Unlock()
	explore.Point("has a place to sleep")
}

func sleeping(guard sync.Locker) sync.Locker {
	switch g := guard.(type) {
	case *Guard:
		return (*sleepingGuard)(g)
	case *Mutex:
		return (*sleepingMutex)(g)
	}
	panic("park: Sleep with a guard that is no Guard and no Mutex")
}

// timeUp is the timer's function.
func (x *extra[T]) timeUp() {
	w := x.w
	x.guard.Lock()
	x.timedOut = true
	listed := w.list != nil
	if listed {
		x.tookOff = true
		w.list.Remove(w)
	}
	x.guard.Unlock()
	if listed {
		w.Wake(GaveUp)
	}
}
