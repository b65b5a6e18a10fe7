package selectors_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/selectors"
)

// hang is a limit that only a test which hangs reaches.
const hang = time.Minute

func newSelector[D any](t testing.TB) *selectors.Selector[D] {
	t.Helper()
	sel, err := selectors.New[D]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sel.Close() })
	return sel
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

// tcp returns both ends of a connection.
func tcp(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	l := listener(t)
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dialed.Close()
		_ = accepted.Close()
	})
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}

func listener(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// pair returns the ends of a socketpair of Unix sockets.
func pair(t testing.TB, kind int) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		t.Cleanup(func() { _ = c.Close() })
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

func write(t testing.TB, w interface{ Write([]byte) (int, error) }, text string) {
	t.Helper()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
}

func register[D any](t testing.TB, sel *selectors.Selector[D], file any, e selectors.Event, data D) *selectors.Key[D] {
	t.Helper()
	key, err := sel.Register(file, e, data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wantReady fails unless exactly these are ready: data and events, as "a:Read b:Read|Write".
func wantReady(t testing.TB, sel *selectors.Selector[string], want string) {
	t.Helper()
	ready, err := sel.TrySelect()
	if got := list(ready); got != want || err != nil {
		t.Errorf("ready are [%s], %v, want [%s]", got, err, want)
	}
}

func list(ready []selectors.Ready[string]) string {
	slices.SortFunc(ready, func(a, b selectors.Ready[string]) int { return cmp.Compare(a.Data, b.Data) })
	var all []string
	for _, r := range ready {
		all = append(all, fmt.Sprintf("%s:%v", r.Data, r.Events))
	}
	return strings.Join(all, " ")
}

// waitUntilAsleep returns when n goroutines are asleep in the netpoller in a Select, and others in line behind
// them, as many as are told.
func waitUntilAsleep(t testing.TB, n, behind int) {
	t.Helper()
	for start := time.Now(); ; runtime.Gosched() {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		in, line := 0, 0
		for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
			if !bytes.Contains(stack, []byte("selectUntil")) {
				continue
			}
			switch {
			case bytes.Contains(stack, []byte("[IO wait")) && bytes.Contains(stack, []byte("runtime_pollWait")):
				in++
			case bytes.Contains(stack, []byte("/internal/park.")) &&
				(bytes.Contains(stack, []byte("[sync.Cond.Wait")) || bytes.Contains(stack, []byte("[select"))):
				line++
			}
		}
		if in == n && line == behind {
			return
		}
		if time.Since(start) > hang {
			t.Fatalf("%d wait in the netpoller, want %d; %d behind them, want %d\n%s", in, n, line, behind, all)
		}
	}
}

// watched returns how many descriptors the kernel watches for a Selector, and for which events each.
func watched[D any](t testing.TB, sel *selectors.Selector[D]) (events []string) {
	t.Helper()
	if !tellsWhatItWatches() {
		t.Skip("this kernel does not tell what it watches")
	}
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", sel.Descriptor()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "tfd:" {
			events = append(events, f[3])
		}
	}
	return events
}

// tellsWhatItWatches reports whether the kernel does, which not everything does that runs programs of Linux.
var tellsWhatItWatches = sync.OnceValue(func() bool {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	defer syscall.Close(epoll)
	r, w, err := os.Pipe()
	if err != nil {
		return false
	}
	defer r.Close()
	defer w.Close()
	conn, err := r.SyscallConn()
	if err != nil {
		return false
	}
	_ = conn.Control(func(fd uintptr) {
		err = syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
	})
	info, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", epoll))
	return err == nil && strings.Contains(string(info), "tfd:")
})

// child is the test binary as another program.
func child(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "SELECTORS_TEST_PROGRAM="+program, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// regular returns a file with some text.
func regular(t testing.TB, text string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
