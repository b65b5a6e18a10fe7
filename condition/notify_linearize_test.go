package condition_test

import (
	"context"
	"fmt"
	"math"
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

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
)

// Small random programs wait for notifications and make them, several clients
// at once, and porcupine looks for an order of what happened in which a queue
// of waiters would have given the same answers. A wait happens at two instants:
// its waiter goes to the end of the queue, and later it has been notified, or
// gives up, and then is in the queue no more. So each wait is two steps of the
// history: no notification goes to somebody who gave up, and none is reported
// that nobody made. That none is lost is seen when nothing goes on any more:
// whoever is left has not been notified.

type notifyStep struct {
	what notifyWhat
	n    int // which wait it is, or how many a Notify notifies, or a bit for each wait that is left
}

type notifyWhat int

const (
	enters notifyWhat = iota
	notified
	givesUp
	notifies
	settled // nothing happens any more until somebody notifies
	accepts // a context that had ended at entry
)

func (s notifyStep) String() string {
	return fmt.Sprint([]string{"enters: wait ", "notified: wait ", "gives up: wait ", "Notify ", "nothing goes on, still wait ",
		"accepts an ended ctx: wait "}[s.what], s.n)
}

// A queueOfWaiters is the state of the model: who waits, a letter each, and a
// bit for each of those who have been notified and do not know yet.
type queueOfWaiters struct {
	waiting  string
	notified uint32
}

var notifyModel = porcupine.Model{
	Init: func() any { return queueOfWaiters{} },
	Step: func(state, input, _ any) (bool, any) { return state.(queueOfWaiters).step(input.(notifyStep)) },
}

func (q queueOfWaiters) step(in notifyStep) (bool, queueOfWaiters) {
	switch in.what {
	case enters:
		q.waiting += string(rune('0' + in.n))
		return true, q
	case notified:
		ok := q.notified>>in.n&1 == 1
		q.notified &^= 1 << in.n
		return ok, q
	case givesUp:
		before, after, ok := strings.Cut(q.waiting, string(rune('0'+in.n)))
		q.waiting = before + after
		return ok, q
	case notifies:
		for range min(in.n, len(q.waiting)) {
			q.notified |= 1 << (q.waiting[0] - '0')
			q.waiting = q.waiting[1:]
		}
		return true, q
	case settled:
		left := 0
		for _, c := range q.waiting {
			left |= 1 << (c - '0')
		}
		return q.notified == 0 && in.n == left, q
	}
	return false, q
}

// A notifiable is a Condition, or a broken one.
type notifiable interface {
	sync.Locker
	Wait()
	WaitTimeout(time.Duration) bool
	WaitContext(context.Context) error
	Notify(int)
	NotifyAll()
}

// notifyHistory runs a random program on c. All is done with the lock held, but
// for the waits in between. In a bubble some wait without a limit, and are
// notified in the end.
func notifyHistory(c notifiable, bubble bool, seed uint64) []porcupine.Operation {
	const clients, calls = 4, 7 // a wait is a bit of an int, which may have 32
	type record struct {
		client     int
		step       notifyStep
		call, back int64
		deadline   time.Duration // no sooner did it give up
	}
	var (
		clock   atomic.Int64
		start   = time.Now()
		held    [clients + 1][]tick // readings of the clocks by holders of the lock
		open    int                 // a bit for each wait, under the lock
		records [clients + 1][]record
		left    atomic.Int32
		wg      sync.WaitGroup
		unit    = 2 * time.Microsecond
	)
	if bubble {
		unit = time.Millisecond
	}
	left.Store(clients)
	now := func(me int) int64 {
		at := tick{n: clock.Add(1)}
		at.at = time.Since(start)
		held[me] = append(held[me], at)
		return at.n
	}
	note := func(me int, step notifyStep, call int64, deadline time.Duration) {
		records[me] = append(records[me], record{me, step, call, now(me), deadline})
	}
	for me := range clients {
		wg.Go(func() {
			defer left.Add(-1)
			rng := rand.New(rand.NewPCG(seed, uint64(me)))
			for i := range calls {
				switch n := rng.IntN(4); {
				case n == 0:
				case bubble:
					time.Sleep(time.Duration(n-1) * unit)
				default:
					runtime.Gosched()
					proof.Spin(n * 500)
				}
				how, limit, id := rng.IntN(10), time.Duration(1+rng.IntN(3))*unit, me*calls+i
				deadline := time.Since(start) + limit // or later
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				entry := &proof.Entry{Context: ctx}
				c.Lock()
				call := now(me)
				wait := func(wait func() bool) {
					open |= 1 << id
					step := notifyStep{notified, id}
					if !wait() {
						step.what = givesUp
					}
					open &^= 1 << id
					if !entry.Ended { // or it was none
						note(me, step, call, deadline)
					} else if step.what == notified {
						note(me, notifyStep{accepts, id}, call, 0)
					}
				}
				switch how {
				case 0, 1:
					n := 1 + rng.IntN(2)
					c.Notify(n)
					note(me, notifyStep{notifies, n}, call, 0)
				case 2:
					c.NotifyAll()
					note(me, notifyStep{notifies, math.MaxInt}, call, 0)
				case 3:
					cancel()
					wait(func() bool { return c.WaitContext(entry) == nil })
				case 4, 5:
					wait(func() bool { return c.WaitContext(entry) == nil })
				case 6:
					if bubble {
						wait(func() bool { c.Wait(); return true })
						break
					}
					fallthrough
				default:
					wait(func() bool { return c.WaitTimeout(limit) })
				}
				c.Unlock()
				cancel()
			}
		})
	}
	for n := 0; bubble && left.Load() > 0; n++ {
		if n > clients*calls { // and nobody may be left in the bubble
			panic(fmt.Sprintf("somebody is not woken by NotifyAll, in the history of seed %d", seed))
		}
		time.Sleep(time.Minute)
		if left.Load() > 0 {
			c.Lock()
			note(clients, notifyStep{settled, open}, now(clients), 0)
			call := now(clients)
			c.NotifyAll()
			note(clients, notifyStep{notifies, math.MaxInt}, call, 0)
			c.Unlock()
		}
	}
	wg.Wait()
	ticks := slices.Concat(held[:]...)
	slices.SortFunc(ticks, func(a, b tick) int { return int(a.n - b.n) })
	var operations []porcupine.Operation
	for _, r := range slices.Concat(records[:]...) {
		add := func(step notifyStep, call, back int64) {
			operations = append(operations, porcupine.Operation{ClientId: r.client, Input: step, Call: call, Return: back})
		}
		call := 2 * r.call
		if r.step.what == notified || r.step.what == givesUp {
			// Whoever holds the lock next holds it because the waiter is in the
			// queue.
			add(notifyStep{enters, r.step.n}, call, 2*ticks[r.call].n-1)
		}
		if r.step.what == givesUp {
			for _, tick := range ticks[:r.back-1] {
				// The clock is read after the tick, so if it shows less than
				// the deadline, so did it at the tick.
				if tick.at < r.deadline {
					call = max(call, 2*tick.n+1)
				}
			}
		}
		add(r.step, call, 2*r.back)
	}
	return operations
}

