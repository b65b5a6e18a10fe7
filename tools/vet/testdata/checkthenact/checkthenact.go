package checkthenact

import (
	"runtime"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/semaphore"
)

type worker struct {
	guard lock.Lock
	jobs  *queue.Queue[int]
	n     int
}

func use(int) {}

func (w *worker) takes() {
	if !w.jobs.Empty() {
		n, err := w.jobs.Get() // want `Get may have to wait, whatever Empty has said before; TryGet asks and acts at once \(checkthenact\)`
		if err == nil {
			use(n)
		}
	}
	for w.jobs.Len() > 0 && w.n > 0 {
		n, err := w.jobs.Get() // want `Get may have to wait, whatever Len has said before`
		if err != nil {
			return
		}
		use(n)
	}
	if 0 < w.jobs.Len() {
		n, _ := w.jobs.Get() // want `Get may have to wait`
		use(n)
	}
}

func (w *worker) puts() error {
	if !w.jobs.Full() {
		err := w.jobs.Put(1) // want `Put may have to wait, whatever Full has said before`
		return err
	}
	return nil
}

func (w *worker) locks(s *semaphore.Semaphore) {
	if !w.guard.Locked() {
		w.guard.Lock() // want `Lock may have to wait, whatever Locked has said before`
		w.n++
		w.guard.Unlock()
	}
	if s.Value() > 0 {
		s.Acquire() // want `Acquire may have to wait, whatever Value has said before`
		w.n++
		s.Release()
	}
}

func (w *worker) polls(s *semaphore.Semaphore) {
	for !w.guard.TryLock() { // want `this loop polls until it has succeeded, as Lock does without polling; LockTimeout and LockContext give up`
	}
	for !w.guard.TryLock() { // want `this loop polls`
		time.Sleep(time.Millisecond)
		runtime.Gosched()
	}
	for !s.TryAcquireN(2) { // want `this loop polls until it has succeeded, as AcquireN does`
		runtime.Gosched()
	}
	time.Sleep(1)
	runtime.Gosched()
}

// The rest is right.

func (w *worker) right(closed func() bool) {
	if !w.jobs.Empty() {
		n, err := w.jobs.TryGet()
		if err == nil {
			use(n)
		}
	}
	if w.jobs.Empty() {
		n, _ := w.jobs.Get()
		use(n)
	}
	if !w.jobs.Empty() {
		use(w.jobs.Len())
	}
	if !w.jobs.Empty() {
		go func() {
			n, _ := w.jobs.Get()
			use(n)
		}()
	}
	for !w.guard.TryLock() {
		if closed() {
			return
		}
	}
	for tries := 0; !w.guard.TryLock(); tries++ {
		time.Sleep(time.Second)
	}
}

func private() {
	var q queue.Queue[int]
	q.Put(1)
	for !q.Empty() {
		n, _ := q.Get()
		use(n)
	}
}

func other(a, b *queue.Queue[int]) {
	if !a.Empty() {
		n, _ := b.Get()
		use(n)
	}
}
