// Package timer provides functions that run later, once or again and again, and that
// can be cancelled, moved and joined: Python's threading.Timer.
//
//	threading.Timer(s, f)        New(d, f)
//	t.start(), t.cancel()        Start(), Cancel()
//	t.join(), t.join(s)          Join(), JoinTimeout(d)
//	t.is_alive()                 IsAlive()
//
// Python has no Reset, no Every and no Err, and its cancel does not report whether it
// was in time.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package timer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

var (
	// ErrStarted is the error that Start panics with the second time.
	ErrStarted = errors.New("timer: Start of a Timer that was started before")

	// ErrNotStarted is the error that Join panics with before Start.
	ErrNotStarted = errors.New("timer: Join of a Timer that was not started")

	// ErrInterval is the error that Every panics with if the interval is not
	// positive. The panic value wraps ErrInterval and names the interval.
	ErrInterval = errors.New("timer: bad interval")
)

// A Timer runs a function after an interval, as a [thread.Thread]. It is made by
// [New] or [Every], and must not be copied.
//
// Start and Reset “synchronize before” the run that they schedule, and the end of the
// last run before the return of every Join, IsAlive, Err and receive from Done that
// reports it.
//
// Each run is a Thread of the Timer's name: it is [thread.Current], its values of a
// [thread.Local] end with it, and a panic in it goes to the except hook. A run that
// panics, or calls [runtime.Goexit], ends the Timer. A Timer that is pending has no
// goroutine. [thread.Main] waits for a Timer that was started, as Python does, unless
// it is a daemon: by the option [thread.Daemon], or because its creator is one.
//
// A pending Timer takes about half a kilobyte. It belongs to the [testing/synctest]
// bubble, or to the outside, that it was started in.
//
// If no goroutine joins it and a panic may end the process, use [time.AfterFunc]; for
// a loop of your own, a [time.Ticker].
type Timer struct {
	fn       func()
	interval time.Duration
	repeats  bool

	guard park.Guard
	state state
	over  bool           // nothing is to run after the present run, if any
	ran   bool           // a run began
	run   *thread.Thread // the present run, or the next
	clock *time.Timer    // of the next run, while pending
	round uint64         // which setting of the clock counts
	due   time.Time      // when the next run is due, if it repeats
	entry live.Entry
	err   error // written before end opens
	end   park.Latch
}

type state int

const (
	unstarted state = iota
	pending
	running
	ended
)

// New returns a Timer that runs fn once, interval after Start. If interval <= 0 it
// runs fn at once. The options are those of the thread that fn runs as. New panics if
// fn is nil.
func New(interval time.Duration, fn func(), opts ...thread.Option) *Timer {
	if fn == nil {
		panic("timer: New with a nil func")
	}
	return &Timer{fn: fn, interval: interval, run: thread.New(fn, opts...)}
}

// Every returns a Timer that runs fn again and again: first when the interval has
// passed since Start, and then at multiples of it, until it is cancelled. Runs never
// overlap: what is due during a run is left out, and the next run begins at the next
// multiple. The options are those of the threads that fn runs as. Every panics with
// [ErrInterval] if interval <= 0, and panics if fn is nil.
func Every(interval time.Duration, fn func(), opts ...thread.Option) *Timer {
	if interval <= 0 {
		panic(fmt.Errorf("%w: Every(%v): want more than 0", ErrInterval, interval))
	}
	if fn == nil {
		panic("timer: Every with a nil func")
	}
	return &Timer{fn: fn, interval: interval, repeats: true, run: thread.New(fn, opts...)}
}

// Start begins to count the interval. It panics with [ErrStarted] the second time. If
// the Timer was cancelled before, it ends at once.
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
	t.end.Open()
	t.entry.Remove()
}

// fire is the clock's function. It has no effect if the Timer was cancelled or reset before it had the guard.
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
	if err := run.Err(); !t.repeats || t.over || err != nil {
		t.err = err
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

// Cancel prevents further runs. It does not stop a run, nor wait for it. Before Start
// it makes Start end the Timer at once.
//
// Of a Timer made by [New], Cancel reports whether fn will never run: either fn runs,
// or Cancel returns true, and never both. Of one made by [Every] it reports whether no
// run is in progress.
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

// Reset makes the next run due in d from now, and later ones at the interval after
// that. It reports whether the Timer was pending; if not, it does nothing. If d <= 0
// the next run is due at once.
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

// Join waits until the Timer has ended: until its last run and the except hook have
// returned, or until it was cancelled. It panics with [ErrNotStarted] before Start, and
// with [thread.ErrJoinSelf] in a run.
func (t *Timer) Join() {
	t.checkJoin()
	t.end.Wait()
}

// JoinTimeout is like Join but waits at most d. It reports whether the Timer has
// ended. If d <= 0 it does not wait; a d of [math.MaxInt64] is forever.
func (t *Timer) JoinTimeout(d time.Duration) bool {
	t.checkJoin()
	return t.end.WaitTimeout(d)
}

// JoinContext is like Join but gives up when ctx ends; then, and if ctx had ended
// before, it returns [context.Cause] of ctx.
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

// Done returns a channel that is closed when the Timer has ended, for use in a select.
// It belongs to the testing/synctest bubble, or to the outside, that first asked for
// it.
func (t *Timer) Done() <-chan struct{} { return t.end.Done() }

// Err returns how the last run ended: nil if fn returned, a [*thread.PanicError] if it
// panicked, and [thread.ErrGoexit] if it called [runtime.Goexit]. It is nil before the
// Timer has ended, and if there was no run.
func (t *Timer) Err() error {
	if !t.end.IsOpen() {
		return nil
	}
	return t.err
}
