package goid

import (
	"math/rand/v2"
	"testing"
)

// A Table against a map, one step after the other, with ids that all lie in one shard.
func TestATableHasWhatWasAddedAndNotRemoved(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 2))
		var table Table[uint64]
		s := table.shard(0)
		here := map[uint64]*uint64{}
		size := 1 + random.IntN(60)
		for range 300 {
			id := uint64(len(table.shards)) * (1 + random.Uint64N(uint64(2*size)))
			if here[id] != nil {
				table.Remove(id)
				delete(here, id)
			} else if len(here) < size {
				v := new(uint64)
				table.Add(id, v)
				here[id] = v
			}
			used := 0
			if p := s.slots.Load(); p != nil {
				for i := range *p {
					switch id := (*p)[i].id.Load(); {
					case id == empty:
						continue
					case id == gone && (*p)[(i+1)%len(*p)].id.Load() == empty:
						t.Fatalf("seed %d: a slot is kept for nothing", seed)
					case id == gone && (*p)[i].value != nil:
						t.Fatalf("seed %d: what was removed is kept alive", seed)
					}
					used++
				}
				if 2*used > len(*p) {
					t.Fatalf("seed %d: %d of %d slots are used", seed, used, len(*p))
				}
			}
			if s.live != len(here) || s.used != used {
				t.Fatalf("seed %d: live %d, used %d, want %d, %d", seed, s.live, s.used, len(here), used)
			}
			for i := range uint64(2*size + 1) {
				id := uint64(len(table.shards)) * (i + 1)
				if v := table.Find(id); v != here[id] {
					t.Fatalf("seed %d: found %v for %d, want %v", seed, v, id, here[id])
				}
			}
		}
	}
}
