package socketserver

import (
	"math"
	"sync"
	"time"
)

const forever = math.MaxInt64

// A deadline is that of a Conn's Reads, or of its Writes, with a Timeout: the earlier one of what the handler has set and
// of what the call that is on may take. Both may change at the same time, the first from any goroutine; each change is
// followed by an apply of what holds then, and whoever finds that something has changed since it looked applies again. So the
// last one applied is the right one.
type deadline struct {
	limit time.Duration
	apply func(time.Time) error

	guard   sync.Mutex // of what follows
	own     time.Time  // set by the handler; zero: none
	call    time.Time  // of the call that is on; zero: none
	changes uint64
}

// begin begins a call.
func (d *deadline) begin() error {
	now := time.Now()
	return d.change(func() { d.call = now.Add(d.limit) })
}

// end ends it. What was applied stays until the next one.
func (d *deadline) end() {
	d.guard.Lock()
	defer d.guard.Unlock()
	d.call = time.Time{}
	d.changes++
}

// set is SetDeadline.
func (d *deadline) set(t time.Time) error { return d.change(func() { d.own = t }) }

func (d *deadline) change(how func()) error {
	d.guard.Lock()
	how()
	d.changes++
	for {
		seen, t := d.changes, d.call
		if t.IsZero() || !d.own.IsZero() && d.own.Before(t) {
			t = d.own
		}
		d.guard.Unlock()
		err := d.apply(t) // without the guard: the connection is not ours
		d.guard.Lock()
		if err != nil || d.changes == seen {
			d.guard.Unlock()
			return err
		}
	}
}
