package event_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/proof"
)

// A flag is an Event, or a broken one.
type flag interface {
	Set()
	Clear()
	IsSet() bool
	Wait()
	WaitTimeout(time.Duration) bool
	WaitContext(context.Context) error
	Done() <-chan struct{}
}

// Small random programs run on an event, several clients at once, and porcupine
// looks for an order of what happened in which a sequential event would have
// given the same answers.
//
// A wait happens at two instants: it begins, and it ends. In between it must
// learn of each Set that takes effect, also if the event is clear again when it
// ends. So each wait is two steps of the history, and the model remembers who
// is waiting, and who of them has seen the event set. What Done returned is a
// wait as well, which begins with Done and ends with each look at the channel:
// closed, or still open. Waiting clients are numbered from 0, channels behind
// them.
type step struct {
	what what
	who  int
}

type what int

const (
	set what = iota
	clearing
	isSet
	isClear
	begin
	released // the end of a wait that says so, or of a channel's life as an open one
	gaveUp   // the end of a wait that says that there was no Set
	stillOpen
	refused  // a context that had ended at entry and was reported
	accepted // one that was not
)

func (s step) String() string {
	return fmt.Sprint([...]string{"Set", "Clear", "IsSet", "IsSet: no", "begins", "released", "gave up", "still open",
		"refused", "accepted"}[s.what], " ", s.who)
}

// A state is that of the sequential event. waiting and seen have a bit for each
// who.
type state struct {
	set           bool
	waiting, seen uint16
}

func (s state) step(in step) (bool, state) {
	bit := uint16(1) << in.who
	waiting, seen := s.waiting&bit != 0, s.seen&bit != 0
	switch in.what {
	case set:
		s.set = true
		s.seen |= s.waiting
		return true, s
	case clearing:
		s.set = false
		return true, s
	case isSet:
		return s.set, s
	case isClear:
		return !s.set, s
	case begin:
		if waiting {
			return false, s
		}
		s.waiting |= bit
		s.seen &^= bit
		if s.set {
			s.seen |= bit
		}
		return true, s
	case released:
		s.waiting &^= bit
		return waiting && seen, s
	case gaveUp:
		s.waiting &^= bit
		return waiting && !seen, s
	case stillOpen:
		return waiting && !seen, s
	case refused:
		return true, s
	}
	return false, s
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, _ any) (bool, any) {
		ok, next := s.(state).step(in.(step))
		return ok, next
	},
}

// A tick is one reading of the logical clock, which orders what happens, and of
// the real one, or the bubble's, which says on which side of a deadline it was.
type tick struct {
	n  int64
	at time.Duration
}

// A record is a step with the ticks before and after it. A wait that gave up
// did so after its deadline, if it had one. One that waits in a bubble has
// begun to before the bubble's clock goes on.
type record struct {
	step          step
	before, after tick
	deadline      time.Duration // 0: none
	atOnce        bool
}

// operations gives each record the interval in which its step may have
// happened.
func operations(records []record) []porcupine.Operation {
	var ticks []tick
	for _, r := range records {
		ticks = append(ticks, r.before, r.after)
	}
	slices.SortFunc(ticks, func(a, b tick) int { return int(a.n - b.n) })
	var operations []porcupine.Operation
	for _, r := range records {
		call, back := 4*r.before.n, 4*r.after.n
		for _, tick := range ticks {
			// The clock is read after the tick, so if it shows less than the
			// deadline, so did it at the tick.
			if r.deadline > 0 && tick.at < r.deadline {
				call = max(call, 4*tick.n+1)
			}
			if r.atOnce && tick.at > r.before.at {
				back = min(back, 4*tick.n-1)
			}
		}
		operations = append(operations, porcupine.Operation{ClientId: r.step.who, Input: r.step, Call: call, Return: back})
	}
	return operations
}

// A world is where a history takes place.
type world struct {
	bubble bool
	unit   time.Duration // a limit is a few of them
	pause  func(n int)   // for n units
}

