package coroutine_test

import (
	"iter"
	"runtime"
	"strconv"
	"testing"

	"github.com/gothreading/threading/coroutine"
)

func BenchmarkSend(b *testing.B) {
	g := coroutine.New(summing)
	defer g.Close()
	_, _ = g.Next()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = g.Send(1)
	}
}

func BenchmarkNext(b *testing.B) {
	g := coroutine.New(summing)
	defer g.Close()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = g.Next()
	}
}

func BenchmarkPull(b *testing.B) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
	defer stop()
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

func BenchmarkCreateNextClose(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		g := coroutine.New(summing)
		_, _ = g.Next()
		_ = g.Close()
	}
}

func BenchmarkCreateNextClosePull(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		next, stop := iter.Pull(func(yield func(int) bool) { yield(0) })
		next()
		stop()
	}
}

// A value that comes through so many levels of delegation.
func BenchmarkFrom100(b *testing.B) {
	var through func(depth int) func(coroutine.Yield[int, int]) error
	through = func(depth int) func(coroutine.Yield[int, int]) error {
		if depth == 0 {
			return summing
		}
		return func(yield coroutine.Yield[int, int]) error {
			return coroutine.From(yield, coroutine.New(through(depth-1)))
		}
	}
	g := coroutine.New(through(100))
	defer g.Close()
	_, _ = g.Next()
	for b.Loop() {
		_, _ = g.Send(1)
	}
}

func summing(yield coroutine.Yield[int, int]) error {
	for total := 0; ; {
		x, err := yield(total)
		if err != nil {
			return err
		}
		total += x
	}
}

// A collection of garbage while so many are suspended.
func BenchmarkCollection(b *testing.B) {
	for _, alive := range []int{0, 1_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(alive), func(b *testing.B) {
			before := inUse()
			all := make([]*coroutine.Generator[int, int], alive)
			for i := range all {
				all[i] = coroutine.New(summing)
				_, _ = all[i].Next()
			}
			each := float64(inUse()-before) / float64(max(alive, 1))
			for b.Loop() {
				runtime.GC()
			}
			b.ReportMetric(each, "B/coroutine")
			for _, g := range all {
				_ = g.Close()
			}
		})
	}
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
