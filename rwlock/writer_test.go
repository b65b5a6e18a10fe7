package rwlock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/rwlock"
)

var packageLevelWriter rwlock.RWLock

// To writers alone, an RWLock is a lock like the others: it passes the same tests.
func TestTheWriterHasALock(t *testing.T) {
	for name, test := range map[string]func(*testing.T, locktest.New){
		"EveryFormAcquiresAFreeLock":                     locktest.EveryFormAcquiresAFreeLock,
		"NoTimeMeansTryLock":                             locktest.NoTimeMeansTryLock,
		"TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor": locktest.TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor,
		"AnEndedContextChangesNothing":                   locktest.AnEndedContextChangesNothing,
		"AContextThatEndsReturnsItsCause":                locktest.AContextThatEndsReturnsItsCause,
		"UncontendedPathsAllocateNothing":                locktest.UncontendedPathsAllocateNothing,
		"PlainDataIsPublished":                           locktest.PlainDataIsPublished,
		"UnlockRacesLockTimeout":                         locktest.UnlockRacesLockTimeout,
		"UnlockRacesCancel":                              locktest.UnlockRacesCancel,
		"UnlockMeetsDeadlines":                           locktest.UnlockMeetsDeadlines,
		"AReleaseIsNeverMissed":                          locktest.AReleaseIsNeverMissed,
		"MixedFormsExcludeEachOther":                     locktest.MixedFormsExcludeEachOther,
		"NobodyStarves":                                  locktest.NobodyStarves,
		"EveryHistoryIsLinearizable":                     locktest.EveryHistoryIsLinearizable,
		"EveryBlockedFormIsDurablyBlocked":               locktest.EveryBlockedFormIsDurablyBlocked,
		"GivesUpAtExactlyItsTime":                        locktest.GivesUpAtExactlyItsTime,
		"MaxInt64IsForEver":                              locktest.MaxInt64IsForEver,
		"WaitersAreServedInOrderOfArrival":               locktest.WaitersAreServedInOrderOfArrival,
		"AWaiterThatGivesUpLeavesTheOthersInOrder":       locktest.AWaiterThatGivesUpLeavesTheOthersInOrder,
		"ARunningGoroutineMayBarge":                      locktest.ARunningGoroutineMayBarge,
		"WorksOutsideAndInOneBubbleAfterAnother": func(t *testing.T, _ locktest.New) {
			locktest.WorksOutsideAndInOneBubbleAfterAnother(t, &packageLevelWriter)
		},
		"NothingKeepsALockAlive": func(t *testing.T, _ locktest.New) {
			locktest.NothingKeepsALockAlive(t, func(l *rwlock.RWLock) locktest.Locker { return l })
		},
	} {
		t.Run(name, func(t *testing.T) { test(t, newWriter) })
	}
}
