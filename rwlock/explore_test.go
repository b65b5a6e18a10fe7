//go:build threadingexplore

package rwlock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A party comes once, as a reader or as a writer.
type party struct {
	writes    bool
	limit     time.Duration // 0: it must be let in in the end
	plain     bool          // a reader that calls RLock: it must be let in in the end
	ctx       bool          // the limit is a context's
	try       bool
	stays     bool // it does not leave until all is over
	downgrade bool // a writer leaves as a reader
}

// A world is an RWLock of which it is known who is inside. One goroutine runs at a time.
type world struct {
	l               RWLock
	readers, writer int
	failed          error
}

func (x *world) fail(format string, args ...any) {
	if x.failed == nil {
		x.failed = fmt.Errorf(format, args...)
	}
}

func (x *world) look() {
	if x.writer > 1 || x.writer > 0 && x.readers > 0 {
		x.fail("%d writers and %d readers are inside", x.writer, x.readers)
	}
}

// play lets a party in and out.
func (x *world) play(name string, p party) {
	l := &x.l
	lock, within, try := l.RLockTimeout, l.RLockContext, l.TryRLock
	inside := &x.readers
	if p.writes {
		lock, within, try, inside = l.LockTimeout, l.LockContext, l.TryLock, &x.writer
	}
	var ok bool
	switch {
	case p.try:
		ok = try()
	case p.plain:
		l.RLock()
		ok = true
	case p.ctx:
		ctx, cancel := context.WithTimeout(context.Background(), p.limit)
		ok = within(ctx) == nil
		cancel()
	case p.limit > 0:
		ok = lock(p.limit)
	default:
		if ok = lock(explore.LastResort); !ok {
			x.fail("%s was forgotten", name)
		}
	}
	if !ok {
		return
	}
	*inside++
	x.look()
	explore.Point("inside")
	if p.stays {
		return
	}
	if p.downgrade {
		x.writer--
		x.readers++
		l.Downgrade()
		x.look()
		inside = &x.readers
		explore.Point("inside, as a reader")
	}
	*inside--
	if p.writes && !p.downgrade {
		l.Unlock()
	} else {
		l.RUnlock()
	}
}

// check fails unless only those are inside that stay, and no flag is left.
func (x *world) check() error {
	l := &x.l
	if l.readers.Front() != nil || l.writers.Front() != nil || l.competing {
		x.fail("listed: readers %v, writers %v; competing %v", l.readers.Front() != nil, l.writers.Front() != nil, l.competing)
	}
	if x.writer == 1 {
		if l.word&(writing|reading) != writing || l.inside != 0 {
			x.fail("the word is %#x and the count %d, where a writer is inside", l.word, l.inside)
		}
	} else if want := uintptr(x.readers * reader); l.word != want || l.inside != 0 {
		x.fail("the word is %#x and the count %d, want %#x and 0", l.word, l.inside, want)
	}
	return x.failed
}

// openCase has a lock that is held by pinned readers who stay, or by a writer who leaves once, and parties.
func openCase(name string, pinned int, writer bool, parties ...party) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		x := new(world)
		for range pinned {
			x.l.RLock()
			x.readers++
		}
		if writer {
			x.l.Lock()
			x.writer++
			start("writer", func() {
				x.writer--
				x.l.Unlock()
			})
		}
		for i, p := range parties {
			name := fmt.Sprint("reader ", i)
			if p.writes {
				name = fmt.Sprint("writer ", i)
			}
			start(name, func() { x.play(name, p) })
		}
		return x.check
	}}
}

const tick = explore.Tick

var openCases = []explore.Case{
	openCase("a writer gives up", 1, false, party{writes: true, limit: tick}, party{stays: true}),
	openCase("a writer is cancelled", 1, false, party{writes: true, limit: tick, ctx: true}, party{stays: true}),
	openCase("two writers give up", 1, false, party{writes: true, limit: tick}, party{writes: true, limit: 2 * tick}, party{stays: true}),
	openCase("readers and writers", 0, false, party{}, party{writes: true}, party{plain: true}, party{writes: true}),
	openCase("all wait for a writer", 0, true, party{}, party{writes: true, limit: tick}, party{plain: true, stays: true}),
	openCase("readers are refused", 0, true, party{plain: true}, party{writes: true, limit: tick}, party{plain: true, stays: true}),
	openCase("a downgrade", 0, true, party{writes: true, downgrade: true}, party{}, party{writes: true}),
	openCase("the last writer stays", 0, true, party{limit: 2 * tick}, party{writes: true, stays: true}, party{writes: true, limit: tick}),
	openCase("writers barge", 0, true, party{writes: true}, party{writes: true, try: true}, party{writes: true, limit: tick}),
	openCase("the writer gives up as the reader leaves", 0, false, party{}, party{writes: true, limit: tick}, party{writes: true, try: true}, party{stays: true}),
}

