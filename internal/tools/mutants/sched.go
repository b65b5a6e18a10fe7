package main

var schedMutants = []mutant{
	{
		Name: "Run is not woken by an earlier event",
		File: "sched/scheduler.go",
		Func: "Scheduler.enter",
		Old:  "s.unlock(e.index == 0)",
		New:  "s.unlock(false)",
		Tags: "threadingexplore",
	},
	{
		Name: "Run is not woken by the cancelling of the last",
		File: "sched/scheduler.go",
		Func: "Scheduler.Cancel",
		Old:  "s.unlock(pending && len(s.events) == 0)",
		New:  "s.unlock(false)",
		Tags: "threadingexplore",
	},
	{
		Name: "what is entered while Run goes to sleep is overlooked",
		File: "sched/run.go",
		Func: "run.sleep",
		Old: `r.guard.Lock()
return`,
		New:  "r.guard.Lock()",
		Tags: "threadingexplore",
	},
	{
		Name: "a function that has begun can be cancelled",
		File: "sched/run.go",
		Func: "run.callDue",
		Old:  "e.fn = nil",
		New:  "",
	},
	{
		Name: "an event that is due begins when time is over",
		File: "sched/run.go",
		Func: "run.over",
		Old:  "r.now >= r.deadline",
		New:  "r.now > r.deadline",
	},
	{
		Name: "due events are called although the context has ended",
		File: "sched/run.go",
		Func: "run.callDue",
		Old:  "len(r.events) > 0 && !r.over()",
		New:  "len(r.events) > 0",
	},
	{
		Name: "a run that is over leaves its timer",
		File: "sched/run.go",
		Func: "run.end",
		Old:  "r.timer.Stop()",
		New:  "",
	},
	{
		Name: "the timer is not set anew",
		File: "sched/run.go",
		Func: "run.sleep",
		Old:  "r.timer.Reset(wait)",
		New:  "",
	},
	{
		Name: "a scheduler does not mind priorities",
		File: "sched/heap.go",
		Func: "item.before",
		Old:  "a.priority != b.priority",
		New:  "false",
	},
	{
		Name: "equals are served newest first",
		File: "sched/heap.go",
		Func: "item.before",
		Old:  "a.entry < b.entry",
		New:  "a.entry > b.entry",
	},
	{
		Name: "one that is taken out of the middle leaves disorder",
		File: "sched/heap.go",
		Func: "heap.down",
		Old:  "h.up(i, it)",
		New: `items[i] = it
it.event.index = i`,
	},
	{
		Name: "memory of a million events stays",
		File: "sched/heap.go",
		Func: "heap.shrink",
		Old:  "n < cap(*h)/4",
		New:  "false && n < 0",
	},
	{
		Name: "times without a monotonic reading follow each reading of the clocks",
		File: "sched/clock.go",
		Func: "wall.since",
		Old:  "off > tolerance || off < -tolerance",
		New:  "off != 0",
	},
	{
		Name: "a long delay overflows",
		File: "sched/clock.go",
		Func: "later",
		Old:  "d > 0 && sum < at",
		New:  "false",
	},
	{
		Name: "a run that a function ended by a panic is still under way",
		File: "sched/scheduler.go",
		Func: "Scheduler.Run",
		Old: `defer r.end()
r.untilEmpty(park.Forever)`,
		New: `r.untilEmpty(park.Forever)
r.end()`,
		Flags: []string{"-test.run", "TestAPanicOrGoexit"}, // others wait for ever
	},
	{
		Name:  "a wait for later events ends when none is left",
		File:  "sched/scheduler.go",
		Func:  "Scheduler.within",
		Old:   "r.stays = stays",
		New:   "",
		Flags: []string{"-test.run", "TestServe"}, // others wait for ever
	},
}
