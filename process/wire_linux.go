//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"github.com/gothreading/threading/internal/shm"
	"golang.org/x/sys/unix"
)

// mostDescriptors is how many the kernel lets travel with one message, less one
// for the bytes.
const mostDescriptors = 252

// wires returns the two ends of a new pair.
func wires() (one, other *wire, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if one, err = wireOf(fds[0]); err != nil {
		closeFD(fds[1])
		return nil, nil, err
	}
	if other, err = wireOf(fds[1]); err != nil {
		_ = one.close()
		return nil, nil, err
	}
	return one, other, nil
}

// wireOf returns the wire of a descriptor, which becomes its own.
func wireOf(fd int) (*wire, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		closeFD(fd)
		return nil, fmt.Errorf("%w: the descriptor is not that of a Conn", ErrSharing)
	}
	w := &wire{file: os.NewFile(uintptr(fd), "conn")}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		_ = w.file.Close()
		return nil, err
	}
	w.out.begin(w.out.send, w.raw.Write, w.file.SetWriteDeadline)
	w.in.begin(w.in.receive, w.raw.Read, w.file.SetReadDeadline)
	return w, nil
}

// An outlet is the way out of a wire.
type outlet struct {
	way
	slabs   shm.Slabs
	large   bool
	head    [1 + sizeBytes]byte
	vectors [3]unix.Iovec
	message unix.Msghdr
}

// sizeBytes is how long the size of a large message is.
const sizeBytes = 8

// inSocket returns how much of a large message travels in the socket. So few of
// them fill it that one more can be written, and one be read, in memory that
// shm.Slabs keep: new memory costs many times as much. Six is enough.
func inSocket(size int) int {
	onTheWay := (shm.SlabKeeps+size/2)/size - 2
	return socketRoom / min(max(onTheWay, 2), 6)
}

// socketRoom is what a socket has room for, if nobody has changed that.
const socketRoom = 208 << 10

// load makes some bytes what is sent, and descriptors with them.
func (o *outlet) load(first, data []byte, fds []int) error {
	head, here := o.head[:1], data
	head[0] = inMessage
	if size := len(first) + len(data); size > largest {
		head = o.head[:]
		head[0] = inFile
		binary.NativeEndian.PutUint64(head[1:], uint64(size))
		here = data[:inSocket(size)-len(first)]
		fd, err := o.slabs.Write(data[len(here):])
		if err != nil {
			return unsupported(err)
		}
		fds = append(fds[:len(fds):len(fds)], fd)
		o.large = true
	}
	o.message = unix.Msghdr{Iov: &o.vectors[0]}
	n := 0
	for _, part := range [...][]byte{head, first, here} {
		if len(part) > 0 {
			o.vectors[n].Base = &part[0]
			o.vectors[n].SetLen(len(part))
			n++
		}
	}
	o.message.SetIovlen(n)
	if len(fds) > 0 {
		rights := unix.UnixRights(fds...)
		o.message.Control = &rights[0]
		o.message.SetControllen(len(rights))
	}
	return nil
}

// unload lets go of it, when it was sent or was not.
func (o *outlet) unload(sent bool) {
	o.message, o.vectors = unix.Msghdr{}, [3]unix.Iovec{}
	switch {
	case !o.large:
		return
	case sent:
		o.slabs.Sent()
	default:
		o.slabs.Withdraw()
	}
	o.large = false
}

// send sends what was loaded, if there is room for it.
func (o *outlet) send(fd uintptr) (done bool) {
	raceSend()
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&o.message)),
			unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch errno {
		case 0:
			return true
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case unix.ETOOMANYREFS:
			o.err = errors.Join(os.NewSyscallError("sendmsg", errno),
				errors.New("too many descriptors are on their way: receive some, or raise the limit (ulimit -n)"))
		default:
			o.err = os.NewSyscallError("sendmsg", errno)
		}
		return true
	}
}

// An inlet is the way into a wire.
type inlet struct {
	way
	views   shm.Views
	buf     []byte
	control []byte
	vector  unix.Iovec
	message unix.Msghdr
	n       int   // of buf
	fds     []int // that have come
}

// receive receives a message if there is one.
func (i *inlet) receive(fd uintptr) (done bool) {
	if i.buf == nil {
		i.buf = make([]byte, 1+sizeBytes+socketRoom/2)
		i.control = make([]byte, unix.CmsgSpace((mostDescriptors+1)*4))
	}
	i.vector.Base = &i.buf[0]
	i.vector.SetLen(len(i.buf))
	for {
		i.message = unix.Msghdr{Iov: &i.vector, Control: &i.control[0]}
		i.message.SetIovlen(1)
		i.message.SetControllen(len(i.control))
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&i.message)),
			unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		switch errno {
		case 0:
		case unix.EINTR, unix.ECONNRESET: // the other end was closed with messages unread; ours are still there
			continue
		case unix.EAGAIN:
			return false
		default:
			i.err = os.NewSyscallError("recvmsg", errno)
			return true
		}
		raceRecv()
		i.n = int(n)
		i.fds = nil
		if i.message.Controllen > 0 {
			i.err = i.rights(i.control[:i.message.Controllen])
		}
		switch {
		case n == 0:
			i.err = io.EOF
		case i.message.Flags&unix.MSG_CTRUNC != 0:
			i.err = errors.New("process: too many descriptors are open to receive those of a message, which is lost: " +
				"close some, or raise the limit (ulimit -n)")
		}
		if i.err != nil {
			closeAll(i.fds)
		}
		return true
	}
}

func (i *inlet) rights(control []byte) error {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			i.fds = append(i.fds, fds...)
		}
	}
	return nil
}

// unpack returns what the message that was received says. The bytes are there
// until the next is received.
func (i *inlet) unpack() (m arrival, l *luggage, err error) {
	m.bytes = i.buf[1:i.n]
	fds := i.fds
	i.fds = nil
	if i.buf[0] == inFile {
		if len(fds) == 0 || len(m.bytes) < sizeBytes {
			closeAll(fds)
			return m, nil, errors.New("process: a large message has come without its file")
		}
		file := fds[len(fds)-1]
		size := binary.NativeEndian.Uint64(m.bytes)
		m.bytes = m.bytes[sizeBytes:]
		m.rest, fds = int(size)-len(m.bytes), fds[:len(fds)-1]
		if m.rest <= 0 {
			closeFD(file)
			err = errors.New("process: a large message has come with nothing in its file")
		} else {
			m.file, err = i.views.Open(file, m.rest)
		}
		if err != nil {
			closeAll(fds)
			return m, nil, err
		}
	}
	if len(fds) > 0 {
		l = &luggage{fds: fds}
	}
	return m, l, nil
}
