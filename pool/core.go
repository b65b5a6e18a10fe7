package pool

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// The core is what all views of a pool share. Everything in it changes under one
// guard, and every change ends with unlock, which sees to whatever has become
// possible. So nobody has to know whom a change concerns.
//
// The words, one for each act:
//
//	accept, reject   a submission is queued, or is not
//	start            a worker takes a unit, a task or a part of a Map, off the queue
//	drop             what is queued is taken off for good; its function will not be called
//	interrupt        what runs is told to end, by its context
//	settle, open     the books say how a unit or task ended; everybody learns of it
//
// # Slots
//
// There are target slots. A worker needs one to start a unit and holds it until
// the unit and its callbacks have returned. When code of the unit waits for
// something of a pool, the worker lends its slot: it is running no longer, and
// another worker may start something. After the wait it is running again, and
// asks nobody; so running may exceed target for a while, and nothing is started
// until it no longer does.
//
//	a unit is started only if running < target
//
// Why no acyclic wait can deadlock: whoever waits through a call of this package
// holds no slot and nothing else that others need (see worker.lend), so what it
// waits for is running, or has a free slot coming, or is at the head of what
// waits for one. Why few are inside at once: what is waited for goes to the head
// (see errand), so the slot that was lent starts that, and not one more of those
// that are going to wait.
//
// Two more kinds of code have slots of their own, in lanes: callbacks of tasks
// that were dropped, and functions given to OnDone. So none of them can hold up
// tasks, or each other's kind, and a slow one only what is behind very many.
//
// # Who is woken
//
// Waking a worker for each submission would cost more than a small task. One
// worker at a time is on its way (waking), woken or newly started, and when it
// arrives it sees to it that the next sets out, if there is still work for it.
// unlock keeps this invariant:
//
//	something could be started  ⇒  a worker is on its way
//
// A worker in the Initializer is not on its way, however long that takes: an
// idle one is sent for what is queued, if there is any. Only a new one is not
// hired for a unit that such a worker is going to take.
//
// # The pairs of events that can race
//
//   - Start and Cancel (or Terminate, or the end of a domain): both need the
//     guard. An entry is in the queue, and then Cancel drops it; or a worker has
//     started it, and then its context ends and it settles when it returns. A
//     Map is both at once.
//   - Cancel and Terminate and the end of a domain, of one entry: the first to
//     take it off owns its end; the others find it ended.
//   - End and OnDone: under the guard, either the function is added, and
//     whoever settles the task sends it to its lane, or the task has ended, and
//     the caller calls it.
//   - The end of a domain and a submission to it: the domain follows its
//     contexts from before the submission until the end of the task. Its end
//     marks it and drops what is queued, under the guard; a submission looks at
//     the mark under the guard. So the end finds the entry, or the entry the end.
//   - Submission and Close: under the guard. What was accepted is run.
//   - The last worker leaving and a new submission: a worker leaves under the
//     guard and is then counted no longer, so that unlock hires another.
//
// No code of others runs under the guard: contexts are asked before, and the
// answer is made good for what happens in between by the mark on the domain.
type core struct {
	mark  watch.Mark
	guard guard

	// What New was told.
	given       string // for a name
	number      uint64 // of a pool that has none
	initializer func() error
	finalizer   func()
	backlog     int // math.MaxInt: no bound
	lifo        bool
	keepAlive   time.Duration // negative: nothing was said
	daemon      bool
	unfollow    func() // the context of the pool

	root       domain
	followers  followers // of the contexts of views
	err        error     // why nothing is accepted any more
	terminated bool      // and nothing is started either

	target    int  // slots
	running   int  // units that hold one
	lent      int  // units that lent theirs
	callbacks lane // of tasks that were dropped
	afters    lane // functions of OnDone

	waking   int        // workers that are on their way to look for work
	starting int        // workers in the initializer
	workers  int        // all of them, but for those that are leaving
	away     int        // of them, in a wait for which they lent a slot, of whatever kind
	mostAway int        // at once, since nothing was running
	leaving  int        // those in the finalizer
	opening  int        // calls that are about to open what they have dropped
	runs     list[*run] // loops over an IMap, and scopes

	levels  levels
	awaited list[*errand] // what tasks wait for, which is started first
	places  int           // that the entries in all levels take
	units   int           // that they stand for, for all that is known
	queued  int           // that they count for in Stats
	idle    park.List[struct{}]
	line    park.List[submission] // that wait for room

	submitted, succeeded, failed, cancelled uint64

	onLeave func(worker any) // called by each worker that leaves, or nil
	hired   atomic.Uint64    // threads that have ever begun
	threads int              // goroutines that have not ended
	spares  [spareBlocks]*goBlock
	spare   int         // how many
	over    bool        // nothing is accepted any more, all has ended, and everybody was told
	joined  *park.Latch // opens when there is nothing left, if somebody waits for that

	entry  live.Entry  // what thread.Main waits for, as long as there are workers
	listed bool        // it is registered
	idling *park.Latch // opens when the pool is no longer busy, if that was asked for
}

// A guard protects what is used for a moment, and waits in no bubble.
type guard = park.Mutex

// callers is how many callbacks of dropped tasks, and how many functions of
// OnDone, may run at once in a pool of fewer workers.
const callers = 16

var (
	idlers park.Pool[struct{}]
	named  atomic.Uint64 // counts the automatic prefixes
)

