package park

import (
	"runtime"
	"sync"
	"testing"

	"github.com/gothreading/threading/internal/proof"
)

func TestAMutexIsHeldByOne(t *testing.T) {
	defer proof.Watch(t)()
	for _, goroutines := range []int{2, 4, 32} {
		var (
			m     Mutex
			wg    sync.WaitGroup
			total int // guarded by m
		)
		rounds := proof.Rounds(100_000, 10, 5) / goroutines
		for range goroutines {
			wg.Go(func() {
				for i := range rounds {
					m.Lock()
					total++
					if i%16 == 0 {
						runtime.Gosched() // so that others find it held
					}
					m.Unlock()
				}
			})
		}
		wg.Wait()
		if total != goroutines*rounds || m.word.Load() != free {
			t.Errorf("%d of %d, the word is %d", total, goroutines*rounds, m.word.Load())
		}
	}
}

// Whoever loses again and again is handed the Mutex.
func TestNobodyStarvesInAMutex(t *testing.T) {
	proof.Processors(t, 1)
	var (
		m      Mutex
		served = make(chan bool, 1)
	)
	m.Lock()
	go func() {
		m.Lock()
		served <- true
		m.Unlock()
	}()
	for range 100 * losses {
		runtime.Gosched() // the other finds it held
		m.Unlock()
		m.Lock()
		if len(served) > 0 {
			m.Unlock()
			return
		}
	}
	t.Error("it was never handed over")
}

func TestUnlockOfAFreeMutexPanicsAndChangesNothing(t *testing.T) {
	var m Mutex
	if proof.Recovered(m.Unlock) == nil {
		t.Error("no panic")
	}
	m.Lock()
	m.Unlock()
	if proof.Recovered(m.Unlock) == nil || m.word.Load() != free {
		t.Error("no panic, or it was changed")
	}
}

// A guard that puts a goroutine durably to sleep lets a bubble take it for one that waits: time jumps, or the bubble ends,
// or whoever unlocks outside ends the process.
func TestAMutexIsUsedInsideAndOutsideOfABubbleAtOnce(t *testing.T) {
	var m Mutex
	proof.InsideAndOutside(t, func() {
		m.Lock()
		m.Unlock()
	})
}
