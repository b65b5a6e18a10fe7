package main

import (
	"bufio"
	"context"
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
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// patience is how long a test waits for what should come at once.
const patience = 3 * time.Minute

func TestASleeperHoldsNobodyUp(t *testing.T) {
	const want = `Ann comes in, heard by 1
Bob comes in, heard by 2
Cid comes in, heard by 3
Ann says hello, heard by 3
Cid sleeps while Ann says 500 long lines, and Bob has heard each before the next
Cid wakes up, hears the beginning and finds the line cut
stopped: 3 clients served, 1 cut off
`
	code, stdout, stderr := demotest.Start(program, "-fast")
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

// launch starts a server for the test, which stops it by calling stop.
func launch(t *testing.T, grace time.Duration) (s *server, stop func()) {
	t.Helper()
	s, err := newServer("127.0.0.1:0")
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

func enter(t *testing.T, addr, name string) member {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	m := member{name, conn.(*net.TCPConn), bufio.NewReader(conn)}
	mustPass(t, m, "here", m)
	return m
}

func mustPass(t *testing.T, from member, text string, to ...member) {
	t.Helper()
	if err := pass(from, text, to); err != nil {
		t.Fatal(err)
	}
}

// asleep is a server with a client that has not read the last 50 lines, more than the system keeps.
func asleep(t *testing.T, grace time.Duration) (s *server, sleeper member, lines int64, stop func()) {
	t.Helper()
	s, stop = launch(t, grace)
	sleeper = enter(t, s.listener.Addr().String(), "sleeper")
	talker := enter(t, s.listener.Addr().String(), "talker")
	sleeper.conn.SetReadBuffer(buffered)
	if heard, err := sleeper.lines.ReadString('\n'); heard != "talker: here\n" {
		t.Fatalf("heard %q, %v", heard, err)
	}
	long := strings.Repeat("so to speak, ", 1000)
	for range 50 {
		mustPass(t, talker, long, talker)
	}
	return s, sleeper, 50 * int64(len("talker: \n")+len(long)), stop
}

func TestAStopDeliversWhatIsInTheOutbox(t *testing.T) {
	s, sleeper, want, stop := asleep(t, patience)
	stopping := thread.Go(stop)
	for { // until the server has stopped accepting
		conn, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	if n, err := io.Copy(io.Discard, sleeper.lines); n != want || err != nil {
		t.Errorf("heard %d bytes, %v, want all %d", n, err, want)
	}
	stopping.Join()
	if s.cut != 0 {
		t.Errorf("%d clients cut off", s.cut)
	}
}

func TestAStopDoesNotWaitForASleeper(t *testing.T) {
	_, sleeper, all, stop := asleep(t, 0)
	stop()
	if n, _ := io.Copy(io.Discard, sleeper.lines); n >= all {
		t.Errorf("heard all %d bytes, want what the system had kept", n)
	}
}

func TestWhoSaysNoMoreHearsWhatIsInTheOutbox(t *testing.T) {
	_, sleeper, want, _ := asleep(t, patience)
	sleeper.conn.CloseWrite()
	if n, err := io.Copy(io.Discard, sleeper.lines); n != want || err != nil {
		t.Errorf("heard %d bytes, %v, want all %d", n, err, want)
	}
}

func TestASleeperIsRemovedWhileItSleeps(t *testing.T) {
	s, stop := launch(t, patience)
	addr := s.listener.Addr().String()
	sleeper := enter(t, addr, "sleeper")
	var theirs *client
	s.guard.Lock()
	for theirs = range s.clients {
	}
	s.guard.Unlock()
	sleeper.conn.SetReadBuffer(buffered)
	talker := enter(t, addr, "talker")
	long := strings.Repeat("x", 60_000) // the system has no room for the one that the writer is at
	for range outgoing + 20 {
		mustPass(t, talker, long, talker)
	}
	if !theirs.writer.JoinTimeout(patience) {
		t.Error("the writer of the sleeper still waits")
	}
	talker.conn.Close()
	stop()
	if s.cut != 1 || len(s.clients) != 0 {
		t.Errorf("%d clients cut off, %d left, want 1 and 0", s.cut, len(s.clients))
	}
}

func TestALineThatIsTooLongEndsItsClientOnly(t *testing.T) {
	s, _ := launch(t, patience)
	ann := enter(t, s.listener.Addr().String(), "Ann")
	bob := enter(t, s.listener.Addr().String(), "Bob")
	if heard, err := ann.lines.ReadString('\n'); heard != "Bob: here\n" {
		t.Fatalf("heard %q, %v", heard, err)
	}
	io.WriteString(bob.conn, strings.Repeat("x", 200_000))
	if heard, err := bob.lines.ReadString('\n'); err == nil {
		t.Errorf("Bob hears %.20q", heard)
	}
	mustPass(t, ann, "is Bob gone?", ann)
}

// serveUntilInterrupt runs the program with -serve, lets visit meet it, sends it Ctrl-C and returns the rest of its
// output.
func serveUntilInterrupt(t *testing.T, visit func(addr string)) (rest string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process on Windows cannot send Ctrl-C to itself alone")
	}
	r, w := io.Pipe()
	var errs strings.Builder
	var code int
	running := thread.Go(func() {
		code = program.Start([]string{"-serve", "127.0.0.1:0"}, w, &errs)
		w.Close()
	})
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	announced := regexp.MustCompile(`^serving on (127\.0\.0\.1:\d+) until Ctrl-C\n$`)
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
	var m member
	rest := serveUntilInterrupt(t, func(addr string) { m = enter(t, addr, "Ann") })
	if want := "stopped: 1 clients served, 0 cut off\n"; rest != want {
		t.Errorf("the rest of the output is %q, want %q", rest, want)
	}
	if heard, err := m.lines.ReadString('\n'); err != io.EOF {
		t.Errorf("heard %q, %v, want the end", heard, err)
	}
}

// As in the original, one thread has two clients.
const pythonClient = `
import socket, sys

clients = []
for _ in range(2):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=180)
    f = s.makefile("rw", newline="\n")
    clients.append((s, f))
    f.write("here\n"); f.flush()
    for _, g in clients:
        assert g.readline() == "here\n"
for message in ("This is the message.\n", "It will be sent\n", "in parts.\n") * 20:
    for _, f in clients:
        f.write(message); f.flush()
        for _, g in clients:
            assert g.readline() == message
for s, f in clients:
    s.shutdown(socket.SHUT_WR)
    assert f.read() == ""
    f.close(); s.close()
print("fine")
`

func TestPythonClientsAreServedToo(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	rest := serveUntilInterrupt(t, func(addr string) {
		host, port, _ := net.SplitHostPort(addr)
		out, err := exec.Command(python, "-c", pythonClient, host, port).CombinedOutput()
		if string(out) != "fine\n" || err != nil {
			t.Errorf("the Python clients report %q, %v", out, err)
		}
	})
	if want := "stopped: 2 clients served, 0 cut off\n"; rest != want {
		t.Errorf("the rest of the output is %q, want %q", rest, want)
	}
}

func TestAMistakeIsOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for args, want := range map[string]int{
		fmt.Sprint("-serve ", taken.Addr()): 1,
		"-serve nonsense":                   2,
		"-serve 127.0.0.1:99999":            2,
		"-serve 127.0.0.1:port":             2,
		"-clients 3":                        2,
	} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != want || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "chat: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
