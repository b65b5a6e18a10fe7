package timer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

const sec = time.Second

// A log notes when runs begin, as times since it was made. It also checks that no two runs overlap. Looking at it
// between two runs must not be taken for what keeps them apart, hence the mutex.
type log struct {
	t     *testing.T
	begin time.Time

	mu      sync.Mutex
	runs    []time.Duration
	running bool
}

func newLog(t *testing.T) *log { return &log{t: t, begin: time.Now()} }

// run returns a function to be run that takes d.
func (l *log) run(d time.Duration) func() {
	return func() {
		l.enter()
		if d > 0 {
			time.Sleep(d)
		}
		l.leave()
	}
}

func (l *log) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, time.Since(l.begin))
	if l.running {
		l.t.Error("two runs overlap")
	}
	l.running = true
}

func (l *log) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = false
}

// until sleeps until d has passed since the log was made, and until what is due then has happened.
func (l *log) until(d time.Duration) {
	time.Sleep(d - time.Since(l.begin))
	synctest.Wait()
}

func (l *log) want(runs ...time.Duration) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.runs, runs) {
		l.t.Errorf("runs began at %v, want %v", l.runs, runs)
	}
}

func TestNewRunsOnceWhenTheIntervalHasPassed(t *testing.T) {
	for _, d := range []time.Duration{1, sec, 1000 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			log := newLog(t)
			tm := timer.New(d, log.run(0))
			log.until(5 * sec) // the interval counts from Start
			tm.Start()
			log.until(5*sec + d - 1)
			log.want()
			log.until(5*sec + d)
			log.want(5*sec + d)
			wantEnded(t, tm)
			log.until(10_000 * time.Hour)
			log.want(5*sec + d)
		})
	}
}

func TestNewWithoutAnIntervalRunsAtOnceAfterStart(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		synctest.Test(t, func(t *testing.T) {
			log := newLog(t)
			tm := timer.New(d, log.run(0))
			log.until(sec)
			log.want()
			tm.Start()
			tm.Join()
			log.want(sec)
		})
	}
}

func TestAnIntervalOfMaxInt64NeverPasses(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			log := newLog(t)
			tm := make(math.MaxInt64, log.run(0))
			tm.Start()
			log.until(100 * 365 * 24 * time.Hour)
			wantAlive(t, tm)
			if !tm.Reset(sec) {
				t.Error("Reset = false while pending")
			}
			time.Sleep(sec)
			synctest.Wait()
			log.want(100*365*24*time.Hour + sec)
			tm.Cancel()
		})
	})
}

func TestEveryRunsAtTheMultiplesOfItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		log.until(3 * sec)
		tm := timer.Every(10*sec, log.run(0))
		log.until(5 * sec) // the interval counts from Start
		tm.Start()
		log.until(50 * sec)
		wantAlive(t, tm)
		if !tm.Cancel() {
			t.Error("Cancel() = false when idle")
		}
		log.until(1000 * sec)
		log.want(15*sec, 25*sec, 35*sec, 45*sec)
	})
}

// What a run takes does not shift those after it.
func TestEveryLeavesOutWhatIsDueDuringARun(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		want  []time.Duration // until 80 s
	}{
		{0, []time.Duration{10 * sec, 20 * sec, 30 * sec, 40 * sec, 50 * sec, 60 * sec, 70 * sec}},
		{3 * sec, []time.Duration{10 * sec, 20 * sec, 30 * sec, 40 * sec, 50 * sec, 60 * sec, 70 * sec}},
		{10*sec - 1, []time.Duration{10 * sec, 20 * sec, 30 * sec, 40 * sec, 50 * sec, 60 * sec, 70 * sec}},
		{10*sec + 1, []time.Duration{10 * sec, 30 * sec, 50 * sec, 70 * sec}},
		{15 * sec, []time.Duration{10 * sec, 30 * sec, 50 * sec, 70 * sec}},
		{20*sec - 1, []time.Duration{10 * sec, 30 * sec, 50 * sec, 70 * sec}},
		{20*sec + 1, []time.Duration{10 * sec, 40 * sec, 70 * sec}},
		{25 * sec, []time.Duration{10 * sec, 40 * sec, 70 * sec}},
		{42 * sec, []time.Duration{10 * sec, 60 * sec}},
	} {
		t.Run(c.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { wantRunsOfEveryTen(t, c.takes, c.want) })
		})
	}
}

