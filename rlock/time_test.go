package rlock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/rlock"
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

var packageLevel rlock.RLock

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
