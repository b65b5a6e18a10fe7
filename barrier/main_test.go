package barrier_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// race tells whether the race detector is on.
var race = func() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}()

// rounds scales the length of a race: a tenth with -short, and a fifth of either under the race detector, which makes
// everything several times slower. Every path is then still taken thousands of times.
func rounds(full int) int {
	if testing.Short() {
		full /= 10
	}
	if race {
		full /= 5
	}
	return full
}

// watch ends the process, with all stacks, if the test goes on for minutes: a party that is forgotten outside of a
// bubble shows as a hang. It measures nothing. The result ends the watch.
func watch(t testing.TB) (stop func() bool) {
	name := t.Name()
	return time.AfterFunc(3*time.Minute, func() {
		debug.SetTraceback("all")
		panic(name + " hangs")
	}).Stop
}

// spin keeps the processor busy for about n nanoseconds.
//
//go:noinline
func spin(n int) {
	x := uint32(0)
	for range n {
		x = x*1664525 + 1013904223
	}
	runtime.KeepAlive(x) // or the loop has no effect
}

// uninterrupted runs an experiment in a bubble on a single processor, where a goroutine that does not block is not
// overtaken, unless the runtime happens to preempt it. experiment returns false if that spoilt it: then it is
// repeated. It fails the test if that goes on, because then it was not preemption.
func uninterrupted(t *testing.T, experiment func(t *testing.T) (conclusive bool)) {
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

// recovered calls f and returns what it panicked with, or nil.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
