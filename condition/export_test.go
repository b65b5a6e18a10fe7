package condition

import (
	"reflect"
	"sync"
)

// Locker returns the lock.
func (c *Condition) Locker() sync.Locker {
	if c.lock == nil {
		return &c.own
	}
	return c.lock
}

// Listed returns how many waiters are on the list.
func (c *Condition) Listed() int {
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.list.Front() == nil {
		return 0
	}
	// The links are package park's own; looking at them changes nothing.
	head := reflect.ValueOf(c.list.Front())
	n, next := 1, head.Elem().FieldByName("next")
	for next.Pointer() != head.Pointer() {
		n, next = n+1, next.Elem().FieldByName("next")
	}
	return n
}

// WaitedFor reports whether anybody is on the list. Unlike Listed it allocates
// nothing.
func (c *Condition) WaitedFor() bool {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.list.Front() != nil
}
