package condition_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
)

// Two goroutines notify each other in turn. The rival is sync.Cond over a
// sync.Mutex.
func BenchmarkPingPong(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wait := func(c *condition.Condition) func() { return c.Wait }
	for _, c := range []struct {
		name string
		new  func() (l sync.Locker, wait, notify func())
	}{
		{"sync.Cond", func() (sync.Locker, func(), func()) {
			c := sync.NewCond(new(sync.Mutex))
			return c.L, c.Wait, c.Signal
		}},
		{"lock.Lock", pingPong(func() *condition.Condition { return condition.New(new(lock.Lock)) }, wait)},
		{"sync.Mutex", pingPong(func() *condition.Condition { return condition.New(new(sync.Mutex)) }, wait)},
		{"zero value", pingPong(func() *condition.Condition { return new(condition.Condition) }, wait)},
		{"WaitTimeout", pingPong(func() *condition.Condition { return condition.New(new(lock.Lock)) },
			func(c *condition.Condition) func() { return func() { c.WaitTimeout(time.Hour) } })},
		{"WaitContext", pingPong(func() *condition.Condition { return condition.New(new(lock.Lock)) },
			func(c *condition.Condition) func() { return func() { _ = c.WaitContext(ctx) } })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var (
				l, wait, notify = c.new()
				turn            int
				wg              sync.WaitGroup
			)
			wg.Go(func() {
				l.Lock()
				for range b.N {
					for turn != 1 {
						wait()
					}
					turn = 0
					notify()
				}
				l.Unlock()
			})
			l.Lock()
			for range b.N {
				turn = 1
				notify()
				for turn != 0 {
					wait()
				}
			}
			l.Unlock()
			wg.Wait()
		})
	}
}

func pingPong(newCondition func() *condition.Condition, waitOn func(*condition.Condition) func()) func() (sync.Locker, func(), func()) {
	return func() (sync.Locker, func(), func()) {
		c := newCondition()
		return c, waitOn(c), func() { c.Notify(1) }
	}
}

// With nobody waiting.
func BenchmarkNotifyNobody(b *testing.B) {
	b.Run("sync.Cond", func(b *testing.B) {
		b.ReportAllocs()
		c := sync.NewCond(new(sync.Mutex))
		c.L.Lock()
		for b.Loop() {
			c.Signal()
		}
		c.L.Unlock()
	})
	for name, c := range map[string]*condition.Condition{
		"lock.Lock":  condition.New(new(lock.Lock)),
		"sync.Mutex": condition.New(new(sync.Mutex)),
		"zero value": new(condition.Condition),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			c.Lock()
			for b.Loop() {
				c.Notify(1)
			}
			c.Unlock()
		})
	}
}

// What does not wait: a predicate that is true, and a wait without time.
func BenchmarkNoWait(b *testing.B) {
	c := condition.New(new(lock.Lock))
	yes := func() bool { return true }
	c.Lock()
	defer c.Unlock()
	b.Run("WaitFor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.WaitFor(yes)
		}
	})
	b.Run("WaitTimeout(0)", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.WaitTimeout(0)
		}
	})
}

// Wakes many at once, each of which takes the lock: the time until all have,
// and what a goroutine that waits costs in memory, its stack included, per
// waiter.
func BenchmarkNotifyAll(b *testing.B) {
	for _, waiters := range []int{1_000, 100_000} {
		for _, c := range []struct {
			name string
			new  func() (l sync.Locker, wait, notifyAll func())
		}{
			{"sync.Cond", func() (sync.Locker, func(), func()) {
				c := sync.NewCond(new(sync.Mutex))
				return c.L, c.Wait, c.Broadcast
			}},
			{"lock.Lock", func() (sync.Locker, func(), func()) {
				c := condition.New(new(lock.Lock))
				return c, c.Wait, c.NotifyAll
			}},
			{"zero value", func() (sync.Locker, func(), func()) {
				c := new(condition.Condition)
				return c, c.Wait, c.NotifyAll
			}},
		} {
			b.Run(strconv.Itoa(waiters)+"/"+c.name, func(b *testing.B) {
				var all, bytes int64
				for range b.N {
					var (
						l, wait, notifyAll = c.new()
						began              atomic.Int64
						wg                 sync.WaitGroup
						before             = memory()
					)
					for range waiters {
						wg.Go(func() {
							l.Lock()
							began.Add(1)
							wait()
							l.Unlock()
						})
					}
					for began.Load() < int64(waiters) {
						runtime.Gosched()
					}
					bytes += memory() - before
					l.Lock() // the last of them waits
					start := time.Now()
					notifyAll()
					l.Unlock()
					wg.Wait()
					all += int64(time.Since(start))
				}
				per := func(total int64) float64 { return float64(total) / float64(b.N) / float64(waiters) }
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(per(all), "ns/waiter")
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
