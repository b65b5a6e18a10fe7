package shm

import (
	"runtime"

	"github.com/gothreading/threading/rlock"
)

// An RMutex is a lock of processes that a goroutine may lock again. Between
// processes it is an owner, at the first level; which goroutine of this process
// has it, and how often, is an rlock.RLock.
type RMutex struct {
	owner
	local rlock.RLock
	seg   *segment
}

// NewRMutex makes an unlocked RMutex.
func NewRMutex() (*RMutex, error) { return create(KindRMutex, ownerSize, false, 0, rmutexOf) }

// AttachRMutex returns the RMutex of a descriptor.
func AttachRMutex(fd int) (*RMutex, error) {
	return attach(fd, KindRMutex, func(uint64) int64 { return ownerSize }, rmutexOf)
}

func rmutexOf(s *segment) *RMutex { return &RMutex{owner: newOwner((*ownerPage)(s.at(0))), seg: s} }

// Descriptor returns the file of the RMutex.
func (r *RMutex) Descriptor() int { return r.seg.fd }

// Lock locks r, once more if the goroutine has it, and reports false if l was
// over first.
func (r *RMutex) Lock(l *Limit) bool {
	switch {
	case l == nil:
		r.local.Lock()
	case l.deadline != 0:
		if !r.local.LockTimeout(l.deadline - now()) {
			return false
		}
	case r.local.LockContext(l.ctx) != nil:
		return false
	}
	taken := r.local.Depth() > 1 || r.acquire(l)
	if !taken {
		r.local.Unlock()
	}
	runtime.KeepAlive(r)
	return taken
}

// TryLock is Lock if that does not have to wait.
func (r *RMutex) TryLock() bool {
	if !r.local.TryLock() {
		return false
	}
	taken := r.local.Depth() > 1 || r.try()
	if !taken {
		r.local.Unlock()
	}
	runtime.KeepAlive(r)
	return taken
}

// Unlock takes back one Lock. It reports false, and does nothing, if the
// goroutine does not have r.
func (r *RMutex) Unlock() bool {
	depth := r.local.Depth()
	if depth == 0 {
		return false
	}
	if depth == 1 {
		r.release()
	}
	r.local.Unlock()
	runtime.KeepAlive(r)
	return true
}

// UnlockAll unlocks r, and returns how often it was locked, 0 if the goroutine
// does not have it.
func (r *RMutex) UnlockAll() (depth int) {
	if depth = r.local.Depth(); depth > 0 {
		r.release()
		r.local.UnlockAll()
	}
	runtime.KeepAlive(r)
	return depth
}

// LockDepth locks r as often as UnlockAll has unlocked it.
func (r *RMutex) LockDepth(depth int) {
	if depth < 1 {
		return
	}
	r.local.LockDepth(depth)
	if r.local.Depth() == depth {
		r.acquire(nil)
	}
	runtime.KeepAlive(r)
}

// Depth returns how often the goroutine has locked r.
func (r *RMutex) Depth() int { return r.local.Depth() }

// Locked reports whether a goroutine of a living process has r.
func (r *RMutex) Locked() bool {
	held := r.held()
	runtime.KeepAlive(r)
	return held
}

// Abandoned reports whether the goroutine has r, and the process before this
// one died holding it.
func (r *RMutex) Abandoned() bool {
	abandoned := r.local.Owned() && r.abandoned()
	runtime.KeepAlive(r)
	return abandoned
}
