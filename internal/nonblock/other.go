//go:build !linux

package nonblock

import (
	"errors"
	"net"
	"syscall"
)

func Read(syscall.RawConn, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func Write(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

func ReadFile(syscall.RawConn, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func WriteFile(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

func Accept(syscall.RawConn) (net.Conn, error) { return nil, errors.ErrUnsupported }

func ReadFrom(syscall.RawConn, string, []byte) (int, net.Addr, error) {
	return 0, nil, errors.ErrUnsupported
}

func WriteTo(syscall.RawConn, []byte, net.Addr) (int, error) { return 0, errors.ErrUnsupported }
