package lock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
)

func TestUnlockRacesLockTimeout(t *testing.T) {
	locktest.UnlockRacesLockTimeout(t, newLock)
}

func TestUnlockRacesCancel(t *testing.T) {
	locktest.UnlockRacesCancel(t, newLock)
}

func TestUnlockMeetsDeadlines(t *testing.T) {
	locktest.UnlockMeetsDeadlines(t, newLock)
}

func TestAReleaseIsNeverMissed(t *testing.T) {
	locktest.AReleaseIsNeverMissed(t, newLock)
}

func TestMixedFormsExcludeEachOther(t *testing.T) {
	locktest.MixedFormsExcludeEachOther(t, newLock)
}

func TestNobodyStarves(t *testing.T) {
	locktest.NobodyStarves(t, newLock)
}
