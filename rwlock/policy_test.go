package rwlock_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/rwlock"
)

// Who is let in when is said here once more, by a model that knows nothing of goroutines: a list of those who are inside,
// and a list of those who wait. Random programs, in which nothing but one thing happens at each instant, must be let in at
// exactly the instants that the model gives.

// An actor comes once.
type actor struct {
	name      string
	writes    bool
	comes     time.Duration
	limit     time.Duration // how long it waits; 0: as long as it takes
	byContext bool
	holds     time.Duration // how long it stays inside; 0: for ever
	downgrade time.Duration // a writer that becomes a reader after that; 0: it does not
}

// A fate is what becomes of it.
type fate struct {
	in    time.Duration // when it is let in; -1: never
	gives time.Duration // when it gives up; -1: it does not
}

const never = time.Duration(-1)

// simulate says what becomes of the actors.
func simulate(actors []actor) map[string]fate {
	type event struct {
		at   time.Duration
		what string
		who  *actor
	}
	var (
		events  []event
		inside  []*actor // writers and readers
		writer  *actor   // the one inside that writes
		waiting []*actor
		fates   = map[string]fate{}
	)
	add := func(at time.Duration, what string, who *actor) {
		events = append(events, event{at, what, who})
		slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	}
	writerWaits := func() bool { return slices.ContainsFunc(waiting, func(a *actor) bool { return a.writes }) }
	enter := func(now time.Duration, a *actor) {
		inside = append(inside, a)
		waiting = slices.DeleteFunc(waiting, func(b *actor) bool { return a == b })
		fates[a.name] = fate{now, never}
		if a.writes {
			writer = a
		}
		if a.downgrade > 0 {
			add(now+a.downgrade, "downgrades", a)
		}
		if a.holds > 0 {
			add(now+a.holds, "leaves", a)
		}
	}
	// whenFree lets in whoever may come in now: the readers in front of the first writer, or else that.
	whenFree := func(now time.Duration) {
		for len(waiting) > 0 && writer == nil {
			first := waiting[0]
			if first.writes && len(inside) > 0 {
				return
			}
			enter(now, first)
		}
	}
	allReaders := func(now time.Duration) {
		for _, a := range slices.Clone(waiting) {
			if !a.writes {
				enter(now, a)
			}
		}
	}
	for i := range actors {
		fates[actors[i].name] = fate{never, never}
		add(actors[i].comes, "comes", &actors[i])
	}
	for len(events) > 0 {
		e := events[0]
		events = events[1:]
		switch now, a := e.at, e.who; e.what {
		case "comes":
			if writer == nil && (len(inside) == 0 || !a.writes) && !writerWaits() {
				enter(now, a)
				continue
			}
			waiting = append(waiting, a)
			if a.limit > 0 {
				add(now+a.limit, "gives up", a)
			}
		case "gives up":
			if slices.Contains(waiting, a) {
				waiting = slices.DeleteFunc(waiting, func(b *actor) bool { return a == b })
				fates[a.name] = fate{never, now}
				whenFree(now)
			}
		case "downgrades":
			writer = nil
			allReaders(now)
		case "leaves":
			inside = slices.DeleteFunc(inside, func(b *actor) bool { return a == b })
			if writer == a {
				writer = nil
				allReaders(now)
			}
			whenFree(now)
		}
	}
	return fates
}

