// Package watch knows, in a build with the tag threadingdebug, who holds what and who
// waits for what, and sees when a cycle of waits closes. In an ordinary build it is
// nothing: see off.go.
//
// # What is recorded
//
// A [Mark] leads to an [Identity], which is made when it is first needed and belongs
// to one lock as long as that lives. A [Hold] is one time that it was acquired, a
// [Wait] one wait for it; both are new objects each time, because two looks compare
// them. A Hold is recorded after the lock was acquired and taken back before it is
// released: so as long as there is a record, the lock is held. A Wait is recorded
// before the wait begins and taken back before what was waited for is recorded as
// held.
//
// Nothing here refers to a lock, or to a goroutine that waits: an Identity knows the
// number and the address of its lock, as numbers. So the garbage collector, and the
// runtime's proof that nobody can wake a goroutine, see what they see without the
// tag. Whatever is asked of a queue or a pool is asked through a weak pointer.
//
// # Why a cycle is certain
//
// Each goroutine has a state with its holds and its wait. A goroutine that is about
// to wait without limit stores its wait, and then follows: whoever holds what it
// waits for, what that one waits for without limit, and so on. If that leads back to
// itself, all links are compared once more. If they are the same objects, there was
// an instant at which each goroutine of the cycle held what the one before it waits
// for, and all were waiting. If only a holder can release what it holds, none of
// them can ever go on.
//
//   - Two that close one cycle at once both store before they look, so at least one
//     of them sees it. Both may; the numbers of the locks tell that it is one.
//   - A hold that is not yet recorded belongs to a goroutine that is running: when it
//     waits itself, it looks, and finds what came before.
//   - A wait that is recorded although its lock has just been acquired: then the
//     record of whoever held the lock before is gone, and the second comparison fails.
//
// A Lock can be released by any goroutine. So a cycle with a Lock in it is looked at
// again after a second, by the goroutine that has closed it, which waits with that
// limit first; and not at all if the Lock was ever released by another goroutine than
// its holder. A goroutine that waits for a Lock that it holds itself is in no
// deadlock: a Lock may be a signal.
//
// # Locks of its own
//
// Everything here is protected by a sync.Mutex, of a shard, of an Identity or of the
// graph of orders; they are held for a few steps, and never while a primitive's guard
// is wanted, or code of others runs.
package watch
