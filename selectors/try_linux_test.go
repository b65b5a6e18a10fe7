package selectors_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/selectors"
)

// ends are a file to read from and one to write to, of each kind that there is. blocking is what os.Stdin is: a
// descriptor that nobody made nonblocking.
func eachKind(t *testing.T, f func(t *testing.T, r, w any, packets bool)) {
	for name, open := range map[string]func(*testing.T) (r, w any){
		"tcp": func(t *testing.T) (any, any) { a, b := tcp(t); return a, b },
		"tcp that Fd made blocking": func(t *testing.T) (any, any) {
			a, b := tcp(t)
			for _, c := range []*net.TCPConn{a, b} {
				duplicate, err := c.File()
				if err != nil {
					t.Fatal(err)
				}
				setNonblock(t, duplicate, false)
				_ = duplicate.Close()
			}
			return a, b
		},
		"unix":     func(t *testing.T) (any, any) { a, b := pair(t, syscall.SOCK_STREAM); return a, b },
		"unixgram": func(t *testing.T) (any, any) { a, b := pair(t, syscall.SOCK_DGRAM); return a, b },
		"udp": func(t *testing.T) (any, any) {
			a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			b, err := net.DialUDP("udp", nil, a.LocalAddr().(*net.UDPAddr))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = a.Close()
				_ = b.Close()
			})
			return a, b
		},
		"pipe": func(t *testing.T) (any, any) { r, w := pipe(t); return r, w },
		"blocking pipe": func(t *testing.T) (any, any) {
			r, w := pipe(t)
			return blocking(t, r), blocking(t, w)
		},
		"blocking fifo": func(t *testing.T) (any, any) {
			name := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(name, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			b := blocking(t, f)
			return b, b
		},
		"terminal": func(t *testing.T) (any, any) {
			master, slave := terminal(t)
			return blocking(t, slave), master
		},
		"blocking terminal": func(t *testing.T) (any, any) {
			master, slave := terminal(t)
			return blocking(t, master), blocking(t, slave)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := open(t)
			f(t, r, w, name == "udp" || name == "unixgram")
		})
	}
}

// blocking returns a file with the same descriptor's duplicate, which is blocking.
func blocking(t *testing.T, f *os.File) *os.File {
	t.Helper()
	var fd int
	control(t, f, func(old int) (err error) { fd, err = syscall.Dup(old); return err })
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	b := os.NewFile(uintptr(fd), "blocking")
	t.Cleanup(func() { _ = b.Close() })
	_ = f.Close()
	return b
}

func setNonblock(t *testing.T, f syscall.Conn, nonblocking bool) {
	t.Helper()
	control(t, f, func(fd int) error { return syscall.SetNonblock(fd, nonblocking) })
}

// terminal returns a pseudoterminal that passes everything on as it is.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudoterminal here:", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number uint32
	var unlocked int32
	control(t, master, ioctl(syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked)))
	control(t, master, ioctl(syscall.TIOCGPTN, unsafe.Pointer(&number)))
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudoterminal here:", err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	var raw syscall.Termios
	control(t, slave, ioctl(syscall.TCGETS, unsafe.Pointer(&raw)))
	raw.Lflag &^= syscall.ICANON | syscall.ECHO | syscall.ISIG
	raw.Oflag &^= syscall.OPOST
	raw.Iflag &^= syscall.ICRNL | syscall.IXON
	control(t, slave, ioctl(syscall.TCSETS, unsafe.Pointer(&raw)))
	return master, slave
}

// ioctl returns what control is to do.
func ioctl(request uintptr, p unsafe.Pointer) func(fd int) error {
	return func(fd int) error {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(p)); errno != 0 {
			return errno
		}
		return nil
	}
}

