package syncrelock

import "sync"

type table struct {
	sync.Mutex
	rw sync.RWMutex
}

func (t *table) twice() {
	t.Lock()
	t.Mutex.Lock() // want `t.Mutex is locked already since line 11`
	t.Unlock()
}

func (t *table) upgrade() {
	t.rw.RLock()
	t.rw.Lock() // want `t.rw is locked already`
	t.rw.Unlock()
}

func (t *table) readInWrite() {
	t.rw.Lock()
	t.rw.RLock() // want `t.rw is locked already`
	t.rw.Unlock()
}

func (t *table) readInRead() {
	t.rw.RLock()
	t.rw.RLock()
	t.rw.RUnlock()
	t.rw.RUnlock()
}
