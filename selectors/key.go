package selectors

import "syscall"

// A Key is a registration: Python's SelectorKey. It never changes; Modify makes another one.
type Key[D any] struct {
	File   any   // what was registered
	FD     int   // its descriptor at that time
	Events Event // what is waited for
	Data   D     // what was given to Register or Modify

	conn syscall.RawConn
}

// A Ready is a file that is ready. Its Events, what the file is ready for, hide those of its Key, what was waited for:
// the latter are r.Key.Events.
type Ready[D any] struct {
	*Key[D]
	Events Event // never more than what was waited for, and never Edge
}
