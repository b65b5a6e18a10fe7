//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
)

// Open programs: goroutines of several processes wait for something, some of them only for a while, by time or by context,
// and at random. What is there in the end is exactly enough for those who wait for as long as it takes; so nobody repairs a
// wake-up that was lost. Who misses one sleeps for minutes, see noSlices.

// A cast is what all actors of a program use.
type cast struct {
	Kind    string
	Seed    uint64
	Sem     *process.Semaphore
	Bounded *process.BoundedSemaphore
	Event   *process.Event
	Cond    *process.Condition
	Barrier *process.Barrier
	Queue   *process.Queue[int]
	Lock    *process.Lock
	Stop    *process.Event      // those who meddle stop
	Waiting *process.Value[int] // who wait for as long as it takes, and have said so
	Served  *process.Value[int]
	Taken   *process.Value[int] // what meddlers took for good
	Said    *process.Queue[string]
}

func newCast(kind string, seed uint64) cast {
	return cast{
		Kind: kind, Seed: seed, Sem: process.NewSemaphore(0), Bounded: process.NewBoundedSemaphore(40), Event: process.NewEvent(),
		Cond: process.NewCondition(nil), Barrier: process.NewBarrier(3, nil), Queue: process.NewQueue[int](3),
		Lock: process.NewLock(), Stop: process.NewEvent(), Waiting: process.NewValue(0), Served: process.NewValue(0),
		Taken: process.NewValue(0), Said: process.NewQueue[string](0),
	}
}

// shortly is a limit at random: a time or a context.
func shortly(r *rand.Rand, timed func(time.Duration) bool, ctx func(context.Context) error) bool {
	d := time.Duration(r.IntN(400)) * time.Microsecond
	if r.IntN(2) == 0 {
		return timed(d)
	}
	c, cancel := context.WithTimeoutCause(context.Background(), d, errWhy)
	defer cancel()
	err := ctx(c)
	if err != nil && !errors.Is(err, errWhy) {
		panic(err)
	}
	return err == nil
}

var play = process.Register(func(_ context.Context, c cast) (struct{}, error) {
	act2(c, uint64(os.Getpid()))
	return struct{}{}, nil
})

// act2 are three goroutines that wait for as long as it takes, and two that meddle.
func act2(c cast, more uint64) {
	var wg sync.WaitGroup
	for i := range 5 {
		r := rand.New(rand.NewPCG(c.Seed+more, uint64(i)))
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					_ = c.Said.Put(fmt.Sprint(c.Kind, ": ", v))
				}
			}()
			if i < 3 {
				process.Add(c.Waiting, 1)
				wants[c.Kind](c, r)
				process.Add(c.Served, 1)
				return
			}
			for !c.Stop.IsSet() {
				meddles[c.Kind](c, r)
				if r.IntN(4) == 0 {
					time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
				}
			}
		})
	}
	wg.Wait()
}

var wants = map[string]func(cast, *rand.Rand){
	"semaphore": func(c cast, r *rand.Rand) { c.Sem.Acquire() },
	"several permits": func(c cast, r *rand.Rand) {
		n := 1 + r.IntN(3)
		c.Sem.AcquireN(n)
		c.Sem.ReleaseN(n) // the next needs them
	},
	"bounded": func(c cast, r *rand.Rand) { c.Bounded.AcquireN(1 + r.IntN(2)) },
	"event":   func(c cast, r *rand.Rand) { c.Event.Wait() },
	"condition": func(c cast, r *rand.Rand) {
		c.Cond.Lock()
		c.Cond.Wait()
		c.Cond.Unlock()
	},
	"barrier": func(c cast, r *rand.Rand) {
		for {
			if _, err := c.Barrier.Wait(); err == nil {
				return
			}
			c.Barrier.Reset()
		}
	},
	"get": func(c cast, r *rand.Rand) {
		if _, err := c.Queue.Get(); err != nil {
			panic(err)
		}
	},
	"put": func(c cast, r *rand.Rand) {
		if err := c.Queue.Put(1); err != nil {
			panic(err)
		}
	},
	"lock": func(c cast, r *rand.Rand) {
		c.Lock.Lock()
		c.Lock.Unlock()
	},
	"join": func(c cast, r *rand.Rand) { c.Queue.Join() },
}

