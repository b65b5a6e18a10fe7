package socketserver_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// dialPacket returns a client of a PacketServer that can be answered.
func dialPacket(t testing.TB, s *socketserver.PacketServer) client {
	t.Helper()
	if s.Addr().Network() != "unixgram" {
		return dial(t, s)
	}
	name := filepath.Join(filepath.Dir(s.Addr().String()), fmt.Sprint("client", clients.Add(1)))
	c, err := net.DialUnix("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"}, s.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(hang))
	return client{c, nil}
}

var clients atomic.Int32

// hearPacket reads one packet.
func (c client) hearPacket(t testing.TB, want string) {
	t.Helper()
	buf := make([]byte, 1<<16)
	if n, err := c.Conn.Read(buf); string(buf[:n]) != want || err != nil {
		t.Fatalf("heard %q, %v, want %q", buf[:min(n, 99)], err, want)
	}
}

func eachPacketNetwork(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range []string{"udp", "unixgram"} {
		t.Run(network, func(t *testing.T) { f(t, network) })
	}
}

func TestPackets(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		names := make(chan string, 100)
		s := listenPacket(t, network, func(p *socketserver.Packet) error {
			names <- thread.Current().Name()
			return echoPacket(p)
		}, quiet(t), socketserver.Name("post"))
		serve(t, s)
		c := dialPacket(t, s)
		for _, text := range []string{"hello", "", strings.Repeat("x", 8192)} {
			c.say(t, text)
			c.hearPacket(t, text)
			if got, want := <-names, "post "+c.LocalAddr().String(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		c.say(t, strings.Repeat("y", 8192)+"cut")
		c.hearPacket(t, strings.Repeat("y", 8192))
		c.say(t, "after it")
		c.hearPacket(t, "after it")
		wantStats(t, s, socketserver.Stats{Accepted: 5, Served: 5})
		s.Shutdown()
	})
}

func TestMaxPacket(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		for _, most := range []int{1, 100, 60_000, 1 << 24, math.MaxInt} {
			s := listenPacket(t, network, echoPacket, quiet(t), socketserver.MaxPacket(most))
			c := dialPacket(t, s)
			text := strings.Repeat("x", 60_000)
			c.say(t, text)
			if err := s.HandleRequest(); err != nil {
				t.Fatal(err)
			}
			c.hearPacket(t, text[:min(most, len(text))])
		}
	})
}

func TestDataIsTheHandlersOwn(t *testing.T) {
	var kept [][]byte
	s := listenPacket(t, "udp", func(p *socketserver.Packet) error {
		kept = append(kept, p.Data)
		return nil
	}, quiet(t))
	c := dialPacket(t, s)
	for i := range 50 {
		c.say(t, fmt.Sprint("packet ", i))
		if err := s.HandleRequest(); err != nil {
			t.Fatal(err)
		}
	}
	for i, data := range kept {
		if string(data) != fmt.Sprint("packet ", i) {
			t.Errorf("%d: %q", i, data)
		}
	}
}

func TestPacketsInTheCaller(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		served := 0
		s := listenPacket(t, network, func(p *socketserver.Packet) error { served++; return echoPacket(p) }, quiet(t))
		for _, d := range []time.Duration{0, -1, math.MinInt64, 1, time.Millisecond} {
			if err := s.HandleRequestTimeout(d); err != socketserver.ErrTimeout {
				t.Errorf("%v: %v", d, err)
			}
		}
		for name, ended := range proof.EndedContexts(errWhy) {
			ctx, want := ended(t)
			if err := s.HandleRequestContext(ctx); err != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errWhy)
		defer cancel()
		if err := s.HandleRequestContext(ctx); err != errWhy {
			t.Error(err)
		}
		c := dialPacket(t, s)
		for i, handle := range []func() error{
			s.HandleRequest, s.TryHandleRequest, func() error { return s.HandleRequestTimeout(0) },
			func() error { return s.HandleRequestTimeout(hang) },
			func() error { return s.HandleRequestTimeout(math.MaxInt64) },
			func() error { return s.HandleRequestContext(t.Context()) },
		} {
			c.say(t, "x")
			if err := retry(handle); err != nil {
				t.Error(i, err)
			}
			c.hearPacket(t, "x")
			if served != i+1 {
				t.Errorf("%d served, want %d", served, i+1)
			}
		}
		over := make(chan error)
		go func() { over <- s.HandleRequest() }()
		time.Sleep(time.Millisecond)
		s.Close()
		if err := <-over; err != socketserver.ErrClosed {
			t.Error(err)
		}
		for _, err := range []error{
			s.HandleRequest(), s.TryHandleRequest(), s.HandleRequestTimeout(0), s.HandleRequestTimeout(hang), s.HandleRequestContext(ctx),
		} {
			if err != socketserver.ErrClosed {
				t.Error(err)
			}
		}
	})
}

