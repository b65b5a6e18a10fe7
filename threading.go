// Package threading has the names of Python's threading module, so that a port reads
// like the original with one import, and variables may still be called lock, event or
// timer. It has nothing of its own: every name is that of a package that can be imported
// alone, and that documents it.
//
//	Python                      here                     package
//	threading.Lock()            threading.Lock           lock
//	threading.RLock()           threading.RLock          rlock
//	threading.Semaphore(n)      NewSemaphore             semaphore
//	threading.BoundedSemaphore  NewBoundedSemaphore      semaphore
//	threading.Event()           threading.Event          event
//	threading.Condition(l)      NewCondition             condition
//	threading.Barrier(n, f)     NewBarrier               barrier
//	threading.Timer(s, f)       NewTimer                 timer
//	threading.Thread(target=f)  NewThread, Go            thread
//	name="x", daemon=True       Name, Daemon             thread
//	threading.local()           threading.Local          thread
//	current_thread()            CurrentThread            thread
//	main_thread()               MainThread               thread
//	enumerate()                 Enumerate                thread
//	active_count()              ActiveCount              thread
//	excepthook                  SetExceptHook            thread
//	the wait at the exit        Main                     thread
//
// Lock, RLock, Event, Condition and Local are ready as zero values; the others need their
// constructors. Timers that repeat are in package timer, queues in package queue, and
// worker pools in package pool.
package threading

import (
	"sync"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

type (
	// A Lock is a [lock.Lock].
	Lock = lock.Lock
	// An RLock is an [rlock.RLock].
	RLock = rlock.RLock
	// A Semaphore is a [semaphore.Semaphore].
	Semaphore = semaphore.Semaphore
	// A BoundedSemaphore is a [semaphore.BoundedSemaphore].
	BoundedSemaphore = semaphore.BoundedSemaphore
	// An Event is an [event.Event].
	Event = event.Event
	// A Condition is a [condition.Condition].
	Condition = condition.Condition
	// A Barrier is a [barrier.Barrier].
	Barrier = barrier.Barrier
	// A Timer is a [timer.Timer].
	Timer = timer.Timer
	// A Thread is a [thread.Thread].
	Thread = thread.Thread
	// A Local is a [thread.Local].
	Local[T any] = thread.Local[T]
)

// NewSemaphore is [semaphore.New].
func NewSemaphore(value int) *Semaphore { return semaphore.New(value) }

// NewBoundedSemaphore is [semaphore.NewBounded].
func NewBoundedSemaphore(value int) *BoundedSemaphore { return semaphore.NewBounded(value) }

// NewCondition is [condition.New].
func NewCondition(l sync.Locker) *Condition { return condition.New(l) }

// NewBarrier is [barrier.New].
func NewBarrier(parties int, action func()) *Barrier { return barrier.New(parties, action) }

// NewTimer is [timer.New].
func NewTimer(interval time.Duration, fn func(), opts ...thread.Option) *Timer {
	return timer.New(interval, fn, opts...)
}

// NewThread is [thread.New].
func NewThread(fn func(), opts ...thread.Option) *Thread { return thread.New(fn, opts...) }

// Go is [thread.Go]: NewThread and Start.
func Go(fn func(), opts ...thread.Option) *Thread { return thread.Go(fn, opts...) }

// Name is the option [thread.Name].
func Name(name string) thread.Option { return thread.Name(name) }

// Daemon is the option [thread.Daemon].
func Daemon(daemon bool) thread.Option { return thread.Daemon(daemon) }

// Main is [thread.Main]: it calls fn, and waits for what is no daemon.
func Main(fn func()) { thread.Main(fn) }

// SetExceptHook is [thread.SetExceptHook].
func SetExceptHook(f func(*Thread, *thread.PanicError)) (previous func(*Thread, *thread.PanicError)) {
	return thread.SetExceptHook(f)
}

// CurrentThread is [thread.Current].
func CurrentThread() *Thread { return thread.Current() }

// MainThread is [thread.MainThread].
func MainThread() *Thread { return thread.MainThread() }

// Enumerate is [thread.Enumerate].
func Enumerate() []*Thread { return thread.Enumerate() }

// ActiveCount is [thread.ActiveCount].
func ActiveCount() int { return thread.ActiveCount() }
