package socketserver_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// Read and Reader may be used one after the other, in any order.
func TestReadTakesWhatIsBufferedFirst(t *testing.T) {
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		first := make([]byte, 1)
		if _, err := io.ReadFull(c, first); err != nil {
			return err
		}
		r := c.Reader()
		if c.Reader() != r {
			t.Error("another Reader")
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		rest, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c, "%s|%s|%s", first, line, rest)
		return err
	}, quiet(t))
	serve(t, s)
	for _, pieces := range [][]string{{"abc\ndef\nghi"}, {"a", "bc\nd", "ef\n", "ghi"}, {"abc\n", "def\nghi"}} {
		c := dial(t, s)
		for _, piece := range pieces {
			c.say(t, piece)
		}
		halfClose(c)
		c.hear(t, "a|bc\n|def\nghi")
		c.hearEnd(t)
	}
}

// What was written last arrives though the client had sent more than was read.
func TestTheLastReplyArrivesThoughMoreWasSent(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		s := listen(t, network, func(c *socketserver.Conn) error {
			b := make([]byte, 1)
			if _, err := c.Read(b); err != nil {
				return err
			}
			for c.Server().Stats().Rejected > 0 { // never; the client has said all when it has connected
			}
			_, err := io.WriteString(c, strings.Repeat("reply ", 1000))
			return err
		}, quiet(t), socketserver.Verify(func(c net.Conn) bool {
			// Wait until all of it is here, so that the kernel would reset.
			waitFor(t, "what the client sends", func() bool { return queued(t, c) == 5000 })
			return true
		}))
		serve(t, s)
		for range 20 {
			c := dial(t, s)
			c.say(t, strings.Repeat("more ", 1000))
			c.hear(t, strings.Repeat("reply ", 1000))
			c.hearEnd(t)
		}
	}
}