// history runs a random program of several clients on e.
func history(e flag, w world, seed uint64) []record {
	const clients, calls = 4, 10
	var (
		clock   atomic.Int64
		start   = time.Now()
		now     = func() tick { return tick{clock.Add(1), time.Since(start)} }
		results [clients + 1][]record
		done    atomic.Int32
		wg      sync.WaitGroup
	)
	for me := range clients {
		wg.Go(func() {
			defer done.Add(1)
			rng := rand.New(rand.NewPCG(seed, uint64(me)))
			add := func(r record) { results[me] = append(results[me], r) }
			// one notes a step that is one call.
			one := func(call func() what) {
				before := now()
				what := call()
				add(record{step: step{what, me}, before: before, after: now()})
			}
			wait := func(deadline time.Duration, call func() bool) {
				before := now()
				ok := call()
				after := now()
				add(record{step: step{begin, me}, before: before, after: after, atOnce: w.bubble})
				if ok {
					add(record{step: step{released, me}, before: before, after: after})
					return
				}
				add(record{step: step{gaveUp, me}, before: before, after: after, deadline: deadline})
			}
			channel, mine := (<-chan struct{})(nil), clients+me
			for range calls {
				limit := time.Duration(1+rng.IntN(3)) * w.unit
				deadline := time.Since(start) + limit // or later
				switch rng.IntN(12) {
				case 0, 1:
					one(func() what { e.Set(); return set })
				case 2:
					one(func() what { e.Clear(); return clearing })
				case 3: // both, in one go
					one(func() what { e.Set(); return set })
					one(func() what { e.Clear(); return clearing })
				case 4:
					one(func() what {
						if e.IsSet() {
							return isSet
						}
						return isClear
					})
				case 5:
					wait(0, func() bool { return e.WaitTimeout(0) })
				case 6, 7:
					wait(deadline, func() bool { return e.WaitTimeout(limit) })
				case 8:
					parent, cancel := context.WithTimeout(context.Background(), limit)
					ctx := &proof.Entry{Context: parent}
					before := len(results[me])
					wait(deadline, func() bool { return e.WaitContext(ctx) == nil })
					if ctx.Ended { // it was no wait
						last := results[me][len(results[me])-1]
						last.deadline = 0
						if last.step.what == gaveUp {
							last.step.what = refused
						} else {
							last.step.what = accepted
						}
						results[me] = append(results[me][:before], last)
					}
					cancel()
				case 9:
					ctx, cancel := context.WithCancel(context.Background())
					cancel()
					one(func() what {
						if e.WaitContext(ctx) != nil {
							return refused
						}
						return accepted
					})
				case 10:
					if channel == nil {
						before := now()
						channel = e.Done()
						add(record{step: step{begin, mine}, before: before, after: now()})
					}
				case 11:
					if w.bubble { // where it is known who needs a Set
						wait(0, func() bool { e.Wait(); return true })
					}
				}
				if channel != nil && rng.IntN(2) == 0 {
					before := now()
					closed := isClosed(channel)
					r := record{step: step{stillOpen, mine}, before: before, after: now()}
					if closed {
						r.step.what = released
						channel = nil
					}
					add(r)
				}
				if rng.IntN(2) == 0 {
					w.pause(rng.IntN(3))
				}
			}
		})
	}
	for w.bubble && done.Load() < clients {
		time.Sleep(time.Minute) // all who are left wait for a Set
		if done.Load() < clients {
			before := now()
			e.Set()
			results[clients] = append(results[clients], record{step: step{set, 2 * clients}, before: before, after: now()})
		}
	}
	wg.Wait()
	return slices.Concat(results[:]...)
}

// programs returns the programs on such flags. Every other one takes place in a
// bubble, where calls meet at the same instant.
func programs(t *testing.T, newFlag func() flag) proof.Program {
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		var past []record
		if seed%2 == 0 {
			past = history(newFlag(), world{false, 2 * time.Microsecond, func(n int) {
				runtime.Gosched()
				proof.Spin(n * 1000)
			}}, seed)
		} else {
			synctest.Test(t, func(*testing.T) {
				past = history(newFlag(), world{true, time.Millisecond, func(n int) {
					time.Sleep(time.Duration(n) * time.Millisecond)
				}}, seed)
			})
		}
		return model, operations(past), nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	defer proof.Watch(t)()
	proof.CheckHistories(t, rounds(20_000), programs(t, func() flag { return new(event.Event) }))
}

// The check notices each of these events, so it would notice an event that did
// the same.
func TestPlantedBugsAreFound(t *testing.T) {
	for name, newFlag := range map[string]func() flag{
		"a timeout is reported as success":           func() flag { return new(lyingTimeout) },
		"a waiter reports the flag, not the Set":     func() flag { return new(rereading) },
		"the end of a context is more than the Set":  func() flag { return new(lateContext) },
		"an ended context is accepted":               func() flag { return new(careless) },
		"IsSet is out of date":                       func() flag { return new(lateIsSet) },
		"a Clear is lost":                            func() flag { return new(forgetfulClear) },
		"Done is one channel for ever":               func() flag { return new(oneChannel) },
		"Done is another generation's":               func() flag { return new(nextChannel) },
		"a wait without time forgets that it is set": func() flag { return new(forgetfulTry) },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 3000, programs(t, newFlag))
		})
	}
}

type lyingTimeout struct{ event.Event }

func (l *lyingTimeout) WaitTimeout(d time.Duration) bool {
	return l.Event.WaitTimeout(d) || d > 0 && rand.IntN(4) == 0
}

type rereading struct{ event.Event }

func (r *rereading) WaitTimeout(d time.Duration) bool {
	r.Event.WaitTimeout(d)
	return r.IsSet()
}

type lateContext struct{ event.Event }

func (l *lateContext) WaitContext(ctx context.Context) error {
	_ = l.Event.WaitContext(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond):
		return nil
	}
}

type careless struct{ event.Event }

func (c *careless) WaitContext(ctx context.Context) error {
	if c.IsSet() {
		return nil
	}
	return c.Event.WaitContext(ctx)
}

type lateIsSet struct {
	event.Event
	before atomic.Bool
}

func (l *lateIsSet) IsSet() bool { return l.before.Swap(l.Event.IsSet()) }

type forgetfulClear struct{ event.Event }

func (f *forgetfulClear) Clear() {
	if rand.IntN(4) > 0 {
		f.Event.Clear()
	}
}

type oneChannel struct {
	event.Event
	once    sync.Once
	channel <-chan struct{}
}

func (o *oneChannel) Done() <-chan struct{} {
	o.once.Do(func() { o.channel = o.Event.Done() })
	return o.channel
}

type nextChannel struct{ event.Event }

func (n *nextChannel) Done() <-chan struct{} {
	if n.IsSet() {
		return make(chan struct{})
	}
	return n.Event.Done()
}

type forgetfulTry struct{ event.Event }

func (f *forgetfulTry) WaitTimeout(d time.Duration) bool { return d > 0 && f.Event.WaitTimeout(d) }
