//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package process

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A waitBell is what one call of Wait sleeps on: an epoll descriptor, which the
// netpoller watches, with the sockets in it and an event for what is no socket.
type waitBell struct {
	file  *os.File
	raw   syscall.RawConn
	epoll int

	guard sync.Mutex
	event int // -1: closed
}

func newWaitBell() (*waitBell, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		closeFD(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	b := &waitBell{epoll: ep, event: event}
	if err = b.watch(event); err == nil {
		err = unix.SetNonblock(ep, true)
	}
	if err == nil {
		b.file = os.NewFile(uintptr(ep), "wait")
		b.raw, err = b.file.SyscallConn()
	} else {
		closeFD(ep)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *waitBell) watch(fd int) error {
	err := unix.EpollCtl(b.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err == unix.EEXIST { // it was given twice
		return nil
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// ring wakes the call. It may come when that is over.
func (b *waitBell) ring() {
	b.guard.Lock()
	defer b.guard.Unlock()
	if b.event >= 0 {
		_, _ = unix.Write(b.event, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (b *waitBell) close() {
	if b.file != nil {
		_ = b.file.Close()
	}
	b.guard.Lock()
	defer b.guard.Unlock()
	closeFD(b.event)
	b.event = -1
}

// wait sleeps until look finds something.
func (b *waitBell) wait(lim limit, look func() bool) error {
	var (
		events [1]unix.EpollEvent
		y      way
	)
	y.begin(func(fd uintptr) bool {
		if look() {
			return true
		}
		// What was ready, and is not any more, must be asked for again: the
		// poller tells of changes only.
		n, err := unix.EpollWait(int(fd), events[:], 0)
		return err == nil && n > 0 && look()
	}, b.raw.Read, b.file.SetReadDeadline)
	return y.do(lim)
}

func (w *wire) ready() bool {
	ready := true // if it is closed
	_ = w.raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(p, 0)
			if err != unix.EINTR {
				ready = err != nil || n > 0
				return
			}
		}
	})
	return ready
}

func (w *wire) announce(b *waitBell) (forget func(), err error) {
	w.guard.Lock()
	defer w.guard.Unlock()
	if w.bells == nil {
		w.bells = make(map[*waitBell]struct{})
	}
	w.bells[b] = struct{}{}
	if closed := w.raw.Control(func(fd uintptr) { err = b.watch(int(fd)) }); closed != nil {
		b.ring()
	}
	return func() {
		w.guard.Lock()
		delete(w.bells, b)
		w.guard.Unlock()
	}, err
}

func (w *wire) closed() bool { return w.raw.Control(func(uintptr) {}) != nil }

// copied returns a copy of the descriptor, or -1.
func (w *wire) copied() (fd int) {
	fd = -1
	_ = w.raw.Control(func(own uintptr) {
		if n, err := unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 3); err == nil {
			fd = n
		}
	})
	return fd
}