func TestATransferNeverWaits(t *testing.T) {
	eachKind(t, func(t *testing.T, r, w any, packets bool) {
		buf := make([]byte, 1<<16)
		for range 2 {
			if n, err := selectors.TryRead(r, buf); n != 0 || err != selectors.ErrWouldBlock {
				t.Fatal("nothing to read:", n, err)
			}
		}
		if n, err := selectors.TryRead(r, nil); n != 0 || err != nil {
			t.Error("an empty buffer:", n, err)
		}
		if n, err := selectors.TryWrite(w, []byte("hello")); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		waitReadable(t, r)
		if n, err := selectors.TryRead(r, nil); n != 0 || err != nil {
			t.Error("an empty buffer:", n, err)
		}
		if n, err := selectors.TryRead(r, buf); string(buf[:n]) != "hello" || err != nil {
			t.Fatal(n, err)
		}

		// Until there is no room, and then all comes out again.
		wrote := 0
		part := make([]byte, 1000)
		for {
			n, err := selectors.TryWrite(w, part)
			if err == selectors.ErrWouldBlock {
				if n != 0 {
					t.Error("a part and an error:", n, err)
				}
				break
			}
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			if wrote += n; wrote > 64<<20 {
				if packets { // those of UDP are dropped instead
					return
				}
				t.Fatal("there is room without end")
			}
		}
		got := 0
		for got < wrote {
			n, err := selectors.TryRead(r, buf)
			if err == selectors.ErrWouldBlock && packets && got > 0 {
				break
			}
			if err == selectors.ErrWouldBlock {
				waitReadable(t, r)
				continue
			}
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			got += n
		}
		if got != wrote {
			t.Errorf("%d bytes came of %d", got, wrote)
		}
	})
}

func TestALargeWriteWritesAPart(t *testing.T) {
	eachKind(t, func(t *testing.T, r, w any, packets bool) {
		if packets {
			return
		}
		if c, ok := w.(*net.TCPConn); ok { // which else has as much room as the system likes
			if err := c.SetWriteBuffer(1 << 16); err != nil {
				t.Fatal(err)
			}
		}
		large := make([]byte, 8<<20)
		n, err := selectors.TryWrite(w, large)
		if n <= 0 || n >= len(large) || err != nil {
			t.Errorf("%d of %d, %v", n, len(large), err)
		}
		if f, ok := w.(*os.File); ok && strings.HasPrefix(t.Name(), "TestALargeWriteWritesAPart/blocking") {
			_ = f.Close()
		}
		_ = r
	})
}

func TestTheEndIsEOF(t *testing.T) {
	a, b := tcp(t)
	_ = b.CloseWrite()
	waitReadable(t, a)
	u, v := pair(t, syscall.SOCK_STREAM)
	_ = v.Close()
	r, w := pipe(t)
	_ = w.Close()
	r2, w2 := pipe(t)
	slow := blocking(t, r2)
	_ = w2.Close()
	f := regular(t, "")
	for _, file := range []any{a, u, r, slow, f} {
		for range 2 {
			if n, err := selectors.TryRead(file, make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%T: %d, %v", file, n, err)
			}
		}
		if n, err := selectors.TryRead(file, nil); n != 0 || err != nil {
			t.Errorf("%T: an empty buffer: %d, %v", file, n, err)
		}
	}
	if n, _, err := selectors.TryReadFrom(a, make([]byte, 1)); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
	r3, w3 := pipe(t)
	_ = r3.Close()
	for _, file := range []any{u, w3} {
		if n, err := selectors.TryWrite(file, []byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%T: %d, %v", file, n, err)
		}
	}
}

