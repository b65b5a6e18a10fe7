package socketserver_test

import (
	"net"
	"syscall"
	"testing"
	"unsafe"
)

// queued returns how many bytes have come that nobody has read.
func queued(t testing.TB, c net.Conn) (n int) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var bytes int32
	_ = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&bytes))); errno != 0 {
			t.Fatal(errno)
		}
	})
	return int(bytes)
}
