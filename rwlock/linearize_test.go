package rwlock_test

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
	"github.com/gothreading/threading/rwlock"
)

// Small random programs run on an RWLock, several goroutines at once. Each call's beginning, end and result are noted, and
// porcupine looks for an order of the calls in which a flag and a number would have given the same results: each call at
// one moment between its beginning and its end, and without effect if it gave up.
//
// One thing is not linearizable, and promised not to be: while a writer waits, TryRLock fails though there are only
// readers, or nobody. So a failure is excused that overlaps a call by which a writer may wait. A TryLock is excused, too,
// that ended more than a millisecond after the program had begun: the lock may be kept for one that was passed over.

// An api is what the programs use.
type api interface {
	Lock()
	TryLock() bool
	LockTimeout(time.Duration) bool
	LockContext(context.Context) error
	Unlock()
	RLock()
	TryRLock() bool
	RLockTimeout(time.Duration) bool
	RLockContext(context.Context) error
	RUnlock()
	Downgrade()
	Locked() bool
	Readers() int
}

// A response is what a call, which is named by a string, returned.
type response struct {
	ok      bool // it locked, or did not panic
	n       int
	late    bool // more than a millisecond after the beginning of the program
	excused bool
}

type state struct {
	writer  bool
	readers int
}

var flagAndNumber = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(st, input, output any) (bool, any) {
		s, out := st.(state), output.(response)
		switch input.(string) {
		case "Lock", "LockTimeout", "LockContext", "TryLock":
			if out.ok {
				return s == state{}, state{writer: true}
			}
			return input != "TryLock" || s != state{} || out.excused, s
		case "RLock", "RLockTimeout", "RLockContext", "TryRLock":
			if out.ok {
				return !s.writer, state{readers: s.readers + 1}
			}
			return input != "TryRLock" || s.writer || out.excused, s
		case "Unlock":
			return out.ok == s.writer, state{readers: s.readers}
		case "Downgrade":
			if s.writer {
				return out.ok, state{readers: 1}
			}
			return !out.ok, s
		case "RUnlock":
			if s.readers > 0 {
				return out.ok, state{s.writer, s.readers - 1}
			}
			return !out.ok, s
		case "Locked":
			return out.ok == s.writer, s
		case "Readers":
			return out.n == s.readers, s
		}
		panic("no such call")
	},
}

// excuse marks the failures that are excused.
func excuse(history []porcupine.Operation) {
	overlaps := func(o porcupine.Operation, calls ...string) bool {
		return slices.ContainsFunc(history, func(other porcupine.Operation) bool {
			return other.ClientId != o.ClientId && other.Call < o.Return && o.Call < other.Return &&
				slices.Contains(calls, other.Input.(string))
		})
	}
	for i, o := range history {
		out := o.Output.(response)
		switch o.Input {
		case "TryRLock":
			out.excused = overlaps(o, "Lock", "LockTimeout", "LockContext")
		case "TryLock":
			out.excused = out.late && overlaps(o, "Lock", "LockTimeout", "LockContext")
		}
		history[i].Output = out
	}
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

// execute runs a random program and returns its history. Whoever is about to wait without a limit releases first what it
// holds, and everybody does so in the end, so everybody ends. Misuse is among the calls: it releases what others hold, or
// panics.
func execute(l api, w world, seed uint64) []porcupine.Operation {
	const clients, calls = 4, 8
	var (
		clock     atomic.Int64
		wg        sync.WaitGroup
		started   = time.Now()
		histories [clients][]porcupine.Operation
	)
	for client := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			var reads, writes int
			note := func(call string, do func() response) bool {
				begin := clock.Add(1)
				out := do()
				out.late = time.Since(started) >= time.Millisecond
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: call, Output: out, Call: begin, Return: clock.Add(1),
				})
				return out.ok
			}
			succeeds := func(f func()) func() response {
				return func() response { return response{ok: proof.Recovered(f) == nil} }
			}
			is := func(f func() bool) func() response { return func() response { return response{ok: f()} } }
			release := func() {
				for ; reads > 0; reads-- {
					note("RUnlock", succeeds(l.RUnlock))
				}
				for ; writes > 0; writes-- {
					if rng.IntN(2) == 0 && note("Downgrade", succeeds(l.Downgrade)) {
						note("RUnlock", succeeds(l.RUnlock))
					} else {
						note("Unlock", succeeds(l.Unlock))
					}
				}
			}
			within := func(lock func(context.Context) error) func() response {
				limit := w.limit(rng.IntN(3))
				return func() response {
					ctx, cancel := context.WithTimeout(context.Background(), limit)
					defer cancel()
					return response{ok: lock(ctx) == nil}
				}
			}
			got := func(ok bool, holds *int) {
				if ok {
					*holds++
				}
			}
			for range calls {
				w.pause(rng.IntN(3))
				limit := w.limit(rng.IntN(3))
				switch rng.IntN(14) {
				case 0:
					release()
					got(note("Lock", succeeds(l.Lock)), &writes)
				case 1:
					release()
					got(note("RLock", succeeds(l.RLock)), &reads)
				case 2:
					got(note("TryLock", is(l.TryLock)), &writes)
				case 3:
					got(note("TryRLock", is(l.TryRLock)), &reads)
				case 4:
					got(note("LockTimeout", is(func() bool { return l.LockTimeout(limit) })), &writes)
				case 5, 6:
					got(note("RLockTimeout", is(func() bool { return l.RLockTimeout(limit) })), &reads)
				case 7:
					got(note("LockContext", within(l.LockContext)), &writes)
				case 8:
					got(note("RLockContext", within(l.RLockContext)), &reads)
				case 9:
					note("Locked", is(l.Locked))
				case 10:
					note("Readers", func() response { return response{n: l.Readers()} })
				case 11:
					if rng.IntN(4) == 0 { // perhaps another's
						note("RUnlock", succeeds(l.RUnlock))
					}
				case 12:
					if rng.IntN(4) == 0 {
						note("Unlock", succeeds(l.Unlock))
					}
				default:
					release()
				}
			}
			release()
		})
	}
	wg.Wait()
	history := slices.Concat(histories[:]...)
	excuse(history)
	return history
}

