package cases

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alitto/pond/v2"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/timer"
)

// A Curve is a row for each size, to see how what an operation costs grows with it.
type Curve struct {
	Name, Title string
	Size        string // what n counts
	Max         int    // up to which n is worth measuring
	Row         func(n int) Row
}

// each is how much every goroutine of a curve does at least, so that the operations outweigh how it began and ended.
const each = 100

// mostGoroutines is how many goroutines a curve or pile may have at a time: ten times as many do not fit into 24 GB.
const mostGoroutines = 1_000_000

// Curves returns the curves.
func Curves() []Curve {
	return []Curve{{
		Name: "lock-goroutines", Title: "A lock, contended", Size: "goroutines", Max: 10_000,
		Row: func(n int) Row {
			return Row{
				Name: fmt.Sprintf("lock, %d goroutines", n), Batch: each * n,
				Ours: contended("lock.Lock", false, n, 0, newLock),
				Rivals: []Contender{
					contended("sync.Mutex", false, n, 0, newMutex),
					contended("channel", false, n, 0, newChannel),
				},
			}
		},
	}, {
		Name: "semaphore-goroutines", Title: "A semaphore of 4 permits, contended", Size: "goroutines", Max: 10_000,
		Row: func(n int) Row {
			return Row{
				Name: fmt.Sprintf("semaphore, %d goroutines", n), Batch: each * n,
				Ours: sharing("semaphore.Semaphore", false, n, 4, newSemaphore),
				Rivals: []Contender{
					sharing("x/sync/semaphore", false, n, 4, newX),
					sharing("channel", false, n, 4, newChanSem),
				},
			}
		},
	}, {
		Name: "queue-goroutines", Title: "A queue with room for 128, an item from put to get", Size: "producers, and as many consumers",
		Max: 10_000,
		Row: func(n int) Row {
			return Row{
				Name: fmt.Sprintf("queue, %d producers and consumers", n), Batch: each * n,
				Ours: passing("queue.Queue", false, n, 128, newQueue),
				Rivals: []Contender{
					passing("channel", false, n, 128, newBuffered),
					passing("sync.Cond and slice", false, n, 128, newCondQueue),
				},
			}
		},
	}, {
		Name: "event-waiters", Title: "Waking all, for each waiter until the last has run", Size: "waiters", Max: 1_000_000,
		Row: func(n int) Row {
			return Row{
				Name: fmt.Sprintf("event, %d waiters", n), Batch: n,
				Ours:   wakeAll("event.Event", false, n, newEvent),
				Rivals: []Contender{wakeAll("close(chan)", false, n, newClosing)},
			}
		},
	}, {
		Name: "queue-length", Title: "A queue, put and get", Size: "items inside", Max: 10_000_000,
		Row: func(n int) Row {
			return Row{
				Name: fmt.Sprintf("queue, %d inside", n),
				Ours: behind("queue.Queue", n, newQueue),
				Rivals: []Contender{
					behind("channel", n, func(int) (func(int), func() int) { return newBuffered(n + 1) }),
				},
			}
		},
	}, {
		Name: "priority-length", Title: "A priority queue, put and get", Size: "items inside", Max: 10_000_000,
		Row: func(n int) Row {
			return Row{
				Name:   fmt.Sprintf("priority queue, %d inside", n),
				Ours:   inside("queue.NewPriority", false, n, newPriority),
				Rivals: []Contender{inside("container/heap under a mutex", false, n, newHeap)},
			}
		},
	}, {
		Name: "pool-tasks", Title: "A pool of 8 workers, a tiny task until all have run", Size: "tasks submitted at once",
		Max: 10_000_000,
		Row: func(n int) Row {
			row := Row{
				Name: fmt.Sprintf("pool, %d tasks", n), Batch: n,
				Ours:   inBatches(n, tasks("pool.Go", false, onPool)),
				Rivals: []Contender{inBatches(n, tasks("pond", false, onPond))},
			}
			if n <= mostGoroutines {
				row.Rivals = append(row.Rivals, inBatches(n, tasks("go statement", false, onNothing)))
			}
			return row
		},
	}, {
		Name: "timer-pending", Title: "A timer, started and cancelled", Size: "timers pending", Max: 1_000_000,
		Row: func(n int) Row {
			return Row{
				Name:   fmt.Sprintf("timer, %d pending", n),
				Ours:   pending("timer.Timer", n, startTimer),
				Rivals: []Contender{pending("time.AfterFunc", n, startAfterFunc)},
			}
		},
	}}
}

// behind puts an item behind so many others, and gets the first of them.
func behind(name string, inside int, pipe pipe) Contender {
	return Contender{Name: name, New: func() Body {
		put, get := pipe(0)
		for i := range inside {
			put(i)
		}
		count := 0
		return single(&count, func(n int) {
			for range n {
				put(count + inside)
				if get() == count {
					count++
				}
			}
		})
	}}
}

// inBatches lets a contender that does all operations of a run at once do so many at once.
func inBatches(size int, c Contender) Contender {
	return Contender{Name: c.Name, New: func() Body {
		body := c.New()
		atOnce := body.Run
		body.Run = func(t Timer, n int) {
			for range n / size {
				atOnce(t, size)
			}
		}
		return body
	}}
}

func startTimer(d time.Duration) (cancel func() bool) {
	t := timer.New(d, func() {})
	t.Start()
	return t.Cancel
}

