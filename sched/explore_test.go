//go:build threadingexplore

package sched

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

const tick = explore.Tick

// An exploration is a Scheduler of which it is known what became of each Event. One goroutine runs at a time.
type exploration struct {
	s      Scheduler
	start  time.Time
	called map[string]bool
	gone   map[string]bool // cancelled
	events map[string]*Event
	failed error
}

func newExploration() *exploration {
	return &exploration{start: time.Now(), called: map[string]bool{}, gone: map[string]bool{}, events: map[string]*Event{}}
}

func (x *exploration) fail(format string, args ...any) {
	if x.failed == nil {
		x.failed = fmt.Errorf(format, args...)
	}
}

// late is by how much the schedules may delay a call: time passes a dozen times at most while anybody could go on, and
// in growing steps while nobody can.
const late = 50 * tick

// enter enters an Event whose call is checked: it is the first of all that are pending, due, and not late.
func (x *exploration) enter(name string, d time.Duration, priority int, then func()) {
	entered := time.Since(x.start)
	var e *Event
	fn := func() {
		now := time.Since(x.start)
		if x.called[name] || x.gone[name] {
			x.fail("%s is called twice, or although it was cancelled", name)
		}
		x.called[name] = true
		if due := e.time.Sub(x.start); due > now || 2*max(entered, due)+late < now {
			x.fail("%s was called at %v and due at %v", name, now, due)
		}
		for _, it := range x.s.events { // nobody else runs
			if f := it.event; f.time.Before(e.time) || f.time.Equal(e.time) && f.priority < e.priority {
				x.fail("%s is called before one that precedes it", name)
			}
		}
		if then != nil {
			then()
		}
	}
	// This is Enter, but fn knows its Event, although it may be called before Enter returns.
	now := time.Now()
	e = &Event{scheduler: &x.s, time: now.Add(d), priority: priority, fn: fn}
	x.s.guard.Lock()
	x.s.enter(e, later(now.Sub(epoch), d))
	x.events[name] = e
}

func (x *exploration) cancel(name string) {
	e := x.events[name]
	if e == nil {
		return
	}
	if x.s.Cancel(e) {
		if x.called[name] || x.gone[name] {
			x.fail("Cancel of %s is true too late, or twice", name)
		}
		x.gone[name] = true
	} else if e.fn != nil {
		x.fail("Cancel of %s is false too early", name)
	}
}

func (x *exploration) check() error {
	for name := range x.events {
		if x.called[name] == x.gone[name] {
			x.fail("%s: called %v, cancelled %v", name, x.called[name], x.gone[name])
		}
	}
	if x.s.running || x.s.sleeper.Front() != nil || len(x.s.events) > 0 {
		x.fail("running %v, asleep %v, %d pending", x.s.running, x.s.sleeper.Front() != nil, len(x.s.events))
	}
	return x.failed
}