func programs(t *testing.T, worlds []world, newLock func() api) proof.Program {
	return func(seed uint64) (_ porcupine.Model, calls []porcupine.Operation, _ error) {
		w := worlds[seed%uint64(len(worlds))]
		run := func() { calls = execute(newLock(), w, seed) }
		if w.bubble {
			synctest.Test(t, func(*testing.T) { run() })
		} else {
			run()
		}
		return flagAndNumber, calls, nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	for i, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.CheckHistories(t, rounds(30_000), programs(t, worlds[i:i+1], func() api { return new(rwlock.RWLock) }))
		})
	}
}

// Locks with the mistakes that matter. If the check above cannot tell them from a right one it is worth nothing.
type (
	lyingTimeout   struct{ *rwlock.RWLock }
	lyingContext   struct{ *rwlock.RWLock }
	keepsCancelled struct{ *rwlock.RWLock }
	twoWriters     struct{ *rwlock.RWLock }
	opensBetween   struct{ *rwlock.RWLock }
	staysWriter    struct{ *rwlock.RWLock }
	forgetsReader  struct{ *rwlock.RWLock }
	countsWriter   struct{ *rwlock.RWLock }
	quietMisuse    struct{ *rwlock.RWLock }
)

func (l lyingTimeout) RLockTimeout(d time.Duration) bool { return l.RWLock.RLockTimeout(d) || true }

func (l lyingContext) LockContext(ctx context.Context) error {
	_ = l.RWLock.LockContext(ctx)
	return nil
}

func (l keepsCancelled) RLockContext(ctx context.Context) error {
	err := l.RWLock.RLockContext(ctx)
	if err == nil && rand.IntN(2) == 0 {
		return context.Canceled
	}
	return err
}

func (l twoWriters) TryLock() bool { return l.RWLock.TryLock() || l.Locked() && rand.IntN(4) == 0 }

func (l opensBetween) Downgrade() {
	l.Unlock()
	time.Sleep(time.Nanosecond)
	l.RLock()
}

func (l staysWriter) Downgrade() {
	if !l.Locked() {
		l.RWLock.Downgrade()
	}
}

func (l forgetsReader) Readers() int { return min(1, l.RWLock.Readers()) }

func (l countsWriter) Readers() int {
	if l.Locked() {
		return 1
	}
	return l.RWLock.Readers()
}

func (l quietMisuse) RUnlock() { _ = proof.Recovered(l.RWLock.RUnlock) }

func TestPlantedBugsAreFound(t *testing.T) {
	type rw = rwlock.RWLock
	for name, newLock := range map[string]func() api{
		"a timeout is reported as success":        func() api { return lyingTimeout{new(rw)} },
		"a cancel is reported as success":         func() api { return lyingContext{new(rw)} },
		"one that is let in says that it gave up": func() api { return keepsCancelled{new(rw)} },
		"two writers":                        func() api { return twoWriters{new(rw)} },
		"Downgrade lets a writer in between": func() api { return opensBetween{new(rw)} },
		"Downgrade does nothing":             func() api { return staysWriter{new(rw)} },
		"there is one reader at most":        func() api { return forgetsReader{new(rw)} },
		"the writer counts as a reader":      func() api { return countsWriter{new(rw)} },
		"misuse is not noticed":              func() api { return quietMisuse{new(rw)} },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			// Where a hold is lost, somebody would wait for ever: only outside can that be ended.
			proof.FindViolation(t, 20_000, func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
				l := newLock()
				rescue := time.AfterFunc(2*time.Second, func() {
					for range 100 {
						_ = proof.Recovered(l.Unlock)
						_ = proof.Recovered(l.RUnlock)
						time.Sleep(time.Millisecond)
					}
				})
				defer rescue.Stop()
				return flagAndNumber, execute(l, worlds[0], seed), nil
			})
		})
	}
}
