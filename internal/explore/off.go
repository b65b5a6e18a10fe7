//go:build !threadingexplore

package explore

import (
	"sync"
	"time"
)

// On reports whether the build tag threadingexplore is set.
const On = false

// Point is a place where a schedule may switch. It is empty. Where a caller
// must be small enough to be inlined, a call stands behind On: the inliner
// counts it otherwise.
func Point(string) {}

// A Mutex guards the state of a primitive.
type Mutex = sync.Mutex

// Tick is a short time, and LastResort the limit of a wait that should end
// otherwise, where a Case runs on the scheduler of the runtime.
const (
	Tick       = 10 * time.Microsecond
	LastResort = 2 * time.Minute
)
