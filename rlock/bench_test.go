package rlock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/rlock"
)

// Lock and Unlock of a free lock, in each form.
func BenchmarkFree(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.Run("Lock/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		for b.Loop() {
			r.Lock()
			r.Unlock()
		}
	})
	b.Run("Lock/mutex", func(b *testing.B) {
		b.ReportAllocs()
		var m sync.Mutex
		for b.Loop() {
			m.Lock()
			m.Unlock()
		}
	})
	b.Run("TryLock/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		for b.Loop() {
			r.TryLock()
			r.Unlock()
		}
	})
	b.Run("TryLock/mutex", func(b *testing.B) {
		b.ReportAllocs()
		var m sync.Mutex
		for b.Loop() {
			m.TryLock()
			m.Unlock()
		}
	})
	b.Run("LockTimeout/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		for b.Loop() {
			r.LockTimeout(time.Hour)
			r.Unlock()
		}
	})
	b.Run("LockContext/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		for b.Loop() {
			_ = r.LockContext(ctx)
			r.Unlock()
		}
	})
}

// Lock and Unlock by the owner: what a sync.Mutex cannot do, so its free pair
// is the measure.
func BenchmarkNested(b *testing.B) {
	b.Run("Lock/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		r.Lock()
		for b.Loop() {
			r.Lock()
			r.Unlock()
		}
	})
	b.Run("Lock/mutex", func(b *testing.B) {
		b.ReportAllocs()
		var m sync.Mutex
		for b.Loop() {
			m.Lock()
			m.Unlock()
		}
	})
	b.Run("all levels/rlock", func(b *testing.B) {
		b.ReportAllocs()
		var r rlock.RLock
		r.LockDepth(3)
		for b.Loop() {
			r.LockDepth(r.UnlockAll())
		}
	})
}

// Lock and Unlock by many goroutines at once.
func BenchmarkContended(b *testing.B) {
	rivals := []struct {
		name string
		make func() sync.Locker
	}{
		{"rlock", func() sync.Locker { return new(rlock.RLock) }},
		{"mutex", func() sync.Locker { return new(sync.Mutex) }},
	}
	for _, goroutines := range []int{2, 8, 64} {
		for _, rival := range rivals {
			b.Run(fmt.Sprintf("goroutines=%d/%s", goroutines, rival.name), func(b *testing.B) {
				b.ReportAllocs()
				l := rival.make()
				var wg sync.WaitGroup
				for i := range goroutines {
					wg.Go(func() {
						for range (b.N + i) / goroutines {
							l.Lock()
							l.Unlock()
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// A wait for a lock that stays locked, by many goroutines; package lock
// measures the rivals.
func BenchmarkGivingUp(b *testing.B) {
	var r rlock.RLock
	locktest.Elsewhere(r.Lock) // the owner must be another
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r.LockTimeout(20 * time.Microsecond) {
				b.Error("acquired a lock that is held")
			}
		}
	})
}