// notifyPrograms returns the programs on such conditions. Every other one takes
// place in a bubble.
func notifyPrograms(t *testing.T, newNotifiable func() notifiable) proof.Program {
	return func(seed uint64) (_ porcupine.Model, past []porcupine.Operation, _ error) {
		if seed%2 == 0 {
			past = notifyHistory(newNotifiable(), false, seed)
		} else {
			synctest.Test(t, func(*testing.T) { past = notifyHistory(newNotifiable(), true, seed) })
		}
		return notifyModel, past, nil
	}
}

func TestEveryHistoryOfNotificationsIsLinearizable(t *testing.T) {
	defer proof.Watch(t)()
	proof.CheckHistories(t, scaled(10_000), notifyPrograms(t, func() notifiable { return new(condition.Condition) }))
}

// The check notices each of these conditions, so it would notice a condition
// that did the same.
func TestPlantedBugsOfNotificationsAreFound(t *testing.T) {
	for name, plant := range map[string]func(*condition.Condition) notifiable{
		"a timeout is reported as success":             func(c *condition.Condition) notifiable { return lyingWait{c} },
		"a cancelled wait takes a notification":        func(c *condition.Condition) notifiable { return swallowing{c} },
		"a cancelled wait passes on what it never had": func(c *condition.Condition) notifiable { return passingOn{c} },
		"an ended context is accepted":                 func(c *condition.Condition) notifiable { return accepting{c} },
		"one too few is notified":                      func(c *condition.Condition) notifiable { return stingy{c} },
		"all are notified instead of some":             func(c *condition.Condition) notifiable { return generous{c} },
		"who comes in vain goes to the end":            func(c *condition.Condition) notifiable { return requeueing{c} },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.FindViolation(t, 4000, notifyPrograms(t, func() notifiable { return plant(new(condition.Condition)) }))
		})
	}
}

type (
	lyingWait  struct{ *condition.Condition }
	swallowing struct{ *condition.Condition }
	passingOn  struct{ *condition.Condition }
	accepting  struct{ *condition.Condition }
	stingy     struct{ *condition.Condition }
	generous   struct{ *condition.Condition }
	requeueing struct{ *condition.Condition }
)

func (l lyingWait) WaitTimeout(d time.Duration) bool {
	return l.Condition.WaitTimeout(d) || rand.IntN(4) == 0
}

func (s swallowing) WaitContext(ctx context.Context) error {
	err := s.Condition.WaitContext(ctx)
	if err == nil {
		<-ctx.Done() // and that comes first
		err = ctx.Err()
	}
	return err
}

func (p passingOn) WaitContext(ctx context.Context) error {
	err := p.Condition.WaitContext(ctx)
	if err != nil {
		p.Notify(1)
	}
	return err
}

func (a accepting) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return a.Condition.WaitContext(ctx)
}

func (s stingy) Notify(n int) { s.Condition.Notify(n - rand.IntN(2)) }

func (g generous) Notify(int) { g.NotifyAll() }

func (r requeueing) Wait() {
	if !r.Condition.WaitTimeout(time.Millisecond) {
		r.Condition.Wait()
	}
}
