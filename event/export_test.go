package event

import (
	"reflect"
	"sync"
)

// Guard returns what protects the list of waiters, so that a test can decide who gets there first.
func (e *Event) Guard() sync.Locker { return &e.guard }

// Listed returns how many waiters are on the list.
func (e *Event) Listed() int {
	e.guard.Lock()
	defer e.guard.Unlock()
	if e.list.Front() == nil {
		return 0
	}
	// The links are package park's own; looking at them changes nothing.
	head := reflect.ValueOf(e.list.Front())
	n, next := 1, head.Elem().FieldByName("next")
	for next.Pointer() != head.Pointer() {
		n, next = n+1, next.Elem().FieldByName("next")
	}
	return n
}

// WaitedFor reports whether anybody is on the list. Unlike Listed it allocates nothing.
func (e *Event) WaitedFor() bool {
	e.guard.Lock()
	defer e.guard.Unlock()
	return e.list.Front() != nil
}
