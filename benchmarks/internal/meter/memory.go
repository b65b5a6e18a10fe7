package meter

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/gothreading/threading/benchmarks/cases"
	"github.com/gothreading/threading/benchmarks/internal/stats"
)

// Parked measures what a goroutine costs that waits, its stack included, for each way of waiting: a sample for each
// round. It must come before anything that has ended many goroutines, because the runtime keeps those for the next.
//
// For the same reason nobody is woken before all has been measured.
func Parked(ways []cases.Waiting, goroutines, rounds int) [][]float64 {
	bytes := make([][]float64, len(ways))
	var (
		wakes []func()
		wg    sync.WaitGroup
	)
	for range rounds {
		for i, way := range ways {
			wait, wake := way.New()
			wakes = append(wakes, wake)
			before := InUse()
			cases.Park(goroutines, wait, &wg)
			bytes[i] = append(bytes[i], float64(InUse()-before)/float64(goroutines))
		}
	}
	for _, wake := range wakes {
		wake()
	}
	wg.Wait()
	return bytes
}

// Beyond returns by how much the median of each is above that of the first.
func Beyond(bytes [][]float64) []float64 {
	beyond := make([]float64, len(bytes))
	for i := range bytes {
		beyond[i] = stats.Median(bytes[i]) - stats.Median(bytes[0])
	}
	return beyond
}

// InUse returns how many bytes the live objects and the stacks take.
func InUse() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool keeps goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Bound ends the process when it has taken more than so many GiB from the system, until stop is called. A list of waiters
// that is broken can grow without end, and a machine without memory takes others down with it.
func Bound(gib int) (stop func()) {
	return bound(uint64(gib)<<30, func(taken uint64) {
		panic(fmt.Sprintf("%d MiB are in use, and the bound is %d GiB", taken>>20, gib))
	})
}

func bound(bytes uint64, exceeded func(taken uint64)) (stop func()) {
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		of := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for every := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-every.C:
			case <-end:
				every.Stop()
				return
			}
			metrics.Read(of)
			if taken := of[0].Value.Uint64() - of[1].Value.Uint64(); taken > bytes {
				exceeded(taken)
			}
		}
	})
	return func() {
		close(end)
		wg.Wait()
	}
}
