package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A member waits some times, each time for so many ticks, or until a context
// ends after them; 0 is as long as it takes.
type member struct {
	waits []int
	ctx   bool
}

var errParty = errors.New("the cause of a party")

// wait returns an error if the outcome cannot be.
func (p member) wait(b *barrier.Barrier, ticks int) (index int, err error) {
	d := explore.LastResort
	if ticks > 0 {
		d = time.Duration(ticks) * explore.Tick
	}
	if !p.ctx {
		index, err = b.WaitTimeout(d)
		if err != nil && err != barrier.ErrBroken {
			return -1, fmt.Errorf("WaitTimeout returned %w", err)
		}
	} else {
		ctx, cancel := context.WithTimeoutCause(context.Background(), d, errParty)
		defer cancel()
		index, err = b.WaitContext(ctx)
		if err == errParty && ticks == 0 {
			return -1, errors.New("a party was forgotten")
		}
		if err != nil && err != barrier.ErrBroken && err != errParty {
			return -1, fmt.Errorf("WaitContext returned %w", err)
		}
	}
	if (index < 0) != (err != nil) {
		return -1, fmt.Errorf("index %d and error %v", index, err)
	}
	return index, nil
}

// Parties meet, some give up, some abort or reset; what is broken is repaired
// until all are through. Whole generations pass: each index is given as often
// as any other. The action is called by one at a time, once for each, or for
// more if one of them was broken meanwhile.
func meetingsProgram(r *rand.Rand) explore.Case {
	parties := 1 + r.IntN(3)
	var members []member
	for range parties + r.IntN(2) {
		p := member{ctx: r.IntN(2) == 0}
		for range 1 + r.IntN(3) {
			ticks := 0
			if r.IntN(4) == 0 {
				ticks = 1 + r.IntN(3)
			}
			p.waits = append(p.waits, ticks)
		}
		members = append(members, p)
	}
	aborts, resets, acts := r.IntN(2), r.IntN(2), r.IntN(2) == 0
	name := fmt.Sprint(parties, " parties, members ", members, ", aborts ", aborts, ", resets ", resets, ", action ", acts)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			given   = make([]atomic.Int64, parties)
			failed  atomic.Pointer[error]
			through atomic.Int64
			acting  atomic.Int64
			actions atomic.Int64
		)
		fail := func(err error) { failed.CompareAndSwap(nil, &err) }
		var action func()
		if acts {
			action = func() {
				if acting.Add(1) != 1 {
					fail(errors.New("two actions at once"))
				}
				proof.Pause()
				actions.Add(1)
				acting.Add(-1)
			}
		}
		b := barrier.New(parties, action)
		for i, p := range members {
			start(fmt.Sprint("party ", i), func() {
				for _, ticks := range p.waits {
					index, err := p.wait(b, ticks)
					if err != nil {
						fail(fmt.Errorf("party %d: %w", i, err))
					}
					if index >= 0 {
						given[index].Add(1)
					}
				}
				through.Add(1)
			})
		}
		start("aborter", func() {
			for range aborts {
				proof.Pause()
				b.Abort()
			}
			for range resets {
				proof.Pause()
				b.Reset()
			}
		})
		start("repairer", func() {
			for through.Load() < int64(len(members)) {
				time.Sleep(explore.Tick)
				b.Reset()
			}
		})
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			for i := range given {
				if n := given[i].Load(); n != given[0].Load() {
					return fmt.Errorf("index %d was given %d times, index 0 %d times", i, n, given[0].Load())
				}
			}
			if acts && actions.Load() < given[0].Load() {
				return fmt.Errorf("%d actions for %d generations", actions.Load(), given[0].Load())
			}
			if b.Reset(); b.Waiting() != 0 || b.Broken() {
				return fmt.Errorf("in the end %d wait, broken %v", b.Waiting(), b.Broken())
			}
			return nil
		}
	}}
}

// Without anybody who gives up, aborts or resets, every generation passes and
// is complete.
func faithfulProgram(r *rand.Rand) explore.Case {
	parties, rounds, acts := 1+r.IntN(4), 1+r.IntN(3), r.IntN(2) == 0
	name := fmt.Sprint(parties, " parties, ", rounds, " rounds, action ", acts)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			actions atomic.Int64
			failed  atomic.Pointer[error]
			indexes = make([][]int, parties)
			action  func()
		)
		if acts {
			action = func() { actions.Add(1); proof.Pause() }
		}
		b := barrier.New(parties, action)
		for i := range parties {
			start(fmt.Sprint("party ", i), func() {
				for round := range rounds {
					index, err := b.WaitTimeout(explore.LastResort)
					if err != nil || acts && actions.Load() < int64(round+1) {
						err := fmt.Errorf("round %d: %v after %d actions", round, err, actions.Load())
						failed.CompareAndSwap(nil, &err)
						return
					}
					indexes[i] = append(indexes[i], index)
				}
			})
		}
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			for round := range rounds {
				var given []int
				for _, of := range indexes {
					given = append(given, of[round])
				}
				slices.Sort(given)
				for want, index := range given {
					if index != want {
						return fmt.Errorf("round %d: indexes %v", round, given)
					}
				}
			}
			if acts && int(actions.Load()) != rounds {
				return fmt.Errorf("%d actions in %d rounds", actions.Load(), rounds)
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfMeetings(t *testing.T) { proof.Programs(t, meetingsProgram) }
func TestNoScheduleBreaksAFaithfulProgram(t *testing.T)   { proof.Programs(t, faithfulProgram) }

// The zero value holds nothing when it has panicked.
func TestTheZeroBarrierPanicsAndHoldsNothing(t *testing.T) {
	var b barrier.Barrier
	for range 2 {
		for name, f := range map[string]func(){
			"Wait":        func() { _, _ = b.Wait() },
			"WaitTimeout": func() { _, _ = b.WaitTimeout(time.Second) },
			"no time":     func() { _, _ = b.WaitTimeout(0) },
			"WaitContext": func() { _, _ = b.WaitContext(t.Context()) },
			"Reset":       b.Reset,
			"Abort":       b.Abort,
			"Waiting":     func() { b.Waiting() },
		} {
			if got := proof.Recovered(f); got != barrier.ErrParties {
				t.Errorf("%s panicked with %v, want ErrParties", name, got)
			}
		}
		if b.Parties() != 0 || b.Broken() {
			t.Errorf("%d parties, broken %v", b.Parties(), b.Broken())
		}
	}
}

func TestCallsThatDoNotWaitMayBeMadeInsideAndOutsideOfABubble(t *testing.T) {
	b := barrier.New(2, nil)
	proof.InsideAndOutside(t, func() {
		_, _ = b.WaitTimeout(0)
		b.Waiting()
		b.Reset()
		b.Broken()
	})
}

func TestGivingUpIsAnErrorWhateverTheContextSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proof.GivingUpIsAnErrorOfASilentContext(t, func(ctx context.Context) error {
			index, err := barrier.New(2, nil).WaitContext(ctx)
			if index != -1 {
				t.Errorf("index %d", index)
			}
			return err
		})
	})
}
