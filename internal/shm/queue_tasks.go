package shm

import (
	"math"
	"runtime"
)

// own returns the entry of this process, or -1 if there are too many.
func (q *Queue) own() int {
	n := int(min(q.page.used.Load(), queueTakers))
	if q.mine < n && q.entries[q.mine].Load()>>32 == q.me {
		return q.mine
	}
	found := -1
	for i := range n {
		switch q.entries[i].Load() >> 32 {
		case q.me:
			q.mine = i
			return i
		case 0:
			if found < 0 {
				found = i
			}
		}
	}
	if found < 0 && n < queueTakers && q.seg.reach(queueReach(n+1)) == nil {
		q.page.used.Store(uint64(n + 1))
		point("queue: one more taker")
		found = n
	}
	q.mine = max(found, 0)
	return found
}

// TaskDone says that an item which was taken has been dealt with. As in Python
// it only counts; so it may be one that another process has taken.
func (q *Queue) TaskDone() error {
	q.enter()
	joined := q.sweep(false)
	unfinished := q.page.unfinished.Load()
	if unfinished == 0 {
		q.depart(joined)
		runtime.KeepAlive(q)
		return ErrDone
	}
	if i := q.taker(); i >= 0 {
		old := q.entries[i].Load()
		q.set(&q.entries[i], entry(old>>32, old&math.MaxUint32-1))
	}
	joined = q.finish(unfinished - 1)
	q.commit()
	q.depart(joined)
	runtime.KeepAlive(q)
	return nil
}

// taker returns the entry that a TaskDone is counted off: that of this process,
// or any, or -1.
func (q *Queue) taker() int {
	if i := q.own(); i >= 0 && q.entries[i].Load() != 0 {
		return i
	}
	for i := range int(min(q.page.used.Load(), queueTakers)) {
		if q.entries[i].Load() != 0 {
			return i
		}
	}
	return -1
}

// finish notes that so much is unfinished now, and reports whether that is
// nothing.
func (q *Queue) finish(unfinished uint64) (joined bool) {
	q.set(&q.page.unfinished, unfinished)
	if joined = unfinished == 0; joined {
		q.set(&q.page.joined, q.page.joined.Load()+1)
	}
	return joined
}

// depart leaves the guard, and wakes Join if all is done.
func (q *Queue) depart(joined bool) {
	if joined {
		q.page.bell.Add(1)
		point("queue: joiners rung")
	}
	q.leave()
	if joined {
		futexWake(&q.page.bell, allSleepers)
		point("queue: joiners woken")
	}
}

// sweep counts off, under the guard, what the dead have taken, and reports
// whether nothing is left now.
func (q *Queue) sweep(again bool) (joined bool) {
	seen := kin.deaths()
	if q.begun && q.swept == seen && !again {
		return false
	}
	q.begun, q.swept = true, seen
	dead := kin.census()
	for i := range int(min(q.page.used.Load(), queueTakers)) {
		old := q.entries[i].Load()
		if old == 0 || !dead(uint32(old>>32)) {
			continue
		}
		q.set(&q.entries[i], 0)
		unfinished := q.page.unfinished.Load()
		// Of what is inside, nothing was taken. A TaskDone may have come before
		// its item was.
		gone := min(old&math.MaxUint32, unfinished-min(unfinished, q.page.items.Load()))
		if gone > 0 {
			q.set(&q.page.lost, q.page.lost.Load()+gone)
			joined = q.finish(unfinished-gone) || joined
		}
		q.commit()
	}
	return joined
}

func (q *Queue) lookAround() {
	q.enter()
	q.depart(q.sweep(true))
}

// Join waits until nothing is unfinished, or was at some moment since the call,
// and reports false if l was over first.
func (q *Queue) Join(l *Limit) bool {
	q.enter()
	joined := q.sweep(false)
	seen, over := q.page.joined.Load(), q.page.unfinished.Load() == 0
	q.depart(joined)
	over = over || q.wait(&q.page.joined, seen, l)
	runtime.KeepAlive(q)
	return over
}

// Unfinished returns how many items were put and are not yet done, and Lost how
// many the dead had taken.
func (q *Queue) Unfinished() int { return q.count(func() uint64 { return q.page.unfinished.Load() }) }

// Lost returns how many items processes had taken, and not called TaskDone for,
// when they died.
func (q *Queue) Lost() int { return q.count(func() uint64 { return q.page.lost.Load() }) }

func (q *Queue) count(what func() uint64) int {
	q.enter()
	joined := q.sweep(false)
	n := what()
	q.depart(joined)
	runtime.KeepAlive(q)
	return int(n)
}

// Shutdown ends the putting. With drop, what is inside is gone.
func (q *Queue) Shutdown(drop bool) {
	q.enter()
	joined := q.sweep(false)
	q.set(&q.page.shut, 1)
	if items := q.page.items.Load(); drop && items > 0 {
		unfinished := q.page.unfinished.Load()
		joined = q.finish(unfinished-min(unfinished, items)) || joined
		q.set(&q.page.items, 0)
		q.set(&q.page.head, 0)
		q.set(&q.page.tail, 0)
	}
	q.commit()
	if drop {
		q.trim(q.page, &q.guarded)
	}
	gets, puts := q.gets.stir(), q.puts.stir()
	q.depart(joined)
	if gets {
		q.gets.wake()
	}
	if puts {
		q.puts.wake()
	}
	runtime.KeepAlive(q)
}

// IsShut reports whether the Queue is shut down.
func (q *Queue) IsShut() bool { return q.count(func() uint64 { return q.page.shut.Load() }) != 0 }

// Ended reports whether the Queue is shut down and nothing is inside.
func (q *Queue) Ended() bool {
	q.enter()
	ended := q.page.shut.Load() != 0 && q.page.items.Load() == 0
	q.leave()
	runtime.KeepAlive(q)
	return ended
}
