package cases

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/semaphore"
	marusama "github.com/marusama/semaphore/v2"
	weighted "golang.org/x/sync/semaphore"
)

// An acquirer is a semaphore as those benchmarks use it that have more to do than to call it.
type acquirer interface {
	acquire()
	release()
}

type ourSemaphore struct{ s *semaphore.Semaphore }

func (o ourSemaphore) acquire() { o.s.Acquire() }
func (o ourSemaphore) release() { o.s.Release() }

type xSemaphore struct{ s *weighted.Weighted }

func (x xSemaphore) acquire() { _ = x.s.Acquire(context.Background(), 1) }
func (x xSemaphore) release() { x.s.Release(1) }

type marusamaSemaphore struct{ s marusama.Semaphore }

func (m marusamaSemaphore) acquire() { _ = m.s.Acquire(context.Background(), 1) }
func (m marusamaSemaphore) release() { m.s.Release(1) }

type chanSemaphore chan struct{}

func (c chanSemaphore) acquire() { c <- struct{}{} }
func (c chanSemaphore) release() { <-c }

func newSemaphore(permits int) acquirer { return ourSemaphore{semaphore.New(permits)} }
func newX(permits int) acquirer         { return xSemaphore{weighted.NewWeighted(int64(permits))} }
func newMarusama(permits int) acquirer  { return marusamaSemaphore{marusama.New(permits)} }
func newChanSem(permits int) acquirer   { return make(chanSemaphore, permits) }

func semaphoreRows(Sizes) []Row {
	const permits = 4
	return []Row{{
		Name: "Semaphore: free", Group: "Semaphores",
		Ours: Contender{Name: "semaphore.Semaphore", New: func() Body {
			s, count := semaphore.New(permits), 0
			return single(&count, func(n int) {
				for range n {
					s.Acquire()
					count++
					s.Release()
				}
			})
		}},
		Rivals: []Contender{{Name: "x/sync/semaphore", Main: true, New: func() Body {
			s, count := weighted.NewWeighted(permits), 0
			ctx := context.Background()
			return single(&count, func(n int) {
				for range n {
					if s.Acquire(ctx, 1) == nil {
						count++
						s.Release(1)
					}
				}
			})
		}}, {Name: "marusama/semaphore", New: func() Body {
			s, count := marusama.New(permits), 0
			ctx := context.Background()
			return single(&count, func(n int) {
				for range n {
					if s.Acquire(ctx, 1) == nil {
						count++
						s.Release(1)
					}
				}
			})
		}}, {Name: "channel", New: func() Body {
			s, count := make(chan struct{}, permits), 0
			return single(&count, func(n int) {
				for range n {
					s <- struct{}{}
					count++
					<-s
				}
			})
		}}},
	}, {
		Name: "Semaphore: 8 goroutines, 1 permit", Group: "Semaphores",
		Ours: sharing("semaphore.Semaphore", false, 8, 1, newSemaphore),
		Rivals: []Contender{
			sharing("x/sync/semaphore", true, 8, 1, newX),
			sharing("marusama/semaphore", false, 8, 1, newMarusama),
			sharing("channel", false, 8, 1, newChanSem),
		},
	}, {
		Name: "Semaphore: 8 goroutines, 4 permits", Group: "Semaphores",
		Ours: sharing("semaphore.Semaphore", false, 8, permits, newSemaphore),
		Rivals: []Contender{
			sharing("x/sync/semaphore", true, 8, permits, newX),
			sharing("marusama/semaphore", false, 8, permits, newMarusama),
			sharing("channel", false, 8, permits, newChanSem),
		},
	}, {
		Name: "Semaphore: 64 goroutines, 4 permits", Group: "Semaphores",
		Ours: sharing("semaphore.Semaphore", false, 64, permits, newSemaphore),
		Rivals: []Contender{
			sharing("x/sync/semaphore", false, 64, permits, newX),
			sharing("marusama/semaphore", false, 64, permits, newMarusama),
			sharing("channel", false, 64, permits, newChanSem),
		},
	}, {
		Name: "Semaphore: hand-off", Group: "Semaphores",
		Ours: permitHandOff("semaphore.Semaphore", false, newSemaphore),
		Rivals: []Contender{
			permitHandOff("x/sync/semaphore", true, newX),
			permitHandOff("marusama/semaphore", false, newMarusama),
			permitHandOff("channel", false, newChanSem),
		},
	}}
}

// sharing has more goroutines than permits. Each counts for itself, because several are inside at a time. They all begin
// while no permit is free, as in contended.
func sharing(name string, main bool, goroutines, permits int, newAcquirer func(int) acquirer) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		s := newAcquirer(permits)
		var count atomic.Int64
		return Body{
			Run: func(t Timer, n int) {
				t.StopTimer()
				for range permits {
					s.acquire()
				}
				shares := make(chan int, goroutines)
				for i := range goroutines {
					shares <- share(n, i, goroutines)
				}
				var wg sync.WaitGroup
				Park(goroutines, func() {
					mine := <-shares
					for range mine {
						s.acquire()
						s.release()
					}
					count.Add(int64(mine))
				}, &wg)
				t.StartTimer()
				for range permits {
					s.release()
				}
				wg.Wait()
			},
			Count: func() int { return int(count.Load()) },
		}
	}}
}

// permitHandOff passes a permit there and back between two goroutines, each of which waits for the other.
func permitHandOff(name string, main bool, newAcquirer func(int) acquirer) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		there, back, count := newAcquirer(1), newAcquirer(1), 0
		there.acquire()
		back.acquire()
		return single(&count, func(n int) {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range n {
					there.acquire()
					count++
					back.release()
				}
			})
			for range n {
				there.release()
				back.acquire()
			}
			wg.Wait()
		})
	}}
}
