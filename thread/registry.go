package thread

import (
	"container/list"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
)

// Two registries. One finds the Thread of the calling goroutine: an entry is made, used and deleted by its goroutine
// alone. The other lists who is alive and begins with Start, when the goroutine's ident is not known yet.
var (
	byIdent sync.Map // uint64 -> *Thread

	guard sync.Mutex
	alive list.List // of *Thread, in the order of Start
)

// mainThread is made by the initialization of the package, which is the main goroutine's.
var mainThread = newMainThread(goid.Certain())

func newMainThread(id uint64) *Thread {
	name := "MainThread"
	t := new(Thread)
	t.name.Store(&name)
	t.ident.Store(id)
	t.flags.Store(started)
	byIdent.Store(id, t)
	t.place = alive.PushBack(t)
	return t
}

func (t *Thread) enter() {
	guard.Lock()
	t.place = alive.PushBack(t)
	guard.Unlock()
	if !t.Daemon() {
		t.entry.Add((*work)(t), time.Now())
	}
}

// work is a Thread as what Main waits for.
type work Thread

// Busy returns the end of the Thread, which is busy once.
func (w *work) Busy() (done *park.Latch, begun uint64) {
	if w.end.IsOpen() {
		return nil, 0
	}
	return &w.end, 0
}

func (t *Thread) leave() {
	t.entry.Remove()
	guard.Lock()
	defer guard.Unlock()
	alive.Remove(t.place)
}

// running returns the Thread of the goroutine with an id, or nil if it was not started here.
func running(id uint64) *Thread {
	t, ok := byIdent.Load(id)
	if !ok {
		return nil
	}
	return t.(*Thread)
}

// Current returns the Thread of the calling goroutine: Python's threading.current_thread. On a goroutine not started
// here it is a fresh dummy. It costs one look-up in a map and, but for a dummy, no allocation.
func Current() *Thread {
	id := goid.Get()
	if t := running(id); t != nil {
		return t
	}
	t := new(Thread)
	t.ident.Store(id)
	t.flags.Store(started | daemon | dummy)
	return t
}

// MainThread returns the Thread of the main goroutine: Python's threading.main_thread. Its name is MainThread, it is no
// daemon, and it is in Enumerate and ActiveCount for as long as the process lives.
func MainThread() *Thread { return mainThread }

// Enumerate returns the threads that are alive, MainThread first and the others in the order of Start: Python's
// threading.enumerate, but for the dummies. A Thread that was joined is not among them.
func Enumerate() []*Thread {
	guard.Lock()
	defer guard.Unlock()
	threads := make([]*Thread, 0, alive.Len())
	for e := alive.Front(); e != nil; e = e.Next() {
		threads = append(threads, e.Value.(*Thread))
	}
	return threads
}

// ActiveCount returns the number of threads that are alive: Python's threading.active_count. MainThread counts, so it is
// 1 when all others have ended.
func ActiveCount() int {
	guard.Lock()
	defer guard.Unlock()
	return alive.Len()
}
