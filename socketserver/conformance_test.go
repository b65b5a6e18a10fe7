package socketserver_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// The cases of CPython's test_socketserver.py and gevent's test__server.py that mean something in Go, by their id in the
// list of conformance and their name there.

// lines are what three clients say, each in its turn.
const hello = "hello world\n"

func streamCase(t *testing.T, network string, opts ...socketserver.Option) {
	t.Helper()
	before := runtime.NumGoroutine()
	s := listen(t, network, func(c *socketserver.Conn) error {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		_, err = io.WriteString(c, line)
		return err
	}, append(opts, quiet(t))...)
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
	if c, err := net.Dial(network, s.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("somebody listens")
	}
	if network == "unix" {
		if _, err := os.Lstat(s.Addr().String()); !errors.Is(err, os.ErrNotExist) {
			t.Error("the file is left:", err)
		}
	}
	waitFor(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before })
	if got := s.Stats(); got != (socketserver.Stats{Accepted: 3, Served: 3}) {
		t.Errorf("%+v", got)
	}
}

func packetCase(t *testing.T, network string, opts ...socketserver.Option) {
	t.Helper()
	s := listenPacket(t, network, echoPacket, append(opts, quiet(t))...)
	over := serve(t, s)
	for range 3 {
		c := dialPacket(t, s)
		c.say(t, hello)
		c.hearPacket(t, hello)
	}
	s.Shutdown()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if network == "unixgram" {
		if _, err := os.Lstat(s.Addr().String()); !errors.Is(err, os.ErrNotExist) {
			t.Error("the file is left:", err)
		}
	}
}

// errorCase lets a handler end badly, and returns what OnError was told. It uses Python's way to tell that it was: the
// connection is closed.
func errorCase(t *testing.T, fail func() error, opts ...socketserver.Option) []error {
	t.Helper()
	told := new(log)
	s := listen(t, "tcp", func(*socketserver.Conn) error { return fail() }, append(opts, told.option())...)
	serve(t, s)
	dial(t, s).hearEnd(t)
	s.Shutdown()
	return told.all()
}

