package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/lock"
)

// chanLock is the lock that people make who need one that gives up: a channel
// with room for one.
type chanLock chan struct{}

func newChanLock() chanLock { return make(chanLock, 1) }

func (c chanLock) Lock()   { c <- struct{}{} }
func (c chanLock) Unlock() { <-c }

func (c chanLock) TryLock() bool {
	select {
	case c <- struct{}{}:
		return true
	default:
		return false
	}
}

func (c chanLock) LockTimeout(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case c <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func (c chanLock) LockContext(ctx context.Context) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rivals are Lock and what would be used in its stead, in the order in which
// they are measured.
var rivals = []struct {
	name string
	make func() sync.Locker
}{
	{"lock", func() sync.Locker { return new(lock.Lock) }},
	{"mutex", func() sync.Locker { return new(sync.Mutex) }},
	{"chan", func() sync.Locker { return newChanLock() }},
}

// Lock and Unlock of a free lock. Direct calls: the ones through an interface
// would hide that Lock is inlined.
func BenchmarkFree(b *testing.B) {
	b.Run("lock", func(b *testing.B) {
		b.ReportAllocs()
		var l lock.Lock
		for b.Loop() {
			l.Lock()
			l.Unlock()
		}
	})
	b.Run("mutex", func(b *testing.B) {
		b.ReportAllocs()
		var l sync.Mutex
		for b.Loop() {
			l.Lock()
			l.Unlock()
		}
	})
	b.Run("chan", func(b *testing.B) {
		b.ReportAllocs()
		l := newChanLock()
		for b.Loop() {
			l.Lock()
			l.Unlock()
		}
	})
}

func BenchmarkFreeTryLock(b *testing.B) {
	b.Run("lock", func(b *testing.B) {
		b.ReportAllocs()
		var l lock.Lock
		for b.Loop() {
			l.TryLock()
			l.Unlock()
		}
	})
	b.Run("mutex", func(b *testing.B) {
		b.ReportAllocs()
		var l sync.Mutex
		for b.Loop() {
			l.TryLock()
			l.Unlock()
		}
	})
	b.Run("chan", func(b *testing.B) {
		b.ReportAllocs()
		l := newChanLock()
		for b.Loop() {
			l.TryLock()
			l.Unlock()
		}
	})
}

func BenchmarkFreeLockTimeout(b *testing.B) {
	b.Run("lock", func(b *testing.B) {
		b.ReportAllocs()
		var l lock.Lock
		for b.Loop() {
			l.LockTimeout(time.Hour)
			l.Unlock()
		}
	})
	b.Run("chan", func(b *testing.B) {
		b.ReportAllocs()
		l := newChanLock()
		for b.Loop() {
			l.LockTimeout(time.Hour)
			l.Unlock()
		}
	})
}

func BenchmarkFreeLockContext(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.Run("lock", func(b *testing.B) {
		b.ReportAllocs()
		var l lock.Lock
		for b.Loop() {
			_ = l.LockContext(ctx)
			l.Unlock()
		}
	})
	b.Run("chan", func(b *testing.B) {
		b.ReportAllocs()
		l := newChanLock()
		for b.Loop() {
			_ = l.LockContext(ctx)
			l.Unlock()
		}
	})
}

// Lock and Unlock by many goroutines at once.
func BenchmarkContended(b *testing.B) {
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

// There and back again between two goroutines that wait for each other.
func BenchmarkHandOff(b *testing.B) {
	for _, rival := range rivals {
		b.Run(rival.name, func(b *testing.B) {
			b.ReportAllocs()
			there, back := rival.make(), rival.make()
			there.Lock()
			back.Lock()
			var wg sync.WaitGroup
			wg.Go(func() {
				for range b.N {
					there.Lock()
					back.Unlock()
				}
			})
			for range b.N {
				there.Unlock()
				back.Lock()
			}
			wg.Wait()
		})
	}
}

// A wait for a lock that stays locked, by so many goroutines that the
// processors are busy with giving up rather than idle until somebody's time has
// come.
func BenchmarkGivingUp(b *testing.B) {
	const limit = 20 * time.Microsecond
	var l lock.Lock
	l.Lock()
	c := newChanLock()
	c.Lock()
	for _, rival := range []struct {
		name string
		wait func() bool
	}{
		{"LockTimeout/lock", func() bool { return l.LockTimeout(limit) }},
		{"LockTimeout/chan", func() bool { return c.LockTimeout(limit) }},
		{"LockContext/lock", func() bool { return lockUntilCancelled(l.LockContext) }},
		{"LockContext/chan", func() bool { return lockUntilCancelled(c.LockContext) }},
	} {
		b.Run(rival.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if rival.wait() {
						b.Error("acquired a lock that is held")
					}
				}
			})
		})
	}
}

// lockUntilCancelled locks with a context that is cancelled when the call
// waits, or is about to.
func lockUntilCancelled(lock func(context.Context) error) bool {
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	return lock(ctx) == nil
}
