package goid

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// clean fails the test unless every Follower has left without a trace.
func clean(t *testing.T) {
	t.Helper()
	for i := range marks {
		if mark := atomic.LoadUint32(&marks[i]); mark != proven {
			t.Errorf("mark %d is %d, want %d: nobody follows", i, mark, proven)
		}
	}
	for i := range followers.shards {
		if s := &followers.shards[i]; s.live != 0 || s.used > 8 {
			t.Errorf("shard %d has %d followers, and %d slots in use", i, s.live, s.used)
		}
	}
}

func TestAFollowerIsKnownByItsLeaderAndByItself(t *testing.T) {
	leader := Get()
	inOther(func() {
		own := Own()
		var f Follower
		f.Begin()
		f.Lead(leader)
		if Get() != leader || Own() != own || Own() != Certain() {
			t.Errorf("Get() = %d, want %d; Own() = %d, want %d", Get(), leader, Own(), own)
		}
		if id, ok := Fast(); ok {
			t.Errorf("Fast() = %d, true on the goroutine of a follower", id)
		}
		if !f.Here() {
			t.Error("it is not here")
		}
		inOther(func() {
			if Get() != Certain() || Own() != Certain() {
				t.Error("a goroutine that a follower has started follows, too")
			}
			if f.Here() {
				t.Error("it is where it is not")
			}
		})
		f.Lead(leader + 1)
		if Get() != leader+1 {
			t.Error("a new leader is not followed")
		}
		f.End()
		if Get() != own {
			t.Errorf("after its end Get() = %d, want %d", Get(), own)
		}
	})
	if Get() != leader {
		t.Error("the leader is somebody else now")
	}
	clean(t)
}

// More followers than there are buckets, who come and go while all of them, and bystanders, ask who they are: a table
// that grows, shrinks, and has slots of those who have left, never hides anybody and never gives one to another.
func TestManyFollowersComeAndGo(t *testing.T) {
	crowd, rounds := buckets+buckets/4, 2
	if testing.Short() {
		crowd, rounds = 300, 20
	}
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range rounds {
				var f Follower
				if Get() != Certain() {
					t.Error("a bystander is taken for somebody else")
				}
				f.Begin()
				name := 1<<40 + random.Uint64N(1<<20)
				f.Lead(name)
				for range 1 + random.IntN(5) {
					runtime.Gosched()
					if got := Get(); got != name {
						t.Errorf("Get() = %d, want %d", got, name)
					}
				}
				f.End()
			}
		})
	}
	wg.Wait()
	clean(t)
}

func TestFollowingDoesNotAllocate(t *testing.T) {
	inOther(func() {
		followers := make([]Follower, 102)
		next := func() {
			f := &followers[0]
			followers = followers[1:]
			f.Begin()
			f.Lead(7)
			Get()
			f.End()
		}
		next()
		if n := testing.AllocsPerRun(100, next); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// The look-up is part of every call by an id where coroutines are, so Fast must stay small enough to be inlined.
func BenchmarkFast(b *testing.B) {
	for b.Loop() {
		_, _ = Fast()
	}
}

func BenchmarkGetOfAFollower(b *testing.B) {
	var f Follower
	f.Begin()
	defer f.End()
	f.Lead(7)
	for b.Loop() {
		Get()
	}
}

func BenchmarkBeginEnd(b *testing.B) {
	for b.Loop() {
		f := new(Follower)
		f.Begin()
		f.End()
	}
}
