package socketserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/proof/loopback"
	"github.com/gothreading/threading/socketserver"
)

// hang is a limit that only a test which hangs reaches.
const hang = time.Minute

// waitFor returns when something has come to be, which nobody can be told of. If it does not, it tells how it is instead.
func waitFor(t testing.TB, what string, ok func() bool, instead ...func() string) {
	t.Helper()
	for start := time.Now(); !ok(); runtime.Gosched() {
		if time.Since(start) > hang {
			for _, how := range instead {
				what += "; " + how()
			}
			t.Fatalf("waited a minute for this: %s", what)
		}
	}
}

// quiet fails the test if it is told of anything.
func quiet(t testing.TB) socketserver.Option {
	return socketserver.OnError(func(c *socketserver.Conn, err error) { t.Errorf("told of %v", err) })
}

// A log remembers what OnError was told.
type log struct {
	guard sync.Mutex
	errs  []error
	conns []*socketserver.Conn
}

func (l *log) option() socketserver.Option {
	return socketserver.OnError(func(c *socketserver.Conn, err error) {
		l.guard.Lock()
		defer l.guard.Unlock()
		l.errs, l.conns = append(l.errs, err), append(l.conns, c)
	})
}

func (l *log) all() []error {
	l.guard.Lock()
	defer l.guard.Unlock()
	return append([]error(nil), l.errs...)
}

// listen returns a server on a free port, or a file for "unix", which is terminated when the test is over.
func listen(t testing.TB, network string, handle func(*socketserver.Conn) error, opts ...socketserver.Option) *socketserver.Server {
	t.Helper()
	s, err := socketserver.Listen(network, address(t, network), handle, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Terminate()
		s.Join()
	})
	return s
}

func listenPacket(t testing.TB, network string, handle func(*socketserver.Packet) error, opts ...socketserver.Option) *socketserver.PacketServer {
	t.Helper()
	s, err := socketserver.ListenPacket(network, address(t, network), handle, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Terminate()
		s.Join()
	})
	return s
}

func address(t testing.TB, network string) string {
	t.Helper()
	if network == "unix" || network == "unixgram" {
		return filepath.Join(proof.ShortDir(t), "s")
	}
	return net.JoinHostPort(loopback.Address(), "0")
}

// room returns how many there may be of what is wanted, if each needs so many descriptors.
func room(t testing.TB, wanted, each int) int {
	t.Helper()
	if most := (limit() - 200) / each; most < wanted {
		t.Logf("%d instead of %d: more descriptors are not allowed", most, wanted)
		return most
	}
	return wanted
}

// serve lets a server serve, and fails if that ends otherwise than by the end of the server.
func serve(t testing.TB, s interface{ Serve() error }) (over <-chan error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		err := s.Serve()
		if err != nil {
			t.Errorf("Serve returned %v", err)
		}
		ended <- err
	}()
	return ended
}

// A client of a server.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, s interface{ Addr() net.Addr }) client {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(hang))
	return client{c, bufio.NewReader(c)}
}

func (c client) say(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func (c client) hear(t testing.TB, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

// hearEnd fails unless the server has closed the connection, without a reset.
func (c client) hearEnd(t testing.TB) {
	t.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil {
		t.Fatalf("heard %q, %v, want the end", rest, err)
	}
}

// echo sends lines back, until the client has said all.
func echo(c *socketserver.Conn) error {
	for {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
	}
}

func echoPacket(p *socketserver.Packet) error {
	_, err := p.Write(p.Data)
	return err
}

// wantStats waits for these numbers: a handler is counted a moment after its client has heard the end.
func wantStats(t testing.TB, s interface{ Stats() socketserver.Stats }, want socketserver.Stats) {
	t.Helper()
	var got socketserver.Stats
	defer func() {
		if t.Failed() {
			t.Logf("the numbers are %+v, want %+v", got, want)
		}
	}()
	waitFor(t, fmt.Sprintf("%+v", want), func() bool { got = s.Stats(); return got == want })
}

// wantPanic fails unless f panics with an error that is want.
func wantPanic(t testing.TB, want error, f func()) {
	t.Helper()
	if err, ok := proof.Recovered(f).(error); !ok || !errors.Is(err, want) {
		t.Errorf("panicked with %v, want %v", err, want)
	}
}

// child is the test binary as another program.
func child(t testing.TB, program string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), "SOCKETSERVER_TEST_PROGRAM="+program, "GORACE=atexit_sleep_ms=0"), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// A memory is a listener whose connections are net.Pipes: one that is only known by its Accept, and durable in a bubble.
type memory struct {
	queue  chan func() (net.Conn, error)
	closed chan struct{}
	once   sync.Once
}

func newMemory() *memory {
	return &memory{queue: make(chan func() (net.Conn, error)), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case <-m.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case f := <-m.queue:
		return f()
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

// dial waits until somebody accepts, and returns the client's end.
func (m *memory) dial() net.Conn {
	a, b := net.Pipe()
	m.queue <- func() (net.Conn, error) { return a, nil }
	return b
}

// fail lets an Accept fail.
func (m *memory) fail(err error) { m.queue <- func() (net.Conn, error) { return nil, err } }
