package pool

import "github.com/gothreading/threading/internal/watch"

// Stats is a snapshot of the counters of a pool. A task is what a worker does in
// one go: an Apply or Go, or a part of a Map or IMap. What is left of a Map that
// is not cut into chunks is one task until a worker takes a part of it, and the
// part another one. Each task is in one place:
//
//	Submitted = Queued + Running + Lent + Succeeded + Failed + Cancelled
//
// A submission that was not accepted is in none.
type Stats struct {
	Workers int // what New or Resize asked for
	Running int // tasks that hold a slot, their callbacks included
	Lent    int // tasks that wait and have lent theirs
	Queued  int // tasks not started

	Submitted uint64
	Succeeded uint64 // returned without an error
	Failed    uint64 // returned an error, panicked or exited
	Cancelled uint64 // dropped before they were started
}

// Stats returns a snapshot of the counters of the pool.
func (p *Pool) Stats() Stats {
	c := p.core
	c.guard.Lock()
	defer c.guard.Unlock()
	return Stats{
		Workers: c.target, Running: c.running, Lent: c.lent, Queued: c.queued,
		Submitted: c.submitted, Succeeded: c.succeeded, Failed: c.failed, Cancelled: c.cancelled,
	}
}

// stat is what a report says of the pool.
func (c *core) stat() watch.Stat {
	c.guard.Lock()
	defer c.guard.Unlock()
	return watch.Stat{Name: c.name(), Workers: c.target, Running: c.running, Lent: c.lent, Queued: c.queued}
}
