//go:build threadingdebug

package watch

import (
	"slices"
	"sync"
)

// A state is what a goroutine holds and waits for. It is made when the goroutine
// first holds or waits, and forgotten when it does neither.
type state struct {
	id    uint64
	holds []*Hold
	sweep int // at how many holds those of what is gone are forgotten
	wait  *Wait
	seen  map[route]struct{} // of the graph of orders
}

// A shard has the states of some goroutines.
type shard struct {
	sync.Mutex
	states map[uint64]*state
	sweep  int // at how many states the idle ones are forgotten
	_      [40]byte
}

var shards [64]shard

func shardOf(goroutine uint64) *shard { return &shards[goroutine%uint64(len(shards))] }

// state returns the state of a goroutine, with the shard locked. Who has one holds or
// waits before the shard is unlocked: otherwise it may be forgotten.
func (s *shard) state(goroutine uint64) *state {
	st := s.states[goroutine]
	if st == nil {
		if len(s.states) >= s.sweep {
			s.forget()
		}
		st = &state{id: goroutine}
		s.states[goroutine] = st
	}
	return st
}

func (s *shard) forget() {
	if s.states == nil {
		s.states = map[uint64]*state{}
	}
	for id, st := range s.states {
		st.forget()
		if len(st.holds) == 0 && st.wait == nil {
			delete(s.states, id)
		}
	}
	s.sweep = max(16, 2*len(s.states))
}

// mostGone is how many holds of what is gone a goroutine may have.
const mostGone = 1024

// add adds a hold. A lock may be dropped while it is held, and then nobody releases
// it: when there are many holds, those are forgotten.
func (st *state) add(h *Hold) {
	if len(st.holds) >= max(st.sweep, mostGone) {
		st.forget()
		st.sweep = 2 * len(st.holds)
	}
	st.holds = append(st.holds, h)
}

func (st *state) forget() {
	st.holds = slices.DeleteFunc(st.holds, func(h *Hold) bool { return h.Of.mark.Value() == nil })
}

// waiting returns what a goroutine waits for, or nil.
func (st *state) waiting() *Wait {
	s := shardOf(st.id)
	s.Lock()
	defer s.Unlock()
	return st.wait
}

// A Snapshot is what is held and waited for.
type Snapshot struct {
	Holds         []*Hold
	Waits         []*Wait
	Pools, Queues []*Identity
}

// Look returns what is held and waited for now: not at one instant, but each as it was
// at one.
func Look() (all Snapshot) {
	for i := range shards {
		s := &shards[i]
		s.Lock()
		for _, st := range s.states {
			all.Holds = append(all.Holds, st.holds...)
			if st.wait != nil {
				all.Waits = append(all.Waits, st.wait)
			}
		}
		s.Unlock()
	}
	all.Pools, all.Queues = pools.all(), queues.all()
	return all
}

// pools and queues are those that were described, as long as they live.
var pools, queues register

type register struct {
	guard sync.Mutex
	ids   []*Identity
}

func (r *register) add(id *Identity) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.ids = append(r.ids, id)
}

// all returns those that live.
func (r *register) all() []*Identity {
	r.guard.Lock()
	ids := append([]*Identity(nil), r.ids...)
	r.guard.Unlock()
	var alive []*Identity
	gone := map[*Identity]bool{}
	for _, id := range ids {
		if _, ok := id.Stat(); ok {
			alive = append(alive, id)
		} else {
			gone[id] = true
		}
	}
	if len(gone) > 0 {
		r.guard.Lock()
		kept := r.ids[:0]
		for _, id := range r.ids {
			if !gone[id] {
				kept = append(kept, id)
			}
		}
		clear(r.ids[len(kept):])
		r.ids = kept
		r.guard.Unlock()
	}
	return alive
}
