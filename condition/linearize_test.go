package condition_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
)

// A monitor is a bounded buffer as one writes it with conditions, in all forms
// of waiting for a predicate. Small random programs run on it, several clients
// at once, and porcupine looks for an order of the calls in which a sequential
// buffer would have given the same answers. One that gave up has no effect, and
// there was a moment after its deadline at which it could not go on: success
// beats the deadline.
//
// That notifications are not lost is seen when nothing goes on any more: nobody
// waits for what there is.
type monitor struct {
	notEmpty, notFull waitable
	one               bool // both are one condition, so everybody is notified
	items             []byte
	getting, putting  int // who is in a wait, under the lock
}

const room = 2

// A waitable is a Condition, or a broken one.
type waitable interface {
	sync.Locker
	WaitFor(func() bool)
	WaitForTimeout(func() bool, time.Duration) bool
	WaitForContext(context.Context, func() bool) error
	Notify(int)
	NotifyAll()
}

// A request is one call, and an answer what it returned.
type request struct {
	put   bool
	how   how
	limit time.Duration
	item  byte // of a put
}

type how int

const (
	patiently how = iota
	withinTime
	withoutTime
	withinContext
	withEndedContext
)

type answer struct {
	ok    bool
	ended bool // the context had ended at entry
	item  byte // of a get
}

func (r request) String() string {
	name := []string{"", " within time", " without time", " within ctx", " with an ended ctx"}[r.how]
	if r.put {
		return fmt.Sprintf("put %q%s", r.item, name)
	}
	return "get" + name
}

var model = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		items, in, out := state.(string), input.(request), output.(answer)
		switch {
		case out.ended:
			return !out.ok, items
		case in.put && out.ok:
			return len(items) < room, items + string([]byte{in.item})
		case in.put:
			return len(items) == room, items
		case out.ok:
			return items != "" && items[0] == out.item, items[min(1, len(items)):]
		default:
			return items == "", items
		}
	},
}

// do makes a call. deadline tells when it begins to be allowed to give up.
func (m *monitor) do(r request, deadline func()) (a answer) {
	c, other, waiting := m.notEmpty, m.notFull, &m.getting
	pred := func() bool { return len(m.items) > 0 }
	if r.put {
		c, other, waiting = m.notFull, m.notEmpty, &m.putting
		pred = func() bool { return len(m.items) < room }
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.limit) // has ended if that is 0
	defer cancel()
	deadline()
	at := &proof.Entry{Context: ctx}
	c.Lock()
	defer c.Unlock()
	*waiting++
	switch r.how {
	case patiently:
		c.WaitFor(pred)
		a.ok = true
	case withinTime, withoutTime:
		a.ok = c.WaitForTimeout(pred, r.limit)
	case withinContext, withEndedContext:
		a.ok = c.WaitForContext(at, pred) == nil
		a.ended = at.Ended
	}
	*waiting--
	if !a.ok {
		return a
	}
	switch {
	case r.put:
		m.items = append(m.items, r.item)
	case len(m.items) > 0: // or the condition is broken, and an item 0 says so
		a.item, m.items = m.items[0], m.items[1:]
	}
	if m.one {
		c.NotifyAll()
	} else {
		other.Notify(1)
	}
	return a
}

// A tick is one reading of the logical clock, which orders what happens, and of
// the real one, or the bubble's, which says on which side of a deadline it was.
type tick struct {
	n  int64
	at time.Duration
}

type record struct {
	client        int
	request       request
	answer        answer
	before, after tick
	deadline      time.Duration // no sooner did it give up; 0: at any time
}

// operations gives each record the interval in which its call may have taken
// effect.
func operations(records []record) []porcupine.Operation {
	var operations []porcupine.Operation
	for _, r := range records {
		call := 2 * r.before.n
		for _, other := range records {
			for _, tick := range []tick{other.before, other.after} {
				// The clock is read after the tick, so if it shows less than
				// the deadline, so did it at the tick.
				if !r.answer.ok && !r.answer.ended && r.deadline > 0 && tick.at < r.deadline {
					call = max(call, 2*tick.n+1)
				}
			}
		}
		operations = append(operations, porcupine.Operation{
			ClientId: r.client, Input: r.request, Output: r.answer, Call: call, Return: 2 * r.after.n,
		})
	}
	return operations
}

