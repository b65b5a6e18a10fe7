package selectors

import "strings"

// An Event is what a file is waited for, or is ready for: one or more of the
// constants, combined with |.
type Event uint32

const (
	// Read is ready when a read or an Accept would not wait: there is something
	// to read, or the end, or an error. It is Python's EVENT_READ, POLLIN and
	// EPOLLIN.
	Read Event = 1 << iota

	// Write is ready when a write would not wait. It is Python's EVENT_WRITE,
	// POLLOUT and EPOLLOUT.
	Write

	// Except is ready when there is something exceptional to read, such as TCP's
	// urgent byte. It is Python's POLLPRI and EPOLLPRI, and what the third list
	// of select.select waits for.
	Except

	// Edge is an addition to the others. With it a file is reported when it
	// becomes ready, and not again while it stays ready; so read or write until
	// ErrWouldBlock. Modify begins anew: a file that is ready then is reported.
	// It may be reported once too often, but never too seldom.
	// It is Python's EPOLLET.
	Edge

	conditions = Read | Write | Except
)

// String returns the names of the constants, as in "Read|Write".
func (e Event) String() string {
	var names []string
	for i, name := range []string{"Read", "Write", "Except", "Edge"} {
		if e&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if e&^(conditions|Edge) != 0 {
		names = append(names, "?")
	}
	if names == nil {
		return "0"
	}
	return strings.Join(names, "|")
}

// valid reports whether e waits for something, and for nothing that does not exist.
func (e Event) valid() bool { return e&conditions != 0 && e&^(conditions|Edge) == 0 }
