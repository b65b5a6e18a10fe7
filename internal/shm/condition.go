package shm

import (
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"
)

// A Condition is where goroutines of processes wait until they are notified.
// Each of them has a place:
//
//	 63        33 32         2 1      0
//	|  ticket   |   serial    | state |        free 0, waiting 1, notified 2
//
// So it is known which waiter was given a notification, and in which order they
// came. The user of a Condition holds its lock when it takes a place, and when
// it notifies. Places change under the guard, each by one store. A waiter that
// gives up takes its own place back by a compare-and-swap, which decides
// between it and the notifier.
//
// A process whose goroutines wait has a bell, which is rung for all of them,
// and on which their leader sleeps, see station. It is rung when the lock is
// free again: a waiter that woke before would only wait for that lock.
//
// # Deaths
//
// A process that notices a death sweeps: it frees the places of the dead, and
// gives a notification that the dead had to the next waiter before it frees the
// place. If it is killed between the two, the notification is given twice
// rather than lost. A process killed in Notify has notified those it came to,
// and its lock is abandoned. If it is killed before it has rung, the death is
// announced, and all leaders look at their places.
type Condition struct {
	guarded
	station
	page   *conditionPage
	rings  int    // the index of the bell of this process, once it has one
	swept  uint32 // the deaths that were seen to, under the guard
	begun  bool   // they were, once
	picked []int  // what Notify works with, under the guard
}

// MaxWaiters is how many goroutines of all processes may wait at one Condition.
const MaxWaiters = 2048

// ErrTooMany is what is reported when a table is full.
var ErrTooMany = errors.New("shm: too many")

type conditionPage struct {
	tickets atomic.Uint64 // the last one given out
	used    atomic.Uint64 // places that were ever taken
	_       [48]byte
	places  [MaxWaiters]place
}

// A place is a waiter, and beside it, which has nothing to do with it, the bell
// of a process.
type place struct {
	state  atomic.Uint64
	rings  atomic.Uint32 // the index of the bell that is rung for it
	serial atomic.Uint32 // the process whose bell this is, 0: none
	bell   atomic.Uint32
	_      uint32
}

const (
	placeWaiting  = 1
	placeNotified = 2
	placeStates   = 3
	placeSerial   = 2
	placeTicket   = 33
)

const conditionRecords = 1

var (
	conditionFirst = guardedSize(conditionRecords)
	conditionSize  = conditionFirst + int64(unsafe.Sizeof(conditionPage{}))
)

// NewCondition makes a Condition without waiters.
func NewCondition() (*Condition, error) {
	return createSparse(KindCondition, conditionSize, conditionReach(1), false, 0, conditionOf)
}

// AttachCondition returns the Condition of a descriptor.
func AttachCondition(fd int) (*Condition, error) {
	return attach(fd, KindCondition, func(uint64) int64 { return conditionSize }, conditionOf)
}

func conditionOf(s *segment) *Condition {
	c := &Condition{page: (*conditionPage)(s.at(conditionFirst)), rings: -1}
	c.guarded.open(s, conditionRecords)
	c.look = c.lookAround
	return c
}

// conditionReach is how far n places reach.
func conditionReach(n int) int64 {
	return conditionFirst + int64(unsafe.Offsetof(conditionPage{}.places)) + int64(n)*int64(unsafe.Sizeof(place{}))
}

// Descriptor returns the file of the Condition.
func (c *Condition) Descriptor() int { return c.seg.fd }

func (c *Condition) inUse() []place { return c.page.places[:min(c.page.used.Load(), MaxWaiters)] }

// Enlist takes a place for the calling goroutine, which then calls Await once.
// The caller holds the lock.
func (c *Condition) Enlist() (at int, err error) {
	c.enter()
	rung := c.sweep(false)
	if at, err = c.enlist(); err == ErrTooMany {
		rung = append(rung, c.sweep(true)...) // a death may not have been announced
		at, err = c.enlist()
	}
	c.leave()
	ringAll(rung)
	runtime.KeepAlive(c)
	return at, err
}

func (c *Condition) enlist() (at int, err error) {
	if c.rings < 0 {
		bell, err := c.find(func(p *place) bool { return p.serial.Load() == 0 })
		if err != nil {
			return -1, err
		}
		c.page.places[bell].serial.Store(uint32(c.me))
		point("condition: has a bell")
		c.rings, c.bell = bell, &c.page.places[bell].bell
	}
	at, err = c.find(func(p *place) bool { return p.state.Load() == 0 })
	if err != nil {
		return -1, err
	}
	ticket := c.page.tickets.Load() + 1
	c.page.tickets.Store(ticket)
	point("condition: has a ticket")
	p := &c.page.places[at]
	p.rings.Store(uint32(c.rings))
	p.state.Store(ticket<<placeTicket | c.me<<placeSerial | placeWaiting)
	point("condition: has a place")
	return at, nil
}

// find returns an entry of the table that is free, which may be a new one.
func (c *Condition) find(free func(*place) bool) (int, error) {
	entries := c.inUse()
	for i := range entries {
		if free(&entries[i]) {
			return i, nil
		}
	}
	n := len(entries)
	if n == MaxWaiters {
		return -1, ErrTooMany
	}
	if err := c.seg.reach(conditionReach(n + 1)); err != nil {
		return -1, err
	}
	c.page.used.Store(uint64(n + 1))
	point("condition: one more")
	return n, nil
}

