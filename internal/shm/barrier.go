package shm

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Barrier lets parties of several processes wait for each other. Each party
// that waits has a place, in which it finds the outcome of its generation,
// whatever has happened to the Barrier since:
//
//	 63          45 44       14 13     3 2     0
//	| generation  |   serial   | index | state |
//
// All state changes under the guard, through the journal, so that a generation
// passes, or breaks, for all of its parties in one step. Only a party that has
// read its outcome frees its place by itself. As all parties go on at once,
// there is one bell for all.
//
// Generations are numbered. The one whose number the Barrier shows is filling.
// One behind it has been decided, and waits for its action, which its last
// party runs. If another action is running that party waits for its turn, which
// the party whose action returns gives to the oldest.
//
// # Deaths
//
// A process that notices a death sweeps. A party that died waiting breaks the
// generation that is filling; if its generation was decided before, its death
// makes no difference. A party that died in the action, or waiting for its
// turn, breaks the Barrier, as an action that panics does. If a process is
// killed before it has rung, the death is announced, and the waiters look at
// their places.
type Barrier struct {
	guarded
	station
	parties int
	page    *barrierPage
	places  []atomic.Uint64
	swept   uint32
	begun   bool
}

// MaxParties is how many parties one Barrier may have.
const MaxParties = 1024

type barrierPage struct {
	filling atomic.Uint64 // the number of the generation that is filling
	arrived atomic.Uint64 // how many of its parties have come
	broken  atomic.Uint64
	door    atomic.Uint64 // odd: a party waits for a place
	bell    atomic.Uint32
	_       [28]byte
}

const (
	partyWaiting = 1 + iota
	partyInLine  // the last of its generation, waits for its turn to act
	partyActing
	partyActingBroken // and its generation was broken meanwhile
	partyPassed
	partyBroken

	partyStates     = 7
	partyIndex      = 3
	partySerial     = 14
	partyGeneration = 45
	generationMask  = 1<<(64-partyGeneration) - 1
)

// barrierPlaces is how many places there are: those whose generation has passed
// keep theirs until they run.
func barrierPlaces(parties uint64) int64 { return int64(4*parties + 192) }

func barrierRecords(parties uint64) int64 { return barrierPlaces(parties) + 4 }

func barrierSize(parties uint64) int64 {
	if parties > MaxParties {
		parties = 0
	}
	return guardedSize(barrierRecords(parties)) + int64(unsafe.Sizeof(barrierPage{})) + 8*barrierPlaces(parties)
}

// NewBarrier makes a Barrier for n parties.
func NewBarrier(parties int) (*Barrier, error) {
	return create(KindBarrier, barrierSize(uint64(parties)), false, uint64(parties), barrierOf)
}

// AttachBarrier returns the Barrier of a descriptor.
func AttachBarrier(fd int) (*Barrier, error) { return attach(fd, KindBarrier, barrierSize, barrierOf) }

func barrierOf(s *segment) *Barrier {
	parties := s.header().extra
	first := guardedSize(barrierRecords(parties))
	b := &Barrier{parties: int(parties), page: (*barrierPage)(s.at(first))}
	b.places = unsafe.Slice((*atomic.Uint64)(s.at(first+int64(unsafe.Sizeof(barrierPage{})))), barrierPlaces(parties))
	b.guarded.open(s, int(barrierRecords(parties)))
	b.bell = &b.page.bell
	b.look = b.lookAround
	return b
}

// Descriptor returns the file of the Barrier.
func (b *Barrier) Descriptor() int { return b.seg.fd }

// Parties returns how many parties the Barrier is for.
func (b *Barrier) Parties() int { return b.parties }

var (
	// ErrBroken means that the generation was broken.
	ErrBroken = errors.New("shm: the barrier is broken")
	// ErrGaveUp means that the party gave up, and thereby broke its generation.
	ErrGaveUp = errors.New("shm: gave up at the barrier")
)

// A Party is one that has arrived.
type Party struct {
	Index int
	Acts  bool // it runs the action now, and then calls Acted
	at    int
}

// Arrive is what a party does. It waits for the others, or for its turn to run
// the action if there is one and it is the last. A party that is impatient
// gives up rather than wait.
func (b *Barrier) Arrive(action, impatient bool, l *Limit) (p Party, err error) {
	for {
		door, placed := uint64(0), true
		b.enter()
		p, door, placed, err = b.arrive(action, impatient)
		if placed {
			break
		}
		impatient = !b.wait(&b.page.door, door, l) // then it gives up as one that has come
	}
	if err == nil && p.at >= 0 && !p.Acts {
		err = b.outcome(&p, l)
	}
	if err != nil {
		p.Index = -1
	}
	runtime.KeepAlive(b)
	return p, err
}

