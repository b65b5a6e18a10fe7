// The program uses what can be watched, and not package diagnose.
package main

import (
	"context"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/thread"
)

func main() {
	var (
		l  lock.Lock
		m  lock.Map[string]
		r  rlock.RLock
		rw rwlock.RWLock
		q  = queue.New[int](1)
	)
	l.Lock()
	l.LockTimeout(1)
	l.Unlock()
	m.Lock("a")
	m.Unlock("a")
	r.Lock()
	r.Unlock()
	rw.RLock()
	rw.RUnlock()
	rw.Lock()
	rw.Downgrade()
	rw.RUnlock()
	_ = q.Put(1)
	_, _ = q.GetTimeout(1)
	_, _ = q.GetTimeout(1)
	thread.Go(func() {}).Join()
	p := pool.New(1)
	_, _ = pool.Apply(p, func(context.Context) (int, error) { return 1, nil })
	p.Shutdown()
}
