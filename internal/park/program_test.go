package park

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A client waits at a gate. A patient one keeps what it gets, and must get it.
// Another gives up in time, or when a context ends, and gives back what it got.
type client struct {
	want  uint64
	ticks int // 0: patient
	ctx   bool
}

func (c client) String() string {
	switch {
	case c.ticks == 0:
		return fmt.Sprint(c.want)
	case c.ctx:
		return fmt.Sprintf("%d until %d", c.want, c.ticks)
	}
	return fmt.Sprintf("%d for %d", c.want, c.ticks)
}

// drawClients returns some, and what the patient ones want together.
func drawClients(r *rand.Rand, most int) (clients []client, total uint64) {
	for range 2 + r.IntN(3) {
		c := client{want: uint64(1 + r.IntN(most))}
		if r.IntN(3) == 0 {
			c.ticks, c.ctx = 1+r.IntN(3), r.IntN(2) == 0
		} else {
			total += c.want
		}
		clients = append(clients, c)
	}
	return clients, total
}

// limit returns the limit of a wait, and what ends it.
func (c client) limit() (limit Limit, end func()) {
	if c.ticks == 0 {
		return After(explore.LastResort), func() {}
	}
	d := time.Duration(c.ticks) * explore.Tick
	if !c.ctx {
		return After(d), func() {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	return Until(ctx), cancel
}

// failure keeps the first.
type failure struct {
	guard sync.Mutex
	err   error
}

func (f *failure) set(format string, args ...any) {
	f.guard.Lock()
	defer f.guard.Unlock()
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// idleGate checks a gate that no goroutine uses any more.
func idleGate(g *gate, p policy, value uint64) error {
	g.settle(p)
	if g.list.Front() != nil || g.word.Load() != value<<valueShift {
		return fmt.Errorf("at the end listed %v, word %#x", g.list.Front() != nil, g.word.Load())
	}
	return nil
}

// Permits are signals: some add as many as the patient clients want together,
// in portions, others take what they can get and give it back.
func permitsProgram(r *rand.Rand) explore.Case {
	clients, total := drawClients(r, 3)
	var adds [2][]uint64
	for left := total; left > 0; {
		n := uint64(1 + r.IntN(int(left)))
		i := r.IntN(len(adds))
		adds[i] = append(adds[i], n)
		left -= n
	}
	barging, inline := r.IntN(4), r.IntN(2) == 0
	name := fmt.Sprint("permits: clients ", clients, ", adders ", adds, ", barging ", barging, ", inline ", inline)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			s      Permits
			failed failure
		)
		add := func(n uint64) {
			switch {
			case n > 1 || !inline:
				s.Add(n, maxValue)
			case !s.Increment():
				s.IncrementSlow(maxValue)
			}
		}
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				limit, end := c.limit()
				defer end()
				switch ok := acquire(&s, c.want, limit); {
				case c.ticks > 0 && ok:
					add(c.want)
				case c.ticks == 0 && !ok:
					failed.set("client %d, who wants %d, was forgotten; the value is %d", i, c.want, s.Value())
				}
			})
		}
		for i, ns := range adds {
			start(fmt.Sprint("adder ", i), func() {
				for _, n := range ns {
					add(n)
					proof.Pause()
				}
			})
		}
		start("barging", func() {
			for i := range barging {
				if n := uint64(1 + i%2); s.TryAcquire(n) {
					proof.Pause()
					add(n)
				}
			}
		})
		return func() error {
			if failed.err != nil {
				return failed.err
			}
			return idleGate((*gate)(&s), permits, 0)
		}
	}}
}

