package timer_test

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

func nop() {}

func TestANilFuncPanicsAtOnceAndNamesTheCall(t *testing.T) {
	before := thread.Enumerate()
	eachConstructor(t, func(t *testing.T, make maker, repeats bool) {
		want := "timer: New with a nil func"
		if repeats {
			want = "timer: Every with a nil func"
		}
		defer func() {
			if got := recover(); got != want {
				t.Errorf("panicked with %v, want %q", got, want)
			}
		}()
		make(time.Second, nil)
	})
	if !slices.Equal(before, thread.Enumerate()) {
		t.Error("the threads are not what they were")
	}
}

func TestEveryRefusesAnIntervalThatIsNotPositive(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -time.Hour} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if !errors.Is(err, timer.ErrInterval) || !strings.Contains(err.Error(), fmt.Sprintf("Every(%v)", d)) {
					t.Errorf("Every(%v) panicked with %v", d, err)
				}
			}()
			timer.Every(d, nop)
		}()
	}
}

func TestErrorsSpeakForThemselves(t *testing.T) {
	for _, err := range []error{timer.ErrStarted, timer.ErrNotStarted, timer.ErrInterval} {
		if !strings.HasPrefix(err.Error(), "timer: ") {
			t.Errorf("%q does not say whose it is", err)
		}
	}
}

// A second Start changes nothing, whatever became of the first.
func TestStartPanicsTheSecondTime(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, repeats bool) {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			tm := make(time.Second, func() {
				runs++
				time.Sleep(time.Second / 2)
			})
			tm.Start()
			wantPanic(t, "pending", timer.ErrStarted, tm.Start)
			time.Sleep(time.Second + time.Second/4)
			wantPanic(t, "running", timer.ErrStarted, tm.Start)
			time.Sleep(time.Second / 2)
			if repeats {
				wantPanic(t, "idle", timer.ErrStarted, tm.Start)
				tm.Cancel()
			}
			tm.Join()
			wantPanic(t, "ended", timer.ErrStarted, tm.Start)
			wantPanic(t, "ended", timer.ErrStarted, tm.Start)
			wantEnded(t, tm)
			time.Sleep(time.Hour)
			if runs != 1 {
				t.Errorf("%d runs, want 1", runs)
			}

			tm = make(time.Second, nop)
			tm.Start()
			tm.Cancel()
			wantPanic(t, "cancelled", timer.ErrStarted, tm.Start)
			wantEnded(t, tm)

			tm = make(time.Second, nop)
			tm.Cancel()
			tm.Start()
			wantPanic(t, "cancelled before Start", timer.ErrStarted, tm.Start)
			wantEnded(t, tm)
		})
	})
}

func TestEveryFormOfJoinPanicsBeforeStart(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		tm := make(time.Hour, nop)
		eachJoin(func(name string, join func(*timer.Timer)) {
			wantPanic(t, name, timer.ErrNotStarted, func() { join(tm) })
		})
		tm.Cancel() // which does not start it
		eachJoin(func(name string, join func(*timer.Timer)) {
			wantPanic(t, name+" after Cancel", timer.ErrNotStarted, func() { join(tm) })
		})
		tm.Start() // nothing of it left a lock held
		eachJoin(func(name string, join func(*timer.Timer)) { join(tm) })
	})
}

func TestCancelBeforeStartMakesStartEndTheTimerAtOnce(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			tm := make(time.Second, func() { t.Error("fn ran") }, thread.Daemon(false))
			if !tm.Cancel() {
				t.Error("Cancel() = false before Start")
			}
			if !tm.Cancel() {
				t.Error("Cancel() = false the second time")
			}
			if tm.IsAlive() || closed(tm.Done()) || tm.Reset(0) {
				t.Error("Cancel before Start is taken for the end")
			}
			thread.Main(tm.Start) // has nothing to wait for
			wantEnded(t, tm)
			for _, w := range waits {
				w.wait(tm)
			}
			if !tm.Cancel() {
				t.Error("Cancel() = false after the end, though fn never ran")
			}
			if elapsed := time.Since(begin); elapsed != 0 {
				t.Errorf("took %v", elapsed)
			}
			time.Sleep(time.Hour)
		})
	})
}

