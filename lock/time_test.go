package lock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/lock"
)

func TestEveryBlockedFormIsDurablyBlocked(t *testing.T) {
	locktest.EveryBlockedFormIsDurablyBlocked(t, newLock)
}

func TestGivesUpAtExactlyItsTime(t *testing.T) {
	locktest.GivesUpAtExactlyItsTime(t, newLock)
}

func TestMaxInt64IsForEver(t *testing.T) {
	locktest.MaxInt64IsForEver(t, newLock)
}

var packageLevel lock.Lock

func TestWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	locktest.WorksOutsideAndInOneBubbleAfterAnother(t, &packageLevel)
}

func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	locktest.WaitersAreServedInOrderOfArrival(t, newLock)
}

func TestAWaiterThatGivesUpLeavesTheOthersInOrder(t *testing.T) {
	locktest.AWaiterThatGivesUpLeavesTheOthersInOrder(t, newLock)
}

func TestARunningGoroutineMayBarge(t *testing.T) {
	locktest.ARunningGoroutineMayBarge(t, newLock)
}
