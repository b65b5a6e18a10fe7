package rlock_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rlock"
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

// Sixty-four goroutines lock to a random depth in all forms, and look at each
// level whether it is theirs alone.
func TestRandomDepthsAreTheOwnersAlone(t *testing.T) {
	const goroutines = 64
	var (
		r       rlock.RLock
		wg      sync.WaitGroup
		inside  int // under r: how many levels are owned, by whomever
		total   int // under r: how many levels there were
		entered atomic.Int64
		forms   = locktest.Patient()
		limited = locktest.Impatient()
		rounds  = locktest.Rounds(20_000)
	)
	for i := range goroutines {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			level := func(depth int) {
				if inside != depth || r.Depth() != depth || r.Owned() != (depth > 0) {
					t.Errorf("at depth %d: Depth is %d, Owned %v, and %d levels are owned", depth, r.Depth(), r.Owned(), inside)
				}
			}
			for range rounds {
				if r.Owned() || r.Depth() != 0 {
					t.Error("a goroutine that owns nothing is the owner")
				}
				if rng.IntN(8) == 0 && proof.Recovered(r.Unlock) != rlock.ErrNotOwner {
					t.Error("a goroutine that owns nothing unlocked")
				}
				depth, want := 0, 1+rng.IntN(5)
				for depth < want {
					switch n := rng.IntN(8); {
					case n == 0:
						f := rng.IntN(len(limited))
						if !limited[f].Lock(&r, time.Duration(1+rng.IntN(10_000))) {
							if depth > 0 && f == 0 { // a context may have ended at entry, which the owner is told, too
								t.Error("the owner gave up")
							}
							want = 0
							continue
						}
					case n == 1:
						if !r.TryLock() {
							if depth > 0 {
								t.Error("the owner gave up")
							}
							want = 0
							continue
						}
					case n == 2:
						r.LockDepth(2)
						depth++
						inside++
						total++
					default:
						forms[rng.IntN(len(forms))].Lock(&r)
					}
					depth++
					inside++
					total++
					entered.Add(1)
					level(depth)
				}
				if rng.IntN(4) == 0 {
					runtime.Gosched()
				}
				for depth > 0 {
					level(depth)
					if rng.IntN(4) == 0 {
						inside -= depth
						if got := r.UnlockAll(); got != depth {
							t.Errorf("UnlockAll returned %d, want %d", got, depth)
						}
						break
					}
					inside--
					depth--
					r.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if inside != 0 || total < int(entered.Load()) {
		t.Errorf("in the end %d levels are owned, of %d", inside, total)
	}
	locktest.Usable(t, &r)
}
