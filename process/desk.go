package process

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// A desk is memory that the parent and a child of a Pool share. The child
// writes results there, one after the other, and counts them when they are
// complete.
type desk struct {
	memory *Memory
	begins *atomic.Uint64 // seq << 32 | how many the child has begun with
	dones  *atomic.Uint64 // how many results are here
	busy   *atomic.Uint64 // how many nanoseconds the child has spent on the last task
	room   []byte
	used   int // of room; of the child
}

const (
	deskSize  = 256 << 10 // memory that is not written to is not there
	deskStart = 64
)

func newDesk() (d *desk, err error) {
	defer func() {
		if v := recover(); v != nil {
			err, _ = v.(error) // what NewMemory panics with
		}
	}()
	return deskOf(NewMemory(deskSize)), nil
}

func deskOf(m *Memory) *desk {
	b := m.Bytes()
	return &desk{
		memory: m, begins: (*atomic.Uint64)(unsafe.Pointer(&b[0])), dones: (*atomic.Uint64)(unsafe.Pointer(&b[8])),
		busy: (*atomic.Uint64)(unsafe.Pointer(&b[16])), room: b[deskStart:],
	}
}

func (d *desk) close() { _ = d.memory.Close() }

// reset clears the desk. It is the parent's.
func (d *desk) reset() { d.dones.Store(0) }

// begin notes that the child begins with the n'th argument, counted from 1.
func (d *desk) begin(seq uint64, n int) { d.begins.Store(seq<<32 | uint64(n)) }

// begun returns how many of the arguments of a task the child has begun with.
func (d *desk) begun(seq uint64) int {
	b := d.begins.Load()
	if b>>32 != seq&(1<<32-1) {
		return 0
	}
	return int(b & (1<<32 - 1))
}

// put puts a result on the desk, and reports false if there is no room for it.
func (d *desk) put(result []byte) bool {
	if d.dones.Load() == 0 {
		d.used = 0
	}
	if len(result) > len(d.room)-d.used-resultHead {
		return false
	}
	binary.NativeEndian.PutUint32(d.room[d.used:], uint32(len(result)))
	copy(d.room[d.used+resultHead:], result)
	d.used += resultHead + len(result)
	d.dones.Add(1)
	return true
}

// collect gives b the results on the desk. They are copied, in the form that
// they have: the desk is used again.
func (d *desk) collect(b *batch) {
	n := int(d.dones.Load())
	if n == 0 {
		return
	}
	end := 0
	for range n {
		size := int(binary.NativeEndian.Uint32(d.room[min(end, len(d.room)-resultHead):]))
		if end += resultHead + size; end > len(d.room) {
			return // nothing that a child of ours has written
		}
	}
	b.results = append(b.results, d.room[:end]...)
	b.have += n
	d.dones.Store(0)
}
