package event

import (
	"reflect"

	"github.com/gothreading/threading/internal/park"
)

// Guard returns what protects the list of waiters, so that a test can decide who gets there first. It is package park's
// own, as are the links of the list; looking at them changes nothing.
func (e *Event) Guard() *park.Guard {
	return (*park.Guard)(reflect.ValueOf(&e.flag).Elem().FieldByName("guard").Addr().UnsafePointer())
}

func (e *Event) head() reflect.Value {
	return reflect.ValueOf(&e.flag).Elem().FieldByName("list").FieldByName("head")
}

// Listed returns how many waiters are on the list.
func (e *Event) Listed() int {
	guard := e.Guard()
	guard.Lock()
	defer guard.Unlock()
	head := e.head()
	if head.IsNil() {
		return 0
	}
	n, next := 1, head.Elem().FieldByName("next")
	for next.Pointer() != head.Pointer() {
		n, next = n+1, next.Elem().FieldByName("next")
	}
	return n
}

// WaitedFor reports whether anybody is on the list. Unlike Listed it allocates nothing.
func (e *Event) WaitedFor() bool {
	guard := e.Guard()
	guard.Lock()
	defer guard.Unlock()
	return !e.head().IsNil()
}