// accept queues what s is of.
func (c *core) accept(s *submission) {
	e := s.entry
	if e == nil {
		c.acceptGo(s.fn, s.domain, s.priority)
		return
	}
	c.levels.push(c.levels.of(s.priority), e, c.lifo)
	if e.tie != nil {
		e.tie.domain.add(e)
	}
	c.places += e.places()
	c.units += int(e.units)
	c.queued += e.tasks()
	c.submitted += uint64(e.tasks())
}

// remove takes e off the queue.
func (c *core) remove(e *entry) {
	c.levels.remove(e)
	if e.tie != nil {
		e.tie.domain.remove(e)
	}
	c.places -= e.places()
	c.units -= int(e.units)
	c.queued -= e.tasks()
}

// next starts the next unit for w. It returns nil if there is none.
func (c *core) next(w *worker) unit {
	for c.units > 0 {
		e := c.head()
		if u := e.job.start(w); u != nil {
			return u
		}
	}
	return nil
}

// head returns the entry that is to be started next. There must be one.
func (c *core) head() *entry {
	for n := c.awaited.first; n != nil; n = c.awaited.first {
		if e := n.of.next(); e != nil {
			return e
		}
		c.awaited.remove(n)
	}
	return c.levels.first()
}

// room reports whether there is room for one more entry. Whoever is in line is
// served before by unlock.
func (c *core) room() bool {
	if c.backlog == math.MaxInt {
		return true
	}
	free := c.target - c.running
	return c.places-max(free, 0) < c.backlog // and not a sum, which could overflow
}

// startable reports whether a unit may be started.
func (c *core) startable() bool { return c.units > 0 && c.running < c.target }

// keeps is for how long an idle worker stays.
func (c *core) keeps() time.Duration {
	switch {
	case c.keepAlive >= 0:
		return c.keepAlive
	case c.target == Unlimited:
		return 0
	}
	return math.MaxInt64
}

// surplus is how many workers there are more than are needed. As long as tasks
// run, as many may stay as were needed at once for those that had lent their
// slots: or else one that waits again and again would have a new one each time.
func (c *core) surplus() int {
	return c.workers - c.away - c.callbacks.active - c.afters.active - c.target - min(c.running, c.mostAway)
}

// dismisses reports whether a worker with nothing to do is to leave.
func (c *core) dismisses() bool {
	return c.keeps() == 0 || c.surplus() > 0 || c.err != nil && c.finished()
}

// busy reports whether there is anything left to do, or under way.
func (c *core) busy() bool {
	return c.units > 0 || c.running > 0 || c.away > 0 || c.callbacks.busy() || c.afters.busy()
}

// finished reports whether nothing will be started any more.
func (c *core) finished() bool {
	return c.terminated || c.err != nil && c.runs.first == nil && !c.busy()
}

// calm reports whether there is nothing for a worker to do, and nothing for unlock
// to see to.
func (c *core) calm() bool {
	return c.err == nil && c.units == 0 && c.callbacks.calls.first == nil && c.afters.calls.first == nil &&
		c.line.Front() == nil && c.idling == nil && c.keeps() == math.MaxInt64 && c.surplus() <= 0
}

// unlock releases the guard, after it saw to whatever has become possible.
func (c *core) unlock() {
	var served park.Chain[submission]
	var woken park.Chain[struct{}]
	if c.line.Front() != nil {
		c.serve(&served)
	}
	if c.waking == 0 {
		call := c.callbacks.ready(c) || c.afters.ready(c)
		switch {
		case !call && !c.startable():
			if c.idle.Front() != nil && c.surplus() > 0 {
				c.wake(&woken) // so that it leaves
			}
		case c.idle.Front() != nil:
			c.wake(&woken)
		case call, c.units > c.starting && c.running+c.starting < c.target:
			c.hire()
		}
	}
	over := false
	var joined *park.Latch
	if c.err != nil && c.finished() {
		for c.idle.Front() != nil {
			c.wake(&woken) // so that it leaves
		}
		over = c.ended()
		if over && c.over {
			joined, c.joined = c.joined, nil
		}
	}
	conclude := over && !c.over
	var idling *park.Latch
	if c.idling != nil && !c.busy() {
		idling, c.idling = c.idling, nil
	}
	c.guard.Unlock()
	if idling != nil {
		idling.Open()
	}
	served.Wake(park.Granted)
	woken.Wake(park.Granted)
	if joined != nil {
		joined.Open()
	}
	if conclude {
		c.conclude()
	}
}

// ended reports whether nothing is left of the pool, which is finished.
func (c *core) ended() bool {
	return c.threads == 0 && c.opening == 0 && c.runs.first == nil && !c.callbacks.busy() && !c.afters.busy()
}

// conclude is the end of the pool. It calls code of others.
func (c *core) conclude() {
	c.root.endContext(context.Canceled, context.Canceled)
	c.guard.Lock()
	unfollow := c.unfollow
	c.guard.Unlock()
	unfollow()
	c.guard.Lock()
	c.over = true
	c.unlock()
}

// wake takes an idle worker off the list.
func (c *core) wake(woken *park.Chain[struct{}]) {
	w := c.idle.Front()
	c.waking++
	c.idle.Remove(w)
	woken.Add(w)
}

// Busy is asked by thread.Main; see live.Work.
func (c *core) Busy() (done *park.Latch, begun uint64) {
	c.guard.Lock()
	defer c.guard.Unlock()
	begun = c.submitted + c.callbacks.added + c.afters.added
	if !c.busy() {
		return nil, begun
	}
	if c.idling == nil {
		c.idling = new(park.Latch)
	}
	return c.idling, begun
}