// Await waits until the waiter at a place is notified, and reports false if l
// was over first: then the place is free. A notified waiter keeps its place
// until it has the lock again, and calls Vacate: so until the end of its wait
// it is known to have the notification, which goes to another if its process
// dies.
func (c *Condition) Await(at int, l *Limit) bool {
	state := &c.page.places[at].state
	waiting := state.Load()&^placeStates | placeWaiting
	notified := c.wait(state, waiting, l) || !c.giveUp(at, waiting)
	if notified {
		point("condition: was notified")
	}
	runtime.KeepAlive(c)
	return notified
}

// giveUp frees the place of a waiter that is out of time, and reports false if
// it was notified meanwhile.
func (c *Condition) giveUp(at int, waiting uint64) bool {
	if !c.page.places[at].state.CompareAndSwap(waiting, 0) {
		return false
	}
	point("condition: given up")
	return true
}

// Vacate frees the place of a notified waiter that has the lock again.
func (c *Condition) Vacate(at int) {
	point("condition: about to free its place")
	c.page.places[at].state.Store(0)
	point("condition: back")
	runtime.KeepAlive(c)
}

// Notify notifies the n waiters that have waited longest, or all if there are
// fewer. The caller holds the lock, and they wake when it is free.
func (c *Condition) Notify(n int, lock Holder) {
	if n < 1 {
		return
	}
	c.enter()
	rung := c.sweep(false)
	for _, i := range c.waiting() {
		if n == 0 {
			break
		}
		if bell := c.notify(i); bell != nil {
			n--
			rung = append(rung, bell)
		}
	}
	c.leave()
	slices.SortFunc(rung, byAddress)
	for _, bell := range slices.Compact(rung) {
		lock.holder().afterRelease(bell)
	}
	runtime.KeepAlive(c)
}

// waiting returns the places of waiters, in the order in which they came.
func (c *Condition) waiting() []int {
	places := c.inUse()
	c.picked = c.picked[:0]
	for i := range places {
		if places[i].state.Load()&placeStates == placeWaiting {
			c.picked = append(c.picked, i)
		}
	}
	if len(c.picked) > 1 {
		newest := c.page.tickets.Load()
		age := func(i int) uint64 { return (newest - places[i].state.Load()>>placeTicket) << placeTicket }
		slices.SortFunc(c.picked, func(a, b int) int {
			switch x, y := age(a), age(b); {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
	}
	return c.picked
}

// notify notifies the waiter at a place, and returns the bell to ring, or nil
// if it has given up.
func (c *Condition) notify(i int) *atomic.Uint32 {
	p := &c.page.places[i]
	old := p.state.Load()
	if old&placeStates != placeWaiting || !p.state.CompareAndSwap(old, old&^placeStates|placeNotified) {
		return nil
	}
	point("condition: notified")
	bell := &c.page.places[min(p.rings.Load(), MaxWaiters-1)].bell
	bell.Add(1)
	point("condition: rung")
	return bell
}

// sweep clears up, under the guard, after the dead, and returns the bells to
// ring. It looks at each death once.
func (c *Condition) sweep(again bool) (rung []*atomic.Uint32) {
	seen := kin.deaths()
	if c.begun && c.swept == seen && !again {
		return nil
	}
	c.begun, c.swept = true, seen
	dead := kin.census()
	places := c.inUse()
	given := 0 // notifications, to the dead
	for i := range places {
		state := places[i].state.Load()
		if state == 0 || !dead(uint32(state>>placeSerial&serialMask)) {
			continue
		}
		if state&placeStates == placeNotified {
			given++
			continue
		}
		places[i].state.Store(0)
		point("condition: place of the dead")
	}
	if given > 0 {
		rung = c.passOn(given, dead)
	}
	for i := range places {
		if serial := places[i].serial.Load(); serial != 0 && dead(serial) {
			places[i].serial.Store(0)
			point("condition: bell of the dead")
		}
	}
	return rung
}

// passOn notifies others instead of the dead, and then frees the places of
// those.
func (c *Condition) passOn(given int, dead func(uint32) bool) (rung []*atomic.Uint32) {
	for _, i := range c.waiting() {
		if given == 0 {
			break
		}
		if bell := c.notify(i); bell != nil {
			given--
			rung = append(rung, bell)
		}
	}
	places := c.inUse()
	for i := range places {
		state := places[i].state.Load()
		if state&placeStates == placeNotified && dead(uint32(state>>placeSerial&serialMask)) {
			places[i].state.Store(0)
			point("condition: notification passed on")
		}
	}
	return rung
}

// lookAround is what a leader does when a process has died.
func (c *Condition) lookAround() {
	c.enter()
	rung := c.sweep(true)
	c.leave()
	ringAll(rung)
}

// Waiting returns how many wait. It is for tests.
func (c *Condition) Waiting() int {
	c.enter()
	n := len(c.waiting())
	c.leave()
	runtime.KeepAlive(c)
	return n
}

func ringAll(bells []*atomic.Uint32) {
	for _, bell := range bells {
		futexWake(bell, allSleepers)
		point("condition: woken")
	}
}

func byAddress(a, b *atomic.Uint32) int {
	switch x, y := uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(b)); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
