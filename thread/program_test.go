package thread_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// Threads start threads and end in all ways; others join them for as long as they like, and Main waits for all.
func threadProgram(r *rand.Rand) explore.Case {
	type plan struct {
		end      int // return, panic, exit
		children int
		joiners  []int // the limit of each, 0 for a patient one, below 0 for a context
	}
	plans := make([]plan, 1+r.IntN(2))
	for i := range plans {
		plans[i] = plan{r.IntN(3), r.IntN(2), make([]int, r.IntN(3))}
		for j := range plans[i].joiners {
			if plans[i].joiners[j] = r.IntN(3); r.IntN(2) == 0 {
				plans[i].joiners[j] *= -1
			}
		}
	}
	main := r.IntN(2) == 0
	name := fmt.Sprintf("threads %+v, main %t", plans, main)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			guard   sync.Mutex
			failed  error
			started []*thread.Thread
		)
		fail := func(format string, args ...any) {
			guard.Lock()
			defer guard.Unlock()
			if failed == nil {
				failed = fmt.Errorf(format, args...)
			}
		}
		began := func(t *thread.Thread) {
			guard.Lock()
			defer guard.Unlock()
			started = append(started, t)
		}
		for i, p := range plans {
			t := thread.New(func() {
				for range p.children {
					began(thread.Go(proof.Pause))
				}
				proof.Pause()
				switch p.end {
				case 1:
					panic("planned")
				case 2:
					runtime.Goexit()
				}
			})
			began(t)
			t.Start()
			for j, limit := range p.joiners {
				start(fmt.Sprint("joiner ", i, j), func() {
					ticks := explore.Tick
					if !explore.On {
						ticks = time.Microsecond
					}
					switch {
					case limit == 0:
						t.Join()
						if t.IsAlive() || (t.Err() == nil) != (p.end == 0) {
							fail("after Join: alive %t, %v", t.IsAlive(), t.Err())
						}
					case limit > 0:
						t.JoinTimeout(time.Duration(limit) * ticks)
					default:
						ctx, end := context.WithTimeout(context.Background(), time.Duration(-limit)*ticks)
						defer end()
						if err := t.JoinContext(ctx); err != nil && err != context.DeadlineExceeded {
							fail("JoinContext: %v", err)
						}
					}
				})
			}
		}
		if main {
			start("main", func() {
				thread.Main(func() { began(thread.Go(proof.Pause)) })
				guard.Lock()
				defer guard.Unlock()
				for _, t := range started {
					if t.IsAlive() {
						failed = fmt.Errorf("Main did not wait for %v", t)
					}
				}
			})
		}
		return func() error {
			for i := 0; ; i++ { // those that were joined may have started more
				guard.Lock()
				if i == len(started) {
					defer guard.Unlock()
					return failed
				}
				t := started[i]
				guard.Unlock()
				t.Join()
			}
		}
	}}
}

func TestNoScheduleBreaksThreads(t *testing.T) {
	quiet(t)
	proof.Programs(t, threadProgram)
}
