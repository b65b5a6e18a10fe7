package event_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/event"
)

// What need not wait. The rival is a channel that is closed.
func BenchmarkSet(b *testing.B) {
	var e event.Event
	e.Set()
	closed := make(chan struct{})
	close(closed)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for name, f := range map[string]func(n int){
		"wait/event": func(n int) {
			for range n {
				e.Wait()
			}
		},
		"wait/channel": func(n int) {
			for range n {
				<-closed
			}
		},
		"timeout/event": func(n int) {
			for range n {
				e.WaitTimeout(time.Hour)
			}
		},
		"context/event": func(n int) {
			for range n {
				_ = e.WaitContext(ctx)
			}
		},
		"context/channel": func(n int) {
			for range n {
				select {
				case <-closed:
				case <-ctx.Done():
				}
			}
		},
		"ask/event": func(n int) {
			for range n {
				e.IsSet()
			}
		},
		"ask/channel": func(n int) {
			for range n {
				isClosed(closed)
			}
		},
		"done/event": func(n int) {
			for range n {
				<-e.Done()
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			f(b.N)
		})
	}
}

// Set and Clear with nobody waiting. The rival makes a new channel for each
// generation.
func BenchmarkSetClear(b *testing.B) {
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		var e event.Event
		for b.Loop() {
			e.Set()
			e.Clear()
		}
	})
	b.Run("channel", func(b *testing.B) {
		b.ReportAllocs()
		var (
			guard sync.Mutex
			c     = make(chan struct{})
		)
		for b.Loop() {
			guard.Lock()
			close(c)
			guard.Unlock()
			guard.Lock()
			c = make(chan struct{})
			guard.Unlock()
		}
	})
}

// Two goroutines wake each other in turn.
func BenchmarkPingPong(b *testing.B) {
	waits := map[string]func(*event.Event){
		"event":   (*event.Event).Wait,
		"timeout": func(e *event.Event) { e.WaitTimeout(time.Hour) },
	}
	for name, wait := range waits {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var ping, pong event.Event
			go func() {
				for range b.N {
					wait(&ping)
					ping.Clear()
					pong.Set()
				}
			}()
			for range b.N {
				ping.Set()
				wait(&pong)
				pong.Clear()
			}
		})
	}
	b.Run("channel", func(b *testing.B) {
		b.ReportAllocs()
		ping, pong := make(chan struct{}), make(chan struct{})
		go func() {
			for range b.N {
				<-ping
				pong <- struct{}{}
			}
		}()
		for range b.N {
			ping <- struct{}{}
			<-pong
		}
	})
}

// Wakes many waiters at once: how long the call takes, how long until all of
// them have run, and what a goroutine that waits costs in memory, its stack
// included, all per waiter.
func BenchmarkWakeAll(b *testing.B) {
	for _, waiters := range []int{1_000, 10_000, 100_000, 1_000_000} {
		if strconv.IntSize == 32 && waiters > 100_000 {
			continue
		}
		for name, newFlag := range map[string]func() (wait, wake func()){
			"event": func() (wait, wake func()) {
				var e event.Event
				return e.Wait, e.Set
			},
			"close": func() (wait, wake func()) {
				c := make(chan struct{})
				return func() { <-c }, func() { close(c) }
			},
			"cond": func() (wait, wake func()) {
				var (
					guard sync.Mutex
					c     = sync.NewCond(&guard)
					set   bool
				)
				wait = func() {
					guard.Lock()
					for !set {
						c.Wait()
					}
					guard.Unlock()
				}
				wake = func() {
					guard.Lock()
					set = true
					guard.Unlock()
					c.Broadcast()
				}
				return wait, wake
			},
		} {
			b.Run(strconv.Itoa(waiters)+"/"+name, func(b *testing.B) {
				var call, all, bytes int64
				for range b.N {
					var (
						wait, wake = newFlag()
						began      atomic.Int64
						wg         sync.WaitGroup
						before     = memory()
					)
					for range waiters {
						wg.Go(func() {
							began.Add(1)
							wait()
						})
					}
					for began.Load() < int64(waiters) {
						runtime.Gosched()
					}
					for range 1000 {
						runtime.Gosched() // until the last of them sleeps
					}
					bytes += memory() - before
					start := time.Now()
					wake()
					call += int64(time.Since(start))
					wg.Wait()
					all += int64(time.Since(start))
				}
				per := func(total int64) float64 { return float64(total) / float64(b.N) / float64(waiters) }
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(per(call), "call-ns/waiter")
				b.ReportMetric(per(all), "all-ns/waiter")
				b.ReportMetric(per(bytes), "B/waiter")
			})
		}
	}
}

// memory returns how many bytes are in use on the heap and on stacks. What is
// kept for reuse, a goroutine that has ended, say, counts as well, so only the
// first of several measurements is what a waiter costs.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
