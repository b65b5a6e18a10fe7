package sched_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/sched"
)

func TestTheZeroSchedulerHasNothingToDo(t *testing.T) {
	for _, form := range all() {
		var s sched.Scheduler
		if !form.run(&s) || s.Len() != 0 || len(s.Events()) != 0 {
			t.Errorf("%s: something is left of nothing", form.name)
		}
	}
}

// Time first, then priority, then entry: each order of entering six Events, of which each two differ in one of them only.
func TestTheOrderIsTimeThenPriorityThenEntry(t *testing.T) {
	type entry struct {
		d        time.Duration
		priority int
	}
	entries := []entry{{1, 5}, {2, math.MinInt}, {2, -1}, {2, 0}, {2, math.MaxInt}, {3, -7}}
	var permute func(chosen, left []int)
	check := func(order []int) {
		synctest.Test(t, func(t *testing.T) {
			var (
				s     sched.Scheduler
				r     record
				begin = time.Now()
			)
			for _, i := range order {
				for range 2 { // equals are served in order of entry
					e := entries[i]
					if e.priority == 0 {
						s.EnterAt(begin.Add(e.d), e.priority, r.note(fmt.Sprint(i)))
					} else {
						s.Enter(e.d, e.priority, r.note(fmt.Sprint(i)))
					}
				}
			}
			for i, e := range s.Events() {
				if want := entries[i/2]; e.Priority() != want.priority || e.Time().Sub(begin) != want.d {
					t.Errorf("Event %d is due at %v with priority %d", i, e.Time().Sub(begin), e.Priority())
				}
			}
			s.Run()
			r.want(t, "0", "0", "1", "1", "2", "2", "3", "3", "4", "4", "5", "5")
		})
	}
	permute = func(chosen, left []int) {
		if len(left) == 0 {
			check(chosen)
		}
		for i := range left {
			permute(append(slices.Clone(chosen), left[i]), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	permute(nil, []int{0, 1, 2, 3, 4, 5})
}

func TestEqualsAreServedInOrderOfEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s   sched.Scheduler
			got []int
		)
		for i := range 1000 {
			s.Enter(time.Second, 7, func() { got = append(got, i) })
		}
		s.Run()
		if len(got) != 1000 || !slices.IsSorted(got) {
			t.Errorf("called %v", got)
		}
	})
}

// Outside a bubble a Time may have a monotonic reading or not. Two Times that are equal are served by priority, although
// the clocks are read again for each.
func TestEqualTimesAreEqualWheneverTheyAreEntered(t *testing.T) {
	for name, at := range map[string]func(time.Time) time.Time{
		"monotonic": func(t time.Time) time.Time { return t },
		"wall":      func(t time.Time) time.Time { return t.Round(0) },
		"elsewhere": func(t time.Time) time.Time { return t.In(time.FixedZone("elsewhere", 3600)).Round(0) },
	} {
		for _, d := range []time.Duration{-time.Hour, 0, time.Millisecond} {
			var (
				s    sched.Scheduler
				got  []int
				when = at(time.Now().Add(d))
			)
			for i := 1000; i > 0; i-- {
				if e := s.EnterAt(when, i, func() { got = append(got, i) }); !e.Time().Equal(when) {
					t.Fatalf("%s: Time is %v, want %v", name, e.Time(), when)
				}
			}
			s.Run()
			if len(got) != 1000 || !slices.IsSorted(got) {
				t.Errorf("%s, %v: equal times were served in order %v …", name, d, got[:10])
			}
		}
	}
}

func TestTimesOfBothKindsAreOrdered(t *testing.T) {
	var (
		s   sched.Scheduler
		r   record
		now = time.Now()
	)
	s.EnterAt(now.Add(30*time.Millisecond), 0, r.note("30"))
	s.EnterAt(now.Add(20*time.Millisecond).Round(0), 0, r.note("20"))
	s.Enter(-10*time.Millisecond, 0, r.note("-10"))
	s.EnterAt(now.Add(10*time.Millisecond).UTC(), 0, r.note("10"))
	s.EnterAt(now.Add(-20*time.Millisecond).Round(0), 0, r.note("-20"))
	s.EnterAt(time.Time{}, 0, r.note("the year 1"))
	s.EnterAt(time.Date(1970, 1, 1, 0, 0, 0, 2, time.UTC), 0, r.note("1970, 2"))
	s.EnterAt(time.Date(1970, 1, 1, 0, 0, 0, 1, time.UTC), 0, r.note("1970, 1"))
	s.Run()
	r.want(t, "the year 1", "1970, 1", "1970, 2", "-20", "-10", "10", "20", "30")
}

