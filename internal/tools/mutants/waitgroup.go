package main

var waitgroupMutants = []mutant{
	{
		Name: "a round that ends after the deadline is not reported",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.wait",
		Old:  "return w.ends != ends",
		New: `_ = ends
return false`,
		Tags: "threadingexplore",
	},
	{
		Name: "an Add is lost while the channel is being closed",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.Add",
		Old:  "sum == 0 || old == ending",
		New:  "sum == 0",
		Tags: "threadingexplore",
	},
	{
		Name: "a wait that begins as the round ends is forgotten",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.await",
		Old:  "w.state.CompareAndSwap(old, old|awaited)",
		New:  "w.state.Load() == old",
		Tags: "threadingexplore",
	},
	{
		Name: "a wait of the new round ends with the old one",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.addSlow",
		Old: `w.list.TakeAll(&released)
w.state.Store(0)
w.guard.Unlock()`,
		New: `w.state.Store(0)
w.guard.Unlock()
w.guard.Lock()
w.list.TakeAll(&released)
w.guard.Unlock()`,
		Tags: "threadingexplore",
	},
	{
		Name: "the channel of an old round is that of the new one",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.addSlow",
		Old:  "w.done = nil",
		New:  "",
	},
	{
		Name: "Count is behind the channel",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.Count",
		Old:  "state == ending",
		New:  "false",
		Tags: "threadingexplore",
	},
	{
		Name: "a count may be negative",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.addSlow",
		Old:  "sum < 0",
		New:  "sum < -1",
	},
	{
		Name: "a panic in Go releases main",
		File: "waitgroup/waitgroup.go",
		Func: "WaitGroup.Go",
		Old:  "if v := recover(); v != nil { panic(v) }",
		New:  "",
	},
}
