package shm

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A guarded is the base of an object whose state is more than a word: a Mutex,
// and a journal through which the state changes. All words of a change are
// first written into the journal; then one store says how many they are, and
// with that store the change has taken place. It is carried out, and the
// journal is empty again.
//
//	set set set | commit: n = 3 | word = value, word = value, word = value | n = 0
//
// A process that is killed before that store has done nothing. If it is killed
// after it, it has done everything: the next one that locks the Mutex finds n,
// and carries the change out, which may be done any number of times, and may
// itself be cut short by a kill. So the state is never half changed for a
// process that has the Mutex, and there is nothing else to say about death
// here. A change of a single word needs no journal: its store is the one.
//
// A waiter for the state to change looks for itself when a death is announced.
// So a wake-up that is lost with a process killed after its change is missed
// for no longer than that.
type guarded struct {
	Mutex
	journal *journalPage
	records []record
	first   unsafe.Pointer // of the object
	size    uintptr
	count   int // of the change that is being written
}

type journalPage struct {
	guard ownerPage
	_     [48]byte
	n     atomic.Uint64
	_     [56]byte
}

// A record is a word and what it will be.
type record struct{ offset, value uint64 }

// guardedSize is what a guarded object needs at its beginning, for changes of
// that many words.
func guardedSize(records int64) int64 {
	return int64(unsafe.Sizeof(journalPage{})) + (records*int64(unsafe.Sizeof(record{}))+63)&^63
}

// open gives g its place in the segment, at the beginning.
func (g *guarded) open(s *segment, records int) {
	g.journal = (*journalPage)(s.at(0))
	g.records = unsafe.Slice((*record)(s.at(int64(unsafe.Sizeof(journalPage{})))), records)
	g.first, g.size = s.at(0), uintptr(int64(len(s.mem))-headerSize)
	g.seg = s
	g.bind(&g.journal.guard)
}

// enter locks the object. What it finds is whole.
func (g *guarded) enter() {
	g.Mutex.Lock(nil)
	point("guarded: entered")
	if g.journal.n.Load() != 0 {
		g.carryOut()
	}
}

// leave unlocks the object.
func (g *guarded) leave() {
	point("guarded: about to leave")
	g.Mutex.Unlock()
	point("guarded: left")
}

// set makes a word of the object part of the change that commit makes.
func (g *guarded) set(word *atomic.Uint64, value uint64) {
	g.records[g.count] = record{uint64(uintptr(unsafe.Pointer(word)) - uintptr(g.first)), value}
	g.count++
	point("guarded: noted")
}

// commit makes the change.
func (g *guarded) commit() {
	if g.count == 1 {
		g.word(g.records[0]).Store(g.records[0].value)
		point("guarded: committed one word")
		g.count = 0
		return
	}
	g.journal.n.Store(uint64(g.count))
	point("guarded: committed")
	g.carryOut()
}

func (g *guarded) carryOut() {
	n := int(min(g.journal.n.Load(), uint64(len(g.records))))
	for i := range n {
		r := g.records[i]
		g.word(r).Store(r.value)
		point("guarded: carried out")
	}
	g.journal.n.Store(0)
	g.count = 0
	point("guarded: journal empty")
}

// word returns the word of a record. It is in shared memory, so it is not
// believed.
func (g *guarded) word(r record) *atomic.Uint64 {
	if uintptr(r.offset) > g.size-8 || r.offset%8 != 0 {
		panic(fmt.Sprintf("shm: the journal of an object names the word at %d of %d", r.offset, g.size))
	}
	return (*atomic.Uint64)(unsafe.Add(g.first, r.offset))
}