func TestCancelOfAPendingTimerEndsItAtOnce(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			tm := make(time.Second, func() { t.Error("fn ran") })
			tm.Start()
			wantAlive(t, tm)
			var joined sync.WaitGroup
			for _, w := range waits {
				joined.Go(func() {
					w.wait(tm)
					wantEnded(t, tm)
					if elapsed := time.Since(begin); elapsed != time.Second/2 {
						t.Errorf("%s returned after %v, want the time of Cancel", w.name, elapsed)
					}
				})
			}
			time.Sleep(time.Second / 2)
			wantAlive(t, tm)
			for range 3 {
				if !tm.Cancel() {
					t.Error("Cancel() = false before the run")
				}
				wantEnded(t, tm)
			}
			joined.Wait()
			time.Sleep(time.Hour)
		})
	})
}

func TestCancelDuringTheRunIsTooLateAndJoinWaitsForTheRun(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			runs := 0
			tm := make(time.Second, func() {
				time.Sleep(10 * time.Second)
				runs++
			})
			tm.Start()
			var joined sync.WaitGroup
			for _, w := range waits {
				joined.Go(func() {
					w.wait(tm)
					if elapsed := time.Since(begin); elapsed != 11*time.Second || runs != 1 {
						t.Errorf("%s returned after %v and %d runs, want 11s and 1", w.name, elapsed, runs)
					}
				})
			}
			time.Sleep(2 * time.Second)
			for range 2 {
				if tm.Cancel() {
					t.Error("Cancel() = true during the run")
				}
				wantAlive(t, tm)
			}
			joined.Wait()
			wantEnded(t, tm)
			time.Sleep(time.Hour)
			if runs != 1 {
				t.Errorf("%d runs, want 1", runs)
			}
		})
	})
}

func TestCancelAfterTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		once := timer.New(time.Second, nop)
		once.Start()
		once.Join()
		for range 2 {
			if once.Cancel() {
				t.Error("Cancel() = true of a Timer by New that ran")
			}
		}
		wantEnded(t, once)

		runs := 0
		ticker := timer.Every(2*time.Second, func() { runs++ })
		ticker.Start()
		time.Sleep(5 * time.Second)
		if !ticker.Cancel() {
			t.Error("Cancel() = false of a Timer by Every that was idle")
		}
		wantEnded(t, ticker)
		if !ticker.Cancel() {
			t.Error("Cancel() = false after the end, with no run on")
		}
		time.Sleep(time.Hour)
		if runs != 2 {
			t.Errorf("%d runs, want 2", runs)
		}
	})
}

func TestCancelWithinTheRun(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			runs := 0
			var tm *timer.Timer
			tm = make(time.Second, func() {
				runs++
				if tm.Cancel() {
					t.Error("Cancel() = true in the run")
				}
				wantPanic(t, "Join", thread.ErrJoinSelf, tm.Join)
				if !tm.IsAlive() || tm.Reset(0) {
					t.Error("Cancel in the run is taken for its end")
				}
			})
			tm.Start()
			tm.Join()
			if elapsed := time.Since(begin); elapsed != time.Second {
				t.Errorf("ended after %v, want 1s", elapsed)
			}
			wantEnded(t, tm)
			time.Sleep(time.Hour)
			if runs != 1 {
				t.Errorf("%d runs, want 1", runs)
			}
		})
	})
}

func TestResetOfWhatIsNotPendingChangesNothing(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, repeats bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var runs []time.Duration
			var tm *timer.Timer
			refused := func(when string) {
				t.Helper()
				for _, d := range []time.Duration{-1, 0, 1, time.Hour} {
					if tm.Reset(d) {
						t.Errorf("Reset(%v) = true %s", d, when)
					}
				}
			}
			tm = make(4*time.Second, func() {
				runs = append(runs, time.Since(begin))
				refused("within the run")
				time.Sleep(2 * time.Second)
			})
			refused("before Start")
			if time.Sleep(time.Hour); len(runs) != 0 || tm.IsAlive() {
				t.Error("Reset started a Timer")
			}
			begin = time.Now()
			tm.Start()
			time.Sleep(5 * time.Second)
			refused("during the run")
			want := []time.Duration{4 * time.Second}
			if repeats {
				time.Sleep(4 * time.Second)
				refused("during the second run")
				want = append(want, 8*time.Second)
				tm.Cancel()
			}
			tm.Join()
			refused("after the end")
			time.Sleep(2 * time.Hour)
			if !slices.Equal(runs, want) {
				t.Errorf("runs began at %v, want %v", runs, want)
			}

			tm = make(time.Second, func() { t.Error("fn ran") })
			tm.Start()
			tm.Cancel()
			refused("after Cancel")
			time.Sleep(2 * time.Hour)
		})
	})
}

