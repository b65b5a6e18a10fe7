package timer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// The races here are real: timers of less than a microsecond against calls that are aimed at the moment at which they
// fire. What happened is looked at only after all have ended, so nothing disturbs the race.

// raceFiring starts timers in one goroutine, a batch at a time, and lets them fire, makes the call on each of them in
// another meanwhile, at a pace by chance, and then checks each. The call reports whether it was in time. It takes
// another processor for a timer to fire in the middle of a call; if there is only one, the order is still by chance.
func raceFiring[T any](t *testing.T, full int, start func() *T, call func(*T) bool, check func(*T)) {
	t.Helper()
	type batch [64]*T
	pairs := min(max(1, min(runtime.GOMAXPROCS(0), runtime.NumCPU())/2), 4)
	var inTime, all atomic.Int64
	var wg sync.WaitGroup
	for range pairs {
		var stage atomic.Pointer[batch] // what they race for, or nil
		var over atomic.Bool
		wg.Go(func() {
			for !over.Load() {
				b := new(batch)
				for i := range b {
					b[i] = start()
				}
				stage.Store(b)
				// A timer fires on the processor that it was started on when that looks for something to run, or
				// elsewhere, but then perhaps a millisecond later. So it is made to look.
				for stage.Load() != nil && !over.Load() {
					runtime.Gosched()
				}
			}
		})
		wg.Go(func() {
			defer over.Store(true)
			aim := 0
			for left := rounds(full) / pairs / len(batch{}); left >= 0; left-- {
				b := stage.Load()
				for ; b == nil; b = stage.Load() {
					runtime.Gosched()
				}
				spin(aim)
				pace, n := rand.IntN(2000), 0
				for _, s := range b {
					if call(s) {
						n++
					}
					spin(pace)
				}
				for _, s := range b {
					check(s)
				}
				if t.Failed() {
					return
				}
				// Begin a little later next time if most calls were in time, and earlier if they were too late.
				if n > len(b)/2 {
					aim = min(aim+100, 10_000)
				} else {
					aim = max(aim-100, 0)
				}
				inTime.Add(int64(n))
				all.Add(int64(len(b)))
				over.Store(left == 0) // before another batch is started
				stage.Store(nil)
			}
		})
	}
	wg.Wait()
	t.Logf("of %d calls %d were in time", all.Load(), inTime.Load())
	if inTime.Load() == 0 || inTime.Load() == all.Load() {
		t.Error("this was no race")
	}
}

// spin takes about n nanoseconds.
func spin(n int) {
	for range n {
		sink.Load()
	}
}

var sink atomic.Int64

// soon is an interval that has passed by the time anybody looks, or nearly.
func soon() time.Duration { return time.Duration(rand.IntN(1000)) }

func TestCancelRacingTheRunIsExact(t *testing.T) {
	type subject struct {
		*timer.Timer
		runs      int
		cancelled bool
	}
	raceFiring(t, 1_000_000, func() *subject {
		s := new(subject)
		s.Timer = timer.New(soon(), func() { s.runs++ })
		s.Start()
		return s
	}, func(s *subject) bool {
		s.cancelled = s.Cancel()
		return s.cancelled
	}, func(s *subject) {
		if s.Join(); s.runs > 1 || s.cancelled == (s.runs == 1) {
			t.Errorf("Cancel() = %v and %d runs", s.cancelled, s.runs)
		}
	})
}

// Of several that cancel at once, all get the same answer, and it is the right one.
func TestAllWhoCancelAtOnceAgree(t *testing.T) {
	type subject struct {
		*timer.Timer
		runs   int
		answer bool
		other  chan bool
	}
	raceFiring(t, 100_000, func() *subject {
		s := &subject{other: make(chan bool, 1)}
		s.Timer = timer.New(soon(), func() { s.runs++ })
		s.Start()
		return s
	}, func(s *subject) bool {
		go func() { s.other <- s.Cancel() }()
		s.answer = s.Cancel()
		return s.answer
	}, func(s *subject) {
		other := <-s.other
		if s.Join(); s.answer != other || s.runs > 1 || other == (s.runs == 1) {
			t.Errorf("Cancel() = %v, and %v elsewhere, and %d runs", s.answer, other, s.runs)
		}
	})
}

// Moved out of reach: a run can only be that of the time before.
func TestResetRacingTheRunIsExact(t *testing.T) {
	type subject struct {
		*timer.Timer
		runs             int
		moved, cancelled bool
	}
	raceFiring(t, 1_000_000, func() *subject {
		s := new(subject)
		s.Timer = timer.New(soon(), func() { s.runs++ })
		s.Start()
		return s
	}, func(s *subject) bool {
		s.moved = s.Reset(time.Hour)
		return s.moved
	}, func(s *subject) {
		s.cancelled = s.Cancel()
		if s.Join(); s.runs > 1 || s.moved == (s.runs == 1) || s.moved != s.cancelled {
			t.Errorf("Reset() = %v, then Cancel() = %v and %d runs", s.moved, s.cancelled, s.runs)
		}
	})
}

