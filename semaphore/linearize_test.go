package semaphore_test

import (
	"context"
	"errors"
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
	"github.com/gothreading/threading/semaphore"
)

// Small random programs run on a semaphore, several goroutines at once. Each
// call's beginning, end and result are noted, and porcupine looks for an order
// of the calls in which a number would have given the same results: each call
// at one moment between its beginning and its end. A call that gave up is one
// without effect.
//
// One thing is not linearizable, and promised not to be: while permits are
// being kept for a waiter that was passed over for a millisecond, TryAcquire
// may fail though Value is not 0. So a failure is excused that ended more than
// a millisecond after the program had begun and overlaps a call that can wait.
// Without excuse it needs a moment at which too few permits were free. In the
// bubble no program takes a millisecond, so nothing is excused there.

// A request is one call, and a response what it returned.
type request struct {
	op string
	n  int
}

type response struct {
	ok      bool // it acquired, or released, what it was to
	value   int  // of Value
	late    bool // more than a millisecond after the beginning of the program
	excused bool
}

// The calls that can wait.
var waits = []string{"Acquire", "AcquireTimeout", "AcquireContext", "AcquireN", "AcquireNTimeout", "AcquireNContext"}

// sequentialSemaphore is a semaphore whose value is never more than limit.
func sequentialSemaphore(value, limit int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return value },
		Step: func(state, input, output any) (bool, any) {
			value, in, out := state.(int), input.(request), output.(response)
			switch in.op {
			case "Value":
				return out.value == value, value
			case "Release", "ReleaseN", "TryRelease":
				if out.ok != (in.n <= limit-value) {
					return false, value
				}
				if out.ok {
					value += in.n
				}
				return true, value
			}
			if out.ok {
				return in.n <= value, value - in.n
			}
			switch in.op {
			case "AcquireContext", "AcquireNContext":
				return true, value // it may have ended before the call began
			}
			return in.n > value || out.excused, value
		},
	}
}

// excuse marks the failures that are excused.
func excuse(history []porcupine.Operation) {
	for i, o := range history {
		out := o.Output.(response)
		if out.ok || !out.late {
			continue
		}
		out.excused = slices.ContainsFunc(history, func(other porcupine.Operation) bool {
			return other.ClientId != o.ClientId && other.Call < o.Return && o.Call < other.Return &&
				slices.Contains(waits, other.Input.(request).op)
		})
		history[i].Output = out
	}
}

// Operations in about the proportion in which they are interesting.
var mix = append(strings.Fields(`TryAcquire TryAcquireN TryAcquireN AcquireTimeout0 AcquireTimeout AcquireNTimeout
	AcquireContext AcquireNContext AcquireTimeout AcquireNTimeout AcquireContext AcquireNContext
	Value Release Release ReleaseN ReleaseN TryRelease`), waits...)

// A world is how a program runs: outside, where time is real and short, or in a
// bubble, where everything that is due at the same nanosecond happens at once.
type world struct {
	name   string
	bubble bool
	pause  func(*rand.Rand)               // between two calls
	limit  func(*rand.Rand) time.Duration // of a call
}

var worlds = []world{
	{
		"outside", false,
		func(r *rand.Rand) {
			if r.IntN(4) == 0 {
				runtime.Gosched()
			}
			proof.Spin(r.IntN(1000))
		},
		func(r *rand.Rand) time.Duration { return time.Duration(1 + r.IntN(2000)) },
	},
	{
		"bubble", true,
		func(r *rand.Rand) { time.Sleep(time.Duration(r.IntN(3))) },
		func(r *rand.Rand) time.Duration { return time.Duration(1 + r.IntN(3)) },
	},
}

const begin = 3 // permits, and the bound of a BoundedSemaphore

