package pool

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// The core is what all views of a pool share. Everything in it changes under one guard, and every change ends with
// unlock, which looks what has become possible. So nobody has to know whom his change concerns.
//
// # Slots
//
// There are target slots. A worker needs one to start a unit (a task, or a chunk of a Map) and holds it until that has
// returned and its callbacks too. When the code of a unit waits for something of a pool, the worker lends its slot: it
// is running no longer, and another may start something. After the wait it is running again, and asks nobody; thus
// running may exceed target for a while, and then nothing is started until it is below again.
//
//	a unit is started only if running < target
//
// Why no acyclic wait can deadlock: whoever waits through a call of this package holds no slot and nothing else that
// others need (see worker.lend), so what he waits for is running, or has a free slot coming, or is at the head of what
// waits for that.
//
// # Who is woken
//
// Waking a worker for each submission would cost more than a small task. One worker at a time is on its way (waking),
// woken or newly started, and when it arrives it sees to it that the next sets out, if there is still work for it.
// Unlock keeps this invariant:
//
//	more units are queued than workers are starting, and running + starting < target  ⇒  one is on its way
//
// Starting are the workers that are in the initializer; they take something when they come out of it.
//
// # Submissions that wait
//
// A submission finds a place if fewer tasks are queued than the backlog and the free slots together: what is about to
// start is not backlog. If not, it waits in line, and whoever makes a place queues the first of the line on its behalf.
// Taking it off the line decides, as everywhere in package park: one whose time is up, or whose context ends, is either
// still in line, and nothing has happened, or it has been accepted.
//
// # The pairs of events that can race
//
//   - Start and Cancel (or Terminate, or the end of a context): both need the guard. An entry is in the queue, and then
//     Cancel takes it off and owns its end; or a worker has taken it, and then its context ends and it resolves when it
//     returns. A Map is both at once.
//   - Cancel and Terminate and the end of a context, of the same entry: the first to take it off owns its end; the others
//     find it ended.
//   - End and OnDone: under the guard, either the function is added, and the one who ends the task calls it, or the task
//     has ended, and the caller does.
//   - The end of a context and its entry being queued: an entry is queued, under the guard, only after its context was
//     asked, also when it is queued on behalf of one in line. The function that follows the end of the context was
//     registered before, and needs the guard: it finds the entry queued, or the entry never will be.
//   - Submission and Close: under the guard. What was accepted is run.
//   - The last worker leaving and a new submission: a worker leaves under the guard and is then counted no longer, so
//     that unlock starts another if there is work.
type core struct {
	guard park.Guard

	// What New was told.
	prefix      string
	initializer func() error
	backlog     int // math.MaxInt: no bound
	lifo        bool
	ctx         context.Context // the parent of every task's that has no other; it ends with the pool
	cancel      context.CancelCauseFunc
	follows     bool        // the context that New was given may end, and ends the pool
	unfollow    func() bool // which it does no longer

	err        error // why nothing is accepted any more
	terminated bool  // and nothing is started either

	target   int // slots
	running  int // units that hold one
	lent     int // units that lent theirs
	waking   int // workers that are on their way to look for work
	starting int // workers in the initializer
	workers  int // all of them
	helpers  int // threads that run callbacks of what was dropped, and whoever is about to end it
	runs     int // of IMap, begun and not ended

	levels []*level // those to be served first are last, where they are taken off
	places int      // that the entries in all levels take
	units  int      // that they stand for
	idle   park.List[struct{}]
	line   park.List[submission] // that wait for a place

	submitted, succeeded, failed, cancelled uint64

	crew    map[*worker]struct{}
	hired   uint64           // threads that were ever started
	threads []*thread.Thread // of the crew and the helpers; some have ended
	spares  []*goBlock
	over    park.Latch // opens when nothing is accepted any more, and all has ended
}

var (
	idlers park.Pool[struct{}]
	liners park.Pool[submission]
	named  atomic.Uint64 // counts the automatic prefixes
)

// sentAway is the verdict of a submission in the line that is refused.
const sentAway = park.Own

// A submission is the Value of a waiter in the line.
type submission struct {
	entry    *entry
	priority int
	ctx      context.Context // or nil
}

