package shm

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// A ring is where the items of a Queue lie. A record is eight bytes with the
// length of the item, and the item, rounded up to eight; it may wrap. Ring k is
// as long as its distance from the beginning of the file, so all rings fit into
// one file, which is sparse: growing needs no other descriptor, and no word to
// other processes.
//
//	0        64 KiB     128 KiB               256 KiB
//	| pages  |  ring 0  |        ring 1       |         ring 2 …
//
// A ring that is too small is followed by one that is large enough, to which
// the items are copied; the change of the words that say so is the instant at
// which it takes over. Memory is put behind a ring as far as it is written; a
// put reports when there is none. A Queue that is empty starts again at the
// beginning, and gives back the memory that it may not need.
type ring struct {
	file   int
	mapped *ringMaps
}

const (
	ringBase  = 64 << 10
	ringLevel = 40      // the largest: no system has that much
	ringKeeps = 8 << 20 // what an empty queue keeps for the next items
	ringStep  = 1 << 20 // memory is put behind a ring in steps of at most this size
)

// ringMaps is what a process has mapped of a ring. It is apart because it is
// unmapped when the Queue is unreachable.
type ringMaps struct {
	guard sync.Mutex
	level uint64
	mem   []byte
}

func (m *ringMaps) free() {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.mem != nil {
		unmap(m.mem)
		m.mem = nil
	}
}

func (r *ring) maps() *ringMaps {
	if r.mapped == nil {
		r.mapped = new(ringMaps)
	}
	return r.mapped
}

func ringSize(level uint64) int64 { return ringBase << level }

// at returns the memory of a ring, with the guard of the Queue held.
func (r *ring) at(level uint64) ([]byte, error) {
	m := r.mapped
	if m.mem != nil && m.level == level {
		return m.mem, nil
	}
	mem, err := mapFile(r.file, ringSize(level), ringSize(level))
	if err != nil {
		return nil, err
	}
	m.free()
	m.level, m.mem = level, mem
	return mem, nil
}

func recordSize(item uint64) uint64 { return 8 + (item+7)&^7 }

// write writes an item behind the tail, and returns where the tail will be.
func (r *ring) write(p *queuePage, g *guarded, item []byte) (tail uint64, err error) {
	need := recordSize(uint64(len(item)))
	if used := p.tail.Load() - p.head.Load(); used+need > uint64(ringSize(p.level.Load())) {
		if err := r.grow(p, g, used+need); err != nil {
			return 0, err
		}
	}
	mem, err := r.at(p.level.Load())
	if err != nil {
		return 0, err
	}
	size := uint64(len(mem))
	tail = p.tail.Load()
	if err := r.back(p, g, min(tail%size+need, size)); err != nil {
		return 0, err
	}
	binary.NativeEndian.PutUint64(mem[tail%size:], uint64(len(item)))
	point("ring: length written")
	copyIn(mem, tail+8, item)
	point("ring: item written")
	return tail + need, nil
}

// read returns the item at the head, and where the head will be.
func (r *ring) read(p *queuePage, into []byte) (item []byte, head uint64, err error) {
	mem, err := r.at(p.level.Load())
	if err != nil {
		return nil, 0, err
	}
	head = p.head.Load()
	size := uint64(len(mem))
	length := binary.NativeEndian.Uint64(mem[head%size:])
	if length > size-8 || recordSize(length) > p.tail.Load()-head {
		return nil, 0, fmt.Errorf("shm: an item of %d bytes in a queue of %d", length, p.tail.Load()-head)
	}
	if uint64(cap(into)) >= length {
		item = into[:length]
	} else {
		item = make([]byte, length)
	}
	copyOut(item, mem, head+8)
	return item, head + recordSize(length), nil
}

func copyIn(mem []byte, at uint64, from []byte) {
	n := copy(mem[at%uint64(len(mem)):], from)
	copy(mem, from[n:])
}

func copyOut(to, mem []byte, at uint64) {
	n := copy(to, mem[at%uint64(len(mem)):])
	copy(to[n:], mem)
}

// back puts memory behind the first bytes of the ring.
func (r *ring) back(p *queuePage, g *guarded, end uint64) error {
	backed := p.backed.Load()
	if end <= backed {
		return nil
	}
	level := p.level.Load()
	end = min(max(end, backed+min(backed+ringBase, ringStep)), uint64(ringSize(level)))
	if err := reserve(r.file, ringSize(level)+int64(backed), int64(end-backed)); err != nil {
		return err
	}
	point("ring: memory reserved")
	g.set(&p.backed, end)
	g.commit()
	return nil
}

// grow changes to a ring with room for so much.
func (r *ring) grow(p *queuePage, g *guarded, need uint64) error {
	level := p.level.Load()
	old, err := r.at(level)
	if err != nil {
		return err
	}
	for uint64(ringSize(level)) < need {
		if level++; level > ringLevel {
			return fmt.Errorf("shm: a queue of %d bytes is too large", need)
		}
	}
	size := ringSize(level)
	if err := lengthen(r.file, 2*size); err != nil {
		return err
	}
	used := p.tail.Load() - p.head.Load()
	if used > 0 {
		if err := reserve(r.file, size, int64(used)); err != nil {
			return err
		}
	}
	mem, err := mapFile(r.file, size, size)
	if err != nil {
		return err
	}
	copyOut(mem[:used], old, p.head.Load())
	point("ring: items copied")
	g.set(&p.level, level)
	g.set(&p.head, 0)
	g.set(&p.tail, used)
	g.set(&p.backed, used)
	g.commit()
	r.mapped.free()
	r.mapped.level, r.mapped.mem = level, mem
	discard(r.file, ringBase, size-ringBase) // all rings before it
	point("ring: old ones discarded")
	return nil
}

// trim gives memory back, of an empty queue.
func (r *ring) trim(p *queuePage, g *guarded) {
	if p.backed.Load() <= ringKeeps {
		return
	}
	g.set(&p.backed, ringKeeps)
	g.commit()
	size := ringSize(p.level.Load())
	discard(r.file, size+ringKeeps, size-ringKeeps)
	point("ring: trimmed")
}
