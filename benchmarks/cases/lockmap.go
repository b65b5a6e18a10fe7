package cases

import (
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/lock"
)

// A keyLocker has a lock for each key.
type keyLocker interface {
	Lock(k int)
	Unlock(k int)
}

// A registry is what people write who need a lock for each key: a map of mutexes under a mutex, with counts, so that a key
// goes when nobody uses it.
type registry struct {
	guard sync.Mutex
	locks map[int]*counted
}

type counted struct {
	sync.Mutex
	users int
}

func (r *registry) Lock(k int) {
	r.guard.Lock()
	l := r.locks[k]
	if l == nil {
		l = new(counted)
		r.locks[k] = l
	}
	l.users++
	r.guard.Unlock()
	l.Lock()
}

func (r *registry) Unlock(k int) {
	r.guard.Lock()
	l := r.locks[k]
	if l.users--; l.users == 0 {
		delete(r.locks, k)
	}
	r.guard.Unlock()
	l.Unlock()
}

func newMap() keyLocker      { return new(lock.Map[int]) }
func newRegistry() keyLocker { return &registry{locks: map[int]*counted{}} }

func lockMapRows(Sizes) []Row {
	const rival = "map of sync.Mutex"
	return []Row{{
		Name: "lock.Map: free", Group: "Readers, rounds and keys",
		Ours:   freeKey("lock.Map", newMap),
		Rivals: []Contender{freeKey(rival, newRegistry)},
	}, {
		Name: "lock.Map: one key by 8", Group: "Readers, rounds and keys",
		Ours:   keyed("lock.Map", false, 1, newMap),
		Rivals: []Contender{keyed(rival, true, 1, newRegistry)},
	}, {
		Name: "lock.Map: 1,000 keys by 8", Group: "Readers, rounds and keys",
		Ours:   keyed("lock.Map", false, 1000, newMap),
		Rivals: []Contender{keyed(rival, true, 1000, newRegistry)},
	}}
}

func freeKey(name string, newLocker func() keyLocker) Contender {
	return Contender{Name: name, New: func() Body {
		l, count := newLocker(), 0
		return single(&count, func(n int) {
			for range n {
				l.Lock(7)
				count++
				l.Unlock(7)
			}
		})
	}}
}

// keyed has eight goroutines lock random ones of so many keys. They all begin while the first key is locked, and take
// operations, a few at a time, until all have taken place.
func keyed(name string, main bool, keys int, newLocker func() keyLocker) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		l := newLocker()
		counts := make([]struct { // each counts under the lock of its key
			n int
			_ [56]byte
		}, keys)
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				var (
					left, come atomic.Int64
					wg         sync.WaitGroup
				)
				left.Store(int64(n))
				l.Lock(0)
				Park(8, func() {
					x := uint32(come.Add(1))
					k := 0
					for mine := take(&left); mine > 0; mine = take(&left) {
						for range mine {
							l.Lock(k)
							counts[k].n++
							l.Unlock(k)
							x = x*1664525 + 1013904223
							k = int(x>>8) % keys
						}
					}
				}, &wg)
				t.StartTimer()
				l.Unlock(0)
				wg.Wait()
			},
			Count: func() (sum int) {
				for i := range counts {
					sum += counts[i].n
				}
				return sum
			},
		}
	}}
}
