//go:build threadingdebug

package watch

// behind is how many of the addresses that walk reads are not yet those of here.
const behind = 1

// walk reads the return addresses on the stack, the innermost first.
//
//go:noescape
func walk(raw *[behind + depth]uintptr)