// The except hook is part of the run.
func TestEveryFormOfJoinPanicsInTheRunAndInItsExceptHook(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			var tm *timer.Timer
			calls := 0
			try := func(where string) {
				calls++
				eachJoin(func(name string, join func(*timer.Timer)) {
					wantPanic(t, name+where, thread.ErrJoinSelf, func() { join(tm) })
				})
			}
			hook(t, func(*thread.Thread, *thread.PanicError) { try(" in the hook") })
			tm = make(time.Second, func() {
				try(" in the run")
				explode()
			})
			tm.Start()
			tm.Join()
			if calls != 2 {
				t.Errorf("%d calls, want 2", calls)
			}
		})
	})
}

func TestJoinFromElsewhereDuringTheRunWaits(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var tm *timer.Timer
			var joins atomic.Int32
			join := func() {
				tm.Join()
				if elapsed := time.Since(begin); elapsed != 5*time.Second {
					t.Errorf("Join returned after %v, want 5s", elapsed)
				}
				joins.Add(1)
			}
			other := timer.New(2*time.Second, join)
			tm = make(time.Second, func() {
				go join() // no part of the run, though begun in it
				time.Sleep(4 * time.Second)
				tm.Cancel()
			}, thread.Name("namesake"))
			tm.Start()
			other.Start()
			time.Sleep(3 * time.Second)
			thread.Go(join, thread.Name("namesake")).Join()
			other.Join()
			synctest.Wait()
			if joins.Load() != 3 {
				t.Errorf("%d joins returned, want 3", joins.Load())
			}
		})
	})
}

// A run of Every by itself ends nothing: the next one may not be taken for it.
func TestARunOfAnEarlierTimeIsNoLongerTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tm *timer.Timer
		late := make(chan struct{})
		runs := 0
		tm = timer.Every(time.Second, func() {
			if runs++; runs == 1 {
				go func() { // what the first run left behind joins during the second
					time.Sleep(time.Second + time.Second/4)
					tm.Join()
					close(late)
				}()
				return
			}
			time.Sleep(time.Second / 2)
			tm.Cancel()
		})
		tm.Start()
		<-late
		wantEnded(t, tm)
		if runs != 2 {
			t.Errorf("%d runs, want 2", runs)
		}
	})
}

func TestAPanicGoesToTheExceptHookAndEndsTheTimer(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			runs, calls := 0, 0
			var tm *timer.Timer
			hook(t, func(th *thread.Thread, p *thread.PanicError) {
				calls++
				if th != thread.Current() || th.Name() != "worker" || p.Value != "boom" ||
					!strings.Contains(string(p.Stack), "timer_test.explode") {
					t.Errorf("the hook was told of %v: %v\n%s", th, p, p.Stack)
				}
				if tm.Cancel() {
					t.Error("Cancel() = true in the hook")
				}
				time.Sleep(5 * time.Second)
				if !tm.IsAlive() || closed(tm.Done()) {
					t.Error("ended before the hook has returned")
				}
			})
			tm = make(time.Second, func() {
				runs++
				explode()
			}, thread.Name("worker"))
			tm.Start()
			var joined sync.WaitGroup
			for _, w := range waits {
				joined.Go(func() {
					w.wait(tm)
					if elapsed := time.Since(begin); elapsed != 6*time.Second || calls != 1 {
						t.Errorf("%s returned after %v and %d calls of the hook, want 6s and 1", w.name, elapsed, calls)
					}
				})
			}
			joined.Wait()
			wantEnded(t, tm)
			time.Sleep(time.Hour)
			if runs != 1 || calls != 1 {
				t.Errorf("%d runs and %d calls of the hook, want 1 and 1", runs, calls)
			}
		})
	})
}

// Unlike the test above nobody cancels here: the panic alone must end the repetition.
func TestEveryEndsWithTheRunThatDoesNotReturn(t *testing.T) {
	for name, leave := range map[string]func(){"panic": explode, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := 0
				hook(t, func(*thread.Thread, *thread.PanicError) { reports++ })
				begin := time.Now()
				runs := 0
				tm := timer.Every(time.Second, func() {
					if runs++; runs == 3 {
						leave()
					}
				}, thread.Daemon(false))
				thread.Main(tm.Start)
				if elapsed := time.Since(begin); elapsed != 3*time.Second {
					t.Errorf("ended after %v, want 3s", elapsed)
				}
				wantEnded(t, tm)
				time.Sleep(time.Hour)
				if want := map[string]int{"panic": 1}[name]; runs != 3 || reports != want {
					t.Errorf("%d runs and %d calls of the hook, want 3 and %d", runs, reports, want)
				}
			})
		})
	}
}

