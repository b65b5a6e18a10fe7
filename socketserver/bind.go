package socketserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// bind listens. If the address is the file of a Unix socket that a dead server has left, it is replaced.
//
// To tell whether a server is alive, a socket of another type is connected to the file: the kernel refuses that in one way
// if somebody is bound there, and in another if nobody is, and the server does not notice. Whoever replaces a file
// holds the lock of the folder meanwhile, or two that start at once could both find a dead one, and the later would
// remove the file of the earlier.
func bind[T any](network, addr string, listen func(network, addr string) (T, error)) (bound T, err error) {
	bound, err = listen(network, addr)
	if !isFile(network, addr) || !errors.Is(err, syscall.EADDRINUSE) {
		return bound, err
	}
	unlock, lockErr := lockFolder(filepath.Dir(addr))
	if lockErr != nil {
		return bound, fmt.Errorf("%w, and whether a server is alive there cannot be found out: %w", err, lockErr)
	}
	defer unlock()
	for range 10 { // somebody else may bind in between
		if alive := checkStale(network, addr); alive != nil {
			return bound, fmt.Errorf("%w: %w", err, alive)
		}
		if removeErr := os.Remove(addr); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
			return bound, fmt.Errorf("%w, by a server that is dead: %w", err, removeErr)
		}
		bound, err = listen(network, addr)
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return bound, err
}

// isFile reports whether an address is the name of a file, and not one of Linux's abstract names.
func isFile(network, addr string) bool {
	return strings.HasPrefix(network, "unix") && addr != "" && addr[0] != '@'
}

// checkStale returns nil if a file is a socket to which no process is bound, or is
// gone.
func checkStale(network, file string) error {
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return errors.New("the file is no socket")
	}
	other := "unixgram"
	if network == other {
		other = "unix"
	}
	c, err := net.Dial(other, file)
	switch {
	case err == nil:
		_ = c.Close()
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.EPROTOTYPE):
		return fmt.Errorf("whether a server is alive there cannot be found out: %w", err)
	}
	return errors.New("a server is alive there")
}
