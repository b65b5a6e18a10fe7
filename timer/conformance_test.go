package timer_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// The case of CPython's test_threading.py that is about Timer, by its id in the list of conformance and its name there;
// Python's behaviour row by row; and the weaknesses (W..) that Go can do without.
func TestConformance(t *testing.T) {
	t.Run("T75 test_init_immutable_default_args", initImmutableDefaultArgs)
	t.Run("the tutorials' Timer(3, hello)", helloAfterThreeSeconds)
	t.Run("Timer row by row", pythonsTimer)
	t.Run("X07 cancelled before start, misused, raising", aTimerThatWasMisusedWorks)
	t.Run("W20 one thread for each pending timer", pendingTimersAreNoThreads)
	t.Run("W21 no reset, no repetition, no answer", resetAndEvery)
	t.Run("W22 finished is left unset when the function raises", aPanicIsReportedAndTheProcessGoesOn)
	t.Run("W23 join never tells the error", theRunsThreadTellsWhatBecameOfIt)
}

// The arguments are what the function captures, so no two timers share any unless they were told to.
func initImmutableDefaultArgs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [][]string
		start := func() *timer.Timer {
			var args []string
			tm := timer.New(time.Millisecond, func() {
				args = append(args, "blah")
				calls = append(calls, args)
			})
			tm.Start()
			return tm
		}
		start().Join()
		start().Join()
		if len(calls) != 2 || len(calls[0]) != 1 || len(calls[1]) != 1 {
			t.Errorf("called with %q", calls)
		}
	})
}

// What tutorials show, a function that greets after three seconds.
func helloAfterThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		hello := timer.New(3*sec, log.run(0))
		hello.Start()
		hello.Join()
		log.want(3 * sec)
	})
}

// What Python's Timer does in each situation, and what is different here.
func pythonsTimer(t *testing.T) {
	in := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}

	in("the name is Thread-N", func(t *testing.T) {
		var name string
		tm := timer.New(sec, func() { name = thread.Current().Name() })
		tm.Start()
		tm.Join()
		digits, automatic := strings.CutPrefix(name, "Thread-")
		if !automatic || digits == "" || strings.Trim(digits, "0123456789") != "" {
			t.Errorf("the name is %q", name)
		}
	})

	in("daemon is inherited, and a pending timer keeps the program alive", func(t *testing.T) {
		begin := time.Now()
		thread.Main(func() {
			thread.Go(func() { timer.New(sec, nop).Start() }, thread.Daemon(false)).Join()
			thread.Go(func() {
				tm := timer.New(time.Hour, nop)
				tm.Start()
				t.Cleanup(func() { tm.Cancel() })
			}, thread.Daemon(true)).Join()
		})
		if waited := time.Since(begin); waited != sec {
			t.Errorf("Main waited %v, want 1s", waited)
		}
	})

	in("cancel before start: start ends at once, the function is not called", func(t *testing.T) {
		log := newLog(t)
		tm := timer.New(sec, log.run(0))
		tm.Cancel()
		tm.Start()
		tm.Join()
		log.until(time.Hour)
		log.want()
	})

	in("cancel while waiting: the function is not called", func(t *testing.T) {
		log := newLog(t)
		tm := timer.New(2*sec, log.run(0))
		tm.Start()
		log.until(sec)
		tm.Cancel()
		if tm.Join(); time.Since(log.begin) != sec {
			t.Errorf("ended after %v, want 1s", time.Since(log.begin))
		}
		log.until(time.Hour)
		log.want()
	})

	in("cancel while the function runs: it completes", func(t *testing.T) {
		completed := false
		tm := timer.New(sec, func() {
			time.Sleep(2 * sec)
			completed = true
		})
		tm.Start()
		time.Sleep(2 * sec)
		tm.Cancel()
		if tm.Join(); !completed {
			t.Error("it did not complete")
		}
	})

	in("cancel after it fired, or twice: changes nothing, but here it tells (W21)", func(t *testing.T) {
		fired, cancelled := timer.New(sec, nop), timer.New(sec, nop)
		fired.Start()
		cancelled.Start()
		won := []bool{cancelled.Cancel(), cancelled.Cancel()}
		fired.Join()
		if won = append(won, fired.Cancel(), fired.Cancel()); !slices.Equal(won, []bool{true, true, false, false}) {
			t.Errorf("Cancel told %v", won)
		}
	})

	in("the function raises: the except hook is told; here the timer has finished all the same (W22)", func(t *testing.T) {
		var told []string
		hook(t, func(th *thread.Thread, p *thread.PanicError) { told = append(told, th.Name()+": "+p.Error()) })
		tm := timer.New(sec, explode, thread.Name("raising"))
		tm.Start()
		<-tm.Done()
		if !slices.Equal(told, []string{"raising: panic: boom"}) {
			t.Errorf("the hook was told %q", told)
		}
		wantEnded(t, tm)
	})

	in("start twice is an error, also after the end", func(t *testing.T) {
		tm := timer.New(sec, nop)
		tm.Start()
		wantPanic(t, "pending", timer.ErrStarted, tm.Start)
		tm.Join()
		wantPanic(t, "ended", timer.ErrStarted, tm.Start)
	})

	in("join before start is an error", func(t *testing.T) {
		wantPanic(t, "Join", timer.ErrNotStarted, timer.New(sec, nop).Join)
	})

	in("an interval <= 0 fires at once", func(t *testing.T) {
		log := newLog(t)
		for _, d := range []time.Duration{0, -1, -sec} {
			tm := timer.New(d, log.run(0))
			tm.Start()
			tm.Join()
		}
		log.want(0, 0, 0)
	})

	in("join from inside the function is an error", func(t *testing.T) {
		var tm *timer.Timer
		tm = timer.New(sec, func() { wantPanic(t, "Join", thread.ErrJoinSelf, tm.Join) })
		tm.Start()
		tm.Join()
	})

	in("no interval (None) never fires until cancelled; here that is MaxInt64", func(t *testing.T) {
		log := newLog(t)
		tm := timer.New(math.MaxInt64, log.run(0))
		tm.Start()
		log.until(24 * 365 * time.Hour)
		if log.want(); !tm.Cancel() {
			t.Error("Cancel() = false")
		}
	})

	in("sys.exit (here Goexit) in the function ends the timer, unreported", func(t *testing.T) {
		hook(t, func(_ *thread.Thread, p *thread.PanicError) { t.Errorf("reported: %v", p) })
		tm := timer.New(sec, runtime.Goexit)
		tm.Start()
		tm.Join()
		wantEnded(t, tm)
	})
}