func TestTimeout(t *testing.T) {
	const d = 20 * time.Millisecond
	t.Run("a Read", func(t *testing.T) {
		told := new(log)
		s := listen(t, "tcp", echo, socketserver.Timeout(d), told.option())
		c := dial(t, s)
		c.say(t, "half a li")
		start := time.Now()
		if err := s.HandleRequest(); err != nil {
			t.Fatal(err)
		}
		if passed := time.Since(start); passed < d {
			t.Error("after", passed)
		}
		c.hearEnd(t)
		if errs := told.all(); len(errs) != 1 || !errors.Is(errs[0], os.ErrDeadlineExceeded) {
			t.Error(errs)
		}
	})
	t.Run("a Write", func(t *testing.T) {
		told := new(log)
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			_, err := c.Write(make([]byte, 64<<20))
			return err
		}, socketserver.Timeout(d), told.option())
		dial(t, s) // which never reads
		if err := s.HandleRequest(); err != nil {
			t.Fatal(err)
		}
		if errs := told.all(); len(errs) != 1 || !errors.Is(errs[0], os.ErrDeadlineExceeded) {
			t.Error(errs)
		}
	})
	t.Run("each, not all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, told := newMemory(), new(log)
			s := socketserver.New(m, echo, socketserver.Timeout(d), told.option())
			over := serve(t, s)
			c := m.dial()
			in := bufio.NewReader(c)
			start := time.Now()
			for range 15 { // each a moment before its time is over
				time.Sleep(d - 1)
				_, _ = io.WriteString(c, "line\n")
				if line, err := in.ReadString('\n'); line != "line\n" || err != nil {
					t.Error(line, err)
				}
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Error(err)
			}
			if passed, want := time.Since(start), 15*(d-1)+d; passed != want {
				t.Errorf("after %v, want %v", passed, want)
			}
			s.Shutdown()
			<-over
			if errs := told.all(); len(errs) != 1 || !errors.Is(errs[0], os.ErrDeadlineExceeded) {
				t.Error(errs)
			}
		})
	})
	// What the handler sets holds if it is earlier, whenever it sets it.
	set := map[string]func(*socketserver.Conn, time.Time) error{
		"SetDeadline": (*socketserver.Conn).SetDeadline, "SetReadDeadline": (*socketserver.Conn).SetReadDeadline,
	}
	for name, set := range set {
		t.Run(name, func(t *testing.T) {
			speak := make(chan struct{})
			s := listen(t, "tcp", func(c *socketserver.Conn) error {
				for _, own := range []time.Duration{-time.Hour, d} { // earlier
					start := time.Now()
					if err := set(c, start.Add(own)); err != nil {
						t.Error(err)
					}
					if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > hang/2 {
						t.Error(err, time.Since(start))
					}
				}
				if err := set(c, time.Time{}); err != nil {
					t.Error(err)
				}
				close(speak)
				if _, err := c.Reader().ReadByte(); err != nil {
					t.Error(err)
				}
				go set(c, time.Unix(1, 0)) // from elsewhere, during a Read or before
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				return nil
			}, socketserver.Timeout(hang), quiet(t))
			c := dial(t, s)
			over := make(chan error)
			go func() { over <- s.HandleRequest() }()
			<-speak
			c.say(t, "x")
			if err := <-over; err != nil {
				t.Error(err)
			}
		})
		t.Run(name+" later than Timeout", func(t *testing.T) {
			s := listen(t, "tcp", func(c *socketserver.Conn) error {
				if err := set(c, time.Now().Add(hang)); err != nil {
					t.Error(err)
				}
				for range 2 {
					start := time.Now()
					go set(c, time.Now().Add(hang)) // during the Read
					if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > hang/2 {
						t.Error(err, time.Since(start))
					}
				}
				return nil
			}, socketserver.Timeout(d), quiet(t))
			dial(t, s)
			if err := s.HandleRequest(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("SetWriteDeadline", func(t *testing.T) {
		for _, opts := range [][]socketserver.Option{{socketserver.Timeout(hang), quiet(t)}, {quiet(t)}} {
			s := listen(t, "tcp", func(c *socketserver.Conn) error {
				if err := c.SetWriteDeadline(time.Now().Add(d)); err != nil {
					t.Error(err)
				}
				if _, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
					t.Error(err)
				}
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				if err := errors.Join(c.SetDeadline(time.Time{}), c.Close()); err != nil {
					t.Error(err)
				}
				_, err1 := c.Read(make([]byte, 1))
				_, err2 := c.Write(make([]byte, 1))
				for _, err := range []error{err1, err2, c.SetDeadline(time.Now()), c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now())} {
					if !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
				}
				return nil
			}, opts...)
			dial(t, s)
			if err := s.HandleRequest(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A deadline that is set from elsewhere at the very moment at which a Read begins is not forgotten.
func TestADeadlineFromElsewhereIsNotForgotten(t *testing.T) {
	defer proof.Watch(t)()
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		for range proof.Rounds(20_000, 10, 5) {
			var other sync.WaitGroup
			other.Go(func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) { // or it hangs
				t.Error(err)
			}
			other.Wait()
			_ = c.SetReadDeadline(time.Time{})
		}
		return nil
	}, socketserver.Timeout(time.Hour), quiet(t))
	dial(t, s)
	if err := s.HandleRequest(); err != nil {
		t.Error(err)
	}
}

// certificate returns one for 127.0.0.1 that signs itself.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, roots
}

func tlsServer(t testing.TB, handle func(*socketserver.Conn) error, opts ...socketserver.Option) (*socketserver.Server, *tls.Config) {
	t.Helper()
	own, roots := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := socketserver.New(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{own}}), handle, opts...)
	t.Cleanup(func() {
		s.Terminate()
		s.Join()
	})
	return s, &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	told := new(log)
	var shaken atomic.Int32
	s, config := tlsServer(t, func(c *socketserver.Conn) error {
		err := echo(c)
		if c.Conn.(*tls.Conn).ConnectionState().HandshakeComplete {
			shaken.Add(1)
		}
		return err
	}, told.option(), socketserver.Timeout(hang))
	serve(t, s)
	good := func() {
		t.Helper()
		c, err := tls.Dial("tcp", s.Addr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(hang))
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		if all, err := io.ReadAll(c); string(all) != "hello\n" || err != nil { // a goodbye, and no torn end
			t.Errorf("%q, %v", all, err)
		}
	}
	silent := dial(t, s) // says nothing, and holds up nobody
	good()
	bad := dial(t, s)
	bad.say(t, "GET / HTTP/1.0\r\n\r\n")
	if _, err := io.ReadAll(bad); err != nil {
		t.Error(err)
	}
	good()
	if _, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{}); err == nil { // does not trust us
		t.Error("who trusts this certificate?")
	}
	good()
	_ = silent.Close()
	waitFor(t, "all of them", func() bool { return s.Stats().Served == 6 })
	s.Shutdown()
	for _, err := range told.all() {
		var header tls.RecordHeaderError
		var alert tls.AlertError
		if !errors.As(err, &header) && !errors.As(err, &alert) && !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("told of %v", err)
		}
	}
	if shaken.Load() != 3 {
		t.Errorf("%d handshakes, want 3", shaken.Load())
	}
	if got := s.Stats(); got.Accepted != 6 || got.Failed != 2 {
		t.Errorf("%+v, %v", got, told.all())
	}
}

