package park

import (
	"sync"
	"sync/atomic"
)

// A Latch opens once and stays open: the end of a thread, a timer or a task, which many may wait for. The zero value
// is closed. Open synchronizes before the return of every Wait, IsOpen and receive that reports it.
type Latch struct {
	open  atomic.Bool
	guard sync.Mutex
	list  List[struct{}]
	done  chan struct{} // what Done returned, once it was asked for
}

var latchers = Waiters[struct{}]()

// IsOpen reports whether the Latch is open.
func (l *Latch) IsOpen() bool { return l.open.Load() }

// Open opens the Latch and wakes everybody. Opening it again does nothing.
func (l *Latch) Open() {
	l.guard.Lock()
	if l.open.Swap(true) {
		l.guard.Unlock()
		return
	}
	if l.done != nil {
		close(l.done)
	}
	l.list.Cut()
	l.guard.Unlock()
	for l.list.WakeEarly(&l.guard) {
	}
}

// Wait waits until the Latch is open and reports true, or false if the limit was reached first.
func (l *Latch) Wait(limit Limit) bool {
	if l.open.Load() {
		return true
	}
	l.guard.Lock()
	if l.open.Load() {
		l.guard.Unlock()
		return true
	}
	w := latchers.Get()
	l.list.PushBack(w)
	opened := w.Sleep(&l.guard, limit) == Granted
	latchers.Put(w)
	return opened || l.open.Load()
}

// Done returns a channel that is closed when the Latch opens. It belongs to the testing/synctest bubble, or to the
// outside, that first asked for it.
func (l *Latch) Done() <-chan struct{} {
	l.guard.Lock()
	defer l.guard.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.open.Load() {
			close(l.done)
		}
	}
	return l.done
}