// history runs a random program of several clients on m. In a bubble some of
// them wait without a limit, and what they wait for is given to them in the
// end.
func history(t *testing.T, m *monitor, bubble bool, seed uint64) ([]record, error) {
	const clients, calls = 4, 8
	var (
		unit    = 2 * time.Microsecond
		clock   atomic.Int64
		start   = time.Now()
		now     = func() tick { return tick{clock.Add(1), time.Since(start)} }
		results [clients + 1][]record
		left    atomic.Int32
		wg      sync.WaitGroup
	)
	if bubble {
		unit = time.Millisecond
	}
	left.Store(clients)
	perform := func(client int, r request) {
		record := record{client: client, request: r, before: now()}
		record.answer = m.do(r, func() {
			if r.limit > 0 {
				// WaitForTimeout's begins no earlier than this, the context's a
				// little earlier.
				record.deadline = record.before.at + r.limit
			}
		})
		record.after = now()
		results[client] = append(results[client], record)
	}
	for client := range clients {
		wg.Go(func() {
			defer left.Add(-1)
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range calls {
				r := request{put: rng.IntN(2) == 0, item: byte('a' + client*calls + i)}
				switch rng.IntN(8) {
				case 0, 1:
					if bubble {
						r.how = patiently
						break
					}
					fallthrough
				case 2, 3:
					r.how, r.limit = withinTime, time.Duration(1+rng.IntN(3))*unit
				case 4:
					r.how = withoutTime
				case 5, 6:
					r.how, r.limit = withinContext, time.Duration(1+rng.IntN(3))*unit
				case 7:
					r.how = withEndedContext
				}
				perform(client, r)
				switch n := rng.IntN(4); {
				case n == 0:
				case bubble:
					time.Sleep(time.Duration(n-1) * unit)
				default:
					runtime.Gosched()
					proof.Spin(n * 1000)
				}
			}
		})
	}
	for bubble && left.Load() > 0 {
		time.Sleep(time.Minute) // all who are left wait without a limit
		if left.Load() == 0 {
			break
		}
		m.notFull.Lock()
		items, getting, putting := len(m.items), m.getting, m.putting
		m.notFull.Unlock()
		if getting > 0 && items > 0 || putting > 0 && items < room {
			// Let everybody go on, for nobody may be left in the bubble.
			for left.Load() > 0 {
				m.notFull.Lock()
				m.items = m.items[:min(len(m.items), 1)]
				if len(m.items) == 0 {
					m.items = append(m.items, '!')
				}
				m.notFull.Unlock()
				for _, c := range []waitable{m.notEmpty, m.notFull} {
					c.Lock()
					c.NotifyAll()
					c.Unlock()
				}
				time.Sleep(time.Second)
			}
			return slices.Concat(results[:]...), fmt.Errorf("a notification was lost: %d items, %d wait to get, %d to put", items, getting, putting)
		}
		perform(clients, request{put: getting > 0, how: patiently, item: '+'})
	}
	wg.Wait()
	return slices.Concat(results[:]...), nil
}

// programs returns the programs on such monitors. Every other one takes place
// in a bubble, where calls meet at the same instant.
func programs(t *testing.T, newMonitor func() *monitor) proof.Program {
	return func(seed uint64) (_ porcupine.Model, _ []porcupine.Operation, err error) {
		var past []record
		if seed%2 == 0 {
			past, err = history(t, newMonitor(), false, seed)
		} else {
			synctest.Test(t, func(*testing.T) { past, err = history(t, newMonitor(), true, seed) })
		}
		return model, operations(past), err
	}
}

func monitors() map[string]func() *monitor {
	two := func(l sync.Locker) *monitor {
		return &monitor{notEmpty: condition.New(l), notFull: condition.New(l)}
	}
	return map[string]func() *monitor{
		"two conditions over a lock.Lock":  func() *monitor { return two(new(lock.Lock)) },
		"two conditions over a sync.Mutex": func() *monitor { return two(new(sync.Mutex)) },
		"one condition": func() *monitor {
			c := new(condition.Condition)
			return &monitor{notEmpty: c, notFull: c, one: true}
		},
	}
}

func TestEveryHistoryOfAMonitorIsLinearizable(t *testing.T) {
	for name, newMonitor := range monitors() {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			proof.CheckHistories(t, scaled(8_000), programs(t, newMonitor))
		})
	}
}

// The check notices each of these conditions, so it would notice a condition
// that did the same.
func TestPlantedBugsAreFound(t *testing.T) {
	for name, plant := range map[string]func(*condition.Condition) waitable{
		"a timeout is reported as success":         func(c *condition.Condition) waitable { return lyingTimeout{c} },
		"a timeout is reported too early":          func(c *condition.Condition) waitable { return hastyTimeout{c} },
		"the predicate is not evaluated again":     func(c *condition.Condition) waitable { return credulous{c} },
		"an ended context is accepted":             func(c *condition.Condition) waitable { return careless{c} },
		"a notification is lost":                   func(c *condition.Condition) waitable { return forgetful{c} },
		"the end of a context is more than enough": func(c *condition.Condition) waitable { return strict{c} },
	} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			newMonitor := func() *monitor {
				var l lock.Lock
				return &monitor{notEmpty: plant(condition.New(&l)), notFull: plant(condition.New(&l))}
			}
			proof.FindViolation(t, 4000, programs(t, newMonitor))
		})
	}
}

type lyingTimeout struct{ *condition.Condition }

func (l lyingTimeout) WaitForTimeout(pred func() bool, d time.Duration) bool {
	return l.Condition.WaitForTimeout(pred, d) || d > 0 && rand.IntN(4) == 0
}

type hastyTimeout struct{ *condition.Condition }

func (h hastyTimeout) WaitForTimeout(pred func() bool, d time.Duration) bool {
	return h.Condition.WaitForTimeout(pred, d/2)
}

type credulous struct{ *condition.Condition }

func (c credulous) WaitFor(pred func() bool) {
	if !pred() {
		c.Wait()
	}
}

func (c credulous) WaitForTimeout(pred func() bool, d time.Duration) bool {
	return pred() || c.WaitTimeout(d)
}

type careless struct{ *condition.Condition }

func (c careless) WaitForContext(ctx context.Context, pred func() bool) error {
	err := ctx.Err()
	if pred() {
		return nil
	}
	if err != nil {
		return err
	}
	return c.Condition.WaitForContext(ctx, pred)
}

type forgetful struct{ *condition.Condition }

func (f forgetful) Notify(n int) {
	if rand.IntN(4) > 0 {
		f.Condition.Notify(n)
	}
}

// A strict condition gives the end of the context precedence over the
// predicate.
type strict struct{ *condition.Condition }

func (s strict) WaitForContext(ctx context.Context, pred func() bool) error {
	if err := s.Condition.WaitForContext(ctx, pred); err != nil {
		return err
	}
	if rand.IntN(4) == 0 {
		return context.Canceled
	}
	return nil
}
