package main

var parkMutants = []mutant{
	{
		Name: "a timeout that comes late takes the grant away",
		File: "internal/park/waiter.go",
		Func: "bound.timeUp",
		Old:  "if listed { w.Wake(GaveUp) }",
		New:  "if w.verdict.Store(uint32(GaveUp)); listed { w.Wake(GaveUp) }",
		Tags: "threadingexplore",
	},
	{
		Name: "a notification goes to one whose time is up, and is lost",
		File: "internal/park/waiter.go",
		Func: "bound.timeUp",
		Old: `if listed {
	w.list.Remove(w)
}
w.guard.Unlock()`,
		New: `w.guard.Unlock()
w.guard.Lock()
if w.list != nil {
	w.list.Remove(w)
}
w.guard.Unlock()`,
		Package: "condition",
		Tags:    "threadingexplore",
	},
	{
		Name: "a woken waiter leaves its mark when it gives up",
		File: "internal/park/gate.go",
		Func: "Gate.compete",
		Old:  "if g.call(policy, w.Value.want) { $*body }",
		New:  "if g.competing { $*body }",
		Tags: "threadingexplore",
	},
	{
		Name: "who gives up does not let those behind be served",
		File: "internal/park/gate.go",
		Func: "Gate.await",
		Old: `g.passOn(policy)
return false`,
		New:  "return false",
		Tags: "threadingexplore",
	},
	{
		Name: "a release that races a new waiter is missed",
		File: "internal/park/gate.go",
		Func: "Gate.call",
		Old:  "return g.word.CompareAndSwap(old, old|calling)",
		New: `g.word.Or(calling)
return true`,
		Tags: "threadingexplore",
	},
	{
		Name: "the context's end takes a grant for giving up",
		File: "internal/park/waiter.go",
		Func: "Waiter.sleepUntil",
		Old: `if w.Leave() {
	return GaveUp
}`,
		New: `w.Leave()
if limitCtxEnded := true; limitCtxEnded {
	return GaveUp
}`,
	},
	{
		Name: "a waiter with a late timer is used again",
		File: "internal/park/waiter.go",
		Func: "Pool.Put",
		Old: `if b.timer != nil && !b.timer.Stop() {
	return // its function may still look at w
}`,
		New: `if b.timer != nil {
	b.timer.Stop()
}`,
	},
	{
		Name: "a latch forgets those who wait",
		File: "internal/park/latch.go",
		Func: "Latch.Open",
		Old:  "for waited { $*body }",
		New:  "for waited && false { $*body }",
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
		File: "internal/park/gate.go",
		Func: "Gate.compete",
		Old:  "g.list.PushFront(w)",
		New:  "g.list.PushBack(w)",
	},
	{
		Name:    "nobody is ever handed anything",
		File:    "internal/park/patience.go",
		Func:    "Patience.Ends",
		Old:     "return now-p.since >= starvationThreshold",
		New:     "return false",
		Package: "lock",
		Flags:   []string{"-test.run", "Starve"},
	},
	{
		Name: "hand-over goes on for ever",
		File: "internal/park/gate.go",
		Func: "Gate.settle",
		Old:  "old&starving != 0 && w.Era == g.era",
		New:  "false",
	},
	{
		Name: "a lock can be unlocked twice",
		File: "internal/park/gate.go",
		Func: "Gate.Free",
		Old: `if old>>valueBits == 0 {
	return false
}`,
		New: `if false {
	return false
}`,
		Package: "lock",
	},
	{
		Name: "who looks in vain goes on looking",
		File: "internal/park/gate.go",
		Func: "Gate.spin",
		Old: `if vain == patient {
	return false
}`,
		New: "",
	},
	{
		Name: "a waiter brings the era of its last call along",
		File: "internal/park/waiter.go",
		Func: "Pool.Put",
		Old:  "w.Value, w.Era, w.guard, w.expired = zero, 0, nil, false",
		New:  "w.Value, w.guard, w.expired = zero, nil, false",
	},
	{
		Name: "a release that somebody waits for serves nobody",
		File: "internal/park/gate.go",
		Func: "Gate.Incremented",
		Old: `g.settle(Counted)
return true`,
		New:     "return true",
		Package: "semaphore",
	},
	{
		Name:    "a release that is refused stays",
		File:    "internal/park/gate.go",
		Func:    "Gate.Incremented",
		Old:     "g.word.Add(^uint64(1<<valueBits - 1))",
		New:     "",
		Package: "semaphore",
	},
	{
		Name:    "permits are given out beyond those there are",
		File:    "internal/park/gate.go",
		Func:    "Policy.left",
		Old:     "return value - want, value >= want",
		New:     "return value - want, value+1 >= want",
		Package: "semaphore",
	},
	{
		Name: "a permit too many is left behind",
		File: "internal/park/gate.go",
		Func: "Gate.compete",
		Old: `g.passOn(policy)
return true`,
		New:     "return true",
		Package: "semaphore",
	},
}
