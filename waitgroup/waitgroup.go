// Package waitgroup provides a counter that goroutines wait for to become 0, and
// that they can stop waiting for: sync.WaitGroup with a timeout, a context and a
// channel.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package waitgroup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
)

// ErrNegative is the error that [WaitGroup.Add], [WaitGroup.Done] and
// [WaitGroup.Go] panic with if the count would be negative, or more than
// [math.MaxInt]. The panic value wraps ErrNegative and names the call and the
// count.
var ErrNegative = errors.New("waitgroup: the count would be negative or too large")

// A WaitGroup is a counter. Any number of goroutines wait until it is 0.
//
// The zero value has a count of 0. A WaitGroup must not be copied after first
// use. Python has none; it is the CountDownLatch of java.util.concurrent, but can
// be used again.
//
// A round begins when the count becomes more than 0 and ends when it is 0 again.
// A wait is for the end of the round that it finds in progress. An Add may begin
// the next round at any time, also while goroutines that waited for the last one
// are about to return: it does not hold them up.
//
// A Done “synchronizes before” the return of every wait that it ends, alone or with
// others, and of every call of Count and receive from C that reports the end of its
// round.
//
// Adding, and waiting for a count of 0, are one atomic operation each. A wait
// allocates only for its limit: a timer, or a channel.
//
// If no goroutine gives up, use a [sync.WaitGroup]. For results or errors, use a
// pool or an errgroup.
type WaitGroup struct {
	state atomic.Uint64
	guard park.Guard
	list  park.List[struct{}] // of those who wait for the end of this round
	ends  uint64              // how many rounds have ended that were awaited
	done  chan struct{}       // what C returned in this round, if it was called
}

// The state is the count, and whether the end of the round is awaited, by a
// waiter or by one who has the channel. The count changes by a swap, but an
// awaited round ends with the guard held. So a waiter that is being listed, with
// the guard held, either makes the round awaited by a swap that fails if it has
// just ended, or finds it awaited, and then it cannot end meanwhile; and all who
// are listed wait for the same round.
//
// When a round has ended, but its channel is not yet closed, the state is ending:
// a count of 0 that is awaited. A goroutine that sees it waits for the guard, so
// that the channel and the count change at one instant for all.
const (
	awaited = 1
	ending  = awaited
	shift   = 1
)

var waiters park.Pool[struct{}]

// closed is the channel of a round that has ended.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Add adds n, which may be negative, to the count. If that makes it 0, every
// goroutine that waits is released. Add panics with [ErrNegative], and changes
// nothing, if the count would be negative or more than [math.MaxInt].
func (w *WaitGroup) Add(n int) {
	for {
		old := w.state.Load()
		sum := int(old>>shift) + n
		if sum < 0 || old&awaited != 0 && (sum == 0 || old == ending) {
			w.addSlow(n)
			return
		}
		explore.Point("add")
		if w.state.CompareAndSwap(old, uint64(sum)<<shift|old&awaited) {
			return
		}
	}
}

// Done decrements the count by 1. It is Add(-1).
func (w *WaitGroup) Done() { w.Add(-1) }

// addSlow is Add with the guard.
//
//go:noinline
func (w *WaitGroup) addSlow(n int) {
	w.guard.Lock()
	for {
		old := w.state.Load() // which is not ending: the guard is ours
		count := int(old >> shift)
		sum := count + n // is below 0, too, if there is an overflow
		if sum < 0 {
			w.guard.Unlock()
			panic(fmt.Errorf("%w: Add(%d) to %d", ErrNegative, n, count))
		}
		ends := sum == 0 && old&awaited != 0
		explore.Point("add, slowly")
		if w.state.CompareAndSwap(old, uint64(sum)<<shift|old&awaited) {
			if ends {
				break
			}
			w.guard.Unlock()
			return
		}
	}
	explore.Point("ending")
	w.ends++
	if w.done != nil {
		close(w.done)
		w.done = nil
	}
	var released park.Chain[struct{}]
	w.list.TakeAll(&released)
	w.state.Store(0)
	w.guard.Unlock()
	released.Wake(park.Granted)
}

// Go adds 1 to the count, calls fn in a new goroutine, and calls Done when fn has
// returned or called [runtime.Goexit]. If fn panics, the program ends, as after a
// go statement, and no goroutine is released before that. Go panics if fn is nil.
func (w *WaitGroup) Go(fn func()) {
	if fn == nil {
		panic("waitgroup: Go with a nil func")
	}
	w.Add(1)
	go func() {
		defer func() {
			// Not Done, if fn has panicked: main could go on, and end the program as
			// if nothing had happened, before the panic does.
			if v := recover(); v != nil {
				panic(v)
			}
			w.Done()
		}()
		fn()
	}()
}

// Wait blocks until the count is 0.
func (w *WaitGroup) Wait() {
	if w.state.Load() != 0 {
		w.wait(park.Forever)
	}
}

// WaitTimeout is like [WaitGroup.Wait], but gives up after d. It reports whether
// the count was 0. It returns false only if the count was not 0 at some instant
// between the deadline and the return, and no round has ended since it began to
// wait. If d <= 0, it reports whether Count is 0. A d of [math.MaxInt64] never times
// out.
func (w *WaitGroup) WaitTimeout(d time.Duration) bool {
	switch {
	case w.state.Load() == 0:
		return true
	case d <= 0:
		return w.Count() == 0
	}
	return w.wait(park.After(d))
}

// WaitContext is like [WaitGroup.Wait], but gives up when ctx ends, and then returns
// [context.Cause] of ctx. If ctx has ended before the call, it does so even if the
// count is 0.
func (w *WaitGroup) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil || w.state.Load() != 0 && !w.wait(park.Until(ctx)) {
		return park.Cause(ctx)
	}
	return nil
}

func (w *WaitGroup) wait(limit park.Limit) bool {
	waiter := waiters.Get(limit)
	defer waiters.Put(waiter)
	w.guard.Lock()
	if !w.await() {
		w.guard.Unlock()
		return true
	}
	ends := w.ends
	w.list.PushBack(waiter)
	if waiter.Sleep(&w.guard) == park.Granted {
		return true
	}
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.ends != ends // the round ended when we had just left
}

// await makes the round awaited, with the guard held, or returns false if there is
// none.
func (w *WaitGroup) await() bool {
	for {
		switch old := w.state.Load(); {
		case old == 0:
			return false
		case old&awaited != 0:
			return true
		default:
			explore.Point("await")
			if w.state.CompareAndSwap(old, old|awaited) {
				return true
			}
		}
	}
}

// Count returns the count.
func (w *WaitGroup) Count() int {
	state := w.state.Load()
	if state == ending {
		w.guard.Lock()
		state = w.state.Load()
		w.guard.Unlock()
	}
	return int(state >> shift)
}

// C returns a channel that is closed when the count is 0, for use in a select: at
// once if it is, and otherwise at the end of this round. The next round has
// another channel, so call C again for each select.
//
// The channel belongs to the [testing/synctest] bubble, or to the outside, that
// first asked for it, and the round must end there.
func (w *WaitGroup) C() <-chan struct{} {
	w.guard.Lock()
	defer w.guard.Unlock()
	if !w.await() {
		return closed
	}
	if w.done == nil {
		w.done = make(chan struct{})
	}
	return w.done
}
