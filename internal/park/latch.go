package park

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A Latch opens once and stays open: the end of a thread, a timer or a task,
// which many may wait for. The zero value is closed. Open synchronizes before
// the return of every Wait, IsOpen and receive that reports it.
//
// Most latches have one waiter at most, and it waits forever. It takes the seat:
// there is no guard, no list, and nothing to allocate. Whoever needs more than that
// makes a crowd, which has a [Flag], and that the latch has from then on. So its
// word is
//
//	nil     closed, and nobody waits
//	a seat  closed, and one waits
//	crowd   what its Flag says
//	opened  open, and there was no crowd
//
// and goes down these lines by compare-and-swap, never up:
//
//   - The first waiter and Open. The waiter has a place to sleep before it takes the
//     seat. Either it finds the latch open, or Open finds it and wakes it.
//   - The second waiter and Open. It moves the first, with the word, into the crowd
//     where Open finds both; or it finds the latch open.
//   - The second waiter and the end of the first one's wait. A seat is used again, for
//     another latch, once its waiter was woken. The second knows no more of it than
//     its address, and that is in the word only as long as the first waits there.
//   - Two Opens. Whoever takes the seat out of the word, or out of the crowd, wakes
//     who is in it.
type Latch struct{ word atomic.Pointer[latched] }

// A latched is part of a seat, or of a crowd, and says of which; it does not change.
type latched struct {
	seat  *Seat
	crowd *crowd
}

// A Seat is where one waiter sleeps, for one wait after the other. It is no
// [Waiter]: no list, no verdict, for there is nothing to learn when it wakes but
// whether the Latch is open.
type Seat struct {
	latched
	latch *Latch // of its waiter alone
	cond  sync.Cond
}

// NewSeat returns a Seat. Whoever has none of its own waits in one that others
// have used.
func NewSeat() *Seat {
	s := new(Seat)
	s.latched.seat, s.cond.L = s, (*sitter)(s)
	return s
}

type crowd struct {
	latched
	flag  Flag
	first atomic.Pointer[Seat] // who was there before, until it is woken
}

var (
	opened = new(latched)
	seats  = sync.Pool{New: func() any { return NewSeat() }}
)

// ClosedChannel is closed, and belongs to no bubble.
var ClosedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// IsOpen reports whether the Latch is open.
func (l *Latch) IsOpen() bool {
	at := l.word.Load()
	return at == opened || at != nil && at.isOpen()
}

//go:noinline // so that IsOpen is inlined
func (at *latched) isOpen() bool { return at.crowd != nil && at.crowd.flag.IsSet() }

// Open opens the Latch and wakes all waiters. Opening it again does nothing.
func (l *Latch) Open() {
	for {
		explore.Point("open")
		at := l.word.Load()
		switch {
		case at == opened:
			return
		case at != nil && at.crowd != nil:
			at.crowd.open()
			return
		case l.word.CompareAndSwap(at, opened):
			if at != nil {
				at.seat.wake()
			}
			return
		}
	}
}

func (c *crowd) open() {
	c.flag.Set()
	if s := c.first.Swap(nil); s != nil {
		s.wake()
	}
}

// Wait waits until the Latch is open.
//
// No function lies between it and the sleep, nor between its caller and it: a
// processor does not foresee where the functions of a goroutine return to that it
// has switched to, so each of them costs some nanoseconds more than it looks.
func (l *Latch) Wait() {
	if l.word.Load() == nil {
		s := seats.Get().(*Seat)
		s.latch = l
		s.cond.Wait()
		s.latch = nil
		seats.Put(s)
	}
	if !l.IsOpen() {
		l.join(Forever)
	}
}

// WaitIn waits in the caller's own Seat until the Latch opens, and returns at once
// if it is open, or another one waits: so it is called until the Latch is open.
func (l *Latch) WaitIn(s *Seat) {
	s.latch = l
	s.cond.Wait()
}

// WaitTimeout waits until the Latch is open, for at most d, and reports whether
// it is. With d <= 0 it is IsOpen; a d of math.MaxInt64 is forever.
func (l *Latch) WaitTimeout(d time.Duration) bool {
	return l.IsOpen() || d > 0 && l.WaitLimit(After(d))
}

// WaitContext waits until the Latch is open, or until ctx ends: then, and at
// once if it has ended, it returns [Cause].
func (l *Latch) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil || !l.IsOpen() && !l.WaitLimit(Until(ctx)) {
		return Cause(ctx)
	}
	return nil
}

// WaitLimit waits until the Latch is open and reports true, or false if the
// limit was reached first.
func (l *Latch) WaitLimit(limit Limit) bool {
	if limit == Forever {
		l.Wait()
		return true
	}
	return l.IsOpen() || l.join(limit)
}

// join waits in the crowd. It keeps l, by which a trace tells what is waited for:
// the crowd is elsewhere.
//
//go:noinline // so that it is in the trace
func (l *Latch) join(limit Limit) bool {
	c := l.crowd()
	open := c == nil || c.flag.WaitLimit(limit)
	runtime.KeepAlive(l)
	return open
}

func (s *Seat) wake() {
	explore.Point("wake")
	s.cond.Signal()
}

// A sitter is a Seat, as what a Cond unlocks before it sleeps.
type sitter Seat

// Lock is a method of sync.Locker.
func (s *sitter) Lock() {}

// Unlock is a method of sync.Locker. It takes the seat.
func (s *sitter) Unlock() {
	explore.Point("sit")
	if !s.latch.word.CompareAndSwap(nil, &s.latched) {
		(*Seat)(s).wake() // itself, who is about to sleep
	}
	explore.Point("has a place to sleep")
}

// crowd returns the crowd, and makes it if there is none, or returns nil if the
// Latch is open.
func (l *Latch) crowd() *crowd {
	for {
		at := l.word.Load()
		switch {
		case at == opened:
			return nil
		case at != nil && at.crowd != nil:
			return at.crowd
		}
		c := new(crowd)
		c.latched.crowd = c
		if at != nil {
			c.first.Store(at.seat)
		}
		explore.Point("crowd")
		if l.word.CompareAndSwap(at, &c.latched) {
			return c
		}
	}
}

// Done returns a channel that is closed when the Latch opens. It belongs to the
// testing/synctest bubble, or to the outside, that first asked for it.
func (l *Latch) Done() <-chan struct{} {
	if c := l.crowd(); c != nil {
		return c.flag.Done()
	}
	return ClosedChannel
}
