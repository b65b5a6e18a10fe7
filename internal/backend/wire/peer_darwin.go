package wire

import (
	"net"
	"syscall"
	"unsafe"
)

func supported() error { return nil }

// xucred is what LOCAL_PEERCRED gives: see <sys/ucred.h> and <sys/un.h>.
type xucred struct {
	version uint32
	uid     uint32
	ngroups int16
	groups  [16]uint32
}

const (
	solLocal      = 0
	localPeerCred = 1
)

// peer returns the user of the process at the other end, as the kernel knows it.
func peer(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var (
		cred  xucred
		size  = uint32(unsafe.Sizeof(cred))
		errno syscall.Errno
	)
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, solLocal, localPeerCred,
			uintptr(unsafe.Pointer(&cred)), uintptr(unsafe.Pointer(&size)), 0)
	})
	if err == nil && errno != 0 {
		err = errno
	}
	if err != nil {
		return 0, err
	}
	return int(cred.uid), nil
}
