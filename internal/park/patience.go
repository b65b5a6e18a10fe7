package park

import "time"

// A Patience measures how long a waiter has been passed over: how long others have been taking what it was first in
// line for. The zero value has not begun. It belongs to one wait and is used under the guard.
type Patience struct{ since time.Duration }

// starvationThreshold is how long a waiter may be passed over before it is served next: that of sync.Mutex.
const starvationThreshold = time.Millisecond

// clock is what a Patience counts from: long enough before any use that 0 is no reading of it. Only readings that
// belong to one wait are compared, so it does not matter that a synctest bubble has a time of its own.
var clock = time.Now().Add(-time.Hour)

// Begin starts the clock unless it runs.
func (p *Patience) Begin() {
	if p.since == 0 {
		p.since = time.Since(clock)
	}
}

// Ends notes that the waiter was passed over, and reports whether that has gone on for too long.
func (p *Patience) Ends() bool {
	now := time.Since(clock)
	if p.since == 0 {
		p.since = now
	}
	return now-p.since >= starvationThreshold
}