// execute runs a random program and returns its history. Whoever is about to
// wait without a limit releases first what it has acquired, or finds that all
// are free. So what is free and what is held is never less than in the
// beginning, and everybody ends.
func execute(seed uint64, w world, c counter) []porcupine.Operation {
	const clients, calls = 4, 7
	var (
		clock     atomic.Int64
		wg        sync.WaitGroup
		started   = time.Now()
		histories [clients][]porcupine.Operation
	)
	for client := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			held := 0
			do := func(op string, n int) (ok bool) {
				in := request{op, n}
				call := clock.Add(1)
				out := in.call(c, w, r)
				out.late = time.Since(started) >= time.Millisecond
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: in, Output: out, Call: call, Return: clock.Add(1),
				})
				if out.ok && strings.Contains(op, "Acquire") {
					held += n
				}
				return out.ok
			}
			giveBack := func() {
				for ; held > 0; held-- {
					do("Release", 1)
				}
			}
			for range calls {
				w.pause(r)
				op, n := mix[r.IntN(len(mix))], 1
				if strings.Contains(op, "N") {
					n = 1 + r.IntN(begin)
				}
				switch op {
				case "Acquire", "AcquireN":
					giveBack()
				case "Release":
					held = max(0, held-1) // perhaps it was never acquired
				}
				if do(op, n) && op == "ReleaseN" {
					held = max(0, held-n)
				}
			}
			giveBack()
		})
	}
	wg.Wait()
	history := slices.Concat(histories[:]...)
	excuse(history)
	return history
}

func (in request) call(c counter, w world, r *rand.Rand) (out response) {
	ctx := func() context.Context {
		ctx, cancel := context.WithCancel(context.Background())
		if w.bubble {
			time.AfterFunc(w.limit(r), cancel)
			return ctx
		}
		n := r.IntN(3000)
		go func() {
			proof.Spin(n)
			cancel()
		}()
		return ctx
	}
	release := func(release func()) bool {
		return proof.Recovered(release) == nil
	}
	switch in.op {
	case "Acquire":
		c.Acquire()
		out.ok = true
	case "AcquireN":
		c.AcquireN(in.n)
		out.ok = true
	case "TryAcquire":
		out.ok = c.TryAcquire()
	case "TryAcquireN":
		out.ok = c.TryAcquireN(in.n)
	case "AcquireTimeout0":
		out.ok = c.AcquireTimeout(0)
	case "AcquireTimeout":
		out.ok = c.AcquireTimeout(w.limit(r))
	case "AcquireNTimeout":
		out.ok = c.AcquireNTimeout(in.n, w.limit(r))
	case "AcquireContext":
		out.ok = c.AcquireContext(ctx()) == nil
	case "AcquireNContext":
		out.ok = c.AcquireNContext(ctx(), in.n) == nil
	case "Release":
		out.ok = release(c.Release)
	case "ReleaseN":
		out.ok = release(func() { c.ReleaseN(in.n) })
	case "TryRelease":
		if b, ok := c.(interface{ TryRelease() bool }); ok {
			out.ok = b.TryRelease()
		} else {
			out.ok = release(c.Release)
		}
	case "Value":
		out.value = c.Value()
	}
	return out
}

// A maker makes what the programs run on. What hangs for seconds is ended by
// rescue, if that is not nil.
type maker func() (c counter, rescue func())

// programs returns the programs on such semaphores, in the worlds, of which the
// seed chooses one.
func programs(t *testing.T, worlds []world, limit int, make maker) proof.Program {
	return func(seed uint64) (_ porcupine.Model, history []porcupine.Operation, err error) {
		w := worlds[seed%uint64(len(worlds))]
		run := func() {
			c, rescue := make()
			if rescue != nil {
				timer := time.AfterFunc(5*time.Second, rescue)
				defer func() {
					if !timer.Stop() {
						err = errors.New("somebody waits for ever")
					}
				}()
			}
			history = execute(seed, w, c)
		}
		if w.bubble {
			synctest.Test(t, func(*testing.T) { run() })
		} else {
			run()
		}
		return sequentialSemaphore(begin, limit), history, err
	}
}

func TestConcurrentCallsAreLinearizable(t *testing.T) {
	for i, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			defer proof.Watch(t)()
			here := worlds[i : i+1]
			proof.CheckHistories(t, rounds(10_000), programs(t, here, largest, func() (counter, func()) {
				return semaphore.New(begin), nil
			}))
			proof.CheckHistories(t, rounds(10_000), programs(t, here, begin, func() (counter, func()) {
				return semaphore.NewBounded(begin), nil
			}))
		})
	}
}