var meddles = map[string]func(cast, *rand.Rand){
	"semaphore": func(c cast, r *rand.Rand) {
		if shortly(r, c.Sem.AcquireTimeout, c.Sem.AcquireContext) {
			c.Sem.Release()
		}
	},
	"several permits": func(c cast, r *rand.Rand) {
		n := 1 + r.IntN(4)
		if shortly(r, func(d time.Duration) bool { return c.Sem.AcquireNTimeout(n, d) },
			func(ctx context.Context) error { return c.Sem.AcquireNContext(ctx, n) }) {
			c.Sem.ReleaseN(n)
		}
	},
	"bounded": func(c cast, r *rand.Rand) {
		n := 1 + r.IntN(3)
		if shortly(r, func(d time.Duration) bool { return c.Bounded.AcquireNTimeout(n, d) },
			func(ctx context.Context) error { return c.Bounded.AcquireNContext(ctx, n) }) {
			c.Bounded.ReleaseN(n)
		}
	},
	"event": func(c cast, r *rand.Rand) { shortly(r, c.Event.WaitTimeout, c.Event.WaitContext) },
	"condition": func(c cast, r *rand.Rand) {
		c.Cond.Lock()
		if shortly(r, c.Cond.WaitTimeout, c.Cond.WaitContext) {
			process.Add(c.Taken, 1)
		}
		c.Cond.Unlock()
	},
	"barrier": func(c cast, r *rand.Rand) {
		if _, err := c.Barrier.WaitTimeout(time.Duration(r.IntN(300)) * time.Microsecond); err == barrier.ErrBroken {
			c.Barrier.Reset()
		}
	},
	"get": func(c cast, r *rand.Rand) {
		if shortly(r, func(d time.Duration) bool { _, err := c.Queue.GetTimeout(d); return err == nil },
			func(ctx context.Context) error { _, err := c.Queue.GetContext(ctx); return err }) {
			process.Add(c.Taken, 1)
		}
	},
	"put": func(c cast, r *rand.Rand) {
		if shortly(r, func(d time.Duration) bool { return c.Queue.PutTimeout(1, d) == nil },
			func(ctx context.Context) error { return c.Queue.PutContext(ctx, 1) }) {
			process.Add(c.Taken, 1)
		}
	},
	"lock": func(c cast, r *rand.Rand) {
		if shortly(r, c.Lock.LockTimeout, c.Lock.LockContext) {
			if r.IntN(3) == 0 {
				time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
			}
			c.Lock.Unlock()
		}
	},
	"join": func(c cast, r *rand.Rand) { shortly(r, c.Queue.JoinTimeout, c.Queue.JoinContext) },
}

// gives is what the test does when all wait: it gives what they need, in pieces, and returns when it has given all.
var gives = map[string]func(t *testing.T, c cast, r *rand.Rand, waiters int){
	"semaphore": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		for left := waiters; left > 0; {
			n := 1 + r.IntN(min(left, 3))
			c.Sem.ReleaseN(n)
			left -= n
		}
	},
	"several permits": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		c.Sem.ReleaseN(2)
		c.Sem.ReleaseN(2)
	},
	"bounded": func(t *testing.T, c cast, r *rand.Rand, waiters int) { c.Bounded.ReleaseN(40) },
	"event": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		// They have said that they wait, a moment before they do.
		for c.Served.Get() < waiters {
			c.Event.Set()
			c.Event.Clear()
			time.Sleep(time.Millisecond)
		}
	},
	"condition": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		for given := 0; ; {
			c.Cond.Lock()
			served, taken := c.Served.Get(), c.Taken.Get()
			if served == waiters {
				c.Cond.Unlock()
				return
			}
			c.Cond.Notify(1)
			given++
			c.Cond.Unlock()
			if given > served+taken+waiters+100 { // most are for those who have not begun to wait
				time.Sleep(time.Millisecond)
			}
		}
	},
	"barrier": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		for c.Served.Get() < waiters {
			if _, err := c.Barrier.WaitTimeout(time.Duration(r.IntN(500)) * time.Microsecond); err != nil {
				c.Barrier.Reset()
			}
		}
	},
	"get": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		for i := 0; i < waiters+c.Taken.Get() || c.Served.Get() < waiters; {
			if i < waiters+c.Taken.Get() {
				if err := c.Queue.Put(i); err != nil {
					t.Error(err)
				}
				i++
			}
		}
	},
	"put": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		for got := 0; c.Served.Get() < waiters || got < waiters+c.Taken.Get(); {
			if _, err := c.Queue.GetTimeout(time.Millisecond); err == nil {
				got++
			}
		}
	},
	"lock": func(t *testing.T, c cast, r *rand.Rand, waiters int) { c.Lock.Unlock() },
	"join": func(t *testing.T, c cast, r *rand.Rand, waiters int) {
		c.Queue.Drain()
		for range 3 {
			c.Queue.TaskDone()
		}
	},
}

