package goid

import (
	"sync"
	"sync/atomic"
)

// A Table finds what belongs to a goroutine, by its id: its Follower, its thread. The zero Table is empty. It is a hash table
// with open addressing, which is read without a lock. That is exact because of what is asked: a goroutine adds, finds and
// removes what is its own, or its leader's, which waits meanwhile.
//
//   - What lies in a table stays where it is until Remove: nothing is ever moved within. What was removed leaves behind a
//     mark that something was there, so that the rest is still found behind it; where nothing can be behind, the slot
//     becomes empty.
//   - A table that has grown is a copy, made under the guard. Who still reads the one before finds its own there all the
//     same, for that is no longer changed.
//   - Who has nothing there may meet what is others' on its way to an empty slot, and takes none of it: ids differ. It reads
//     no more than their ids.
type Table[T any] struct{ shards [16]shard[T] }

type shard[T any] struct {
	guard sync.Mutex
	slots atomic.Pointer[slots[T]]
	live  int // values
	used  int // slots that are not empty
	_     [32]byte
}

type slots[T any] []slot[T] // a power of 2 of them; less than half are used

type slot[T any] struct {
	id    atomic.Uint64 // empty, gone, or of a goroutine; written last
	value *T
}

// What is no goroutine's id.
const (
	empty uint64 = 0
	gone  uint64 = 1<<64 - 1
)

// Find returns what the goroutine with this id has, or nil.
func (t *Table[T]) Find(id uint64) *T {
	p := t.shard(id).slots.Load()
	if p == nil {
		return nil
	}
	s := *p
	for i := s.home(id); ; i = (i + 1) & s.mask() {
		switch s[i].id.Load() {
		case id:
			return s[i].value
		case empty:
			return nil
		}
	}
}

// Add makes v what the goroutine with this id has. It must have nothing.
func (t *Table[T]) Add(id uint64, v *T) {
	s := t.shard(id)
	s.guard.Lock()
	defer s.guard.Unlock()
	p := s.slots.Load()
	if p == nil || 2*(s.used+1) > len(*p) {
		p = s.grow(p)
	}
	if p.put(id, v) {
		s.used++
	}
	s.live++
}

// Remove undoes Add.
func (t *Table[T]) Remove(id uint64) {
	s := t.shard(id)
	s.guard.Lock()
	defer s.guard.Unlock()
	s.live--
	if s.live == 0 && s.used > 8 {
		s.used = 0
		s.slots.Store(nil) // memory goes back when a crowd has gone
		return
	}
	all := *s.slots.Load()
	i := all.home(id)
	for all[i].id.Load() != id {
		i = (i + 1) & all.mask()
	}
	all[i].value = nil
	all[i].id.Store(gone)
	if all[(i+1)&all.mask()].id.Load() != empty {
		return
	}
	for all[i].id.Load() == gone { // nothing is behind
		all[i].id.Store(empty)
		s.used--
		i = (i - 1) & all.mask()
	}
}

func (t *Table[T]) shard(id uint64) *shard[T] { return &t.shards[id%uint64(len(t.shards))] }

// home is where a search for id begins. Ids come in rows, which the multiplication spreads.
func (s slots[T]) home(id uint64) uint64 { return id * 0x9E3779B97F4A7C15 >> 32 & s.mask() }

func (s slots[T]) mask() uint64 { return uint64(len(s) - 1) }

// put reports whether the slot was empty.
func (s slots[T]) put(id uint64, v *T) bool {
	for i := s.home(id); ; i = (i + 1) & s.mask() {
		if was := s[i].id.Load(); was == empty || was == gone {
			s[i].value = v
			s[i].id.Store(id)
			return was == empty
		}
	}
}

// grow makes slots of which a quarter at most is used: fewer, if what was in the way had only been there.
func (s *shard[T]) grow(old *slots[T]) *slots[T] {
	size := 8
	for 4*(s.live+1) > size {
		size *= 2
	}
	all := make(slots[T], size)
	if old != nil {
		for i := range *old {
			if id := (*old)[i].id.Load(); id != empty && id != gone {
				all.put(id, (*old)[i].value)
			}
		}
	}
	s.used = s.live
	s.slots.Store(&all)
	return &all
}
