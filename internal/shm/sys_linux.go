//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package shm

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What this package asks the kernel for. Everything else in it is plain Go, and
// is compiled for every system.

// lowHalf is where the lower half of a uint64 lies, in uint32: a futex is 32
// bits.
var lowHalf = func() uintptr {
	one := uint64(1)
	if *(*uint32)(unsafe.Pointer(&one)) == 1 {
		return 0
	}
	return 1
}()

// Operations and flags of the calls for futexes, which package unix does not
// name.
const (
	futexWakeOp     = 1
	futexWaitBitset = 9
	futexPrivate    = 128
	futexAnyBit     = math.MaxUint32
	waitvSize32     = 2
	waitvPrivate    = 128
)

// A waitv is the kernel's struct futex_waitv.
type waitv struct {
	value uint64
	word  uint64
	flags uint32
	_     uint32
}

// futexWaitv sleeps until one of the words has another value than is given, or
// is woken on one of them, or the deadline has passed.
func futexWaitv(words []waitv, deadline time.Duration) unix.Errno {
	ts := unix.NsecToTimespec(int64(deadline))
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&words[0])), uintptr(len(words)), 0,
		uintptr(unsafe.Pointer(&ts)), unix.CLOCK_MONOTONIC, 0)
	return errno
}

// futexWait is futexWaitv for a single word.
func futexWait(word *atomic.Uint32, value uint32, deadline time.Duration) unix.Errno {
	ts := unix.NsecToTimespec(int64(deadline))
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitBitset, uintptr(value),
		uintptr(unsafe.Pointer(&ts)), 0, futexAnyBit)
	return errno
}

// futexWake wakes up to n sleepers on a word.
func futexWake(word *atomic.Uint32, n int) {
	_, _, _ = unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWakeOp, uintptr(n))
}

// futexWakePrivate is futexWake for a word on the heap.
func futexWakePrivate(word *atomic.Uint32) {
	_, _, _ = unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWakeOp|futexPrivate, math.MaxInt32)
}

// hasWaitv asks whether futex_waitv is there (Linux 5.16) and allowed: a filter
// may forbid it, and then it must not be tried again and again. The word does
// not have the value that is asked for, so that the call does not sleep.
func hasWaitv() bool {
	never := []waitv{{1, uint64(uintptr(unsafe.Pointer(&zeroWord))), waitvSize32 | waitvPrivate, 0}}
	return futexWaitv(never, now()) == unix.EAGAIN
}

var zeroWord atomic.Uint32

// sleepOn sleeps on a word of shared memory, the family's deaths and the end of
// a context, whichever changes first. It reports false if the kernel has no
// such call, or does not allow it.
func sleepOn(word *atomic.Uint32, value uint32, deaths *atomic.Uint32, seen uint32, l *Limit, deadline time.Duration) bool {
	words := [3]waitv{
		{uint64(value), uint64(uintptr(unsafe.Pointer(word))), waitvSize32, 0},
		{uint64(seen), uint64(uintptr(unsafe.Pointer(deaths))), waitvSize32, 0},
	}
	n := 2
	if l != nil && l.quit != nil {
		words[2] = waitv{0, uint64(uintptr(unsafe.Pointer(&l.ended))), waitvSize32 | waitvPrivate, 0}
		n = 3
	}
	errno := futexWaitv(words[:n], deadline)
	runtime.KeepAlive(l)
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR, unix.ETIMEDOUT:
		return true
	case unix.ENOSYS, unix.EPERM:
		return false
	}
	time.Sleep(time.Millisecond) // no memory, perhaps: the caller looks again
	return true
}

// sleepOnOne sleeps on a word of shared memory alone.
func sleepOnOne(word *atomic.Uint32, value uint32, deadline time.Duration) {
	switch futexWait(word, value, deadline) {
	case 0, unix.EAGAIN, unix.EINTR, unix.ETIMEDOUT:
	default:
		time.Sleep(time.Millisecond)
	}
}

func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(os.NewSyscallError("clock_gettime", err))
	}
	return time.Duration(ts.Nano()) - time.Since(clockStart)
}

// newFile makes a file without a name.
func newFile(name string) (fd int, err error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	// Where the system insists on files that cannot be run, it does on this
	// flag; a kernel before 6.3 does not know it.
	fd, err = unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err == unix.ENOSYS || err == unix.EPERM {
		return -1, fmt.Errorf("%w: memfd_create: %w", errUnsupported, err)
	}
	return fd, os.NewSyscallError("memfd_create", err)
}

// reserve makes a file at least so long, with memory behind all of it: what
// there is no memory for is an error now, and not a signal later.
func reserve(fd int, from, size int64) error {
	for {
		err := unix.Fallocate(fd, 0, from, size)
		if err != unix.EINTR {
			return os.NewSyscallError("fallocate", err)
		}
	}
}

// lengthen makes a file so long, without memory behind it.
func lengthen(fd int, size int64) error {
	return os.NewSyscallError("ftruncate", unix.Ftruncate(fd, size))
}

// discard gives the memory behind a part of a file back.
func discard(fd int, from, size int64) {
	_ = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, size)
}

// seal keeps all processes from making a file shorter, which would crash those
// that read beyond its end; and from making it longer, unless it grows.
func seal(fd int, grows bool) error {
	seals := unix.F_SEAL_SHRINK
	if !grows {
		seals |= unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	return os.NewSyscallError("fcntl(F_ADD_SEALS)", err)
}

func mapFile(fd int, from, size int64) ([]byte, error) {
	mem, err := unix.Mmap(fd, from, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, os.NewSyscallError("mmap", err)
}

// mapPopulated maps the beginning of a file, all of whose memory is there.
func mapPopulated(fd int, size int64) ([]byte, error) {
	mem, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return mem, os.NewSyscallError("mmap", err)
}

// detach puts private, zero memory where a file was mapped.
func detach(mem []byte) {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&mem[0]), uintptr(len(mem)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED)
	if err != nil {
		panic(os.NewSyscallError("mmap", err))
	}
}

func unmap(mem []byte) { _ = unix.Munmap(mem) }

// copyFile returns another descriptor of an open file, or -1.
func copyFile(fd int) int {
	again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1
	}
	return again
}

func closeFile(fd int) { _ = unix.Close(fd) }

// inspect returns what tells a file from all others, and its size.
func inspect(fd int) (id fileID, size int64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return id, 0, os.NewSyscallError("fstat", err)
	}
	return fileID{uint64(st.Dev), st.Ino}, st.Size, nil
}

// reopen opens the file of a descriptor again: a lock belongs to what an open
// made, and this one must not be shared.
func reopen(fd int) (int, error) {
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	again, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		return again, nil
	}
	if unix.Access("/proc/self/fd", unix.F_OK) != nil {
		return -1, fmt.Errorf("%w: no /proc here: %w", errUnsupported, err)
	}
	return -1, fmt.Errorf("open %s: %w", name, err)
}

// lockByte locks a byte of a file, beyond its end, for this open file. It
// reports false if another has locked it.
func lockByte(fd int, at int64) (bool, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	if err == unix.EAGAIN || err == unix.EACCES {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl(F_OFD_SETLK)", err)
}

// byteLocked reports whether another open file has locked a byte. If that is
// not known it has: no process is taken for dead that may be alive.
func byteLocked(fd int, at int64) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	for {
		err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock)
		if err != unix.EINTR {
			return err != nil || lock.Type != unix.F_UNLCK
		}
	}
}