// A handler that runs at Close can still answer; the socket is closed, and its file gone, when it has returned.
func TestAShutdownLetsHandlersAnswer(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		s := listenPacket(t, network, func(p *socketserver.Packet) error {
			inside <- struct{}{}
			<-goOn
			return echoPacket(p)
		}, quiet(t))
		over := serve(t, s)
		c := dialPacket(t, s)
		c.say(t, "late")
		<-inside
		s.Close()
		if err := <-over; err != nil {
			t.Error(err)
		}
		close(goOn)
		c.hearPacket(t, "late")
		s.Join()
		if again, err := net.ListenPacket(network, s.Addr().String()); err != nil {
			t.Error("the address is taken:", err)
		} else {
			_ = again.Close()
		}
	})
}

func TestTerminateClosesTheSocket(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		inside, over := make(chan struct{}), make(chan struct{})
		s := listenPacket(t, network, func(p *socketserver.Packet) error {
			defer close(over)
			close(inside)
			<-p.Context().Done()
			if cause := context.Cause(p.Context()); cause != socketserver.ErrTerminated {
				t.Error(cause)
			}
			_, err := p.Write([]byte("x"))
			for !errors.Is(err, net.ErrClosed) {
				_, err = p.Write([]byte("x"))
			}
			return err
		}, quiet(t))
		serve(t, s)
		dialPacket(t, s).say(t, "x")
		<-inside
		if s.ShutdownTimeout(0) {
			t.Error("ShutdownTimeout was in time")
		}
		<-over
		s.Join()
	})
}

// Whoever sends a flood gets no more than was received, and the server goes on.
func TestAFlood(t *testing.T) {
	for _, opts := range [][]socketserver.Option{{quiet(t)}, {quiet(t), socketserver.Limit(3)}} {
		var called atomic.Uint64
		s := listenPacket(t, "udp", func(p *socketserver.Packet) error {
			called.Add(1)
			return echoPacket(p)
		}, opts...)
		serve(t, s)
		var all sync.WaitGroup
		for range 4 {
			c := dialPacket(t, s)
			all.Go(func() {
				for range proof.Rounds(20_000, 10, 4) {
					_, _ = c.Write([]byte("flood"))
				}
			})
		}
		all.Wait()
		c := dialPacket(t, s)
		buf := make([]byte, 9)
		for { // what is sent now may be dropped for a while
			c.say(t, "after")
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if n, err := c.Conn.Read(buf); err == nil && string(buf[:n]) == "after" {
				break
			}
		}
		s.Shutdown()
		if got := s.Stats(); got.Accepted != called.Load() || got.Served != got.Accepted || got.Open != 0 || got.Failed != 0 {
			t.Errorf("%+v, %d calls", got, called.Load())
		}
	}
}

// OnError is told with whom it went wrong.
func TestAPacketThatFails(t *testing.T) {
	eachPacketNetwork(t, func(t *testing.T, network string) {
		told := new(log)
		s := listenPacket(t, network, func(p *socketserver.Packet) error {
			switch string(p.Data) {
			case "panic":
				panic(errWhy)
			case "exit":
				runtime.Goexit()
			case "closed":
				return net.ErrClosed
			}
			return errWhy
		}, told.option(), socketserver.Limit(1))
		serve(t, s)
		c := dialPacket(t, s)
		for _, text := range []string{"fail", "panic", "exit", "closed"} {
			c.say(t, text)
		}
		wantStats(t, s, socketserver.Stats{Accepted: 4, Served: 4, Failed: 3})
		errs := told.all()
		if len(errs) != 3 || told.conns[0] != nil {
			t.Fatal(errs)
		}
		for i, want := range []error{errWhy, errWhy, thread.ErrGoexit} {
			var op *net.OpError
			if !errors.Is(errs[i], want) || !errors.As(errs[i], &op) || op.Addr.String() != c.LocalAddr().String() || op.Net != network {
				t.Errorf("%v, want %v", errs[i], want)
			}
		}
		var p *thread.PanicError
		if !errors.As(errs[1], &p) {
			t.Error(errs[1])
		}
	})
}

func TestAClientWithoutAnAddressCannotBeAnswered(t *testing.T) {
	told := new(log)
	s := listenPacket(t, "unixgram", func(p *socketserver.Packet) error {
		if p.RemoteAddr() != nil {
			t.Error(p.RemoteAddr())
		}
		return echoPacket(p)
	}, told.option())
	c := dial(t, s)
	c.say(t, "x")
	if err := s.HandleRequest(); err != nil {
		t.Fatal(err)
	}
	if errs := told.all(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "must bind") {
		t.Error(errs)
	}
}

// A foreign socket, which fails.
type failing struct {
	net.PacketConn
	errs chan error
}

func (f *failing) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case err := <-f.errs:
		return 0, nil, err
	default:
		return f.PacketConn.ReadFrom(b)
	}
}

func TestAnErrorOfReceiving(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{u, make(chan error, 9)}
	told := new(log)
	s := socketserver.NewPacket(f, echoPacket, told.option())
	for _, err := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ENOBUFS, errWhy} {
		f.errs <- err
	}
	if err := s.Serve(); err != errWhy {
		t.Error(err)
	}
	if errs := told.all(); len(errs) != 1 || errs[0] != syscall.ENOBUFS {
		t.Error(errs)
	}
	serve(t, s)
	c := dialPacket(t, s)
	c.say(t, "x")
	c.hearPacket(t, "x")
	s.Shutdown()
}

