package sched

import (
	"math"
	"time"
)

// Events are ordered by durations since the epoch, on the clock that nobody
// sets. Times would not do: of three, two of which have a monotonic reading,
// each can be before the next.
var epoch = time.Now()

// wallEpoch is the epoch as a wall clock shows it.
var wallEpoch = epoch.Round(0)

// later returns at+d, or the nearest there is.
func later(at, d time.Duration) time.Duration {
	switch sum := at + d; {
	case d > 0 && sum < at:
		return math.MaxInt64
	case d < 0 && sum > at:
		return math.MinInt64
	default:
		return sum
	}
}

// A wall tells how far the wall clock has been set since the epoch. Equal
// times must come to the same instant whenever they are entered, so it does not
// follow each reading: that two clocks are read one after the other, or that
// one is being slewed, is no setting.
type wall struct{ set time.Duration }

// tolerance is how far the wall clock may be off before it counts as set.
const tolerance = time.Millisecond

// since returns when it is t, since the epoch, as of now. In a testing/synctest
// bubble no time has a monotonic reading, and nobody sets the clock.
func (w *wall) since(t, now time.Time) time.Duration {
	if t != t.Round(0) {
		return t.Sub(epoch) // it has a monotonic reading
	}
	set := now.Round(0).Sub(wallEpoch) - now.Sub(epoch)
	if off := set - w.set; off > tolerance || off < -tolerance {
		w.set = set
	}
	return later(t.Sub(wallEpoch), -w.set)
}