// A run that ends exactly when the next is due does not delay it, be it one interval later or several.
func TestEveryGoesOnAtOnceWhenARunEndsAtAMultiple(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		want  []time.Duration // until 80 s
	}{
		{10 * sec, []time.Duration{10 * sec, 20 * sec, 30 * sec, 40 * sec, 50 * sec, 60 * sec, 70 * sec}},
		{20 * sec, []time.Duration{10 * sec, 30 * sec, 50 * sec, 70 * sec}},
		{30 * sec, []time.Duration{10 * sec, 40 * sec, 70 * sec}},
	} {
		t.Run(c.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { wantRunsOfEveryTen(t, c.takes, c.want) })
		})
	}
}

func wantRunsOfEveryTen(t *testing.T, takes time.Duration, want []time.Duration) {
	t.Helper()
	log := newLog(t)
	tm := timer.Every(10*sec, log.run(takes))
	tm.Start()
	log.until(80*sec - 1)
	tm.Cancel()
	tm.Join()
	log.want(want...)
}

// Each run may take as long as it likes; only those that are slow leave anything out.
func TestEveryFindsBackToItsMultiplesAfterOneSlowRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		takes := []time.Duration{sec, 34 * sec, sec, sec}
		var tm *timer.Timer
		tm = timer.Every(10*sec, func() {
			log.run(takes[len(log.runs)])()
			if len(log.runs) == len(takes) {
				tm.Cancel()
			}
		})
		tm.Start()
		tm.Join()
		log.want(10*sec, 20*sec, 60*sec, 70*sec)
	})
}

func TestResetMovesTheRunOfNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		tm := timer.New(10*sec, log.run(0))
		tm.Start()
		for i, d := range []time.Duration{20 * sec, sec, math.MaxInt64, 5 * sec} { // later, sooner, never, after all
			log.until(time.Duration(i) * sec / 2)
			if !tm.Reset(d) {
				t.Errorf("Reset(%v) = false while pending", d)
			}
			wantAlive(t, tm)
		}
		tm.Join()
		log.until(time.Hour)
		log.want(6*sec + sec/2)
	})
}

func TestResetMovesTheNextRunOfEveryAndTheOthersFollowAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(t)
		tm := timer.Every(10*sec, log.run(sec))
		tm.Start()
		reset := func(at, d time.Duration) {
			log.until(at)
			if !tm.Reset(d) {
				t.Errorf("Reset(%v) = false at %v", d, at)
			}
		}
		reset(3*sec, 4*sec)   // before the first
		reset(29*sec, 25*sec) // between two, and beyond the next multiple
		reset(66*sec, sec)    // sooner than the next multiple
		reset(78*sec, 0)      // at once
		reset(90*sec, 40*sec) // twice: the second counts
		reset(91*sec, 3*sec)
		log.until(110 * sec)
		if !tm.Cancel() {
			t.Error("Cancel() = false when idle")
		}
		log.until(time.Hour)
		log.want(7*sec, 17*sec, 27*sec, 54*sec, 64*sec, 67*sec, 77*sec, 78*sec, 88*sec, 94*sec, 104*sec)
	})
}

// However far below zero, at once is at once, and the interval counts from there.
func TestResetToNoTimeRunsAtOnce(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -4 * sec, -10 * sec, -25 * sec, math.MinInt64} {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newLog(t)
				once, ticker := timer.New(10*sec, log.run(0)), timer.Every(10*sec, log.run(0))
				once.Start()
				log.until(3 * sec)
				if !once.Reset(d) {
					t.Error("Reset = false while pending")
				}
				once.Join()
				log.want(3 * sec)
				log.runs = nil
				ticker.Start()
				log.until(4 * sec)
				ticker.Reset(d)
				log.until(34 * sec)
				ticker.Cancel()
				log.want(4*sec, 14*sec, 24*sec, 34*sec)
			})
		})
	}
}

