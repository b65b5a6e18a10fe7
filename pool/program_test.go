package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// Every option with every way to submit, to wait and to end, drawn at random, in bubbles, where the wait for what never
// comes is a deadlock; and whatever is left behind too.
func TestEveryPairOfFeatures(t *testing.T) {
	hookPanics(t)
	seed := rand.Uint64()
	for round := range rounds(4_000) {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		synctest.Test(t, func(t *testing.T) {
			w := &world{tick: time.Second, depth: 3}
			w.left.Store(60)
			w.found(r, "first", r.IntN(2) == 0)
			if r.IntN(3) == 0 {
				w.found(r, "second", r.IntN(2) == 0)
			}
			var all sync.WaitGroup
			for range 1 + r.IntN(3) {
				r := rand.New(rand.NewPCG(r.Uint64(), 0))
				all.Go(func() {
					for range 1 + r.IntN(8) {
						l := w.lands[r.IntN(len(w.lands))]
						l.act(context.Background(), r, 0)
						if r.IntN(20) == 0 {
							l.ends[r.IntN(len(l.ends))]()
						}
						if r.IntN(4) == 0 {
							time.Sleep(w.wait(r))
						}
					}
				})
			}
			all.Wait()
			if err := w.settle(r); err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, round, err)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Two pools that use each other at random, on the real scheduler and under the explorer.
func TestNoScheduleBreaksAProgramOfPools(t *testing.T) {
	hookPanics(t)
	proof.LongPrograms(t, func(r *rand.Rand) explore.Case {
		seed := r.Uint64()
		return explore.Case{Name: fmt.Sprint("pools ", seed), Start: func(start func(string, func())) func() error {
			r := rand.New(rand.NewPCG(seed, 2))
			w := &world{tick: explore.Tick, depth: 2}
			w.left.Store(40)
			actors, steps := 3, 6
			if explore.On {
				w.left.Store(4)
				actors, steps = 2, 2
			}
			w.found(r, "first", r.IntN(2) == 0)
			if r.IntN(2) == 0 {
				w.found(r, "second", r.IntN(2) == 0)
			}
			var wg sync.WaitGroup
			wg.Add(actors)
			for i := range actors {
				r := rand.New(rand.NewPCG(seed, uint64(i)+3))
				start(fmt.Sprint("actor ", i), func() {
					defer wg.Done()
					for range 1 + r.IntN(steps) {
						l := w.lands[r.IntN(len(w.lands))]
						l.act(context.Background(), r, 0)
						if r.IntN(20) == 0 {
							l.ends[r.IntN(len(l.ends))]()
						}
					}
				})
			}
			var err error
			start("the end", func() {
				wg.Wait()
				err = w.settle(r)
			})
			return func() error { return err }
		}}
	})
}
