//go:build threadingexplore

package park

import (
	"fmt"
	"testing"

	"github.com/gothreading/threading/internal/explore"
)

// mutexCase lets goroutines lock and unlock so many times.
func mutexCase(name string, goroutines, rounds int) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			m             Mutex
			inside, total int // one goroutine runs at a time
			failed        error
		)
		for i := range goroutines {
			start(fmt.Sprint("goroutine ", i), func() {
				for range rounds {
					m.Lock()
					if inside++; inside != 1 {
						failed = fmt.Errorf("%d are inside", inside)
					}
					explore.Point("inside")
					inside--
					total++
					m.Unlock()
				}
			})
		}
		return func() error {
			if failed == nil && (total != goroutines*rounds || m.word.Load() != free) {
				return fmt.Errorf("%d of %d, the word is %d", total, goroutines*rounds, m.word.Load())
			}
			return failed
		}
	}}
}

func TestNoScheduleBreaksAMutex(t *testing.T) {
	before := losses
	defer func() { losses = before }()
	for _, losses = range []int{0, 1, 2} {
		for _, c := range []explore.Case{mutexCase("two", 2, 3), mutexCase("three", 3, 2), mutexCase("four", 4, 1)} {
			t.Run(fmt.Sprint(c.Name, ", losses ", losses), func(t *testing.T) { explore.Test(t, c) })
		}
	}
}
