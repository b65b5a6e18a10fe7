package sched_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/sched"
)

// Every form waits durably, in the sense of testing/synctest, and each function is called at its time exactly.
func TestEachFunctionIsCalledAtItsTime(t *testing.T) {
	for _, form := range patient() {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					s     sched.Scheduler
					start = time.Now()
					calls int
				)
				for _, d := range []time.Duration{century, 1, time.Hour, time.Second, time.Second + 1, 0, -time.Second} {
					e := s.Enter(d, 0, func() {
						calls++
						if at := time.Since(start); at != max(d, 0) {
							t.Errorf("called after %v, want %v", at, d)
						}
					})
					if !e.Time().Equal(start.Add(d)) {
						t.Errorf("Time is %v, want %v", e.Time(), start.Add(d))
					}
				}
				if !form.run(&s) || calls != 7 || time.Since(start) != century {
					t.Errorf("%d calls after %v", calls, time.Since(start))
				}
			})
		})
	}
}

func TestTryRunCallsWhatIsDueAndTellsWhenTheNextIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s sched.Scheduler
			r record
		)
		try := func(wantNext time.Duration, wantPending bool, calls ...string) {
			t.Helper()
			r = nil
			start := time.Now()
			next, pending := s.TryRun()
			if next != wantNext || pending != wantPending {
				t.Errorf("TryRun returned %v, %v, want %v, %v", next, pending, wantNext, wantPending)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("TryRun waited for %v", waited)
			}
			r.want(t, calls...)
		}
		try(0, false)
		s.Enter(time.Hour, 0, r.note("hour"))
		s.Enter(time.Minute, 0, r.note("minute"))
		s.Enter(0, 0, func() { r.note("now")(); s.Enter(0, 0, r.note("now, too")) })
		try(time.Minute, true, "now", "now, too")
		time.Sleep(time.Minute - 1)
		try(1, true)
		time.Sleep(time.Nanosecond)
		try(59*time.Minute, true, "minute")
		time.Sleep(time.Hour)
		try(0, false, "hour")
	})
	// What becomes due while a function runs is called, too.
	synctest.Test(t, func(t *testing.T) {
		var (
			s sched.Scheduler
			r record
		)
		s.Enter(0, 0, func() { r.note("long")(); time.Sleep(time.Minute) })
		s.Enter(time.Minute, 0, r.note("due by then"))
		s.Enter(time.Minute+1, 0, r.note("later"))
		if next, pending := s.TryRun(); next != 1 || !pending {
			t.Errorf("TryRun returned %v, %v", next, pending)
		}
		r.want(t, "long", "due by then")
	})
}

// A limit counts between functions: one that has begun is finished, and nothing begins when time is over, not even what
// is due at that very instant. Nothing left is success, also then.
func TestNothingBeginsWhenTimeIsOver(t *testing.T) {
	for _, limit := range impatient() {
		serves := limit.name == "Serve"
		for _, c := range []struct {
			name  string
			enter func(s *sched.Scheduler, r *record)
			took  time.Duration
			empty bool
			calls []string
		}{
			{"asleep", func(s *sched.Scheduler, r *record) {
				s.Enter(9*time.Second, 0, r.note("before"))
				s.Enter(11*time.Second, 0, r.note("after"))
			}, 10 * time.Second, false, []string{"before"}},
			{"a nanosecond before", func(s *sched.Scheduler, r *record) {
				s.Enter(10*time.Second-1, 0, r.note("before"))
				s.Enter(century, 0, r.note("after"))
			}, 10 * time.Second, false, []string{"before"}},
			{"in a function", func(s *sched.Scheduler, r *record) {
				s.Enter(5*time.Second, 0, func() { r.note("long")(); time.Sleep(time.Minute) })
				s.Enter(6*time.Second, 0, r.note("due"))
			}, 65 * time.Second, false, []string{"long"}},
			{"in the last function", func(s *sched.Scheduler, r *record) {
				s.Enter(5*time.Second, 0, func() { r.note("long")(); time.Sleep(time.Minute) })
			}, 65 * time.Second, true, []string{"long"}},
			{"all are called", func(s *sched.Scheduler, r *record) {
				s.Enter(5*time.Second, 0, r.note("first"))
				s.Enter(9*time.Second, 0, r.note("second"))
			}, 9 * time.Second, true, []string{"first", "second"}},
			{"cancelled", func(s *sched.Scheduler, r *record) {
				e := s.Enter(century, 0, r.note("never"))
				time.AfterFunc(time.Second, func() { s.Cancel(e) })
			}, time.Second, true, nil},
		} {
			t.Run(limit.name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var (
						s     sched.Scheduler
						r     record
						start = time.Now()
					)
					c.enter(&s, &r)
					empty, took := c.empty, c.took
					if serves { // until its time is over
						empty, took = false, max(took, 10*time.Second)
					}
					if got := limit.run(&s, 10*time.Second); got != empty || time.Since(start) != took {
						t.Errorf("returned %v after %v, want %v after %v", got, time.Since(start), empty, took)
					}
					r.want(t, c.calls...)
				})
			})
		}
	}
	// Due at that very instant.
	for _, limit := range impatient()[:1] { // of a context, nobody knows which timer fires first
		synctest.Test(t, func(t *testing.T) {
			var s sched.Scheduler
			s.Enter(10*time.Second, 0, func() { t.Error("called when the time was over") })
			if limit.run(&s, 10*time.Second) || s.Len() != 1 {
				t.Error("nothing is left")
			}
		})
	}
}