// Moved a little: there is one run, and if it was moved, it is not before its new time.
func TestResetRacingTheRunMovesItOrComesTooLate(t *testing.T) {
	const later = 10 * time.Microsecond
	type subject struct {
		*timer.Timer
		runs         int
		reset, began time.Time
		moved        bool
	}
	raceFiring(t, 200_000, func() *subject {
		s := new(subject)
		s.Timer = timer.New(soon(), func() {
			s.runs++
			s.began = time.Now()
		})
		s.Start()
		return s
	}, func(s *subject) bool {
		s.reset = time.Now()
		s.moved = s.Reset(later)
		return s.moved
	}, func(s *subject) {
		if s.Join(); s.runs != 1 {
			t.Errorf("Reset() = %v and %d runs", s.moved, s.runs)
		}
		if since := s.began.Sub(s.reset); s.moved && since < later {
			t.Errorf("Reset(%v) = true and yet a run after %v", later, since)
		}
	})
}

// After a Cancel that returned true no run is on and none begins; after one that returned false the run that is on is
// the last. The interval is not so short that a batch of timers leaves time for nothing else.
func TestCancelRacingARunOfEveryIsExact(t *testing.T) {
	type subject struct {
		*timer.Timer
		begun, ended         atomic.Int32
		idle                 bool
		begunThen, endedThen int32
	}
	raceFiring(t, 200_000, func() *subject {
		s := new(subject)
		s.Timer = timer.Every(time.Millisecond, func() {
			s.begun.Add(1)
			s.ended.Add(1)
		})
		s.Start()
		s.Reset(soon())
		return s
	}, func(s *subject) bool {
		s.idle = s.Cancel()
		s.endedThen = s.ended.Load() // before begun, which may grow meanwhile
		s.begunThen = s.begun.Load()
		return s.begunThen == 0
	}, func(s *subject) {
		s.Join()
		begun, ended := s.begun.Load(), s.ended.Load()
		if begun != ended || begun > s.endedThen+1 || s.idle && (begun != s.begunThen || begun != s.endedThen) {
			t.Errorf("Cancel() = %v with %d runs begun and %d ended, then %d and %d",
				s.idle, s.begunThen, s.endedThen, begun, ended)
		}
	})
}

// Moved by hours, the next run is out of reach, whether or not it would have been the first.
func TestResetRacingARunOfEveryIsExact(t *testing.T) {
	type subject struct {
		*timer.Timer
		runs  atomic.Int32
		moved bool
		then  int32
	}
	raceFiring(t, 200_000, func() *subject {
		s := new(subject)
		s.Timer = timer.Every(time.Hour, func() { s.runs.Add(1) })
		s.Start()
		s.Reset(soon())
		return s
	}, func(s *subject) bool {
		s.moved = s.Reset(2 * time.Hour)
		s.then = s.runs.Load()
		return s.moved && s.then == 0
	}, func(s *subject) {
		cancelled := s.Cancel()
		s.Join()
		switch runs := s.runs.Load(); {
		case s.moved && (!cancelled || runs != s.then || runs > 1):
			t.Errorf("Reset() = true with %d runs, then Cancel() = %v and %d runs", s.then, cancelled, runs)
		case !s.moved && runs != 1:
			t.Errorf("Reset() = false, and %d runs", runs)
		}
	})
}

// together calls the functions at the same moment, and returns when they have returned.
func together(fs ...func()) {
	var ready atomic.Int32
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(func() {
			ready.Add(1)
			for n := 1; int(ready.Load()) < len(fs); n++ {
				if n%1000 == 0 { // those who wait without a pause go on at once
					runtime.Gosched()
				}
			}
			f()
		})
	}
	wg.Wait()
}

// A Start and a Cancel at once, in either order, end the Timer without a run or with Cancel too late.
func TestCancelRacingStartIsExact(t *testing.T) {
	for range rounds(100_000) {
		runs := 0
		tm := timer.New(0, func() { runs++ })
		var cancelled bool
		together(tm.Start, func() { cancelled = tm.Cancel() })
		if tm.Join(); cancelled == (runs == 1) || runs > 1 || tm.IsAlive() {
			t.Fatalf("Cancel() = %v and %d runs", cancelled, runs)
		}
	}
}

func TestStartHappensOnceAmongMany(t *testing.T) {
	for range rounds(100_000) {
		var started, refused atomic.Int32
		runs := 0
		tm := timer.New(0, func() { runs++ })
		start := func() {
			switch proof.Recovered(tm.Start) {
			case nil:
				started.Add(1)
			case timer.ErrStarted:
				refused.Add(1)
			}
			tm.Join()
		}
		together(start, start)
		if started.Load() != 1 || refused.Load() != 1 || runs != 1 {
			t.Fatalf("%d starts, %d refused, %d runs", started.Load(), refused.Load(), runs)
		}
	}
}

