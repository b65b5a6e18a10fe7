package timer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// patience is how long a wait may take that must end. By chance it is real time, which says nothing but that it hangs.
func patience() time.Duration {
	if explore.On {
		return explore.LastResort
	}
	return time.Minute
}

// ticks is so many, or so many microseconds if time is real.
func ticks(n int) time.Duration {
	if explore.On {
		return time.Duration(n) * explore.Tick
	}
	return time.Duration(n) * time.Microsecond
}

// A timer meets those who start, cancel, move and join it, each as the schedule has it.
func timerProgram(r *rand.Rand) explore.Case {
	var (
		repeats   = r.IntN(2) == 0
		interval  = 1 + r.IntN(2)
		joiners   = make([]int, 1+r.IntN(3)) // the limit of each, 0 for a patient one, below 0 for a context
		resets    = r.IntN(3)
		cancels   = r.IntN(3)
		last      = r.IntN(4) // the run that leaves by Goexit
		inTheRun  = r.IntN(3) == 0
		beforehim = r.IntN(4) == 0
	)
	for i := range joiners {
		if joiners[i] = r.IntN(3); r.IntN(2) == 0 {
			joiners[i] = -joiners[i]
		}
	}
	if repeats {
		cancels++
	}
	name := fmt.Sprintf("repeats %t every %d, joiners %v, %d resets, %d cancels (one in a run %t, one before %t), run %d exits",
		repeats, interval, joiners, resets, cancels, inTheRun, beforehim, last)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			guard       sync.Mutex
			runs, on    int
			inTime, all int
			failed      error
			tm          *timer.Timer
		)
		fail := func(format string, args ...any) {
			guard.Lock()
			defer guard.Unlock()
			if failed == nil {
				failed = fmt.Errorf(format, args...)
			}
		}
		cancel := func() {
			ok := tm.Cancel()
			guard.Lock()
			defer guard.Unlock()
			all++
			if ok {
				inTime++
			}
		}
		fn := func() {
			guard.Lock()
			runs++
			on++
			n := runs
			if on != 1 {
				failed = fmt.Errorf("%d runs at once", on)
			}
			guard.Unlock()
			proof.Pause()
			if inTheRun && n == 1 {
				cancel()
			}
			guard.Lock()
			on--
			guard.Unlock()
			if n == last {
				runtime.Goexit()
			}
		}
		if repeats {
			tm = timer.Every(ticks(interval), fn, thread.Name("timer"))
		} else {
			tm = timer.New(ticks(interval), fn, thread.Name("timer"))
		}
		if beforehim {
			cancel()
		}
		tm.Start()
		for i, limit := range joiners {
			start(fmt.Sprint("joiner ", i), func() {
				switch {
				case limit == 0:
					if !tm.JoinTimeout(patience()) {
						fail("joiner %d was forgotten", i)
					} else if tm.IsAlive() {
						fail("it is alive after Join")
					}
				case limit > 0:
					tm.JoinTimeout(ticks(limit))
				default:
					ctx, end := context.WithTimeout(context.Background(), ticks(-limit))
					defer end()
					if err := tm.JoinContext(ctx); err != nil && err != context.DeadlineExceeded {
						fail("JoinContext: %v", err)
					}
				}
			})
		}
		start("last", func() { // it is cancelled, or runs once
			if !tm.JoinTimeout(patience()) {
				fail("the last joiner was forgotten")
			}
		})
		for i := range cancels {
			start(fmt.Sprint("canceller ", i), func() {
				proof.Pause()
				cancel()
			})
		}
		start("resetter", func() {
			for i := range resets {
				tm.Reset(ticks(i % 3))
				proof.Pause()
			}
		})
		return func() error {
			guard.Lock()
			defer guard.Unlock()
			switch {
			case failed != nil:
				return failed
			case on != 0:
				return fmt.Errorf("it has ended, and runs")
			case !repeats && (runs > 1 || runs == 1 && inTime > 0 || runs == 0 && inTime != all):
				return fmt.Errorf("%d runs, and %d of %d cancels were in time", runs, inTime, all)
			case (tm.Err() == thread.ErrGoexit) != (last > 0 && runs == last):
				return fmt.Errorf("after run %d, of which %d exits, Err() = %v", runs, last, tm.Err())
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksATimer(t *testing.T) { proof.Programs(t, timerProgram) }
