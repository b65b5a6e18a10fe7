// Package process runs functions in other processes of the same program, and
// shares locks, queues and memory with them: Python's multiprocessing for Go.
//
// Goroutines use all processors, so a Go program does not need processes to be
// fast. Use them for isolation: for work that may crash, leak, be killed, or has
// to be cancelled whatever it does.
//
//	var count = process.Register(func(ctx context.Context, name string) (int, error) {
//		…
//	})
//
//	func main() {
//		process.Init()
//		p, err := process.Go(count, "a.txt")
//		…
//		words, err := p.Result()
//	}
//
// # How it works
//
// The program starts itself again, from the file that is running, and the child
// calls one registered function instead of main. [Init], or [Main], must be the
// first call in main, and in TestMain where tests start processes:
//
//	func TestMain(m *testing.M) {
//		process.Init()
//		os.Exit(m.Run())
//	}
//
// What is shared is kernel memory without a name, passed on by descriptor: there
// is nothing to clean up, whatever becomes of the processes, and nothing for
// other programs to open. The pointer to a shared object is passed in the
// argument of a process, in a task of a [Pool], or over a [Conn]; in each process
// that has it, it is the same object.
//
// # Death
//
// A process can be killed at any instruction, and every shared object stays
// usable for the others. The document deaths.md says what a death means for each
// type. In short: locks are free and tell their next owner, counted permits come
// back, queues lose at most what was in the hand of the dead, barriers break, and
// a notification goes to the next waiter.
//
// Other processes learn of a death within a millisecond, and 70 to 150 ms later
// for each GiB of memory that the kernel has to free before. If the parent of the
// dead is dead as well and has no other child, it takes up to a second.
//
// # Values
//
// Arguments, results, items and messages are encoded by the caller, during the
// call. Strings, and types without pointers, are copied as they are; everything
// else is CBOR. What would be dropped or come back as something else is refused
// with [ErrType] when the function is registered or the queue is made: unexported
// fields, interfaces, functions, channels, locks. A nil slice or map stays apart
// from an empty one; pointers to one value come back as pointers to several.
//
// # Errors
//
// An operation returns and panics with the error values of the package of the
// core that it is like: queue.ErrFull, barrier.ErrBroken, lock.ErrNotLocked. A
// constructor panics when the kernel refuses, for want of descriptors or memory,
// or with an error that is errors.ErrUnsupported; ask [Supported] before.
//
// # Limits
//
// Processes and shared objects need 64-bit Linux 5.4 or later, with /proc.
// Elsewhere the package compiles, Init returns, and the rest is
// errors.ErrUnsupported. Plugins and programs built as C archives are not
// supported. C code that forks without exec keeps the process alive in the eyes of
// the others until its child ends.
//
// The race detector sees one process. Within it, shared objects order accesses as
// their documentation says; races between processes, in a [Memory] for instance,
// are not found.
//
// A call that waits is not durably blocked in the sense of testing/synctest.
package process