// Releases at the largest value, while others take: each is refused or counts,
// and nothing is forged.
func limitProgram(r *rand.Rand) explore.Case {
	limit := uint64(1 + r.IntN(3))
	value := limit - uint64(r.IntN(2))
	var releasers, takers [][]uint64
	for range 1 + r.IntN(3) {
		releasers = append(releasers, drawNumbers(r, 2))
	}
	for range 1 + r.IntN(2) {
		takers = append(takers, drawNumbers(r, int(limit)))
	}
	name := fmt.Sprint("limit ", limit, ", value ", value, ", releasers ", releasers, ", takers ", takers)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			s     Permits
			total atomic.Int64
		)
		s.Add(value, limit)
		total.Store(int64(value))
		for i, ns := range releasers {
			start(fmt.Sprint("releaser ", i), func() {
				for _, n := range ns {
					accepted := false
					if n == 1 {
						s.Increment()
						accepted = s.IncrementSlow(limit) // which is not called if the value is small enough for any limit
					} else {
						accepted = s.Add(n, limit)
					}
					if accepted {
						total.Add(int64(n))
					}
					proof.Pause()
				}
			})
		}
		for i, ns := range takers {
			start(fmt.Sprint("taker ", i), func() {
				for _, n := range ns {
					if s.TryAcquire(n) {
						total.Add(-int64(n))
					}
					proof.Pause()
				}
			})
		}
		return func() error {
			if got, want := s.Value(), uint64(total.Load()); got != want || got > limit {
				return fmt.Errorf("the value is %d, want %d and at most %d", got, want, limit)
			}
			return idleGate((*gate)(&s), permits, uint64(total.Load()))
		}
	}}
}

// drawNumbers returns one to three numbers from 1 to most.
func drawNumbers(r *rand.Rand, most int) (ns []uint64) {
	for range 1 + r.IntN(3) {
		ns = append(ns, uint64(1+r.IntN(most)))
	}
	return ns
}

// A bound is moved up and down, to what the patient clients want together; what
// others hold at first comes back meanwhile. There are never more permits out
// than the largest bound.
func boundedProgram(r *rand.Rand) explore.Case {
	clients, total := drawClients(r, 3)
	bounds := []uint64{uint64(r.IntN(4))}
	for range r.IntN(3) {
		bounds = append(bounds, uint64(r.IntN(int(total)+3)))
	}
	bounds = append(bounds, total)
	most := uint64(0)
	for _, b := range bounds {
		most = max(most, b)
	}
	held, barging := uint64(r.IntN(int(bounds[0])+1)), r.IntN(4)
	name := fmt.Sprint("bounded: clients ", clients, ", bounds ", bounds, ", held ", held, ", barging ", barging)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			b      BoundedPermits
			out    atomic.Int64
			failed failure
		)
		took := func(n uint64) {
			if n := out.Add(int64(n)); n > int64(most) {
				failed.set("%d are out, and %d is the largest bound", n, most)
			}
		}
		release := func(n uint64) {
			out.Add(-int64(n))
			if !b.Release(n) {
				failed.set("a release of what is out was refused")
			}
		}
		b.Resize(bounds[0])
		if held > 0 && b.TryAcquire(held) {
			took(held)
		}
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				limit, end := c.limit()
				defer end()
				ok := b.TryAcquire(c.want) || b.Acquire(c.want, limit)
				if ok {
					took(c.want)
				}
				switch {
				case c.ticks > 0 && ok:
					proof.Pause()
					release(c.want)
				case c.ticks == 0 && !ok:
					failed.set("client %d, who wants %d, was forgotten; bound %d, %d out", i, c.want, b.Bound(), b.gate.value())
				}
			})
		}
		start("resizer", func() {
			for _, bound := range bounds[1:] {
				proof.Pause()
				b.Resize(bound)
			}
		})
		start("holder", func() {
			for range held {
				proof.Pause()
				release(1)
			}
		})
		start("barging", func() {
			for range barging {
				if b.TryAcquire(1) {
					took(1)
					proof.Pause()
					release(1)
				}
			}
		})
		return func() error {
			if failed.err != nil {
				return failed.err
			}
			if b.Value() != 0 || b.Release(total+1) {
				return fmt.Errorf("at the end %d are free of %d, and %d are out", b.Value(), b.Bound(), b.gate.value())
			}
			return idleGate(&b.gate, b.policy(), total)
		}
	}}
}

