// Package timer provides functions that run later, once or again and again, and that can be cancelled, moved and
// joined: threading.Timer for Go.
package timer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

var (
	// ErrStarted is the value that Start panics with the second time.
	ErrStarted = errors.New("timer: Start of a Timer that was started before")
	// ErrNotStarted is the value that Join panics with before Start.
	ErrNotStarted = errors.New("timer: Join of a Timer that was not started")
	// ErrInterval is what Every panics with when the interval is not positive. The value of the panic names the
	// interval, and is ErrInterval to errors.Is.
	ErrInterval = errors.New("timer: bad interval")
)

// A Timer is a function that runs when its interval has passed, as a thread.Thread.
//
// Make a Timer with New or Every. The zero value is not usable. A Timer must not be copied.
//
// Python: threading.Timer. Start, Cancel, Join and IsAlive are start(), cancel(), join() and is_alive(); that Cancel
// tells whether it was in time, Reset and Every are what Python lacks.
//
// Memory model: Start and Reset synchronize before the run that they schedule, and the end of the last run before the
// return of every Join, IsAlive and receive from Done that reports it.
//
// Cancelling is exact: of a Timer made by New, either the function runs or Cancel returns true, never both and never
// neither.
//
// Each run is a thread.Thread with the Timer's name: it is Current, in Enumerate while it lasts, its values of a Local
// end with it, and a panic in it goes to the except hook. A run that panics, or ends by runtime.Goexit, ends the Timer.
// The Timer itself is no thread: while it is pending it has no goroutine. But as a pending Timer keeps a Python program
// alive, thread.Main waits for one that was started, unless it is a daemon; as for a Thread, its creator decides about
// that unless the option thread.Daemon does.
//
// Giving up: a JoinTimeout or JoinContext that gives up leaves no trace.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. A Timer belongs to the bubble, or to the
// outside, that it was started in.
//
// Cost: a pending Timer is about half a kilobyte and no goroutine; starting or cancelling one takes logarithmic time
// in the number of pending timers.
//
// Use time.AfterFunc where nobody joins and a panic may end the process, and a time.Ticker where a loop of your own
// does the work.
type Timer struct {
	fn       func()
	interval time.Duration
	repeats  bool

	guard sync.Mutex
	state state
	over  bool           // nothing is to run after the present run, if any
	ran   bool           // a run began
	run   *thread.Thread // the present run, or the next
	clock *time.Timer    // of the next run, while pending
	round uint64         // which setting of the clock counts
	due   time.Time      // when the next run is due, if it repeats
	entry live.Entry
	end   park.Latch
}

type state int

const (
	unstarted state = iota
	pending
	running
	ended
)

// New returns a Timer that runs fn once, interval after Start; with interval <= 0 it does so at once. The options are
// those of the thread that fn runs as. New panics if fn is nil.
func New(interval time.Duration, fn func(), opts ...thread.Option) *Timer {
	if fn == nil {
		panic("timer: New with a nil func")
	}
	return &Timer{fn: fn, interval: interval, run: thread.New(fn, opts...)}
}

// Every returns a Timer that runs fn again and again, first when the interval has passed since Start, and then at
// multiples of it, until it is cancelled. Two runs never overlap: what is due while fn is running is left out, and the
// next run begins at the next multiple, or at once if the last one ends just then. The options are those of the threads
// that fn runs as. Every panics with ErrInterval if the interval is not positive, and if fn is nil.
func Every(interval time.Duration, fn func(), opts ...thread.Option) *Timer {
	if interval <= 0 {
		panic(fmt.Errorf("%w: Every(%v): want more than 0", ErrInterval, interval))
	}
	if fn == nil {
		panic("timer: Every with a nil func")
	}
	return &Timer{fn: fn, interval: interval, repeats: true, run: thread.New(fn, opts...)}
}

// Start begins to count the interval. It panics with ErrStarted the second time. A Timer that was cancelled before ends
// at once.
func (t *Timer) Start() {
	t.guard.Lock()
	if t.state != unstarted {
		t.guard.Unlock()
		panic(ErrStarted)
	}
	if t.over {
		t.unlockEnded()
		return
	}
	now := time.Now()
	if !t.run.Daemon() {
		t.entry.Add((*work)(t), now)
	}
	t.set(now, t.interval)
	t.guard.Unlock()
}

