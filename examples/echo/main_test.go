package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// patience is how long a test waits for what should come at once.
const patience = 3 * time.Minute

func TestAllServersTalkToTheirClients(t *testing.T) {
	t.Setenv("TMPDIR", proof.ShortDir(t))
	for _, args := range []string{"-fast", "-fast -handlers 1", "-fast -handlers 50"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit code %d, %q", args, code, stderr)
		}
		limit := "2"
		if f := strings.Fields(args); len(f) == 3 {
			limit = f[2]
		}
		for _, c := range []struct{ network, served string }{{"tcp", "5"}, {"udp", "10"}, {"unix", "5"}} {
			stopped := "stopped " + c.network + ": " + c.served + " served, never more than " + limit + " at once, 0 cut off\n"
			echoes, rest, found := strings.Cut(stdout, stopped)
			if !found {
				t.Fatalf("%s: the server of %s did not serve and stop:\n%s", args, c.network, stdout)
			}
			for i := range 5 {
				dialogue := fmt.Sprintf("> I am client %d\n< I am client %d\n> bye from %d\n< bye from %d\n", i, i, i, i)
				if strings.Count(echoes, dialogue) != 1 {
					t.Errorf("%s: no dialogue\n%s\nin\n%s", args, dialogue, echoes)
				}
			}
			stdout = rest
		}
		want := `< Welcome to 10086. 1: balance, 0: operator, exit: hang up
> 1
< your balance is 10 yuan
> 7
< please try again
> 0
< this call may be recorded
> exit
< goodbye
a client calls, says nothing and stays
stopped tcp: 2 served, never more than ` + limit + ` at once, 1 cut off
`
		if stdout != want {
			t.Errorf("%s: the last server gave\n%s\nwant\n%s", args, stdout, want)
		}
	}
}

// launch starts a server for the test, which stops it by calling stop.
func launch(t *testing.T, limit int, handle func(*socketserver.Conn) error, grace time.Duration) (s server, count *tally, stop func()) {
	t.Helper()
	count = new(tally)
	s, err := (&options{handlers: limit}).listen("tcp", "127.0.0.1:0", handle, count)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	running := thread.Go(func() {
		if err := runUntil(ctx, s, grace); err != nil {
			t.Error(err)
		}
	})
	stop = func() {
		cancel()
		running.Join()
	}
	t.Cleanup(stop)
	return s, count, stop
}

// A caller is a client that says a line and hears one.
type caller struct {
	net.Conn
	answers *bufio.Reader
}

func call(t *testing.T, s server) caller {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return caller{conn, bufio.NewReader(conn)}
}

func (c caller) say(t *testing.T, line, want string) {
	t.Helper()
	if _, err := fmt.Fprintln(c, line); err != nil {
		t.Fatal(err)
	}
	c.hear(t, want)
}

func (c caller) hear(t *testing.T, want string) {
	t.Helper()
	if got, err := c.answers.ReadString('\n'); got != want+"\n" || err != nil {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

func TestAClientWaitsWhileAllHandlersAreBusy(t *testing.T) {
	s, count, stop := launch(t, 2, echo, patience)
	first, second, third := call(t, s), call(t, s), call(t, s)
	first.say(t, "one", "one")
	second.say(t, "two", "two")
	fmt.Fprintln(third, "three")
	third.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if line, err := third.answers.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("heard %q, %v while both handlers were busy", line, err)
	}
	first.Close()
	third.SetDeadline(time.Now().Add(patience))
	third.hear(t, "three")
	second.Close()
	third.Close()
	stop()
	if n := s.Stats(); n.Served != 3 || count.cut.Load() != 0 {
		t.Errorf("%+v, %d cut off", n, count.cut.Load())
	}
}

func TestAStopLetsAClientFinish(t *testing.T) {
	s, count, stop := launch(t, 2, echo, patience)
	c := call(t, s)
	c.say(t, "one", "one")
	stopping := thread.Go(stop)
	for { // until nobody can call any more; the kernel may still complete a connection for a moment
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	c.say(t, "two", "two")
	c.Close()
	stopping.Join()
	if count.cut.Load() != 0 {
		t.Errorf("%d clients cut off", count.cut.Load())
	}
}

func TestAStopCutsOffWhoStays(t *testing.T) {
	s, count, stop := launch(t, 5, echo, 0)
	var callers []caller
	for range 5 {
		c := call(t, s)
		c.say(t, "here", "here")
		callers = append(callers, c)
	}
	stop()
	for _, c := range callers {
		if _, err := c.answers.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("heard %v, want the end", err)
		}
	}
	if count.cut.Load() != 5 || s.Stats().Served != 5 {
		t.Errorf("%d clients cut off, want 5; %+v", count.cut.Load(), s.Stats())
	}
}

func TestALineMayComeInPieces(t *testing.T) {
	s, _, _ := launch(t, 1, menu, 0)
	c := call(t, s)
	c.hear(t, "Welcome to 10086. 1: balance, 0: operator, exit: hang up")
	for _, piece := range []string{"1\r", "\n0\nex", "it", "\n"} {
		if _, err := io.WriteString(c, piece); err != nil {
			t.Fatal(err)
		}
	}
	c.hear(t, "your balance is 10 yuan")
	c.hear(t, "this call may be recorded")
	c.hear(t, "goodbye")
}

// serveUntilInterrupt runs the program with -serve, lets visit meet it, sends it Ctrl-C and returns the rest of its
// output.
func serveUntilInterrupt(t *testing.T, visit func(addr string), args ...string) (rest string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process on Windows cannot send Ctrl-C to itself alone")
	}
	r, w := io.Pipe()
	var errs strings.Builder
	var code int
	running := thread.Go(func() {
		code = program.Start(args, w, &errs)
		w.Close()
	})
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	announced := regexp.MustCompile(`^serving on (\S+), at most \d+ clients at once, until Ctrl-C\n$`)
	match := announced.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	visit(match[1])
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(lines)
	running.Join()
	if code != 0 || errs.String() != "" || err != nil {
		t.Errorf("exit code %d, %q, %v", code, errs.String(), err)
	}
	return string(out)
}

