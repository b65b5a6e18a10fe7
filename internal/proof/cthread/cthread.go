//go:build cgo && !windows

// Package cthread runs Go functions on threads that C started. It is imported
// by tests only.
package cthread

/*
#cgo LDFLAGS: -lpthread
int cthreadRun(void);
*/
import "C"

import "sync"

var (
	one      sync.Mutex
	callback func()
)

// Run calls f on a new thread that C starts, and returns true when that thread
// has ended. Without cgo it returns false.
func Run(f func()) bool {
	one.Lock()
	defer one.Unlock()
	callback = f
	return C.cthreadRun() == 0
}
