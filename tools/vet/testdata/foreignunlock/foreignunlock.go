package foreignunlock

import (
	"context"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

type job struct {
	owner rlock.RLock
	guard lock.Lock
	n     int
}

func work() {}

func (j *job) starts(p *pool.Pool) {
	j.owner.Lock()
	go func() {
		work()
		j.owner.Unlock() // want `the go statement's function runs in another goroutine, which does not own j.owner: this panics \(foreignunlock\)`
	}()
	thread.Go(func() {
		defer j.owner.Unlock() // want `the function of thread.Go runs in another goroutine`
		work()
	})
	threading.NewThread(func() { j.owner.Unlock() }).Start()       // want `the function of threading.NewThread`
	timer.New(time.Second, func() { j.owner.UnlockAll() }).Start() // want `the function of timer.New`
	pool.ApplyAsync(p, func(context.Context) (int, error) {
		if j.n > 0 {
			j.owner.Unlock() // want `the function of pool.ApplyAsync`
		}
		return j.n, nil
	})
	_, _ = pool.Map(p, pool.Plain(func(n int) int {
		j.owner.Unlock() // want `the function of pool.Map`
		return n
	}), []int{1, 2})
	go j.owner.Unlock() // want `a go statement runs in another goroutine, which does not own j.owner: this panics`
}

// The rest is right.

func (j *job) right() {
	j.guard.Lock()
	go func() { j.guard.Unlock() }()
	go func() {
		j.owner.Lock()
		work()
		j.owner.Unlock()
	}()
	go func() {
		if !j.owner.LockTimeout(time.Second) {
			return
		}
		defer j.owner.Unlock()
		work()
	}()
	go func() {
		j.enter()
		defer j.owner.Unlock()
	}()
	go func() {
		var own rlock.RLock
		own.Lock()
		own.Unlock()
	}()
	enter := j.owner.Lock
	go func() {
		enter()
		j.owner.Unlock()
	}()
	func() { j.owner.Unlock() }()
}

func (j *job) enter() { j.owner.Lock() }

func lockIt(r *rlock.RLock) { r.Lock() }

func (j *job) helped(lockAll func()) {
	go func() {
		lockIt(&j.owner)
		j.owner.Unlock()
	}()
	var r rlock.RLock
	go func() {
		lockAll()
		r.Unlock()
	}()
}