// Joins that give up meet the end: whichever is first, nobody waits for ever and nobody is told too early.
func TestAJoinRacingTheEndIsReleasedOrGivesUp(t *testing.T) {
	for i := range rounds(100_000) {
		ran := false
		tm := timer.New(soon(), func() { ran = true })
		tm.Start()
		var wg sync.WaitGroup
		check := func(joined bool) {
			if joined && !ran { // also a data race, if it happens
				t.Error("joined before the run")
			}
		}
		wg.Go(func() { check(tm.JoinTimeout(soon())) })
		if i%4 == 0 {
			ctx, cancel := context.WithCancel(t.Context())
			wg.Go(func() { check(tm.JoinContext(ctx) == nil) })
			wg.Go(cancel)
		}
		tm.Join()
		check(true)
		wg.Wait()
	}
}

// Two runs of one Timer never overlap, however short the interval, whoever resets it.
func TestEveryNeverOverlapsItself(t *testing.T) {
	var inside atomic.Int32
	runs, want := 0, rounds(20_000)
	var tm *timer.Timer
	tm = timer.Every(100*time.Nanosecond, func() {
		if inside.Add(1) != 1 {
			t.Error("two runs overlap")
		}
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		if runs++; runs == want { // a data race, if they overlap
			tm.Cancel()
		}
		inside.Add(-1)
	})
	tm.Start()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for tm.IsAlive() {
				tm.Reset(soon())
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	tm.Join()
	if runs != want {
		t.Errorf("%d runs, want %d", runs, want)
	}
}

// Everybody does everything to many timers, of which some panic. In the end every one of them has run as often as the
// answers say.
func TestHammer(t *testing.T) {
	const goroutines = 8
	alive := thread.ActiveCount()
	reports := new(atomic.Int32)
	hook(t, func(*thread.Thread, *thread.PanicError) { reports.Add(1) })
	panics := int32(0)
	type subject struct {
		*timer.Timer
		repeats, panics                              bool
		inside, runs, starts, refused, cancels, late atomic.Int32
	}
	timers := make([]*subject, rounds(5000))
	for i := range timers {
		s := &subject{repeats: i%2 == 0, panics: i%8 < 2}
		fn := func() {
			if s.inside.Add(1) != 1 {
				t.Error("two runs overlap")
			}
			runtime.Gosched()
			s.runs.Add(1)
			s.inside.Add(-1)
			if s.panics {
				panic(fmt.Sprint("planned ", i))
			}
		}
		if s.repeats {
			s.Timer = timer.Every(1+soon(), fn)
		} else {
			s.Timer = timer.New(soon(), fn)
		}
		timers[i] = s
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range timers {
				// Some meet at the same timer, others are on their own.
				s := timers[(i+g/4*len(timers)/2)%len(timers)]
				for range 4 {
					switch rand.IntN(8) {
					case 0, 1, 2:
						switch proof.Recovered(s.Start) {
						case nil:
							s.starts.Add(1)
						case timer.ErrStarted:
							s.refused.Add(1)
						default:
							t.Error("Start panicked with something else")
						}
					case 3:
						if s.Cancel() {
							s.cancels.Add(1)
						} else {
							s.late.Add(1)
						}
					case 4:
						s.Reset(soon())
					case 5:
						if v := proof.Recovered(func() { s.JoinTimeout(soon()) }); v != nil && v != timer.ErrNotStarted {
							t.Errorf("JoinTimeout panicked with %v", v)
						}
					case 6:
						ctx, cancel := context.WithTimeout(t.Context(), soon())
						if v := proof.Recovered(func() { _ = s.JoinContext(ctx) }); v != nil && v != timer.ErrNotStarted {
							t.Errorf("JoinContext panicked with %v", v)
						}
						cancel()
					case 7:
						s.IsAlive()
						closed(s.Done())
					}
				}
			}
		})
	}
	wg.Wait()
	for i, s := range timers {
		cancelled := s.Cancel()
		runs := s.runs.Load()
		if s.starts.Load() == 0 {
			s.Start()
			s.starts.Add(1)
		}
		s.Join()
		wantEnded(t, s.Timer)
		if cancelled && s.runs.Load() != runs {
			t.Errorf("timer %d ran after Cancel() = true", i)
		}
		runs = s.runs.Load()
		if s.starts.Load() != 1 {
			t.Errorf("timer %d was started %d times", i, s.starts.Load())
		}
		switch cancels := s.cancels.Load(); {
		case !s.repeats && (runs > 1 || cancelled == (runs == 1)):
			t.Errorf("timer %d: Cancel() = %v and %d runs", i, cancelled, runs)
		case !s.repeats && cancels > 0 && (runs > 0 || s.late.Load() > 0):
			t.Errorf("timer %d was cancelled %d times, %d times too late, and ran", i, cancels, s.late.Load())
		case s.panics && runs > 1:
			t.Errorf("timer %d panicked and ran %d times", i, runs)
		}
		if s.panics {
			panics += runs
		}
	}
	if reports.Load() != panics {
		t.Errorf("%d panics and %d reports", panics, reports.Load())
	}
	if n := thread.ActiveCount(); n > alive {
		t.Errorf("%d threads are left, and %d were there before", n, alive)
	}
}
