package coroutine

import "strconv"

// A State is how far a [Generator] is.
type State uint32

const (
	Created   State = iota // GEN_CREATED: its body has not begun
	Running                // GEN_RUNNING: its body is running, or another generator delegates to it
	Suspended              // GEN_SUSPENDED: its body is at a yield
	Ended                  // GEN_CLOSED: its body has returned, panicked or exited, or will never run
)

// String returns the name of s.
func (s State) String() string {
	switch s {
	case Created:
		return "created"
	case Running:
		return "running"
	case Suspended:
		return "suspended"
	case Ended:
		return "ended"
	}
	return "State(" + strconv.FormatUint(uint64(s), 10) + ")"
}