// arrive is the arrival itself, with the guard held; it returns without it. A
// party that needs a place and finds none is told what to wait for.
func (b *Barrier) arrive(action, impatient bool) (p Party, door uint64, placed bool, err error) {
	ringing := b.sweep(false)
	defer func() { b.depart(ringing) }()
	p = Party{Index: int(b.page.arrived.Load()), at: -1}
	last := p.Index+1 == b.parties
	switch {
	case b.page.broken.Load() != 0:
		return p, 0, true, ErrBroken
	case last && !action:
		b.settle(b.generation(), partyPassed)
		b.begin()
		b.commit()
		ringing = true
		return p, 0, true, nil
	case impatient && !last:
		b.breakFilling()
		b.commit()
		ringing = true
		return p, 0, true, ErrGaveUp
	}
	if p.at = b.free(); p.at < 0 {
		// A place is freed before the door is looked at: so look again once it
		// is odd.
		door = b.page.door.Load() | 1
		b.page.door.Store(door)
		point("barrier: at the door")
		switch p.at = b.free(); {
		case p.at >= 0:
		case impatient:
			b.breakFilling()
			b.commit()
			ringing = true
			return p, 0, true, ErrGaveUp
		default:
			return p, door, false, nil
		}
	}
	state := uint64(partyWaiting)
	if last {
		state = partyInLine
		if p.Acts = !b.acting(); p.Acts {
			state = partyActing
		}
		b.begin()
	} else {
		b.set(&b.page.arrived, uint64(p.Index+1))
	}
	gen := b.page.filling.Load() & generationMask
	b.set(&b.places[p.at], gen<<partyGeneration|b.me<<partySerial|uint64(p.Index)<<partyIndex|state)
	b.commit()
	return p, 0, true, nil
}

// outcome waits for what becomes of a party that has a place.
func (b *Barrier) outcome(p *Party, l *Limit) error {
	place := &b.places[p.at]
	for {
		mine := place.Load()
		switch mine & partyStates {
		case partyPassed:
			b.vacate(place)
			return nil
		case partyBroken:
			b.vacate(place)
			return ErrBroken
		case partyActing:
			p.Acts = true
			return nil
		case partyActingBroken: // its turn came, and then the end of its generation
			return b.Acted(*p, false)
		}
		if b.wait(place, mine, l) {
			continue
		}
		b.enter()
		now := place.Load()
		if now == mine && now&partyStates == partyWaiting && now>>partyGeneration == b.generation() {
			b.breakFilling()
			b.set(place, 0)
			b.commit()
			b.depart(true)
			return ErrGaveUp
		}
		b.depart(false)
		l = nil // its generation was decided: the outcome is that of all
	}
}

// Acted is called by the party that ran the action. It reports ErrBroken if the
// generation was broken meanwhile.
func (b *Barrier) Acted(p Party, returned bool) (err error) {
	place := &b.places[p.at]
	b.enter()
	mine := place.Load()
	b.set(place, 0)
	switch {
	case mine&partyStates != partyActing:
		err = ErrBroken
	case returned:
		b.settle(mine>>partyGeneration, partyPassed)
	default:
		b.scatter(true, p.at)
	}
	if returned || err != nil {
		b.nextTurn(p.at)
	}
	b.commit()
	b.depart(true)
	runtime.KeepAlive(b)
	return err
}

// Break breaks every generation that is present, whose parties get ErrBroken.
// With forGood, so do all that come later.
func (b *Barrier) Break(forGood bool) {
	b.enter()
	b.scatter(forGood, -1)
	b.commit()
	b.depart(true)
	runtime.KeepAlive(b)
}

// Waiting returns how many parties of the generation that is filling have come.
func (b *Barrier) Waiting() int {
	b.enter()
	ringing := b.sweep(false)
	n := int(b.page.arrived.Load())
	b.depart(ringing)
	runtime.KeepAlive(b)
	return n
}

// Broken reports whether the Barrier is broken for good.
func (b *Barrier) Broken() bool {
	b.enter()
	ringing := b.sweep(false)
	broken := b.page.broken.Load() != 0
	b.depart(ringing)
	runtime.KeepAlive(b)
	return broken
}