func TestWhoMustBeServedIsServed(t *testing.T) {
	for kind := range wants {
		t.Run(kind, func(t *testing.T) {
			defer proof.Watch(t)()
			for range proof.Rounds(60, 10, 15) {
				seed := rand.Uint64()
				if text := os.Getenv("SEED"); text != "" {
					seed, _ = strconv.ParseUint(text, 10, 64)
				}
				openProgram(t, kind, seed)
				if t.Failed() {
					t.Logf("seed %d", seed)
					return
				}
			}
		})
	}
}

func openProgram(t *testing.T, kind string, seed uint64) {
	c := newCast(kind, seed)
	r := rand.New(rand.NewPCG(seed, 0))
	switch kind { // what nobody has at first
	case "bounded":
		c.Bounded.AcquireN(40)
	case "lock":
		c.Lock.Lock()
	case "put", "join":
		for i := range 3 {
			c.Queue.Put(i)
		}
	}
	var here sync.WaitGroup
	here.Go(func() { act2(c, 0) }) // goroutines of this process among those of others
	var others []*process.Process[struct{}]
	for range 1 + r.IntN(3) {
		others = append(others, start(t, play, c))
	}
	waiters := 3 * (1 + len(others))
	eventually(t, "all wait", func() bool { return c.Waiting.Get() == waiters })
	if r.IntN(2) == 0 {
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	}
	given := make(chan struct{})
	go func() {
		defer close(given)
		gives[kind](t, c, r, waiters)
	}()
	eventually(t, "all are served", func() bool {
		select {
		case <-given:
			return c.Served.Get() == waiters
		default:
			return false
		}
	})
	c.Stop.Set()
	for _, p := range others {
		result(t, p)
	}
	here.Wait()
	if said, err := c.Said.TryGet(); err == nil {
		t.Error(said)
	}
	checkEnd(t, c, waiters)
}

// checkEnd checks that nothing is left over, and nothing missing.
func checkEnd(t *testing.T, c cast, waiters int) {
	t.Helper()
	switch c.Kind {
	case "semaphore":
		if v := c.Sem.Value(); v != 0 {
			t.Errorf("%d permits are left", v)
		}
	case "several permits":
		if v := c.Sem.Value(); v != 4 {
			t.Errorf("%d permits are left, want 4", v)
		}
	case "bounded": // those who have ended have given theirs back
		for c.Bounded.TryRelease() { // and this process has its own
		}
		if v := c.Bounded.Value(); v != 40 {
			t.Errorf("%d permits, want 40", v)
		}
	case "get":
		if n := c.Queue.Len(); n != 0 {
			t.Errorf("%d items are left", n)
		}
	case "lock":
		if c.Lock.Locked() || !c.Lock.TryLock() {
			t.Error("it is locked")
		}
	}
}

var waitOnce = process.Register(func(_ context.Context, c cast) (struct{}, error) {
	waitTwice(c)
	return struct{}{}, nil
})

// waitTwice are two goroutines that wait for as long as it takes, and one that gives up.
func waitTwice(c cast) {
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			c.Cond.Lock()
			defer c.Cond.Unlock()
			if i < 2 {
				process.Add(c.Waiting, 1) // with the lock held: who sees it with the lock sees somebody that waits
				c.Cond.Wait()
				process.Add(c.Served, 1)
				return
			}
			for !c.Stop.IsSet() {
				if c.Cond.WaitTimeout(200 * time.Microsecond) {
					process.Add(c.Served, 1)
				}
			}
		})
	}
	wg.Wait()
}

// Each notification wakes one of those who wait, whoever gives up meanwhile.
func TestANotificationWakesExactlyOne(t *testing.T) {
	defer proof.Watch(t)()
	for range proof.Rounds(40, 10, 8) {
		c := newCast("condition", 0)
		var here sync.WaitGroup
		here.Go(func() { waitTwice(c) })
		others := []*process.Process[struct{}]{start(t, waitOnce, c), start(t, waitOnce, c)}
		eventually(t, "six wait", func() bool { return c.Waiting.Get() == 6 })
		for n := range 4 { // 0, 1, 2, 3: six in all
			c.Cond.Lock()
			before := c.Served.Get()
			c.Cond.Notify(n)
			c.Cond.Unlock()
			eventually(t, "as many are awake", func() bool { return c.Served.Get() == before+n })
		}
		c.Stop.Set()
		eventually(t, "all have gone", func() bool { // those who gave up may have been notified instead of those who do not
			c.Cond.Lock()
			c.Cond.NotifyAll()
			c.Cond.Unlock()
			return !others[0].IsAlive() && !others[1].IsAlive()
		})
		here.Wait()
		if n := c.Served.Get(); n < 6 {
			t.Errorf("%d were woken by six notifications", n)
		}
	}
}
