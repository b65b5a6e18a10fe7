package cases_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/gothreading/threading/coroutine"
)

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
