package park

import "time"

// A Patience measures how long a waiter has been passed over: how long others
// have been taking what it was first in line for. The zero value has not begun.
// It belongs to one wait and is used with the guard held.
type Patience struct{ since time.Duration }

// starvationThreshold is how long a waiter may try and fail before it is served
// next: that of sync.Mutex.
const starvationThreshold = time.Millisecond

// epoch is what a Patience counts from: an hour in the past, so that no reading
// is 0. Only readings that belong to one wait are compared, so it does not matter
// that a synctest bubble has a time of its own.
var epoch = time.Now().Add(-time.Hour)

// Begin starts the clock unless it runs.
func (p *Patience) Begin() {
	if p.since == 0 {
		p.since = time.Since(epoch)
	}
}

// Lost notes that the waiter was passed over, and reports whether that has gone
// on for too long. It starts the clock unless it runs.
func (p *Patience) Lost() (tooLong bool) {
	now := time.Since(epoch)
	if p.since == 0 {
		p.since = now
	}
	return now-p.since >= starvationThreshold
}