// No delay and no Time that can be passed comes too early or is lost.
func TestNothingOverflows(t *testing.T) {
	ages := []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2, 200 * 365 * 24 * time.Hour}
	check := func(t *testing.T) {
		var (
			s sched.Scheduler
			r record
		)
		for _, d := range ages {
			s.Enter(d, 0, r.note("far off"))
			s.Enter(-d, 0, r.note("long ago"))
			s.EnterAt(time.Now().Add(d), 0, r.note("far off"))
			s.EnterAt(time.Now().Add(-d), 0, r.note("long ago"))
		}
		s.Enter(math.MinInt64, 0, r.note("long ago"))
		s.EnterAt(time.Date(-1000000, 1, 1, 0, 0, 0, 0, time.UTC), 0, r.note("long ago"))
		s.EnterAt(time.Date(+1000000, 1, 1, 0, 0, 0, 0, time.UTC), 0, r.note("far off"))
		next, pending := s.TryRun()
		if len(r) != 2*len(ages)+2 || slices.Contains(r, "far off") || s.Len() != 2*len(ages)+1 {
			t.Errorf("called %q, %d are left", []string(r), s.Len())
		}
		if !pending || next < 190*365*24*time.Hour/2 {
			t.Errorf("the next is due in %v: %v", next, pending)
		}
	}
	check(t)
	synctest.Test(t, check)
}

func TestCancelIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s, other sched.Scheduler
			r        record
			events   []*sched.Event
		)
		for i := range 10 {
			events = append(events, s.Enter(time.Second, i%3, r.note(fmt.Sprint(i))))
		}
		if other.Cancel(events[0]) || s.Cancel(nil) || s.Cancel(new(sched.Event)) || s.Len() != 10 {
			t.Error("cancelled what is not there")
		}
		for _, i := range []int{9, 0, 5} {
			if !s.Cancel(events[i]) || s.Cancel(events[i]) {
				t.Errorf("Cancel of Event %d", i)
			}
		}
		if s.Len() != 7 || slices.Contains(s.Events(), events[5]) {
			t.Error("a cancelled Event is still there")
		}
		s.Run()
		r.want(t, "3", "6", "1", "4", "7", "2", "8")
		for i, e := range events {
			if s.Cancel(e) {
				t.Errorf("Event %d was cancelled after its end", i)
			}
		}
	})
}

