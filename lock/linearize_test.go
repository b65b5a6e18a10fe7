package lock_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
)

func TestEveryHistoryIsLinearizable(t *testing.T) {
	locktest.EveryHistoryIsLinearizable(t, newLock)
}

func TestPlantedBugsAreFound(t *testing.T) {
	locktest.PlantedBugsAreFound(t, map[string]locktest.New{
		"a timeout is reported as success": func() locktest.Locker { return new(lyingTimeout) },
		"a cancel is reported as success":  func() locktest.Locker { return new(lyingContext) },
		"an ended context locks":           func() locktest.Locker { return new(ignoringContext) },
		"a grant is doubled":               func() locktest.Locker { return new(doublingTry) },
		"a failed try unlocks":             func() locktest.Locker { return new(unlockingTry) },
		"Locked is out of date":            func() locktest.Locker { return new(lateLocked) },
	})
}

// plain is embedded where lock.Lock could not be: its field would hide the
// method Lock.
type plain = lock.Lock

type lyingTimeout struct{ plain }

func (l *lyingTimeout) LockTimeout(d time.Duration) bool { return l.plain.LockTimeout(d) || d > 0 }

type lyingContext struct{ plain }

func (l *lyingContext) LockContext(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_ = l.plain.LockContext(ctx)
	return nil
}

type ignoringContext struct{ plain }

func (l *ignoringContext) LockContext(ctx context.Context) error {
	if l.TryLock() {
		return nil
	}
	return l.plain.LockContext(ctx)
}

type doublingTry struct{ plain }

func (l *doublingTry) TryLock() bool { return l.plain.TryLock() || rand.IntN(10) == 0 }

type unlockingTry struct{ plain }

func (l *unlockingTry) TryLock() bool {
	if l.plain.TryLock() {
		return true
	}
	_ = proof.Recovered(l.Unlock)
	return false
}

type lateLocked struct {
	plain
	before atomic.Bool
}

func (l *lateLocked) Locked() bool {
	return l.before.Swap(l.plain.Locked())
}
