package backend

import (
	"context"
	"iter"
	"time"
)

// A Lock is held by one session at a time. With pass, Release hands it on inside the session, under a new token, unless
// another session waits for it: for another goroutine of the process, which the caller knows to be waiting.
type Lock interface {
	// Acquire's value is what Holder and Watch tell about the holder.
	Acquire(w Wait, value []byte) (Holding, error)
	// Release returns ErrLost if h was lost before.
	Release(ctx context.Context, h Holding, pass bool) (next Holding, err error)
	// Locked reports whether an Acquire that only tried would be refused.
	Locked(ctx context.Context) (bool, error)
	// Holder's token is 0 if nobody is known to hold the lock.
	Holder(ctx context.Context) (value []byte, token uint64, err error)
	// Watch yields the value of the holder, if there is one, and of each later one; of several in a row, the last.
	Watch(ctx context.Context) iter.Seq2[[]byte, error]
}

// A Once is a lock until it is done. Then its Acquire returns no Holding and no error.
type Once interface {
	Lock
	// Done records that it is done and releases h; ErrLost: h was lost before, and nothing is recorded.
	Done(ctx context.Context, h Holding) error
}

// A Semaphore is permits, of which a session holds some. Its kind says whether it is bounded.
type Semaphore interface {
	// Acquire also returns semaphore.ErrValue, if n is more than the bound. The Holding has no token, and its Lost is
	// that of the session, whatever is released meanwhile.
	Acquire(w Wait, n int) (Holding, error)
	// Release gives back n permits: what an earlier session of this Backend had lost (which does nothing, and is
	// ErrLost if it was all), its own, the oldest of others; and adds what nobody holds, or returns
	// semaphore.ErrOverRelease and does nothing if the semaphore is bounded.
	Release(ctx context.Context, n int) error
	// Resize sets the number of permits, which a mismatch of Spec.N does not prevent.
	Resize(ctx context.Context, n int) error
	Value(ctx context.Context) (int, error)
}

// An Event is a flag.
type Event interface {
	Set(ctx context.Context) error
	Clear(ctx context.Context) error
	IsSet(ctx context.Context) (bool, error)
	Wait(w Wait) error
	// Done is event.Event.Done. If the Backend is closed later, the channel stays as it is.
	Done() (<-chan struct{}, error)
}

// A Condition lets sessions that hold a lock wait without it.
type Condition interface {
	// Wait gives up h, waits, and acquires the lock again, for which it waits without a limit. It returns ErrLost,
	// and the lock is not held, if the session ended at any point. A call that is to look may return before it was
	// notified, as if it were, when a session has ended that had to do with the condition or its lock: the dead may
	// have been meant to notify, or to act on a notification.
	Wait(w Wait, h Holding, look bool) (again Holding, notified bool, err error)
	// Notify returns how many it picked; ErrLost: h was lost before.
	Notify(ctx context.Context, h Holding, n int) (int, error)
}

// A Barrier makes parties wait for each other.
type Barrier interface {
	// Wait runs action, if it is not nil, in the goroutine of the last to arrive. Giving up breaks the barrier, and so
	// does the end of the session of one that waits.
	Wait(w Wait, action func()) (index int, err error)
	Reset(ctx context.Context) error
	Abort(ctx context.Context) error
	State(ctx context.Context) (waiting int, broken bool, err error)
}

// A Cell is a value with its revision, which is 0 if there is none.
type Cell struct {
	Value []byte
	Rev   uint64
}

// A Pair is a cell with its key.
type Pair struct {
	Key []byte
	Cell
}

// A Change is what a Watch of a Table yields: what is there, then what changes. Of several changes of one key the last
// may stand for all. Resync says that some were missed: it stands alone, and what is there follows as at the beginning.
type Change struct {
	Pair
	Deleted, Resync bool
}

// A Condition of a put.
type If struct {
	Checked bool // only if the revision is Rev; 0: only if there is no value
	Rev     uint64
	TTL     time.Duration // > 0: the value goes after that, or somewhat later
}

