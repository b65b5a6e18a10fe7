package barrier_test

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
	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
)

// Small random programs run on a Barrier, several goroutines at once. Each
// call's beginning, end and result are noted, and porcupine looks for an order
// of what they did in which a sequential barrier would have given the same
// results.
//
// A Wait does two things, each at one moment between its beginning and its end:
// it arrives, and later it learns what became of its generation, or gives up.
// So it counts as two operations. That it cannot learn before it has arrived is
// up to the model, which knows each Wait by a number. There is no action, so
// the last arrival decides and passes at one moment; what happens during an
// action is compared with a model of its own, in
// FuzzTheBarrierDoesWhatItsModelDoes.

type request struct {
	op   string // arrive, learn, Abort, Reset, Broken, Waiting
	form string // of Wait
	wait int    // its number
}

type response struct {
	index  int // or what Waiting returned
	err    error
	broken bool
}

// The states of the model are strings, which porcupine can compare: "!" if the
// barrier is broken, and then the numbers of the waits that have arrived and
// have not yet learnt what became of them: "7?" if that is open, "7+" if it
// passed, "7-" if it was broken.
type sequential struct {
	broken bool
	waits  []pending
}

type pending struct {
	wait int
	fate byte
}

func parse(state string) (s sequential) {
	state, s.broken = strings.CutPrefix(state, "!")
	for f := range strings.FieldsSeq(state) {
		var p pending
		_, _ = fmt.Sscanf(f, "%d%c", &p.wait, &p.fate)
		s.waits = append(s.waits, p)
	}
	return s
}

func (s sequential) String() string {
	var b strings.Builder
	if s.broken {
		b.WriteString("!")
	}
	for _, p := range s.waits {
		fmt.Fprintf(&b, "%d%c ", p.wait, p.fate)
	}
	return b.String()
}

func (s *sequential) open() (n int) {
	for _, p := range s.waits {
		if p.fate == '?' {
			n++
		}
	}
	return n
}

func (s *sequential) decide(fate byte) {
	for i := range s.waits {
		if s.waits[i].fate == '?' {
			s.waits[i].fate = fate
		}
	}
}

func sequentialBarrier(parties int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			s := parse(state.(string))
			ok := s.step(parties, input.(request), output.(response))
			return ok, s.String()
		},
	}
}

func (s *sequential) step(parties int, in request, out response) bool {
	switch in.op {
	case "Abort", "Reset":
		s.decide('-')
		s.broken = in.op == "Abort"
		return true
	case "Broken":
		return out.broken == s.broken
	case "Waiting":
		return out.index == s.open()
	case "arrive":
		if s.broken {
			s.waits = append(s.waits, pending{in.wait, '-'})
			return true
		}
		if out.err == nil && out.index != s.open() { // whoever passes has come as the index'th
			return false
		}
		s.waits = append(s.waits, pending{in.wait, '?'})
		if s.open() == parties {
			s.decide('+')
		} else if in.form == "impatient" || in.form == "ended" {
			return s.step(parties, request{"learn", in.form, in.wait}, out) && s.put(in.wait)
		}
		return true
	case "learn":
		i := slices.IndexFunc(s.waits, func(p pending) bool { return p.wait == in.wait })
		if i < 0 {
			return false
		}
		fate := s.waits[i].fate
		s.waits = slices.Delete(s.waits, i, i+1)
		switch {
		case fate == 'x': // it gave up on arrival
			return true
		case fate == '+':
			return out.err == nil
		case fate == '-':
			return out.err == barrier.ErrBroken
		case out.err == nil, in.form == "Wait":
			return false
		case in.form == "WaitContext" || in.form == "ended":
			if out.err != errWhy {
				return false
			}
		case out.err != barrier.ErrBroken:
			return false
		}
		s.broken = true
		s.decide('-')
		return true
	}
	return false
}

// put notes that a wait gave up on arrival, for its learn to find.
func (s *sequential) put(wait int) bool {
	s.waits = append(s.waits, pending{wait, 'x'})
	return true
}

// A subject is what the programs use of a Barrier, so that a broken one can
// take its place.
type subject interface {
	Wait() (int, error)
	WaitTimeout(time.Duration) (int, error)
	WaitContext(context.Context) (int, error)
	Abort()
	Reset()
	Waiting() int
	Broken() bool
}

var mix = strings.Fields(`Wait Wait Wait WaitTimeout WaitTimeout WaitContext WaitContext Wait Wait WaitTimeout WaitContext
	impatient ended Abort Reset Reset Broken Waiting`)

