package lock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
)

func TestNoScheduleBreaksAProgramOfLocks(t *testing.T) {
	locktest.NoProgramBreaksIt(t, newLock, true, nil)
}

func TestNoScheduleBreaksAProgramOfKeys(t *testing.T) {
	locktest.NoProgramBreaksIt(t, newKeyed, true, nil)
}

func TestCallsThatDoNotWaitMayBeMadeInsideAndOutsideOfABubble(t *testing.T) {
	locktest.CallsThatDoNotWaitMayBeMadeInsideAndOutside(t, newLock)
}
