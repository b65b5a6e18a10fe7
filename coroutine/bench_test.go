package coroutine_test

import (
	"iter"
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
