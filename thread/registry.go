package thread

import (
	"container/list"
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
	byIdent sync.Map // uint64 -> *Thread

	guard sync.Mutex
	alive list.List // of *Thread, in the order of Start
)

// mainThread is made by the initialization of the package, which is the main goroutine's.
var mainThread = newMainThread(goid.Certain())

func init() { roster.Threads = listed }

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
	threads := make([]*Thread, 0, alive.Len())
	for e := alive.Front(); e != nil; e = e.Next() {
		threads = append(threads, e.Value.(*Thread))
	}
	return threads
}

// ActiveCount returns the number of threads that are alive. MainThread counts, so it is
// 1 when all others have ended.
func ActiveCount() int {
	guard.Lock()
	defer guard.Unlock()
	return alive.Len()
}
