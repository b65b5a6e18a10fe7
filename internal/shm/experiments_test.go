//go:build linux && (amd64 || arm64)

package shm

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// limits are those that calls give up by, at random, or none.
func (w *worker) limit() *Limit {
	switch w.rand.IntN(12) {
	case 0, 1, 2:
		return After(time.Duration(w.rand.IntN(300)) * time.Microsecond)
	case 3: // after it was the next to be served
		return After(patience + time.Duration(w.rand.IntN(1000))*time.Microsecond)
	}
	return nil
}

func (w *worker) pause() {
	switch w.rand.IntN(8) {
	case 0:
		time.Sleep(time.Duration(w.rand.IntN(200)) * time.Microsecond)
	case 1:
		for range w.rand.IntN(3000) {
			_ = w.stop.Load()
		}
	}
}

// goroutines runs n of them in this process.
func goroutines(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func init() {
	// A Mutex: never two inside, unless the one before died there, and then it says so.
	experiments["mutex"] = &experiment{
		objects: func(l *lab) []int {
			m, err := NewMutex()
			must(err)
			l.t.Cleanup(func() { _ = m.Locked() })
			return []int{m.Descriptor()}
		},
		work: func(w *worker) {
			m, err := AttachMutex(w.objects[0])
			must(err)
			inside := &w.words[0]
			me := uint64(w.id) + 1
			for !w.stopped() {
				got := false
				switch w.rand.IntN(4) {
				case 0:
					got = m.TryLock()
				default:
					got = m.Lock(w.limit())
				}
				if got {
					before := inside.Load()
					if before != 0 && !m.Abandoned() {
						failWorker("%d is inside, and nobody says so", before)
					}
					if before == 0 && m.Abandoned() {
						w.words[1].Add(1) // it died before it was inside, or after
					}
					inside.Store(me)
					if w.rand.IntN(64) == 0 {
						time.Sleep(2 * patience) // others become impatient
					}
					w.pause()
					if inside.Load() != me || !m.Held() || !m.Locked() {
						failWorker("%d is inside, too", inside.Load())
					}
					inside.Store(0)
					if !m.Unlock() {
						failWorker("not locked any more")
					}
				}
				w.step()
				w.pause()
			}
		},
		after: func(l *lab) {
			m, err := AttachMutex(dup(l.fds[0]))
			must(err)
			if !m.TryLock() {
				l.t.Errorf("locked when all had gone: %#x", m.page.word.Load())
				return
			}
			m.Unlock()
		},
	}

	// An RMutex: the same, at any depth.
	experiments["rmutex"] = &experiment{
		objects: func(l *lab) []int {
			m, err := NewRMutex()
			must(err)
			l.t.Cleanup(func() { _ = m.Locked() })
			return []int{m.Descriptor()}
		},
		work: func(w *worker) {
			m, err := AttachRMutex(w.objects[0])
			must(err)
			inside := &w.words[0]
			goroutines(2, func(i int) {
				me := 2*uint64(w.id) + uint64(i) + 1
				for n := 0; !w.stopped(); n++ {
					var l *Limit
					if n%3 == 0 {
						l = After(time.Duration(n%300) * time.Microsecond)
					}
					if !m.Lock(l) {
						continue
					}
					if before := inside.Load(); before != 0 && !m.Abandoned() {
						failWorker("%d is inside, and nobody says so", before)
					}
					inside.Store(me)
					if !m.Lock(l) && l == nil || !m.TryLock() && l == nil {
						failWorker("its owner cannot lock it again")
					}
					if n%5 == 0 { // as a Condition does
						inside.Store(0)
						depth := m.UnlockAll()
						m.LockDepth(depth)
						if before := inside.Load(); before != 0 && !m.Abandoned() || m.Depth() != depth {
							failWorker("%d is inside after LockDepth, the depth is %d", before, m.Depth())
						}
						inside.Store(me)
					}
					if inside.Load() != me {
						failWorker("%d is inside, too", inside.Load())
					}
					for m.Depth() > 1 {
						m.Unlock()
					}
					inside.Store(0)
					if !m.Unlock() {
						failWorker("not locked any more")
					}
					w.step()
					if n%4 == 0 {
						time.Sleep(time.Duration(n%200) * time.Microsecond)
					}
				}
			})
		},
		after: func(l *lab) {
			m, err := AttachRMutex(dup(l.fds[0]))
			must(err)
			if !m.TryLock() {
				l.t.Errorf("locked when all had gone: %#x", m.page.word.Load())
				return
			}
			m.Unlock()
		},
	}

	// A Semaphore: permits are lost, or forged, at most in a killed hand.
	const permits = 3
	experiments["semaphore"] = &experiment{
		objects: func(l *lab) []int {
			s, err := NewSemaphore(permits)
			must(err)
			spare, err := NewSemaphore(0)
			must(err)
			l.t.Cleanup(func() { s.Value(); spare.Value() })
			return []int{s.Descriptor()}
		},
		work: func(w *worker) {
			s, err := AttachSemaphore(w.objects[0])
			must(err)
			hand := &w.seat.notes[0]
			for !w.stopped() {
				n := 1 + w.rand.IntN(8)/6
				got := false
				hand.Store(uint64(n))
				if w.rand.IntN(4) == 0 {
					got = s.TryAcquire(n)
				} else {
					l := w.limit()
					if l == nil && w.rand.IntN(2) == 0 { // permits may be gone for good
						l = After(time.Duration(w.rand.IntN(4000)) * time.Microsecond)
					} else if l == nil {
						l = After(50 * time.Millisecond)
					}
					got = s.Acquire(n, l)
				}
				if got {
					w.pause()
					if !s.Release(n) {
						failWorker("released too many")
					}
				}
				hand.Store(0)
				w.step()
				w.pause()
			}
		},
		after: func(l *lab) {
			s, err := AttachSemaphore(dup(l.fds[0]))
			must(err)
			in := 0
			for _, k := range l.killed {
				in += int(l.seats[k].notes[0].Load())
			}
			if v := s.Value(); v > permits || v < permits-in {
				l.t.Errorf("%d permits are left of %d, and %d were in killed hands", v, permits, in)
			}
			if v := s.Value(); v > 0 && !s.TryAcquire(v) {
				l.t.Errorf("%d permits cannot be taken", v)
			}
		},
	}

	// Permits as signals: each that is given is taken, although those who wait give up, are killed and want several.
	experiments["signals"] = &experiment{
		objects: func(l *lab) []int {
			s, err := NewSemaphore(0)
			must(err)
			l.t.Cleanup(func() { s.Value() })
			return []int{s.Descriptor()}
		},
		work: func(w *worker) {
			s, err := AttachSemaphore(w.objects[0])
			must(err)
			for !w.stopped() {
				if w.rand.IntN(3) == 0 {
					n := 1 + w.rand.IntN(2)
					w.seat.notes[0].Add(uint64(n)) // about to be given
					s.Release(n)
				} else {
					n := 1 + w.rand.IntN(2)
					w.seat.notes[2].Store(uint64(n))
					if s.Acquire(n, After(time.Duration(1+w.rand.IntN(1000))*time.Microsecond)) {
						w.seat.notes[1].Add(uint64(n))
					}
					w.seat.notes[2].Store(0)
				}
				w.step()
				if w.rand.IntN(4) == 0 {
					time.Sleep(time.Duration(w.rand.IntN(100)) * time.Microsecond)
				}
			}
		},
		after: func(l *lab) {
			s, err := AttachSemaphore(dup(l.fds[0]))
			must(err)
			given, taken, slack := 0, 0, 0
			for i := range l.next {
				given += int(l.seats[i].notes[0].Load())
				taken += int(l.seats[i].notes[1].Load())
				if l.wasKilled(i) {
					slack += 3
				}
			}
			if v := s.Value(); v > given-taken || v < given-taken-slack {
				l.t.Errorf("%d were given, %d taken, %d are left; %d processes were killed", given, taken, v, len(l.killed))
			}
		},
	}

	// A Bounded: never more inside than the bound, and all permits back at the end.
	experiments["bounded"] = &experiment{
		objects: func(l *lab) []int {
			b, err := NewBounded(permits)
			must(err)
			l.t.Cleanup(func() { b.Value() })
			return []int{b.Descriptor()}
		},
		work: func(w *worker) {
			b, err := AttachBounded(w.objects[0])
			must(err)
			for !w.stopped() {
				n := 1 + w.rand.IntN(8)/6
				var got bool
				if w.rand.IntN(4) == 0 {
					got, _ = b.TryAcquire(n)
				} else {
					got, _ = b.Acquire(n, w.limit())
				}
				if got {
					seats := claimSeats(w, n)
					w.pause()
					for _, s := range seats {
						s.Store(0)
					}
					if !b.Release(n) {
						failWorker("released too many")
					}
				}
				if b.Value() > permits {
					failWorker("a value of %d", b.Value())
				}
				w.step()
				w.pause()
			}
		},
		after: func(l *lab) {
			b, err := AttachBounded(dup(l.fds[0]))
			must(err)
			if v := b.Value(); v != permits {
				l.t.Errorf("%d permits are left of %d", v, permits)
			}
			if b.Release(1) {
				l.t.Error("released more than there are")
			}
		},
	}

	// An Event: whoever waits is released by the next Set, whatever happens to others.
	experiments["event"] = &experiment{
		objects: func(l *lab) []int {
			e, err := NewEvent()
			must(err)
			l.t.Cleanup(func() { e.IsSet() })
			return []int{e.Descriptor()}
		},
		work: func(w *worker) {
			e, err := AttachEvent(w.objects[0])
			must(err)
			goroutines(3, func(i int) {
				for !w.stopped() {
					if i == 0 {
						e.Set()
						if w.id%2 == 0 {
							e.Clear()
						}
						time.Sleep(time.Duration(w.id%7) * 20 * time.Microsecond)
					} else if i == 1 {
						e.Wait(nil)
						e.Clear()
						w.step()
					} else {
						e.Wait(After(time.Duration(w.id%5+1) * 50 * time.Microsecond))
					}
				}
				e.Set()
			})
		},
		after: func(l *lab) {},
	}
}

// claimSeats takes n of the seats inside a Bounded, of which there are as many as permits, and fails if others hold them
// who live.
func claimSeats(w *worker, n int) (taken []*atomic.Uint64) {
	for round := 0; len(taken) < n; round++ {
		for i := range 3 {
			s := &w.words[8+i]
			old := s.Load()
			if old != 0 && kin.alive(uint32(old)) {
				continue
			}
			if s.CompareAndSwap(old, uint64(kin.serial)) {
				if taken = append(taken, s); len(taken) == n {
					break
				}
			}
		}
		if round > 1000 {
			failWorker("more are inside than there are permits")
		}
	}
	return taken
}

func init() {
	// A Condition: a notification that somebody waited for is had by somebody who lives.
	experiments["condition"] = &experiment{
		objects: func(l *lab) []int {
			m, err := NewMutex()
			must(err)
			c, err := NewCondition()
			must(err)
			l.t.Cleanup(func() { m.Locked(); c.Waiting() })
			return []int{m.Descriptor(), c.Descriptor()}
		},
		work: func(w *worker) {
			m, err := AttachMutex(w.objects[0])
			must(err)
			c, err := AttachCondition(w.objects[1])
			must(err)
			// words[0]: items that are there. Each is announced by a notification, and taken by whom that woke.
			goroutines(3, func(i int) {
				for !w.stopped() {
					m.Lock(nil)
					if i == 0 {
						if w.words[0].Load() < 8 {
							w.words[0].Add(1)
							c.Notify(1, m)
						}
						m.Unlock()
						time.Sleep(50 * time.Microsecond)
						continue
					}
					for w.words[0].Load() == 0 && !w.stopped() {
						at, err := c.Enlist()
						must(err)
						m.Unlock()
						var l *Limit
						if i == 2 {
							l = After(time.Duration(w.id%9+1) * 100 * time.Microsecond)
						}
						notified := c.Await(at, l)
						m.Lock(nil)
						if notified {
							c.Vacate(at)
						}
						if w.stopped() {
							c.Notify(1<<30, m)
						}
					}
					if w.words[0].Load() > 0 {
						w.words[0].Add(^uint64(0))
					}
					m.Unlock()
					w.step()
				}
				m.Lock(nil)
				c.Notify(1<<30, m)
				m.Unlock()
			})
		},
		after: func(l *lab) {
			c, err := AttachCondition(dup(l.fds[1]))
			must(err)
			if n := c.Waiting(); n != 0 {
				l.t.Errorf("%d places are taken when all have gone", n)
			}
		},
	}

	// A Barrier: a generation passes for all of its parties or breaks for all; whoever is told that it broke resets it.
	const parties = 3
	experiments["barrier"] = &experiment{
		objects: func(l *lab) []int {
			b, err := NewBarrier(parties)
			must(err)
			l.t.Cleanup(func() { b.Waiting() })
			return []int{b.Descriptor()}
		},
		work: func(w *worker) {
			b, err := AttachBarrier(w.objects[0])
			must(err)
			for !w.stopped() {
				action := w.rand.IntN(3) == 0
				var l *Limit
				if w.rand.IntN(20) == 0 {
					l = After(time.Duration(w.rand.IntN(100)) * time.Microsecond)
				}
				p, err := b.Arrive(action, false, l)
				if err == nil && p.Acts {
					if w.words[1].Load() != 0 && kin.alive(uint32(w.words[1].Load())) {
						failWorker("two actions at once")
					}
					w.words[1].Store(uint64(kin.serial))
					w.pause()
					w.words[1].Store(0)
					err = b.Acted(p, w.rand.IntN(10) != 0)
				}
				if err == nil && (p.Index < 0 || p.Index >= parties) {
					failWorker("index %d", p.Index)
				}
				if err != nil && !w.stopped() {
					b.Break(false)
				}
				w.step()
			}
			b.Break(true)
		},
		state: func(l *lab) string {
			b, err := AttachBarrier(dup(l.fds[0]))
			must(err)
			text := fmt.Sprintf("guard %#x, filling %d, arrived %d, broken %d, bell %d, deaths %d\n", b.journal.guard.word.Load(),
				b.page.filling.Load(), b.page.arrived.Load(), b.page.broken.Load(), b.page.bell.Load(), kin.deaths())
			for i := range b.places {
				if p := b.places[i].Load(); p != 0 {
					serial := uint32(p >> partySerial & serialMask)
					text += fmt.Sprintf("place %d: generation %d, serial %d (alive: %t), index %d, state %d\n", i,
						p>>partyGeneration, serial, kin.alive(serial), p>>partyIndex&2047, p&7)
				}
			}
			return text
		},
		after: func(l *lab) {
			b, err := AttachBarrier(dup(l.fds[0]))
			must(err)
			if n := b.Waiting(); n != 0 {
				l.t.Errorf("%d wait when all have gone", n)
			}
			b.enter()
			b.sweep(true)
			for i := range b.places {
				if p := b.places[i].Load(); p != 0 {
					l.t.Errorf("place %d is taken when all have gone: %#x", i, p)
				}
			}
			b.leave()
		},
	}

	// Many arrive at a Barrier whose action takes time: so many that the places do not last.
	experiments["crowded barrier"] = &experiment{
		objects: func(l *lab) []int {
			b, err := NewBarrier(1)
			must(err)
			l.t.Cleanup(func() { b.Waiting() })
			return []int{b.Descriptor()}
		},
		work: func(w *worker) {
			b, err := AttachBarrier(w.objects[0])
			must(err)
			goroutines(120, func(i int) {
				for !w.stopped() {
					p, err := b.Arrive(true, false, nil)
					if err == nil {
						if i%40 == 0 {
							time.Sleep(20 * time.Microsecond)
						}
						err = b.Acted(p, true)
					}
					if err != nil && !w.stopped() {
						b.Break(false)
					}
					w.step()
				}
			})
			b.Break(true)
		},
		after: experiments["barrier"].after,
	}

	// A Queue: nothing that was put is lost but in a killed hand, nothing is doubled, and Join comes to an end.
	queueWork := func(maxsize int, large bool) *experiment {
		return &experiment{
			objects: func(l *lab) []int {
				q, err := NewQueue(maxsize)
				must(err)
				l.t.Cleanup(func() { q.Len() })
				return []int{q.Descriptor()}
			},
			work: func(w *worker) { queueWorker(w, maxsize, large) },
			after: func(l *lab) {
				q, err := AttachQueue(dup(l.fds[0]))
				must(err)
				for q.Len() > 0 {
					item, err := q.Get(true, nil)
					must(err)
					if l.cells[binary.NativeEndian.Uint32(item)].Add(1) != 1 {
						l.t.Error("an item was there twice")
					}
					must(q.TaskDone())
				}
				missing, begun := 0, 0
				for i := range l.next {
					notes := &l.seats[i].notes
					for item := notes[0].Load(); item < notes[1].Load(); item++ {
						if l.cells[item].Load() == 0 {
							missing++
						}
					}
					if l.wasKilled(i) {
						begun += int(notes[2].Load() - notes[3].Load())
					}
				}
				// What is missing a process had taken when it died, and so it is counted. So is what it had got and not called
				// TaskDone for, and perhaps an item whose Put did not return either.
				q.lookAround()
				if lost := q.Lost(); missing > lost || lost > missing+begun+len(l.killed) {
					l.t.Errorf("%d items are gone, %d were not done when their process was killed, and %d are lost; %d were killed",
						missing, begun, lost, len(l.killed))
				}
				if !q.Join(After(hangs)) {
					l.t.Errorf("Join does not end: %d are unfinished, %d lost", q.Unfinished(), q.Lost())
				}
			},
			check: func(l *lab) error {
				q, err := AttachQueue(dup(l.fds[0]))
				must(err)
				q.enter() // so none of them is got meanwhile
				defer q.leave()
				c, err := contentInside(q)
				inside := map[uint32]bool{}
				for _, item := range c.items {
					n := binary.NativeEndian.Uint32([]byte(item))
					if inside[n] || l.cells[n].Load() != 0 {
						return fmt.Errorf("item %d is inside, and was got or is inside twice", n)
					}
					inside[n] = true
				}
				return err
			},
		}
	}
	experiments["queue"] = queueWork(0, false)
	experiments["queue of 2"] = queueWork(2, false)
	experiments["large items"] = queueWork(6, true)

	// A backlog that grows and is drained.
	experiments["backlog"] = &experiment{
		objects: experiments["queue"].objects,
		slow:    10,
		work: func(w *worker) {
			q, err := AttachQueue(w.objects[0])
			must(err)
			item := make([]byte, 700_000)
			for !w.stopped() {
				for range 16 {
					item[0] = byte(w.id)
					item[len(item)-1] = byte(w.id)
					if err := q.Put(item, false, nil); err != nil {
						failWorker("put: %v", err)
					}
				}
				for q.Len() > 0 {
					item, err := q.Get(true, nil)
					if err == ErrLimit {
						break
					}
					if err != nil || item[0] != item[len(item)-1] || len(item) != 700_000 {
						failWorker("got %d bytes, and %v", len(item), err)
					}
				}
				w.step()
			}
		},
		after: func(l *lab) {
			q, err := AttachQueue(dup(l.fds[0]))
			must(err)
			for q.Len() > 0 {
				_, err := q.Get(true, nil)
				must(err)
			}
			if b := q.page.backed.Load(); b > ringKeeps {
				l.t.Errorf("an empty queue keeps %d bytes", b)
			}
		},
	}

	// A Value and an Array: what is read is of one piece.
	const wide = 8
	experiments["value"] = &experiment{
		objects: func(l *lab) []int {
			v, err := NewValue(wide * 8)
			must(err)
			l.t.Cleanup(func() { v.Locked() })
			return []int{v.seg.fd}
		},
		work: func(w *worker) {
			v, err := AttachValue(w.objects[0])
			must(err)
			for !w.stopped() {
				v.Enter()
				old := *(*[wide]uint64)(v.Now())
				next := (*[wide]uint64)(v.Next())
				for i := range next {
					if old[i] != old[0] {
						failWorker("read %v", old)
					}
					next[i] = old[i] + 1
					point("test: one of the words written")
				}
				v.Commit()
				v.Leave()
				w.seat.notes[0].Add(1)
				w.step()
			}
		},
		after: func(l *lab) {
			v, err := AttachValue(dup(l.fds[0]))
			must(err)
			v.Enter()
			now := *(*[wide]uint64)(v.Now())
			v.Leave()
			sum := uint64(0)
			for i := range l.next {
				sum += l.seats[i].notes[0].Load()
			}
			if now[0] < sum || now[0] > sum+uint64(len(l.killed)) {
				l.t.Errorf("%d changes were made, and it is %d", sum, now[0])
			}
		},
	}
	experiments["array"] = &experiment{
		objects: func(l *lab) []int {
			a, err := NewArray(10, wide*8)
			must(err)
			l.t.Cleanup(func() { a.Cut() })
			return []int{a.seg.fd}
		},
		work: func(w *worker) {
			a, err := AttachArray(w.objects[0])
			must(err)
			for !w.stopped() {
				a.Enter()
				rows := unsafe.Slice((*[wide]uint64)(a.Row()), 10)
				i := w.rand.IntN(10)
				old := rows[i]
				whole := [wide]uint64{old[0], old[0], old[0], old[0], old[0], old[0], old[0], old[0]}
				if old != whole && !a.Cut() {
					failWorker("read %v", old)
				}
				if w.rand.IntN(4) > 0 {
					aside := (*[wide]uint64)(a.Aside())
					x := w.rand.Uint64()
					for k := range aside {
						aside[k] = x
					}
					a.Set(i)
				} else {
					was := w.words[0].Load()
					cut := a.Cut()
					if was == 1 && !cut {
						failWorker("a change was cut short, and nobody says so")
					}
					a.Begin()
					w.words[0].Store(1)
					for k := range rows {
						for j := range rows[k] {
							rows[k][j] = 7
						}
						if k == 5 {
							w.pause() // kills come now
						}
					}
					w.words[0].Store(0)
					a.End()
				}
				a.Leave()
				w.step()
			}
		},
		after: func(l *lab) {},
	}
}

// itemsEach is how many items a process may put.
const itemsEach = (1 << 16) / 128

func queueWorker(w *worker, maxsize int, large bool) {
	q, err := AttachQueue(w.objects[0])
	must(err)
	first := uint64(w.id%128) * itemsEach
	if w.id >= 128 {
		first = 1 << 16 // it only gets
	}
	w.seat.notes[0].Store(first)
	w.seat.notes[1].Store(first)
	next := first
	goroutines(2, func(i int) {
		for !w.stopped() {
			if i == 0 && next < first+itemsEach && next < 1<<16 {
				item := make([]byte, 4+int(next%5))
				if large {
					item = make([]byte, 4+int(next%7)*20000)
				}
				binary.NativeEndian.PutUint32(item, uint32(next))
				if err := q.Put(item, false, After(time.Duration(next%50)*20*time.Microsecond+1)); err == nil {
					next++
					w.seat.notes[1].Store(next)
				} else if err != ErrLimit {
					failWorker("put: %v", err)
				}
				w.step()
				time.Sleep(100 * time.Microsecond)
				continue
			}
			item, err := q.Get(false, After(time.Duration(1+w.id%40)*50*time.Microsecond))
			w.step()
			if err == ErrLimit {
				continue
			}
			if err != nil {
				failWorker("get: %v", err)
			}
			n := binary.NativeEndian.Uint32(item)
			if w.cells[n].Add(1) != 1 {
				failWorker("item %d was got twice", n)
			}
			w.seat.notes[2].Add(1)
			if err := q.TaskDone(); err != nil {
				failWorker("TaskDone: %v", err)
			}
			w.seat.notes[3].Add(1)
		}
	})
}
