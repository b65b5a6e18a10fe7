package timer_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// The rival is time.AfterFunc, which nobody can join, which runs on an anonymous goroutine, and whose panic ends the
// process. A startable is either, made and started.
var rivals = []struct {
	name  string
	start func(d time.Duration, fn func()) (cancel func() bool)
}{
	{"timer", func(d time.Duration, fn func()) func() bool {
		t := timer.New(d, fn, thread.Name("bench"), thread.Daemon(false))
		t.Start()
		return t.Cancel
	}},
	{"AfterFunc", func(d time.Duration, fn func()) func() bool {
		return time.AfterFunc(d, fn).Stop
	}},
}

func eachRival(b *testing.B, bench func(b *testing.B, start func(time.Duration, func()) func() bool)) {
	for _, r := range rivals {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			bench(b, r.start)
		})
	}
}

// BenchmarkStartCancel is a timeout that is not needed in the end.
func BenchmarkStartCancel(b *testing.B) {
	eachRival(b, func(b *testing.B, start func(time.Duration, func()) func() bool) {
		for b.Loop() {
			start(time.Hour, nop)()
		}
	})
}

func BenchmarkStartCancelParallel(b *testing.B) {
	eachRival(b, func(b *testing.B, start func(time.Duration, func()) func() bool) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				start(time.Hour, nop)()
			}
		})
	})
}

// BenchmarkPending is the same among many others that are pending, and what those cost: it grows with the logarithm of
// their number.
func BenchmarkPending(b *testing.B) {
	for n := 1; n <= 1_000_000; n *= 10 {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			eachRival(b, func(b *testing.B, start func(time.Duration, func()) func() bool) {
				cancels := make([]func() bool, n)
				heap := heapInUse()
				for i := range cancels {
					cancels[i] = start(time.Hour+time.Duration(i), nop)
				}
				each := float64(heapInUse()-heap) / float64(n)
				for b.Loop() {
					start(time.Hour, nop)()
				}
				if n >= 1000 {
					b.ReportMetric(each, "B/pending")
				}
				for _, cancel := range cancels {
					cancel()
				}
			})
		})
	}
}

// BenchmarkReset is a watchdog that is fed.
func BenchmarkReset(b *testing.B) {
	b.Run("timer", func(b *testing.B) {
		b.ReportAllocs()
		t := timer.New(time.Hour, nop)
		t.Start()
		for b.Loop() {
			t.Reset(time.Hour)
		}
		t.Cancel()
	})
	b.Run("AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		t := time.AfterFunc(time.Hour, nop)
		for b.Loop() {
			t.Reset(time.Hour)
		}
		t.Stop()
	})
}

// BenchmarkRun is a whole life, from Start to the end of the run. The rivals tell of their end by a channel.
func BenchmarkRun(b *testing.B) {
	b.Run("timer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t := timer.New(0, nop, thread.Name("bench"))
			t.Start()
			t.Join()
		}
	})
	b.Run("AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			done := make(chan struct{})
			time.AfterFunc(0, func() { close(done) })
			<-done
		}
	})
}

// BenchmarkMany is a thousand that fire at once.
func BenchmarkMany(b *testing.B) {
	const n = 1000
	eachRival(b, func(b *testing.B, start func(time.Duration, func()) func() bool) {
		for b.Loop() {
			done := make(chan struct{}, n)
			for range n {
				start(0, func() { done <- struct{}{} })
			}
			for range n {
				<-done
			}
		}
		runtime.GC()
	})
}
