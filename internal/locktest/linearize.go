package locktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/gothreading/threading/internal/proof"
)

// A Reentrant lock has an owner who may lock it again.
type Reentrant interface {
	Locker
	Owned() bool
	Depth() int
	UnlockAll() int
	LockDepth(depth int)
}

// A call is one call of a history.
type call struct {
	client int
	method method
	depth  int           // of LockDepth
	limit  time.Duration // of LockTimeout and LockContext
}

type method int

const (
	lock method = iota
	tryLock
	lockTimeout
	lockContext
	lockContextEnded
	unlock
	isLocked
	lockDepth // this and the rest are for a Reentrant
	unlockAll
	owned
	depth
)

var methods = [...]string{"Lock", "TryLock", "LockTimeout", "LockContext", "LockContext (ended)", "Unlock", "Locked",
	"LockDepth", "UnlockAll", "Owned", "Depth"}

func (c call) String() string {
	s := fmt.Sprint("client ", c.client, ": ", methods[c.method])
	switch c.method {
	case lockTimeout, lockContext:
		s += fmt.Sprint(" ", c.limit)
	case lockDepth:
		s += fmt.Sprint(" ", c.depth)
	}
	return s
}

// An answer is what a call returned.
type answer struct {
	ok       bool
	depth    int
	panicked bool
}

// A state is that of the sequential model: the owner, from 1, and its depth; or
// 0 and 0.
type state struct{ owner, depth int }

// step is the sequential lock. It returns the state after a call's answer, and
// whether that may be the answer at all. A call that gave up has no effect.
// Whether it was right to give up is a matter of time, which a history does not
// record, unless it had no reason to wait or no time to.
func step(reentrant bool, s state, c call, a answer) (allowed bool, next state) {
	me := c.client + 1
	mine := s.owner == me && reentrant
	mayLock := s.owner == 0 || mine
	acquired := state{me, s.depth + 1}
	if a.panicked {
		// Misuse changes nothing.
		return (c.method == unlock || c.method == unlockAll) && (s.owner == 0 || reentrant && !mine), s
	}
	switch c.method {
	case lock:
		return mayLock, acquired
	case lockDepth:
		if c.depth < 1 {
			return true, s
		}
		return mayLock, state{me, s.depth + c.depth}
	case tryLock:
		if !a.ok {
			return !mayLock, s
		}
		return mayLock, acquired
	case lockTimeout:
		if !a.ok {
			return !mine && (c.limit > 0 || !mayLock), s
		}
		return mayLock, acquired
	case lockContext:
		if !a.ok {
			return true, s // it may have ended at entry
		}
		return mayLock, acquired
	case lockContextEnded:
		return !a.ok, s
	case unlock:
		if s.owner == 0 || reentrant && !mine {
			return false, s
		}
		if s.depth > 1 {
			return true, state{s.owner, s.depth - 1}
		}
		return true, state{}
	case unlockAll:
		return mine && a.depth == s.depth, state{}
	case isLocked:
		return a.ok == (s.owner != 0), s
	case owned:
		return a.ok == mine, s
	case depth:
		if !mine {
			return a.depth == 0, s
		}
		return a.depth == s.depth, s
	}
	panic("no such method")
}

func model(reentrant bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(s, in, out any) (bool, any) {
			allowed, next := step(reentrant, s.(state), in.(call), out.(answer))
			return allowed, next
		},
	}
}

// perform makes c on l.
func perform(l Locker, c call) (a answer) {
	r, _ := l.(Reentrant)
	switch c.method {
	case lock:
		l.Lock()
	case tryLock:
		a.ok = l.TryLock()
	case lockTimeout:
		a.ok = l.LockTimeout(c.limit)
	case lockContext:
		ctx, cancel := context.WithTimeout(context.Background(), c.limit)
		a.ok = l.LockContext(ctx) == nil
		cancel()
	case lockContextEnded:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		a.ok = l.LockContext(ctx) == nil
	case unlock:
		a.panicked = proof.Recovered(l.Unlock) != nil
	case isLocked:
		a.ok = l.Locked()
	case lockDepth:
		r.LockDepth(c.depth)
	case unlockAll:
		a.panicked = proof.Recovered(func() { a.depth = r.UnlockAll() }) != nil
	case owned:
		a.ok = r.Owned()
	case depth:
		a.depth = r.Depth()
	}
	return a
}

