package selectors

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/gothreading/threading/internal/nonblock"
)

// An epoll is an epoll instance of the kernel whose own descriptor Go's netpoller watches: a goroutine that waits for it
// takes no thread, and obeys a deadline.
type epoll struct {
	file *os.File
	conn syscall.RawConn
	fd   int // for control; valid until close
}

// A report is what the kernel says of one file.
type report = syscall.EpollEvent

func newEpoll() (*epoll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // or the netpoller would not be asked to watch it
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	if err := e.file.SetReadDeadline(time.Time{}); err != nil {
		_ = e.file.Close()
		return nil, fmt.Errorf("an epoll descriptor cannot be waited for: %w", errors.ErrUnsupported)
	}
	if e.conn, err = e.file.SyscallConn(); err != nil {
		_ = e.file.Close()
		return nil, err
	}
	return e, nil
}

// A change is one to what an epoll watches.
type change int

const (
	add    change = syscall.EPOLL_CTL_ADD
	modify change = syscall.EPOLL_CTL_MOD
	remove change = syscall.EPOLL_CTL_DEL
)

func (c change) String() string {
	return map[change]string{add: "EPOLL_CTL_ADD", modify: "EPOLL_CTL_MOD", remove: "EPOLL_CTL_DEL"}[c]
}

// control changes what is watched of a descriptor. The token comes back in the reports.
func (e *epoll) control(c change, fd int, events Event, token uint64) error {
	event := syscall.EpollEvent{Events: asked(events), Fd: int32(token), Pad: int32(token >> 32)}
	if err := syscall.EpollCtl(e.fd, int(c), fd, &event); err != nil {
		return os.NewSyscallError(c.String(), err)
	}
	return nil
}

// poll asks for what is ready, without waiting, and returns how many reports it
// wrote into buf. The system calls are raw: one that does not wait need not tell
// the scheduler.
//
// Linux looks at its lists without a lock to find out that nothing is ready, and
// in its versions from 5.1 to 6.17 can miss what is there while another poll, or
// the netpoller, looks. A goroutine that believed that and went to sleep might
// sleep forever. poll(2) on the epoll itself looks with the lock.
func poll(fd uintptr, buf []report) int {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd,
			uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
		if errno != 0 {
			return 0 // none is possible
		}
		if n > 0 || !nonblock.IsReadable(int(fd)) {
			return int(n)
		}
	}
}

func token(r *report) uint64 { return uint64(uint32(r.Fd)) | uint64(uint32(r.Pad))<<32 }

// asked returns what the kernel is asked for.
func asked(e Event) (events uint32) {
	if e&Read != 0 {
		events |= syscall.EPOLLIN
	}
	if e&Write != 0 {
		events |= syscall.EPOLLOUT
	}
	if e&Except != 0 {
		events |= syscall.EPOLLPRI
	}
	if e&Edge != 0 {
		events |= 1 << 31 // EPOLLET, which is negative in package syscall
	}
	return events
}

// told returns what the kernel's answer means. An error, and the end of both directions, are told whether they were asked
// for or not, and mean that neither a read nor a write would wait.
func told(r *report) (e Event) {
	if r.Events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
		e = Read | Write
	}
	if r.Events&syscall.EPOLLIN != 0 {
		e |= Read
	}
	if r.Events&syscall.EPOLLOUT != 0 {
		e |= Write
	}
	if r.Events&syscall.EPOLLPRI != 0 {
		e |= Except
	}
	return e
}

// isAlwaysReady reports whether the kernel refused to watch a file because its reads and writes never wait.
func isAlwaysReady(err error) bool { return errors.Is(err, syscall.EPERM) }

// isTaken reports whether the descriptor is watched already.
func isTaken(err error) bool { return errors.Is(err, syscall.EEXIST) }

// newAlwaysReady returns a descriptor that is always ready to be read: a pipe that nobody writes to any more.
func newAlwaysReady() (*os.File, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	_ = syscall.Close(ends[1])
	return os.NewFile(uintptr(ends[0]), "always ready"), nil
}
