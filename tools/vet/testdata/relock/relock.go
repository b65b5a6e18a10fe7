package relock

import (
	"sync"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

type account struct {
	guard  lock.Lock
	owner  rlock.RLock
	amount int
}

func (a *account) twice() {
	a.guard.Lock()
	a.amount++
	a.guard.Lock() // want `a.guard is locked already since line 18: this waits for another goroutine to unlock it \(relock\)`
	a.guard.Unlock()
}

func (a *account) tried() {
	if a.guard.TryLock() {
		a.guard.Lock() // want `a.guard is locked already`
		a.guard.Unlock()
	}
}

func (a *account) typo() {
	a.guard.Lock()
	defer a.guard.Lock() // want `a.guard is held when this deferred Lock runs, which waits forever; was the unlock meant\?`
	a.amount++
}

func (a *account) inLoop() {
	a.guard.Lock()
	for range 3 {
		a.guard.Lock() // want `a.guard is locked already`
	}
}

func keyed(m *lock.Map[int]) {
	m.Lock(1)
	m.Lock(2)
	m.Lock(1) // want `m\[1\] is locked already`
	m.Unlock(1)
	m.Unlock(2)
}

// The rest is right.

func (a *account) reentrant() {
	a.owner.Lock()
	a.owner.Lock()
	a.owner.Unlock()
	a.owner.Unlock()
}

func over(c *condition.Condition) {
	c.Lock()
	c.Lock()
	c.Unlock()
	c.Unlock()
}

func (a *account) waitsForAnother() {
	a.guard.Lock()
	go func() { a.guard.Unlock() }()
	a.guard.Lock()
	a.guard.Unlock()
}

func (a *account) between() {
	a.guard.Lock()
	a.guard.Unlock()
	a.guard.Lock()
	a.guard.Unlock()
}

func (a *account) pause() {
	a.guard.Unlock()
	defer a.guard.Lock()
	a.amount++
}

func (a *account) pauseInside() {
	a.guard.Lock()
	defer a.guard.Lock()
	a.guard.Unlock()
	a.amount++
}

func (a *account) each(all []*account) {
	for _, a := range all {
		a.guard.Lock()
	}
	for i := range all {
		all[i].guard.Lock()
		b := all[i]
		b.guard.Lock()
	}
}

func (a *account) asked() {
	a.guard.Lock()
	if a.guard.TryLock() {
		panic("it was locked")
	}
	a.guard.Unlock()
}

func (a *account) sometimes(n int) {
	if n > 0 {
		a.guard.Lock()
	}
	if n <= 0 {
		a.guard.Lock()
	}
	a.guard.Unlock()
}

func (a *account) release() { a.guard.Unlock() }

func (a *account) helped() {
	a.guard.Lock()
	a.release()
	a.guard.Lock()
	a.release()
}

func (a *account) literal() {
	a.guard.Lock()
	func() {
		a.guard.Unlock()
	}()
	a.guard.Lock()
	a.guard.Unlock()
}

func passed(f func(sync.Locker)) {
	var l lock.Lock
	l.Lock()
	f(&l)
	l.Lock()
}

func again(ls chan *lock.Lock) {
	for range 2 {
		l := <-ls
		l.Lock()
	}
	(<-ls).Lock()
	(<-ls).Lock()
}

func ofSync(m *sync.Mutex) {
	m.Lock()
	m.Lock()
}
