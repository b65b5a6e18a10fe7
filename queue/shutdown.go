package queue

import "github.com/gothreading/threading/internal/park"

// Shutdown makes every further put return [ErrShutdown], including those that are
// waiting. The items inside can still be taken; when none is left, gets return
// ErrShutdown, including those that are waiting. Join is not affected. Calling
// Shutdown again does nothing.
func (q *Queue[T]) Shutdown() {
	q.guard.Lock()
	q.shutdown()
}

// ShutdownNow is like Shutdown but also drops the items inside. They are not
// unfinished any more. Join still waits for items that were taken and are not yet
// done.
func (q *Queue[T]) ShutdownNow() {
	q.guard.Lock()
	q.unfinished = max(q.unfinished-int64(q.size()), 0) // a TaskDone may have come before its item was taken
	q.items = blocks[T]{}
	if q.heap != nil {
		q.heap.clear()
	}
	q.shutdown()
}

func (q *Queue[T]) shutdown() {
	q.shut = true
	var again, joined park.Chain[turn[T]]
	q.getters.list.TakeAll(&again)
	q.putters.list.TakeAll(&again)
	q.takeJoined(&joined)
	q.guard.Unlock()
	again.Wake(park.Retry)
	joined.Wake(park.Granted)
}
