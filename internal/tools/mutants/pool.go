package main

var poolMutants = []mutant{
	{
		Name: "a worker that comes does not send for the next",
		File: "pool/worker.go",
		Func: "worker.next",
		Old: `c.running++
c.unlock()
return true`,
		New: `c.running++
c.guard.Unlock()
return true`,
		Tags: "threadingexplore",
	},
	{
		Name: "a waiting task lends nothing",
		File: "pool/worker.go",
		Func: "worker.lend",
		Old: `w.slot = false
c.running--
c.lent++
return w`,
		New: "return nil",
	},
	{
		Name:    "a lender asks for its slot back",
		File:    "pool/core.go",
		Func:    "core.unlock",
		Old:     "c.running+c.starting < c.target",
		New:     "c.running+c.lent+c.starting < c.target",
		Package: "pool",
	},
	{
		Name: "a cancelled task runs",
		File: "pool/core.go",
		Func: "core.discard",
		Old: `c.cancelled += uint64(e.units)
c.remove(e)
e.job.drop(cause, d)`,
		New: `c.cancelled += uint64(e.units)
e.job.drop(cause, d)`,
		Package: "pool",
	},
	{
		Name: "callbacks are called after the end",
		File: "pool/result.go",
		Func: "Result.run",
		Old:  "r.task.callBack()",
		New: `defer r.task.callBack()
	r.task.end.Open()`,
	},
	{
		Name: "a callback that panics is told to nobody",
		File: "pool/worker.go",
		Func: "protect",
		Old:  "hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})",
		New:  "_ = hook.Report",
	},
	{
		Name: "Goexit loses a worker",
		File: "pool/worker.go",
		Func: "worker.main",
		Old: `if !w.left {
	w.core.guard.Lock()
	w.core.start(w)
	w.core.unlock()
}`,
		New: "",
	},
	{
		Name: "Terminate leaves what is queued",
		File: "pool/core.go",
		Func: "core.terminate",
		Old:  "c.discardAll(err, d)",
		New:  "_ = d",
	},
	{
		Name: "Terminate does not tell those that run",
		File: "pool/core.go",
		Func: "core.terminate",
		Old: `for _, ctx := range told {
	ctx.end(err)
}`,
		New: "_ = told",
	},
	{
		Name: "the end of a view's context is not noticed",
		File: "pool/task.go",
		Func: "Pool.follow",
		Old:  "stop := context.AfterFunc(parent, func() { e.core.withdraw(park.Cause(parent), e) })",
		New:  "stop := func() bool { return true }",
	},
	{
		Name: "the context of a task forgets whose child it is",
		File: "pool/context.go",
		Func: "taskContext.look",
		Old:  "m.parent, parent = old.parent, old.parent",
		New:  "m.parent = old.parent",
	},
	{
		Name: "the context of a task that has ended has not",
		File: "pool/context.go",
		Func: "taskContext.end",
		Old:  "c.made.CompareAndSwap(nil, unseen)",
		New:  "c.made.Load() == nil",
	},
	{
		Name: "a Map reports any of its errors",
		File: "pool/map.go",
		Func: "chunk.settle",
		Old:  "e != nil && (m.lowest == nil || e.Index < m.lowest.Index)",
		New:  "e != nil",
	},
	{
		Name: "a Map keeps the head of the queue",
		File: "pool/map.go",
		Func: "mapping.claim",
		Old:  "l.push(&t.entry, false)",
		New: `l.push(&t.entry, true)
l.head = &t.entry`,
	},
	{
		Name: "FailFast goes on",
		File: "pool/map.go",
		Func: "chunk.fail",
		Old:  "ch.mapping.result.task.core.withdraw(e, ch.owner())",
		New:  "_ = e",
	},
	{
		Name: "an IMap reads ahead without a bound",
		File: "pool/imap.go",
		Func: "imapRun.read",
		Old:  "!r.over && r.ahead >= r.buffer",
		New:  "!r.over && r.ahead >= 1000*r.buffer",
	},
	{
		Name: "a loop that is left leaves its tasks running",
		File: "pool/imap.go",
		Func: "imapRun.end",
		Old: `for _, e := range left {
	e.job.(*imapPart[In, Out]).task.wait(park.Forever)
}`,
		New: "_ = park.Forever",
	},
	{
		Name: "priorities are not minded",
		File: "pool/core.go",
		Func: "core.levelOf",
		Old:  "i, found := c.findLevel(priority)",
		New: `priority = 0
	i, found := c.findLevel(priority)`,
	},
	{
		Name: "the backlog has one place more",
		File: "pool/core.go",
		Func: "core.place",
		Old:  "c.places < $n",
		New:  "c.places <= $n",
	},
	{
		Name:  "a submission in line is queued although its context has ended",
		File:  "pool/core.go",
		Func:  "core.unlock",
		Old:   "ctx != nil && ctx.Err() != nil",
		New:   "ctx != nil && false",
		Flags: []string{"-test.run", "ContextEnds"},
	},
	{
		Name: "Join returns before what was dropped has ended",
		File: "pool/core.go",
		Func: "drop.unlock",
		Old: `c.helpers++
c.unlock()
for _, t := range d.quiet {
	t.open()
}
c.guard.Lock()
c.helpers--
c.unlock()`,
		New: `c.unlock()
for _, t := range d.quiet {
	t.open()
}`,
		Tags: "threadingexplore",
	},
}
