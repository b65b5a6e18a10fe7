package shm

import "sync/atomic"

// What changes of a Barrier are made of. All of it needs the guard; what is set
// takes place with the commit that follows.

func (b *Barrier) generation() uint64 { return b.page.filling.Load() & generationMask }

// begin begins a new generation.
func (b *Barrier) begin() {
	b.set(&b.page.filling, b.page.filling.Load()+1)
	b.set(&b.page.arrived, 0)
}

// settle tells the parties of a generation that wait what became of it.
func (b *Barrier) settle(generation, outcome uint64) {
	for i := range b.places {
		if p := b.places[i].Load(); p>>partyGeneration == generation && p&partyStates == partyWaiting {
			b.set(&b.places[i], p&^partyStates|outcome)
		}
	}
}

// breakFilling breaks the generation that is filling, and the Barrier.
func (b *Barrier) breakFilling() {
	b.settle(b.generation(), partyBroken)
	b.begin()
	b.set(&b.page.broken, 1)
}

// scatter breaks every generation that is present, and the Barrier if that is
// for good. The place of the caller is its own business.
func (b *Barrier) scatter(forGood bool, self int) {
	for i := range b.places {
		p := b.places[i].Load()
		state := uint64(partyBroken)
		switch p & partyStates {
		case partyWaiting, partyInLine:
		case partyActing:
			state = partyActingBroken
		default:
			continue
		}
		if i != self {
			b.set(&b.places[i], p&^partyStates|state)
		}
	}
	b.begin()
	broken := uint64(0)
	if forGood {
		broken = 1
	}
	b.set(&b.page.broken, broken)
}

// acting reports whether an action is running.
func (b *Barrier) acting() bool {
	for i := range b.places {
		if s := b.places[i].Load() & partyStates; s == partyActing || s == partyActingBroken {
			return true
		}
	}
	return false
}

// nextTurn gives the turn to the oldest party that waits for it, other than
// self.
func (b *Barrier) nextTurn(self int) {
	next, age := -1, uint64(0)
	for i := range b.places {
		p := b.places[i].Load()
		if p&partyStates != partyInLine || i == self {
			continue
		}
		if old := (b.generation() - p>>partyGeneration) & generationMask; next < 0 || old > age {
			next, age = i, old
		}
	}
	if next >= 0 {
		b.set(&b.places[next], b.places[next].Load()&^partyStates|partyActing)
	}
}

// free returns a free place, or -1.
func (b *Barrier) free() int {
	for i := range b.places {
		if b.places[i].Load() == 0 {
			return i
		}
	}
	return -1
}

// vacate frees a place whose party has read its outcome. It needs no guard: no
// other process changes such a place.
func (b *Barrier) vacate(place *atomic.Uint64) {
	point("barrier: outcome read")
	place.Store(0)
	point("barrier: place free")
	b.opened()
}

// opened lets in the parties that wait for a place.
func (b *Barrier) opened() {
	if door := b.page.door.Load(); door&1 != 0 && b.page.door.CompareAndSwap(door, door+1) {
		point("barrier: door open")
		b.page.bell.Add(1)
		futexWake(&b.page.bell, allSleepers)
		point("barrier: let in")
	}
}

// depart leaves the guard, and wakes the waiters if their outcome may have been
// decided.
func (b *Barrier) depart(ringing bool) {
	if !ringing {
		b.leave()
		return
	}
	b.page.bell.Add(1)
	point("barrier: rung")
	b.leave()
	futexWake(&b.page.bell, allSleepers)
	point("barrier: woken")
	b.opened()
}

// sweep clears up after the dead, and reports whether anything has changed. It
// looks at each death once.
func (b *Barrier) sweep(again bool) (changed bool) {
	seen := kin.deaths()
	if b.begun && b.swept == seen && !again {
		return false
	}
	b.begun, b.swept = true, seen
	dead := kin.census()
	for b.breakForDead(dead) {
		changed = true
	}
	return b.freeDead(dead) || changed
}

// breakForDead breaks what cannot pass any more because of a dead party, and
// reports whether there was such.
func (b *Barrier) breakForDead(dead func(uint32) bool) bool {
	waits := false
	for i := range b.places {
		p := b.places[i].Load()
		switch state := p & partyStates; {
		case p == 0 || state >= partyActingBroken || !dead(uint32(p>>partySerial&serialMask)):
		case state != partyWaiting:
			b.scatter(true, -1)
			b.commit()
			return true
		case p>>partyGeneration == b.generation():
			waits = true
		}
	}
	if waits {
		b.breakFilling()
		b.commit()
	}
	return waits
}

// freeDead frees the places of the dead, and reports whether there were any.
func (b *Barrier) freeDead(dead func(uint32) bool) bool {
	any, acted := false, false
	for i := range b.places {
		if p := b.places[i].Load(); p != 0 && dead(uint32(p>>partySerial&serialMask)) {
			b.set(&b.places[i], 0)
			any, acted = true, acted || p&partyStates == partyActingBroken
		}
	}
	if acted {
		b.nextTurn(-1)
	}
	if any {
		b.commit()
	}
	return any
}

// lookAround is what a leader does when a process has died.
func (b *Barrier) lookAround() {
	b.enter()
	b.depart(b.sweep(true))
}
