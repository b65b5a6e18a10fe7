package rwlock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rwlock"
)

// A visitor comes once or more, as a reader or as a writer.
type visitor struct {
	writes    bool
	ticks     int  // 0: patient, it must be let in
	plain     bool // a patient one that calls RLock or Lock
	ctx       bool
	try       bool
	rounds    int
	stays     bool // the last time it does not leave
	downgrade bool // a writer leaves as a reader
}

// lock reports whether the visitor was let in, by any form.
func (v visitor) lock(l *rwlock.RWLock) bool {
	within, until, try := l.RLockTimeout, l.RLockContext, l.TryRLock
	if v.writes {
		within, until, try = l.LockTimeout, l.LockContext, l.TryLock
	}
	d := explore.LastResort
	if v.ticks > 0 {
		d = time.Duration(v.ticks) * explore.Tick
	}
	switch {
	case v.try:
		return try()
	case v.plain && v.writes:
		l.Lock()
		return true
	case v.plain:
		l.RLock()
		return true
	case v.ctx:
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return until(ctx) == nil
	default:
		return within(d)
	}
}

// In the end nobody is inside, or readers are that stay, or one writer that
// stays, and all that are patient and can come in have come in. So what a writer
// that gives up owes to the readers behind it is repaired by no later release.
func visitorsProgram(r *rand.Rand) explore.Case {
	const nobody, readers, aWriter = 0, 1, 2
	stay := r.IntN(3)
	var visitors []visitor
	for range 2 + r.IntN(4) {
		v := visitor{writes: r.IntN(2) == 0, rounds: 1 + r.IntN(2)}
		switch r.IntN(5) {
		case 0:
			v.try = true
		case 1, 2:
			v.ticks, v.ctx = 1+r.IntN(3), r.IntN(2) == 0
		}
		v.stays = stay == readers && !v.writes && r.IntN(2) == 0
		if !v.try && v.ticks == 0 && (stay == readers && v.writes || stay == aWriter) {
			v.ticks = 1 + r.IntN(3) // it may come in vain
		}
		v.plain = !v.try && v.ticks == 0 && r.IntN(3) > 0
		v.downgrade = v.writes && r.IntN(3) == 0
		visitors = append(visitors, v)
	}
	if stay == aWriter {
		visitors = append(visitors, visitor{writes: true, rounds: 1, stays: true})
	}
	pinned := 0
	if stay == readers {
		pinned = r.IntN(2)
	}
	name := fmt.Sprintf("visitors %+v, pinned %d", visitors, pinned)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			l       rwlock.RWLock
			reading atomic.Int64
			writing atomic.Int64
			failed  atomic.Pointer[error]
			staying atomic.Int64
		)
		fail := func(format string, args ...any) {
			err := fmt.Errorf(format, args...)
			failed.CompareAndSwap(nil, &err)
		}
		look := func(writer bool) {
			if w, r := writing.Load(), reading.Load(); writer && (w != 1 || r != 0) || !writer && (w != 0 || r < 1) {
				fail("inside: %d writers, %d readers", w, r)
			}
		}
		for range pinned {
			l.RLock()
			reading.Add(1)
		}
		for i, v := range visitors {
			start(fmt.Sprint("visitor ", i), func() {
				for round := range v.rounds {
					if !v.lock(&l) {
						if !v.try && v.ticks == 0 {
							fail("visitor %d was forgotten", i)
						}
						continue
					}
					inside := &reading
					if v.writes {
						inside = &writing
					}
					inside.Add(1)
					look(v.writes)
					proof.Pause()
					look(v.writes)
					if v.stays && round == v.rounds-1 {
						staying.Add(1)
						return
					}
					if v.downgrade {
						writing.Add(-1)
						reading.Add(1)
						l.Downgrade()
						look(false)
						proof.Pause()
						inside = &reading
					}
					inside.Add(-1)
					if v.writes && !v.downgrade {
						l.Unlock()
					} else {
						l.RUnlock()
					}
				}
			})
		}
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			inside := int(staying.Load()) + pinned
			if stay == aWriter {
				if inside != 1 || !l.Locked() || l.Readers() != 0 || l.TryLock() || l.TryRLock() {
					return fmt.Errorf("the writer that stays: Locked %v, Readers %d", l.Locked(), l.Readers())
				}
				return nil
			}
			if l.Locked() || l.Readers() != inside || l.TryLock() != (inside == 0) {
				return fmt.Errorf("at the end Locked is %v and Readers %d, want %d", l.Locked(), l.Readers(), inside)
			}
			if inside == 0 {
				l.Downgrade()
			}
			if !l.TryRLock() {
				return fmt.Errorf("a newcomer is shut out by nobody")
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfReadersAndWriters(t *testing.T) {
	proof.Programs(t, visitorsProgram)
}

func TestNoScheduleBreaksAProgramOfWriters(t *testing.T) {
	locktest.NoProgramBreaksIt(t, newWriter, true, nil)
}
