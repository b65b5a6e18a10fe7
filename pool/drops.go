package pool

import (
	"context"

	"github.com/gothreading/threading/internal/park"
)

// drops are tasks that were taken off the queue for good, and what is left to do
// about them without the guard.
//
// Nothing of others is called by whoever dropped them, who may hold locks that
// it needs: callbacks have a lane. A task without callbacks is opened at once,
// and its functions of OnDone have another lane.
type drops struct {
	core  *core
	opens []opener // of those with nothing left to call before
	one   [1]opener
}

// An opener lets everybody know that a task has ended.
type opener interface{ open() }

func newDrops(c *core) *drops {
	d := &drops{core: c}
	d.opens = d.one[:0]
	return d
}

// drop takes e off the queue for good.
func (c *core) drop(e *entry, cause error, d *drops) {
	c.cancelled += uint64(e.tasks())
	c.remove(e)
	e.job.drop(cause, d)
}

// dropAll takes everything off the queue for good, and returns how many tasks
// that were.
func (c *core) dropAll(cause error, d *drops) (tasks int) {
	tasks = c.queued
	for e := c.levels.last(); e != nil; e = c.levels.last() {
		c.drop(e, cause, d)
	}
	return tasks
}

// unlock releases the guard and opens what was dropped. Join waits for that.
func (d *drops) unlock() {
	c := d.core
	if len(d.opens) == 0 {
		c.unlock()
		return
	}
	c.opening++
	c.unlock()
	for _, o := range d.opens {
		o.open()
	}
	c.guard.Lock()
	c.opening--
	c.unlock()
}

// withdraw drops what is queued of the entries and interrupts what runs of them.
// It reports whether the last of them will end, or has ended, with the cause.
func (c *core) withdraw(cause error, entries ...*entry) (decided bool) {
	var few [2]*taskContext
	told := few[:0]
	d := newDrops(c)
	c.guard.Lock()
	for _, e := range entries {
		if decided = e.level != nil; decided {
			c.drop(e, cause, d)
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

// terminate ends the pool: nothing is accepted or started any more, and what
// runs is interrupted. end is what the contexts of tasks report as their error.
func (c *core) terminate(cause, end error) {
	d := newDrops(c)
	c.guard.Lock()
	if c.terminated {
		c.unlock()
		return
	}
	c.err, c.terminated = cause, true
	all := c.root.mark(cause, nil, d)
	c.dropAll(cause, d)
	var sent park.Chain[submission]
	c.sendAway(&sent)
	d.unlock()
	sent.Wake(park.Granted)
	for _, x := range all {
		x.endContext(end, cause)
	}
}

// expire terminates the pool because its context has ended, and returns why
// nothing is accepted any more.
func (c *core) expire() (why error) {
	err, cause := context.Canceled, context.Canceled
	defer func() { // also if the context ends the goroutine
		c.terminate(&terminatedBy{cause}, err)
		c.guard.Lock()
		defer c.guard.Unlock()
		why = c.err
	}()
	err, cause = endOf(c.root.given)
	return nil
}

// close refuses submissions from now on, but those from inside and of what has
// begun.
func (c *core) close() {
	var sent park.Chain[submission]
	c.guard.Lock()
	if c.err == nil {
		c.err = ErrClosed
	}
	c.sendAway(&sent)
	c.unlock()
	sent.Wake(park.Granted)
}
