// Package backend is the boundary between package manager and what keeps its objects: this process ("mem:"), another
// process of this machine ("unix:"), or etcd.
//
// An object here is bytes. Package manager has everything above that, once for all backends: types and codecs, names,
// the four forms of a call, which goroutine of this process goes first, and what a process sees of its own lost session.
// A backend has everything below: who holds what, and since when; who waits; what ends with a session; and outcomes.
//
// # Rules
//
// Four rules hold for every method, and package manager relies on them:
//
//  1. A call that returns [ErrGaveUp] or [ErrLost] has had no effect. One that returns [ErrUnknown] may have had it.
//     Any other outcome is definite, however the call raced with giving up.
//  2. A session is everything that a Manager holds. When it ends, what it held is free; every [Holding] of it is lost,
//     and its Lost channel is closed before another session can hold the same; calls that wait return ErrLost, and the
//     next call runs under a new session. Only [ErrClosed] is for good.
//  3. Nothing is asked of a server before the first call: the methods of [Backend] that return objects do no I/O.
//  4. Tokens of one object grow with every holding, over all sessions and restarts of what keeps it.
//
// # How a backend is added
//
// A package of this project makes its scheme known when it is imported; internal packages of the root module can be
// imported by each module whose path lies below it, such as cluster:
//
//	func init() { manager.RegisterScheme("etcd", open) } // an Opener
//
// The scheme is what stands before the first colon of an address, and the [Opener] is given the address as it is, a
// context that has not ended, and a Codec that is never nil. It refuses options that mean nothing to it by
// [Options.Only], and returns [ErrNoServer], [ErrDenied] or [ErrValue] for an address that leads nowhere. A backend that
// was opened by other means than an address becomes a Manager by [NewManager]; [Of] and [Describe] lead back from a
// Manager and from a handle. Package manager closes what an Opener returned, once or more often.
//
// # What the methods are given
//
// Each may be called by any number of goroutines at once, on the same handle too. Handles are made often, several for one
// object: what a session has of an object belongs to its kind and name, not to the handle. Of one lock, election or once at
// most one goroutine of a Backend waits in Acquire, beside others that try, and those that take the lock again in a
// Condition's Wait: package manager sees to that.
//
// A [Spec] is valid: see [Spec.Valid]. A name may be any bytes but NUL, up to 1,024 of them, and two kinds may have one
// name; that of a [KindValue] may have a NUL, which stands between a Namespace and its attribute. The first call that
// touches an object makes it, or compares the Spec with what it was made with by [Spec.Check]; the Resizes do not mind
// another N. A key of a [Table] is any bytes, also none (a Value is a table with the key ""), and an array's keys are its
// indices as 8 bytes, big endian. Bytes that are passed in belong to the backend from then on, those that it returns stay
// as they are, and nobody changes either.
//
// A [Wait] says how long a call may wait for its turn. A context may be one of any program, which is why it is asked by
// [Ended], [Cause] and [Sound] only. Nothing that others wrote runs while a guard is held: not a context's methods, and
// not a barrier's action, which runs in the goroutine of the call and may panic or exit it.
//
// # What the methods return
//
//	a Wait that is over         ErrGaveUp, whatever ended it
//	ctx ended, nothing sent     Cause(ctx), as it is: also at entry, before anything is looked at
//	ctx ended, a write sent     an error that is ErrUnknown and the cause; what it asked for goes on
//	the session ended           ErrLost if the call had no effect; an error that is both ErrUnknown and ErrLost if it may have
//	closed, or gone for good    ErrClosed, before all the others; and ErrUnknown too if a write was under way
//	refused                     ErrMismatch, ErrQuota, ErrTooLarge, ErrDenied, or what the method names
//
// Errors say which object and what was wanted, by [Errorf]; but ErrGaveUp and the cause of a ctx are returned as they are,
// since package manager compares them by ==. A form without an error result is called again at once after ErrLost, and soon
// after ErrQuota: so a call waits where there is no session or no server for a while, as long as its Wait or ctx allows,
// and one that only tries waits for 5 s at most, then it has given up. Reads are called again after ErrLost likewise.
//
// [Backend.Objects] tells who waits: [Info] has a Party for each call that waits, of whatever process, in order of
// arrival; a watch waits for its object. A backend that does not hear of all of them tells the suite how to count: see
// Waiters of its World.
//
// # How it is tested
//
// Package internal/managertest has the suite that every backend passes. One call runs it:
//
//	managertest.Run(t, managertest.World{Open: open, Barging: false, MaxValue: 1 << 20})
package backend
