package goid

import (
	"sync"
	"sync/atomic"

	"github.com/petermattis/goid"
)

// A Follower is the goroutine of a coroutine, which acts in the name of whoever resumes it. It begins once, because others
// may look at its id, on their way past it, even after End; and it must not be copied.
//
// The resumer calls Lead before it switches to the goroutine, and waits until that has switched back. So the leader is
// written and read by one goroutine after the other, and needs no atomic.
type Follower struct {
	own    uint64
	leader uint64
}

// Begin makes the calling goroutine f's.
func (f *Follower) Begin() {
	f.own = Own()
	atomic.AddUint32(&marks[f.own%buckets], following)
	shardOf(f.own).add(f)
}

// End undoes Begin, on the same goroutine, which is then nobody's Follower.
func (f *Follower) End() {
	shardOf(f.own).remove(f)
	atomic.AddUint32(&marks[f.own%buckets], ^(following - 1))
}

// Here reports whether the calling goroutine is f's.
func (f *Follower) Here() bool {
	if process.verdict.Load() == trusted { // as Own does, without the call
		return f.own == uint64(goid.Get())
	}
	return f.own == Own()
}

// Lead makes id, which Get has returned, the leader: a leader follows nobody, so that Get need not follow a chain.
func (f *Follower) Lead(id uint64) { f.leader = id }

// Leader returns whom Lead has named last.
func (f *Follower) Leader() uint64 { return f.leader }

// leader returns the leader of the Follower with this id, or id if there is none.
func leader(id uint64) uint64 {
	if f := shardOf(id).find(id); f != nil {
		return f.leader
	}
	return id
}

// A shard finds some of the Followers by their id. It is a hash table with open addressing, which is read without a lock.
// That is exact because of what is asked: a goroutine looks for itself only, and it was itself that came and will go.
//
//   - Where a goroutine's Follower lies, it stays until End: nothing is ever moved within a table. Whoever leaves,
//     leaves behind a mark that somebody was there, so that others are still found behind it; where nobody can be behind,
//     the slot becomes empty.
//   - A table that has grown is a copy, made under the guard. Who still reads the one before finds itself there all the
//     same, for that is no longer changed.
//   - A goroutine that is nobody's Follower may meet others on its way to an empty slot, and takes none for itself: ids
//     differ.
type shard struct {
	guard sync.Mutex
	table atomic.Pointer[table]
	live  int // Followers
	used  int // slots that are not empty
	_     [32]byte
}

type table []atomic.Pointer[Follower] // a power of 2 of them; less than half are used

var shards [16]shard

// gone was a Follower: no goroutine has the id 0.
var gone = new(Follower)

func shardOf(id uint64) *shard { return &shards[id%uint64(len(shards))] }

// home is where a search for id begins. Ids come in rows, which the multiplication spreads.
func (t table) home(id uint64) uint64 { return id * 0x9E3779B97F4A7C15 >> 32 & t.mask() }

func (t table) mask() uint64 { return uint64(len(t) - 1) }

func (s *shard) find(id uint64) *Follower {
	p := s.table.Load()
	if p == nil {
		return nil
	}
	t := *p
	for i := t.home(id); ; i = (i + 1) & t.mask() {
		if f := t[i].Load(); f == nil || f.own == id {
			return f
		}
	}
}

func (s *shard) add(f *Follower) {
	s.guard.Lock()
	defer s.guard.Unlock()
	p := s.table.Load()
	if p == nil || 2*(s.used+1) > len(*p) {
		p = s.grow(p)
	}
	if p.put(f) {
		s.used++
	}
	s.live++
}

// put reports whether the slot was empty.
func (t table) put(f *Follower) bool {
	for i := t.home(f.own); ; i = (i + 1) & t.mask() {
		if was := t[i].Load(); was == nil || was == gone {
			t[i].Store(f)
			return was == nil
		}
	}
}

// grow makes a table in which a quarter at most is used: a smaller one, if those in the way had only been there.
func (s *shard) grow(old *table) *table {
	size := 8
	for 4*(s.live+1) > size {
		size *= 2
	}
	t := make(table, size)
	if old != nil {
		for i := range *old {
			if f := (*old)[i].Load(); f != nil && f != gone {
				t.put(f)
			}
		}
	}
	s.used = s.live
	s.table.Store(&t)
	return &t
}

func (s *shard) remove(f *Follower) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.live--
	if s.live == 0 && s.used > 8 {
		s.used = 0
		s.table.Store(nil) // memory goes back when a crowd has gone
		return
	}
	t := *s.table.Load()
	i := t.home(f.own)
	for t[i].Load() != f {
		i = (i + 1) & t.mask()
	}
	t[i].Store(gone)
	if t[(i+1)&t.mask()].Load() != nil {
		return
	}
	for t[i].Load() == gone { // nobody is behind
		t[i].Store(nil)
		s.used--
		i = (i - 1) & t.mask()
	}
}
