package cases

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/rwlock"
)

// A sharedLocker is a readers-writer lock.
type sharedLocker interface {
	sync.Locker
	RLock()
	RUnlock()
}

func newRWLock() sharedLocker  { return new(rwlock.RWLock) }
func newRWMutex() sharedLocker { return new(sync.RWMutex) }

func rwlockRows(Sizes) []Row {
	rows := []Row{{
		Name: "RWLock: read, free", Group: "Readers, rounds and keys",
		Ours: Contender{Name: "rwlock.RWLock", New: func() Body {
			var (
				l     rwlock.RWLock
				count int
			)
			return single(&count, func(n int) {
				for range n {
					l.RLock()
					count++
					l.RUnlock()
				}
			})
		}},
		Rivals: []Contender{{Name: "sync.RWMutex", Main: true, New: func() Body {
			var (
				l     sync.RWMutex
				count int
			)
			return single(&count, func(n int) {
				for range n {
					l.RLock()
					count++
					l.RUnlock()
				}
			})
		}}},
	}, {
		Name: "RWLock: write, free", Group: "Readers, rounds and keys",
		Ours: Contender{Name: "rwlock.RWLock", New: func() Body {
			var (
				l     rwlock.RWLock
				count int
			)
			return single(&count, func(n int) {
				for range n {
					l.Lock()
					count++
					l.Unlock()
				}
			})
		}},
		Rivals: []Contender{{Name: "sync.RWMutex", New: func() Body {
			var (
				l     sync.RWMutex
				count int
			)
			return single(&count, func(n int) {
				for range n {
					l.Lock()
					count++
					l.Unlock()
				}
			})
		}}},
	}, {
		Name: "RWLock: 8 readers", Group: "Readers, rounds and keys",
		Ours:   shared("rwlock.RWLock", false, 8, 0, 0, newRWLock),
		Rivals: []Contender{shared("sync.RWMutex", true, 8, 0, 0, newRWMutex)},
	}}
	for _, c := range []struct {
		readers, writers, work int
		held                   string
		main                   bool
	}{
		// With nothing to do inside, a sync.RWMutex lets a running reader in again and again in place of those that it
		// has woken, so that few of them ever sleep, and some do not come in for long. It is there to be seen.
		{7, 1, 0, "for nothing", false},
		{7, 1, 32, "for about 25 ns", true},
		{7, 1, 320, "for about 250 ns", true},
		{4, 4, 32, "for about 25 ns", false},
		{0, 8, 32, "for about 25 ns", false},
	} {
		who := fmt.Sprintf("%d readers, %d writer", c.readers, c.writers)
		if c.writers > 1 {
			who += "s"
		}
		rows = append(rows, Row{
			Name: fmt.Sprintf("RWLock: held %s by %s", c.held, who), Group: "Readers, rounds and keys",
			Ours:   shared("rwlock.RWLock", false, c.readers, c.writers, c.work, newRWLock),
			Rivals: []Contender{shared("sync.RWMutex", c.main, c.readers, c.writers, c.work, newRWMutex)},
		})
	}
	return rows
}

// shared has readers and writers take the same lock for as long as so much work takes; between two locks each does three
// times as much. They all begin while the lock is held, and take operations, a few at a time, until all have taken place.
func shared(name string, main bool, readers, writers, work int, newLocker func() sharedLocker) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		var (
			l       = newLocker()
			count   atomic.Int64
			written int
		)
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				var (
					left, come atomic.Int64
					wg         sync.WaitGroup
				)
				left.Store(int64(n))
				l.Lock()
				Park(readers+writers, func() {
					reads := int(come.Add(1)) <= readers
					own, value := 0, 0
					for mine := take(&left); mine > 0; mine = take(&left) {
						for range mine {
							if reads {
								l.RLock()
								value = written
								if work > 0 {
									value = chew(value, work)
								}
								l.RUnlock()
							} else {
								l.Lock()
								written++
								if work > 0 {
									written = chew(written, work)
								}
								l.Unlock()
							}
							if work > 0 {
								own = chew(own, 3*work)
							}
						}
						count.Add(int64(mine))
					}
					_ = value
				}, &wg)
				t.StartTimer()
				l.Unlock()
				wg.Wait()
			},
			Count: func() int { return int(count.Load()) },
		}
	}}
}

// take takes a few operations of those that are left.
func take(left *atomic.Int64) int {
	const few = 16
	return int(min(few, max(0, left.Add(-few)+few)))
}
