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
	Granted                // what the waiter asked for is its own
	Retry                  // worth trying again; nothing was granted
)

// A Waiter is one goroutine's place in a List. Value is what it brings or is given: written by the waiter before it
// is listed, and by others before they wake it.
//
// Its size is part of the cost of a blocked goroutine: 112 bytes and the Value on a 64-bit machine.
type Waiter[T any] struct {
	Value T

	// Under the guard of the list.
	next, prev *Waiter[T] // a ring
	list       *List[T]   // the list it is on, or nil
	Era        Era        // when it was listed, if the primitive notes that
	expired    bool       // its time ran out
	spoiled    bool       // it must not be used again; of the waiting goroutine alone

	verdict atomic.Uint32
	cond    sync.Cond   // where it sleeps
	guard   sync.Locker // what Sleep releases and the timer acquires
	bound   *bound[T]   // what only some sleeps need; nil until then
}

// A Pool hands out Waiters.
type Pool[T any] struct{ free sync.Pool }

var pools sync.Map // (*Waiter[T])(nil) -> *Pool[T]

// Waiters returns the pool of Waiters for values of type T. It is a look-up: keep the result.
func Waiters[T any]() *Pool[T] {
	key := any((*Waiter[T])(nil))
	p, ok := pools.Load(key)
	if !ok {
		p, _ = pools.LoadOrStore(key, new(Pool[T]))
	}
	return p.(*Pool[T])
}

// Get returns a Waiter, on no list, for one call with that limit. Where it can, the primitive calls it before it acquires
// its guard: a limit may have to allocate.
func (p *Pool[T]) Get(limit Limit) *Waiter[T] {
	w, ok := p.free.Get().(*Waiter[T])
	if !ok {
		w = new(Waiter[T])
		w.cond.L = (*sleeper[T])(w)
	}
	switch {
	case limit.after > 0:
		w.bounded().after = limit.after
	case limit.ctx != nil:
		if done := limit.ctx.Done(); done != nil {
			b := w.bounded()
			b.done, b.bell = done, make(chan struct{}, 1)
		}
	}
	return w
}

// Put ends the call that w was taken for. w must be on no list and owed no Wake.
func (p *Pool[T]) Put(w *Waiter[T]) {
	if w.spoiled {
		return
	}
	if b := w.bound; b != nil {
		if b.timer != nil && !b.timer.Stop() {
			return // its function may still look at w
		}
		b.after, b.timer, b.done, b.bell, b.other = 0, nil, nil, nil, nil
	}
	var zero T
	w.Value, w.Era, w.guard, w.expired = zero, 0, nil, false
	p.free.Put(w)
}

// Sleep waits, with the guard held and w on a list that it protects, until somebody wakes w or its limit is reached. It
// returns with the guard released and w on no list. The guard must be the same for every Sleep of one call; the limit's
// clock starts with the first.
func (w *Waiter[T]) Sleep(guard sync.Locker) Verdict {
	if w.guard == nil { // else the timer may be reading it
		w.guard = guard
	}
	switch b := w.bound; {
	case w.expired:
		b.timer = nil // its function is done with w
		w.list.Remove(w)
		w.release()
		return GaveUp
	case b == nil:
		w.cond.Wait()
	case b.bell != nil:
		return w.sleepUntil(b)
	case b.after > 0:
		w.cond.L = b
		w.cond.Wait()
		w.cond.L = (*sleeper[T])(w)
		if Verdict(w.verdict.Load()) == GaveUp {
			b.timer = nil // its function woke w, which was the last it did
		}
	default:
		w.cond.Wait()
	}
	if explore.On {
		explore.Point("awake")
	}
	return Verdict(w.verdict.Load())
}

// Releasing makes every Sleep of this call release another lock too, the one that a condition belongs to: after w has
// taken its place to sleep, so that nothing that is done under that lock can be missed, and after the guard was
// released, which is not held while foreign code runs.
func (w *Waiter[T]) Releasing(other Releaser) { w.bounded().other = other }

// A Releaser is a lock that Sleep releases.
type Releaser interface{ Release() }

// release is what happens between taking a place to sleep and sleeping.
func (w *Waiter[T]) release() {
	w.guard.Unlock()
	if explore.On {
		explore.Point("has a place to sleep")
	}
	if b := w.bound; b != nil && b.other != nil {
		w.releaseOther()
	}
}

func (w *Waiter[T]) releaseOther() {
	w.spoiled = true // unless Release returns: if it panics, w has a place to sleep that it never used
	defer func() {
		if w.spoiled {
			w.Leave()
		}
	}()
	w.bound.other.Release()
	w.spoiled = false
}

func (w *Waiter[T]) sleepUntil(b *bound[T]) Verdict {
	w.release()
	select {
	case <-b.bell:
	case <-b.done:
		if explore.On {
			explore.Point("context ended")
		}
		if w.Leave() {
			return GaveUp
		}
		<-b.bell // somebody took w off the list and owes it this
	}
	if explore.On {
		explore.Point("awake")
	}
	return Verdict(w.verdict.Load())
}

// Leave takes w off its list unless somebody else did, and reports whether it was there.
func (w *Waiter[T]) Leave() bool {
	w.guard.Lock()
	defer w.guard.Unlock()
	if w.list == nil {
		return false
	}
	w.list.Remove(w)
	return true
}

// Wake ends w's sleep with a verdict. Only whoever took w off its list calls it, once, with or without the guard.
func (w *Waiter[T]) Wake(v Verdict) {
	if explore.On {
		explore.Point("wake")
	}
	var bell chan struct{}
	if w.bound != nil {
		bell = w.bound.bell // before the verdict, after which w may clear it
	}
	w.verdict.Store(uint32(v))
	if explore.On {
		explore.Point("verdict")
	}
	if bell != nil {
		bell <- struct{}{} // never blocks: one Wake a sleep, and the buffer holds one
	} else {
		w.cond.Signal()
	}
}

// A sleeper is a Waiter as the Locker of its own Cond. Cond.Wait calls Unlock once its ticket is taken, and Lock when
// it was woken, where there is nothing to do: the primitive acquires its guard again only if it needs to.
type sleeper[T any] Waiter[T]

func (s *sleeper[T]) Lock()   {}
func (s *sleeper[T]) Unlock() { (*Waiter[T])(s).release() }

// A bound is the part of a Waiter that only some calls need: those with a limit, and those of a condition. It stays with
// its Waiter; what it holds for the present call does not.
type bound[T any] struct {
	w       *Waiter[T]
	expired func() // timeUp, as a value that is made once

	// Of the present call.
	after time.Duration   // > 0: its limit
	timer *time.Timer     // which has been started
	done  <-chan struct{} // not nil: its limit
	bell  chan struct{}   // where it sleeps then
	other Releaser        // what it releases besides the guard
}

func (w *Waiter[T]) bounded() *bound[T] {
	if w.bound == nil {
		w.bound = &bound[T]{w: w}
		w.bound.expired = w.bound.timeUp
	}
	return w.bound
}

// As the Locker of a timed sleep, a bound starts the call's timer when the guard has been released, so that nobody
// waits for a timer to be made.
func (b *bound[T]) Lock() {}

func (b *bound[T]) Unlock() {
	b.w.release()
	if b.timer == nil {
		b.timer = time.AfterFunc(b.after, b.expired)
	}
}

// timeUp is the timer's function.
func (b *bound[T]) timeUp() {
	w := b.w
	w.guard.Lock()
	w.expired = true
	listed := w.list != nil
	if listed {
		w.list.Remove(w)
	}
	w.guard.Unlock()
	if listed {
		w.Wake(GaveUp)
	}
}