func TestGoexitEndsTheTimerUnreported(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			hook(t, func(_ *thread.Thread, p *thread.PanicError) { t.Errorf("reported: %v", p) })
			var run *thread.Thread
			tm := make(time.Second, func() {
				run = thread.Current()
				runtime.Goexit()
			})
			tm.Start()
			tm.Join()
			wantEnded(t, tm)
			if run.Err() != thread.ErrGoexit {
				t.Errorf("Err() = %v, want ErrGoexit", run.Err())
			}
		})
	})
}

func TestErrIsHowTheLastRunEnded(t *testing.T) {
	hook(t, func(*thread.Thread, *thread.PanicError) { time.Sleep(time.Second) })
	cause := errors.New("cause")
	for _, c := range []struct {
		name string
		fn   func()
		is   func(error) bool
	}{
		{"return", func() {}, func(err error) bool { return err == nil }},
		{"panic", func() { panic(cause) }, func(err error) bool {
			var p *thread.PanicError
			return errors.As(err, &p) && p.Value == cause && errors.Is(err, cause)
		}},
		{"Goexit", runtime.Goexit, func(err error) bool { return err == thread.ErrGoexit }},
	} {
		eachConstructor(t, func(t *testing.T, make maker, repeats bool) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				var tm *timer.Timer
				tm = make(time.Second, func() {
					if tm.Err() != nil {
						t.Errorf("%s: before the end: %v", c.name, tm.Err())
					}
					if runs++; runs < 3 && repeats {
						return // well, and yet what counts is the last
					}
					tm.Cancel()
					time.Sleep(time.Minute)
					c.fn()
				})
				if tm.Err() != nil {
					t.Errorf("%s: before Start: %v", c.name, tm.Err())
				}
				tm.Start()
				for tm.IsAlive() {
					if tm.Err() != nil {
						t.Errorf("%s: before the end: %v", c.name, tm.Err())
					}
					time.Sleep(time.Second / 2)
				}
				if !c.is(tm.Err()) {
					t.Errorf("%s: Err() = %v", c.name, tm.Err())
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		for _, start := range []bool{false, true} {
			tm := timer.New(time.Second, explode)
			if start {
				tm.Start()
			}
			tm.Cancel()
			if !start {
				tm.Start()
			}
			if tm.Join(); tm.Err() != nil {
				t.Errorf("cancelled: %v", tm.Err())
			}
		}
	})
}

// The Fatal methods of a testing.T do that.
func TestAHookThatExitsEndsTheTimerAllTheSame(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			hook(t, func(*thread.Thread, *thread.PanicError) { runtime.Goexit() })
			tm := make(time.Second, explode)
			tm.Start()
			tm.Join()
			wantEnded(t, tm)
		})
	})
}

func TestEachRunIsAThreadOfTheTimersName(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, repeats bool) {
		for _, given := range []string{"given", ""} {
			synctest.Test(t, func(t *testing.T) {
				var runs []*thread.Thread
				outside := thread.Enumerate()
				tm := make(time.Second, func() {
					self := thread.Current()
					runs = append(runs, self)
					if !self.IsAlive() || self.Ident() == 0 {
						t.Errorf("in the run: %v", self)
					}
					if got := thread.Enumerate(); !slices.Equal(got, append(slices.Clone(outside), self)) {
						t.Errorf("in the run: threads %v", got)
					}
					if n := thread.ActiveCount(); n != len(outside)+1 {
						t.Errorf("in the run: ActiveCount() = %d, want %d", n, len(outside)+1)
					}
				}, thread.Name(given))
				none := func(when string) {
					t.Helper()
					if got := thread.Enumerate(); !slices.Equal(got, outside) || thread.ActiveCount() != len(outside) {
						t.Errorf("%s: %d threads, %v, want %v", when, thread.ActiveCount(), got, outside)
					}
				}
				tm.Start()
				none("while pending")
				want := 1
				if repeats {
					for range 3 {
						time.Sleep(time.Second + 1)
						none("between runs")
					}
					want = 3
					tm.Cancel()
				}
				tm.Join()
				none("after the end")
				if len(runs) != want {
					t.Fatalf("%d runs, want %d", len(runs), want)
				}
				name := given
				if given == "" {
					if name = runs[0].Name(); !strings.HasPrefix(name, "Thread-") {
						t.Errorf("the automatic name is %q", name)
					}
				}
				for i, run := range runs {
					if run.Name() != name || run.IsAlive() || run.Err() != nil {
						t.Errorf("run %d: %v, %v, want the name %q", i, run, run.Err(), name)
					}
					if slices.Contains(runs[:i], run) {
						t.Error("two runs are one Thread")
					}
				}
			})
		}
	})
}