func TestCancelStopsEvery(t *testing.T) {
	for _, c := range []struct {
		cancel time.Duration
		idle   bool
		runs   []time.Duration
		end    time.Duration
	}{
		{10*sec - 1, true, nil, 10*sec - 1},
		{12 * sec, false, []time.Duration{10 * sec}, 14 * sec},
		{14 * sec, true, []time.Duration{10 * sec}, 14 * sec},
		{23 * sec, false, []time.Duration{10 * sec, 20 * sec}, 24 * sec},
		{29 * sec, true, []time.Duration{10 * sec, 20 * sec}, 29 * sec},
	} {
		t.Run(c.cancel.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newLog(t)
				tm := timer.Every(10*sec, log.run(4*sec))
				tm.Start()
				log.until(c.cancel)
				if tm.Cancel() != c.idle {
					t.Errorf("Cancel() = %v, want %v", !c.idle, c.idle)
				}
				if tm.IsAlive() == c.idle {
					t.Errorf("IsAlive() = %v after Cancel", c.idle)
				}
				tm.Join()
				if elapsed := time.Since(log.begin); elapsed != c.end {
					t.Errorf("ended after %v, want %v", elapsed, c.end)
				}
				wantEnded(t, tm)
				log.until(time.Hour)
				log.want(c.runs...)
			})
		})
	}
}

func TestJoinTimeoutGivesUpExactly(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			tm := make(10*sec, func() { time.Sleep(10 * sec) })
			tm.Start()
			for _, when := range []string{"pending", "running"} {
				now := time.Since(begin)
				for _, d := range []time.Duration{0, -1, math.MinInt64} {
					if tm.JoinTimeout(d) {
						t.Errorf("JoinTimeout(%v) = true while %s", d, when)
					}
				}
				if elapsed := time.Since(begin) - now; elapsed != 0 {
					t.Errorf("polls took %v while %s", elapsed, when)
				}
				if tm.JoinTimeout(sec) || time.Since(begin)-now != sec {
					t.Errorf("JoinTimeout(1s) gave up after %v while %s", time.Since(begin)-now, when)
				}
				if when == "pending" {
					time.Sleep(10 * sec)
					tm.Cancel()
				}
			}
			if !tm.JoinTimeout(8*sec+1) || time.Since(begin) != 20*sec {
				t.Errorf("joined after %v, want 20s", time.Since(begin))
			}
			for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, math.MaxInt64} {
				if !tm.JoinTimeout(d) {
					t.Errorf("JoinTimeout(%v) = false after the end", d)
				}
			}
		})
	})
}

func TestJoinContextGivesUpWithTheCause(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			why := errors.New("why")
			tm := make(10*sec, func() { time.Sleep(10 * sec) })
			tm.Start()
			for _, want := range []time.Duration{2 * sec, 12 * sec} { // pending, and running
				if err := tm.JoinContext(endedContext(why)); err != why {
					t.Errorf("JoinContext of an ended ctx: %v, want its cause", err)
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), 2*sec, why)
				if err := tm.JoinContext(ctx); err != why || time.Since(begin) != want {
					t.Errorf("JoinContext = %v after %v, want the cause after %v", err, time.Since(begin), want)
				}
				cancel()
				if want == 2*sec {
					time.Sleep(8 * sec)
				}
			}
			tm.Cancel() // during the run, which goes on until 20 s
			if err := tm.JoinContext(t.Context()); err != nil || time.Since(begin) != 20*sec {
				t.Errorf("JoinContext = %v after %v, want nil after 20s", err, time.Since(begin))
			}
			if err := tm.JoinContext(t.Context()); err != nil {
				t.Errorf("JoinContext after the end: %v", err)
			}
			if err := tm.JoinContext(endedContext(why)); err != why {
				t.Errorf("JoinContext of an ended ctx after the end: %v, want its cause", err)
			}
		})
	})
}

// A join that gave up leaves the others waiting, and a Timer that ends as ever.
func TestAJoinThatGivesUpLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tm := timer.New(10*sec, nop)
		tm.Start()
		var joined sync.WaitGroup
		for i := range 30 {
			joined.Go(func() {
				var ok bool
				switch i % 3 {
				case 0:
					ok = tm.JoinTimeout(time.Duration(i) * sec)
				case 1:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*sec)
					defer cancel()
					ok = tm.JoinContext(ctx) == nil
				case 2:
					tm.Join()
					ok, i = true, 30
				}
				if want := min(time.Duration(i)*sec, 10*sec); ok != (i > 10) && i != 10 || time.Since(begin) != want {
					t.Errorf("join %d: %v after %v, want %v", i, ok, time.Since(begin), want)
				}
			})
		}
		joined.Wait()
		wantEnded(t, tm)
	})
}

