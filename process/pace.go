package process

import (
	"sync/atomic"
	"time"
)

// A pace is how many items of a Map of one Func go with the next message to a
// child of a pool: one at first, and then as many as a child does in brief, by
// the time that one has spent on the last message. How long a message was under
// way says nothing about its items.
type pace struct{ items atomic.Int64 }

// brief is how long a child may take for a message, about: no news of a Map is
// much older.
const brief = 5 * time.Millisecond

// worthwhile is the part of it that a message is worth: to send fewer items
// costs more than it spreads the work.
const worthwhile = 16

func (p *pace) most() int { return max(int(p.items.Load()), 1) }

// least returns how many items a worker takes in hand, if there are so many.
func (p *pace) least() int { return max(p.most()/worthwhile, 1) }

func (p *pace) adapt(items int, busy time.Duration) {
	each := max(busy/time.Duration(items), 1)
	p.items.Store(int64(min(int(brief/each), 8*p.most(), 1<<20)))
}

// paceOf returns the pace of a Func.
func (t *team) paceOf(id string) *pace {
	p, known := t.paces.Load(id)
	if !known {
		p, _ = t.paces.LoadOrStore(id, new(pace))
	}
	return p.(*pace)
}
