package dropped

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
)

var (
	l     lock.Lock
	r     rlock.RLock
	n     int
	d     time.Duration
	errNo = errors.New("no")
)

func statements(ctx context.Context, s *semaphore.Semaphore, b *semaphore.BoundedSemaphore, q *queue.Queue[int], m *lock.Map[string]) {
	l.TryLock()               // want `the result of Lock.TryLock is dropped: what follows runs also when it did nothing \(dropped\)`
	l.LockTimeout(d)          // want `the result of Lock.LockTimeout is dropped`
	l.LockContext(ctx)        // want `the result of Lock.LockContext is dropped`
	r.TryLock()               // want `the result of RLock.TryLock is dropped`
	m.TryLock("a")            // want `the result of Map.TryLock is dropped`
	s.TryAcquire()            // want `the result of Semaphore.TryAcquire is dropped`
	b.AcquireTimeout(d)       // want `the result of BoundedSemaphore.AcquireTimeout is dropped`
	b.AcquireNContext(ctx, 2) // want `the result of BoundedSemaphore.AcquireNContext is dropped`
	q.TryPut(1)               // want `the result of Queue.TryPut is dropped`
	q.PutTimeout(1, d)        // want `the result of Queue.PutTimeout is dropped`
	defer l.TryLock()         // want `the result of Lock.TryLock is dropped`
	go q.PutContext(ctx, 1)   // want `the result of Queue.PutContext is dropped`
}

func tasks(ctx context.Context, p *pool.Pool, f func(context.Context) (int, error)) {
	pool.TryApplyAsync(p, f)          // want `the result of pool.TryApplyAsync is dropped`
	pool.ApplyAsyncContext(ctx, p, f) // want `the result of pool.ApplyAsyncContext is dropped`
	pool.ApplyAsync(p, f)
}

func deferredTooEarly() error {
	ok := l.LockTimeout(d)
	defer l.Unlock() // want `l is unlocked here also when the try in line \d+ has failed`
	if !ok {
		return errNo
	}
	n++
	return nil
}

func noReturn() {
	if !l.LockTimeout(d) {
		log.Print("busy")
	}
	n++
	l.Unlock() // want `l is unlocked here also when the try in line \d+ has failed`
}

func noReturnOfError(ctx context.Context) {
	if err := l.LockContext(ctx); err != nil {
		log.Print(err)
	}
	defer l.Unlock() // want `l is unlocked here also when the try in line \d+ has failed`
}

func atOnce() bool {
	ok := r.TryLock()
	r.Unlock() // want `r is unlocked here also when the try`
	return ok
}

func inOthers(q *queue.Queue[int]) {
	go func() { q.TryPut(1) }()         // want `the result of Queue.TryPut is dropped`
	func() { q.TryPut(1) }()            // want `the result of Queue.TryPut is dropped`
	thread.Go(func() { q.TryPut(1) })   // want `the result of Queue.TryPut is dropped`
	panics(func() { q.TryPut(1); n++ }) // want `the result of Queue.TryPut is dropped`
}

// The rest is right.

func panics(f func()) { f() }

func called(q *queue.Queue[int]) []func() {
	panics(func() { l.TryLock() })
	return []func(){func() { q.TryPut(1) }, func() { l.LockTimeout(d) }}
}

func meant(q *queue.Queue[int]) {
	_ = l.TryLock()
	_ = q.TryPut(1)
	q.Put(1)
	q.Get()
}

func looked(ctx context.Context) error {
	if !l.TryLock() {
		l.Lock()
	}
	l.Unlock()

	if l.TryLock() {
		l.Unlock()
	}

	for !l.LockTimeout(d) {
		log.Print("still waiting")
	}
	l.Unlock()

	ok := l.TryLock()
	if ok && n > 0 {
		n++
	}
	if ok {
		l.Unlock()
	}

	ok = l.TryLock()
	defer func() {
		if ok {
			l.Unlock()
		}
	}()

	if err := r.LockContext(ctx); err != nil {
		return err
	}
	defer r.Unlock()
	return nil
}

func either(ctx context.Context) error {
	err := l.LockContext(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case err != nil:
		return err
	}
	l.Unlock()

	if err := r.LockContext(ctx); err == nil {
		r.Unlock()
	}
	if !l.TryLock() || n > 0 {
		return nil
	}
	l.Unlock()
	if n > 0 && l.TryLock() {
		l.Unlock()
	}
	return nil
}

func remembered() {
	locked := false
	if !l.TryLock() {
		log.Print("busy")
	} else {
		locked = true
	}
	if locked {
		l.Unlock()
	}
}

func asked() {
	l.Lock()
	if l.TryLock() {
		log.Print("it is locked twice")
	}
	l.Unlock()
}

func told() (locked bool) {
	locked = l.TryLock()
	report(locked)
	if n > 0 {
		l.Unlock()
	}
	return locked
}

func report(bool) {}

func switched() {
	err := l.LockContext(context.Background())
	switch err {
	case nil:
		l.Unlock()
	}
}
