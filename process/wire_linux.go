//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package process

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gothreading/threading/internal/shm"
	"golang.org/x/sys/unix"
)

// mostDescriptors is how many the kernel lets travel with one message, less one for the bytes.
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
	f := os.NewFile(uintptr(fd), "conn")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &wire{file: f, raw: raw}, nil
}

// A parcel is a message that is ready to be sent.
type parcel struct {
	head   [1]byte
	data   []byte
	rights []byte
	file   int
}

func pack(data []byte, l *luggage) (m *parcel, err error) {
	m = &parcel{data: data, file: -1}
	var fds []int
	if l != nil {
		fds = l.fds
	}
	if len(fds) > mostDescriptors {
		return nil, fmt.Errorf("process: %d shared objects in one message: want at most %d", len(fds), mostDescriptors)
	}
	if len(data) > largest {
		m.head[0], m.data = inFile, nil
		if m.file, err = shm.NewFile("threading-message"); err != nil {
			return nil, unsupported(err)
		}
		if err := writeAt(m.file, data, 0); err != nil {
			m.close()
			return nil, err
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

// send sends the message if there is room for it.
func (m *parcel) send(fd int) (done bool, err error) {
	for {
		_, err = unix.SendmsgBuffers(fd, [][]byte{m.head[:], m.data}, m.rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false, nil
		case unix.ETOOMANYREFS:
			err = errors.Join(err, errors.New("too many descriptors are on their way: receive some, or raise the limit (ulimit -n)"))
		}
		if err != nil {
			err = os.NewSyscallError("sendmsg", err)
		}
		return true, err
	}
}

// receive receives a message if there is one.
func receive(fd int, buf []byte) (done bool, n int, fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace((mostDescriptors+1)*4))
	for {
		var oobn, flags int
		n, oobn, flags, _, err = unix.Recvmsg(fd, buf, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		switch err {
		case unix.EINTR, unix.ECONNRESET: // the other end was closed with messages unread; ours are still there
			continue
		case unix.EAGAIN:
			return false, 0, nil, nil
		case nil:
		default:
			return true, 0, nil, os.NewSyscallError("recvmsg", err)
		}
		if oobn > 0 {
			messages, err := unix.ParseSocketControlMessage(oob[:oobn])
			if err != nil {
				return true, 0, nil, err
			}
			for _, m := range messages {
				if got, err := unix.ParseUnixRights(&m); err == nil {
					fds = append(fds, got...)
				}
			}
		}
		switch {
		case n == 0:
			err = io.EOF
		case flags&unix.MSG_CTRUNC != 0:
			err = errors.New("process: too many descriptors are open to receive those of a message, which is lost: " +
				"close some, or raise the limit (ulimit -n)")
		}
		if err != nil {
			for _, fd := range fds {
				closeFD(fd)
			}
		}
		return true, n, fds, err
	}
}

// unpack returns what a message says. It keeps nothing of it.
func unpack(message []byte, fds []int) (data []byte, l *luggage, err error) {
	l = &luggage{fds: fds}
	if message[0] != inFile {
		return append([]byte(nil), message[1:]...), l, nil
	}
	if len(fds) == 0 {
		return nil, l, errors.New("process: a message has come without its file")
	}
	file := fds[len(fds)-1]
	l.fds = fds[:len(fds)-1]
	defer closeFD(file)
	size, err := sizeOf(file)
	if err == nil {
		data = make([]byte, size)
		err = readAt(file, data, 0)
	}
	return data, l, err
}