// To say goodbye to a TLS client takes as long as it likes; Terminate does not wait for that.
func TestTerminateDoesNotSayGoodbye(t *testing.T) {
	inside := make(chan struct{})
	s, config := tlsServer(t, func(c *socketserver.Conn) error {
		if err := c.Conn.(*tls.Conn).Handshake(); err != nil {
			t.Error(err)
		}
		close(inside)
		_, err := c.Write(make([]byte, 64<<20))
		return err
	}, quiet(t))
	serve(t, s)
	c, err := tls.Dial("tcp", s.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-inside
	s.Terminate()
	s.Join()
}

// The default tells a line, and after a panic the stack, in one piece.
func TestErrorsAreALineOnStderr(t *testing.T) {
	cmd := child(t, "errors")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfterN(out.String(), "\n", 4)
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "socketserver: 127.0.0.1:") || !strings.HasSuffix(lines[0], ": went wrong\n") ||
		!strings.HasSuffix(lines[1], ": panic: at the disco\n") || lines[2] != "\n" || !strings.Contains(lines[3], "goroutine ") ||
		!strings.Contains(out.String(), "socketserver: handle udp 127.0.0.1:") {
		t.Errorf("%s", out.String())
	}
}

func init() {
	programs["errors"] = func() {
		n := 0
		s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(*socketserver.Conn) error {
			if n++; n == 1 {
				return errors.New("went wrong")
			}
			panic("at the disco")
		})
		if err != nil {
			panic(err)
		}
		for range 2 {
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				panic(err)
			}
			if err := s.HandleRequest(); err != nil {
				panic(err)
			}
			_ = c.Close()
		}
		s.Shutdown()
		u, err := socketserver.ListenPacket("udp", "127.0.0.1:0", func(*socketserver.Packet) error { return errors.New("went wrong") })
		if err != nil {
			panic(err)
		}
		c, err := net.Dial("udp", u.Addr().String())
		if err != nil {
			panic(err)
		}
		_, _ = c.Write([]byte("x"))
		if err := u.HandleRequest(); err != nil {
			panic(err)
		}
		u.Shutdown()
	}

	// Whether Main waits for a handler is what Daemon says.
	programs["daemon"] = func() {
		thread.Main(func() {
			s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error {
				fmt.Fprintln(c, "begun")
				_, _ = c.Reader().ReadString('\n')
				time.Sleep(50 * time.Millisecond)
				fmt.Println("the handler has returned")
				return nil
			}, socketserver.Daemon(os.Getenv("DAEMON") == "true"))
			if err != nil {
				panic(err)
			}
			go s.Serve()
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				panic(err)
			}
			if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
				panic(err)
			}
			_, _ = io.WriteString(c, "x\n")
		})
	}
}

func TestMainWaitsForHandlersThatAreNoDaemons(t *testing.T) {
	out, err := child(t, "daemon", "DAEMON=false").Output()
	if string(out) != "the handler has returned\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	cmd := child(t, "daemon", "DAEMON=true")
	if err := cmd.Run(); err != nil { // whatever it prints
		t.Error(err)
	}
}