// An entry is what waits in the queue for a worker. It is part of its job. All of it is used under the guard.
//
// The queue is linked through the entries, because one that is cancelled must leave from the middle at once, with all
// that it keeps alive; a queue.Deque can only be popped. That also spares a submission the second lock and the storage.
type entry struct {
	core       *core
	made       atomic.Pointer[madeContext] // see taskContext; not under the guard
	job        job
	level      *level // where it is queued, or nil
	next, prev *entry // a ring

	units uint32 // that it still stands for
	begun bool   // it belongs to a run that Close does not end
	block bool   // it is that of a goBlock
	state state
	// A worker took the task when its context had ended. It is the worker's alone.
	unstarted bool
}

// context is what the task of the entry is called with.
func (e *entry) context() *taskContext { return (*taskContext)(e) }

// places is how many tasks of the backlog the entry is: a Map is one.
func (e *entry) places() int {
	if e.block {
		return int(e.units)
	}
	return 1
}

// A job is what an entry stands for. The methods need the guard.
type job interface {
	claim(w *worker) unit      // takes a unit off, for w; the entry is in the queue
	drop(cause error, d *drop) // what was not started will not be; the entry was taken off the queue
	// interrupt tells what runs of the job to end, and reports whether the job will therefore end with the cause. The
	// context, if not nil, is to be ended without the guard.
	interrupt(cause error) (ctx *taskContext, decided bool)
}

// A unit is what a worker does in one go.
type unit interface {
	run()                       // calls the code of others; called again if that ended the goroutine, until it returns
	settle(end *ending) outcome // needs the guard; it has returned
	owner() *entry              // whose it is
}

type outcome int

const (
	succeeded outcome = iota
	failed
	cancelled
)

// A level holds the entries of one priority. Those that come first are at the head.
type level struct {
	priority int
	head     *entry
}

func (l *level) push(e *entry, front bool) {
	e.level = l
	if l.head == nil {
		l.head, e.next, e.prev = e, e, e
		return
	}
	first, last := l.head, l.head.prev
	e.next, e.prev = first, last
	last.next, first.prev = e, e
	if front {
		l.head = e
	}
}

// last returns the entry that was queued last, or nil.
func (l *level) last(lifo bool) *entry {
	if l.head == nil || lifo {
		return l.head
	}
	return l.head.prev
}

func (l *level) remove(e *entry) {
	if e.next == e {
		l.head = nil
	} else {
		e.prev.next, e.next.prev = e.next, e.prev
		if l.head == e {
			l.head = e.next
		}
	}
	e.level, e.next, e.prev = nil, nil, nil
}

// fewLevels is how many levels may be empty and stay, so that a pool of few priorities neither makes nor shifts any.
const fewLevels = 16

func (c *core) levelOf(priority int) *level {
	if len(c.levels) == 1 && c.levels[0].priority == priority {
		return c.levels[0]
	}
	i, found := c.findLevel(priority)
	if !found {
		c.levels = slices.Insert(c.levels, i, &level{priority: priority})
	}
	return c.levels[i]
}

func (c *core) findLevel(priority int) (i int, found bool) {
	return slices.BinarySearchFunc(c.levels, priority, func(l *level, p int) int { return cmp.Compare(p, l.priority) })
}

// push queues e.
func (c *core) push(e *entry, priority int) {
	l := c.levelOf(priority)
	l.push(e, c.lifo)
	c.places += e.places()
	c.units += int(e.units)
	c.submitted += uint64(e.units)
}

// remove takes e off the queue.
func (c *core) remove(e *entry) {
	l := e.level
	l.remove(e)
	c.places -= e.places()
	c.units -= int(e.units)
	if l.head == nil && len(c.levels) > fewLevels {
		i, _ := c.findLevel(l.priority)
		c.levels = slices.Delete(c.levels, i, i+1)
	}
}

// halted reports whether the context that New was given has ended. Nothing is started then, also if it is a moment
// before that has terminated the pool.
func (c *core) halted() bool { return c.follows && c.ctx.Err() != nil }

