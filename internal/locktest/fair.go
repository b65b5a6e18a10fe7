package locktest

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// A queue is a row of waiters in a bubble that records the order in which they
// are served.
type queue struct {
	t     *testing.T
	l     Locker
	order []string // who was served, under l
	mu    sync.Mutex
	gone  []string // who gave up, under mu
}

func newQueue(t *testing.T, l Locker) *queue { return &queue{t: t, l: l} }

// wait puts a waiter at the end of the row. When it is served it unlocks at
// once.
func (q *queue) wait(name string, lock func() bool) {
	go func() {
		if !lock() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.gone = append(q.gone, name)
			return
		}
		q.order = append(q.order, name)
		q.l.Unlock()
	}()
	synctest.Wait()
}

// served fails the test unless exactly these have been served, in this order,
// when all goroutines are blocked.
func (q *queue) served(want ...string) {
	q.t.Helper()
	synctest.Wait()
	if !slices.Equal(q.order, want) {
		q.t.Errorf("served %q, want %q", q.order, want)
	}
}

// starve makes l, which the caller holds in a bubble on one processor,
// starving: its first waiter has been passed over for a millisecond. The caller
// holds l afterwards. It returns false, with l not held by the caller, if the
// waiter was faster, which only a preemption can cause.
func starve(l Locker) bool { return starveFor(l, time.Millisecond) }

func starveFor(l Locker, d time.Duration) bool {
	synctest.Wait()
	if !barge(l) {
		return false
	}
	synctest.Wait() // the waiter has lost, and its patience has begun
	time.Sleep(d)
	if !barge(l) {
		return false
	}
	synctest.Wait() // it has lost again, and its patience has ended
	return true
}

// WaitersAreServedInOrderOfArrival while no other goroutine runs, whatever
// their form.
func WaitersAreServedInOrderOfArrival(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		l := newLock()
		for range 3 {
			l.Lock()
			q := newQueue(t, l)
			var want []string
			for i := range 2 {
				for _, form := range Patient() {
					name := fmt.Sprint(form.Name, i)
					want = append(want, name)
					q.wait(name, func() bool { return form.Lock(l) })
				}
			}
			l.Unlock()
			q.served(want...)
			Usable(t, l)
		}
	})
}

// AWaiterThatGivesUpLeavesTheOthersInOrder cancels each set of waiters of a row
// of five: the first, the last, some in the middle, neighbours, all.
func AWaiterThatGivesUpLeavesTheOthersInOrder(t *testing.T, newLock New) {
	const row = 5
	for _, form := range Impatient() {
		t.Run(form.Name, func(t *testing.T) {
			for leaving := range 1 << row {
				synctest.Test(t, func(t *testing.T) {
					l := newLock()
					l.Lock()
					q := newQueue(t, l)
					var stay, leave []string
					for i := range row {
						name := fmt.Sprint(i)
						limit := time.Hour
						if leaving&(1<<i) != 0 {
							limit = time.Duration(1+i*3%row) * time.Second // not in the order of arrival
							leave = append(leave, name)
						} else {
							stay = append(stay, name)
						}
						q.wait(name, func() bool { return form.Lock(l, limit) })
					}
					time.Sleep(time.Minute)
					q.served()
					slices.Sort(q.gone)
					if !slices.Equal(q.gone, leave) {
						t.Errorf("%q gave up, want %q", q.gone, leave)
					}
					q.wait("newcomer", func() bool { l.Lock(); return true })
					l.Unlock()
					q.served(append(stay, "newcomer")...)
					Usable(t, l)
				})
			}
		})
	}
}

