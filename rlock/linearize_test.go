package rlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rlock"
)

func TestEveryHistoryIsLinearizable(t *testing.T) {
	locktest.EveryHistoryIsLinearizable(t, newLock)
}

func TestPlantedBugsAreFound(t *testing.T) {
	locktest.PlantedBugsAreFound(t, map[string]locktest.New{
		"a timeout is reported as success":  func() locktest.Locker { return new(lyingTimeout) },
		"an ended context locks":            func() locktest.Locker { return new(ignoringContext) },
		"a try does not re-enter":           func() locktest.Locker { return new(strictTry) },
		"a stranger's Unlock unlocks":       func() locktest.Locker { return new(lenientUnlock) },
		"UnlockAll forgets a level":         func() locktest.Locker { return new(forgetfulUnlockAll) },
		"LockDepth locks once":              func() locktest.Locker { return new(shallowLockDepth) },
		"everybody sees the owner's depth":  func() locktest.Locker { return new(publicDepth) },
		"everybody is the owner if any is":  func() locktest.Locker { return new(publicOwned) },
		"Locked is only about one's own":    func() locktest.Locker { return new(privateLocked) },
		"the owner's timeout adds no level": func() locktest.Locker { return new(flatTimeout) },
	})
}

type lyingTimeout struct{ rlock.RLock }

func (r *lyingTimeout) LockTimeout(d time.Duration) bool { return r.RLock.LockTimeout(d) || d > 0 }

type ignoringContext struct{ rlock.RLock }

func (r *ignoringContext) LockContext(ctx context.Context) error {
	if r.Owned() {
		r.Lock()
		return nil
	}
	return r.RLock.LockContext(ctx)
}

type strictTry struct{ rlock.RLock }

func (r *strictTry) TryLock() bool { return !r.Owned() && r.RLock.TryLock() }

type lenientUnlock struct{ rlock.RLock }

func (r *lenientUnlock) Unlock() { _ = proof.Recovered(r.RLock.Unlock) }

type forgetfulUnlockAll struct{ rlock.RLock }

func (r *forgetfulUnlockAll) UnlockAll() int { return min(r.RLock.UnlockAll(), 2) }

type shallowLockDepth struct{ rlock.RLock }

func (r *shallowLockDepth) LockDepth(depth int) { r.RLock.LockDepth(min(depth, 1)) }

type publicDepth struct{ rlock.RLock }

func (r *publicDepth) Depth() int {
	if r.Locked() {
		return max(r.RLock.Depth(), 1)
	}
	return 0
}

type publicOwned struct{ rlock.RLock }

func (r *publicOwned) Owned() bool { return r.Locked() }

type privateLocked struct{ rlock.RLock }

func (r *privateLocked) Locked() bool { return r.Owned() }

type flatTimeout struct{ rlock.RLock }

func (r *flatTimeout) LockTimeout(d time.Duration) bool { return r.Owned() || r.RLock.LockTimeout(d) }