// perform does what the actors do, in a bubble.
func perform(actors []actor) map[string]fate {
	var (
		l     rwlock.RWLock
		start = time.Now()
		guard sync.Mutex
		fates = map[string]fate{}
		wg    sync.WaitGroup
		end   = make(chan struct{})
	)
	note := func(name string, f fate) {
		guard.Lock()
		fates[name] = f
		guard.Unlock()
	}
	for _, a := range actors {
		note(a.name, fate{never, never})
		wg.Go(func() {
			time.Sleep(a.comes)
			s := readers
			if a.writes {
				s = writers
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var ok bool
			switch {
			case a.limit == 0:
				// Whoever still waits in the end goes, so that the bubble can end.
				go func() { <-end; cancel() }()
				ok = s.context(&l, ctx) == nil
			case a.byContext:
				time.AfterFunc(a.limit, cancel)
				ok = s.context(&l, ctx) == nil
			default:
				ok = s.impatient[0].lock(&l, a.limit)
			}
			now := time.Since(start)
			if now >= time.Hour {
				return // behind one that waited in the end
			}
			if !ok {
				note(a.name, fate{never, now})
				return
			}
			note(a.name, fate{now, never})
			if a.downgrade > 0 {
				time.Sleep(a.downgrade)
				l.Downgrade()
				time.Sleep(a.holds - a.downgrade)
				l.RUnlock()
				return
			}
			if a.holds > 0 {
				time.Sleep(a.holds)
				s.unlock(&l)
			}
		})
	}
	time.Sleep(time.Hour)
	close(end)
	wg.Wait()
	return fates
}

// randomActors are up to ten, of which some hold for ever, wait for ever, or give up. No two things happen at one instant.
func randomActors(seed uint64) (actors []actor) {
	r := rand.New(rand.NewPCG(seed, 1))
	n := 3 + r.IntN(8)
	// Every instant is a sum of such numbers; with powers of two as their ends no two sums are equal.
	bit := time.Nanosecond
	some := func(most int) time.Duration {
		d := time.Duration(1+r.IntN(most))*time.Second + bit
		bit *= 2
		return d
	}
	for i := range n {
		a := actor{name: fmt.Sprint("reader ", i), writes: r.IntN(5) < 2, comes: some(10)}
		if a.writes {
			a.name = fmt.Sprint("writer ", i)
		}
		if r.IntN(5) > 0 {
			a.holds = some(6)
		}
		if a.writes && a.holds > time.Second*2 && r.IntN(4) == 0 {
			if d := some(1); d < a.holds { // the powers of two end beyond a second
				a.downgrade = d
			}
		}
		if r.IntN(2) == 0 {
			a.limit, a.byContext = some(8), r.IntN(2) == 0
		}
		actors = append(actors, a)
	}
	return actors
}

func checkPolicy(t *testing.T, actors []actor) {
	t.Helper()
	want := simulate(actors)
	synctest.Test(t, func(t *testing.T) {
		got := perform(actors)
		for _, a := range actors {
			if got[a.name] != want[a.name] {
				t.Errorf("%+v: let in at %v, gave up at %v; want %v, %v", a, got[a.name].in, got[a.name].gives, want[a.name].in, want[a.name].gives)
			}
		}
		if t.Failed() {
			for _, a := range actors {
				t.Logf("%+v: %+v", a, want[a.name])
			}
		}
	})
}

func TestOpenProgramsAreLetInAsTheModelSays(t *testing.T) {
	var in, gave, never int
	first := rand.Uint64() >> 1
	for seed := range uint64(rounds(30_000)) {
		actors := randomActors(first + seed)
		if checkPolicy(t, actors); t.Failed() {
			t.Fatalf("seed %d", first+seed)
		}
		for _, f := range simulate(actors) {
			switch {
			case f.in >= 0:
				in++
			case f.gives >= 0:
				gave++
			default:
				never++
			}
		}
	}
	t.Logf("%d were let in, %d gave up, %d wait for ever", in, gave, never)
}

// The cases of which the contract speaks, by name.
func TestWhoIsLetIn(t *testing.T) {
	s := time.Second
	for name, c := range map[string]struct {
		actors []actor
		in     map[string]time.Duration
	}{
		"a writer that waits holds up new readers": {
			[]actor{{name: "r", comes: 0 * s, holds: 10 * s}, {name: "w", writes: true, comes: 1 * s, holds: 10 * s}, {name: "r2", comes: 2 * s, holds: s}},
			map[string]time.Duration{"r": 0, "w": 10 * s, "r2": 20 * s},
		},
		"a writer that gives up lets them in, and newcomers": {
			[]actor{{name: "r", comes: 0 * s}, {name: "w", writes: true, comes: 1 * s, limit: 5 * s}, {name: "r2", comes: 2 * s}, {name: "r3", comes: 7 * s}},
			map[string]time.Duration{"r": 0, "r2": 6 * s, "r3": 7 * s},
		},
		"up to the next waiting writer": {
			[]actor{{name: "r", comes: 0 * s, holds: 20 * s}, {name: "w", writes: true, comes: 1 * s, limit: 6 * s}, {name: "r2", comes: 2 * s, holds: s},
				{name: "w2", writes: true, comes: 3 * s, holds: s}, {name: "r3", comes: 4 * s, holds: s}},
			map[string]time.Duration{"r": 0, "r2": 7 * s, "w2": 20 * s, "r3": 21 * s},
		},
		"a writer that gives up behind another changes nothing": {
			[]actor{{name: "r", comes: 0 * s, holds: 20 * s}, {name: "w", writes: true, comes: 1 * s, holds: s}, {name: "r2", comes: 2 * s, holds: s},
				{name: "w2", writes: true, comes: 3 * s, limit: s}, {name: "r3", comes: 4 * s, holds: s}},
			map[string]time.Duration{"r": 0, "w": 20 * s, "r2": 21 * s, "r3": 21 * s},
		},
		"readers that waited go before the next writer, also if it came first": {
			[]actor{{name: "w", writes: true, comes: 0 * s, holds: 10 * s}, {name: "w2", writes: true, comes: 1 * s, holds: s}, {name: "r", comes: 2 * s, holds: 5 * s},
				{name: "r2", comes: 3 * s, holds: s}},
			map[string]time.Duration{"w": 0, "r": 10 * s, "r2": 10 * s, "w2": 15 * s},
		},
		"writers follow each other where no reader waits": {
			[]actor{{name: "w", writes: true, comes: 0 * s, holds: 10 * s}, {name: "w2", writes: true, comes: 1 * s, holds: s}, {name: "w3", writes: true, comes: 2 * s, holds: s}},
			map[string]time.Duration{"w": 0, "w2": 10 * s, "w3": 11 * s},
		},
		"a downgrade lets readers in, and the writer after them": {
			[]actor{{name: "w", writes: true, comes: 0 * s, downgrade: 5 * s, holds: 10 * s}, {name: "w2", writes: true, comes: 1 * s, holds: s}, {name: "r", comes: 2 * s, holds: 20 * s},
				{name: "r2", comes: 6 * s, holds: s}},
			map[string]time.Duration{"w": 0, "r": 5 * s, "w2": 25 * s, "r2": 26 * s},
		},
		"all that gave up are forgotten": {
			[]actor{{name: "w", writes: true, comes: 0 * s, holds: 10 * s}, {name: "w2", writes: true, comes: 1 * s, limit: s}, {name: "r", comes: 2 * s, limit: s},
				{name: "r2", comes: 11 * s, holds: s}, {name: "w3", writes: true, comes: 13 * s, holds: s}},
			map[string]time.Duration{"w": 0, "r2": 11 * s, "w3": 13 * s},
		},
	} {
		for _, byContext := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", by context ", byContext), func(t *testing.T) {
				for i := range c.actors {
					c.actors[i].byContext = byContext
				}
				checkPolicy(t, c.actors)
				for name, f := range simulate(c.actors) {
					if in, ok := c.in[name]; ok != (f.in >= 0) || ok && in != f.in {
						t.Errorf("%s is let in at %v, want %v", name, f.in, in)
					}
				}
			})
		}
	}
}
