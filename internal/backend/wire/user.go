package wire

import (
	"errors"
	"os"
	"slices"
	"syscall"
)

// allowed reports whether a user is that of this process, or one of others.
func allowed(uid int, others []int) bool {
	return uid == os.Geteuid() || slices.Contains(others, uid)
}

// busy reports whether a server is there but has not got round to accepting.
func busy(err error) bool { return errors.Is(err, syscall.EAGAIN) }
