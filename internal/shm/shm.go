// Package shm is how processes of one machine wait for each other. It is the
// waiting mechanism of package process, as package park is that of goroutines.
// Its objects lie in memory that processes share, see segment. A process may be
// killed at any instruction, and every object stays usable for the others.
//
// # The parts
//
//	family     which processes live, and how a death becomes known
//	owner      the word of a lock: which process holds it, and who is next
//	Mutex      an owner, and a park.Exclusive for the goroutines of one process
//	guarded    a Mutex and a journal: state of several words that changes in one step
//	side       the waiters that want the same of a guarded object, one process at a time
//	station    the goroutines of one process that wait for words to change, one of them in the kernel
//
// Everything else is made of them. Three rules are all that death needs:
//
//  1. Every change is one store, or one compare-and-swap: of a word that is all
//     there is, of a word that says which copy holds, or of the length of a
//     journal. A process that is killed has done all of it, or nothing.
//  2. What a dead process holds is taken from it by a compare-and-swap from
//     exactly the word that names it, after the kernel has said that it will
//     never execute another instruction.
//  3. A wake-up may be lost with the process that owed it. Then a death is
//     announced: all sleepers wake and look at the state themselves. So no
//     process sleeps before it has looked, and it reads the number of known
//     deaths before it looks.
//
// Each type says at its head which deaths matter to it, and what the other
// processes then see. The places are marked in the code by calls of point;
// under the build tag threadingkill the tests kill processes at each of them.
//
// A call that gives up leaves nothing behind, as in package park. Where a
// waiter sleeps alone it has one exit, which settles what its leaving makes
// possible for others.
package shm
