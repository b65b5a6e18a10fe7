package hook

import "sync"

// Child processes that have ended: package process tells, and whoever keeps
// something for a process elsewhere, such as a lease, gives it up at once
// instead of when its time is over.
var ends struct {
	guard sync.Mutex
	told  map[*func(pid int)]struct{}
}

// OnChildEnd makes ChildEnded call f, until remove. f must not wait.
func OnChildEnd(f func(pid int)) (remove func()) {
	key := &f
	ends.guard.Lock()
	defer ends.guard.Unlock()
	if ends.told == nil {
		ends.told = make(map[*func(pid int)]struct{})
	}
	ends.told[key] = struct{}{}
	return func() {
		ends.guard.Lock()
		defer ends.guard.Unlock()
		delete(ends.told, key)
	}
}

// ChildEnded tells that the child process with this id is dead. It is called
// before the child is waited for, or else the id may be somebody else's by now.
func ChildEnded(pid int) {
	ends.guard.Lock()
	told := make([]func(int), 0, len(ends.told))
	for f := range ends.told {
		told = append(told, *f)
	}
	ends.guard.Unlock()
	for _, f := range told {
		f(pid)
	}
}
