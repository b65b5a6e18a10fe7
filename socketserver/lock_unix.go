//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package socketserver

import (
	"os"
	"syscall"
	"time"
)

// lockFolder waits for the lock of a folder, for a second or so: none of ours holds it for longer than it takes to bind.
// What cannot be locked at all, because nobody may read it, for example, is not.
func lockFolder(name string) (unlock func(), err error) {
	folder, err := os.Open(name)
	if err != nil {
		return func() {}, nil
	}
	unlock = func() { _ = folder.Close() }
	raw, err := folder.SyscallConn()
	if err != nil {
		return unlock, nil
	}
	for range 200 {
		_ = raw.Control(func(fd uintptr) { err = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
		switch err {
		case syscall.EWOULDBLOCK, syscall.EINTR:
			time.Sleep(5 * time.Millisecond)
		default:
			return unlock, nil
		}
	}
	unlock()
	return nil, os.NewSyscallError("flock", err)
}
