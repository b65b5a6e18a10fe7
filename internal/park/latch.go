package park

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
)

// A Latch opens once and stays open: the end of a thread, a timer or a task, which many may wait for. The zero value
// is closed. Open synchronizes before the return of every Wait, IsOpen and receive that reports it.
type Latch struct {
	state atomic.Uint32 // changes under the guard, but for the opening of one that nobody looks forward to
	guard explore.Mutex
	list  List[struct{}]
	done  chan struct{} // what Done returned, once it was asked for
}

// The states of a Latch. Awaited is a closed one that somebody has begun to wait for, or has asked for its channel: to
// open any other is one swap, which fails if somebody has just begun. Opening is when the channel is being closed: who
// looks then waits for the guard, so that the channel and IsOpen change at one instant for everybody.
const (
	closed = iota
	awaited
	opening
	open
)

// Late is an era in which nobody waits: whoever is listed when a Latch opens came before it.
var late Era = 1

var latchers = Waiters[struct{}]()

// IsOpen reports whether the Latch is open.
func (l *Latch) IsOpen() bool {
	s := l.state.Load()
	return s == open || s == opening && l.isOpen()
}

func (l *Latch) isOpen() bool {
	l.guard.Lock()
	defer l.guard.Unlock()
	return l.state.Load() == open
}

// Open opens the Latch and wakes everybody. Opening it again does nothing.
func (l *Latch) Open() {
	if explore.On {
		explore.Point("open")
	}
	if l.state.CompareAndSwap(closed, open) {
		return
	}
	l.guard.Lock()
	if l.state.Load() == open {
		l.guard.Unlock()
		return
	}
	if l.done != nil {
		l.state.Store(opening)
		close(l.done)
	}
	l.state.Store(open)
	waited := l.list.Front() != nil
	l.guard.Unlock()
	for waited {
		waited = l.list.WakeEarly(&l.guard, &late)
	}
}

// Wait waits until the Latch is open and reports true, or false if the limit was reached first.
func (l *Latch) Wait(limit Limit) bool {
	if l.state.Load() == open {
		return true
	}
	w := latchers.Get(limit)
	defer latchers.Put(w)
	l.guard.Lock()
	if l.await() {
		l.guard.Unlock()
		return true
	}
	l.list.PushBack(w)
	return w.Sleep(&l.guard) == Granted || l.IsOpen()
}

// await makes Open look for those who wait, under the guard, unless it is too late, and reports whether it is.
func (l *Latch) await() (isOpen bool) {
	return !l.state.CompareAndSwap(closed, awaited) && l.state.Load() != awaited
}

// Done returns a channel that is closed when the Latch opens. It belongs to the testing/synctest bubble, or to the
// outside, that first asked for it.
func (l *Latch) Done() <-chan struct{} {
	l.guard.Lock()
	defer l.guard.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.await() {
			close(l.done)
		}
	}
	return l.done
}
