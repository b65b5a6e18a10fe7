package sharedwrite

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

type stats struct {
	guard lock.Lock
	seen  map[string]int
	total int
}

func shared(p *pool.Pool, s *stats, items []int) {
	count := 0
	_, _ = pool.Map(p, func(_ context.Context, n int) (int, error) {
		count++ // want `the function of pool.Map writes count, runs for many items at the same time and has no lock \(sharedwrite\)`
		count = 2
		return n, nil
	}, items)

	var last error
	for range pool.IMapUnordered(p, func(_ context.Context, n int) (int, error) {
		var err error
		n, err = n+1, last
		last = err // want `the function of pool.IMapUnordered writes last`
		return n, err
	}, slices.Values(items)) {
	}

	for _, n := range items {
		thread.Go(func() {
			s.total += n // want `the function of thread.Go writes s.total, runs once for each turn of the loop, side by side, and has no lock`
		})
		thread.Go(func() {
			s.seen["a"]++ // want `the function of thread.Go writes the map s.seen`
		})
		threading.NewThread(func() { delete(s.seen, "a") }).Start() // want `the function of threading.NewThread writes the map s.seen`
	}

	var names []string
	for range items {
		pool.ApplyAsync(p, func(context.Context) (int, error) {
			names = append(names, "a") // want `the function of pool.ApplyAsync writes names`
			return 0, nil
		})
	}

	largest := 0
	_, _ = pool.Map(p, pool.Plain(func(n int) int {
		if n > largest {
			largest = n // want `the function of pool.Map writes largest`
		}
		return n
	}), items)

	sums := map[int]int{}
	_, _ = pool.Map(p, pool.PlainErr(func(n int) (int, error) {
		func() {
			sums[n] = n // want `the function of pool.Map writes the map sums`
		}()
		return n, nil
	}), items)
}

var workers = 4

func sized(items []int) {
	p := pool.New(workers)
	total := 0
	_, _ = pool.Map(p, pool.Plain(func(n int) int {
		total += n // want `the function of pool.Map writes total`
		return n
	}), items)
}

// The rest is right.

func right(p *pool.Pool, s *stats, items []int, done chan int) {
	count := 0
	_, _ = pool.Map(p, func(_ context.Context, n int) (int, error) {
		s.guard.Lock()
		defer s.guard.Unlock()
		count++
		return n, nil
	}, items)

	squares := make([]int, len(items))
	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
		squares[i] = i * i
		return i, nil
	}, items)

	var n atomic.Int64
	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
		n.Add(1)
		own := 0
		own++
		return own, nil
	}, items)

	single := pool.New(1)
	_, _ = pool.Map(single, func(_ context.Context, i int) (int, error) {
		count++
		return i, nil
	}, items)
	view := single.WithPriority(2)
	for range items {
		pool.ApplyAsync(view, func(context.Context) (int, error) {
			count++
			return 0, nil
		})
	}

	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) { return i, nil }, items,
		pool.Progress(func(done, total int) { count = done }))

	for range items {
		t := thread.Go(func() { count++ })
		t.Join()
	}
	for range items {
		thread.Go(func() {
			count++
			done <- 1
		})
		<-done
	}
	for range items {
		each := 0
		thread.Go(func() { each++ })
	}
	for i := range items {
		thread.Go(func() {
			if i == 0 {
				count++
			}
		})
	}
	for i := range items {
		if i > 3 {
			thread.Go(func() { count = i })
			break
		}
	}
	thread.Go(func() { count++ })
	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
		count++
		return i, nil
	}, []int{1})
	_, _ = pool.Apply(p, func(context.Context) (int, error) {
		count++
		return 0, nil
	})
	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
		s.with(func() { count++ })
		return i, nil
	}, items)
	sem := make(chan int, 1)
	_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
		sem <- 1
		count++
		<-sem
		return i, nil
	}, items)
}

func (s *stats) with(f func()) {
	s.guard.Lock()
	defer s.guard.Unlock()
	f()
}
