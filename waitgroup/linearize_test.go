package waitgroup_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

// Small random programs run on a WaitGroup, several goroutines at once. Each call's beginning, end and result are noted,
// and porcupine looks for an order of the calls in which a number would have given the same results. A wait that succeeded
// takes place when the number is 0; one that gave up, when it is not.

// An api is what the programs use.
type api interface {
	Add(n int)
	Count() int
	Wait()
	WaitTimeout(d time.Duration) bool
	WaitContext(ctx context.Context) error
	C() <-chan struct{}
}

// A request is one call, and a response what came of it.
type request struct {
	call string
	n    int
}

type response struct {
	ok bool
	n  int
}

var number = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		count, in, out := state.(int), input.(request), output.(response)
		switch in.call {
		case "Add":
			if out.ok != (count+in.n >= 0) {
				return false, count
			}
			if out.ok {
				count += in.n
			}
			return true, count
		case "Count":
			return out.n == count, count
		case "WaitContext":
			return !out.ok || count == 0, count // the context may have ended before
		}
		return out.ok == (count == 0), count
	},
}

// A world is how a program runs: outside, where time is real and short, or in a bubble, where everything that is due at
// the same nanosecond happens at once.
type world struct {
	name   string
	bubble bool
	pause  func(n int)
	limit  func(n int) time.Duration
}

var worlds = []world{
	{"outside", false, func(n int) { runtime.Gosched(); proof.Spin(n * 500) }, func(n int) time.Duration { return time.Duration(1 + 500*n) }},
	{"bubble", true, func(n int) { time.Sleep(time.Duration(n)) }, func(n int) time.Duration { return time.Duration(1 + n) }},
}

// execute runs a random program and returns its history. Whoever is about to wait without a limit takes off first what it
// has added; and everybody does so in the end. So everybody ends, if nobody adds or takes off what he was not told to; else
// nobody may wait without a limit.
func execute(w api, world world, seed uint64, patient bool) []porcupine.Operation {
	const clients, calls = 4, 7
	var (
		clock     atomic.Int64
		wg        sync.WaitGroup
		histories [clients][]porcupine.Operation
	)
	for client := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			mine := 0
			note := func(in request, do func() response) bool {
				call := clock.Add(1)
				out := do()
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: in, Output: out, Call: call, Return: clock.Add(1),
				})
				return out.ok
			}
			add := func(n int) {
				if note(request{"Add", n}, func() response { return response{ok: proof.Recovered(func() { w.Add(n) }) == nil} }) {
					mine += n
				}
			}
			giveBack := func() {
				for n := mine; n > 0; n-- {
					add(-1)
				}
			}
			for range calls {
				world.pause(rng.IntN(3))
				limit := world.limit(rng.IntN(3))
				switch rng.IntN(9) {
				case 0, 1:
					add(1 + rng.IntN(2))
				case 2:
					giveBack()
				case 3:
					add(-100) // so many there are not
				case 4:
					note(request{call: "Count"}, func() response { return response{n: w.Count()} })
				case 5:
					note(request{call: "WaitTimeout"}, func() response { return response{ok: w.WaitTimeout(limit * time.Duration(rng.IntN(2)))} })
				case 6:
					note(request{call: "WaitContext"}, func() response {
						ctx, cancel := context.WithTimeout(context.Background(), limit)
						defer cancel()
						return response{ok: w.WaitContext(ctx) == nil}
					})
				case 7:
					note(request{call: "C"}, func() response { return response{ok: isClosed(w.C())} })
				case 8:
					giveBack()
					if !patient {
						break
					}
					if rng.IntN(2) == 0 {
						note(request{call: "Wait"}, func() response { w.Wait(); return response{ok: true} })
					} else {
						note(request{call: "<-C"}, func() response { <-w.C(); return response{ok: true} })
					}
				}
			}
			giveBack()
		})
	}
	wg.Wait()
	return slices.Concat(histories[:]...)
}

func programs(t *testing.T, worlds []world, patient bool, newGroup func() api) proof.Program {
	return func(seed uint64) (_ porcupine.Model, calls []porcupine.Operation, _ error) {
		w := worlds[seed%uint64(len(worlds))]
		run := func() { calls = execute(newGroup(), w, seed, patient) }
		if w.bubble {
			synctest.Test(t, func(*testing.T) { run() })
		} else {
			run()
		}
		return number, calls, nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	for i, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.CheckHistories(t, rounds(20_000), programs(t, worlds[i:i+1], true, func() api { return new(waitgroup.WaitGroup) }))
		})
	}
}

// WaitGroups with the mistakes that matter. If the check above cannot tell them from a right one it is worth nothing.
type (
	lyingTimeout struct{ *waitgroup.WaitGroup }
	lyingContext struct{ *waitgroup.WaitGroup }
	hasty        struct{ *waitgroup.WaitGroup }
	countsInPart struct{ *waitgroup.WaitGroup }
	neverBelow   struct{ *waitgroup.WaitGroup }
	oldChannel   struct {
		*waitgroup.WaitGroup
		c atomic.Pointer[<-chan struct{}]
	}
	lateCount struct {
		*waitgroup.WaitGroup
		before atomic.Int64
	}
)

func (w lyingTimeout) WaitTimeout(d time.Duration) bool { return w.WaitGroup.WaitTimeout(d) || d > 0 }

func (w lyingContext) WaitContext(ctx context.Context) error {
	_ = w.WaitGroup.WaitContext(ctx)
	return nil
}

func (w hasty) Wait() { w.WaitTimeout(1) }

func (w countsInPart) Add(n int) {
	for ; n < 0; n++ {
		w.WaitGroup.Add(-1)
	}
	w.WaitGroup.Add(n)
}

func (w neverBelow) Add(n int) { w.WaitGroup.Add(max(n, -w.Count())) }

func (w *oldChannel) C() <-chan struct{} {
	c := w.WaitGroup.C()
	w.c.CompareAndSwap(nil, &c)
	return *w.c.Load()
}

func (w *lateCount) Count() int { return int(w.before.Swap(int64(w.WaitGroup.Count()))) }

func TestPlantedBugsAreFound(t *testing.T) {
	type group = waitgroup.WaitGroup
	for name, newGroup := range map[string]func() api{
		"a timeout is reported as success": func() api { return lyingTimeout{new(group)} },
		"a cancel is reported as success":  func() api { return lyingContext{new(group)} },
		"misuse changes the count":         func() api { return countsInPart{new(group)} },
		"misuse is not noticed":            func() api { return neverBelow{new(group)} },
		"Wait does not always wait":        func() api { return hasty{new(group)} },
		"C is of an old round":             func() api { return &oldChannel{WaitGroup: new(group)} },
		"Count is out of date":             func() api { return &lateCount{WaitGroup: new(group)} },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 20_000, programs(t, worlds[1:], name == "Wait does not always wait", newGroup))
		})
	}
}
