package selectors

import "syscall"

// A Key is the registration of a file: Python's SelectorKey. It never changes;
// Modify makes a new one.
type Key[D any] struct {
	File   any   // what was registered
	FD     int   // its descriptor when it was registered
	Events Event // what is waited for
	Data   D     // what was given to Register or Modify

	conn syscall.RawConn
}

// A Ready is a file that is ready. Its Events hide those of its Key: r.Events is
// what the file is ready for, and r.Key.Events what was waited for. It is one
// (key, events) of Python's select().
type Ready[D any] struct {
	*Key[D]
	Events Event // some of what was waited for, without Edge
}
