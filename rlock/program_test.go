package rlock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/rlock"
)

// again locks an RLock that the caller owns twice more, and unlocks it as
// often.
func again(l locktest.Locker) {
	r := l.(*rlock.RLock)
	r.Lock()
	explore.Point("nested")
	if !r.TryLock() || r.Depth() != 3 {
		panic("the owner was refused, or is not at its depth")
	}
	r.Unlock()
	r.Unlock()
}

func TestNoScheduleBreaksAProgramOfRLocks(t *testing.T) {
	locktest.NoProgramBreaksIt(t, newLock, false, again)
}

func TestCallsThatDoNotWaitMayBeMadeInsideAndOutsideOfABubble(t *testing.T) {
	locktest.CallsThatDoNotWaitMayBeMadeInsideAndOutside(t, newLock)
}
