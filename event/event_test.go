package event_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/proof"
)

func TestTheZeroEventIsClear(t *testing.T) {
	var e event.Event
	if e.IsSet() || e.WaitTimeout(0) || isClosed(e.Done()) {
		t.Error("a new event is set")
	}
}

func TestSetAndClearTwiceIsSetAndClearOnce(t *testing.T) {
	var e event.Event
	for range 3 {
		for range 2 {
			e.Set()
			if !e.IsSet() {
				t.Error("not set after Set")
			}
		}
		for range 2 {
			e.Clear()
			if e.IsSet() {
				t.Error("set after Clear")
			}
		}
	}
}

func TestASetEventMakesNobodyWait(t *testing.T) {
	forms := patient()
	for _, limit := range impatient() {
		for _, d := range []time.Duration{1, time.Second} {
			forms = append(forms, within(limit, d))
		}
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				e.Set()
				start := time.Now()
				for range 3 {
					if !form.wait(&e) {
						t.Error("a wait for a set event says that it was not set")
					}
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("waited for %v", waited)
				}
				if !e.IsSet() {
					t.Error("a wait cleared the event")
				}
			})
		})
	}
}

func TestWaitTimeoutOfNothingIsIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		start := time.Now()
		for _, set := range []bool{false, true, false} {
			if set {
				e.Set()
			} else {
				e.Clear()
			}
			for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
				if got := e.WaitTimeout(d); got != set {
					t.Errorf("WaitTimeout(%d) is %v, IsSet is %v", d, got, set)
				}
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited for %v", waited)
		}
	})
}

func TestAContextEndedBeforeIsReportedAlsoIfTheEventIsSet(t *testing.T) {
	for name, ended := range proof.EndedContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			ctx, want := ended(t)
			var e event.Event
			for _, set := range []bool{false, true} {
				if set {
					e.Set()
				}
				if err := e.WaitContext(ctx); err != want {
					t.Errorf("set %v: WaitContext returned %v, want %v", set, err, want)
				}
				if e.IsSet() != set {
					t.Errorf("set %v: WaitContext changed it", set)
				}
			}
			if n := e.Listed(); n != 0 {
				t.Errorf("%d waiters are listed", n)
			}
		})
	}
}

func TestAContextThatEndsMeanwhileReturnsItsCause(t *testing.T) {
	for name, c := range proof.EndingContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				ctx, end := c.New()
				var got error
				var returned atomic.Bool
				go func() {
					got = e.WaitContext(ctx)
					returned.Store(true)
				}()
				synctest.Wait()
				if returned.Load() {
					t.Fatalf("WaitContext returned %v before its context ended", got)
				}
				end()
				synctest.Wait()
				if !returned.Load() {
					t.Fatal("WaitContext waits on although its context has ended")
				}
				if got != c.Want {
					t.Errorf("WaitContext returned %v, want %v", got, c.Want)
				}
				if n := e.Listed(); n != 0 {
					t.Errorf("%d waiters are listed", n)
				}
			})
		})
	}
}

func TestDoneIsTheChannelOfTheCurrentGeneration(t *testing.T) {
	var e event.Event
	var old []<-chan struct{}
	for range 3 {
		for _, early := range []bool{true, false} { // whether it is first asked for before the Set
			var c <-chan struct{}
			if early {
				c = e.Done()
				if isClosed(c) {
					t.Error("the channel of a clear event is closed")
				}
				e.Clear() // changes nothing
				if e.Done() != c {
					t.Error("another channel although nothing has changed")
				}
			}
			e.Set()
			if c == nil {
				c = e.Done()
			}
			if !isClosed(c) {
				t.Error("the channel of a set event is open")
			}
			e.Set() // changes nothing
			if !isClosed(e.Done()) || e.Done() != c {
				t.Error("another channel although nothing has changed")
			}
			for _, o := range old {
				if o == c {
					t.Error("a channel was used for two generations")
				}
			}
			old = append(old, c)
			e.Clear()
			for _, o := range old {
				if !isClosed(o) {
					t.Error("Clear opened a channel that was closed")
				}
			}
			if isClosed(e.Done()) != e.IsSet() {
				t.Error("the channel of a cleared event is closed")
			}
			if !early {
				continue // the next one has been asked for
			}
			e.Set()
			e.Clear() // the next one is nobody's yet
		}
	}
}

// A select that asks for the channel each time round sees every Set, and waits
// again after Clear.
func TestDoneWorksInASelect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		start := time.Now()
		time.AfterFunc(2500*time.Millisecond, e.Set)
		time.AfterFunc(3500*time.Millisecond, e.Clear)
		time.AfterFunc(5500*time.Millisecond, func() { e.Set(); e.Clear() })
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var seen []time.Duration
		for time.Since(start) < 8*time.Second {
			select {
			case <-e.Done():
				seen = append(seen, time.Since(start))
				time.Sleep(time.Second)
			case <-tick.C:
			}
		}
		// After the first Set it is found set again a second later, at the very
		// moment of the Clear, or it is not.
		switch {
		case len(seen) == 2 && seen[0] == 2500*time.Millisecond && seen[1] == 5500*time.Millisecond:
		case len(seen) == 3 && seen[0] == 2500*time.Millisecond && seen[1] == 3500*time.Millisecond &&
			seen[2] == 5500*time.Millisecond:
		default:
			t.Errorf("seen set at %v", seen)
		}
	})
}

func TestWhatNeedNotWaitAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, end := context.WithCancelCause(context.Background())
	end(errCause)
	var set, clear, toggled, asked event.Event
	set.Set()
	asked.Set()
	asked.Done()
	for name, f := range map[string]func(){
		"IsSet":                         func() { set.IsSet(); clear.IsSet() },
		"Wait":                          func() { set.Wait() },
		"WaitTimeout":                   func() { set.WaitTimeout(time.Hour) },
		"WaitTimeout for ever":          func() { set.WaitTimeout(math.MaxInt64) },
		"WaitTimeout of nothing":        func() { set.WaitTimeout(0); clear.WaitTimeout(0) },
		"WaitContext":                   func() { _ = set.WaitContext(ctx) },
		"WaitContext of an ended one":   func() { _ = set.WaitContext(ended); _ = clear.WaitContext(ended) },
		"Set and Clear, nobody waiting": func() { toggled.Set(); toggled.Clear() },
		"Set of a set event":            func() { set.Set() },
		"Clear of a clear event":        func() { clear.Clear() },
		"Done, asked for before":        func() { <-asked.Done() },
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
	var e event.Event
	begin := make(chan bool)
	defer close(begin)
	go func() {
		for range begin {
			for !e.WaitedFor() {
				runtime.Gosched()
			}
			e.Set()
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name   string
		wait   func() bool
		budget float64
	}{
		{"Wait", func() bool { e.Wait(); return true }, 0},
		{"WaitTimeout for ever", func() bool { return e.WaitTimeout(math.MaxInt64) }, 0},
		{"WaitContext without end", func() bool { return e.WaitContext(context.Background()) == nil }, 0},
		{"WaitTimeout", func() bool { return e.WaitTimeout(time.Hour) }, 1},  // the timer
		{"WaitContext", func() bool { return e.WaitContext(ctx) == nil }, 1}, // the channel
	} {
		got := testing.AllocsPerRun(1000, func() {
			begin <- true
			if !c.wait() {
				t.Errorf("%s gave up", c.name)
			}
			e.Clear()
		})
		if got > c.budget {
			t.Errorf("%s: %v allocations, the budget is %v", c.name, got, c.budget)
		}
	}
}

// An event that was used in every way that leaves something behind, if anything
// does, is collected when it is dropped: no pooled waiter, timer or context
// that goes on refers to it.
func TestNothingKeepsAnEventAlive(t *testing.T) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[event.Event] {
		e := new(event.Event)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 200 {
					switch (i + j) % 4 {
					case 0:
						e.WaitTimeout(time.Duration(j) * time.Microsecond)
					case 1:
						ctx, cancel := context.WithCancel(live)
						go cancel()
						_ = e.WaitContext(ctx)
					case 2:
						e.Done()
						e.Set()
					case 3:
						e.Clear()
					}
				}
			})
		}
		wg.Wait()
		e.Clear()
		for i := range 8 { // these are released and leave a timer, or a context, that goes on
			wg.Go(func() {
				if i%2 == 0 {
					e.WaitTimeout(time.Hour)
				} else {
					_ = e.WaitContext(live)
				}
			})
		}
		for e.Listed() < 8 {
			runtime.Gosched()
		}
		e.Set()
		wg.Wait()
		return weak.Make(e)
	}
	dropped := use()
	if !proof.Collected(dropped) {
		t.Error("something keeps an event alive that nobody uses any more")
	}
}

// Plain data is written before Set and read after each form, on each path: the
// event alone orders the two. It needs the race detector to say something.
func TestSetPublishesPlainData(t *testing.T) {
	polling := []form{
		{"IsSet", func(e *event.Event) bool {
			for !e.IsSet() {
				runtime.Gosched()
			}
			return true
		}},
		{"WaitTimeout of nothing", func(e *event.Event) bool {
			for !e.WaitTimeout(0) {
				runtime.Gosched()
			}
			return true
		}},
		{"WaitTimeout again and again", func(e *event.Event) bool {
			for !e.WaitTimeout(time.Microsecond) {
				runtime.Gosched()
			}
			return true
		}},
	}
	for i, form := range append(polling, patient()...) {
		t.Run(form.name, func(t *testing.T) {
			t.Run("contended", func(t *testing.T) {
				defer proof.Watch(t)()
				for range 100 {
					var (
						e    event.Event
						data int
					)
					done := make(chan struct{})
					go func() {
						defer close(done)
						form.wait(&e)
						data++
					}()
					data = 1
					e.Set()
					<-done
					if data != 2 {
						t.Errorf("data = %d, want 2", data)
					}
				}
			})
			if i < len(polling) {
				return // in a bubble it would keep the clock from going on
			}
			t.Run("woken", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var (
						e    event.Event
						data int
					)
					go func() {
						form.wait(&e)
						data++
					}()
					synctest.Wait()
					data = 1 // nothing but Set comes between this and what the waiter does
					e.Set()
					e.Clear()
					synctest.Wait()
					if data != 2 {
						t.Errorf("data = %d, want 2", data)
					}
				})
			})
		})
	}
}

func TestAContextThatPanicsLeavesTheEventAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = e.WaitContext(ctx) }, e.Set)
	})
}