// A goroutine that is blocked in any form is durably blocked, whether the Timer is pending or running.
func TestEveryBlockedFormIsDurablyBlocked(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		for _, w := range waits {
			synctest.Test(t, func(t *testing.T) {
				release := chanOf()
				tm := make(sec, func() { <-release })
				tm.Start()
				returned := chanOf()
				go func() { w.wait(tm); close(returned) }()
				synctest.Wait() // would not return if that goroutine could be woken from outside
				if closed(returned) {
					t.Errorf("%s returned while pending", w.name)
				}
				time.Sleep(2 * sec) // the clock would stand still if it were not durably blocked
				synctest.Wait()
				if closed(returned) {
					t.Errorf("%s returned during the run", w.name)
				}
				tm.Cancel()
				close(release)
				<-returned
			})
		}
	})
}

func chanOf() chan struct{} { return make(chan struct{}) }

// Nothing of a bubble is left for the next, or for the outside.
func TestTimersWorkOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	created := timer.New(time.Hour, nop) // it belongs to where it is started
	use := func() {
		for _, w := range waits {
			tm := timer.New(1, nop)
			tm.Start()
			w.wait(tm)
			ticker := timer.Every(time.Hour, nop)
			ticker.Start()
			ticker.Reset(1)
			ticker.Cancel()
			w.wait(ticker)
		}
	}
	for range 3 {
		synctest.Test(t, func(*testing.T) { use() })
		use()
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		created.Start()
		created.Join()
		if elapsed := time.Since(begin); elapsed != time.Hour {
			t.Errorf("took %v, want 1h", elapsed)
		}
	})
}

func TestMainWaitsForAPendingTimerAndItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tm := timer.New(2*sec, func() { time.Sleep(3 * sec) }, thread.Daemon(false))
		thread.Main(func() {
			tm.Start()
			if n := thread.ActiveCount(); n != 1 {
				t.Errorf("ActiveCount() = %d, want 1", n)
			}
		})
		if waited := time.Since(begin); waited != 5*sec {
			t.Errorf("waited %v, want 5s", waited)
		}
		wantEnded(t, tm)
	})
}

func TestMainWaitsForEveryUntilItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		runs := 0
		var tm *timer.Timer
		tm = timer.Every(2*sec, func() {
			if runs++; runs == 5 {
				timer.New(sec/2, func() { tm.Cancel() }).Start() // no daemon either: it inherits
			}
		}, thread.Daemon(false))
		thread.Main(tm.Start)
		if waited := time.Since(begin); waited != 10*sec+sec/2 || runs != 5 {
			t.Errorf("waited %v and for %d runs, want 10.5s and 5", waited, runs)
		}
	})
}

func TestMainWaitsUntilAMovedTimerHasRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tm := timer.New(time.Hour, nop, thread.Daemon(false))
		other := timer.New(sec, func() { tm.Reset(sec) }, thread.Daemon(true))
		thread.Main(func() {
			tm.Start()
			other.Start()
		})
		if waited := time.Since(begin); waited != 2*sec {
			t.Errorf("waited %v, want 2s", waited)
		}
	})
}

func TestMainDoesNotWaitForWhatWasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		timer.New(sec, nop, thread.Daemon(false))
		thread.Main(func() { timer.Every(sec, nop, thread.Daemon(false)) })
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestMainDoesNotWaitForADaemon(t *testing.T) {
	eachConstructor(t, func(t *testing.T, make maker, _ bool) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			pending := make(time.Hour, nop, thread.Daemon(true))
			running := make(sec, func() { time.Sleep(time.Hour) }, thread.Daemon(true))
			thread.Main(func() {
				pending.Start()
				running.Start()
				time.Sleep(2 * sec)
			})
			if waited := time.Since(begin); waited != 2*sec {
				t.Errorf("waited %v, want 2s", waited)
			}
			wantAlive(t, pending)
			wantAlive(t, running)
			pending.Cancel()
			running.Cancel()
			running.Join()
		})
	})
}

// The same with a real process, whose main goroutine is the creator: no option says that it is no daemon.
func TestTheProcessEndsWithItsLastTimer(t *testing.T) {
	stdout, stderr, status := run(t, "exit")
	want := "fn of Main\ntimer, daemon: false\ntick 1\ntick 2\ntick 3\nafter Main\n"
	if stdout != want || status != 0 {
		t.Errorf("status %d, output %q, want %q\n%s", status, stdout, want, stderr)
	}
}

