package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/queue"
)

// The rivals: a buffered channel, and what one would write by hand with sync.Cond. Neither gives up waiting, counts
// tasks or is shut down. A channel is never unbounded; its stand-in has more room than a benchmark uses.
var rivals = []struct {
	name string
	make func(maxsize int) (put func(int), get func() int)
}{
	{"queue", func(maxsize int) (func(int), func() int) {
		q := queue.New[int](maxsize)
		return func(i int) { q.Put(i) }, func() int { i, _ := q.Get(); return i }
	}},
	{"channel", func(maxsize int) (func(int), func() int) {
		if maxsize == 0 {
			maxsize = 1 << 20
		}
		c := make(chan int, maxsize)
		return func(i int) { c <- i }, func() int { return <-c }
	}},
	{"cond", func(maxsize int) (func(int), func() int) {
		q := newCondQueue(maxsize)
		return q.put, q.get
	}},
}

// A condQueue is a slice under a mutex with two conditions: Python's own design, in Go.
type condQueue struct {
	mu                sync.Mutex
	notEmpty, notFull sync.Cond
	items             []int
	maxsize           int
}

func newCondQueue(maxsize int) *condQueue {
	q := &condQueue{maxsize: maxsize}
	q.notEmpty.L, q.notFull.L = &q.mu, &q.mu
	return q
}

func (q *condQueue) put(item int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.maxsize > 0 && len(q.items) >= q.maxsize {
		q.notFull.Wait()
	}
	q.items = append(q.items, item)
	q.notEmpty.Signal()
}

func (q *condQueue) get() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		q.notEmpty.Wait()
	}
	item := q.items[0]
	q.items = q.items[1:]
	q.notFull.Signal()
	return item
}

// The rivals run one after the other for each case, so that what disturbs the machine disturbs all.
func eachRival(b *testing.B, maxsize int, bench func(b *testing.B, put func(int), get func() int)) {
	for _, r := range rivals {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			put, get := r.make(maxsize)
			bench(b, put, get)
		})
	}
}

// BenchmarkOneGoroutine puts and gets without ever waiting.
func BenchmarkOneGoroutine(b *testing.B) {
	for _, maxsize := range []int{1, 128, 0} {
		b.Run(capName(maxsize), func(b *testing.B) {
			eachRival(b, maxsize, func(b *testing.B, put func(int), get func() int) {
				for b.Loop() {
					put(1)
					get()
				}
			})
		})
	}
}

// BenchmarkProducersConsumers passes items from n goroutines to n others.
func BenchmarkProducersConsumers(b *testing.B) {
	for _, n := range []int{1, 4, 32} {
		for _, maxsize := range []int{1, 8, 32, 128, 0} {
			b.Run(fmt.Sprintf("%dx%d, %s", n, n, capName(maxsize)), func(b *testing.B) {
				eachRival(b, maxsize, func(b *testing.B, put func(int), get func() int) {
					each := b.N/n + 1
					var all sync.WaitGroup
					for range n {
						all.Go(func() {
							for i := range each {
								put(i)
							}
						})
						all.Go(func() {
							for range each {
								get()
							}
						})
					}
					all.Wait()
				})
			})
		}
	}
}

// BenchmarkPingPong sends an item there and back: two switches of goroutines a round.
func BenchmarkPingPong(b *testing.B) {
	for _, maxsize := range []int{1, 128} {
		b.Run(capName(maxsize), func(b *testing.B) {
			for _, r := range rivals {
				b.Run(r.name, func(b *testing.B) {
					b.ReportAllocs()
					put, receive := r.make(maxsize)
					send, get := r.make(maxsize)
					var echo sync.WaitGroup
					echo.Go(func() {
						for i := receive(); i >= 0; i = receive() {
							send(i)
						}
					})
					for b.Loop() {
						put(1)
						get()
					}
					put(-1)
					echo.Wait()
				})
			}
		})
	}
}

// BenchmarkForms compares the forms of Put and Get that succeed at once with a select that could give up.
func BenchmarkForms(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	q := queue.New[int](128)
	c := make(chan int, 128)
	for _, f := range []struct {
		name string
		pair func()
	}{
		{"queue, Try", func() { q.TryPut(1); q.TryGet() }},
		{"queue, Timeout", func() { q.PutTimeout(1, time.Hour); q.GetTimeout(time.Hour) }},
		{"queue, Context", func() { q.PutContext(ctx, 1); q.GetContext(ctx) }},
		{"channel, default", func() {
			select {
			case c <- 1:
			default:
			}
			select {
			case <-c:
			default:
			}
		}},
		{"channel, context", func() {
			select {
			case c <- 1:
			case <-ctx.Done():
			}
			select {
			case <-c:
			case <-ctx.Done():
			}
		}},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.pair()
			}
		})
	}
}

// BenchmarkTimeout is a get that waits in vain, against a channel with a timer.
func BenchmarkTimeout(b *testing.B) {
	const d = time.Microsecond
	b.Run("queue", func(b *testing.B) {
		b.ReportAllocs()
		q := queue.New[int](0)
		for b.Loop() {
			q.GetTimeout(d)
		}
	})
	b.Run("channel", func(b *testing.B) {
		b.ReportAllocs()
		c := make(chan int)
		for b.Loop() {
			timer := time.NewTimer(d)
			select {
			case <-c:
			case <-timer.C:
			}
			timer.Stop()
		}
	})
}

// BenchmarkTasks is an item's whole way, with TaskDone.
func BenchmarkTasks(b *testing.B) {
	b.ReportAllocs()
	q := queue.New[int](128)
	var worker sync.WaitGroup
	worker.Go(func() {
		for range q.Tasks() {
		}
	})
	for b.Loop() {
		q.Put(1)
	}
	q.Join()
	q.Shutdown()
	worker.Wait()
}
