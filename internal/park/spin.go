package park

import (
	"math/bits"
	"runtime"
	"sync/atomic"
)

// How long spin goes on. Measured on 2 cores with 4 goroutines that hold a Lock for
// h ns and do something else for 3h, in ns for each Lock and Unlock, with sync.Mutex
// for comparison:
//
//	h                             8    24    40    80   160   240   800
//	sync.Mutex                   64   223   191   222   375   530  1576
//	spinMax 0                    25    79   139   297   602   875  1845
//	spinMax 3000, glimpse 30     26    81   177   203   366   503  1638
//	spinMax 3000, glimpse 400    27    82   148   264   381   543  1733
const (
	spinMax      = 3000 // loads, each of half a nanosecond
	spinGlimpse  = 30   // if the word changes within this many loads, stop spinning and sleep
	spinFailures = 16   // after this many failed spins in a row, stop spinning
)

// canSpin is false where a load takes so long that a spin would last longer than the
// sleep it might spare: of 64 bits on a 32-bit machine, and under the race detector.
const canSpin = bits.UintSize == 64 && !raceEnabled

// oneProcessor is whether GOMAXPROCS was 1 when a spin last failed: then no value
// can come back during a spin.
var oneProcessor atomic.Bool

// spin loads the word for about a microsecond, and reports whether it took want. That
// pays where a value is held for a fraction of that: to sleep takes longer, and the
// sleeper's processor has nothing else to do. Two things tell where it does not:
//
//   - The word changes within a glimpse. A value that comes and goes in next to no
//     time passes through most hands if one processor goes on alone: several spend
//     that time on moving the word, and what it protects, from cache to cache.
//   - It failed again and again: the value is held for long, or is a signal that takes
//     a switch of goroutines to give. Then no goroutine spins until one finds, on its
//     way to sleep, that the value has just come back; see spinAgain.
func (g *gate) spin(p policy, want uint64) bool {
	failures := g.failures.Load()
	if !canSpin || failures >= spinFailures || oneProcessor.Load() && stillOneProcessor() {
		return false
	}
	seen := g.word.Load()
	for i := range spinMax {
		now := g.word.Load()
		if now == seen {
			continue
		}
		if i < spinGlimpse {
			return false
		}
		if g.take(p, want, 0) {
			if failures != 0 {
				g.failures.Store(0)
			}
			return true
		}
		seen = now
	}
	g.failures.Store(failures + 1)
	stillOneProcessor()
	return false
}

// stillOneProcessor asks again. Asking takes a lock of the runtime, so it is done
// only after a spin has failed, or when there was one processor, where it is free.
func stillOneProcessor() bool {
	one := runtime.GOMAXPROCS(0) == 1
	if one != oneProcessor.Load() {
		oneProcessor.Store(one)
	}
	return one
}

// spinAgain is called by a goroutine that found the value back on its way to sleep:
// one more spin may succeed.
func (g *gate) spinAgain() {
	if g.failures.Load() >= spinFailures {
		g.failures.Store(spinFailures - 1)
	}
}
