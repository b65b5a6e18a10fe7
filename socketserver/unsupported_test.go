package socketserver_test

import (
	"errors"
	"net"
	"testing"

	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/socketserver"
)

var never = socketserver.Register(func(*socketserver.Conn) error { return errors.New("nobody calls this") })

// Where package process starts nothing, that is said.
func TestProcessesAreNotSupported(t *testing.T) {
	if process.Supported() == nil {
		t.Skip("processes are supported here")
	}
	if _, err := socketserver.Listen("tcp", "127.0.0.1:0", nil, socketserver.Processes(1, never)); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := socketserver.New(l, nil, socketserver.Processes(1, never))
	defer s.Shutdown()
	if err := s.Serve(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := s.HandleRequest(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