func TestCtrlCStopsTheServer(t *testing.T) {
	rest := serveUntilInterrupt(t, func(addr string) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		c := caller{conn, bufio.NewReader(conn)}
		c.hear(t, "Welcome to 10086. 1: balance, 0: operator, exit: hang up")
		c.say(t, "1", "your balance is 10 yuan")
	}, "-fast", "-menu", "-serve", "127.0.0.1:0")
	if want := "stopped: 1 clients served, 1 cut off\n"; rest != want {
		t.Errorf("the rest of the output is %q, want %q", rest, want)
	}
}

// A Python client of each network: ten threads that say twenty lines each.
const pythonClient = `
import os, socket, sys, tempfile, threading

network, address = sys.argv[1:]
if network != "unix":
    host, port = address.rsplit(":", 1)
    address = host, int(port)

def stream(n):
    family = socket.AF_UNIX if network == "unix" else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(180)
        s.connect(address)
        with s.makefile("rw", newline="\n") as f:
            for k in range(20):
                line = "client %d, line %d\n" % (n, k)
                f.write(line)
                f.flush()
                if f.readline() != line:
                    return
            s.shutdown(socket.SHUT_WR)
            if f.read() == "":
                good.append(n)

def packets(n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(180)
        for k in range(20):
            data = b"client %d, packet %d" % (n, k)
            s.sendto(data, address)
            if s.recv(1024) != data:
                return
        good.append(n)

good = []
threads = [threading.Thread(target=packets if network == "udp" else stream, args=(n,)) for n in range(10)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(good))
`

func TestPythonClientsAreServedToo(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	dir := proof.ShortDir(t)
	for _, c := range []struct{ network, addr, handlers, stopped string }{
		{"tcp", "127.0.0.1:0", "2", "10"}, {"tcp", "127.0.0.1:0", "1", "10"}, {"udp", "127.0.0.1:0", "2", "200"},
		{"unix", dir + "/s", "1", "10"}, {"unix", dir + "/s", "20", "10"},
	} {
		rest := serveUntilInterrupt(t, func(addr string) {
			out, err := exec.Command(python, "-c", pythonClient, c.network, addr).CombinedOutput()
			if want := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"; string(out) != want || err != nil {
				t.Errorf("%s: the Python clients report %q, %v, want %q", c.network, out, err, want)
			}
		}, "-network", c.network, "-serve", c.addr, "-handlers", c.handlers)
		if want := "stopped: " + c.stopped + " clients served, 0 cut off\n"; rest != want {
			t.Errorf("the rest of the output is %q, want %q", rest, want)
		}
	}
}

func TestAMistakeIsOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		args string
		code int
	}{
		{"-serve " + taken.Addr().String(), 1},
		{"-serve nonsense", 2},
		{"-serve 127.0.0.1:99999", 2},
		{"-serve 127.0.0.1:port", 2},
		{"-handlers 0", 2},
		{"-handlers 9000000000000000000", 2},
		{"-handlers many", 2},
		{"-menu", 2},
		{"-network udp", 2},
		{"-network sctp -serve 127.0.0.1:0", 2},
		{"-network udp -menu -serve 127.0.0.1:0", 2},
		{"-network unix -serve /nowhere/at/all", 1},
	} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
		if code != c.code || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "echo: ") {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
}