func startAfterFunc(d time.Duration) (cancel func() bool) { return time.AfterFunc(d, func() {}).Stop }

// pending starts and cancels a timer while so many others are pending.
func pending(name string, others int, start func(time.Duration) (cancel func() bool)) Contender {
	return Contender{Name: name, New: func() Body {
		cancels := make([]func() bool, others)
		for i := range cancels {
			cancels[i] = start(time.Hour + time.Duration(i)*time.Microsecond)
		}
		count := 0
		body := single(&count, func(n int) {
			for range n {
				if start(time.Hour)() {
					count++
				}
			}
		})
		body.Close = func() {
			for _, cancel := range cancels {
				cancel()
			}
		}
		return body
	}}
}

// A Pile is things of one kind of which more and more are made, to see what each takes in memory.
type Pile struct {
	Name, Title string
	Size        string // what n counts
	Max         int
	Ways        []Way
}

// To returns up to which number the way of a pile is worth measuring, if the pile is to be no larger than that.
func (p Pile) To(w Way, largest int) int {
	most := min(p.Max, largest)
	if w.Max > 0 {
		most = min(most, w.Max)
	}
	return most
}

// A Way is one way to make them.
type Way struct {
	Name string
	Max  int // if it is less than the pile's; otherwise 0
	// New returns what makes so many more, and what ends all of them.
	New func() (more func(n int), end func())
}

// Piles returns the piles.
func Piles() []Pile {
	return []Pile{{
		Name: "waiter-bytes", Title: "Memory of a goroutine that waits", Size: "waiters", Max: 1_000_000,
		Ways: []Way{
			{"event.Event", 0, parking(newEvent)},
			{"event.Event, WaitTimeout", 0, parking(func() (wait, wake func()) {
				var e event.Event
				return func() { e.WaitTimeout(time.Hour) }, e.Set
			})},
			{"closed channel", 0, parking(newClosing)},
			{"sync.Cond", 0, parking(newBroadcast)},
		},
	}, {
		Name: "queue-bytes", Title: "Memory of an int in a queue", Size: "items inside", Max: 10_000_000,
		Ways: []Way{
			{"queue.Queue", 0, filling(func() func(int) {
				var q queue.Queue[int]
				return func(i int) { _ = q.Put(i) }
			})},
			{"queue.NewPriority", 0, filling(func() func(int) {
				put, _ := newPriority(0)
				return put
			})},
			{"container/heap", 0, filling(func() func(int) {
				put, _ := newHeap(0)
				return put
			})},
		},
	}, {
		Name: "task-bytes", Title: "Memory of a task that waits for a worker", Size: "tasks", Max: 10_000_000,
		Ways: []Way{
			{"pool.Go", 0, func() (more func(n int), end func()) {
				p, gate := busyPool()
				return func(n int) {
						for range n {
							_ = p.Go(func(context.Context) error { return nil })
						}
					}, func() {
						close(gate)
						p.Shutdown()
					}
			}},
			{"pool.ApplyAsync", 0, func() (more func(n int), end func()) {
				p, gate := busyPool()
				var results []*pool.Result[int]
				return func(n int) {
						for range n {
							results = append(results, pool.ApplyAsync(p, func(context.Context) (int, error) { return 1, nil }))
						}
					}, func() {
						close(gate)
						p.Shutdown()
						clear(results)
					}
			}},
			{"pond", 0, func() (more func(n int), end func()) {
				p, gate := pond.NewPool(1), make(chan struct{})
				_ = p.Go(func() { <-gate })
				return func(n int) {
						for range n {
							_ = p.Go(func() {})
						}
					}, func() {
						close(gate)
						p.StopAndWait()
					}
			}},
			{"go statement", mostGoroutines, func() (more func(n int), end func()) {
				gate := make(chan struct{})
				var wg sync.WaitGroup
				return func(n int) { Park(n, func() { <-gate }, &wg) }, func() {
					close(gate)
					wg.Wait()
				}
			}},
		},
	}, {
		Name: "timer-bytes", Title: "Memory of a timer that is pending", Size: "timers", Max: 1_000_000,
		Ways: []Way{{"timer.Timer", 0, piling(startTimer)}, {"time.AfterFunc", 0, piling(startAfterFunc)}},
	}, coroutinePile}
}

// busyPool returns a pool whose only worker waits until the gate is closed.
func busyPool() (*pool.Pool, chan struct{}) {
	p, gate := pool.New(1), make(chan struct{})
	_ = p.Go(func(context.Context) error { <-gate; return nil })
	return p, gate
}

func parking(newFlag func() (wait, wake func())) func() (func(int), func()) {
	return func() (more func(n int), end func()) {
		wait, wake := newFlag()
		var wg sync.WaitGroup
		return func(n int) { Park(n, wait, &wg) }, func() {
			wake()
			wg.Wait()
		}
	}
}

func filling(newQueue func() (put func(int))) func() (func(int), func()) {
	return func() (more func(n int), end func()) {
		put := newQueue()
		return func(n int) {
			for i := range n {
				put(i)
			}
		}, func() { put(0) } // keeps the queue alive until here
	}
}

func piling(start func(time.Duration) (cancel func() bool)) func() (func(int), func()) {
	return func() (more func(n int), end func()) {
		var cancels []func() bool
		return func(n int) {
				for range n {
					cancels = append(cancels, start(time.Hour))
				}
			}, func() {
				for _, cancel := range cancels {
					cancel()
				}
			}
	}
}
