package waitgroup_test

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

func TestNobodyWaitsForACountOfZero(t *testing.T) {
	for _, form := range all(time.Second) {
		synctest.Test(t, func(t *testing.T) {
			var w waitgroup.WaitGroup
			start := time.Now()
			for range 3 {
				if !form.wait(&w) || w.Count() != 0 || !isClosed(w.C()) {
					t.Errorf("%s: the count is not 0", form.name)
				}
				w.Add(2)
				w.Add(0)
				w.Add(-2)
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("%s waited for %v", form.name, waited)
			}
		})
	}
}

func TestAddCounts(t *testing.T) {
	var w waitgroup.WaitGroup
	count := 0
	for _, n := range []int{1, 5, -1, 0, 3, -7, 1, -1, 1000, -1000} {
		w.Add(n)
		count += n
		if w.Count() != count || isClosed(w.C()) || w.WaitTimeout(0) || w.WaitTimeout(math.MinInt64) || w.WaitTimeout(-1) {
			t.Errorf("Count is %d, want %d", w.Count(), count)
		}
	}
	w.Done()
	if w.Count() != 0 || !isClosed(w.C()) || !w.WaitTimeout(0) || !w.WaitTimeout(math.MinInt64) {
		t.Errorf("Count is %d, want 0", w.Count())
	}
}

// Misuse changes nothing, whether somebody waits or not.
func TestACountOutOfRangePanicsAndChangesNothing(t *testing.T) {
	for _, awaited := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			for _, count := range []int{0, 1, 7, math.MaxInt - 1, math.MaxInt} {
				var (
					w  waitgroup.WaitGroup
					wg sync.WaitGroup
				)
				w.Add(count)
				var c <-chan struct{}
				if awaited {
					wg.Go(w.Wait)
					synctest.Wait()
					c = w.C()
				}
				for _, n := range []int{-count - 1, math.MinInt, math.MaxInt - count + 1, math.MaxInt} {
					// Some of them are in range for some counts: -MaxInt-1 is MinInt, and MaxInt-0+1 is, too.
					if sum := count + n; sum >= 0 && (n <= 0 || sum >= count) {
						continue
					}
					wantNegative(t, "Add", func() { w.Add(n) })
				}
				if count == 0 {
					wantNegative(t, "Done", w.Done)
				}
				if w.Count() != count || awaited && count > 0 && (isClosed(c) || w.Listed() != 1) {
					t.Errorf("Count is %d, want %d", w.Count(), count)
				}
				w.Add(-count)
				wg.Wait()
				if w.Count() != 0 || awaited && !isClosed(c) {
					t.Error("the round does not end after misuse")
				}
				wantNegative(t, "Done", w.Done)
			}
		})
	}
	var w waitgroup.WaitGroup
	w.Add(3)
	err, _ := proof.Recovered(func() { w.Add(-5) }).(error)
	if text := err.Error(); !strings.Contains(text, "Add(-5)") || !strings.Contains(text, "to 3") {
		t.Errorf("the panic says %q", text)
	}
}

// A new round begins while those who waited for the old one are on their way: each of them is released by the old one.
func TestANewRoundDoesNotHoldUpThoseOfTheOld(t *testing.T) {
	for _, processors := range []int{1, 4} {
		proof.Processors(t, processors)
		for _, form := range all(time.Hour) {
			synctest.Test(t, func(t *testing.T) {
				var (
					w        waitgroup.WaitGroup
					released [4]atomic.Int32
					start    = time.Now()
					all      sync.WaitGroup
				)
				w.Add(1)
				for round := range released {
					for range 3 {
						all.Go(func() {
							if form.wait(&w) {
								released[round].Add(1)
							}
						})
					}
					synctest.Wait()
					c := w.C()
					if n := released[round].Load(); n != 0 || isClosed(c) {
						t.Errorf("%s: %d were released in round %d", form.name, n, round)
					}
					w.Add(2)
					w.Add(-3)
					w.Add(1) // with hardly a moment to see it at 0
					if !isClosed(c) || isClosed(w.C()) {
						t.Errorf("%s: the channels in round %d", form.name, round)
					}
					synctest.Wait()
					if n := released[round].Load(); n != 3 {
						t.Errorf("%s: %d of 3 were released at the end of round %d", form.name, n, round)
					}
				}
				w.Done()
				all.Wait()
				if waited := time.Since(start); waited != 0 {
					t.Errorf("%s waited for %v", form.name, waited)
				}
			})
		}
	}
}

func TestGoCountsWhatItCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			w       waitgroup.WaitGroup
			returns atomic.Int32
		)
		for i := range 10 {
			w.Go(func() {
				time.Sleep(time.Hour)
				if w.Count() < 1 {
					t.Error("it is not counted while it runs")
				}
				returns.Add(1)
				if i%3 == 0 {
					runtime.Goexit()
				}
				if i == 1 {
					w.Go(func() { time.Sleep(time.Minute) })
				}
			})
		}
		if w.Count() != 10 {
			t.Errorf("Count is %d after 10 calls of Go", w.Count())
		}
		start := time.Now()
		w.Wait()
		if returns.Load() != 10 || time.Since(start) != time.Hour+time.Minute {
			t.Errorf("Wait returned after %d returns and %v", returns.Load(), time.Since(start))
		}
	})
	var w waitgroup.WaitGroup
	if p := proof.Recovered(func() { w.Go(nil) }); p == nil || w.Count() != 0 {
		t.Errorf("Go(nil) panicked with %v, the count is %d", p, w.Count())
	}
}

// It is a process of its own: the panic ends it, although main waits, and would end it well.
func TestAPanicInGoEndsTheProgramAndReleasesNobody(t *testing.T) {
	if os.Getenv("WAITGROUP_TEST_PANIC") != "" {
		var w waitgroup.WaitGroup
		w.Go(panicHere)
		w.Wait()
		os.Exit(0)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range rounds(200)/10 + 1 {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "WAITGROUP_TEST_PANIC=1")
		out, err := cmd.CombinedOutput()
		if text := string(out); err == nil || !strings.Contains(text, "panic: here") || !strings.Contains(text, "waitgroup_test.panicHere") {
			t.Fatalf("the process ended with %v:\n%s", err, text)
		}
	}
}

//go:noinline
func panicHere() { panic("here") }

func TestAnEndedContextIsReportedAlsoIfTheCountIsZero(t *testing.T) {
	for name, ended := range proof.EndedContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			ctx, want := ended(t)
			var w waitgroup.WaitGroup
			for count := range 2 {
				w.Add(count)
				if err := w.WaitContext(ctx); err != want {
					t.Errorf("count %d: WaitContext returned %v, want %v", count, err, want)
				}
				if w.Count() != count || w.Listed() != 0 {
					t.Errorf("count %d: WaitContext changed something", count)
				}
			}
		})
	}
}

func TestAContextThatEndsMeanwhileReturnsItsCause(t *testing.T) {
	for name, c := range proof.EndingContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					w    waitgroup.WaitGroup
					got  error
					done = make(chan struct{})
				)
				w.Add(1)
				ctx, end := c.New()
				go func() {
					defer close(done)
					got = w.WaitContext(ctx)
				}()
				synctest.Wait()
				if isClosed(done) {
					t.Fatalf("WaitContext returned %v before its context ended", got)
				}
				end()
				<-done
				if !errors.Is(got, c.Want) || ctx.Err() != nil && got != context.Cause(ctx) {
					t.Errorf("WaitContext returned %v, want %v", got, c.Want)
				}
				if w.Listed() != 0 || w.Count() != 1 {
					t.Error("giving up left something behind")
				}
			})
		})
	}
}

func TestAContextThatPanicsLeavesTheWaitGroupAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waitgroup.WaitGroup
		w.Add(1)
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = w.WaitContext(ctx) }, w.Done)
	})
}

func TestWhatNeedNotWaitAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, end := context.WithCancelCause(context.Background())
	end(errCause)
	var w, one, awaited waitgroup.WaitGroup
	one.Add(1)
	awaited.Add(1)
	awaited.C()
	for name, f := range map[string]func(){
		"Add and Done":           func() { w.Add(1); w.Done() },
		"Wait":                   func() { w.Wait() },
		"WaitTimeout":            func() { w.WaitTimeout(time.Hour) },
		"WaitTimeout of nothing": func() { w.WaitTimeout(0); one.WaitTimeout(0) },
		"WaitContext":            func() { _ = w.WaitContext(ctx) },
		"WaitContext, ended":     func() { _ = w.WaitContext(ended); _ = one.WaitContext(ended) },
		"Count":                  func() { w.Count(); one.Count() },
		"C, of a count of 0":     func() { <-w.C() },
		"C, again":               func() { awaited.C() },
		"Add, awaited":           func() { awaited.Add(1); awaited.Done() },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAWaitAllocatesOnlyForItsLimit(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector makes sync.Pool forget what it was given")
	}
	var w waitgroup.WaitGroup
	begin := make(chan bool)
	defer close(begin)
	go func() {
		for range begin {
			await(func() bool { return w.Listed() > 0 })
			w.Done()
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name   string
		wait   func() bool
		budget float64
	}{
		{"Wait", func() bool { w.Wait(); return true }, 0},
		{"WaitTimeout for ever", func() bool { return w.WaitTimeout(math.MaxInt64) }, 0},
		{"WaitContext without end", func() bool { return w.WaitContext(context.Background()) == nil }, 0},
		{"WaitTimeout", func() bool { return w.WaitTimeout(time.Hour) }, 1},  // the timer
		{"WaitContext", func() bool { return w.WaitContext(ctx) == nil }, 1}, // the channel
	} {
		if got := testing.AllocsPerRun(1000, func() {
			w.Add(1)
			begin <- true
			if !c.wait() {
				t.Errorf("%s gave up", c.name)
			}
		}); got > c.budget {
			t.Errorf("%s: %v allocations, the budget is %v", c.name, got, c.budget)
		}
	}
}

// Nothing refers to a WaitGroup that was used in every way that leaves something behind if anything does.
func TestNothingKeepsAWaitGroupAlive(t *testing.T) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[waitgroup.WaitGroup] {
		w := new(waitgroup.WaitGroup)
		var wg sync.WaitGroup
		for range 20 {
			w.Add(1)
			for i := range 8 {
				wg.Go(func() {
					switch i % 4 {
					case 0:
						w.WaitTimeout(time.Hour)
					case 1:
						_ = w.WaitContext(live)
					case 2:
						w.WaitTimeout(time.Duration(i) * time.Microsecond)
					case 3:
						<-w.C()
					}
				})
			}
			runtime.Gosched()
			w.Done()
			wg.Wait()
		}
		return weak.Make(w)
	}
	if !proof.Collected(use()) {
		t.Error("something keeps a WaitGroup alive that nobody uses any more")
	}
}

// What was written before any Done is seen after each form; the race detector judges.
func TestEachDonePublishesPlainData(t *testing.T) {
	polling := []form{
		{"Count", func(w *waitgroup.WaitGroup) bool { await(func() bool { return w.Count() == 0 }); return true }},
		{"WaitTimeout of nothing", func(w *waitgroup.WaitGroup) bool { await(func() bool { return w.WaitTimeout(0) }); return true }},
	}
	for _, form := range append(polling, all(time.Hour)...) {
		for range rounds(3000)/10 + 10 {
			var (
				w    waitgroup.WaitGroup
				data [3]int
				wg   sync.WaitGroup
			)
			w.Add(len(data))
			wg.Go(func() {
				form.wait(&w)
				for i := range data {
					if data[i] != 1 {
						t.Errorf("%s: Done did not publish what was written before it", form.name)
					}
				}
			})
			for i := range data {
				wg.Go(func() { data[i] = 1; w.Done() })
			}
			wg.Wait()
		}
	}
}
