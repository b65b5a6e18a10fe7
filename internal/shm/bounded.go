package shm

import (
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Bounded is a number of permits whose holders are known: each process has an
// entry, with its serial and the number of permits it holds. The value is what
// the entries leave of the bound, so taking permits is one store, and a process
// that dies has them or not. A process that finds too few asks which processes
// live, and empties the entries of the others.
type Bounded struct {
	guarded
	side
	bound   int
	used    *atomic.Uint64 // how many entries may be in use
	entries []atomic.Uint64
	mine    int    // where the own entry was the last time
	looked  uint32 // the deaths that were seen to
	asked   bool   // they were, once
}

// MaxHolders is how many processes may hold permits of one Bounded.
const MaxHolders = 512

const boundedRecords = MaxHolders

type boundedPage struct {
	side    sidePage
	used    atomic.Uint64
	_       [56]byte
	entries [MaxHolders]atomic.Uint64
}

var boundedSize = guardedSize(boundedRecords) + int64(unsafe.Sizeof(boundedPage{}))

// NewBounded makes a Bounded all of whose permits are free.
func NewBounded(bound int) (*Bounded, error) {
	return create(KindBounded, boundedSize, false, uint64(bound), boundedOf)
}

// AttachBounded returns the Bounded of a descriptor.
func AttachBounded(fd int) (*Bounded, error) {
	return attach(fd, KindBounded, func(uint64) int64 { return boundedSize }, boundedOf)
}

func boundedOf(s *segment) *Bounded {
	page := (*boundedPage)(s.at(guardedSize(boundedRecords)))
	b := &Bounded{bound: int(s.header().extra), used: &page.used, entries: page.entries[:]}
	b.guarded.open(s, boundedRecords)
	b.side.bind(&page.side)
	return b
}

// Descriptor returns the file of the Bounded.
func (b *Bounded) Descriptor() int { return b.seg.fd }

// Bound returns how many permits there are.
func (b *Bounded) Bound() int { return b.bound }

// An entry is a process, and how many permits it holds.
func entry(serial, count uint64) uint64 {
	if count == 0 {
		return 0
	}
	return serial<<32 | count
}

func (b *Bounded) free() int {
	free := b.bound
	for i := range b.inUse() {
		free -= int(b.entries[i].Load() & math.MaxUint32)
	}
	return free
}

func (b *Bounded) inUse() int { return int(min(b.used.Load(), MaxHolders)) }

// sweep gives back, under the guard, what the dead held. It looks at each death
// once.
func (b *Bounded) sweep(again bool) {
	seen := kin.deaths()
	if b.asked && b.looked == seen && !again {
		return
	}
	b.asked, b.looked = true, seen
	for i := range b.inUse() {
		if old := b.entries[i].Load(); old != 0 && !kin.alive(uint32(old>>32)) {
			b.entries[i].Store(0)
			point("bounded: of the dead")
		}
	}
}

// own returns the entry of this process, or one that is free, or -1.
func (b *Bounded) own() int {
	me, n := b.me, b.inUse()
	if b.mine < n && b.entries[b.mine].Load()>>32 == me {
		return b.mine
	}
	found := -1
	for i := range n {
		switch b.entries[i].Load() >> 32 {
		case me:
			b.mine = i
			return i
		case 0:
			if found < 0 {
				found = i
			}
		}
	}
	if found < 0 && n < MaxHolders {
		b.used.Store(uint64(n + 1)) // if it is killed now it leaves an empty entry
		point("bounded: one more")
		found = n
	}
	b.mine = max(found, 0)
	return found
}

// take takes n permits, under the guard, if they are free. It reports full if
// too many processes hold some.
func (b *Bounded) take(n int, again bool) (taken, full bool) {
	if b.free() < n {
		if b.sweep(again); b.free() < n {
			return false, false
		}
	}
	i := b.own()
	if i < 0 {
		b.sweep(true)
		if i = b.own(); i < 0 {
			return false, true
		}
	}
	b.entries[i].Store(entry(b.me, b.entries[i].Load()&math.MaxUint32+uint64(n)))
	point("bounded: taken")
	return true, false
}

// quick takes n permits if that is possible without the turn. wait is that it
// may be with it.
func (b *Bounded) quick(n int) (taken, full, wait bool) {
	b.enter()
	if b.side.open() {
		taken, full = b.take(n, false)
	} else {
		wait = true
	}
	b.leave()
	return taken, full, wait
}

// A boundedRequest is for permits that were not there.
type boundedRequest struct {
	b           *Bounded
	n           int
	taken, full bool
}

func (r *boundedRequest) try(quiet bool) bool {
	r.taken, r.full = r.b.take(r.n, quiet)
	return r.taken || r.full
}

func (r *boundedRequest) follow() {}

// TryAcquire takes n permits if they are free. It reports full if too many
// processes hold some.
func (b *Bounded) TryAcquire(n int) (taken, full bool) {
	taken, full, wait := b.quick(n)
	if wait {
		r := &boundedRequest{b: b, n: n}
		b.now(&b.guarded, r)
		taken, full = r.taken, r.full
	}
	runtime.KeepAlive(b)
	return taken, full
}

// Acquire takes n permits as soon as it can, and reports false if l was over
// first.
func (b *Bounded) Acquire(n int, l *Limit) (taken, full bool) {
	if taken, full, _ = b.quick(n); !taken && !full {
		r := &boundedRequest{b: b, n: n}
		b.await(&b.guarded, r, l)
		taken, full = r.taken, r.full
	}
	runtime.KeepAlive(b)
	return taken, full
}

// Release gives n permits back: first those of this process, then those of any
// other. It reports false, and does nothing, if fewer are held.
func (b *Bounded) Release(n int) bool {
	b.enter()
	if n > b.bound-b.free() {
		b.leave()
		return false
	}
	left := uint64(n)
	give := func(i int) {
		old := b.entries[i].Load()
		if part := min(left, old&math.MaxUint32); part > 0 {
			b.set(&b.entries[i], entry(old>>32, old&math.MaxUint32-part))
			left -= part
		}
	}
	own := b.own()
	if own >= 0 {
		give(own)
	}
	for i := 0; left > 0; i++ {
		if i != own {
			give(i)
		}
	}
	b.commit()
	rung := b.stir()
	b.leave()
	if rung {
		b.wake()
	}
	runtime.KeepAlive(b)
	return true
}

// Value returns how many permits are free.
func (b *Bounded) Value() int {
	b.enter()
	b.sweep(false)
	free := b.free()
	b.leave()
	runtime.KeepAlive(b)
	return free
}
