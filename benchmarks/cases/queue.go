package cases

import (
	"runtime"
	"sync"
	"sync/atomic"

	adrianbrad "github.com/adrianbrad/queue"
	"github.com/gothreading/threading/queue"
	"github.com/puzpuzpuz/xsync/v4"
)

// A pipe is a queue as those benchmarks use it that have more to do than to call it. Room 0 is without bound.
type pipe func(room int) (put func(int), get func() int)

// newQueue is a pipe.
func newQueue(room int) (put func(int), get func() int) {
	q := queue.New[int](room)
	return func(i int) { _ = q.Put(i) }, func() int {
		i, _ := q.Get()
		return i
	}
}

// newBuffered is a pipe: a channel.
func newBuffered(room int) (put func(int), get func() int) {
	c := make(chan int, room)
	return func(i int) { c <- i }, func() int { return <-c }
}

func newAdrianbrad(room int) (put func(int), get func() int) {
	var opts []adrianbrad.Option
	if room > 0 {
		opts = append(opts, adrianbrad.WithCapacity(room))
	}
	q := adrianbrad.NewBlocking([]int(nil), opts...)
	return q.OfferWait, q.GetWait
}

// newXsync is a pipe. The queue itself never waits, so whoever must yields and tries again.
func newXsync(room int) (put func(int), get func() int) {
	q := xsync.NewMPMCQueue[int](room)
	return func(i int) {
			for !q.TryEnqueue(i) {
				runtime.Gosched()
			}
		}, func() int {
			for {
				if i, ok := q.TryDequeue(); ok {
					return i
				}
				runtime.Gosched()
			}
		}
}

// newCondQueue is a pipe: a slice under a mutex with two conditions, as one writes it by hand.
func newCondQueue(room int) (put func(int), get func() int) {
	var (
		guard             sync.Mutex
		notEmpty, notFull = sync.NewCond(&guard), sync.NewCond(&guard)
		items             []int
	)
	put = func(i int) {
		guard.Lock()
		for room > 0 && len(items) >= room {
			notFull.Wait()
		}
		items = append(items, i)
		notEmpty.Signal()
		guard.Unlock()
	}
	get = func() int {
		guard.Lock()
		for len(items) == 0 {
			notEmpty.Wait()
		}
		i := items[0]
		items = items[1:]
		notFull.Signal()
		guard.Unlock()
		return i
	}
	return put, get
}

func queueRows(s Sizes) []Row {
	standIn := func(int) (func(int), func() int) { return newBuffered(s.Backlog) }
	return []Row{{
		Name: "Queue: one goroutine", Group: "Queues",
		Ours: Contender{Name: "queue.Queue", New: func() Body {
			q, count := queue.New[int](128), 0
			return single(&count, func(n int) {
				for i := range n {
					_ = q.Put(i)
					if got, err := q.Get(); err == nil && got == i {
						count++
					}
				}
			})
		}},
		Rivals: []Contender{{Name: "channel", Main: true, New: func() Body {
			c, count := make(chan int, 128), 0
			return single(&count, func(n int) {
				for i := range n {
					c <- i
					if <-c == i {
						count++
					}
				}
			})
		}}, {Name: "xsync.MPMCQueue", New: func() Body {
			q, count := xsync.NewMPMCQueue[int](128), 0
			return single(&count, func(n int) {
				for i := range n {
					q.TryEnqueue(i)
					if got, ok := q.TryDequeue(); ok && got == i {
						count++
					}
				}
			})
		}}, {Name: "adrianbrad/queue", New: func() Body {
			q, count := adrianbrad.NewBlocking([]int(nil), adrianbrad.WithCapacity(128)), 0
			return single(&count, func(n int) {
				for i := range n {
					q.OfferWait(i)
					if q.GetWait() == i {
						count++
					}
				}
			})
		}}, alone("sync.Cond and slice", 128, newCondQueue)},
	}, {
		Name: "Queue: 4x4, room for 128", Group: "Queues",
		Ours: passing("queue.Queue", false, 4, 128, newQueue),
		Rivals: []Contender{
			passing("channel", true, 4, 128, newBuffered),
			passing("xsync.MPMCQueue", false, 4, 128, newXsync),
			passing("adrianbrad/queue", false, 4, 128, newAdrianbrad),
			passing("sync.Cond and slice", false, 4, 128, newCondQueue),
		},
	}, {
		Name: "Queue: 4x4, room for 1", Group: "Queues",
		Ours: passing("queue.Queue", false, 4, 1, newQueue),
		Rivals: []Contender{
			passing("channel", true, 4, 1, newBuffered),
			passing("xsync.MPMCQueue", false, 4, 1, newXsync),
			passing("adrianbrad/queue", false, 4, 1, newAdrianbrad),
			passing("sync.Cond and slice", false, 4, 1, newCondQueue),
		},
	}, {
		Name: "Queue: 4x4, unbounded", Group: "Queues",
		Ours: passing("queue.Queue", false, 4, 0, newQueue),
		Rivals: []Contender{
			passing("large channel", true, 4, 0, standIn),
			passing("adrianbrad/queue", false, 4, 0, newAdrianbrad),
			passing("sync.Cond and slice", false, 4, 0, newCondQueue),
		},
	}}
}

// alone puts and gets in turn.
func alone(name string, room int, pipe pipe) Contender {
	return Contender{Name: name, New: func() Body {
		put, get := pipe(room)
		count := 0
		return single(&count, func(n int) {
			for i := range n {
				put(i)
				if get() == i {
					count++
				}
			}
		})
	}}
}

// passing passes items from k goroutines to k others, which all begin at the same time. What has arrived counts only if
// the sum is right.
func passing(name string, main bool, k, room int, pipe pipe) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		put, get := pipe(room)
		var arrived, missing atomic.Int64
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				var (
					begin = make(chan struct{})
					parts = make(chan func(), 2*k)
					wg    sync.WaitGroup
				)
				for i := range k {
					mine := share(n, i, k)
					parts <- func() {
						sum := 0
						for item := range mine {
							put(item)
							sum += item
						}
						missing.Add(int64(sum))
					}
					parts <- func() {
						sum := 0
						for range mine {
							sum += get()
						}
						missing.Add(int64(-sum))
						arrived.Add(int64(mine))
					}
				}
				Park(2*k, func() {
					part := <-parts
					<-begin
					part()
				}, &wg)
				t.StartTimer()
				close(begin)
				wg.Wait()
			},
			Count: func() int {
				if missing.Load() != 0 {
					return -1
				}
				return int(arrived.Load())
			},
		}
	}}
}
