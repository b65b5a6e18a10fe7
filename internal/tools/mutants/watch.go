package main

// These are found with the tag threadingdebug, by the programs that package diagnose is tested with.
var watchMutants = []mutant{
	{
		Name: "a cycle of Locks is told of without a second look", File: "internal/watch/wait.go", Func: "Wait.wait",
		Old: "cycle.owned()", New: "len(cycle) > 1", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a wait that ends is part of a deadlock", File: "internal/watch/wait.go", Func: "Wait.cycle",
		Old: "next != nil && !next.Ends && !been[next] && follow(next)", New: "next != nil && !been[next] && follow(next)",
		Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a lock that is passed on deadlocks", File: "internal/watch/mark.go", Func: "Mark.Release",
		Old: "id.passed.Store(true)", New: "", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a deadlock is told of by each of its goroutines", File: "internal/watch/wait.go", Func: "tell",
		Old: "other.same(c)", New: "other.same(c) && false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a reader is in nobody's way", File: "internal/watch/wait.go", Func: "Wait.blockers",
		Old: "for _, h := range id.crowd { $*all }", New: "_ = via", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "the end of a thread has no holder", File: "thread/run.go", Func: "Thread.begin",
		Old: "watch.On", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a task that runs has no holder", File: "pool/worker.go", Func: "worker.steps",
		Old: "watch.On", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "what is known of a lock keeps it alive", File: "internal/watch/mark.go", Func: "Mark.of",
		Old: "if !m.identity.CompareAndSwap(nil, id) { $*lost }",
		New: `go func() { <-(chan int)(nil); println(m) }()
if !m.identity.CompareAndSwap(nil, id) { $lost }`,
		Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "an Unlock is not noted", File: "lock/lock.go", Func: "Lock.Unlock",
		Old: "watch.On", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a try makes an order", File: "lock/lock.go", Func: "Lock.TryLock",
		Old: "acquired := $taken", New: `l.mark.Attempt(watch.Lock)
acquired := $taken`,
		Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "orders of one goroutine contradict each other", File: "internal/watch/order.go", Func: "Edge.overlaps",
		Old: "other.Goroutine == e.Goroutine", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a gate is no reason", File: "internal/watch/order.go", Func: "Edge.overlaps",
		Old: "h.number == o.number && !(h.read && o.read)", New: "h.number == o.number && o.read && false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "readers are in each other's way", File: "internal/watch/order.go", Func: "Edge.close",
		Old: "!next.reads[1] || !e.reads[0]", New: "true", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "orders of more than two are not looked for", File: "internal/watch/order.go", Func: "Edge.close",
		Old: "len(path) > 10", New: "len(path) > 1", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a key is known by the entry that it had", File: "lock/mappart.go", Func: "part.add",
		Old: "watch.On", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a TaskDone is never missing", File: "diagnose/full.go", Func: "reading.unfinished",
		Old: "o == nil || o.Len > 0 || o.Unfinished == 0", New: "true", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "whoever has ended holds nothing", File: "diagnose/full.go", Func: "reading.ended",
		Old: "r.goroutines[goroutine] == nil", New: "false", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "a lock was acquired where another one was", File: "internal/watch/trace.go", Func: "here",
		Old: "t.path == p", New: "true", Package: "internal/watch", Tags: "threadingdebug",
	},
	{
		Name: "frame pointers are never read", File: "internal/watch/trace.go", Func: "proven",
		Old: "compare(depth)", New: "len(recent) == 0", Package: "internal/watch", Tags: "threadingdebug",
	},
	{
		Name: "Check forgives whoever waits", File: "diagnose/check.go", Func: "since.left",
		Old: "if s.begun(p) { $*told }", New: "_ = p", Package: "diagnose",
	},
	{
		Name: "locks that are dropped while they are held pile up", File: "internal/watch/state.go", Func: "state.add",
		Old: "st.forget()", New: "", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "those of goroutines that have ended pile up", File: "internal/watch/state.go", Func: "shard.forget",
		Old: "st.forget()", New: "", Package: "diagnose", Tags: "threadingdebug",
	},
	{
		Name: "an idle worker waits", File: "internal/traceback/call.go", Func: "Goroutine.Wait",
		Old: `n.pkg == "internal/hook"`, New: "false", Package: "diagnose",
	},
	{
		Name: "the object is where its guard is", File: "internal/traceback/call.go", Func: "Goroutine.Wait",
		Old: "w.Guard != 0", New: "false", Package: "diagnose",
	},
	{
		Name: "a name is not escaped", File: "diagnose/diagnosehttp/page.go", Func: "who",
		Old: "html.EscapeString(s)", New: "s", Package: "diagnose/diagnosehttp",
	},
}
