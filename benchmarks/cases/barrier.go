package cases

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/barrier"
	"github.com/marusama/cyclicbarrier"
)

func barrierRows(Sizes) []Row {
	const parties = 4
	return []Row{{
		Name: "Barrier: cycle of 4", Group: "Events and conditions",
		Ours: cycles("barrier.Barrier", parties, func(leader func()) func() {
			b := barrier.New(parties, leader)
			return func() { _, _ = b.Wait() }
		}),
		Rivals: []Contender{
			cycles("marusama/cyclicbarrier", parties, func(leader func()) func() {
				b := cyclicbarrier.NewWithAction(parties, func() error {
					leader()
					return nil
				})
				ctx := context.Background()
				return func() { _ = b.Await(ctx) }
			}),
			cycles("sync.Cond", parties, func(leader func()) func() {
				var (
					guard               sync.Mutex
					cond                = sync.NewCond(&guard)
					arrived, generation int
				)
				return func() {
					guard.Lock()
					defer guard.Unlock()
					if arrived++; arrived == parties {
						leader()
						arrived = 0
						generation++
						cond.Broadcast()
						return
					}
					for mine := generation; mine == generation; {
						cond.Wait()
					}
				}
			}),
		},
	}}
}

// cycles has all parties meet n times. The action counts, so that a cycle is one in which all had arrived.
func cycles(name string, parties int, newBarrier func(leader func()) (wait func())) Contender {
	return Contender{Name: name, New: func() Body {
		var arrived, full atomic.Int64
		wait := newBarrier(func() {
			if arrived.Swap(0) == int64(parties) {
				full.Add(1)
			}
		})
		return Body{
			Run: func(_ Timer, n int) {
				var wg sync.WaitGroup
				for range parties {
					wg.Go(func() {
						for range n {
							arrived.Add(1)
							wait()
						}
					})
				}
				wg.Wait()
			},
			Count: func() int { return int(full.Load()) },
		}
	}}
}