// randomCase is open: some of the parties, all of one side, stay, and the others of that side must come in all the same.
// If readers stay, the writers are impatient. If a writer stays, it is one, and the others are impatient.
func randomCase(seed uint64) explore.Case {
	r := rand.New(rand.NewPCG(seed, 5))
	kind := r.IntN(3) // 0: nobody stays, 1: readers do, 2: a writer does
	var parties []party
	for range 2 + r.IntN(4) {
		p := party{writes: r.IntN(2) == 0}
		switch r.IntN(5) {
		case 0:
			p.try = true
		case 1, 2:
			p.limit, p.ctx = time.Duration(1+r.IntN(3))*tick, r.IntN(2) == 0
		}
		patient := !p.try && p.limit == 0
		switch {
		case kind == 1 && !p.writes && r.IntN(2) == 0:
			p.stays = true
		case kind == 1 && p.writes && patient, kind == 2 && patient:
			p.limit = time.Duration(1+r.IntN(3)) * tick
		}
		p.downgrade = p.writes && !p.stays && r.IntN(3) == 0
		p.plain = !p.writes && !p.try && p.limit == 0 && r.IntN(3) > 0
		parties = append(parties, p)
	}
	if kind == 2 {
		parties = append(parties, party{writes: true, stays: true})
	}
	pinned := 0
	if kind == 1 {
		pinned = r.IntN(2)
	}
	return openCase(fmt.Sprint("random ", seed), pinned, pinned == 0 && r.IntN(2) == 0, parties...)
}

// A writer waits, or was let in, from the moment at which it is listed until it leaves: no reader that comes meanwhile may
// be let in before it, and TryRLock is false.
var heldUpCase = explore.Case{Name: "a writer that waits holds up readers", Start: func(start func(string, func())) func() error {
	x := new(world)
	x.l.RLock()
	x.readers++
	wrote := false
	start("writer", func() {
		x.l.Lock()
		x.writer++
		x.look()
		wrote = true
		x.writer--
		x.l.Unlock()
	})
	start("first reader", func() { x.readers--; x.l.RUnlock() })
	for name, lock := range map[string]func() bool{
		"one that tries": x.l.TryRLock,
		"one that waits": func() bool { x.l.RLock(); return true },
	} {
		start(name, func() {
			waits := x.l.writers.Front() != nil
			if !lock() {
				return
			}
			if waits && !wrote {
				x.fail("a newcomer was let in before a writer that waits")
			}
			x.readers++
			x.look()
			x.readers--
			x.l.RUnlock()
		})
	}
	return x.check
}}

// The last reader leaves when a writer has given up and not settled yet, and a reader is listed behind it, and another
// writer comes.
var freeCase = explore.Case{Name: "free while a reader waits", Start: func(start func(string, func())) func() error {
	x := new(world)
	x.l.RLock()
	x.readers++
	x.l.word, x.l.inside = waiting|reading, 1
	start("one that gave up", x.l.settle)
	start("leaver", func() { x.readers--; x.l.RUnlock() })
	start("reader", func() { x.play("reader", party{stays: true}) })
	start("barger", func() { x.play("barger", party{writes: true, try: true}) })
	return x.check
}}

// Two release where there is one reader, and others come and go: in the end the numbers are right.
var tooManyCase = explore.Case{Name: "two release one reader", Start: func(start func(string, func())) func() error {
	x := new(world)
	x.l.RLock()
	refused, in := 0, 0
	for i := range 2 {
		start(fmt.Sprint("releaser ", i), func() {
			defer func() {
				if recover() != nil {
					refused++
				}
			}()
			x.l.RUnlock()
		})
	}
	start("reader", func() { x.l.RLock(); in++ }) // and stays
	start("writer", func() {
		if x.l.LockTimeout(tick) {
			x.l.Unlock()
		}
	})
	return func() error {
		// Either a release was refused, or it was that of the reader that came.
		if want := in - (1 - refused); refused > 1 || x.l.Readers() != want {
			return fmt.Errorf("%d releases were refused, %d readers are inside, want %d", refused, x.l.Readers(), want)
		}
		x.readers = x.l.Readers()
		return x.check()
	}
}}

func TestNoScheduleBreaksAnRWLock(t *testing.T) {
	cases := append([]explore.Case{heldUpCase, freeCase, tooManyCase}, openCases...)
	for seed := range uint64(16) {
		cases = append(cases, randomCase(seed))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

// Many more programs, a few schedules each.
func TestNoScheduleBreaksManyRWLocks(t *testing.T) {
	for seed := range uint64(1000) {
		c := randomCase(1000 + seed)
		for s := range uint64(20) {
			if err := explore.Run(t, c, explore.Random(s)); err != nil {
				t.Fatalf("%s, schedule %d: %v", c.Name, s, err)
			}
		}
	}
}
