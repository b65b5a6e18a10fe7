package semaphore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/semaphore"
	weighted "golang.org/x/sync/semaphore"
)

// A contender is a semaphore as the benchmarks use it.
type contender interface {
	acquire(n int)
	release(n int)
	acquireTimeout(n int, d time.Duration) bool
	acquireContext(ctx context.Context, n int) bool
}

// rivals are Semaphore, BoundedSemaphore, and what would be used in their
// stead, in the order in which they are measured. A channel knows no n: it
// takes one after the other, which can deadlock.
var rivals = []struct {
	name string
	make func(value int) contender
}{
	{"semaphore", func(value int) contender { return ours{semaphore.New(value)} }},
	{"bounded", func(value int) contender { return ours{semaphore.NewBounded(value)} }},
	{"x-sync", func(value int) contender { return theirs{weighted.NewWeighted(int64(value))} }},
	{"chan", func(value int) contender { return make(channel, value) }},
}

type ours struct{ c counter }

func (o ours) acquire(n int) {
	if n == 1 {
		o.c.Acquire()
	} else {
		o.c.AcquireN(n)
	}
}

func (o ours) release(n int) {
	if n == 1 {
		o.c.Release()
	} else {
		o.c.ReleaseN(n)
	}
}

func (o ours) acquireTimeout(n int, d time.Duration) bool { return o.c.AcquireNTimeout(n, d) }

func (o ours) acquireContext(ctx context.Context, n int) bool {
	return o.c.AcquireNContext(ctx, n) == nil
}

type theirs struct{ w *weighted.Weighted }

func (t theirs) acquire(n int) { _ = t.w.Acquire(context.Background(), int64(n)) }
func (t theirs) release(n int) { t.w.Release(int64(n)) }

func (t theirs) acquireTimeout(n int, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return t.acquireContext(ctx, n)
}

func (t theirs) acquireContext(ctx context.Context, n int) bool {
	return t.w.Acquire(ctx, int64(n)) == nil
}

type channel chan struct{}

func (c channel) acquire(n int) {
	for range n {
		c <- struct{}{}
	}
}

func (c channel) release(n int) {
	for range n {
		<-c
	}
}

func (c channel) acquireTimeout(_ int, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case c <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func (c channel) acquireContext(ctx context.Context, _ int) bool {
	select {
	case c <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// The rivals run one after the other for each case, so that what disturbs the
// machine disturbs all.
func eachRival(b *testing.B, bench func(b *testing.B, make func(value int) contender)) {
	for _, r := range rivals {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			bench(b, r.make)
		})
	}
}

// BenchmarkFree acquires permits that are free, with direct calls: what an
// interface costs would distort it.
func BenchmarkFree(b *testing.B) {
	const value = 10
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var (
		s       = semaphore.New(value)
		bounded = semaphore.NewBounded(value)
		w       = weighted.NewWeighted(value)
		c       = make(channel, value)
	)
	for _, form := range []struct {
		name  string
		loops [4]func(b *testing.B) // in the order of rivals
	}{
		{"Acquire", [...]func(b *testing.B){
			func(b *testing.B) {
				for b.Loop() {
					s.Acquire()
					s.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					bounded.Acquire()
					bounded.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					_ = w.Acquire(ctx, 1)
					w.Release(1)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					c <- struct{}{}
					<-c
				}
			},
		}},
		{"AcquireTimeout", [...]func(b *testing.B){
			func(b *testing.B) {
				for b.Loop() {
					s.AcquireTimeout(time.Hour)
					s.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					bounded.AcquireTimeout(time.Hour)
					bounded.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					theirs{w}.acquireTimeout(1, time.Hour)
					w.Release(1)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					c.acquireTimeout(1, time.Hour)
					<-c
				}
			},
		}},
		{"AcquireContext", [...]func(b *testing.B){
			func(b *testing.B) {
				for b.Loop() {
					_ = s.AcquireContext(ctx)
					s.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					_ = bounded.AcquireContext(ctx)
					bounded.Release()
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					_ = w.Acquire(ctx, 1)
					w.Release(1)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					c.acquireContext(ctx, 1)
					<-c
				}
			},
		}},
		{"AcquireN of 3", [...]func(b *testing.B){
			func(b *testing.B) {
				for b.Loop() {
					s.AcquireN(3)
					s.ReleaseN(3)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					bounded.AcquireN(3)
					bounded.ReleaseN(3)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					_ = w.Acquire(ctx, 3)
					w.Release(3)
				}
			},
			func(b *testing.B) {
				for b.Loop() {
					c.acquire(3)
					c.release(3)
				}
			},
		}},
	} {
		b.Run(form.name, func(b *testing.B) {
			for i, loop := range form.loops {
				b.Run(rivals[i].name, func(b *testing.B) {
					b.ReportAllocs()
					loop(b)
				})
			}
		})
	}
}

// BenchmarkContended has many goroutines share few permits.
func BenchmarkContended(b *testing.B) {
	for _, goroutines := range []int{8, 64} {
		for _, permits := range []int{1, 4} {
			b.Run(fmt.Sprintf("%d goroutines, %d permits", goroutines, permits), func(b *testing.B) {
				eachRival(b, func(b *testing.B, make func(int) contender) {
					c := make(permits)
					each := b.N/goroutines + 1
					var wg sync.WaitGroup
					for range goroutines {
						wg.Go(func() {
							for range each {
								c.acquire(1)
								c.release(1)
							}
						})
					}
					wg.Wait()
				})
			})
		}
	}
}

// BenchmarkHandOff passes a permit to and fro between two goroutines that
// always wait for each other: two waits a turn.
func BenchmarkHandOff(b *testing.B) {
	eachRival(b, func(b *testing.B, make func(int) contender) {
		ping, pong := make(1), make(1)
		ping.acquire(1)
		pong.acquire(1)
		turns := b.N
		var wg sync.WaitGroup
		wg.Go(func() {
			for range turns {
				ping.acquire(1)
				pong.release(1)
			}
		})
		for range turns {
			ping.release(1)
			pong.acquire(1)
		}
		wg.Wait()
	})
}

// BenchmarkGivesUp waits in vain: for a microsecond, or until a context ends
// that another goroutine cancels.
func BenchmarkGivesUp(b *testing.B) {
	b.Run("timeout", func(b *testing.B) {
		eachRival(b, func(b *testing.B, make func(int) contender) {
			c := make(1)
			c.acquire(1)
			for b.Loop() {
				c.acquireTimeout(1, time.Microsecond)
			}
		})
	})
	b.Run("cancel", func(b *testing.B) {
		eachRival(b, func(b *testing.B, make func(int) contender) {
			c := make(1)
			c.acquire(1)
			for b.Loop() {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				c.acquireContext(ctx, 1)
			}
		})
	})
}