// A Table is values by key.
type Table interface {
	Get(ctx context.Context, key []byte) (Cell, error)
	// Put returns the new cell, or the present one and false if the condition does not hold.
	Put(ctx context.Context, key, value []byte, cond If) (Cell, bool, error)
	// Delete returns what it deleted.
	Delete(ctx context.Context, key []byte) (Cell, error)
	PutAll(ctx context.Context, pairs []Pair) error
	Clear(ctx context.Context) error
	Len(ctx context.Context) (int, error)
	// All is a snapshot, in the order of the keys.
	All(ctx context.Context) iter.Seq2[Pair, error]
	Watch(ctx context.Context) iter.Seq2[Change, error]
}

// A Counter is a number.
type Counter interface {
	// Add returns ErrValue, and changes nothing, if the sum overflows.
	Add(ctx context.Context, n int64) (int64, error)
	Set(ctx context.Context, n int64) error
}

// A List is values in order. An index below 0 counts from the end; one out of range is ErrNotFound.
type List interface {
	Get(ctx context.Context, i int) ([]byte, error)
	Set(ctx context.Context, i int, value []byte) error
	Append(ctx context.Context, values [][]byte) error
	Insert(ctx context.Context, i int, value []byte) error
	Pop(ctx context.Context, i int) ([]byte, error)
	Len(ctx context.Context) (int, error)
	Load(ctx context.Context) (values [][]byte, rev uint64, err error)
	// Replace returns ErrConflict if the revision is another.
	Replace(ctx context.Context, rev uint64, values [][]byte) error
}

// An Item is what is put into a Queue.
type Item struct {
	Payload []byte
	Level   int8          // of a priority queue: smaller first
	Key     string        // not empty: refused with ErrDuplicate while the key is known,
	Window  time.Duration // which is so long
}

// A Claim is an item that is out of the queue until it is settled, or returns with the end of the session; or, if it has
// no Holding, a dead one.
type Claim struct {
	Payload []byte
	Attempt int // from 1
	Holding Holding
	Dead    uint64 // its token
}

// A Settlement says what becomes of a claim.
type Settlement int

const (
	Ack  Settlement = iota // it is finished
	Nack                   // it goes back to the head, or to the dead if it was delivered as often as it may be
	Bury                   // it goes to the dead
)

// A QueueState is what can be asked of a Queue without touching it.
type QueueState struct {
	Len, Cap, Unfinished int
	Shut                 bool
}

// A Queue is items in an order, and claims. Its errors are those of package queue too: ErrShutdown, from Put and Get.
type Queue interface {
	Put(w Wait, item Item) error
	Get(w Wait) ([]byte, error)
	Claim(w Wait) (Claim, error)
	// Settle returns ErrLost if the claim was lost before. after is for Nack. A claim that Dead yielded is settled
	// likewise: Ack drops it, Nack revives it.
	Settle(ctx context.Context, c Claim, how Settlement, after time.Duration) error
	Peek(ctx context.Context) (payload []byte, ok bool, err error)
	// Drain takes what is inside. In a joinable queue each is a claim.
	Drain(ctx context.Context) ([]Claim, error)
	State(ctx context.Context) (QueueState, error)
	Shutdown(ctx context.Context, now bool) error
	// Resize sets the bound, which a mismatch of Spec.N does not prevent.
	Resize(ctx context.Context, maxsize int) error
	Join(w Wait) error
	Dead(ctx context.Context) iter.Seq2[Claim, error]
}

// An Object is a value of a registered type: see LookupType. Where it is kept as a Go value, one call at a time has it,
// and Keep puts back what a failed one has changed. Where it is kept as bytes, it is what New returns at first, passes the
// codec of the Options before and after each call, and the result is stored if nobody was faster, or else the method
// runs again; a type of which Dropped names a field is an errors.ErrUnsupported that names it, at the first call.
type Object interface {
	// Call returns a Fault if the method failed, and then the object is as it was.
	Call(ctx context.Context, method string, in []byte) (out []byte, fault *Fault, err error)
}
