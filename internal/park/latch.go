package park

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
)

// A Latch opens once and stays open: the end of a thread, a timer or a task, which many may wait for. The zero value
// is closed. Open synchronizes before the return of every Wait, IsOpen and receive that reports it.
//
// It is one word, since most are opened before anybody waits, and then nobody needs more: nil is closed, opened is open,
// and what it takes to wait is made by whoever is the first to do so.
type Latch struct{ vigil atomic.Pointer[vigil] }

// A vigil is what those share who look forward to the opening of a Latch.
type vigil struct {
	state atomic.Uint32 // changes under the guard
	guard explore.Mutex
	list  List[struct{}]
	done  chan struct{} // what Done returned, once it was asked for
}

// The states of a vigil. Opening is when the channel is being closed: who looks then waits for the guard, so that the
// channel and IsOpen change at one instant for everybody.
const (
	closed = iota
	opening
	open
)

// opened is the vigil of every Latch that was opened before anybody waited. It has no channel, and so belongs to no
// testing/synctest bubble, and nobody gets as far as its guard.
var opened = func() *vigil {
	v := new(vigil)
	v.state.Store(open)
	return v
}()

var latchers = Waiters[struct{}]()

// IsOpen reports whether the Latch is open.
func (l *Latch) IsOpen() bool {
	v := l.vigil.Load()
	return v == opened || v != nil && v.isOpen()
}

func (v *vigil) isOpen() bool {
	if s := v.state.Load(); s != opening {
		return s == open
	}
	v.guard.Lock()
	defer v.guard.Unlock()
	return v.state.Load() == open
}

// Open opens the Latch and wakes everybody. Opening it again does nothing.
func (l *Latch) Open() {
	if explore.On {
		explore.Point("open")
	}
	if !l.vigil.CompareAndSwap(nil, opened) {
		l.vigil.Load().end()
	}
}

func (v *vigil) end() {
	if v.state.Load() == open {
		return
	}
	v.guard.Lock()
	if v.state.Load() == open {
		v.guard.Unlock()
		return
	}
	if v.done != nil {
		v.state.Store(opening)
		close(v.done)
	}
	v.state.Store(open)
	v.list.Cut()
	v.guard.Unlock()
	for v.list.WakeEarly(&v.guard) {
	}
}

// Wait waits until the Latch is open and reports true, or false if the limit was reached first.
func (l *Latch) Wait(limit Limit) bool { return l.keep().wait(limit) }

// keep returns the vigil, and makes it if there is none. From then on Open looks for those who wait.
func (l *Latch) keep() *vigil {
	v := l.vigil.Load()
	if v == nil {
		if explore.On {
			explore.Point("keep")
		}
		l.vigil.CompareAndSwap(nil, new(vigil))
		v = l.vigil.Load()
	}
	return v
}

func (v *vigil) wait(limit Limit) bool {
	if v.state.Load() == open {
		return true
	}
	w := latchers.Get(limit)
	defer latchers.Put(w)
	v.guard.Lock()
	if v.state.Load() == open {
		v.guard.Unlock()
		return true
	}
	v.list.PushBack(w)
	return w.Sleep(&v.guard) == Granted || v.isOpen()
}

// Done returns a channel that is closed when the Latch opens. It belongs to the testing/synctest bubble, or to the
// outside, that first asked for it.
func (l *Latch) Done() <-chan struct{} {
	v := l.keep()
	if v == opened {
		own := &vigil{done: make(chan struct{})}
		own.state.Store(open)
		close(own.done)
		l.vigil.CompareAndSwap(opened, own)
		v = l.vigil.Load()
	}
	v.guard.Lock()
	defer v.guard.Unlock()
	if v.done == nil {
		v.done = make(chan struct{})
		if v.state.Load() == open {
			close(v.done)
		}
	}
	return v.done
}