func TestAnEmptyPacketIsNoEnd(t *testing.T) {
	a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := net.DialUDP("udp", nil, a.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	u, v := pair(t, syscall.SOCK_DGRAM)
	for _, c := range []struct{ r, w any }{{a, b}, {u, v}} {
		for range 2 {
			if n, err := selectors.TryWrite(c.w, nil); n != 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		waitReadable(t, c.r)
		if n, err := selectors.TryRead(c.r, make([]byte, 9)); n != 0 || err != nil {
			t.Errorf("%T: %d, %v", c.r, n, err)
		}
		if n, _, err := selectors.TryReadFrom(c.r, make([]byte, 9)); n != 0 || err != nil {
			t.Errorf("%T: %d, %v", c.r, n, err)
		}
		if n, err := selectors.TryRead(c.r, make([]byte, 9)); n != 0 || err != selectors.ErrWouldBlock {
			t.Errorf("%T: %d, %v", c.r, n, err)
		}
	}
}

// Neither a deadline nor a goroutine that waits in Read is in the way.
func TestATransferDoesNotMindWhatReadMinds(t *testing.T) {
	a, b := tcp(t)
	_ = a.SetDeadline(time.Unix(1, 0))
	buf := make([]byte, 9)
	if n, err := selectors.TryRead(a, buf); n != 0 || err != selectors.ErrWouldBlock {
		t.Error(n, err)
	}
	if n, err := selectors.TryWrite(a, []byte("x")); n != 1 || err != nil {
		t.Error(n, err)
	}
	_ = a.SetDeadline(time.Time{})
	for _, c := range []struct {
		r io.ReadCloser
		w io.Writer
	}{{a, b}, func() (c struct {
		r io.ReadCloser
		w io.Writer
	}) {
		r, w := pipe(t)
		c.r, c.w = blocking(t, r), w
		return c
	}()} {
		got := make(chan string)
		go func() {
			buf := make([]byte, 9)
			n, _ := c.r.Read(buf)
			got <- string(buf[:n])
		}()
		runtime.Gosched()
		if n, err := selectors.TryRead(c.r, buf); n != 0 || err != selectors.ErrWouldBlock {
			t.Error(n, err)
		}
		if _, err := c.w.Write([]byte("for Read")); err != nil {
			t.Error(err)
		}
		if got := <-got; got != "for Read" {
			t.Errorf("%q", got)
		}
	}
}

func TestATransferOfAClosedFile(t *testing.T) {
	a, _ := tcp(t)
	r, _ := pipe(t)
	l := listener(t)
	_, _, _ = a.Close(), r.Close(), l.Close()
	_, read1 := selectors.TryRead(a, nil)
	_, write1 := selectors.TryWrite(a, nil)
	_, read2 := selectors.TryRead(r, make([]byte, 1))
	_, accept := selectors.TryAccept(l)
	_, _, from := selectors.TryReadFrom(a, nil)
	for call, err := range map[string]error{
		"TryRead of a *net.TCPConn": read1, "TryWrite of a *net.TCPConn": write1, "TryAccept of a *net.TCPListener": accept,
		"TryReadFrom of a *net.TCPConn": from,
	} {
		if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), call) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if !errors.Is(read2, os.ErrClosed) || !strings.Contains(read2.Error(), "TryRead of a *os.File") {
		t.Error(read2)
	}
}

func TestTryAccept(t *testing.T) {
	unix, err := net.Listen("unix", filepath.Join(proof.ShortDir(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	for _, l := range []net.Listener{listener(t), unix} {
		for range 2 {
			if c, err := selectors.TryAccept(l); c != nil || err != selectors.ErrWouldBlock {
				t.Fatal(c, err)
			}
			dialed, err := net.Dial(l.Addr().Network(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer dialed.Close()
			waitReadable(t, l)
			c, err := selectors.TryAccept(l)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if fmt.Sprintf("%T", c) != fmt.Sprintf("%T", dialed) || c.LocalAddr().String() != dialed.RemoteAddr().String() {
				t.Errorf("%T %v", c, c.LocalAddr())
			}
			if tcp, ok := c.(*net.TCPConn); ok {
				if c.RemoteAddr().String() != dialed.LocalAddr().String() {
					t.Error(c.RemoteAddr())
				}
				control(t, tcp, func(fd int) error {
					if on, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY); on == 0 || err != nil {
						t.Error("TCP_NODELAY:", on, err)
					}
					if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC == 0 {
						t.Error("a child would inherit it")
					}
					return nil
				})
			}
			write(t, dialed, "hello")
			_ = c.SetReadDeadline(time.Now().Add(hang)) // it is in the netpoller
			buf := make([]byte, 9)
			if n, err := c.Read(buf); string(buf[:n]) != "hello" || err != nil {
				t.Error(n, err)
			}
		}
	}
}

func TestPacketsAndTheirSenders(t *testing.T) {
	dir := proof.ShortDir(t)
	unix := func(name string) *net.UnixConn {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	udp := func(network, addr string) *net.UDPConn {
		c, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.(*net.UDPConn)
	}
	for name, open := range map[string]func() (a, b net.PacketConn){
		"udp4":     func() (net.PacketConn, net.PacketConn) { return udp("udp4", "127.0.0.1:0"), udp("udp4", "127.0.0.1:0") },
		"udp6":     func() (net.PacketConn, net.PacketConn) { return udp("udp6", "[::1]:0"), udp("udp6", "[::1]:0") },
		"unixgram": func() (net.PacketConn, net.PacketConn) { return unix("a"), unix("b") },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open()
			buf := make([]byte, 5)
			if n, from, err := selectors.TryReadFrom(a, buf); n != 0 || from != nil || err != selectors.ErrWouldBlock {
				t.Fatal(n, from, err)
			}
			if n, err := selectors.TryWriteTo(b, []byte("longer than that"), a.LocalAddr()); n != 16 || err != nil {
				t.Fatal(n, err)
			}
			waitReadable(t, a)
			n, from, err := selectors.TryReadFrom(a, buf)
			if string(buf[:n]) != "longe" || err != nil {
				t.Fatal(n, err)
			}
			if fmt.Sprintf("%T %v %s", from, from, from.Network()) !=
				fmt.Sprintf("%T %v %s", b.LocalAddr(), b.LocalAddr(), b.LocalAddr().Network()) {
				t.Errorf("from %T %v", from, from)
			}
			if n, _, err := selectors.TryReadFrom(a, buf); n != 0 || err != selectors.ErrWouldBlock {
				t.Error("what did not fit is still there:", n, err)
			}
			if n, err := selectors.TryWriteTo(a, []byte("back"), from); n != 4 || err != nil {
				t.Fatal(n, err)
			}
			waitReadable(t, b)
			if n, err := selectors.TryRead(b, buf); string(buf[:n]) != "back" || err != nil {
				t.Error(n, err)
			}
			for _, to := range []net.Addr{nil, (*net.UDPAddr)(nil), (*net.UnixAddr)(nil), &net.TCPAddr{Port: 1}, other(name, a, b)} {
				if n, err := selectors.TryWriteTo(a, []byte("x"), to); n != 0 || err == nil ||
					!strings.Contains(err.Error(), "TryWriteTo") {
					t.Errorf("to %v: %d, %v", to, n, err)
				}
			}
		})
	}
	t.Run("a sender without an address", func(t *testing.T) {
		a := unix("c")
		c, err := net.Dial("unixgram", a.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		write(t, c, "x")
		waitReadable(t, a)
		if n, from, err := selectors.TryReadFrom(a, make([]byte, 9)); n != 1 || from != nil || err != nil {
			t.Error(n, from, err)
		}
	})
	t.Run("IPv4 on a socket for both", func(t *testing.T) {
		a, b := udp("udp", ":0"), udp("udp4", "127.0.0.1:0")
		port := a.LocalAddr().(*net.UDPAddr).Port
		if n, err := selectors.TryWriteTo(b, []byte("x"), &net.UDPAddr{Port: port}); n != 1 || err != nil {
			t.Fatal(n, err) // no IP: this host
		}
		waitReadable(t, a)
		n, from, err := selectors.TryReadFrom(a, make([]byte, 9))
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if from.(*net.UDPAddr).String() != b.LocalAddr().String() {
			t.Error(from)
		}
		if n, err := selectors.TryWriteTo(a, []byte("y"), from); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		waitReadable(t, b)
	})
}

// other returns an address of the wrong kind.
func other(kind string, a, b net.PacketConn) net.Addr {
	switch kind {
	case "udp4":
		return &net.UDPAddr{IP: net.IPv6loopback, Port: 9}
	case "udp6":
		return &net.UnixAddr{Name: "/tmp/x", Net: "unixgram"}
	}
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
}
