package watch

// A What is what a Mark belongs to, and how that is held.
type What uint8

const (
	Lock   What = iota + 1 // a lock.Lock: any goroutine may release it
	RLock                  // an rlock.RLock: only the holder releases it
	Writer                 // an rwlock.RWLock
	Reader                 // likewise
	Thread                 // the end of a thread, which the goroutine holds that runs it
	Task                   // the end of a task, which each goroutine holds that runs a part of it
	Queue                  // a queue.Queue, which nobody holds
	Pool                   // a pool.Pool, likewise
)

// String returns the type.
func (w What) String() string {
	return [...]string{"", "lock.Lock", "rlock.RLock", "rwlock.RWLock", "rwlock.RWLock", "thread.Thread", "pool.Result", "queue.Queue", "pool.Pool"}[w]
}

// Lockable reports whether it is a lock: what can be acquired in a wrong order, and
// forgotten.
func (w What) Lockable() bool { return w <= Reader }

// A Stat is what a queue or a pool says of itself.
type Stat struct {
	Len, Cap, Unfinished           int
	Name                           string
	Workers, Running, Lent, Queued int
}
