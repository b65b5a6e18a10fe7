//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package process

import (
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

// A parcel is a message that is ready to be sent.
type parcel struct {
	kind   byte
	data   []byte
	rights []byte
	file   int
}

func pack(data []byte, l *luggage) (m parcel, err error) {
	m = parcel{data: data, file: -1}
	var fds []int
	if l != nil {
		fds = l.fds
	}
	if len(fds) > mostDescriptors {
		return m, fmt.Errorf("process: %d shared objects in one message: want at most %d", len(fds), mostDescriptors)
	}
	if len(data) > largest {
		m.kind, m.data = inFile, nil
		if m.file, err = shm.NewFile("threading-message"); err != nil {
			return m, unsupported(err)
		}
		if err := writeAt(m.file, data, 0); err != nil {
			m.close()
			return m, err
		}
		fds = append(fds[:len(fds):len(fds)], m.file)
	}
	if len(fds) > 0 {
		m.rights = unix.UnixRights(fds...)
	}
	return m, nil
}

func (m *parcel) close() {
	if m.file >= 0 {
		closeFD(m.file)
	}
}

// An outlet is the way out of a wire.
type outlet struct {
	way
	kind    [1]byte
	vectors [2]unix.Iovec
	message unix.Msghdr
}

// load makes m what is sent.
func (o *outlet) load(m parcel) {
	o.kind[0] = m.kind
	o.vectors[0].Base = &o.kind[0]
	o.vectors[0].SetLen(1)
	n := 1
	if len(m.data) > 0 {
		o.vectors[1].Base = &m.data[0]
		o.vectors[1].SetLen(len(m.data))
		n = 2
	}
	o.message = unix.Msghdr{Iov: &o.vectors[0]}
	o.message.SetIovlen(n)
	if len(m.rights) > 0 {
		o.message.Control = &m.rights[0]
		o.message.SetControllen(len(m.rights))
	}
}

// unload lets go of it.
func (o *outlet) unload() { o.message, o.vectors[1] = unix.Msghdr{}, unix.Iovec{} }

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
		i.buf = make([]byte, 1+largest)
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
func (i *inlet) unpack() (data []byte, l *luggage, err error) {
	fds := i.fds
	i.fds = nil
	if i.buf[0] != inFile {
		if len(fds) > 0 {
			l = &luggage{fds: fds}
		}
		return i.buf[1:i.n], l, nil
	}
	if len(fds) == 0 {
		return nil, nil, errors.New("process: a message has come without its file")
	}
	file := fds[len(fds)-1]
	if fds = fds[:len(fds)-1]; len(fds) > 0 {
		l = &luggage{fds: fds}
	}
	defer closeFD(file)
	size, err := sizeOf(file)
	if err == nil {
		data = make([]byte, size)
		err = readAt(file, data, 0)
	}
	if err != nil {
		closeAll(fds)
	}
	return data, l, err
}
