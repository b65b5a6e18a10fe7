package cases

import (
	"sync"

	"github.com/gothreading/threading/waitgroup"
)

func waitGroupRows(s Sizes) []Row {
	waiters := s.Waiters / 100
	return []Row{{
		Name: "WaitGroup: Add, Done, Wait", Group: "Readers, rounds and keys",
		Ours: Contender{Name: "waitgroup.WaitGroup", New: func() Body {
			var (
				w     waitgroup.WaitGroup
				count int
			)
			return single(&count, func(n int) {
				for range n {
					w.Add(1)
					count++
					w.Done()
					w.Wait()
				}
			})
		}},
		Rivals: []Contender{{Name: "sync.WaitGroup", Main: true, New: func() Body {
			var (
				w     sync.WaitGroup
				count int
			)
			return single(&count, func(n int) {
				for range n {
					w.Add(1)
					count++
					w.Done()
					w.Wait()
				}
			})
		}}},
	}, {
		Name: "WaitGroup: release " + size(waiters) + " until all have run", Group: "Readers, rounds and keys", Batch: waiters,
		Ours: wakeAll("waitgroup.WaitGroup", false, waiters, newRound),
		Rivals: []Contender{
			wakeAll("sync.WaitGroup", true, waiters, func() (wait, wake func()) {
				var w sync.WaitGroup
				w.Add(1)
				return w.Wait, w.Done
			}),
			wakeAll("close(chan)", false, waiters, newClosing),
		},
	}}
}

// newRound is a WaitGroup as a flag that many wait for.
func newRound() (wait, wake func()) {
	var w waitgroup.WaitGroup
	w.Add(1)
	return w.Wait, w.Done
}
