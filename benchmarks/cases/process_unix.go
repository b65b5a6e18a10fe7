//go:build unix

package cases

import (
	"os"
	"syscall"
)

// flock locks and unlocks an open file.
func flock(f *os.File) {
	must(syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	must(syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
}

func lockFile() *os.File {
	f, err := os.CreateTemp("", "lock")
	must(err)
	return f
}

func removeFile(f *os.File) {
	must(f.Close())
	must(os.Remove(f.Name()))
}

// socketPair returns both ends of a stream socket, each as the file that is written to and the one that is read from.
func socketPair() (in, out, thereIn, thereOut *os.File) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	file := func(fd int) *os.File {
		syscall.CloseOnExec(fd)
		must(syscall.SetNonblock(fd, true))
		return os.NewFile(uintptr(fd), "socket")
	}
	again := func(fd int) *os.File {
		other, err := syscall.Dup(fd)
		must(err)
		return file(other)
	}
	return file(fds[0]), again(fds[0]), file(fds[1]), again(fds[1])
}
