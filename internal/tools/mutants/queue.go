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
		File: "queue/queue.go",
		Func: "Queue.shutdown",
		Old:  "q.putters.list.TakeAll(&again)",
		New:  "",
		Tags: "threadingexplore",
	},
	{
		Name: "the baton is not passed",
		File: "queue/transfer.go",
		Func: "Queue.getSlow",
		Old: `item = q.take()
q.unlock()`,
		New: `item = q.take()
q.guard.Unlock()`,
		Tags: "threadingexplore",
	},
	{
		Name: "equals leave in any order",
		File: "queue/heap.go",
		Func: "heap.pop",
		Old:  "c = order(right.seq, left.seq)",
		New:  "c = -1",
	},
	{
		Name: "a compare that panics loses the item",
		File: "queue/heap.go",
		Func: "heap.pop",
		Old:  "defer h.restore()",
		New:  "",
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
		File: "queue/queue.go",
		Func: "Queue.ShutdownNow",
		Old:  "q.unfinished = max(q.unfinished-q.size(), 0) // a TaskDone may have come before its item was got",
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
		File: "queue/transfer.go",
		Func: "Queue.putSlow",
		Old:  "return ErrFull",
		New: `q.guard.Lock()
q.items.pushBack(item)
q.guard.Unlock()
return ErrFull`,
	},
}
