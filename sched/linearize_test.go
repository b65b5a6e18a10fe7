package sched_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/sched"
)

// Small random programs enter, cancel and look while another goroutine runs the Scheduler. Each call's beginning, end and
// result are noted, and so is each beginning of a function, somewhere between the end of the one before and its first
// instruction. Porcupine looks for an order in which a sorted list would have given the same answers: in which each
// function is, when it begins, the first of those that are pending.

// An api is what the programs use of a Scheduler.
type api interface {
	Enter(d time.Duration, priority int, fn func()) *sched.Event
	Cancel(*sched.Event) bool
	Len() int
	Events() []*sched.Event
	TryRun() (time.Duration, bool)
	RunContext(context.Context) error
	Serve(context.Context) error
}

// A request is one call, of the Event of that name, or the beginning of its function.
type request struct {
	call     string
	name     string
	priority int
}

// A response is what came of it.
type response struct {
	at     time.Duration // the Event's time
	ok     bool
	n      int
	events []*sched.Event
	names  string // of those
}

// A pending is an Event in the model's list, which is a string, so that states can be compared.
type pending struct {
	at       time.Duration
	priority int
	name     string
}

func parse(state string) (list []pending) {
	for word := range strings.FieldsSeq(state) {
		var p pending
		if _, err := fmt.Sscanf(strings.ReplaceAll(word, "/", " "), "%d %d %s", &p.at, &p.priority, &p.name); err != nil {
			panic(err)
		}
		list = append(list, p)
	}
	return list
}

func encode(list []pending) string {
	var state strings.Builder
	for _, p := range list {
		fmt.Fprintf(&state, "%d/%d/%s ", p.at, p.priority, p.name)
	}
	return state.String()
}

var sortedList = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in, out := input.(request), output.(response)
		list := parse(state.(string))
		at := slices.IndexFunc(list, func(p pending) bool { return p.name == in.name })
		switch in.call {
		case "enter":
			i := slices.IndexFunc(list, func(p pending) bool {
				return p.at > out.at || p.at == out.at && p.priority > in.priority
			})
			if i < 0 {
				i = len(list)
			}
			return true, encode(slices.Insert(list, i, pending{out.at, in.priority, in.name}))
		case "begin":
			if at != 0 {
				return false, state
			}
			return true, encode(list[1:])
		case "cancel":
			if out.ok && at >= 0 {
				return true, encode(slices.Delete(list, at, at+1))
			}
			return !out.ok && at < 0, state
		case "Len":
			return out.n == len(list), state
		case "Events":
			var names []string
			for _, p := range list {
				names = append(names, p.name)
			}
			return out.names == strings.Join(names, " "), state
		}
		panic("no such call")
	},
}

// A history is noted while a program runs.
type history struct {
	clock atomic.Int64
	guard sync.Mutex
	calls []porcupine.Operation
	names map[*sched.Event]string
	known map[string]*sched.Event
}

func (h *history) note(client int, in request, call int64, out response) {
	o := porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: h.clock.Add(1)}
	h.guard.Lock()
	defer h.guard.Unlock()
	h.calls = append(h.calls, o)
	if in.call == "enter" {
		h.known[in.name] = out.events[0]
		h.names[out.events[0]] = in.name
	}
}

// A world is how a program runs: outside, where time is real and short, or in a bubble, where everything that is due at
// the same nanosecond happens at once.
type world struct {
	name   string
	bubble bool
	pause  func(n int) // between two calls
}

var worlds = []world{
	{"outside", false, func(n int) { runtime.Gosched(); proof.Spin(n * 500) }},
	{"bubble", true, func(n int) { time.Sleep(time.Duration(n)) }},
}

const theRunner = 9 // as a client