// Semaphores with the mistakes that matter. If the check above cannot tell them
// from a right one it is worth nothing.
type (
	losesWhenTimedOut    struct{ *semaphore.Semaphore }
	takesWhenCancelled   struct{ *semaphore.Semaphore }
	doublesWhenCancelled struct{ *semaphore.Semaphore }
	takesOneByOne        struct{ *semaphore.Semaphore }
	givesOneByOne        struct{ *semaphore.Semaphore }
	triesToFail          struct{ *semaphore.Semaphore }
	looksBeforeItAdds    struct{ *semaphore.Semaphore }
	releasesInPart       struct{ *semaphore.BoundedSemaphore }
	hidesTheLast         struct{ *semaphore.Semaphore }
)

func (s losesWhenTimedOut) AcquireTimeout(d time.Duration) bool {
	return s.Semaphore.AcquireTimeout(d) || s.TryAcquire() && false
}

func (s takesWhenCancelled) AcquireNContext(ctx context.Context, n int) error {
	err := s.Semaphore.AcquireNContext(ctx, n)
	if err != nil {
		s.TryAcquireN(n)
	}
	return err
}

func (s doublesWhenCancelled) AcquireContext(ctx context.Context) error {
	err := s.Semaphore.AcquireContext(ctx)
	if err != nil {
		s.Release()
	}
	return err
}

func (s takesOneByOne) TryAcquireN(n int) bool {
	for i := range n {
		if !s.TryAcquire() {
			for range i {
				s.Release()
			}
			return false
		}
		proof.Spin(500)
		runtime.Gosched()
	}
	return true
}

func (s givesOneByOne) ReleaseN(n int) {
	for range n {
		s.Release()
		proof.Spin(500)
		runtime.Gosched()
	}
}

func (s triesToFail) TryAcquire() bool { return s.Value() > 1 && s.Semaphore.TryAcquire() }

func (s looksBeforeItAdds) TryRelease() bool {
	if s.Value() >= begin {
		return false
	}
	proof.Spin(500)
	runtime.Gosched()
	s.Semaphore.Release()
	return true
}

func (s looksBeforeItAdds) Release() {
	if !s.TryRelease() {
		panic(semaphore.ErrOverRelease)
	}
}

func (s looksBeforeItAdds) ReleaseN(n int) {
	if s.Value()+n > begin {
		panic(semaphore.ErrOverRelease)
	}
	s.Semaphore.ReleaseN(n)
}

func (b releasesInPart) ReleaseN(n int) {
	for range n {
		b.Release()
	}
}

func (s hidesTheLast) Value() int { return max(1, s.Semaphore.Value()) }

func TestTheLinearizabilityCheckNoticesBrokenSemaphores(t *testing.T) {
	type sem = semaphore.Semaphore
	for _, broken := range []struct {
		mistake string
		make    func(*sem) counter
		limit   int
	}{
		{"a timeout takes a permit", func(s *sem) counter { return losesWhenTimedOut{s} }, largest},
		{"a cancelled call takes its permits", func(s *sem) counter { return takesWhenCancelled{s} }, largest},
		{"a cancelled call adds a permit", func(s *sem) counter { return doublesWhenCancelled{s} }, largest},
		{"many are taken one by one", func(s *sem) counter { return takesOneByOne{s} }, largest},
		{"many are released one by one", func(s *sem) counter { return givesOneByOne{s} }, largest},
		{"a try fails with a permit free", func(s *sem) counter { return triesToFail{s} }, largest},
		{"Value is 1 when it is 0", func(s *sem) counter { return hidesTheLast{s} }, largest},
		{"a release looks and then adds", func(s *sem) counter { return looksBeforeItAdds{s} }, begin},
		{"too many are released in part", func(*sem) counter {
			return releasesInPart{semaphore.NewBounded(begin)}
		}, begin},
	} {
		t.Run(broken.mistake, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 40_000, programs(t, worlds, broken.limit, func() (counter, func()) {
				s := semaphore.New(begin)
				return broken.make(s), func() { s.ReleaseN(1000) }
			}))
		})
	}
}
