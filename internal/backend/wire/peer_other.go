//go:build !linux && !darwin

package wire

import (
	"errors"
	"fmt"
	"net"
	"runtime"
)

// supported returns an error: here nobody tells which user is at the other end of a socket.
func supported() error {
	return fmt.Errorf("manager: unix: on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func peer(*net.UnixConn) (uid int, err error) { return 0, supported() }