// Whoever sleeps until an Event wakes for one that comes before it, and for the cancelling of the last.
func TestRunIsWoken(t *testing.T) {
	forms := patient()
	for _, limit := range impatient() {
		forms = append(forms, form{limit.name, func(s *sched.Scheduler) bool { return limit.run(s, 2*time.Hour) }})
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					s     sched.Scheduler
					r     record
					start = time.Now()
					wg    sync.WaitGroup
				)
				note := func(name string, at time.Duration) func() {
					return func() {
						r.note(name)()
						if got := time.Since(start); got != at {
							t.Errorf("%s was called after %v, want %v", name, got, at)
						}
					}
				}
				hour := s.Enter(time.Hour, 0, note("hour", time.Hour))
				wg.Go(func() {
					time.Sleep(time.Second)
					s.Enter(10*time.Second, 0, note("11 s", 11*time.Second))
					synctest.Wait()
					s.Enter(5*time.Second, 0, note("6 s", 6*time.Second))
					synctest.Wait()
					s.Enter(7*time.Second, 0, note("8 s", 8*time.Second))
					s.Enter(-1, 0, note("1 s", time.Second))
					s.Enter(-2, 0, note("1 s, before", time.Second))
					time.Sleep(8 * time.Second)
					e := s.Enter(time.Second, 0, note("never", 0)) // the next, for a moment
					synctest.Wait()
					s.Cancel(e)
					time.Sleep(20 * time.Second)
					s.Cancel(hour) // nothing is left
				})
				empty := form.run(&s)
				if form.name == "Serve" {
					if empty || time.Since(start) != 2*time.Hour {
						t.Errorf("Serve returned %v after %v", empty, time.Since(start))
					}
				} else if !empty || time.Since(start) != 29*time.Second {
					t.Errorf("returned %v after %v", empty, time.Since(start))
				}
				wg.Wait()
				r.want(t, "1 s, before", "1 s", "6 s", "8 s", "11 s")
			})
		})
	}
}

func TestServeWaitsForWhatIsEnteredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s     sched.Scheduler
			r     record
			start = time.Now()
			wg    sync.WaitGroup
		)
		ctx, cancel := context.WithCancelCause(context.Background())
		wg.Go(func() {
			if err := s.Serve(ctx); err != errCause {
				t.Errorf("Serve returned %v, want the cause", err)
			}
		})
		for i := range 5 {
			time.Sleep(time.Hour)
			synctest.Wait()
			r = nil
			s.Enter(time.Minute, 0, r.note("second"))
			s.Enter(time.Second, 0, r.note("first"))
			e := s.Enter(0, 0, func() { s.Enter(time.Second, 1, r.note("entered by one")) })
			if i%2 == 0 {
				s.Cancel(e)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if i%2 == 0 {
				r.want(t, "first", "second")
			} else {
				r.want(t, "first", "entered by one", "second")
			}
		}
		if time.Since(start) != 10*time.Hour {
			t.Error("time has passed elsewhere")
		}
		cancel(errCause)
		wg.Wait()
	})
}

// Time that is over for one run is not over for the next: nothing of a run is left.
func TestOneRunAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			s     sched.Scheduler
			calls int
			start = time.Now()
		)
		for i := range 100 {
			s.Enter(time.Duration(i)*time.Second+time.Second/2, 0, func() { calls++ })
		}
		limits := impatient()
		for i := range 100 {
			if limits[i%len(limits)].run(&s, time.Second) != (i == 99 && i%len(limits) != 3) || calls != i+1 {
				t.Fatalf("after run %d: %d calls", i, calls)
			}
		}
		if took := time.Since(start); took != 100*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

var packageLevel sched.Scheduler

// Nothing that was made in a bubble, a channel or a timer, may be used outside of it, or in another.
func TestAPackageLevelSchedulerWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	phase := func(t *testing.T) {
		s, calls := &packageLevel, 0
		for _, form := range patient() {
			for i := range 3 {
				s.Enter(time.Duration(i)*time.Millisecond, 0, func() { calls++ })
			}
			e := s.Enter(century, 0, func() {})
			go func() {
				for s.Len() != 1 {
					time.Sleep(time.Millisecond)
				}
				s.Enter(time.Millisecond, 0, func() { calls++; s.Cancel(e) })
			}()
			if !form.run(s) {
				t.Errorf("%s: something is left", form.name)
			}
		}
		for _, limit := range impatient() {
			e := s.Enter(century, 0, func() {})
			if limit.run(s, time.Millisecond) {
				t.Errorf("%s: nothing is left", limit.name)
			}
			s.Cancel(e)
		}
		if want := 4 * len(patient()); calls != want {
			t.Errorf("%d calls, want %d", calls, want)
		}
	}
	for i := range 3 {
		t.Run(fmt.Sprint("outside ", i), phase)
		for _, bubble := range []string{"one bubble ", "another "} {
			t.Run(fmt.Sprint(bubble, i), func(t *testing.T) { synctest.Test(t, phase) })
		}
	}
}

// Calls that do not wait may be made inside a bubble and outside of it at the same moment.
func TestInsideAndOutsideOfABubbleAtOnce(t *testing.T) {
	var (
		s       sched.Scheduler
		stop    = make(chan bool)
		stopped = make(chan bool)
	)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				s.Cancel(s.Enter(time.Hour, 0, func() {}))
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		for range rounds(1_000_000) {
			s.Len()
			s.Cancel(s.Enter(time.Hour, 0, func() {}))
		}
	})
	close(stop)
	<-stopped
	runtime.KeepAlive(&s)
}
