package heldreturn

import (
	"context"
	"errors"
	"log"
	"os"
	"sync"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

var errClosed = errors.New("closed")

type account struct {
	guard  lock.Lock
	owner  rlock.RLock
	closed bool
	amount int
}

func (a *account) withdraw(n int) error {
	a.guard.Lock()
	if a.closed {
		return errClosed // want `returns with a.guard locked since line \d+, which other returns unlock \(heldreturn\)`
	}
	a.amount -= n
	a.guard.Unlock()
	return nil
}

func (a *account) end(n int) {
	a.guard.Lock()
	if n < 0 {
		a.guard.Unlock()
		return
	}
	switch {
	case n == 0:
		return // want `returns with a.guard locked`
	case n == 1:
		panic("one")
	case n == 2:
		log.Fatal("two")
	case n == 3:
		os.Exit(3)
	}
	a.guard.Unlock()
}

func (a *account) falls(n int) {
	a.owner.Lock()
	if n > 0 {
		a.owner.Unlock()
		return
	}
	if n < 0 {
		a.owner.Unlock()
	} else {
		a.amount = 0
		return // want `returns with a.owner locked`
	}
}

func (a *account) timed(d time.Duration) error {
	if !a.guard.LockTimeout(d) {
		return errClosed
	}
	if a.closed {
		return errClosed // want `returns with a.guard locked since line \d+`
	}
	a.guard.Unlock()
	return nil
}

func (a *account) withContext(ctx context.Context) error {
	if err := a.guard.LockContext(ctx); err != nil {
		return err
	}
	if a.closed {
		return errClosed // want `returns with a.guard locked since line \d+`
	}
	a.guard.Unlock()
	return nil
}

func (a *account) looked() bool {
	ok := a.guard.TryLock()
	if ok {
		if a.closed {
			return false // want `returns with a.guard locked`
		}
		a.guard.Unlock()
	}
	return ok
}

func (a *account) loop(ns []int) int {
	for _, n := range ns {
		a.guard.Lock()
		if n == a.amount {
			return n // want `returns with a.guard locked`
		}
		a.guard.Unlock()
	}
	return 0
}

func literal(l *threading.Lock) func() error {
	return func() error {
		l.Lock()
		if l.Locked() {
			return errClosed // want `returns with l locked`
		}
		l.Unlock()
		return nil
	}
}

func waits(c *condition.Condition, n *int) bool {
	c.Lock()
	for *n == 0 {
		if !c.WaitTimeout(time.Second) {
			return false // want `returns with c locked`
		}
	}
	c.Unlock()
	return true
}

func keyed(m *lock.Map[string], n int) error {
	m.Lock("a")
	if n > 0 {
		return errClosed // want `returns with m\["a"\] locked`
	}
	m.Unlock("a")
	return nil
}

type nested struct{ account }

func (n *nested) deep() error {
	n.guard.Lock()
	if n.closed {
		return errClosed // want `returns with n.account.guard locked`
	}
	n.account.guard.Unlock()
	return nil
}

// The rest is right.

func (a *account) deferred() error {
	a.guard.Lock()
	defer a.guard.Unlock()
	if a.closed {
		return errClosed
	}
	return nil
}

func (a *account) deferredLiteral() error {
	a.guard.Lock()
	defer func() {
		a.amount = 0
		a.guard.Unlock()
	}()
	if a.closed {
		return errClosed
	}
	return nil
}

// begin returns with the guard held if the account is open.
func (a *account) begin() error {
	a.guard.Lock()
	if a.closed {
		a.guard.Unlock()
		return errClosed
	}
	return nil
}

func (a *account) purpose() {
	a.guard.Lock()
	if a.closed {
		a.guard.Unlock()
		return
	}
	a.amount++
}

func (a *account) ready() bool {
	a.guard.Lock()
	if !a.closed {
		return true
	}
	a.guard.Unlock()
	return false
}

func (a *account) found() *int {
	a.guard.Lock()
	if !a.closed {
		return &a.amount
	}
	a.guard.Unlock()
	return nil
}

func (a *account) noError() error {
	a.guard.Lock()
	if !a.closed {
		return nil
	}
	a.guard.Unlock()
	return errClosed
}

func (a *account) contract() error {
	a.guard.Unlock()
	a.amount = 1
	a.guard.Lock()
	if a.closed {
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func (a *account) releaser() (func(), error) {
	a.guard.Lock()
	if !a.closed {
		return a.guard.Unlock, errors.New("later")
	}
	a.guard.Unlock()
	return nil, errClosed
}

func (a *account) closure() (func(), error) {
	a.guard.Lock()
	if !a.closed {
		return func() { a.guard.Unlock() }, errors.New("later")
	}
	a.guard.Unlock()
	return nil, errClosed
}

func (a *account) finish() { a.guard.Unlock() }

func (a *account) helped(n int) error {
	a.guard.Lock()
	if n > 0 {
		a.finish()
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func (a *account) named(n int, unlockAll func()) error {
	a.guard.Lock()
	if n > 0 {
		unlockAll()
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func (a *account) passed(n int, take func(sync.Locker)) error {
	a.guard.Lock()
	if n > 0 {
		take(&a.guard)
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func (a *account) handed(n int) error {
	a.guard.Lock()
	if n > 0 {
		go func() {
			time.Sleep(time.Second)
			a.guard.Unlock()
		}()
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func (a *account) sometimes(lock bool) error {
	if lock {
		a.guard.Lock()
	}
	if a.closed {
		return errClosed
	}
	if lock {
		a.guard.Unlock()
	}
	return nil
}

func (a *account) alias(n int) error {
	guard := &a.guard
	guard.Lock()
	if n > 0 {
		a.guard.Unlock()
		return errClosed
	}
	guard.Unlock()
	return nil
}

func (a *account) other(b *account, n int) error {
	a.guard.Lock()
	a = b
	if n > 0 {
		return errClosed
	}
	a.guard.Unlock()
	return nil
}

func shards(all []*account) error {
	for _, a := range all {
		a.guard.Lock()
	}
	for _, a := range all {
		if a.closed {
			return errClosed
		}
		a.guard.Unlock()
	}
	return nil
}

func (a *account) recursive(n int) error {
	a.owner.Lock()
	a.owner.Lock()
	if n > 0 {
		a.owner.UnlockAll()
		return errClosed
	}
	a.owner.Unlock()
	a.owner.Unlock()
	return nil
}

func ofSync(m *sync.Mutex, n int) error {
	m.Lock()
	if n > 0 {
		return errClosed
	}
	m.Unlock()
	return nil
}
