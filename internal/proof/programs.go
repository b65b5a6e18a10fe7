package proof

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/gothreading/threading/internal/explore"
)

// Programs runs the programs that generate makes at random, and fails the test
// at the first whose check fails. With the build tag threadingexplore, the
// explorer looks for a schedule that breaks one of them. Otherwise they run on
// the scheduler of the runtime, many times: what a goroutine may find then is
// up to chance, and generate and what it makes must be free of data races.
//
// Such a program should be open. Where whoever acquires also releases, a lost
// wakeup is repaired by the next release before a test can see it. So let there
// be signals that stay, waiters of which some give up, newcomers that barge,
// and an end at which all have been served that must be. A wait that must end
// has the limit explore.LastResort.
func Programs(t *testing.T, generate func(*rand.Rand) explore.Case) {
	t.Helper()
	programs(t, 50_000, generate)
}

// LongPrograms is like Programs for programs that take some ten times as long:
// there are fewer.
func LongPrograms(t *testing.T, generate func(*rand.Rand) explore.Case) {
	t.Helper()
	programs(t, 5_000, generate)
}

// Pause is a step of a program in which others may go on.
func Pause() {
	explore.Point("pause")
	if explore.On {
		return
	}
	switch rand.IntN(4) {
	case 0:
		runtime.Gosched()
	case 1:
		Spin(rand.IntN(200))
	case 2:
		Spin(rand.IntN(2000))
	}
}

// byChance runs a case on the scheduler of the runtime.
func byChance(c explore.Case) error {
	var (
		fs []func()
		wg sync.WaitGroup
	)
	check := c.Start(func(_ string, f func()) { fs = append(fs, f) })
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
	return check()
}
