package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/lock"
)

func lockers() map[string]func() sync.Locker {
	return map[string]func() sync.Locker{
		"lock": func() sync.Locker { return new(lock.Lock) },
		"sync": func() sync.Locker { return new(sync.Mutex) },
	}
}

func BenchmarkFree(b *testing.B) {
	b.Run("lock", func(b *testing.B) {
		var l lock.Lock
		for b.Loop() {
			l.Lock()
			l.Unlock()
		}
	})
	b.Run("sync", func(b *testing.B) {
		var l sync.Mutex
		for b.Loop() {
			l.Lock()
			l.Unlock()
		}
	})
	b.Run("timeout", func(b *testing.B) {
		var l lock.Lock
		for b.Loop() {
			l.LockTimeout(time.Hour)
			l.Unlock()
		}
	})
	ctx, c := context.WithCancel(b.Context())
	defer c()
	b.Run("ctx", func(b *testing.B) {
		var l lock.Lock
		for b.Loop() {
			l.LockContext(ctx)
			l.Unlock()
		}
	})
	b.Run("chan", func(b *testing.B) {
		l := make(chan struct{}, 1)
		for b.Loop() {
			l <- struct{}{}
			<-l
		}
	})
}
func BenchmarkContended(b *testing.B) {
	for _, g := range []int{2, 8, 64} {
		for name, f := range lockers() {
			b.Run(fmt.Sprint(name, "-", g), func(b *testing.B) {
				l := f()
				var wg sync.WaitGroup
				n := b.N/g + 1
				for range g {
					wg.Add(1)
					go func() {
						defer wg.Done()
						for range n {
							l.Lock()
							l.Unlock()
						}
					}()
				}
				wg.Wait()
			})
		}
	}
}
func BenchmarkHandoff(b *testing.B) {
	for name, f := range lockers() {
		b.Run(name, func(b *testing.B) {
			a, c := f(), f()
			a.Lock()
			c.Lock()
			go func() {
				for range b.N {
					a.Lock()
					c.Unlock()
				}
			}()
			for range b.N {
				a.Unlock()
				c.Lock()
			}
		})
	}
}
func BenchmarkFair(b *testing.B) {
	for name, f := range lockers() {
		b.Run(name, func(b *testing.B) {
			l := f()
			stop := make(chan bool)
			var mx [8]time.Duration
			var cnt [8]int
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for {
						select {
						case <-stop:
							return
						default:
						}
						t := time.Now()
						l.Lock()
						if d := time.Since(t); d > mx[i] {
							mx[i] = d
						}
						cnt[i]++
						l.Unlock()
					}
				}()
			}
			time.Sleep(300 * time.Millisecond)
			close(stop)
			wg.Wait()
			b.Log(name, mx, cnt)
		})
	}
}
