package pool

import (
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/thread"
)

// An entry is what waits in the queue of a pool for a worker. It is part of its
// job. All of it is used under the guard of the pool, but for what says
// otherwise.
//
// The queue is linked through the entries, because one that is dropped must
// leave from the middle at once, with all that it keeps alive. That also spares
// a submission the second lock and the storage of a queue.Queue.
type entry struct {
	mark       watch.Mark
	end        park.Latch // of a task; it stands here since traces show its address, which then is that of the Result
	job        job
	level      *level // where it is queued, or nil
	next, prev *entry // a ring, while it is queued
	tie        *tie   // nil: it belongs to the pool itself

	units  int32 // that are left to start
	kind   kind
	state  state
	called bool  // its function was, or is about to be
	flags  flags // of whoever has it in hand: the submitter, a worker, whoever dropped it
}

type state uint8

const (
	waiting state = iota // for room, or in the queue
	running
	dropped // its callbacks are left to call
	ended
)

type flags uint8

const (
	begun     flags = 1 << iota // it belongs to a run, which Close does not end
	callbacks                   // it has some
	fails                       // its error fails the scope that it belongs to
	told                        // somebody will learn of its panic
	uncalled                    // it was started when its domain had ended, so its function was not called
	panicked
)

func (f flags) has(flag flags) bool { return f&flag != 0 }

// A kind says how an entry counts.
type kind uint8

const (
	single kind = iota
	block       // of functions given to Go, each a task
	chunks      // of a Map, each a task and all of them one place in the backlog
	rest        // of a Map that is not cut into chunks: units are items, and all of them one task
	begged      // nothing is left of that rest but what those who work at it may spare: no task, and no place in the backlog
)

// A job is what an entry stands for. The methods need the guard.
type job interface {
	// start takes a unit for w off the entry, which is in the queue, and the
	// entry off the queue if that was the last. It returns nil if nothing was
	// left of the entry, which only a Map finds out there and then.
	start(w *worker) unit
	// drop is called when the entry was taken off the queue for good.
	drop(cause error, d *drops)
	// interrupt ends what runs of the job. It returns the context that is to be
	// ended without the guard, or nil, and whether the job will therefore end
	// with the cause.
	interrupt(cause error) (ctx *taskContext, decided bool)
}

// A unit is what a worker does in one go.
type unit interface {
	run()                          // calls the code of others; called again if that panicked or ended the goroutine, until it returns
	panicked(p *thread.PanicError) // run has
	settle(w *worker) outcome      // needs the guard; run has returned
	owner() *entry                 // whose it is
}

type outcome int

const (
	succeeded outcome = iota
	failed
	cancelled
)

// places is how many tasks of the backlog the entry is.
func (e *entry) places() int {
	switch e.kind {
	case block:
		return int(e.units)
	case begged:
		return 0
	}
	return 1
}

// tasks is how many tasks the entry is in Stats.
func (e *entry) tasks() int {
	switch e.kind {
	case rest:
		return 1
	case begged:
		return 0
	}
	return int(e.units)
}

// domain returns the domain that e belongs to, of pool c.
func (e *entry) domain(c *core) *domain {
	if e.tie == nil {
		return &c.root
	}
	return e.tie.domain
}