// randomCase has one who runs the Scheduler, and some who enter Events and cancel theirs and others'. An Event far away
// keeps the run from ending before all is done; who is last cancels it, which must end the run.
func randomCase(seed uint64) explore.Case {
	type step struct {
		cancel   bool
		name     string
		d        time.Duration
		priority int
		nested   bool // the function enters another, or cancels
	}
	r := rand.New(rand.NewPCG(seed, 1))
	var programs [][]step
	var names []string
	for i := range 1 + r.IntN(3) {
		var steps []step
		for j := range 1 + r.IntN(3) {
			if len(names) > 0 && r.IntN(3) == 0 {
				steps = append(steps, step{cancel: true, name: names[r.IntN(len(names))]})
				continue
			}
			name := fmt.Sprint("event ", i, ".", j)
			names = append(names, name)
			steps = append(steps, step{name: name, d: time.Duration(r.IntN(5)-1) * tick, priority: r.IntN(2), nested: r.IntN(4) == 0})
		}
		programs = append(programs, steps)
	}
	form := r.IntN(4)
	return explore.Case{Name: fmt.Sprint("random ", seed), Start: func(start func(string, func())) func() error {
		x := newExploration()
		x.enter("far away", explore.LastResort/2, 0, nil)
		left := len(programs)
		ctx, cancel := context.WithTimeout(context.Background(), explore.LastResort)
		if form == 3 {
			start("server", func() {
				if err := x.s.Serve(ctx); err != context.Canceled {
					x.fail("Serve returned %v", err)
				}
			})
		} else {
			start("runner", func() {
				var empty bool
				switch form {
				case 0:
					empty = x.s.RunTimeout(explore.LastResort)
				case 1:
					for !empty { // again and again
						empty = x.s.RunTimeout(tick)
					}
				case 2:
					empty = x.s.RunContext(ctx) == nil
				}
				if now := time.Since(x.start); !empty || now > explore.LastResort/4 {
					x.fail("the run ended at %v: nothing left %v", now, empty)
				}
			})
		}
		for i, steps := range programs {
			start(fmt.Sprint("user ", i), func() {
				for _, st := range steps {
					switch {
					case st.cancel:
						x.cancel(st.name)
					case st.nested:
						x.enter(st.name, st.d, st.priority, func() {
							x.cancel(names[0])
							x.enter(st.name+", nested", tick, 0, nil)
						})
					default:
						x.enter(st.name, st.d, st.priority, nil)
					}
				}
				if left--; left > 0 {
					return
				}
				if form == 3 { // when all the others are gone
					x.enter("last", 3*late, 0, cancel)
				}
				x.cancel("far away")
			})
		}
		return func() error {
			cancel()
			return x.check()
		}
	}}
}

// An earlier Event is entered while the runner looks, decides to sleep, and sleeps.
var earlierCase = explore.Case{Name: "an earlier one", Start: func(start func(string, func())) func() error {
	x := newExploration()
	x.enter("far away", explore.LastResort/2, 0, nil)
	start("runner", func() {
		if !x.s.RunTimeout(explore.LastResort) {
			x.fail("something is left")
		}
	})
	left := 2
	done := func() {
		if left--; left == 0 {
			x.cancel("far away")
		}
	}
	start("one", func() { x.enter("one", 2*tick, 0, done) })
	start("another", func() { x.enter("another", tick, 0, done) })
	return x.check
}}

// The next Event is cancelled at the moment at which it is due, by two at once.
var cancelCase = explore.Case{Name: "Cancel at the very moment", Start: func(start func(string, func())) func() error {
	x := newExploration()
	x.enter("next", tick, 0, nil)
	start("runner", func() {
		if !x.s.RunTimeout(explore.LastResort) {
			x.fail("something is left")
		}
	})
	for i := range 2 {
		start(fmt.Sprint("canceller ", i), func() { x.cancel("next") })
	}
	return x.check
}}

// A run that is over leaves its timer to the next.
var lateTimerCase = explore.Case{Name: "a late timer", Start: func(start func(string, func())) func() error {
	x := newExploration()
	x.enter("first", tick, 0, nil)
	x.enter("second", 4*tick, 0, nil)
	start("runner", func() {
		x.s.RunTimeout(tick)
		x.s.RunTimeout(tick)
		if !x.s.RunTimeout(explore.LastResort) {
			x.fail("something is left")
		}
	})
	start("canceller", func() { x.cancel("first") })
	return x.check
}}

func TestNoScheduleBreaksAScheduler(t *testing.T) {
	cases := []explore.Case{earlierCase, cancelCase, lateTimerCase}
	for seed := range uint64(20) {
		cases = append(cases, randomCase(seed))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

// Many more programs, a few schedules each.
func TestNoScheduleBreaksManySchedulers(t *testing.T) {
	for seed := range uint64(500) {
		c := randomCase(1000 + seed)
		for s := range uint64(20) {
			if err := explore.Run(t, c, explore.Random(s)); err != nil {
				t.Fatalf("%s, schedule %d: %v", c.Name, s, err)
			}
		}
	}
}
