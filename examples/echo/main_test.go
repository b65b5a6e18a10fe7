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

	"github.com/gothreading/threading/examples/internal/demo/demotest"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

func TestBothServersTalkToTheirClients(t *testing.T) {
	for _, args := range []string{"-fast", "-fast -handlers 1", "-fast -handlers 50"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit code %d, %q", args, code, stderr)
		}
		limit := "2"
		if f := strings.Fields(args); len(f) == 3 {
			limit = f[2]
		}
		stopped := "stopped: 5 clients served, never more than " + limit + " at once, 0 cut off\n"
		echoes, phone, found := strings.Cut(stdout, stopped)
		if !found {
			t.Errorf("%s: the first server did not serve 5 clients and stop:\n%s", args, stdout)
		}
		for i := range 5 {
			dialogue := fmt.Sprintf("> I am client %d\n< I am client %d\n> bye from %d\n< bye from %d\n", i, i, i, i)
			if strings.Count(echoes, dialogue) != 1 {
				t.Errorf("%s: no dialogue\n%s\nin\n%s", args, dialogue, echoes)
			}
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
stopped: 2 clients served, never more than ` + limit + ` at once, 1 cut off
`
		if phone != want {
			t.Errorf("%s: the second server gave\n%s\nwant\n%s", args, phone, want)
		}
	}
}

// launch starts a server for the test, which stops it by calling stop.
func launch(t *testing.T, limit int, handle func(net.Conn), grace time.Duration) (s *server, stop func()) {
	t.Helper()
	s, err := newServer("127.0.0.1:0", limit, handle)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	running := thread.Go(func() {
		if err := s.run(ctx, grace); err != nil {
			t.Error(err)
		}
	})
	stop = func() {
		cancel()
		running.Join()
	}
	t.Cleanup(stop)
	return s, stop
}

// A caller is a client that says a line and hears one.
type caller struct {
	net.Conn
	answers *bufio.Reader
}

func call(t *testing.T, s *server) caller {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
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
	s, stop := launch(t, 2, echo, patience)
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
	if s.served != 3 || s.most > 2 || s.cut != 0 || s.free.Value() != 0 {
		t.Errorf("%d served, %d at once, %d cut off, %d permits left", s.served, s.most, s.cut, s.free.Value())
	}
}

func TestAStopLetsAClientFinish(t *testing.T) {
	s, stop := launch(t, 2, echo, patience)
	c := call(t, s)
	c.say(t, "one", "one")
	stopping := thread.Go(stop)
	for { // until nobody can call any more; the kernel may still complete a connection for a moment
		conn, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	c.say(t, "two", "two")
	c.Close()
	stopping.Join()
	if s.cut != 0 {
		t.Errorf("%d clients cut off", s.cut)
	}
}

func TestAStopCutsOffWhoStays(t *testing.T) {
	s, stop := launch(t, 5, echo, 0)
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
	if s.cut != 5 {
		t.Errorf("%d clients cut off, want 5", s.cut)
	}
}

func TestAHandlerThatPanicsFreesItsPlace(t *testing.T) {
	defer thread.SetExceptHook(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {}))
	s, stop := launch(t, 1, func(conn net.Conn) {
		if line, _ := bufio.NewReader(conn).ReadString('\n'); line != "fine\n" {
			panic(line)
		}
		fmt.Fprintln(conn, "fine")
	}, patience)
	for range 3 {
		c := call(t, s)
		fmt.Fprintln(c, "boom")
		if _, err := c.answers.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("heard %v, want the end", err)
		}
	}
	call(t, s).say(t, "fine", "fine")
	stop()
	if s.served != 4 {
		t.Errorf("%d clients served, want 4", s.served)
	}
}

func TestALineMayComeInPieces(t *testing.T) {
	s, _ := launch(t, 1, menu, 0)
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
		code = program.Start(append(args, "-serve", "127.0.0.1:0"), w, &errs)
		w.Close()
	})
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	announced := regexp.MustCompile(`^serving on (127\.0\.0\.1:\d+), at most 2 clients at once, until Ctrl-C\n$`)
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
	}, "-fast", "-menu")
	if want := "stopped: 1 clients served, 1 cut off\n"; rest != want {
		t.Errorf("the rest of the output is %q, want %q", rest, want)
	}
}

const pythonClient = `
import socket, sys, threading

def talk(n):
    address = sys.argv[1], int(sys.argv[2])
    with socket.create_connection(address, timeout=30) as s, s.makefile("rw", newline="\n") as f:
        for k in range(20):
            line = "client %d, line %d\n" % (n, k)
            f.write(line)
            f.flush()
            if f.readline() != line:
                return
        s.shutdown(socket.SHUT_WR)
        if f.read() == "":
            good.append(n)

good = []
threads = [threading.Thread(target=talk, args=(n,)) for n in range(10)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(good))
`

func TestPythonClientsAreServedToo(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	rest := serveUntilInterrupt(t, func(addr string) {
		host, port, _ := net.SplitHostPort(addr)
		out, err := exec.Command(python, "-c", pythonClient, host, port).CombinedOutput()
		if want := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"; string(out) != want || err != nil {
			t.Errorf("the Python clients report %q, %v, want %q", out, err, want)
		}
	})
	if want := "stopped: 10 clients served, 0 cut off\n"; rest != want {
		t.Errorf("the rest of the output is %q, want %q", rest, want)
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
	} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(c.args)...)
		if code != c.code || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "echo: ") {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
}