// execute runs a random program and returns its history.
func execute(s api, w world, seed uint64) []porcupine.Operation {
	const clients, calls = 3, 6
	var (
		h     = &history{names: map[*sched.Event]string{}, known: map[string]*sched.Event{}}
		start = time.Now()
		ended int64 // when the last function did; of the runner alone
	)
	enter := func(client int, name string, rng *rand.Rand, then func()) {
		in, call := request{"enter", name, rng.IntN(3)}, h.clock.Add(1)
		e := s.Enter(time.Duration(rng.IntN(4)-1), in.priority, func() {
			h.note(theRunner, request{call: "begin", name: name}, ended, response{})
			if then != nil {
				then()
			}
			ended = h.clock.Add(1)
		})
		h.note(client, in, call, response{at: e.Time().Sub(start), events: []*sched.Event{e}})
	}
	cancel := func(client int, rng *rand.Rand) {
		name := fmt.Sprint(rng.IntN(clients), ".", rng.IntN(calls))
		h.guard.Lock()
		e := h.known[name]
		h.guard.Unlock()
		if e != nil {
			call := h.clock.Add(1)
			h.note(client, request{call: "cancel", name: name}, call, response{ok: s.Cancel(e)})
		}
	}
	look := func(client int, rng *rand.Rand) {
		if call := h.clock.Add(1); rng.IntN(2) == 0 {
			h.note(client, request{call: "Len"}, call, response{n: s.Len()})
		} else {
			h.note(client, request{call: "Events"}, call, response{events: s.Events()})
		}
	}
	var users, runner sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	runner.Go(func() {
		rng := rand.New(rand.NewPCG(seed, theRunner))
		for ctx.Err() == nil {
			switch rng.IntN(3) {
			case 0:
				s.TryRun()
			case 1:
				_ = s.RunContext(ctx)
			case 2:
				limit, cancel := context.WithTimeout(ctx, 2)
				_ = s.Serve(limit)
				cancel()
			}
			w.pause(1)
		}
	})
	for client := range clients {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range calls {
				w.pause(rng.IntN(3))
				name := fmt.Sprint(client, ".", i)
				switch rng.IntN(7) {
				case 0:
					cancel(client, rng)
				case 1:
					look(client, rng)
				case 2: // the function is a user, too
					rng := rand.New(rand.NewPCG(seed, uint64(client*calls+i)))
					enter(client, name, rng, func() {
						cancel(theRunner, rng)
						enter(theRunner, name+"'", rng, nil)
						look(theRunner, rng)
					})
				default:
					enter(client, name, rng, nil)
				}
			}
		})
	}
	users.Wait()
	stop()
	runner.Wait()
	for i, o := range h.calls {
		if out := o.Output.(response); o.Input.(request).call == "Events" {
			var names []string
			for _, e := range out.events {
				names = append(names, h.names[e])
			}
			h.calls[i].Output = response{names: strings.Join(names, " ")}
		}
	}
	return h.calls
}

func programs(t *testing.T, worlds []world, newScheduler func() api) proof.Program {
	return func(seed uint64) (_ porcupine.Model, calls []porcupine.Operation, _ error) {
		w := worlds[seed%uint64(len(worlds))]
		run := func() { calls = execute(newScheduler(), w, seed) }
		if w.bubble {
			synctest.Test(t, func(*testing.T) { run() })
		} else {
			run()
		}
		return sortedList, calls, nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	for i, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.CheckHistories(t, rounds(20_000), programs(t, worlds[i:i+1], func() api { return new(sched.Scheduler) }))
		})
	}
}

// Schedulers with the mistakes that matter. If the check above cannot tell them from a right one it is worth nothing.
type (
	neverCancels     struct{ *sched.Scheduler }
	deniesCancelling struct{ *sched.Scheduler }
	mindsNoPriority  struct{ *sched.Scheduler }
	newestFirst      struct {
		*sched.Scheduler
		entries *atomic.Int64
	}
	countsOneMore  struct{ *sched.Scheduler }
	listsBackwards struct{ *sched.Scheduler }
)

func (s neverCancels) Cancel(*sched.Event) bool { return true }

func (s deniesCancelling) Cancel(e *sched.Event) bool { return s.Scheduler.Cancel(e) && false }

func (s mindsNoPriority) Enter(d time.Duration, _ int, fn func()) *sched.Event {
	return s.Scheduler.Enter(d, 0, fn)
}

func (s newestFirst) Enter(d time.Duration, priority int, fn func()) *sched.Event {
	return s.Scheduler.Enter(d, priority*1000-int(s.entries.Add(1)), fn)
}

func (s countsOneMore) Len() int { return max(1, s.Scheduler.Len()) }

func (s listsBackwards) Events() []*sched.Event {
	events := s.Scheduler.Events()
	slices.Reverse(events)
	return events
}

func TestPlantedBugsAreFound(t *testing.T) {
	for name, newScheduler := range map[string]func() api{
		"Cancel does nothing":          func() api { return neverCancels{new(sched.Scheduler)} },
		"Cancel denies it":             func() api { return deniesCancelling{new(sched.Scheduler)} },
		"the priority is not minded":   func() api { return mindsNoPriority{new(sched.Scheduler)} },
		"of equals the newest is next": func() api { return newestFirst{new(sched.Scheduler), new(atomic.Int64)} },
		"Len is 1 when it is 0":        func() api { return countsOneMore{new(sched.Scheduler)} },
		"Events is in another order":   func() api { return listsBackwards{new(sched.Scheduler)} },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 5000, programs(t, worlds, newScheduler))
		})
	}
}
