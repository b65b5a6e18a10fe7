package waitgroup_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

// A guest waits by any form, once or again and again. A patient one must be
// released; another gives up.
type guest struct {
	ticks  int // 0: patient
	ctx    bool
	rounds int
}

// wait reports whether the guest was released.
func (g guest) wait(w *waitgroup.WaitGroup) bool {
	d := explore.LastResort
	if g.ticks > 0 {
		d = time.Duration(g.ticks) * explore.Tick
	}
	if !g.ctx {
		return w.WaitTimeout(d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.WaitContext(ctx) == nil
}

// Rounds begin and end at random, and nobody begins one after the last: then all
// guests that are patient must have been released, and each channel is closed.
// While one has a count of its own, no wait of its own is released.
func roundsProgram(r *rand.Rand) explore.Case {
	var guests []guest
	for range 1 + r.IntN(3) {
		g := guest{ctx: r.IntN(2) == 0, rounds: 1 + r.IntN(2)}
		if r.IntN(3) == 0 {
			g.ticks = 1 + r.IntN(3)
		}
		guests = append(guests, g)
	}
	var adders [][]int // what each adds, and takes off again one at a time
	for range 1 + r.IntN(3) {
		adders = append(adders, []int{1 + r.IntN(2), 1 + r.IntN(2)}[:1+r.IntN(2)])
	}
	receivers, strangers := r.IntN(2), r.IntN(2)
	name := fmt.Sprintf("guests %+v, adders %v, receivers %d, strangers %d", guests, adders, receivers, strangers)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			w        waitgroup.WaitGroup
			channels [4]<-chan struct{}
			failed   atomic.Pointer[error]
		)
		fail := func(format string, args ...any) {
			err := fmt.Errorf(format, args...)
			failed.CompareAndSwap(nil, &err)
		}
		w.Add(1)
		start("holder", func() {
			proof.Pause()
			w.Done()
		})
		for i, g := range guests {
			start(fmt.Sprint("guest ", i), func() {
				for range g.rounds {
					if !g.wait(&w) && g.ticks == 0 {
						fail("guest %d was forgotten; the count is %d", i, w.Count())
					}
					proof.Pause()
				}
			})
		}
		for i, ns := range adders {
			start(fmt.Sprint("adder ", i), func() {
				for _, n := range ns {
					w.Add(n)
					for range n {
						proof.Pause()
						w.Done()
					}
				}
			})
		}
		for i := range strangers {
			start(fmt.Sprint("stranger ", i), func() {
				w.Add(1)
				if w.WaitTimeout(explore.Tick) || w.Count() < 1 {
					fail("the stranger was released while it had a count of its own")
				}
				w.Done()
			})
		}
		for i := range receivers {
			start(fmt.Sprint("receiver ", i), func() {
				channels[2*i] = w.C()
				proof.Pause()
				channels[2*i+1] = w.C()
			})
		}
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			if w.Count() != 0 || !w.WaitTimeout(0) {
				return fmt.Errorf("at the end the count is %d", w.Count())
			}
			for i, c := range channels[:2*receivers] {
				select {
				case <-c:
				default:
					return fmt.Errorf("channel %d is open at the end", i)
				}
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfRounds(t *testing.T) { proof.Programs(t, roundsProgram) }
