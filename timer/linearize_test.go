package timer_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/timer"
)

// Small random programs use a Timer, several goroutines at once. Each call's beginning, end and answer are noted, and
// porcupine looks for an order of the calls in which a sequential Timer would have given the same answers. What the
// Timer does by itself is in the history too: a run begins at some moment before its function notes that, and has ended
// at some moment after its function returned.

// A happening is what a client, or the Timer itself, did.
type happening string

const (
	start     happening = "Start"
	cancel    happening = "Cancel"
	reset     happening = "Reset"
	isAlive   happening = "IsAlive"
	poll      happening = "JoinTimeout(0)"
	runBegins happening = "a run begins"
	runEnds   happening = "a run has ended"
	endShows  happening = "the end shows"
)

// refused is the answer of a call that panicked.
const refused = "refused"

// A sequential is the Timer that does one thing after the other. What ends it shows a little later than it counts.
type sequential struct {
	repeats                                        bool
	started, over, pending, running, ran, endShows bool
}

func (s sequential) ended() bool { return s.started && !s.pending && !s.running }

// step says what follows, and whether the answer is right.
func (s sequential) step(what happening, answer any) (bool, sequential) {
	switch what {
	case start:
		if s.started {
			return answer == refused, s
		}
		s.started, s.pending = true, !s.over
		return answer == nil, s
	case cancel:
		s.over, s.pending = true, false
		return answer == (!s.running && (s.repeats || !s.ran)), s
	case reset:
		return answer == s.pending, s
	case isAlive:
		return answer == (s.started && !s.endShows), s
	case poll:
		if !s.started {
			return answer == refused, s
		}
		return answer == s.endShows, s
	case runBegins:
		ok := s.pending
		s.pending, s.running, s.ran = false, true, true
		return ok, s
	case runEnds:
		ok := s.running
		s.running, s.pending = false, s.repeats && !s.over
		return ok, s
	case endShows:
		ok := s.ended() && !s.endShows
		s.endShows = true
		return ok, s
	}
	return false, s
}

func sequentialTimer(repeats bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return sequential{repeats: repeats} },
		Step: func(state, in, out any) (bool, any) {
			ok, next := state.(sequential).step(in.(happening), out)
			return ok, next
		},
	}
}

// A subject is what the programs use of a Timer, so that a broken one can take its place.
type subject interface {
	Start()
	Cancel() bool
	Reset(time.Duration) bool
	IsAlive() bool
	JoinTimeout(time.Duration) bool
	Join()
}

type makeSubject func(repeats bool, after time.Duration, fn func()) subject

func realTimer(repeats bool, after time.Duration, fn func()) subject {
	if repeats {
		return timer.Every(1+after, fn)
	}
	return timer.New(after, fn)
}

// history runs a random program.
func history(make makeSubject, repeats bool, seed uint64) []porcupine.Operation {
	const clients, calls, mostRuns = 3, 5, 6
	var (
		clock atomic.Int64
		wg    sync.WaitGroup
		mu    sync.Mutex
		past  []porcupine.Operation
	)
	note := func(client int, what happening, call int64, answer any, back int64) {
		mu.Lock()
		defer mu.Unlock()
		past = append(past, porcupine.Operation{ClientId: client, Input: what, Call: call, Output: answer, Return: back})
	}
	var tm subject
	var backs []int64
	tm = make(repeats, time.Duration(rand.New(rand.NewPCG(seed, clients)).IntN(1000)), func() {
		note(clients, runBegins, 0, nil, clock.Add(1))
		runtime.Gosched()
		if len(backs) == mostRuns-1 {
			before := clock.Add(1)
			answer := tm.Cancel()
			note(clients, cancel, before, answer, clock.Add(1))
		}
		backs = append(backs, clock.Add(1))
	})
	do := func(client int, what happening, f func() any) {
		before := clock.Add(1)
		answer := f()
		note(client, what, before, answer, clock.Add(1))
	}
	for client := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			for range calls {
				switch rng.IntN(10) {
				case 0, 1, 2:
					do(client, start, func() any { return refusal(tm.Start) })
				case 3:
					do(client, cancel, func() any { return tm.Cancel() })
				case 4, 5:
					d := time.Duration(rng.IntN(1000))
					do(client, reset, func() any { return tm.Reset(d) })
				case 6, 7:
					do(client, isAlive, func() any { return tm.IsAlive() })
				default:
					do(client, poll, func() (answer any) {
						if r := refusal(func() { answer = tm.JoinTimeout(0) }); r != nil {
							return r
						}
						return answer
					})
				}
				switch n := rng.IntN(4); n {
				case 0:
					runtime.Gosched()
				default:
					spin(n * 300)
				}
			}
		})
	}
	wg.Wait()
	do(0, cancel, func() any { return tm.Cancel() })
	do(0, start, func() any { return refusal(tm.Start) })
	tm.Join()
	end := clock.Add(1)
	for _, back := range backs {
		note(clients, runEnds, back, nil, end)
	}
	note(clients, endShows, 0, nil, end)
	do(0, isAlive, func() any { return tm.IsAlive() })
	return past
}

func refusal(f func()) any {
	if proof.Recovered(f) != nil {
		return refused
	}
	return nil
}

// randomPrograms returns the programs on such timers, half of which repeat.
func randomPrograms(make makeSubject) proof.Program {
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
		repeats := seed%2 == 0
		return sequentialTimer(repeats), history(make, repeats, seed), nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	proof.CheckHistories(t, rounds(20_000), randomPrograms(realTimer))
}

// A lying timer is right but for one answer.
type lying struct {
	*timer.Timer
	cancel func(bool) bool
	reset  func(bool) bool
	alive  func(bool) bool
}

func (l lying) Cancel() bool { return l.cancel(l.Timer.Cancel()) }

func (l lying) Reset(d time.Duration) bool { return l.reset(l.Timer.Reset(d)) }

func (l lying) IsAlive() bool { return l.alive(l.Timer.IsAlive()) }

// The check of histories notices each of these, so it would notice a Timer that did the same.
func TestPlantedBugsAreFound(t *testing.T) {
	honest := func(b bool) bool { return b }
	sometimes := func(lie bool) func(bool) bool {
		var n atomic.Int32
		return func(truth bool) bool {
			if n.Add(1)%8 == 0 {
				return lie
			}
			return truth
		}
	}
	for name, bug := range map[string]lying{
		"Cancel says true":   {cancel: sometimes(true), reset: honest, alive: honest},
		"Cancel says false":  {cancel: sometimes(false), reset: honest, alive: honest},
		"Reset says true":    {cancel: honest, reset: sometimes(true), alive: honest},
		"Reset says false":   {cancel: honest, reset: sometimes(false), alive: honest},
		"IsAlive says true":  {cancel: honest, reset: honest, alive: sometimes(true)},
		"IsAlive says false": {cancel: honest, reset: honest, alive: sometimes(false)},
	} {
		t.Run(name, func(t *testing.T) {
			proof.FindViolation(t, 5000, randomPrograms(func(repeats bool, after time.Duration, fn func()) subject {
				liar := bug
				liar.Timer = realTimer(repeats, after, fn).(*timer.Timer)
				return liar
			}))
		})
	}
	t.Run("runs twice", func(t *testing.T) {
		proof.FindViolation(t, 5000, randomPrograms(func(_ bool, after time.Duration, fn func()) subject {
			return realTimer(false, after, func() { fn(); fn() })
		}))
	})
}