func TestAutomaticNamesAreEachTimersOwn(t *testing.T) {
	names := map[string]bool{}
	for range 3 {
		tm := timer.New(0, func() { names[thread.Current().Name()] = true })
		tm.Start()
		tm.Join()
	}
	if len(names) != 3 {
		t.Errorf("3 timers are called %v", names)
	}
}

func TestTheRunIsADaemonIfTheTimersCreatorIsUnlessTheOptionSaysOtherwise(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		for _, c := range []struct {
			creator bool
			opts    []thread.Option
			want    bool
		}{
			{true, nil, true},
			{false, nil, false},
			{true, []thread.Option{thread.Daemon(false)}, false},
			{false, []thread.Option{thread.Daemon(true)}, true},
		} {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				var tm *timer.Timer
				thread.Go(func() {
					tm = make(time.Second, func() {
						if got := thread.Current().Daemon(); got != c.want {
							t.Errorf("run %d, creator %v, %d options: daemon %v", runs, c.creator, len(c.opts), got)
						}
						if runs++; runs == 3 {
							tm.Cancel()
						}
					}, c.opts...)
				}, thread.Daemon(c.creator)).Join()
				thread.Go(tm.Start, thread.Daemon(!c.creator)).Join() // who starts it does not matter
				tm.Join()
			})
		}
	})
}

func TestLocalValuesAreFreshInEachRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		local := thread.Local[int]{New: func() int { made++; return made }}
		runs := 0
		var tm *timer.Timer
		tm = timer.Every(time.Second, func() {
			runs++
			if _, ok := local.Lookup(); ok {
				t.Error("a value was there before the run")
			}
			if got := local.Get(); got != runs {
				t.Errorf("run %d got the value of %d", runs, got)
			}
			local.Set(-1)
			if runs == 3 {
				tm.Cancel()
			}
		})
		tm.Start()
		tm.Join()
		if made != 3 {
			t.Errorf("%d values were made in 3 runs", made)
		}
	})
}

func TestTheNameIsAProfileLabelDuringTheRun(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			tm := make(2*time.Second, func() { time.Sleep(time.Second) }, thread.Name("timer under test"))
			tm.Start()
			synctest.Wait()
			wantLabelled(t, "while pending", 0)
			time.Sleep(2*time.Second + 1)
			synctest.Wait()
			wantLabelled(t, "during the run", 1)
			time.Sleep(time.Second)
			synctest.Wait()
			wantLabelled(t, "after the run", 0)
			tm.Cancel()
			tm.Join()
		})
	})
}

func wantLabelled(t *testing.T, when string, want int) {
	t.Helper()
	var profile strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(profile.String(), `{"thread":"timer under test"}`); got != want {
		t.Errorf("%s the name is the label of %d goroutines, want %d, in:\n%s", when, got, want, profile.String())
	}
}

// Start synchronizes before the run, and the run before whatever reports its end: the race detector is the judge.
func TestStartSynchronizesBeforeTheRunAndTheRunBeforeItsReports(t *testing.T) {
	reports := append(slices.Clone(waits), struct {
		name string
		wait func(*timer.Timer)
	}{"IsAlive", func(tm *timer.Timer) {
		for tm.IsAlive() {
			runtime.Gosched()
		}
	}}, struct {
		name string
		wait func(*timer.Timer)
	}{"JoinTimeout(0)", func(tm *timer.Timer) {
		for !tm.JoinTimeout(0) {
			runtime.Gosched()
		}
	}})
	hook(t, func(*thread.Thread, *thread.PanicError) {})
	for _, report := range reports {
		t.Run(report.name, func(t *testing.T) {
			for _, ends := range map[string]func(){"return": nop, "panic": explode, "Goexit": runtime.Goexit} {
				for range rounds(1000) {
					value := 0
					tm := timer.New(1, func() {
						defer func() { value++ }()
						value++
						ends()
					})
					value = 1
					tm.Start()
					report.wait(tm)
					if value != 3 {
						t.Fatalf("value = %d, want 3", value)
					}
				}
			}
		})
	}
}