// work is a Timer as what thread.Main waits for.
type work Timer

// Busy returns the end of the Timer, which is busy once, from Start on.
func (w *work) Busy() (done *park.Latch, begun uint64) {
	if w.end.IsOpen() {
		return nil, 0
	}
	return &w.end, 0
}

// set makes the next run due in d from now, under the guard.
func (t *Timer) set(now time.Time, d time.Duration) {
	d = max(d, 0)
	t.state = pending
	t.due = now.Add(d)
	t.round++
	round := t.round
	t.clock = time.AfterFunc(d, func() { t.fire(round) })
}

// unlockEnded ends the Timer and releases the guard.
func (t *Timer) unlockEnded() {
	t.state = ended
	t.guard.Unlock()
	t.entry.Remove()
	t.end.Open()
}

// fire is the clock's function. It counts only if nobody cancelled or reset the Timer before it had the guard.
func (t *Timer) fire(round uint64) {
	t.guard.Lock()
	if t.state != pending || t.round != round {
		t.guard.Unlock()
		return
	}
	t.state, t.ran = running, true
	run := t.run
	t.guard.Unlock()

	run.Start()
	run.Join()

	t.guard.Lock()
	if !t.repeats || t.over || run.Err() != nil {
		t.unlockEnded()
		return
	}
	t.run = thread.New(t.fn, thread.Name(run.Name()), thread.Daemon(run.Daemon()))
	now := time.Now()
	wait := t.due.Add(t.interval).Sub(now)
	if wait < 0 { // leave out what was due during the run
		if wait %= t.interval; wait < 0 {
			wait += t.interval
		}
	}
	t.set(now, wait)
	t.guard.Unlock()
}

// Cancel sees to it that no run begins any more, and reports whether that makes an end: true if no run is on, nor ever
// was in the case of a Timer made by New, and false if one is on, which it does not stop, or was. Before Start it makes
// Start end the Timer at once.
func (t *Timer) Cancel() bool {
	t.guard.Lock()
	t.over = true
	inTime := t.state != running && (t.repeats || !t.ran)
	if t.state == pending {
		t.clock.Stop()
		t.unlockEnded()
	} else {
		t.guard.Unlock()
	}
	return inTime
}

// Reset makes the next run due in d from now, if the Timer is pending, and reports whether it was; with d <= 0 it is due
// at once. Later runs follow at the interval.
func (t *Timer) Reset(d time.Duration) bool {
	t.guard.Lock()
	defer t.guard.Unlock()
	if t.state != pending {
		return false
	}
	t.clock.Stop()
	t.set(time.Now(), d)
	return true
}

// Join waits until the Timer has ended: until its last run, and the except hook if that panicked, returned, or until it
// was cancelled. It panics with ErrNotStarted before Start, and with thread.ErrJoinSelf in a run.
func (t *Timer) Join() {
	t.checkJoin()
	t.end.Wait()
}

// JoinTimeout is Join, for d at the longest, and reports whether the Timer has ended. With d <= 0 it does not wait;
// math.MaxInt64 is for ever.
func (t *Timer) JoinTimeout(d time.Duration) bool {
	t.checkJoin()
	return t.end.WaitTimeout(d)
}

// JoinContext is Join, unless ctx ends first; then it returns context.Cause(ctx).
func (t *Timer) JoinContext(ctx context.Context) error {
	t.checkJoin()
	return t.end.WaitContext(ctx)
}

func (t *Timer) checkJoin() {
	t.guard.Lock()
	defer t.guard.Unlock()
	switch {
	case t.state == unstarted:
		panic(ErrNotStarted)
	case t.state == running && t.run == thread.Current():
		panic(thread.ErrJoinSelf)
	}
}

// IsAlive reports whether the Timer was started and has not ended.
func (t *Timer) IsAlive() bool {
	t.guard.Lock()
	defer t.guard.Unlock()
	return t.state != unstarted && !t.end.IsOpen()
}

// Done returns a channel that is closed when the Timer has ended, for use in a select. It belongs to the testing/synctest
// bubble, or to the outside, that first asked for it.
func (t *Timer) Done() <-chan struct{} { return t.end.Done() }
