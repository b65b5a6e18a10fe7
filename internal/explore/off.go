//go:build !threadingexplore

package explore

import "sync"

// On reports whether the build tag threadingexplore is set.
const On = false

// Point is a place where a schedule may switch. Guard it by On, so that it is nothing, also to the inliner.
func Point(string) {}

// A Mutex guards the state of a primitive.
type Mutex = sync.Mutex
