package main

var queueMutants = []mutant{
	{
		Name: "a guard is never handed over",
		File: "internal/park/mutex.go",
		Func: "Mutex.lockSlow",
		Old:  "lost == losses",
		New:  "lost < 0",
	},
	{
		Name: "a guard sleeps durably",
		File: "internal/park/mutex.go",
		Func: "Mutex.lockSlow",
		Old: `m.bell.Lock()
if mark == promised { break }`,
		New: `for l := new(Latch); !m.bell.TryLock(); l.WaitTimeout(1) {
}
if mark == promised {
	break
}`,
		Package: "queue",
	},
	{
		Name: "a guard rings before it is released",
		File: "internal/park/mutex.go",
		Func: "Mutex.unlockSlow",
		Old:  "m.word.Store(free)",
		New: `defer func() {
	explore.Point("late")
	m.word.Store(free)
}()`,
		Tags: "threadingexplore",
	},
	{
		Name: "a guard that is handed over is free as well",
		File: "internal/park/mutex.go",
		Func: "Mutex.unlockSlow",
		Old:  "m.word.Store(held)",
		New:  "m.word.Store(free)",
		Tags: "threadingexplore",
	},
	{
		Name: "shutdown misses those who put",
		File: "queue/shutdown.go",
		Func: "Queue.shutdown",
		Old:  "q.putters.list.TakeAll(&again)",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "the baton is not passed",
		File: "queue/get.go",
		Func: "Queue.getSlow",
		Old: `q.unlock()
return item, nil`,
		New: `q.guard.Unlock()
return item, nil`,
		Tags: "threadingexplore",
	},
	{
		Name: "a waiter that is listed is not to be served",
		File: "queue/side.go",
		Func: "Queue.await",
		Old:  "s.look()",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "a waiter that tries again is still thought to be about to",
		File: "queue/side.go",
		Func: "side.tries",
		Old:  "s.awake = false",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "GetN takes all",
		File: "queue/batch.go",
		Func: "Queue.takeN",
		Old:  "n = min(n, q.size())",
		New:  "n = max(0, q.size())",
	},
	{
		Name: "TryGetIf takes what is not wanted",
		File: "queue/get.go",
		Func: "Queue.TryGetIf",
		Old:  "!wanted",
		New:  "!wanted && q.shut",
	},
	{
		Name: "a predicate that panics leaves the queue locked",
		File: "queue/queue.go",
		Func: "Queue.ask",
		Old:  "q.unlock()",
		New:  "",
	},
	{
		Name: "All is in the order of arrival",
		File: "queue/contents.go",
		Func: "Queue.snapshot",
		Old:  "slices.Reverse(items)",
		New:  "_ = slices.Reverse[[]T]",
	},
	{
		Name: "what is removed is another",
		File: "queue/blocks.go",
		Func: "blocks.remove",
		Old:  "b.popFront()",
		New:  "b.popBack()",
	},
	{
		Name: "a GetN whose compare panics loses what it has taken",
		File: "queue/heap.go",
		Func: "heap.popN",
		Old:  "h.reopen(places[i])",
		New:  "",
	},
	{
		Name: "what was popped is kept alive by its place",
		File: "queue/heap.go",
		Func: "heap.take",
		Old:  "h.entries[1] = entry[T]{}",
		New:  "",
	},
	{
		Name: "what leaves soon goes all the way",
		File: "queue/heap.go",
		Func: "heap.push",
		Old:  "place = h.top(&e)",
		New:  "place = 0",
	},
	{
		Name: "a guess is taken for the answer",
		File: "queue/heap.go",
		Func: "heap.bottomGuessed",
		Old:  "h.smaller(2*place, n)",
		New: `func() int {
	if c := 2 * place; c < n {
		return c
	}
	return 0
}()`,
	},
	{
		Name: "equals leave in any order",
		File: "queue/heap.go",
		Func: "heap.bottom",
		Old:  "c = order(right.seq, left.seq)",
		New:  "c = -1",
	},
	{
		Name: "a taken slot keeps its item alive",
		File: "queue/blocks.go",
		Func: "blocks.popFront",
		Old: `item := *slot
*slot = zero
b.first++`,
		New: `item := *slot
b.first++
_ = zero`,
	},
	{
		Name: "memory of a backlog stays",
		File: "queue/blocks.go",
		Func: "blocks.keep",
		Old: `if b.spare == nil || len(emptied.items) >= len(b.spare.items) {
	b.spare = emptied
}`,
		New: `emptied.next = b.spare
b.spare = emptied`,
	},
	{
		Name: "a LIFO queue is a FIFO queue",
		File: "queue/queue.go",
		Func: "Queue.take",
		Old:  "return q.items.popBack()",
		New:  "return q.items.popFront()",
	},
	{
		Name: "ShutdownNow leaves its items unfinished",
		File: "queue/shutdown.go",
		Func: "Queue.ShutdownNow",
		Old:  "q.unfinished = max(q.unfinished-int64(q.size()), 0)",
		New:  "",
	},
	{
		Name: "a full deque drops at the wrong end",
		File: "queue/deque.go",
		Func: "Deque.PushFront",
		Old: `if d.full() {
	d.items.popBack()
}`,
		New: `if d.full() {
	d.items.popFront()
}`,
	},
	{
		Name: "TaskDone is left out when the body panics",
		File: "queue/tasks.go",
		Func: "Queue.do",
		Old: `defer q.TaskDone()
return body(item)`,
		New: `more := body(item)
q.TaskDone()
return more`,
	},
	{
		Name: "a put that gave up has stored its item",
		File: "queue/put.go",
		Func: "Queue.putSlow",
		Old:  "return ErrFull",
		New: `q.guard.Lock()
q.items.pushBack(item)
q.guard.Unlock()
return ErrFull`,
	},
}
