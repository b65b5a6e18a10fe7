package park

import "github.com/gothreading/threading/internal/explore"

// wait is acquire without spinning.
func (g *gate) wait(p policy, want uint64, limit Limit) bool {
	w := entrants.Get(limit)
	w.Value.want = want
	acquired := g.takeOrList(w, p) || g.await(w, p)
	entrants.Put(w)
	return acquired
}

// await sleeps, with the guard held and w listed, until w has what it wants or has
// given up. It has one exit, which settles.
func (g *gate) await(w *Waiter[entrant], p policy) (acquired bool) {
	verdict := w.Sleep(&g.guard)
	for verdict == Retry && !g.compete(w, p) {
		verdict = w.Sleep(&g.guard)
	}
	g.settleRest(p)
	return verdict != GaveUp
}

// takeOrList takes what w, a newcomer, wants, or lists w and returns false with
// the guard held.
func (g *gate) takeOrList(w *Waiter[entrant], p policy) (taken bool) {
	g.guard.Lock()
	if g.takeOrAdd(w, p, (*List[entrant]).PushBack) {
		g.spinAgain()
		return true
	}
	return false
}

// takeOrAdd, with the guard held, takes what w wants and releases the guard, or
// adds w to the list and returns false.
func (g *gate) takeOrAdd(w *Waiter[entrant], p policy, add func(*List[entrant], *Waiter[entrant])) (taken bool) {
	for {
		if g.take(p, w.Value.want, 0) {
			g.guard.Unlock()
			return true
		}
		if g.competing || g.requestSettle(p, w.Value.want) {
			w.Value.batch = g.batch
			add(&g.list, w)
			return false
		}
	}
}

// compete takes what w, which was woken for that, wants, or lists w in front and
// returns false with the guard held.
func (g *gate) compete(w *Waiter[entrant], p policy) (taken bool) {
	explore.Point("compete")
	if g.take(p, w.Value.want, needSettle) {
		return true
	}
	g.guard.Lock()
	for !g.requestSettle(p, w.Value.want) {
		if g.take(p, w.Value.want, needSettle) {
			g.guard.Unlock()
			return true
		}
	}
	if p.excludes(w.Value.want) {
		// It competed on behalf of those behind it, too: they are served before it is
		// listed again, where it no longer counts.
		s := g.serve(p)
		s.wake()
		return g.takeOrAdd(w, p, (*List[entrant]).PushFront)
	}
	w.Value.batch = g.batch
	g.list.PushFront(w)
	g.noteLoss(p, w)
	return false
}

// requestSettle sets needSettle unless what is wanted has become available, and
// reports whether it did. It needs the guard.
func (g *gate) requestSettle(p policy, want uint64) bool {
	old := g.word.Load()
	if _, ok := p.left(old>>valueShift, want); ok && old&starving == 0 {
		return false
	}
	if old&needSettle != 0 {
		return true // and it stays set: the guard is ours
	}
	explore.Point("request settle")
	return g.word.CompareAndSwap(old, old|needSettle)
}

// noteLoss notes, with the guard held, that w, the first waiter, found nothing to
// take, and makes the gate starving when that has gone on for
// starvationThreshold. It does so only while what w wants is still not there: a
// gate that is starving refuses others, and that must not be seen of one that is
// free except for the release that is settling it.
func (g *gate) noteLoss(p policy, w *Waiter[entrant]) {
	if !w.Value.patience.Lost() {
		return
	}
	for {
		old := g.word.Load()
		if _, ok := p.left(old>>valueShift, w.Value.want); ok {
			return
		}
		explore.Point("note loss")
		if g.word.CompareAndSwap(old, old|starving) {
			g.batch++
			return
		}
	}
}

// settleRest settles if there is something left that a waiter may be served with.
func (g *gate) settleRest(p policy) {
	old := g.word.Load()
	if _, ok := p.left(old>>valueShift, 1); ok && old&needSettle != 0 {
		g.settle(p)
	}
}

// settle makes flags and list agree, and serves the waiters that can be served. It
// is called when a value was released while needSettle is set, and at the end of
// every wait.
func (g *gate) settle(p policy) {
	g.guard.Lock()
	served := g.serve(p)
	g.guard.Unlock()
	served.wake()
}

// served are waiters that are owed a Wake.
type served struct {
	granted Chain[entrant]   // have what they want
	picked  *Waiter[entrant] // is to compete
}

func (s *served) wake() {
	s.granted.Wake(Granted)
	if s.picked != nil {
		s.picked.Wake(Retry)
	}
}

// serve is settle with the guard held.
func (g *gate) serve(p policy) (s served) {
	for {
		old := g.word.Load()
		explore.Point("settle")
		if old&needSettle == 0 {
			return s // there are no waiters, or one competes
		}
		g.competing = false // and needSettle is set with the guard held only, so it can be cleared
		w := g.first(p)
		if w == nil {
			g.serveNone()
			return s
		}
		if old&starving != 0 && w.Value.batch == g.batch {
			g.word.And(^uint64(starving)) // the batch is served: barging is open again
			continue
		}
		left, ok := p.left(old>>valueShift, w.Value.want)
		switch {
		case !ok && old&starving == 0:
			g.noteLoss(p, w)
			return s
		case !ok:
			return s
		case old&starving == 0:
			g.pick(w)
			s.picked = w
			return s
		}
		if g.word.CompareAndSwap(old, left<<valueShift|old&flags) {
			g.list.Remove(w)
			s.granted.Add(w)
		}
	}
}

// first returns the first waiter that is not excluded by a bound, or nil.
func (g *gate) first(p policy) *Waiter[entrant] {
	w := g.list.Front()
	for w != nil && p.excludes(w.Value.want) {
		w = g.list.Next(w)
	}
	return w
}

// serveNone clears the flags of a gate that has no waiter to serve. While there
// are some that a bound excludes, releases go on to settle: it may be raised.
func (g *gate) serveNone() {
	if g.list.Front() == nil {
		g.word.And(^uint64(flags))
	} else {
		g.word.And(^uint64(starving))
	}
}

// pick takes w, the first waiter, off the list, with the guard held, in order to
// wake it to compete.
func (g *gate) pick(w *Waiter[entrant]) {
	g.list.Remove(w)
	g.competing = true
	g.word.And(^uint64(needSettle))
	if g.list.Front() != nil {
		// Where several wait, w may be ready for long before it runs, and that counts.
		// Where w is alone the clock starts when it first loses: to read it here costs
		// a tenth of a hand-off.
		w.Value.patience.Begin()
	}
}
