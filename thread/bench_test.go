package thread_test

import (
	"testing"

	"github.com/gothreading/threading/thread"
)

// A thread from start to end, and what a goroutine and a channel cost for the same.
func BenchmarkGoJoin(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		thread.Go(func() {}, thread.Name("bench")).Join()
	}
}

func BenchmarkGoroutineAndChannel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
}

// inThread runs a benchmark in a Thread, among others.
func inThread(b *testing.B, f func()) {
	const others = 1000
	stop := make(chan struct{})
	for range others {
		defer thread.Go(func() { <-stop }).Join()
	}
	defer close(stop)
	thread.Go(func() {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	}).Join()
}

func BenchmarkCurrent(b *testing.B) {
	b.Run("thread", func(b *testing.B) { inThread(b, func() { thread.Current() }) })
	b.Run("dummy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			thread.Current()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			thread.Go(func() {
				for pb.Next() {
					thread.Current()
				}
			}).Join()
		})
	})
}

func BenchmarkLocal(b *testing.B) {
	var local thread.Local[int]
	b.Run("Get", func(b *testing.B) { inThread(b, func() { local.Get() }) })
	b.Run("Set", func(b *testing.B) { inThread(b, func() { local.Set(1) }) })
	b.Run("first Get and Delete", func(b *testing.B) {
		inThread(b, func() {
			local.Get()
			local.Delete()
		})
	})
}

func BenchmarkIsAlive(b *testing.B) {
	th := thread.Go(func() {})
	th.Join()
	for b.Loop() {
		th.IsAlive()
	}
}

func BenchmarkActiveCount(b *testing.B) {
	for b.Loop() {
		thread.ActiveCount()
	}
}