// Cancelled before Start, the function raising, the result of Cancel: the rows above. A failed call of any kind
// leaves a Timer that works.
func aTimerThatWasMisusedWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		tm := timer.New(sec, log.run(0))
		wantPanic(t, "Join", timer.ErrNotStarted, tm.Join)
		tm.Start()
		wantPanic(t, "Start", timer.ErrStarted, tm.Start)
		if !tm.Reset(2 * sec) {
			t.Error("Reset = false while pending")
		}
		tm.Join()
		log.want(2 * sec)
	})
}

// Two thousand pending timers are not two thousand threads.
func pendingTimersAreNoThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goroutines, threads := runtime.NumGoroutine(), thread.ActiveCount()
		timers := make([]*timer.Timer, 2000)
		for i := range timers {
			timers[i] = timer.New(time.Hour, nop)
			timers[i].Start()
		}
		if g, th := runtime.NumGoroutine(), thread.ActiveCount(); g > goroutines+20 || th != threads {
			t.Errorf("%d goroutines and %d threads, %d and %d before", g, th, goroutines, threads)
		}
		for _, tm := range timers {
			tm.Cancel()
		}
	})
}

// A timer can be moved, can repeat, and tells whether the cancel won.
func resetAndEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		tm := timer.Every(2*sec, log.run(0))
		tm.Start()
		log.until(5 * sec)
		if !tm.Reset(5 * sec) {
			t.Error("Reset = false while pending")
		}
		log.until(13 * sec)
		if !tm.Cancel() {
			t.Error("Cancel() = false when idle")
		}
		log.until(time.Hour)
		log.want(2*sec, 4*sec, 10*sec, 12*sec)
	})
}

// A function that panics leaves nothing unset, and the process alive.
func aPanicIsReportedAndTheProcessGoesOn(t *testing.T) {
	stdout, stderr, status := run(t, "panic")
	if stdout != "after Main\n" || status != 0 {
		t.Errorf("status %d, output %q", status, stdout)
	}
	for _, part := range []string{"panic in thread worker: boom", "timer_test.explode"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in:\n%s", part, stderr)
		}
	}
}

// What became of a run can be learnt from its Thread.
func theRunsThreadTellsWhatBecameOfIt(t *testing.T) {
	hook(t, func(*thread.Thread, *thread.PanicError) {})
	var run *thread.Thread
	tm := timer.New(0, func() {
		run = thread.Current()
		explode()
	})
	tm.Start()
	tm.Join()
	if run.Err() == nil || run.Err().Error() != "panic: boom" {
		t.Errorf("Err() = %v", run.Err())
	}
}
