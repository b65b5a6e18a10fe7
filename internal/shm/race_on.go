//go:build race

package shm

import (
	"runtime"
	"unsafe"
)

// An edge tells the race detector of a happens-before edge between goroutines
// of this process. It does not see what is done to memory outside of the heap,
// where the words of objects are.
type edge struct{ word uint64 }

func (e *edge) release() { runtime.RaceReleaseMerge(unsafe.Pointer(&e.word)) }
func (e *edge) acquire() { runtime.RaceAcquire(unsafe.Pointer(&e.word)) }
