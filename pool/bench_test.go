package pool_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gothreading/threading/pool"
)

// One tiny task, and what it returns. The rivals: a goroutine for each with a channel for its result, and a worker that
// is fed through a channel.
func BenchmarkApplyAsyncGet(b *testing.B) {
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		p := pool.New(0)
		defer p.Shutdown()
		for b.Loop() {
			if v, err := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil }).Get(); v != 7 || err != nil {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("go and channel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := make(chan int, 1)
			go func() { c <- 7 }()
			if v := <-c; v != 7 {
				b.Fatal(v)
			}
		}
	})
	b.Run("worker and channels", func(b *testing.B) {
		b.ReportAllocs()
		type task struct {
			f func() int
			c chan int
		}
		tasks := make(chan task, 128)
		defer close(tasks)
		for range runtime.GOMAXPROCS(0) {
			go func() {
				for t := range tasks {
					t.c <- t.f()
				}
			}()
		}
		for b.Loop() {
			c := make(chan int, 1)
			tasks <- task{func() int { return 7 }, c}
			if v := <-c; v != 7 {
				b.Fatal(v)
			}
		}
	})
}

// Many tiny tasks first, and then their results.
func BenchmarkApplyAsyncGetMany(b *testing.B) {
	const many = 1000
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		p := pool.New(0)
		defer p.Shutdown()
		rs := make([]*pool.Result[int], many)
		for b.Loop() {
			for i := range rs {
				rs[i] = pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil })
			}
			for i, r := range rs {
				if v, _ := r.Get(); v != i {
					b.Fatal(v)
				}
			}
		}
	})
	b.Run("go and channel", func(b *testing.B) {
		b.ReportAllocs()
		cs := make([]chan int, many)
		for b.Loop() {
			for i := range cs {
				c := make(chan int, 1)
				cs[i] = c
				go func() { c <- i }()
			}
			for i, c := range cs {
				if v := <-c; v != i {
					b.Fatal(v)
				}
			}
		}
	})
}

// Eight goroutines submit tiny tasks without a result, to as many workers.
func BenchmarkGo(b *testing.B) {
	const crowd = 8
	submit := func(b *testing.B, submit func(func(context.Context) error)) {
		b.ReportAllocs()
		var ended atomic.Int64
		var left sync.WaitGroup
		each := b.N/crowd + 1
		left.Add(crowd * each)
		task := func(context.Context) error { ended.Add(1); left.Done(); return nil }
		b.ResetTimer()
		for range crowd {
			go func() {
				for range each {
					submit(task)
				}
			}()
		}
		left.Wait()
		b.StopTimer()
	}
	b.Run("pool", func(b *testing.B) {
		p := pool.New(crowd)
		defer p.Shutdown()
		submit(b, func(f func(context.Context) error) { _ = p.Go(f) })
	})
	b.Run("pool with Backlog", func(b *testing.B) {
		p := pool.New(crowd, pool.Backlog(128))
		defer p.Shutdown()
		submit(b, func(f func(context.Context) error) { _ = p.Go(f) })
	})
	b.Run("channel of funcs", func(b *testing.B) {
		tasks := make(chan func(context.Context) error, 128)
		defer close(tasks)
		for range crowd {
			go func() {
				for f := range tasks {
					f(context.Background())
				}
			}()
		}
		submit(b, func(f func(context.Context) error) { tasks <- f })
	})
	b.Run("goroutines", func(b *testing.B) {
		submit(b, func(f func(context.Context) error) { go func() { _ = f(context.Background()) }() })
	})
}

func BenchmarkMap(b *testing.B) {
	items := upTo(1_000_000)
	tiny := func(i int) int { return i*i + 1 }
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		p := pool.New(0)
		defer p.Shutdown()
		for b.Loop() {
			if values, err := pool.Map(p, pool.Plain(tiny), items); values[1000] != 1_000_001 || err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("chunks by hand", func(b *testing.B) {
		b.ReportAllocs()
		workers := runtime.GOMAXPROCS(0)
		f := func(_ context.Context, i int) (int, error) { return tiny(i), nil } // as much as Map is given
		ctx := context.Background()
		for b.Loop() {
			out := make([]int, len(items))
			size := (len(items) + 4*workers - 1) / (4 * workers)
			var next atomic.Int64
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for {
						first := (int(next.Add(1)) - 1) * size
						if first >= len(items) {
							return
						}
						for i := first; i < min(first+size, len(items)); i++ {
							v, err := f(ctx, items[i])
							if err != nil {
								return
							}
							out[i] = v
						}
					}
				})
			}
			wg.Wait()
			if out[1000] != 1_000_001 {
				b.Fatal(out[1000])
			}
		}
	})
	b.Run("one loop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out := make([]int, len(items))
			for i, item := range items {
				out[i] = tiny(item)
			}
			if out[1000] != 1_000_001 {
				b.Fatal(out[1000])
			}
		}
	})
}

func BenchmarkIMap(b *testing.B) {
	items := func(yield func(int) bool) {
		for i := 0; i < 10_000 && yield(i); i++ {
		}
	}
	for name, opts := range map[string][]pool.MapOption{"one by one": nil, "chunks of 100": {pool.ChunkSize(100)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			p := pool.New(0)
			defer p.Shutdown()
			for b.Loop() {
				n := 0
				for range pool.IMap(p, pool.Plain(square), items, opts...) {
					n++
				}
				if n != 10_000 {
					b.Fatal(n)
				}
			}
		})
	}
}

// A task that waits for another: what lending costs.
func BenchmarkNestedApply(b *testing.B) {
	b.ReportAllocs()
	p := pool.New(1)
	defer p.Shutdown()
	inner := func(context.Context) (int, error) { return 1, nil }
	for b.Loop() {
		_, _ = pool.Apply(p, func(context.Context) (int, error) { return pool.Apply(p, inner) })
	}
}
