// Package proof has what the test suites of this module share: how long a race
// is run, what becomes of a test that hangs, random programs, and how a history
// of concurrent calls is compared with a sequential model. It is imported by
// tests only.
//
// Two environment variables change what the tests do:
//
//	SOAK=20 go test -timeout 2h ./...   runs every race 20 times as long
//	SEED=4711 go test -run ... ./...    runs the random program of that seed again and again
//
// A history or program that fails prints the complete second command.
package proof

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
	"weak"
)

// Rounds returns how often to run a race: full times, divided by short with
// -short, and by race under the race detector, and multiplied by SOAK; at least
// once. It panics if SOAK is not a factor of at least 1.
func Rounds(full, short, race int) int {
	if testing.Short() {
		full /= short
	}
	if Race {
		full /= race
	}
	full = max(full, 1)
	if soak := soak(); full <= math.MaxInt/soak {
		return full * soak
	}
	return math.MaxInt
}

// soak returns the factor in the environment.
func soak() int {
	text := os.Getenv("SOAK")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		panic(fmt.Sprintf("SOAK=%s: want an integer of at least 1, by which the length of every race is multiplied", text))
	}
	return n
}

// Watch ends the process, with all stacks, if the test goes on for many
// minutes: outside of a bubble, a goroutine that is never woken shows as a hang.
// It measures nothing, and no test takes a tenth of that unless the machine is
// very busy. Inside a bubble, synctest notices a hang. The returned func ends
// the watch.
func Watch(t testing.TB) (stop func()) {
	limit := 9 * time.Minute // go test has ten
	if factor := time.Duration(soak()); factor < math.MaxInt64/limit {
		limit *= factor
	}
	return watch(t, limit)
}

func watch(t testing.TB, limit time.Duration) (stop func()) {
	name := t.Name()
	timer := time.AfterFunc(limit, func() {
		debug.SetTraceback("all")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1) // shorter, where thousands wait at one place
		panic(name + " hangs")
	})
	return func() { timer.Stop() }
}

// Processors sets GOMAXPROCS until the test ends.
func Processors(t testing.TB, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// Uninterrupted runs an experiment in a bubble on a single processor, where a
// goroutine that does not block is not overtaken unless the runtime preempts
// it. If that spoils the experiment, it returns false and is repeated. After a
// hundred repetitions the test fails, because then it was not preemption.
func Uninterrupted(t *testing.T, experiment func(t *testing.T) (conclusive bool)) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 100 {
		conclusive := false
		synctest.Test(t, func(t *testing.T) { conclusive = experiment(t) })
		if conclusive || t.Failed() {
			return
		}
	}
	t.Error("a goroutine that had just been woken was faster than one that was running, a hundred times")
}

// Spin keeps the processor busy for about n nanoseconds.
//
//go:noinline
func Spin(n int) {
	x := uint32(0)
	for range n {
		x = x*1664525 + 1013904223
	}
	runtime.KeepAlive(x) // or the loop has no effect
}

// Recovered calls f and returns what it panicked with, or nil.
func Recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// Collected collects garbage until nothing is left of what p points to, and
// reports whether that came to be.
func Collected[T any](p weak.Pointer[T]) bool {
	return Collect(func() bool { return p.Value() == nil })
}

// Collect collects garbage until something is so, and reports whether that came
// to be. It takes several collections: the first may find what is to go in a
// register, and a goroutine that has ended, or that is told of what is gone,
// needs a moment, which is longer on a busy machine. It is not for a bubble.
func Collect(so func() bool) bool {
	for i := range 100 {
		runtime.GC()
		if so() {
			return true
		}
		if i < 10 {
			runtime.Gosched()
		} else {
			time.Sleep(time.Duration(i) * time.Millisecond)
		}
	}
	return false
}