// A function may enter, cancel, look, and be told that it has begun.
func TestFunctionsUseTheSchedulerThatCallsThem(t *testing.T) {
	for _, form := range patient() {
		synctest.Test(t, func(t *testing.T) {
			var (
				s     sched.Scheduler
				r     record
				begin = time.Now()
				first *sched.Event
			)
			later := s.Enter(2*time.Second, 0, r.note("cancelled"))
			same := s.Enter(time.Second, 9, r.note("cancelled"))
			first = s.Enter(time.Second, 0, func() {
				r.note("first")()
				if s.Cancel(first) {
					t.Error("Cancel of a function that has begun")
				}
				if !s.Cancel(later) || !s.Cancel(same) || s.Len() != 0 || len(s.Events()) != 0 {
					t.Error("Cancel of those that are due or not")
				}
				s.Enter(time.Second, 0, r.note("in a second"))
				s.Enter(0, 1, r.note("behind"))
				s.Enter(0, 0, r.note("at once"))
				s.EnterAt(begin, 5, r.note("overdue"))
				if s.Len() != 4 {
					t.Errorf("%d are pending", s.Len())
				}
			})
			if !form.run(&s) {
				t.Error("something is left")
			}
			r.want(t, "first", "overdue", "at once", "behind", "in a second")
			if took := time.Since(begin); took != 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// What becomes due while a function runs is served in its order, not in that of becoming due.
func TestWhatBecomesDueMeanwhileIsServedInItsOrder(t *testing.T) {
	for _, form := range patient() {
		synctest.Test(t, func(t *testing.T) {
			var (
				s sched.Scheduler
				r record
			)
			s.Enter(time.Second, 0, func() { r.note("long")(); time.Sleep(time.Minute) })
			for _, p := range []int{3, 1, 2} {
				s.Enter(10*time.Second, p, r.note(fmt.Sprint("10 s, ", p)))
				s.Enter(5*time.Second, p, r.note(fmt.Sprint("5 s, ", p)))
			}
			form.run(&s)
			r.want(t, "long", "5 s, 1", "5 s, 2", "5 s, 3", "10 s, 1", "10 s, 2", "10 s, 3")
		})
	}
}

func TestAPanicOrGoexitEndsTheRunAndNothingElse(t *testing.T) {
	check := func(t *testing.T, form form, d time.Duration) {
		var (
			s sched.Scheduler
			r record
		)
		s.Enter(d, 1, func() { r.note("panics")(); panic(errCause) })
		s.Enter(d, 2, func() { r.note("exits")(); runtime.Goexit() })
		s.Enter(d, 3, r.note("goes on"))
		if p := proof.Recovered(func() { form.run(&s) }); p != errCause {
			t.Errorf("%s panicked with %v", form.name, p)
		}
		returned, done := false, make(chan bool)
		go func() {
			defer close(done)
			form.run(&s)
			returned = true
		}()
		<-done
		if returned {
			t.Errorf("%s returned although the function called Goexit", form.name)
		}
		if s.Len() != 1 {
			t.Errorf("%s: %d are left, want 1", form.name, s.Len())
		}
		s.Run()
		r.want(t, "panics", "exits", "goes on")
	}
	for _, form := range all() {
		synctest.Test(t, func(t *testing.T) { check(t, form, 0) })
	}
	waiting := patient()
	for _, limit := range impatient() {
		waiting = append(waiting, form{limit.name, func(s *sched.Scheduler) bool { return limit.run(s, time.Hour) }})
	}
	for _, form := range waiting {
		synctest.Test(t, func(t *testing.T) { check(t, form, time.Minute) })
	}
}

func TestOnlyOneRunsIt(t *testing.T) {
	runs := func(s *sched.Scheduler) map[string]func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return map[string]func(){
			"Run":                       s.Run,
			"TryRun":                    func() { s.TryRun() },
			"RunTimeout":                func() { s.RunTimeout(time.Second) },
			"RunTimeout of nothing":     func() { s.RunTimeout(0) },
			"RunContext":                func() { _ = s.RunContext(context.Background()) },
			"RunContext, ended":         func() { _ = s.RunContext(ended) },
			"Serve":                     func() { _ = s.Serve(context.Background()) },
			"Serve, ended":              func() { _ = s.Serve(ended) },
			"Run by a function's child": func() { s.Run() },
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var s sched.Scheduler
		refused := func(where string) {
			for name, run := range runs(&s) {
				if p := proof.Recovered(run); p != sched.ErrRunning {
					t.Errorf("%s %s panicked with %v, want ErrRunning", name, where, p)
				}
			}
		}
		ran := 0
		s.Enter(0, 0, func() { ran++; refused("in a function") })
		s.Enter(time.Hour, 0, func() { ran++ })
		go func() {
			time.Sleep(time.Minute)
			refused("while it sleeps")
			if s.Len() != 1 {
				t.Error("misuse changed something")
			}
		}()
		s.Run()
		if ran != 2 {
			t.Errorf("%d functions were called, want 2", ran)
		}
		s.Run()
	})
}

func TestANilFunctionPanicsAtOnce(t *testing.T) {
	var s sched.Scheduler
	for _, enter := range []func(){func() { s.Enter(0, 0, nil) }, func() { s.EnterAt(time.Now(), 0, nil) }} {
		if p := proof.Recovered(enter); p == nil {
			t.Error("a nil function was entered")
		}
	}
	if s.Len() != 0 {
		t.Error("something was entered")
	}
	s.Run()
}

func TestAnEndedContextRunsNothing(t *testing.T) {
	for name, ended := range proof.EndedContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			ctx, want := ended(t)
			var s sched.Scheduler
			for range 2 { // with nothing left, and with something
				if err := s.RunContext(ctx); err != want {
					t.Errorf("RunContext returned %v, want %v", err, want)
				}
				if err := s.Serve(ctx); err != want {
					t.Errorf("Serve returned %v, want %v", err, want)
				}
				s.Enter(0, 0, func() { t.Error("a function was called") })
			}
			if s.Len() != 2 {
				t.Errorf("%d are left, want 2", s.Len())
			}
		})
	}
}

func TestAContextThatEndsMeanwhileReturnsItsCause(t *testing.T) {
	for name, c := range proof.EndingContexts(errCause) {
		for _, when := range []string{"idle", "asleep", "in a function"} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var s sched.Scheduler
					ctx, end := c.New()
					run := s.RunContext
					switch when {
					case "idle":
						run = s.Serve
					case "in a function":
						s.Enter(0, 0, func() { end(); synctest.Wait() })
						s.Enter(0, 1, func() { t.Error("a function was called after the end") })
					default:
						s.Enter(time.Hour, 0, func() { t.Error("a function was called after the end") })
					}
					if when != "in a function" {
						var wg sync.WaitGroup
						defer wg.Wait()
						wg.Go(end)
					}
					if err := run(ctx); !errors.Is(err, c.Want) || ctx.Err() != nil && err != context.Cause(ctx) {
						t.Errorf("returned %v, want %v", err, c.Want)
					}
				})
			})
		}
	}
}

