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
		Name: "a flag forgets those who wait beyond the first hundred",
		File: "internal/park/flag.go",
		Func: "Flag.setSlow",
		Old:  "if more { go f.wake(sets) }",
		New:  "",
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
		Name: "who looks in vain goes on looking",
		File: "internal/park/spin.go",
		Func: "gate.spin",
		Old:  "failures >= spinFailures",
		New:  "false",
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
}
