package syncs

import (
	"errors"
	"sync"
)

var errClosed = errors.New("closed")

type table struct {
	sync.Mutex
	rw sync.RWMutex
}

func early(m *sync.Mutex, n int) error {
	m.Lock()
	if n > 0 {
		return errClosed // want `returns with m locked`
	}
	m.Unlock()
	return nil
}

func (t *table) reader(n int) error {
	t.rw.RLock()
	if n > 0 {
		return errClosed // want `returns with t.rw locked`
	}
	t.rw.RUnlock()
	return nil
}

func (t *table) embedded(n int) error {
	t.Lock()
	if n > 0 {
		return errClosed // want `returns with t.Mutex locked`
	}
	t.Mutex.Unlock()
	return nil
}

// writerKeepsReader unlocks only what it has locked.
func (t *table) promoted(n int) error {
	t.rw.Lock()
	if n > 0 {
		t.rw.Unlock()
		return errClosed
	}
	t.rw.Unlock()
	t.rw.RLock()
	defer t.rw.RUnlock()
	return nil
}