func TestResetSynchronizesBeforeTheRun(t *testing.T) {
	for range rounds(10_000) {
		value := 0
		tm := timer.New(time.Hour, func() { value++ })
		tm.Start()
		value = 1
		tm.Reset(1)
		tm.Join()
		if value != 2 {
			t.Fatalf("value = %d, want 2", value)
		}
	}
}

func TestEachRunSynchronizesBeforeTheNext(t *testing.T) {
	runs, want := 0, rounds(20_000)
	var tm *timer.Timer
	tm = timer.Every(1, func() {
		if runs++; runs == want {
			tm.Cancel()
		}
	})
	tm.Start()
	tm.Join()
	if runs != want {
		t.Errorf("%d runs, want %d", runs, want)
	}
}

// W20: a pending Timer costs memory and nothing else.
func TestAHundredThousandPendingTimersHaveNoGoroutine(t *testing.T) {
	const n = 100_000
	timers := make([]*timer.Timer, n)
	before, alive := runtime.NumGoroutine(), thread.ActiveCount()
	heap := heapInUse()
	for i := range timers {
		if i%2 == 0 {
			timers[i] = timer.New(time.Hour, nop, thread.Daemon(i%4 == 0))
		} else {
			timers[i] = timer.Every(time.Hour, nop, thread.Daemon(i%4 == 1))
		}
		timers[i].Start()
	}
	each := (heapInUse() - heap) / n
	t.Logf("%d bytes for each", each)
	if each > 600 {
		t.Errorf("a pending Timer costs %d bytes, want half a kilobyte or so", each)
	}
	if after := runtime.NumGoroutine(); after > before+20 { // the runtime has some of its own
		t.Errorf("%d goroutines with %d pending timers, and %d before", after, n, before)
	}
	if threads := thread.ActiveCount(); threads > alive {
		t.Errorf("%d threads with %d pending timers, and %d before", threads, n, alive)
	}
	for _, tm := range timers {
		if !tm.Cancel() {
			t.Fatal("Cancel() = false of a pending Timer")
		}
	}
	for _, tm := range timers {
		wantEnded(t, tm)
	}
	thread.Main(nop) // waits for none of them
}

func heapInUse() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one only found to be unreachable
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// What a Timer captured goes when the Timer goes: neither the runtime nor Main's list of what to wait for keeps it.
func TestAnEndedTimerIsGarbage(t *testing.T) {
	for name, end := range map[string]func(*timer.Timer){
		"cancelled":              func(tm *timer.Timer) { tm.Start(); tm.Cancel() },
		"cancelled before Start": func(tm *timer.Timer) { tm.Cancel(); tm.Start() },
		"ran":                    func(tm *timer.Timer) { tm.Start(); tm.Reset(0); tm.Join() },
	} {
		t.Run(name, func(t *testing.T) {
			collected := make(chan struct{})
			func() {
				captured := new([1024]byte)
				runtime.AddCleanup(captured, func(struct{}) { close(collected) }, struct{}{})
				end(timer.New(time.Hour, func() { captured[0]++ }, thread.Daemon(false)))
			}()
			if !proof.Collect(func() bool { return closed(collected) }) {
				t.Error("still kept after 100 collections")
			}
		})
	}
}

// What asks and polls does not allocate, nor does a Cancel.
func TestAllocations(t *testing.T) {
	pending, ended := timer.New(time.Hour, nop), timer.New(0, nop)
	pending.Start()
	ended.Start()
	ended.Join()
	ctx := t.Context()
	for name, f := range map[string]func(){
		"IsAlive":                   func() { pending.IsAlive() },
		"JoinTimeout(0)":            func() { pending.JoinTimeout(0) },
		"Join after the end":        ended.Join,
		"JoinTimeout after the end": func() { ended.JoinTimeout(time.Hour) },
		"JoinContext after the end": func() { _ = ended.JoinContext(ctx) },
		"Cancel after the end":      func() { ended.Cancel() },
		"Reset after the end":       func() { ended.Reset(0) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	if !pending.Cancel() {
		t.Error("Cancel() = false of a pending Timer")
	}
	timers := make([]*timer.Timer, 101)
	for i := range timers {
		timers[i] = timer.New(time.Hour, nop)
		timers[i].Start()
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() { timers[i].Cancel(); i++ }); n != 0 {
		t.Errorf("Cancel allocates %v times", n)
	}
}
