package goid

import (
	"sync/atomic"

	"github.com/petermattis/goid"
)

// A Follower is the goroutine of a coroutine, which acts in the name of whoever resumes it. It begins once, because others
// may look at its id, on their way past it, even after End; and it must not be copied.
//
// The resumer calls Lead before it switches to the goroutine, and waits until that has switched back. So the leader is
// written and read by one goroutine after the other, and needs no atomic.
type Follower struct {
	own    uint64
	leader uint64
}

// Begin makes the calling goroutine f's.
func (f *Follower) Begin() {
	f.own = Own()
	atomic.AddUint32(&marks[f.own%buckets], following)
	followers.Add(f.own, f)
}

// End undoes Begin, on the same goroutine, which is then nobody's Follower.
func (f *Follower) End() {
	followers.Remove(f.own)
	atomic.AddUint32(&marks[f.own%buckets], ^(following - 1))
}

// Here reports whether the calling goroutine is f's.
func (f *Follower) Here() bool {
	if process.verdict.Load() == trusted { // as Own does, without the call
		return f.own == uint64(goid.Get())
	}
	return f.own == Own()
}

// Lead makes id, which Get has returned, the leader: a leader follows nobody, so that Get need not follow a chain.
func (f *Follower) Lead(id uint64) { f.leader = id }

// Leader returns whom Lead has named last.
func (f *Follower) Leader() uint64 { return f.leader }

// followers are all of them.
var followers Table[Follower]

// leader returns the leader of the Follower with this id, or id if there is none.
func leader(id uint64) uint64 {
	if f := followers.Find(id); f != nil {
		return f.leader
	}
	return id
}
