package manager

import "github.com/gothreading/threading/internal/backend"

// The errors of this package. Each is wrapped by one that names the call or the
// object and the cause; test with [errors.Is].
//
// A queue also returns those of package queue, a barrier [barrier.ErrBroken];
// misuse panics with those of the core package of the same name, such as
// [lock.ErrNotLocked]. What does not exist on a backend or a system is
// [errors.ErrUnsupported].
var (
	// ErrLost means that the session ended and that what it held is free.
	ErrLost = backend.ErrLost
	// ErrUnknown means that a write may or may not have happened. It also is
	// what ended the call: the cause of its context, ErrLost or ErrClosed.
	ErrUnknown = backend.ErrUnknown
	// ErrClosed means that the Manager was closed here, or that its server is
	// gone for good.
	ErrClosed = backend.ErrClosed
	// ErrMismatch means that an object was made with other parameters. Its text
	// names both values and the remedy.
	ErrMismatch = backend.ErrMismatch
	// ErrBusy means that a session holds the object or waits for it.
	ErrBusy = backend.ErrBusy
	// ErrTooLarge means that a value is larger than the backend takes.
	ErrTooLarge = backend.ErrTooLarge
	// ErrQuota means that there is no room, or that too many calls wait.
	ErrQuota = backend.ErrQuota
	// ErrDenied means that the server refused this user, or that the client
	// refused the server.
	ErrDenied = backend.ErrDenied
	// ErrConflict is returned by a CompareAndSet whose revision is out of date.
	ErrConflict = backend.ErrConflict
	// ErrDuplicate is returned by a PutKey whose key is known.
	ErrDuplicate = backend.ErrDuplicate
	// ErrNotFound means that there is no such object, session, index, leader,
	// type or method.
	ErrNotFound = backend.ErrNotFound
	// ErrNoServer is returned by [Open] if no process serves the address.
	ErrNoServer = backend.ErrNoServer
	// ErrNotJoinable is the error that TaskDone and Join panic with if the
	// queue was made without [Joinable].
	ErrNotJoinable = backend.ErrNotJoinable
	// ErrInsecure means that an address or a listener would be open to others.
	ErrInsecure = backend.ErrInsecure
	// ErrValue means that a parameter is invalid. The text names it.
	ErrValue = backend.ErrValue
)