// Random programs are compared with a naive model: a number for the time, no concurrency, nothing but the promises.
// Times are chosen such that no two things happen at the same instant.
func TestRandomProgramsAgreeWithANaiveModel(t *testing.T) {
	for seed := range uint64(rounds(5000)) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			var m model
			if rng.IntN(2) == 0 {
				m.repeats = true
			}
			m.interval = time.Duration(1+rng.IntN(5)) * sec
			m.takes = make([]time.Duration, 200)
			for i := range m.takes {
				if rng.IntN(2) == 0 {
					m.takes[i] = time.Duration(rng.IntN(12))*sec + sec/4 // what ends at a multiple has a test of its own
				}
			}
			var runs []time.Duration
			begin := time.Now()
			fn := func() {
				i := len(runs)
				runs = append(runs, time.Since(begin))
				if d := m.takes[i]; d > 0 {
					time.Sleep(d)
				}
			}
			tm := timer.New(m.interval, fn)
			if m.repeats {
				tm = timer.Every(m.interval, fn)
			}
			var program []string
			for i := range 12 {
				// Each operation has a fraction of a second of its own, which what it schedules inherits.
				pause := time.Duration(rng.IntN(8))*sec + time.Microsecond
				time.Sleep(pause)
				synctest.Wait()
				m.pass(time.Since(begin))
				var op string
				var got, want any
				switch n := rng.IntN(10); {
				case n < 2 || i == 0:
					op = "Start()"
					got, want = proof.Recovered(tm.Start), m.start()
				case n < 3:
					op = "Cancel()"
					got, want = tm.Cancel(), m.cancel()
				case n < 7:
					d := time.Duration(rng.IntN(10)) * sec
					op = fmt.Sprintf("Reset(%v)", d)
					got, want = tm.Reset(d), m.reset(d)
				case n < 9:
					op = "IsAlive()"
					got, want = tm.IsAlive(), m.alive()
				default:
					op = "JoinTimeout(0)"
					if !m.started {
						got, want = proof.Recovered(func() { tm.JoinTimeout(0) }), any(timer.ErrNotStarted)
					} else {
						got, want = tm.JoinTimeout(0), !m.alive()
					}
				}
				program = append(program, fmt.Sprintf("%v %s = %v", time.Since(begin), op, got))
				if got != want {
					t.Errorf("%s: %v, want %v", op, got, want)
				}
			}
			if m.started {
				time.Sleep(20 * sec)
				synctest.Wait()
				m.pass(time.Since(begin))
				tm.Cancel()
				m.cancel()
				tm.Join()
				m.pass(time.Since(begin))
				if m.alive() {
					t.Error("Join returned before the end")
				}
			}
			if !slices.Equal(runs, m.runs) {
				t.Errorf("runs began at %v, want %v", runs, m.runs)
			}
			if t.Failed() {
				t.Fatalf("seed %d, interval %v, repeats %v, runs take %v\n%q",
					seed, m.interval, m.repeats, m.takes[:len(runs)+1], program)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// A model is a Timer that is told the time.
type model struct {
	interval time.Duration
	repeats  bool
	takes    []time.Duration

	now                                    time.Duration
	started, over, pending, running, ended bool
	due, back                              time.Duration // of the next run, of the end of this one
	runs                                   []time.Duration
}

// pass lets everything happen until now.
func (m *model) pass(now time.Duration) {
	for {
		switch {
		case m.pending && m.due <= now:
			m.pending, m.running = false, true
			m.back = m.due + m.takes[len(m.runs)]
			m.runs = append(m.runs, m.due)
		case m.running && m.back <= now:
			m.running = false
			if !m.repeats || m.over {
				m.ended = true
				continue
			}
			for m.pending = true; m.due <= m.back; {
				m.due += m.interval
			}
		default:
			m.now = now
			return
		}
	}
}

func (m *model) start() any {
	if m.started {
		return timer.ErrStarted
	}
	m.started = true
	if m.over {
		m.ended = true
		return nil
	}
	m.pending, m.due = true, m.now+m.interval
	return nil
}

func (m *model) cancel() bool {
	m.over = true
	if m.pending {
		m.pending, m.ended = false, true
	}
	return !m.running && (m.repeats || len(m.runs) == 0)
}

func (m *model) reset(d time.Duration) bool {
	if m.pending {
		m.due = m.now + d
	}
	return m.pending
}

func (m *model) alive() bool { return m.started && !m.ended }