// take takes the next unit off, for w. There must be one.
func (c *core) take(w *worker) unit {
	for _, l := range slices.Backward(c.levels) {
		if l.head != nil {
			return l.head.job.claim(w)
		}
	}
	panic("pool: units are queued, and no entry is")
}

// place reports whether there is a place for one more entry. Whoever is in line is served before by unlock.
func (c *core) place() bool {
	if c.backlog == math.MaxInt {
		return true
	}
	return c.places < c.backlog+max(c.target-c.running, 0)
}

// refuses returns why e is not accepted, whatever place there is.
func (c *core) refuses(e *entry) error {
	if e.begun && !c.terminated {
		return nil
	}
	return c.err
}

// submit queues what is submitted, waiting for a place for d at the longest, d <= 0: not at all, and no longer than until
// its context ends. It returns nil, or why it was not accepted.
func (c *core) submit(s submission, d time.Duration) error {
	c.guard.Lock()
	err := c.accept(s)
	c.unlock()
	if err == ErrFull && d > 0 {
		return c.submitLater(s, d)
	}
	return err
}

// accept queues what is submitted if there is a place, and returns nil, or why it did not.
func (c *core) accept(s submission) error {
	if err := c.refuses(s.entry); err != nil {
		return err
	}
	switch {
	case s.ctx != nil && s.ctx.Err() != nil:
		return park.Cause(s.ctx)
	case !c.place():
		return ErrFull
	}
	c.push(s.entry, s.priority)
	return nil
}

func (c *core) submitLater(s submission, d time.Duration) error {
	defer lend().back()
	limit, ctx := park.After(d), s.ctx
	if ctx != nil {
		if d != math.MaxInt64 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, d, ErrFull)
			defer cancel()
		}
		limit = park.Until(ctx)
	}
	w := liners.Get(limit)
	defer liners.Put(w)
	w.Value = s
	c.guard.Lock()
	if err := c.accept(s); err != ErrFull {
		c.unlock()
		return err
	}
	c.line.PushBack(w)
	switch w.Sleep(&c.guard) {
	case park.Granted:
		return nil
	case sentAway:
		c.guard.Lock()
		err := c.refuses(s.entry)
		c.guard.Unlock()
		if err != nil {
			return err
		}
	}
	if ctx != nil {
		return park.Cause(ctx)
	}
	return ErrFull
}

// unlock releases the guard, after it saw to it that whatever has become possible happens.
func (c *core) unlock() {
	var admitted, late park.Chain[submission]
	var idle park.Chain[struct{}]
	for w := c.line.Front(); w != nil && c.place(); w = c.line.Front() {
		c.line.Remove(w)
		if ctx := w.Value.ctx; ctx != nil && ctx.Err() != nil {
			late.Add(w)
		} else {
			c.push(w.Value.entry, w.Value.priority)
			admitted.Add(w)
		}
	}
	if c.waking == 0 && c.units > c.starting && c.running+c.starting < c.target && !c.halted() {
		if w := c.idle.Front(); w != nil {
			c.wake(w, &idle)
		} else {
			c.hire()
		}
	}
	over := false
	if c.err != nil && c.units == 0 {
		for w := c.idle.Front(); w != nil; w = c.idle.Front() {
			c.wake(w, &idle) // so that it leaves
		}
		over = c.workers == 0 && c.helpers == 0 && c.runs == 0
	}
	c.guard.Unlock()
	admitted.Wake(park.Granted)
	late.Wake(sentAway)
	idle.Wake(park.Granted)
	if over && !c.over.IsOpen() {
		c.cancel(nil)
		c.unfollow()
		c.over.Open()
	}
}

// wake takes an idle worker off the list.
func (c *core) wake(w *park.Waiter[struct{}], woken *park.Chain[struct{}]) {
	c.waking++
	c.idle.Remove(w)
	woken.Add(w)
}

// hire starts a worker.
func (c *core) hire() {
	c.waking++
	c.workers++
	w := &worker{core: c, fresh: true, comes: true}
	w.plain.job = &w.plain
	c.crew[w] = struct{}{}
	c.start(w)
}

