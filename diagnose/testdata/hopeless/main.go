// The program has goroutines that nothing can wake, and prints which of them are found.
package main

import (
	"context"
	"fmt"
	"io"
	"runtime/pprof"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
)

var global lock.Lock

func main() {
	plant()
	time.Sleep(3 * time.Second) // with the tag, a cycle of Locks is looked at again after one
	_ = pprof.Lookup("goroutineleak").WriteTo(io.Discard, 0)
	for _, f := range diagnose.Read().Findings {
		if f.Kind == diagnose.Hopeless {
			fmt.Println(f.Steps[0].Form, f.Steps[0].At[0].Line)
		}
	}
}

func plant() {
	a, b := new(lock.Lock), new(lock.Lock)
	go cross(a, b)
	go cross(b, a)
	var (
		r   = new(rlock.RLock)
		e   = new(event.Event)
		q   = queue.New[int](0)
		s   = semaphore.New(0)
		c   = new(condition.Condition)
		l   = new(lock.Lock)
		ctx = never()
	)
	r.Lock()
	l.Lock()
	global.Lock()
	go func() { r.Lock() }()
	go func() { e.Wait() }()
	go func() { _, _ = q.Get() }()
	go func() { s.Acquire() }()
	go func() { c.Lock(); c.Wait() }()
	go func() { _ = l.LockContext(ctx) }()
	go func() { global.Lock() }()                           // somebody may unlock it
	go func() { new(event.Event).WaitTimeout(time.Hour) }() // ends
}

func cross(a, b *lock.Lock) {
	a.Lock()
	time.Sleep(100 * time.Millisecond)
	b.Lock()
}

// never returns a context that nobody cancels.
func never() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	return ctx
}