// execute runs a random program and returns its history. In a bubble whoever
// still waits after an hour is aborted; outside every Wait has a limit.
func execute(seed uint64, b subject, bubble bool) []porcupine.Operation {
	const clients, calls = 4, 5
	var (
		clock     atomic.Int64
		wg        sync.WaitGroup
		histories [clients + 1][]porcupine.Operation
	)
	perform := func(client, i int, op string, r *rand.Rand) {
		out := response{}
		begun := clock.Add(1)
		switch op {
		case "Abort":
			b.Abort()
		case "Reset":
			b.Reset()
		case "Broken":
			out.broken = b.Broken()
		case "Waiting":
			out.index = b.Waiting()
		case "Wait":
			out.index, out.err = b.Wait()
		case "impatient":
			out.index, out.err = b.WaitTimeout(0)
		case "ended":
			out.index, out.err = b.WaitContext(ended(errWhy))
		case "WaitTimeout":
			d := time.Duration(1 + r.IntN(4))
			if !bubble {
				d *= 20_000
			}
			out.index, out.err = b.WaitTimeout(d)
		case "WaitContext":
			ctx, cancel := context.WithCancelCause(context.Background())
			if d := time.Duration(1 + r.IntN(4)); bubble {
				time.AfterFunc(d, func() { cancel(errWhy) })
			} else {
				go func() {
					for range d {
						proof.Spin(1000)
						runtime.Gosched()
					}
					cancel(errWhy)
				}()
			}
			out.index, out.err = b.WaitContext(ctx)
		}
		ops := []request{{op: op}}
		switch op {
		case "Wait", "impatient", "ended", "WaitTimeout", "WaitContext":
			number := client*calls + i
			ops = []request{{"arrive", op, number}, {"learn", op, number}}
		}
		returned := clock.Add(1)
		for _, in := range ops {
			histories[client] = append(histories[client], porcupine.Operation{
				ClientId: client, Input: in, Output: out, Call: begun, Return: returned,
			})
		}
	}
	for client := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range calls {
				op := mix[r.IntN(len(mix))]
				if bubble {
					time.Sleep(time.Duration(r.IntN(3)))
				} else {
					proof.Spin(r.IntN(1000))
					if op == "Wait" {
						op = "WaitTimeout"
					}
				}
				perform(client, i, op, r)
			}
		})
	}
	if bubble {
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		for waiting := true; waiting; {
			select {
			case <-done:
				waiting = false
			case <-time.After(time.Hour):
				perform(clients, 0, "Abort", nil)
			}
		}
	}
	wg.Wait()
	return slices.Concat(histories[:]...)
}

// programs returns the programs on barriers, or on what broken makes of them.
// The seed also says of how many parties.
func programs(t *testing.T, bubble bool, fewest, most int, broken func(*barrier.Barrier) subject) proof.Program {
	return func(seed uint64) (_ porcupine.Model, history []porcupine.Operation, _ error) {
		parties := fewest + int(seed%uint64(most-fewest+1))
		run := func() { history = execute(seed, broken(barrier.New(parties, nil)), bubble) }
		if bubble {
			synctest.Test(t, func(*testing.T) { run() })
		} else {
			run()
		}
		return sequentialBarrier(parties), history, nil
	}
}

func unbroken(b *barrier.Barrier) subject { return b }

func TestConcurrentCallsAreLinearizable(t *testing.T) {
	for name, bubble := range map[string]bool{"outside": false, "bubble": true} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.CheckHistories(t, rounds(10_000), programs(t, bubble, 1, 4, unbroken))
		})
	}
}

// Barriers with the mistakes that matter. If the check above cannot tell them
// from a right one it is worth nothing.
type (
	passesLate      struct{ *barrier.Barrier }
	breaksNothing   struct{ *barrier.Barrier }
	breaksTooMuch   struct{ *barrier.Barrier }
	forgetsTheCause struct{ *barrier.Barrier }
	countsFromOne   struct{ *barrier.Barrier }
	heals           struct{ *barrier.Barrier }
	abortsForAWhile struct{ *barrier.Barrier }
	resetsForGood   struct{ *barrier.Barrier }
)

func (b passesLate) WaitTimeout(d time.Duration) (int, error) {
	index, err := b.Barrier.WaitTimeout(d)
	if err != nil {
		index, err = 0, nil
	}
	return index, err
}

func (b breaksNothing) WaitContext(ctx context.Context) (int, error) {
	index, err := b.Barrier.WaitContext(ctx)
	if err == errWhy {
		b.Reset()
	}
	return index, err
}

func (b breaksTooMuch) WaitTimeout(d time.Duration) (int, error) {
	index, err := b.Barrier.WaitTimeout(d)
	if err == nil && index == 0 {
		b.Abort() // as a timer that nobody stopped might
	}
	return index, err
}

func (b forgetsTheCause) WaitContext(ctx context.Context) (int, error) {
	index, err := b.Barrier.WaitContext(ctx)
	if err != nil {
		err = barrier.ErrBroken
	}
	return index, err
}

func (b countsFromOne) Wait() (int, error) {
	index, err := b.Barrier.Wait()
	if err == nil {
		index++
	}
	return index, err
}

func (b heals) Wait() (int, error) {
	index, err := b.Barrier.Wait()
	if err != nil {
		b.Reset()
	}
	return index, err
}

func (b abortsForAWhile) Abort() {
	b.Barrier.Abort()
	b.Reset()
}

func (b resetsForGood) Reset() { b.Abort() }

func TestTheLinearizabilityCheckNoticesBrokenBarriers(t *testing.T) {
	for name, broken := range map[string]func(b *barrier.Barrier) subject{
		"who is late passes":              func(b *barrier.Barrier) subject { return passesLate{b} },
		"a give-up does not break it":     func(b *barrier.Barrier) subject { return breaksNothing{b} },
		"who has passed breaks it":        func(b *barrier.Barrier) subject { return breaksTooMuch{b} },
		"who gives up gets ErrBroken":     func(b *barrier.Barrier) subject { return forgetsTheCause{b} },
		"the index begins at 1":           func(b *barrier.Barrier) subject { return countsFromOne{b} },
		"it does not stay broken":         func(b *barrier.Barrier) subject { return heals{b} },
		"Abort breaks but for a while":    func(b *barrier.Barrier) subject { return abortsForAWhile{b} },
		"Reset leaves the barrier broken": func(b *barrier.Barrier) subject { return resetsForGood{b} },
	} {
		t.Run(name, func(t *testing.T) {
			proof.FindViolation(t, 5000, programs(t, true, 2, 3, broken))
		})
	}
}
