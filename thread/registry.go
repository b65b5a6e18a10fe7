package thread

import (
	"sync"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/roster"
)

// There are two registries. One finds the Thread of the calling goroutine: an entry is
// made, used and deleted by its goroutine alone. The other lists the threads that are
// alive; it begins with Start, when the goroutine's ident is not known yet.
var (
	byIdent goid.Table[Thread]

	guard sync.Mutex
	alive = 1 // how many are in the ring that begins with mainThread, in the order of Start
)

// mainThread is made by the initialization of the package, which is the main goroutine's.
var mainThread = newMainThread(goid.Certain())

func init() {
	roster.Threads = listed
	roster.Adopt = adopt
}

// listed says what a report wants to know of the threads that are alive.
func listed() []roster.Thread {
	threads := Enumerate()
	all := make([]roster.Thread, len(threads))
	for i, t := range threads {
		all[i] = roster.Thread{Goroutine: t.ident.Load(), Name: t.Name(), Daemon: t.Daemon()}
	}
	return all
}

func newMainThread(id uint64) *Thread {
	name := "MainThread"
	t := new(Thread)
	t.name.Store(&name)
	t.ident.Store(id)
	t.flags.Store(started)
	byIdent.Add(id, t)
	t.next, t.prev = t, t
	return t
}

func (t *Thread) enter() {
	guard.Lock()
	t.next, t.prev = mainThread, mainThread.prev
	t.prev.next, t.next.prev = t, t
	alive++
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
	guard.Lock()
	defer guard.Unlock()
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev = nil, nil // whoever keeps t keeps no other
	alive--
}

// running returns the Thread of the goroutine with an id, or nil if it was not started here.
func running(id uint64) *Thread { return byIdent.Find(id) }

// Current returns the Thread of the calling goroutine. On a goroutine not started here
// that is a new dummy each time; compare threads by their Ident. Current takes one
// look-up in a map, and allocates only a dummy.
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

// MainThread returns the Thread of the main goroutine. Its name is MainThread, it is no
// daemon, and it is in Enumerate and ActiveCount for as long as the process lives.
func MainThread() *Thread { return mainThread }

// Enumerate returns the threads that are alive, MainThread first and the others in the
// order of Start. Unlike Python's it has no dummies.
func Enumerate() []*Thread {
	guard.Lock()
	defer guard.Unlock()
	threads := append(make([]*Thread, 0, alive), mainThread)
	for t := mainThread.next; t != mainThread; t = t.next {
		threads = append(threads, t)
	}
	return threads
}

// ActiveCount returns the number of threads that are alive. MainThread counts, so it is
// 1 when all others have ended.
func ActiveCount() int {
	guard.Lock()
	defer guard.Unlock()
	return alive
}