// A world is where a history takes place: a bubble, or not.
type world struct {
	tick  time.Duration // a limit is a few of them
	pause func(n int)   // for n ticks
}

// history runs a random program of several clients on l and returns what each
// call returned, and when. held is how deep a client believes that it owns l,
// so that it does not wait for itself. It avoids misuse only where it would
// unlock for another client.
func history(l Locker, w world, seed uint64) []porcupine.Operation {
	const clients, calls = 4, 12
	_, reentrant := l.(Reentrant)
	var (
		clock   atomic.Int64
		wg      sync.WaitGroup
		results [clients][]porcupine.Operation
	)
	for client := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			held := 0
			do := func(m method) {
				c := call{client: client, method: m}
				switch m {
				case lockTimeout:
					c.limit = time.Duration(rng.IntN(5)-1) * w.tick
				case lockContext:
					c.limit = time.Duration(1+rng.IntN(3)) * w.tick
				case lockDepth:
					c.depth = rng.IntN(4)
				}
				before := clock.Add(1)
				a := perform(l, c)
				results[client] = append(results[client], porcupine.Operation{
					ClientId: client, Input: c, Call: before, Output: a, Return: clock.Add(1),
				})
				switch {
				case m == unlock && held > 0:
					held--
				case m == unlockAll:
					held = 0
				case m == lock || m <= lockContextEnded && a.ok:
					held++
				case m == lockDepth:
					held += c.depth
				}
			}
			for range calls {
				switch n := rng.IntN(16); {
				case n < 5 && held > 0:
					do(unlock)
				case n == 5 && reentrant:
					do(unlockAll)
				case n == 6 && reentrant:
					do(lockDepth)
				case n == 7 && reentrant:
					do(owned)
				case n == 8 && reentrant:
					do(depth)
				case n == 9 && reentrant:
					do(unlock) // perhaps not its own to unlock
				case n == 10:
					do(isLocked)
				case n == 11:
					do(tryLock)
				case n == 12:
					do(lockContext)
				case n == 13:
					do(lockContextEnded)
				case n == 14 && (held == 0 || reentrant):
					do(lock)
				default:
					do(lockTimeout)
				}
				if rng.IntN(2) == 0 {
					w.pause(rng.IntN(3))
				}
			}
			for held > 0 {
				do(unlock)
			}
			do(isLocked)
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, each := range results {
		all = append(all, each...)
	}
	return all
}

// programs returns the programs on such locks. Every other one takes place in a
// bubble, where calls meet at the same instant.
func programs(t *testing.T, newLock New) proof.Program {
	_, reentrant := newLock().(Reentrant)
	return func(seed uint64) (_ porcupine.Model, past []porcupine.Operation, _ error) {
		if seed%2 == 0 {
			past = history(newLock(), world{500 * time.Nanosecond, func(n int) {
				runtime.Gosched()
				proof.Spin(n * 1000)
			}}, seed)
		} else {
			synctest.Test(t, func(*testing.T) {
				past = history(newLock(), world{time.Millisecond, func(n int) {
					time.Sleep(time.Duration(n) * time.Millisecond)
				}}, seed)
			})
		}
		return model(reentrant), past, nil
	}
}

// EveryHistoryIsLinearizable of random programs in all forms: there is an order
// of the calls, consistent with time, in which a lock that does one thing after
// the other would have given the same answers, and in which calls that gave up
// had no effect.
func EveryHistoryIsLinearizable(t *testing.T, newLock New) {
	defer proof.Watch(t)()
	proof.CheckHistories(t, Rounds(20_000), programs(t, newLock))
}

// PlantedBugsAreFound shows that the check of histories notices each of these
// broken locks.
func PlantedBugsAreFound(t *testing.T, bugs map[string]New) {
	for name, newLock := range bugs {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 2000, programs(t, newLock))
		})
	}
}