// ARunningGoroutineMayBarge until the first waiter has been passed over for a
// millisecond: then the lock is handed to it, and to those who waited at that
// moment, in order of arrival. After that barging is open again.
func ARunningGoroutineMayBarge(t *testing.T, newLock New) {
	t.Run("until a millisecond has passed", func(t *testing.T) {
		for waiters := 1; waiters <= 3; waiters++ {
			for _, c := range []struct {
				passedOver time.Duration
				handedOver bool
			}{
				{0, false},
				{time.Millisecond - 1, false},
				{time.Millisecond, true},
				{time.Hour, true},
			} {
				t.Run(fmt.Sprint(waiters, " waiters, ", c.passedOver), func(t *testing.T) {
					proof.Uninterrupted(t, func(t *testing.T) bool {
						l := newLock()
						l.Lock()
						q := newQueue(t, l)
						var want []string
						for i := range waiters {
							want = append(want, fmt.Sprint(i))
							q.wait(want[i], func() bool { l.Lock(); return true })
						}
						if !starveFor(l, c.passedOver) {
							return false
						}
						barged := barge(l)
						if barged {
							l.Unlock()
						}
						q.served(want...)
						Usable(t, l)
						if barged && c.handedOver {
							t.Errorf("a newcomer took the lock after %v", c.passedOver)
						}
						return barged != c.handedOver
					})
				})
			}
		}
	})
	// A waiter that was not passed over has no claim, however long it has
	// waited.
	t.Run("however long the lock was held", func(t *testing.T) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			l := newLock()
			l.Lock()
			q := newQueue(t, l)
			q.wait("waiter", func() bool { l.Lock(); return true })
			time.Sleep(time.Hour)
			barged := barge(l)
			if barged {
				l.Unlock()
			}
			q.served("waiter")
			return barged
		})
	})
	// Waiters are pooled: the patience of an earlier wait is not that of a
	// later one.
	t.Run("however long another wait lasted", func(t *testing.T) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			l := newLock()
			for range 2 {
				l.Lock()
				q := newQueue(t, l)
				q.wait("waiter", func() bool { l.Lock(); return true })
				if !starveFor(l, 0) {
					return false
				}
				barged := barge(l)
				if barged {
					l.Unlock()
				}
				q.served("waiter")
				if !barged {
					return false
				}
				time.Sleep(time.Hour)
			}
			return true
		})
	})
	t.Run("and again after a batch", func(t *testing.T) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			l := newLock()
			l.Lock()
			var (
				q      = newQueue(t, l)
				open   [5]bool // whether a newcomer got the lock right after the n'th waiter had unlocked it
				served = func(n int, name string) func() {
					return func() {
						l.Lock()
						q.order = append(q.order, name)
						time.Sleep(time.Second)
						l.Unlock()
						if open[n] = l.TryLock(); open[n] {
							l.Unlock()
						}
					}
				}
				wg sync.WaitGroup
			)
			defer wg.Wait()
			names := []string{"early 1", "early 2", "early 3", "late 1", "late 2"}
			for i, name := range names[:3] {
				wg.Go(served(i, name))
				synctest.Wait()
			}
			if !starve(l) {
				return false
			}
			for i, name := range names[3:] {
				wg.Go(served(3+i, name))
				synctest.Wait()
			}
			l.Unlock()
			wg.Wait()
			if !slices.Equal(q.order, names) {
				t.Errorf("served %q, want %q", q.order, names)
			}
			// The lock was handed to all who waited when it became starving:
			// nobody could take it in between. The third hands it to nobody.
			// The first latecomer is woken to compete for it; its own unlock
			// leaves one more.
			if open[0] || open[1] {
				t.Error("a newcomer took the lock in the middle of a batch")
			}
			Usable(t, l)
			return open[2] && open[3]
		})
	})
	t.Run("which ends when the starving waiter gives up", func(t *testing.T) {
		for _, form := range Impatient() {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				l := newLock()
				l.Lock()
				start := time.Now()
				q := newQueue(t, l)
				q.wait("leaving", func() bool { return form.Lock(l, time.Second) })
				q.wait("early", func() bool { l.Lock(); return true })
				if !starve(l) {
					return false
				}
				q.wait("late", func() bool { l.Lock(); return true })
				time.Sleep(time.Second - time.Since(start) + 1) // until it has
				l.Unlock()
				if l.TryLock() {
					t.Error("a newcomer took the lock that is owed to the second of the batch")
					l.Unlock()
				}
				q.served("early", "late")
				Usable(t, l)
				return true
			})
		}
	})
}

// NobodyStarves is the test on real milliseconds: eight goroutines hold the
// lock for a millisecond each and lock it again at once, so that a waiter that
// has just been woken finds it taken. With barging alone it would be served
// after minutes. Its limit is counted in turns of the others, about thirty of
// which are normal, and not in seconds, of which a busy machine may take any
// number.
func NobodyStarves(t *testing.T, newLock New) {
	const (
		hammerers = 8
		hold      = time.Millisecond
		turns     = 3000 // at least three seconds
		waits     = 3
	)
	patient := Patient()
	for _, procs := range []int{1, 2} {
		for _, form := range []Form{patient[0], patient[1], patient[3]} {
			t.Run(fmt.Sprintf("%s, %d processors", form.Name, procs), func(t *testing.T) {
				proof.Processors(t, procs)
				var (
					l      = newLock()
					stop   atomic.Bool
					turn   atomic.Int64
					begun  sync.WaitGroup
					ended  sync.WaitGroup
					latest atomic.Int64 // the turn by which the waiter has to be served
				)
				latest.Store(math.MaxInt64)
				begun.Add(hammerers)
				for range hammerers {
					ended.Go(func() {
						begun.Done()
						for !stop.Load() {
							l.Lock()
							for start := time.Now(); time.Since(start) < hold; {
							}
							l.Unlock()
							if turn.Add(1) > latest.Load() {
								stop.Store(true)
							}
						}
					})
				}
				begun.Wait()
				for i := range waits {
					for !l.Locked() { // or there is nothing to wait for
						runtime.Gosched()
					}
					start := turn.Load()
					latest.Store(start + turns)
					acquired := form.Lock(l)
					starved := stop.Load()
					latest.Store(math.MaxInt64)
					if acquired {
						l.Unlock()
					}
					if !acquired || starved {
						t.Errorf("wait %d had not ended after %d turns of others", i+1, turns)
						break
					}
					t.Logf("wait %d: %d turns of others", i+1, turn.Load()-start)
				}
				stop.Store(true)
				ended.Wait()
				Usable(t, l)
			})
		}
	}
}
