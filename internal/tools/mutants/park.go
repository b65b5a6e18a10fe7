package main

var parkMutants = []mutant{
	{
		Name: "a timeout that comes late takes the grant away",
		File: "internal/park/waiter.go",
		Func: "extra.timeUp",
		Old:  "if listed { w.Wake(GaveUp) }",
		New:  "if w.verdict.Store(uint32(GaveUp)); listed { w.Wake(GaveUp) }",
		Tags: "threadingexplore",
	},
	{
		Name: "a notification goes to one whose time is up, and is lost",
		File: "internal/park/waiter.go",
		Func: "extra.timeUp",
		Old: `if listed { $*body }
x.guard.Unlock()`,
		New: `x.guard.Unlock()
x.guard.Lock()
if w.list != nil {
	w.list.Remove(w)
}
x.guard.Unlock()`,
		Package: "condition",
		Tags:    "threadingexplore",
	},
	{
		Name: "a woken waiter leaves its mark when it gives up",
		File: "internal/park/gate_wait.go",
		Func: "gate.compete",
		Old:  "!g.requestSettle(p, w.Value.want)",
		New:  "!g.competing",
		Tags: "threadingexplore",
	},
	{
		Name: "who gives up does not let those behind be served",
		File: "internal/park/gate_wait.go",
		Func: "gate.await",
		Old:  "g.settleRest(p)",
		New:  "if verdict != GaveUp { g.settleRest(p) }",
		Tags: "threadingexplore",
	},
	{
		Name: "a release that races a new waiter is missed",
		File: "internal/park/gate_wait.go",
		Func: "gate.requestSettle",
		Old:  "return g.word.CompareAndSwap(old, old|needSettle)",
		New: `g.word.Or(needSettle)
return true`,
		Tags: "threadingexplore",
	},
	{
		Name: "the context's end takes a grant for giving up",
		File: "internal/park/waiter.go",
		Func: "Waiter.sleepUntil",
		Old:  "if listed, _ := w.leave(); listed { $*body }",
		New:  "if listed, granted := w.leave(); listed || granted { $*body }",
	},
	{
		Name: "a waiter with a late timer is used again",
		File: "internal/park/pool.go",
		Func: "Pool.Put",
		Old:  "x.timer != nil && !x.timer.Stop()",
		New:  "x.timer != nil && !x.timer.Stop() && false",
	},
	{
		Name: "whoever finds the seat of a latch taken sleeps on",
		File: "internal/park/latch.go",
		Func: "sitter.Unlock",
		Old:  "(*Seat)(s).wake()",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "a crowd forgets who sat there before",
		File: "internal/park/latch.go",
		Func: "Latch.crowd",
		Old:  "c.first.Store(at.seat)",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "a flag forgets those who wait beyond the first batch",
		File: "internal/park/flag.go",
		Func: "Flag.wakeAll",
		Old:  "if more { go f.wake(sets) }",
		New:  "_ = more",
	},
	{
		Name: "who gives up takes a place in the list of waiters along",
		File: "internal/park/list.go",
		Func: "List.Remove",
		Old:  "w.list, w.next, w.prev = nil, nil, nil",
		New:  "w.list = nil",
	},
	{
		Name: "a loser goes to the end of the line",
		File: "internal/park/gate_wait.go",
		Func: "gate.compete",
		Old:  "g.list.PushFront(w)",
		New:  "g.list.PushBack(w)",
	},
	{
		Name:    "nobody is ever handed anything",
		File:    "internal/park/patience.go",
		Func:    "Patience.Lost",
		Old:     "return now-p.since >= starvationThreshold",
		New:     "return false",
		Package: "lock",
		Flags:   []string{"-test.run", "Starve"},
	},
	{
		Name: "hand-over goes on for ever",
		File: "internal/park/gate_wait.go",
		Func: "gate.serve",
		Old:  "old&starving != 0 && w.Value.batch == g.batch",
		New:  "false",
	},
	{
		Name: "a lock can be unlocked twice",
		File: "internal/park/exclusive.go",
		Func: "Exclusive.Free",
		Old: `if old>>valueShift == 0 {
	return false
}`,
		New: `if false {
	return false
}`,
		Package: "lock",
	},
	{
		Name:   "who looks in vain goes on looking",
		File:   "internal/park/spin.go",
		Func:   "gate.spin",
		Old:    "failures >= spinFailures",
		New:    "false",
		NoRace: "no goroutine spins under the race detector",
	},
	{
		Name: "a waiter brings the limit of its last call along",
		File: "internal/park/pool.go",
		Func: "Pool.Put",
		Old:  "*x = extra[T]{w: w, onTimer: x.onTimer}",
		New:  "x.timer, x.timedOut, x.tookOff, x.other = nil, false, false, nil",
	},
	{
		Name: "a release that somebody waits for serves nobody",
		File: "internal/park/permits.go",
		Func: "Permits.IncrementSlow",
		Old: `g.settle(permits)
return true`,
		New:     "return true",
		Package: "semaphore",
	},
	{
		Name:    "a release that is refused stays",
		File:    "internal/park/permits.go",
		Func:    "Permits.IncrementSlow",
		Old:     "g.word.CompareAndSwap(old, old-1<<valueShift)",
		New:     "g.word.CompareAndSwap(old, old)",
		Package: "semaphore",
	},
	{
		Name:    "permits are given out beyond those there are",
		File:    "internal/park/gate.go",
		Func:    "policy.left",
		Old:     "return value - want, value >= want",
		New:     "return value - want, value+1 >= want",
		Package: "semaphore",
	},
	{
		Name:    "a permit too many is left behind",
		File:    "internal/park/gate_wait.go",
		Func:    "gate.await",
		Old:     "g.settleRest(p)",
		New:     "if verdict == GaveUp { g.settleRest(p) }",
		Package: "semaphore",
	},
	{
		Name: "a waiter that succeeds at its second look leaves permits behind",
		File: "internal/park/gate_wait.go",
		Func: "gate.await",
		Old: `verdict := w.Sleep(&g.guard)
for verdict == Retry && !g.compete(w, p) { $*body }
g.settleRest(p)
return verdict != GaveUp`,
		New: `verdict := w.Sleep(&g.guard)
for verdict == Retry {
	explore.Point("compete")
	if g.take(p, w.Value.want, needSettle) {
		g.settleRest(p)
		return true
	}
	g.guard.Lock()
	for !g.requestSettle(p, w.Value.want) {
		if g.take(p, w.Value.want, needSettle) {
			g.guard.Unlock()
			return true
		}
	}
	w.Value.batch = g.batch
	g.list.PushFront(w)
	g.noteLoss(p, w)
	verdict = w.Sleep(&g.guard)
}
g.settleRest(p)
return verdict != GaveUp`,
	},
	{
		Name: "a refused release takes its permit back without looking again",
		File: "internal/park/permits.go",
		Func: "Permits.IncrementSlow",
		Old:  "if g.word.CompareAndSwap(old, old-1<<valueShift) { $*body }",
		New: `g.word.Add(^uint64(1<<valueShift - 1))
return false`,
	},
	{
		Name: "the number of Sets is 16 bits of it",
		File: "internal/park/flag.go",
		Func: "Flag.early",
		Old:  "w == nil || w.Value >= sets",
		New:  "w == nil || uint16(w.Value) == uint16(sets)",
	},
	{
		Name: "Set wakes all by itself",
		File: "internal/park/flag.go",
		Func: "Flag.wakeAll",
		Old:  "go f.wake(sets)",
		New:  "f.wake(sets)",
	},
	{
		Name: "a wait counts the Sets from when it is listed",
		File: "internal/park/flag.go",
		Func: "Flag.wait",
		Old:  "if !f.await(sets, awaited) { $*body }",
		New: `if word := f.word.Load(); word&flagSet == 0 {
	sets = word >> flagShift
	w.Value = sets
}
if !f.await(sets, awaited) { $*body }`,
	},
	{
		Name: "a Set wakes those that came after its Clear",
		File: "internal/park/flag.go",
		Func: "Flag.early",
		Old:  "w == nil || w.Value >= sets",
		New:  "w == nil",
	},
	{
		Name: "the channel is closed after the flag is seen to be set",
		File: "internal/park/flag.go",
		Func: "Flag.setAndClose",
		Old:  "f.word.Store(word | flagSetting)",
		New: `f.word.Store(sets<<flagShift | flagSet | flagChannel)
explore.Point("set")`,
		Tags: "threadingexplore",
	},
	{
		Name: "the flag is seen to be set after its channel is closed",
		File: "internal/park/flag.go",
		Func: "Flag.IsSet",
		Old:  "return f.isSet()",
		New:  "return false",
		Tags: "threadingexplore",
	},
	{
		Name: "a waiter that comes undoes a Set",
		File: "internal/park/flag.go",
		Func: "Flag.await",
		Old:  "f.word.CompareAndSwap(word, word|awaited)",
		New:  "f.word.Swap(word|awaited) == word || true",
		Tags: "threadingexplore",
	},
	{
		Name: "a channel that is asked for undoes a Set",
		File: "internal/park/flag.go",
		Func: "Flag.Done",
		Old:  "f.word.CompareAndSwap(word, word|flagChannel)",
		New:  "f.word.Swap(word|flagChannel) == word || true",
		Tags: "threadingexplore",
	},
	{
		Name: "Set waits for the guard",
		File: "internal/park/flag.go",
		Func: "Flag.wakeAll",
		Old:  "f.guard.TryLock()",
		New:  "func() bool { f.guard.Lock(); return true }()",
	},
	{
		Name: "Set is in line with those who are to be listed",
		File: "internal/park/flag.go",
		Func: "Flag.wakeAll",
		Old:  "word&flagCrowded == 0 && f.guard.TryLock()",
		New:  "f.guard.TryLock()",
	},
	{
		Name: "a Set that finds the guard taken wakes nobody",
		File: "internal/park/flag.go",
		Func: "Flag.wakeAll",
		Old:  "sets, more := word>>flagShift+1, true",
		New:  "sets, more := word>>flagShift+1, false",
	},
	{
		Name:   "a goroutine spins though there is one processor",
		File:   "internal/park/spin.go",
		Func:   "gate.spin",
		Old:    "oneProcessor.Load() && stillOneProcessor()",
		New:    "false",
		NoRace: "no goroutine spins under the race detector",
	},
	{
		Name: "what is granted to a call whose lock panics is lost",
		File: "internal/park/waiter.go",
		Func: "Waiter.unlockOther",
		Old:  "if _, granted := w.leave(); granted { $*body }",
		New:  "w.leave()",
	},
	{
		Name: "a timeout is passed on as if it was a grant",
		File: "internal/park/waiter.go",
		Func: "Waiter.leave",
		Old:  "return false, !x.tookOff",
		New:  "return false, true",
	},
	{
		Name: "a waiter that left its place to sleep unused is used again",
		File: "internal/park/pool.go",
		Func: "Pool.Put",
		Old:  "x.timer != nil && !x.timer.Stop() || x.abandoned",
		New:  "x.timer != nil && !x.timer.Stop()",
	},
	{
		Name: "giving up is success if the context says nothing",
		File: "internal/park/park.go",
		Func: "Cause",
		Old:  "return context.Canceled",
		New:  "return nil",
	},
	{
		Name: "a waiter that the bound excludes keeps its turn",
		File: "internal/park/gate_wait.go",
		Func: "gate.compete",
		Old:  "if p.excludes(w.Value.want) { $*body }",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "a waiter that the bound excludes holds up those behind it",
		File: "internal/park/gate_wait.go",
		Func: "gate.first",
		Old:  "w != nil && p.excludes(w.Value.want)",
		New:  "false",
	},
	{
		Name: "a bound that is raised serves nobody",
		File: "internal/park/permits.go",
		Func: "BoundedPermits.Resize",
		Old:  "b.gate.settle(b.policy())",
		New:  "",
	},
	{
		Name: "a gate whose waiters the bound excludes stays starving",
		File: "internal/park/gate_wait.go",
		Func: "gate.serveNone",
		Old:  "if g.list.Front() == nil { $*one } else { $*two }",
		New:  "if g.list.Front() == nil { $*one }",
	},
	{
		Name: "waiters that the bound excludes are forgotten",
		File: "internal/park/gate_wait.go",
		Func: "gate.serveNone",
		Old:  "if g.list.Front() == nil { $*one } else { $*two }",
		New:  "$*one",
	},
	{
		Name: "more are out than the bound",
		File: "internal/park/permits.go",
		Func: "BoundedPermits.TryAcquire",
		Old:  "old>>valueShift+n > b.bound.Load()",
		New:  "old>>valueShift > b.bound.Load()",
	},
}