func TestCPythonSocketServer(t *testing.T) {
	one := socketserver.Limit(1)
	t.Run("SV01 test_TCPServer", func(t *testing.T) { streamCase(t, "tcp", one) })
	t.Run("SV02 test_ThreadingTCPServer", func(t *testing.T) { streamCase(t, "tcp") })
	t.Run("SV04 test_UnixStreamServer", func(t *testing.T) { streamCase(t, "unix", one) })
	t.Run("SV05 test_ThreadingUnixStreamServer", func(t *testing.T) { streamCase(t, "unix") })
	t.Run("SV07 test_UDPServer", func(t *testing.T) { packetCase(t, "udp", one) })
	t.Run("SV08 test_ThreadingUDPServer", func(t *testing.T) { packetCase(t, "udp") })
	t.Run("SV10 test_UnixDatagramServer", func(t *testing.T) { packetCase(t, "unixgram", one) })
	t.Run("SV11 test_ThreadingUnixDatagramServer", func(t *testing.T) { packetCase(t, "unixgram") })

	t.Run("SV13 test_shutdown", func(t *testing.T) {
		var all sync.WaitGroup
		for range 20 {
			s := listen(t, "tcp", echo, quiet(t))
			all.Go(func() {
				if err := s.Serve(); err != nil {
					t.Error(err)
				}
			})
			s.Shutdown()
		}
		all.Wait()
	})

	t.Run("SV14 test_close_immediately and SV16 test_context_manager", func(t *testing.T) {
		s := listen(t, "tcp", echo, quiet(t))
		s.Shutdown()
		if again, err := net.Listen("tcp", s.Addr().String()); err != nil {
			t.Error("the socket is open:", err)
		} else {
			_ = again.Close()
		}
	})

	t.Run("SV15 test_tcpserver_bind_leak", func(t *testing.T) {
		taken := listen(t, "tcp", echo, quiet(t))
		dead := address(t, "unix")
		if err := os.WriteFile(dead, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := openDescriptors()
		if err != nil {
			t.Skip("open descriptors cannot be counted here:", err)
		}
		for range 1024 {
			if _, err := socketserver.Listen("tcp", taken.Addr().String(), echo); err == nil {
				t.Fatal("it was bound")
			}
			if _, err := socketserver.ListenPacket("unixgram", dead, echoPacket); err == nil {
				t.Fatal("it was bound")
			}
		}
		if after, err := openDescriptors(); after > before+2 || err != nil {
			t.Errorf("%d descriptors are open, before %d, %v", after, before, err)
		}
	})

	for _, c := range []struct {
		sync, threading string
		fail            func() error
		want            error
	}{
		{"SV17 test_sync_handled", "SV19 test_threading_handled", func() error { return errWhy }, errWhy},
		{"SV17 test_sync_handled, by a panic", "SV19 test_threading_handled, by a panic", func() error { panic(errWhy) }, errWhy},
		{"SV18 test_sync_not_handled", "SV20 test_threading_not_handled", func() error { runtime.Goexit(); return nil }, thread.ErrGoexit},
	} {
		check := func(opts ...socketserver.Option) func(*testing.T) {
			return func(t *testing.T) {
				if errs := errorCase(t, c.fail, opts...); len(errs) != 1 || !errors.Is(errs[0], c.want) {
					t.Error(errs)
				}
			}
		}
		t.Run(c.sync, check(one))
		t.Run(c.threading, check())
	}

	t.Run("SV23 test_basics", func(t *testing.T) {
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			var w io.Writer = c
			if _, buffered := w.(*bufio.Writer); buffered {
				t.Error("it is buffered")
			}
			n, err := w.Write([]byte("ab"))
			if n != 2 || err != nil {
				t.Error(n, err)
			}
			// It was sent at once: the client answers to it.
			line, err := c.Reader().ReadString('\n')
			if line != "got it\n" || err != nil {
				t.Error(line, err)
			}
			return nil
		}, quiet(t))
		serve(t, s)
		c := dial(t, s)
		c.hear(t, "ab")
		c.say(t, "got it\n")
		c.hearEnd(t)
	})

	t.Run("SV24 test_write", func(t *testing.T) {
		size := 1 << 30
		if testing.Short() || proof.Race {
			size = 1 << 26
		}
		chunk := bytes.Repeat([]byte("0123456789abcdef"), size>>4)
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			n, err := c.Write(chunk)
			if n != size || err != nil {
				t.Error(n, err)
			}
			return err
		}, quiet(t))
		serve(t, s)
		c := dial(t, s)
		_ = c.SetDeadline(time.Time{})
		if n, err := io.Copy(io.Discard, c.in); n != int64(size) || err != nil {
			t.Error(n, err)
		}
	})

	t.Run("SV26 test_shutdown_request_called_if_verify_request_false", func(t *testing.T) {
		s := listen(t, "tcp", echo, quiet(t), socketserver.Verify(func(net.Conn) bool { return false }))
		c := dial(t, s)
		if err := s.HandleRequest(); err != nil {
			t.Error(err)
		}
		c.hearEnd(t)
		if got := s.Stats(); got != (socketserver.Stats{Rejected: 1}) {
			t.Errorf("%+v", got)
		}
	})

	t.Run("SV27 test_threads_reaped", func(t *testing.T) {
		before := thread.ActiveCount()
		s := listen(t, "tcp", func(*socketserver.Conn) error { return nil }, quiet(t))
		for range 10 {
			c := dial(t, s)
			go s.HandleRequest()
			c.hearEnd(t)
		}
		serve(t, s)
		for range 100 {
			dial(t, s).hearEnd(t)
		}
		waitFor(t, "the end of the threads", func() bool { return thread.ActiveCount() <= before && s.Stats().Open == 0 })
		if got := s.Stats(); got.Accepted != 110 {
			t.Errorf("%+v", got)
		}
	})
}

// openDescriptors counts those of this process.
func openDescriptors() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}