// A foreign socket without deadlines is closed by Close, which is the only way to end its ReadFrom.
func TestASocketWithoutDeadlines(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := socketserver.NewPacket(noDeadlines{u}, echoPacket, quiet(t))
	over := serve(t, s)
	c := dialPacket(t, s)
	c.say(t, "x")
	c.hearPacket(t, "x")
	s.Shutdown()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

type noDeadlines struct{ net.PacketConn }

func (noDeadlines) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

func TestUnixFiles(t *testing.T) {
	open := map[string]func(addr string) (interface {
		Close()
		Join()
	}, error){
		"unix": func(addr string) (interface {
			Close()
			Join()
		}, error) {
			return socketserver.Listen("unix", addr, echo, quiet(t))
		},
		"unixgram": func(addr string) (interface {
			Close()
			Join()
		}, error) {
			return socketserver.ListenPacket("unixgram", addr, echoPacket, quiet(t))
		},
	}
	for network, open := range open {
		t.Run(network, func(t *testing.T) {
			addr := address(t, network)
			for range 2 {
				s, err := open(addr)
				if err != nil {
					t.Fatal(err)
				}
				_, err = open(addr)
				if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "a server is alive there") {
					t.Error(err)
				}
				for other := range 2 { // neither one of the other kind may take its place
					if other == 0 {
						_, err = socketserver.Listen("unix", addr, echo)
					} else {
						_, err = socketserver.ListenPacket("unixgram", addr, echoPacket)
					}
					if !errors.Is(err, syscall.EADDRINUSE) {
						t.Error(err)
					}
				}
				s.Close()
				s.Join()
				if _, err := os.Lstat(addr); !errors.Is(err, os.ErrNotExist) {
					t.Error("the file is there:", err)
				}
			}
			for name, leave := range map[string]func(){
				"by a dead stream": func() {
					l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
					if err != nil {
						t.Fatal(err)
					}
					l.SetUnlinkOnClose(false)
					_ = l.Close()
				},
				"by a dead socket for packets": func() {
					c, err := net.ListenPacket("unixgram", addr)
					if err != nil {
						t.Fatal(err)
					}
					_ = c.Close() // which leaves its file
				},
			} {
				leave()
				if _, err := os.Lstat(addr); err != nil {
					t.Fatal(err)
				}
				s, err := open(addr)
				if err != nil {
					t.Errorf("left %s: %v", name, err)
					continue
				}
				s.Close()
				s.Join()
			}
			if err := os.WriteFile(addr, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := open(addr); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "no socket") {
				t.Error(err)
			}
			if text, err := os.ReadFile(addr); string(text) != "precious" || err != nil {
				t.Error("it is gone:", err)
			}
			_ = os.Remove(addr)
			target := addr + ".target"
			if err := os.Symlink(target, addr); err != nil {
				t.Fatal(err)
			}
			if _, err := open(addr); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "no socket") {
				t.Error(err)
			}
			_ = os.Remove(addr)
		})
	}
	t.Run("somebody else has the address since", func(t *testing.T) {
		addr := address(t, "unixgram")
		s, err := socketserver.ListenPacket("unixgram", addr, echoPacket, quiet(t))
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(addr)
		other, err := net.ListenPacket("unixgram", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		s.Shutdown()
		if _, err := os.Lstat(addr); err != nil {
			t.Error("the file of another is gone:", err)
		}
	})
	t.Run("abstract", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("only Linux has abstract names")
		}
		addr := fmt.Sprintf("@socketserver-test-%d", os.Getpid())
		s, err := socketserver.Listen("unix", addr, echo, quiet(t))
		if err != nil {
			t.Fatal(err)
		}
		serve(t, s)
		if _, err := socketserver.Listen("unix", addr, echo); !errors.Is(err, syscall.EADDRINUSE) {
			t.Error(err)
		}
		c := dial(t, s)
		c.say(t, "x\n")
		c.hear(t, "x\n")
		_ = c.Close()
		s.Shutdown()
	})
}

// Of many that find the file of a dead server, one takes its place; and nobody notices that it is looked at.
func TestOneOfManyReplacesAStaleFile(t *testing.T) {
	for range proof.Rounds(300, 10, 3) {
		addr := address(t, "unix")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		_ = l.Close()
		var all sync.WaitGroup
		var won atomic.Int32
		servers := make(chan *socketserver.Server, 4)
		for range 4 {
			all.Go(func() {
				s, err := socketserver.Listen("unix", addr, echo, quiet(t))
				switch {
				case err == nil:
					won.Add(1)
					servers <- s
					serve(t, s)
				case !strings.Contains(err.Error(), "a server is alive there"):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d have won", won.Load())
		}
		s := <-servers
		c := dial(t, s)
		c.say(t, "x\n")
		c.hear(t, "x\n")
		_ = c.Close()
		s.Shutdown()
		if got := s.Stats(); got.Accepted != 1 {
			t.Fatalf("%+v", got)
		}
	}
}
