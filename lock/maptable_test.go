package lock

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// atRest fails the test unless m has no users, every spare entry is locked and has no waiters, and what is kept is little.
func atRest[K comparable](t *testing.T, m *Map[K]) {
	t.Helper()
	for i := range m.spread.Load().parts {
		p := &m.spread.Load().parts[i]
		if p.entries.count != 0 || p.entries.few != nil || len(p.entries.buckets) != 0 {
			t.Fatalf("part %d has %d entries in %d buckets", i, p.entries.count, len(p.entries.buckets))
		}
		n := 0
		for e := p.spare; e != nil; e = e.next {
			var zero K
			if n++; n > maxSpares || e.users != 0 || e.key != zero || e.lock.gate.Value() != locked {
				t.Fatalf("part %d, spare %d: %d users, key %v, locked %v", i, n, e.users, e.key, e.lock.Locked())
			}
		}
		if n != p.spares {
			t.Fatalf("part %d counts %d spares, and has %d", i, p.spares, n)
		}
	}
}

func TestAMillionKeysLeaveNoMemory(t *testing.T) {
	million := 1_000_000
	if testing.Short() || proof.Race {
		million /= 10
	}
	heap := func() int64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.GC() // with the tag threadingdebug there were weak pointers, whose handles go with the next one
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	var m Map[string]
	m.Lock("one that stays")
	before := heap()
	keys := make([]string, million)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
		m.Lock(keys[i])
	}
	during := heap()
	if n := m.Len(); n != million+1 {
		t.Fatalf("Len is %d", n)
	}
	rand.Shuffle(million, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, k := range keys {
		m.Unlock(k)
	}
	keys = nil
	after := heap()
	if left := after - before; left > 100_000 {
		t.Errorf("%d bytes are left of %d", left, during-before)
	}
	m.Unlock("one that stays")
	atRest(t, &m)
	t.Logf("%d bytes a key, %d bytes left of all", (during-before)/int64(million), after-before)
}

// Each two bytes of ops are a call on a Map of few keys, most of them in one bucket, and on a naive model.
func FuzzAMapIsASetOfLockedKeys(f *testing.F) {
	f.Add([]byte("lock some, unlock some, and try others again and again"))
	f.Add([]byte{0, 1, 0, 2, 0, 3, 1, 2, 1, 1, 1, 3, 1, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var m Map[int]
		locked := map[int]bool{}
		p, _ := m.part(0)
		for ; len(ops) >= 2; ops = ops[2:] {
			k, hash := int(ops[1]), uint32(ops[1]%3) // their hash is ours, so that they meet
			if ops[0]%2 == 0 {
				if _, ok := p.enter(k, hash, false); ok == locked[k] {
					t.Fatalf("key %d was locked: %v", k, ok)
				}
				locked[k] = true
			} else {
				if ok := p.leave(k, hash); ok != locked[k] {
					t.Fatalf("key %d was unlocked: %v", k, ok)
				}
				delete(locked, k)
			}
			if p.entries.count != len(locked) {
				t.Fatalf("%d entries for %d keys", p.entries.count, len(locked))
			}
			for k := range 256 {
				if e := p.entries.find(k, uint32(k%3)); (e != nil) != locked[k] || e != nil && (e.key != k || e.users != 1) {
					t.Fatalf("the entry of key %d is %+v", k, e)
				}
			}
		}
		for k := range locked {
			p.leave(k, uint32(k%3))
		}
		atRest(t, &m)
	})
}

// Whatever its users did, an entry that is kept for another key is as good as new.
func TestSparesAreAtRest(t *testing.T) {
	defer proof.Watch(t)()
	var m Map[int]
	for range proof.Rounds(2000, 10, 10) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					k := (i + j) % 3
					if m.LockTimeout(k, time.Duration(rand.IntN(5000))) {
						if j%3 == 0 {
							runtime.Gosched()
						}
						m.Unlock(k)
					}
				}
			})
		}
		wg.Wait()
		atRest(t, &m)
	}
}

// Integers of 64 bits have a hash of their own, whatever the name of their type. They are spread over the parts also where
// all are multiples of a large number.
func TestIntegersAreSpread(t *testing.T) {
	type name int64
	type pair struct{ a, b int32 }
	if spreads, want := [...]bool{
		new(Map[int64]).start().integer, new(Map[name]).start().integer, new(Map[uint64]).start().integer,
		new(Map[int32]).start().integer, new(Map[float64]).start().integer, new(Map[pair]).start().integer, new(Map[string]).start().integer,
	}, [...]bool{true, true, true, false, false, false, false}; spreads != want {
		t.Errorf("hashed as integers: %v, want %v", spreads, want)
	}
	for shift := range 57 {
		var m Map[name]
		seen := map[*part[name]]int{}
		for i := range name(256) {
			p, _ := m.part(i << shift)
			seen[p]++
		}
		if len(seen) < parts/4 { // there are 45, whatever the mask is
			t.Errorf("256 multiples of 1<<%d are in %d parts of %d", shift, len(seen), parts)
		}
	}
}