// A context that is over although its Err says nothing.
type silent struct{ context.Context }

func (silent) Done() <-chan struct{} {
	over := make(chan struct{})
	close(over)
	return over
}

func TestASilentContextIsAnErrorToo(t *testing.T) {
	var s sched.Scheduler
	s.Enter(0, 0, func() { t.Error("a function was called") })
	for _, run := range []func(context.Context) error{s.RunContext, s.Serve} {
		if err := run(silent{context.Background()}); err != context.Canceled {
			t.Errorf("returned %v", err)
		}
	}
}

func TestAContextThatPanicsLeavesTheSchedulerAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sched.Scheduler
		s.Enter(time.Hour, 0, func() {})
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = s.RunContext(ctx) }, s.Run)
	})
}

func TestSchedulingAllocatesTheEventAndSleepingNothingMore(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector makes sync.Pool forget what it was given")
	}
	var s sched.Scheduler
	ran := 0
	fn := func() { ran++ }
	for range 100 {
		s.Enter(time.Hour, 0, fn)
	}
	for _, c := range []struct {
		name   string
		budget float64
		do     func()
	}{
		{"Enter and TryRun", 1, func() { s.Enter(0, 0, fn); s.TryRun() }},
		{"EnterAt and TryRun", 1, func() { s.EnterAt(time.Time{}, 0, fn); s.TryRun() }},
		{"Enter and Cancel", 1, func() { s.Cancel(s.Enter(0, 0, fn)) }},
		{"TryRun of nothing", 0, func() { s.TryRun() }},
		{"Len", 0, func() { s.Len() }},
		{"RunContext of an ended one", 0, func() { _ = s.RunContext(ended) }},
	} {
		if got := testing.AllocsPerRun(1000, c.do); got > c.budget {
			t.Errorf("%s: %v allocations, the budget is %v", c.name, got, c.budget)
		}
	}
	if ran == 0 {
		t.Error("nothing was called")
	}
	// Ten functions at ten times: one timer and what it calls, and ten Events.
	var ten sched.Scheduler
	if got := testing.AllocsPerRun(10, func() {
		for i := range 10 {
			ten.Enter(time.Duration(i)*100*time.Microsecond, 0, fn)
		}
		ten.Run()
	}); got > 14 {
		t.Errorf("%v allocations for ten sleeps", got)
	}
}

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Neither the Scheduler nor anything else keeps what a function refers to, once it was called or cancelled, nor does an
// Event that the program keeps.
func TestNothingKeepsAFunctionAlive(t *testing.T) {
	defer proof.Watch(t)()
	var s sched.Scheduler
	s.Enter(time.Hour, 0, func() {})
	enter := func() (weak.Pointer[[100]int], *sched.Event) {
		big := new([100]int)
		return weak.Make(big), s.Enter(0, 0, func() { big[0]++ })
	}
	called, first := enter()
	s.TryRun()
	cancelled, second := enter()
	s.Cancel(second)
	if !proof.Collected(called) || !proof.Collected(cancelled) {
		t.Error("a function is kept although it will not be called any more")
	}
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
}

func TestNothingKeepsASchedulerAlive(t *testing.T) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[sched.Scheduler] {
		s := new(sched.Scheduler)
		for i := range 20 {
			s.Enter(time.Duration(i)*10*time.Microsecond, 0, func() {})
		}
		s.RunTimeout(50 * time.Microsecond)
		_ = s.RunContext(live)
		s.Enter(time.Hour, 0, func() {})
		s.RunTimeout(time.Microsecond)
		ctx, cancel := context.WithTimeout(live, time.Millisecond) // while the timer is set to an hour
		defer cancel()
		_ = s.RunContext(ctx)
		return weak.Make(s)
	}
	if !proof.Collected(use()) {
		t.Error("something keeps a Scheduler alive that nobody uses any more")
	}
}

// What is written before Enter is seen by the function, and what one function writes by the next. The race detector
// judges.
func TestEnterPublishesPlainData(t *testing.T) {
	defer proof.Watch(t)()
	var (
		s    sched.Scheduler
		sum  int
		wg   sync.WaitGroup
		data [8]int
	)
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { _ = s.Serve(ctx) })
	var entered sync.WaitGroup
	for i := range data {
		entered.Go(func() {
			for range 100 {
				done := make(chan struct{})
				data[i]++
				s.Enter(time.Duration(rand.IntN(1000)), 0, func() { sum += data[i]; close(done) })
				<-done
			}
		})
	}
	entered.Wait()
	cancel()
	wg.Wait()
	if sum != 8*100*101/2 {
		t.Errorf("the sum is %d", sum)
	}
}