// A lock as a signal: who gets it keeps it, and another frees it, as often as
// there are patient clients.
func exclusiveProgram(r *rand.Rand) explore.Case {
	clients, _ := drawClients(r, 1)
	barging := r.IntN(4)
	return explore.Case{Name: fmt.Sprint("exclusive: clients ", clients, ", barging ", barging), Start: func(start func(string, func())) func() error {
		var (
			e      Exclusive
			failed failure
			served = make([]Latch, len(clients)+1)
			turn   atomic.Int64
			inside atomic.Int64
		)
		e.TryAcquire(1)
		enter := func() {
			if inside.Add(1) != 1 {
				failed.set("two are inside")
			}
		}
		patient := 0
		for i, c := range clients {
			if c.ticks == 0 {
				patient++
			}
			start(fmt.Sprint("client ", i), func() {
				limit, end := c.limit()
				defer end()
				ok := e.Acquire(uint64(i+2), limit)
				if ok {
					enter()
					proof.Pause()
					inside.Add(-1)
				}
				switch {
				case c.ticks > 0 && ok:
					e.Free()
				case c.ticks == 0 && !ok:
					failed.set("client %d was forgotten; the value is %d", i, e.Value())
				case c.ticks == 0:
					served[turn.Add(1)].Open()
				}
			})
		}
		start("freer", func() {
			for i := range patient {
				if !e.Free() {
					failed.set("the lock was free when it was the turn of %d", i)
				}
				if !served[i+1].WaitTimeout(explore.LastResort) {
					failed.set("%d of %d were served", i, patient)
					return
				}
			}
			if !e.Free() {
				failed.set("the last one does not hold the lock")
			}
		})
		start("barging", func() {
			for range barging {
				if e.TryAcquire(100) {
					enter()
					proof.Pause()
					inside.Add(-1)
					e.Free()
				}
			}
		})
		return func() error {
			if failed.err != nil {
				return failed.err
			}
			return idleGate((*gate)(&e), exclusive, 0)
		}
	}}
}

// A flag is set and cleared by one, set by another, while some wait. Of those
// that wait, each must return once the flag was set for good; one that says
// that it was not set must be right.
func flagProgram(r *rand.Rand) explore.Case {
	clients, _ := drawClients(r, 1)
	sets, twice, channel := r.IntN(3), r.IntN(2) == 0, r.IntN(3) == 0
	name := fmt.Sprint("flag: clients ", clients, ", sets ", sets, ", twice ", twice, ", channel ", channel)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			f      Flag
			failed failure
			begun  atomic.Int64 // Sets that were called
			ended  atomic.Int64 // and those with their Clear that have returned
			over   Latch
		)
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				limit, end := c.limit()
				defer end()
				before := begun.Load()
				ok := f.WaitLimit(limit)
				switch {
				case c.ticks == 0 && !ok:
					failed.set("client %d was forgotten", i)
				case !ok && ended.Load() > before && explore.On: // else a Set can come between begun and the call
					failed.set("client %d was told of no Set, and one began and ended during the call", i)
				case ok && begun.Load() == 0:
					failed.set("client %d was told of a Set that never was", i)
				}
			})
		}
		if channel {
			start("receiver", func() {
				select {
				case <-f.Done():
				case <-time.After(explore.LastResort):
					failed.set("the channel was not closed")
				}
			})
		}
		pulse := func(n int) {
			for range n {
				begun.Add(1)
				f.Set()
				proof.Pause()
				f.Clear()
				ended.Add(1)
				proof.Pause()
			}
		}
		start("pulser", func() {
			pulse(sets)
			over.Open()
		})
		start("setter", func() {
			over.Wait()
			if twice {
				begun.Add(1)
				f.Set()
			}
			begun.Add(1)
			f.Set()
			if !f.IsSet() {
				failed.set("not set after the last Set")
			}
		})
		return func() error {
			if failed.err != nil {
				return failed.err
			}
			if f.list.Front() != nil || !f.IsSet() || f.word.Load()>>flagShift > uint64(begun.Load()) {
				return fmt.Errorf("at the end listed %v, word %#x", f.list.Front() != nil, f.word.Load())
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfPermits(t *testing.T) { proof.Programs(t, permitsProgram) }
func TestNoScheduleBreaksAProgramOfALimit(t *testing.T)  { proof.Programs(t, limitProgram) }
func TestNoScheduleBreaksAProgramOfBounds(t *testing.T)  { proof.Programs(t, boundedProgram) }
func TestNoScheduleBreaksAProgramOfALock(t *testing.T)   { proof.Programs(t, exclusiveProgram) }
func TestNoScheduleBreaksAProgramOfAFlag(t *testing.T)   { proof.Programs(t, flagProgram) }
