package cases

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// A chanLock is the lock that people make who need one that gives up: a channel with room for one.
type chanLock chan struct{}

func newChanLock() chanLock { return make(chanLock, 1) }

func (c chanLock) Lock()   { c <- struct{}{} }
func (c chanLock) Unlock() { <-c }

func (c chanLock) lockTimeout(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case c <- struct{}{}:
		return true
	case <-t.C:
		return false
	}
}

func (c chanLock) lockContext(ctx context.Context) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newLock() sync.Locker    { return new(lock.Lock) }
func newMutex() sync.Locker   { return new(sync.Mutex) }
func newChannel() sync.Locker { return newChanLock() }
func newReentry() sync.Locker { return new(rlock.RLock) }

// single is a body of one goroutine that has nothing to close.
func single(count *int, run func(n int)) Body {
	return Body{
		Run:   func(_ Timer, n int) { run(n) },
		Count: func() int { return *count },
	}
}

func lockRows(Sizes) []Row {
	rows := []Row{{
		Name: "Lock: free", Group: "Locks",
		Ours: Contender{Name: "lock.Lock", New: func() Body {
			var (
				l     lock.Lock
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
		Rivals: []Contender{freeMutex(true), {Name: "channel", New: func() Body {
			l, count := newChanLock(), 0
			return single(&count, func(n int) {
				for range n {
					l.Lock()
					count++
					l.Unlock()
				}
			})
		}}},
	}}
	for _, goroutines := range []int{8, 64} {
		rows = append(rows, Row{
			Name: fmt.Sprintf("Lock: contended by %d", goroutines), Group: "Locks",
			Ours: contended("lock.Lock", false, goroutines, 0, newLock),
			Rivals: []Contender{
				contended("sync.Mutex", true, goroutines, 0, newMutex),
				contended("channel", false, goroutines, 0, newChannel),
			},
		})
	}
	for _, held := range []struct {
		name string
		work int
	}{{"25 ns", 32}, {"250 ns", 320}, {"1 µs", 1280}} {
		rows = append(rows, Row{
			Name: "Lock: held for about " + held.name + " by 4", Group: "Locks",
			Ours: contended("lock.Lock", false, 4, held.work, newLock),
			Rivals: []Contender{
				contended("sync.Mutex", true, 4, held.work, newMutex),
				contended("channel", false, 4, held.work, newChannel),
			},
		})
	}
	return append(rows, Row{
		Name: "Lock: hand-off", Group: "Locks",
		Ours: lockHandOff("lock.Lock", false, newLock),
		Rivals: []Contender{
			lockHandOff("sync.Mutex", true, newMutex),
			lockHandOff("channel", false, newChannel),
		},
	}, Row{
		Name: "LockTimeout: free", Group: "Locks",
		Ours: Contender{Name: "lock.Lock", New: func() Body {
			var (
				l     lock.Lock
				count int
			)
			return single(&count, func(n int) {
				for range n {
					if l.LockTimeout(time.Hour) {
						count++
						l.Unlock()
					}
				}
			})
		}},
		Rivals: []Contender{{Name: "channel and timer", Main: true, New: func() Body {
			l, count := newChanLock(), 0
			return single(&count, func(n int) {
				for range n {
					if l.lockTimeout(time.Hour) {
						count++
						l.Unlock()
					}
				}
			})
		}}, {Name: "channel, tried first", Main: true, New: func() Body {
			l, count := newChanLock(), 0
			return single(&count, func(n int) {
				for range n {
					// Who knows that a timer is dear makes it only after the channel was full.
					locked := false
					select {
					case l <- struct{}{}:
						locked = true
					default:
						locked = l.lockTimeout(time.Hour)
					}
					if locked {
						count++
						l.Unlock()
					}
				}
			})
		}}},
	}, Row{
		Name: "LockContext: free", Group: "Locks",
		Ours: Contender{Name: "lock.Lock", New: func() Body {
			var (
				l     lock.Lock
				count int
			)
			ctx, cancel := context.WithCancel(context.Background())
			body := single(&count, func(n int) {
				for range n {
					if l.LockContext(ctx) == nil {
						count++
						l.Unlock()
					}
				}
			})
			body.Close = cancel
			return body
		}},
		Rivals: []Contender{{Name: "channel and select", Main: true, New: func() Body {
			l, count := newChanLock(), 0
			ctx, cancel := context.WithCancel(context.Background())
			body := single(&count, func(n int) {
				for range n {
					if l.lockContext(ctx) == nil {
						count++
						l.Unlock()
					}
				}
			})
			body.Close = cancel
			return body
		}}},
	})
}

func rlockRows(Sizes) []Row {
	return []Row{{
		Name: "RLock: free", Group: "Locks",
		Ours: Contender{Name: "rlock.RLock", New: func() Body {
			var (
				l     rlock.RLock
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
		Rivals: []Contender{freeMutex(true)},
	}, {
		Name: "RLock: nested", Group: "Locks",
		Ours: Contender{Name: "rlock.RLock", New: func() Body {
			var (
				l     rlock.RLock
				count int
			)
			return single(&count, func(n int) {
				l.Lock()
				defer l.Unlock()
				for range n {
					l.Lock()
					count++
					l.Unlock()
				}
			})
		}},
		Rivals: []Contender{freeMutex(true)},
	}, {
		Name: "RLock: contended by 8", Group: "Locks",
		Ours:   contended("rlock.RLock", false, 8, 0, newReentry),
		Rivals: []Contender{contended("sync.Mutex", false, 8, 0, newMutex)},
	}}
}

func freeMutex(main bool) Contender {
	return Contender{Name: "sync.Mutex", Main: main, New: func() Body {
		var (
			l     sync.Mutex
			count int
		)
		return single(&count, func(n int) {
			for range n {
				l.Lock()
				count++
				l.Unlock()
			}
		})
	}}
}

// contended has many goroutines take the same lock for as long as it takes to count to the next number and to do so much
// work; between two locks each does three times as much. They all begin while the lock is held, and go on until the number
// is reached: otherwise those that begin first would be done before the last begin, and a short run would measure a lock
// that two goroutines share.
func contended(name string, main bool, goroutines, work int, newLocker func() sync.Locker) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		l, count, shared := newLocker(), 0, 0
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				l.Lock()
				var wg sync.WaitGroup
				until := count + n
				Park(goroutines, func() {
					own := 0
					for more := true; more; {
						l.Lock()
						if more = count < until; more {
							count++
							if work > 0 {
								shared = chew(shared, work)
							}
						}
						l.Unlock()
						if work > 0 {
							own = chew(own, 3*work)
						}
					}
				}, &wg)
				t.StartTimer()
				l.Unlock()
				wg.Wait()
			},
			Count: func() int { return count },
		}
	}}
}

// chew does some work, which takes 0.8 ns for each step on the machine that the names of rows go by.
//
//go:noinline // or what is of no use would be left out
func chew(x, steps int) int {
	for i := range steps {
		x = x*31 + i
	}
	return x
}

// lockHandOff passes the turn there and back between two goroutines, each of which waits for the other: two waits and
// two switches an operation.
func lockHandOff(name string, main bool, newLocker func() sync.Locker) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		there, back, count := newLocker(), newLocker(), 0
		there.Lock()
		back.Lock()
		return single(&count, func(n int) {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range n {
					there.Lock()
					count++
					back.Unlock()
				}
			})
			for range n {
				there.Unlock()
				back.Lock()
			}
			wg.Wait()
		})
	}}
}