// start gives w a thread.
func (c *core) start(w *worker) {
	if len(c.threads) > 2*(c.workers+c.helpers)+8 {
		c.forgetEnded()
	}
	c.hired++
	name := c.prefix + "-" + strconv.FormatUint(c.hired, 10)
	c.threads = append(c.threads, thread.Go(w.main, thread.Name(name), thread.Daemon(true)))
}

// forgetEnded forgets the threads that have ended.
func (c *core) forgetEnded() {
	c.threads = slices.DeleteFunc(c.threads, func(t *thread.Thread) bool { return !t.IsAlive() })
}

// A drop is what is left to do, without the guard, about tasks that were taken off the queue for good.
type drop struct {
	core   *core
	quiet  []interface{ open() }  // nothing is left to call
	one    [1]interface{ open() } // of them, mostly
	called []*task                // with callbacks, or functions for after the end
}

func newDrop(c *core) *drop {
	d := &drop{core: c}
	d.quiet = d.one[:0]
	return d
}

// unlock releases the guard and ends what was dropped. The code of others is called by a helper: not by whoever
// dropped it, who may hold locks that it needs. Join waits for both.
func (d *drop) unlock() {
	c := d.core
	if len(d.called) > 0 {
		c.help(d.called)
	}
	if len(d.quiet) == 0 {
		c.unlock()
		return
	}
	c.helpers++
	c.unlock()
	for _, t := range d.quiet {
		t.open()
	}
	c.guard.Lock()
	c.helpers--
	c.unlock()
}

// discard takes e off the queue for good.
func (c *core) discard(e *entry, cause error, d *drop) {
	c.cancelled += uint64(e.units)
	c.remove(e)
	e.job.drop(cause, d)
}

// discardAll takes everything off the queue for good, and returns how many units that were.
func (c *core) discardAll(cause error, d *drop) (units int) {
	units = c.units
	for _, l := range slices.Clone(c.levels) {
		for l.head != nil {
			c.discard(l.head, cause, d)
		}
	}
	return units
}

// withdraw sees to it that nothing more of the entries is started, and ends the contexts of what runs. It reports whether
// the cause is, or will be, what became of the last of them.
func (c *core) withdraw(cause error, entries ...*entry) (decided bool) {
	var few [2]*taskContext
	told := few[:0]
	d := newDrop(c)
	c.guard.Lock()
	for _, e := range entries {
		if decided = e.level != nil; decided {
			c.discard(e, cause, d)
		}
		ctx, will := e.job.interrupt(cause)
		if ctx != nil {
			told = append(told, ctx)
		}
		decided = decided || will
	}
	d.unlock()
	for _, ctx := range told {
		ctx.end(cause) // of none before all others are off the queue: what ends would be followed by one of them
	}
	return decided
}

// close refuses submissions from now on, but those of the runs that have begun.
func (c *core) close() {
	var sent park.Chain[submission]
	c.guard.Lock()
	if c.err == nil {
		c.err = ErrClosed
	}
	c.sendAway(&sent)
	c.unlock()
	sent.Wake(sentAway)
}

// sendAway takes those out of the line who are refused now and were not when they came.
func (c *core) sendAway(sent *park.Chain[submission]) {
	var stay []*park.Waiter[submission]
	for w := c.line.Front(); w != nil; w = c.line.Front() {
		c.line.Remove(w)
		if c.refuses(w.Value.entry) != nil {
			sent.Add(w)
		} else {
			stay = append(stay, w)
		}
	}
	for _, w := range stay {
		c.line.PushBack(w)
	}
}

// terminate ends the pool: nothing is accepted, nothing is started, and what runs is told to end.
func (c *core) terminate(err error) {
	d := newDrop(c)
	c.guard.Lock()
	if c.terminated {
		c.unlock()
		return
	}
	c.err, c.terminated = err, true
	c.discardAll(err, d)
	var told []*taskContext
	for w := range c.crew {
		if w.unit == nil {
			continue
		}
		if ctx, _ := w.unit.owner().job.interrupt(err); ctx != nil {
			told = append(told, ctx)
		}
	}
	var sent park.Chain[submission]
	c.sendAway(&sent)
	d.unlock()
	sent.Wake(sentAway)
	c.cancel(err)
	for _, ctx := range told {
		ctx.end(err)
	}
}