func TestGeventServer(t *testing.T) {
	// converse is what all of gevent's cases have in common: a request, its reply, and the end.
	handle := func(c *socketserver.Conn) error {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) != "GET / HTTP/1.0" {
			return fmt.Errorf("asked for %q", line)
		}
		_, err = io.WriteString(c, "hello and goodbye!")
		return err
	}
	converse := func(t *testing.T, s *socketserver.Server) {
		t.Helper()
		c := dial(t, s)
		c.say(t, "GET / HTTP/1.0\r\n\r\n")
		c.hear(t, "hello and goodbye!")
		c.hearEnd(t)
	}
	refused := func(t *testing.T, s *socketserver.Server) {
		t.Helper()
		if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
			_ = c.Close()
			t.Error("somebody listens")
		}
	}

	t.Run("GS03 test_subclass_just_create", func(t *testing.T) {
		s := listen(t, "tcp", handle, quiet(t))
		c := dial(t, s) // the backlog takes it
		s.Shutdown()
		refused(t, s)
		_, _ = io.ReadAll(c) // the end or a reset, but no reply
		if got := s.Stats(); got != (socketserver.Stats{}) {
			t.Errorf("%+v", got)
		}
	})

	t.Run("GS04 test_subclass_with_socket", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := socketserver.New(l, handle, quiet(t))
		over := serve(t, s)
		converse(t, s)
		s.Shutdown()
		<-over
		refused(t, s)
	})

	t.Run("GS05 test_subclass_with_address", func(t *testing.T) {
		s := listen(t, "tcp", handle, quiet(t))
		over := serve(t, s)
		converse(t, s)
		s.Shutdown()
		<-over
		refused(t, s)
	})

	t.Run("GS07 test_serve_forever and GS08 test_serve_forever_after_start", func(t *testing.T) {
		s := listen(t, "tcp", handle, quiet(t))
		overs := []<-chan error{serve(t, s)}
		converse(t, s)
		overs = append(overs, serve(t, s)) // when it has started
		for range 3 {
			converse(t, s)
		}
		s.Shutdown()
		for _, over := range overs {
			<-over
		}
		refused(t, s)
	})

	t.Run("GS09 test_server_closes_client_sockets", func(t *testing.T) {
		for _, fail := range []bool{false, true} {
			s := listen(t, "tcp", func(*socketserver.Conn) error {
				if fail {
					panic("x")
				}
				return nil
			}, socketserver.OnError(func(*socketserver.Conn, error) {}))
			serve(t, s)
			dial(t, s).hearEnd(t)
		}
	})

	t.Run("GS06 test_invalid_callback and GS10 test_error_in_spawn and GS13 test_invalid_callback", func(t *testing.T) {
		told := new(log)
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			line, err := c.Reader().ReadString('\n')
			if err != nil {
				return err
			}
			if line == "fail\n" {
				var missing func(*socketserver.Conn) error
				return missing(c)
			}
			_, err = io.WriteString(c, "hello and goodbye!")
			return err
		}, told.option())
		serve(t, s)
		before := dial(t, s)
		for range 3 {
			c := dial(t, s)
			c.say(t, "fail\n")
			c.hearEnd(t)
			converse(t, s)
		}
		before.say(t, "GET / HTTP/1.0\r\n")
		before.hear(t, "hello and goodbye!")
		if errs := told.all(); len(errs) != 3 {
			t.Error(errs)
		}
	})

	t.Run("GS12 test_pool_full", func(t *testing.T) {
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			_, _ = io.ReadAll(c)
			return nil
		}, socketserver.Limit(2), quiet(t))
		serve(t, s)
		first, second := dial(t, s), dial(t, s)
		waitFor(t, "two handlers", func() bool { return s.Stats().Open == 2 })
		third := dial(t, s)
		halfClose(third)
		_ = third.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := third.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it was served while all were busy:", err)
		}
		_ = first.Close()
		_ = third.SetReadDeadline(time.Now().Add(hang))
		third.hearEnd(t)
		_ = second.Close()
	})

	t.Run("GS16 test_certificate", func(t *testing.T) {
		s, config := tlsServer(t, handle, quiet(t))
		serve(t, s)
		c, err := tls.Dial("tcp", s.Addr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if certs := c.ConnectionState().PeerCertificates; len(certs) != 1 || certs[0].Subject.CommonName != "test" {
			t.Error(certs)
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n"); err != nil {
			t.Error(err)
		}
		if all, err := io.ReadAll(c); string(all) != "hello and goodbye!" || err != nil {
			t.Errorf("%q, %v", all, err)
		}
	})

	t.Run("GS17 test_wrap_socket_and_handle_wrap_failure", func(t *testing.T) {
		told := new(log)
		s, config := tlsServer(t, handle, told.option())
		serve(t, s)
		bad := dial(t, s)
		bad.say(t, "GET / HTTP/1.0\r\n\r\n")
		_, _ = io.ReadAll(bad)
		c, err := tls.Dial("tcp", s.Addr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n")
		if all, err := io.ReadAll(c); string(all) != "hello and goodbye!" || err != nil {
			t.Errorf("%q, %v", all, err)
		}
		wantStats(t, s, socketserver.Stats{Accepted: 2, Served: 2, Failed: 1})
		var header tls.RecordHeaderError
		if errs := told.all(); len(errs) != 1 || !errors.As(errs[0], &header) {
			t.Error(errs)
		}
	})
}
