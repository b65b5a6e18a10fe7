package socketserver_test

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"testing"

	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// The cases of test_socketserver.py in which handlers run in processes.

var (
	echoingOnce = socketserver.Register(func(c *socketserver.Conn) error {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		_, err = io.WriteString(c, line)
		return err
	})
	panicking = socketserver.Register(func(*socketserver.Conn) error { panic("test") })
	quitting  = socketserver.Register(func(c *socketserver.Conn) error {
		fmt.Fprintln(c, "quitting")
		runtime.Goexit()
		return nil
	})
)

func forkingCase(t *testing.T, network string) {
	t.Helper()
	needProcesses(t)
	foreign := exec.Command("sleep", "60") // a child that is none of ours is not waited for
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	s := listen(t, network, nil, quiet(t), socketserver.Processes(2, echoingOnce))
	over := serve(t, s)
	for range 3 {
		c := dial(t, s)
		c.say(t, hello)
		c.hear(t, hello)
		c.hearEnd(t)
	}
	s.Shutdown()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if all := process.Children(); len(all) > 0 {
		t.Errorf("%d children are left", len(all))
	}
	if got := s.Stats(); got != (socketserver.Stats{Accepted: 3, Served: 3}) {
		t.Errorf("%+v", got)
	}
	_ = foreign.Process.Kill()
	var exit *exec.ExitError
	if err := foreign.Wait(); !errors.As(err, &exit) {
		t.Error("somebody else has waited for a foreign child:", err)
	}
}

// forkingErrorCase returns what OnError was told.
func forkingErrorCase(t *testing.T, h *socketserver.Handler, says string) []error {
	t.Helper()
	needProcesses(t)
	told := new(log)
	s := listen(t, "tcp", nil, told.option(), socketserver.Processes(1, h))
	serve(t, s)
	c := dial(t, s)
	c.hear(t, says)
	c.hearEnd(t)
	s.Shutdown()
	return told.all()
}

func TestCPythonForkingServer(t *testing.T) {
	t.Run("SV03 test_ForkingTCPServer", func(t *testing.T) { forkingCase(t, "tcp") })
	t.Run("SV06 test_ForkingUnixStreamServer", func(t *testing.T) { forkingCase(t, "unix") })
	t.Run("SV21 test_forking_handled", func(t *testing.T) {
		var p *thread.PanicError
		if told := forkingErrorCase(t, panicking, ""); len(told) != 1 || !errors.As(told[0], &p) || p.Value != "test" {
			t.Error(told)
		}
	})
	t.Run("SV22 test_forking_not_handled", func(t *testing.T) {
		if told := forkingErrorCase(t, quitting, "quitting\n"); len(told) != 1 || !errors.Is(told[0], thread.ErrGoexit) {
			t.Error(told)
		}
	})
}
