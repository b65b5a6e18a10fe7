package goid

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/petermattis/goid"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGetIsWhatTheStackSays(t *testing.T) {
	const goroutines = 1000
	var (
		wg   sync.WaitGroup
		seen sync.Map
	)
	for range goroutines {
		wg.Go(func() {
			id := Get()
			if want := Certain(); id != want {
				t.Errorf("Get() = %d, the stack says %d", id, want)
			}
			if _, taken := seen.LoadOrStore(id, true); taken {
				t.Errorf("id %d was given twice", id)
			}
		})
	}
	wg.Wait()
}

func TestGetTrustsTheFastWayOnThisPlatform(t *testing.T) {
	Get()
	if process.verdict.Load() != trusted {
		t.Error("the fast way was found wrong; every Get parses the stack")
	}
}

// A fast way that lies is never believed, whichever goroutine it lies about.
func TestProofRejectsALie(t *testing.T) {
	caller := int64(Certain())
	lies := map[string]func() int64{
		"about everybody":          func() int64 { return goid.Get() + 1 },
		"about nobody: 0":          func() int64 { return 0 },
		"about others: the caller": func() int64 { return caller },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			caller = int64(Certain()) // a subtest is a goroutine of its own
			p := proof{fast: lie}
			for range 2 {
				if got, want := p.id(), Certain(); got != want {
					t.Errorf("id = %d, want %d", got, want)
				}
			}
			if p.verdict.Load() != distrusted {
				t.Error("the lie was trusted")
			}
			inOther(func() {
				if got, want := p.id(), Certain(); got != want {
					t.Errorf("on another goroutine: id = %d, want %d", got, want)
				}
			})
			if p.verdict.Load() != distrusted {
				t.Error("the verdict was changed by a second look")
			}
		})
	}
}

// Get asks for the proof before it trusts, and does without the fast way for ever if the proof fails, also where others
// follow.
func TestGetFallsBack(t *testing.T) {
	Get()
	var asked atomic.Int32
	process = proof{fast: func() int64 {
		asked.Add(1)
		return 12345678
	}}
	unprove := func(mark uint32) {
		for i := range marks {
			atomic.AddUint32(&marks[i], mark)
		}
	}
	unprove(^uint32(proven - 1))
	defer func() {
		unprove(proven)
		process = proof{fast: goid.Get}
		process.verdict.Store(trusted)
	}()
	for range 3 {
		if got, want := Get(), Certain(); got != want {
			t.Errorf("Get() = %d, want %d", got, want)
		}
		if got, want := Own(), Certain(); got != want {
			t.Errorf("Own() = %d, want %d", got, want)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the fast way was asked %d times, want 1: found wrong and never used again", asked.Load())
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			var f Follower
			f.Begin()
			defer f.End()
			f.Lead(77)
			if got := Get(); got != 77 || Own() != Certain() || !f.Here() {
				t.Errorf("Get() = %d, want that of the leader, 77; Own() = %d, want %d", got, Own(), Certain())
			}
		})
	}
	wg.Wait()
}

func TestProofAsksOnlyOnce(t *testing.T) {
	var asked atomic.Int32
	p := proof{fast: func() int64 {
		asked.Add(1)
		return goid.Get()
	}}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, want := p.id(), Certain(); got != want {
				t.Errorf("id = %d, want %d", got, want)
			}
		})
	}
	wg.Wait()
	if asked := asked.Load(); asked != 2+50 {
		t.Errorf("the fast way was called %d times, want 2 for the proof and 50 for the callers", asked)
	}
}

// The first use in a process may be inside a bubble, and the next in another or outside.
func TestProofInsideABubble(t *testing.T) {
	p := proof{fast: goid.Get}
	inBubble := func(t *testing.T) {
		if got, want := p.id(), Certain(); got != want {
			t.Errorf("id = %d, want %d", got, want)
		}
	}
	synctest.Test(t, inBubble)
	synctest.Test(t, inBubble)
	inBubble(t)
	if p.verdict.Load() != trusted {
		t.Error("the fast way was not trusted")
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Get() }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

func inOther(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

func BenchmarkGet(b *testing.B) {
	for b.Loop() {
		Get()
	}
}

func BenchmarkCertain(b *testing.B) {
	for b.Loop() {
		Certain()
	}
}
