package shm

import (
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Queue passes items, which are bytes here. Its state is a few words, which
// change under the guard and through the journal; the items lie in a ring, see
// ring, between head and tail. So an item is in the Queue from the instant at
// which its put is committed, until the instant at which its get is. Bytes
// beyond the tail, written by a process that was killed, are nothing.
//
// What a process has taken and not yet called TaskDone for stands in an entry
// of its own, which changes with the get. When it dies, a process that waits in
// Join, or asks, counts that off.
//
// A process that waits for an item, or for room, waits at a side. Join waits
// for a word that counts how often the last unfinished item was done.
type Queue struct {
	guarded
	ring
	station // for Join
	gets    side
	puts    side
	page    *queuePage
	maxsize uint64
	entries []atomic.Uint64
	mine    int
	swept   uint32
	begun   bool
}

// queueTakers is how many living processes can be accounted for. What others
// have taken is not counted off when they die.
const queueTakers = 4096

const queueRecords = 12

type queuePage struct {
	gets, puts sidePage

	head, tail atomic.Uint64 // of what is inside, in the ring
	items      atomic.Uint64
	unfinished atomic.Uint64
	lost       atomic.Uint64
	joined     atomic.Uint64 // counts how often unfinished became 0
	shut       atomic.Uint64
	level      atomic.Uint64 // which ring it is
	backed     atomic.Uint64 // so much of the ring has memory behind it
	used       atomic.Uint64 // entries that may be in use
	bell       atomic.Uint32 // for Join
	_          [44]byte
	entries    [queueTakers]atomic.Uint64
}

var (
	queueFirst = guardedSize(queueRecords)
	queueSize  = queueFirst + int64(unsafe.Sizeof(queuePage{}))
)

var (
	// ErrShut is what is reported when a Queue is shut down.
	ErrShut = errors.New("shm: the queue is shut down")
	// ErrLimit is what a put or a get reports that gave up, or would have to
	// wait.
	ErrLimit = errors.New("shm: gave up at the queue")
	// ErrDone is what TaskDone reports when nothing is unfinished.
	ErrDone = errors.New("shm: nothing is unfinished in the queue")
)

// NewQueue makes a Queue for maxsize items; 0 is no bound.
func NewQueue(maxsize int) (*Queue, error) {
	return createSparse(KindQueue, queueSize, queueReach(64), true, uint64(maxsize), queueOf)
}

// AttachQueue returns the Queue of a descriptor.
func AttachQueue(fd int) (*Queue, error) {
	return attach(fd, KindQueue, func(uint64) int64 { return queueSize }, queueOf)
}

func queueOf(s *segment) *Queue {
	q := &Queue{page: (*queuePage)(s.at(queueFirst)), maxsize: s.header().extra}
	q.entries = q.page.entries[:]
	q.open(s, queueRecords)
	q.gets.bind(&q.page.gets)
	q.puts.bind(&q.page.puts)
	q.bell = &q.page.bell
	q.look = q.lookAround
	q.file = s.fd
	runtime.AddCleanup(q, func(maps *ringMaps) { maps.free() }, q.maps())
	return q
}

// queueReach is how far n entries reach.
func queueReach(n int) int64 {
	return queueFirst + int64(unsafe.Offsetof(queuePage{}.entries)) + 8*int64(n)
}

// Descriptor returns the file of the Queue.
func (q *Queue) Descriptor() int { return q.seg.fd }

// Cap returns how many items fit, or 0.
func (q *Queue) Cap() int { return int(q.maxsize) }

func (q *Queue) full() bool { return q.maxsize > 0 && q.page.items.Load() >= q.maxsize }

// store puts an item in, with the guard held, and reports whether a getter must
// be woken.
func (q *Queue) store(item []byte) (rung bool, err error) {
	tail, err := q.write(q.page, &q.guarded, item)
	if err != nil {
		return false, err
	}
	q.set(&q.page.tail, tail)
	q.set(&q.page.items, q.page.items.Load()+1)
	q.set(&q.page.unfinished, q.page.unfinished.Load()+1)
	q.commit()
	return q.gets.stir(), nil
}

// take takes an item out, with the guard held. into is used if it is large
// enough.
func (q *Queue) take(into []byte) (item []byte, rung bool, err error) {
	item, head, err := q.read(q.page, into)
	if err != nil {
		return nil, false, err
	}
	items := q.page.items.Load() - 1
	q.set(&q.page.items, items)
	if items == 0 { // what comes next is written where it has been written before
		q.set(&q.page.head, 0)
		q.set(&q.page.tail, 0)
	} else {
		q.set(&q.page.head, head)
	}
	if i := q.own(); i >= 0 {
		q.set(&q.entries[i], entry(q.me, min(q.entries[i].Load()&math.MaxUint32+1, math.MaxUint32)))
	}
	q.commit()
	if items == 0 {
		q.trim(q.page, &q.guarded)
	}
	return item, q.puts.stir(), nil
}

// PutNow puts an item in if that is possible at once, or reports that the Queue
// is shut down. If it has not done either, Put follows.
func (q *Queue) PutNow(item []byte) (done bool, err error) {
	q.enter()
	rung := false
	switch {
	case q.page.shut.Load() != 0:
		done, err = true, ErrShut
	case q.puts.open() && !q.full():
		done = true
		rung, err = q.store(item)
	}
	q.leave()
	if rung {
		q.gets.wake()
	}
	runtime.KeepAlive(q)
	return done, err
}

// Put puts an item in. With try it returns ErrLimit rather than wait.
func (q *Queue) Put(item []byte, try bool, l *Limit) error {
	if done, err := q.PutNow(item); done {
		return err
	}
	r := &putRequest{q: q, item: item}
	if try {
		// It may be reserved by a process that has died.
		if !q.puts.now(&q.guarded, r) {
			r.err = ErrLimit
		}
	} else if !q.puts.await(&q.guarded, r, l) {
		r.err = ErrLimit
	}
	runtime.KeepAlive(q)
	return r.err
}

// A putRequest is for room that was not there.
type putRequest struct {
	q    *Queue
	item []byte
	rung bool
	err  error
}

func (r *putRequest) try(bool) bool {
	q := r.q
	switch {
	case q.page.shut.Load() != 0:
		r.err = ErrShut
	case q.full():
		return false
	default:
		r.rung, r.err = q.store(r.item)
	}
	return true
}

func (r *putRequest) follow() {
	if r.rung {
		r.q.gets.wake()
	}
}

// GetNow takes an item out if that is possible at once, and returns it; into is
// used if it is large enough.
func (q *Queue) GetNow(into []byte) (item []byte, ok bool, err error) {
	q.enter()
	rung := false
	if ok = q.gets.open() && q.page.items.Load() > 0; ok {
		item, rung, err = q.take(into)
	}
	q.leave()
	if rung {
		q.puts.wake()
	}
	runtime.KeepAlive(q)
	return item, ok, err
}

// Get takes an item out. With try it returns ErrLimit rather than wait.
func (q *Queue) Get(try bool, l *Limit) (item []byte, err error) {
	if item, ok, err := q.GetNow(nil); ok {
		return item, err
	}
	r := &getRequest{q: q}
	if try {
		if !q.gets.now(&q.guarded, r) {
			r.err = ErrLimit
		}
	} else if !q.gets.await(&q.guarded, r, l) {
		r.err = ErrLimit
	}
	runtime.KeepAlive(q)
	return r.item, r.err
}

// A getRequest is for an item that was not there.
type getRequest struct {
	q    *Queue
	item []byte
	rung bool
	err  error
}

func (r *getRequest) try(bool) bool {
	q := r.q
	switch {
	case q.page.items.Load() > 0:
		r.item, r.rung, r.err = q.take(nil)
	case q.page.shut.Load() != 0:
		r.err = ErrShut
	default:
		return false
	}
	return true
}

func (r *getRequest) follow() {
	if r.rung {
		r.q.puts.wake()
	}
}

// Take takes up to n items out, without waiting, and whether they are reserved
// or not: for a process that has just got the first.
func (q *Queue) Take(n int) (items [][]byte, err error) {
	q.enter()
	rung := false
	for len(items) < n && q.page.items.Load() > 0 {
		item, r, failed := q.take(nil)
		if failed != nil {
			err = failed
			break
		}
		items = append(items, item)
		rung = rung || r
	}
	q.leave()
	if rung {
		q.puts.wake()
	}
	runtime.KeepAlive(q)
	return items, err
}

// Len returns how many items are inside.
func (q *Queue) Len() int {
	q.enter()
	n := int(q.page.items.Load())
	q.leave()
	runtime.KeepAlive(q)
	return n
}

// Full reports whether no more items fit.
func (q *Queue) Full() bool {
	q.enter()
	full := q.full()
	q.leave()
	runtime.KeepAlive(q)
	return full
}
