package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// expect checks the output of clients that send rounds messages each.
func expect(t *testing.T, clients, rounds int, args ...string) {
	t.Helper()
	bytes := 0
	for i := range rounds {
		bytes += len(fmt.Sprintf("hello %d\n", i))
	}
	want := fmt.Sprintf("%d clients with %d idents sent %d messages in %d bytes and got each back\n",
		clients, clients, clients*rounds, clients*bytes)
	code, stdout, stderr := demotest.Start(program, args...)
	rest, found := strings.CutPrefix(stdout, want)
	throughput := regexp.MustCompile(`^\d+\.\d{3} s, \d+ messages/s\n$`)
	if code != 0 || stderr != "" || !found || !throughput.MatchString(rest) {
		t.Errorf("%q: exit code %d, %q, output\n%swant\n%sand the throughput", args, code, stderr, stdout, want)
	}
}

func TestEveryClientGetsEveryMessageBack(t *testing.T) {
	expect(t, 100, 100, "-fast")
	expect(t, 1, 1, "-clients", "1", "-rounds", "1")
	expect(t, 300, 3, "-clients", "300", "-rounds", "3")
}

func TestAnyEchoServerWillDo(t *testing.T) {
	s := socketserver.New(listen(t), echo)
	serving := thread.Go(func() {
		if err := s.Serve(); err != nil {
			t.Error(err)
		}
	})
	expect(t, 20, 50, "-connect", s.Addr().String(), "-clients", "20", "-rounds", "50")
	s.Shutdown()
	serving.Join()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A hundred Python clients, each in a thread: the other half of the original.
const pythonClients = `
import socket, sys, threading

def talk(n):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=180) as s:
        for count in range(20):
            message = b"hello %d" % count
            s.sendall(message)
            got = b""
            while len(got) < len(message):
                got += s.recv(1024)
            if got != message:
                return
        good.append(n)

good = []
threads = [threading.Thread(target=talk, args=(n,)) for n in range(100)]
for t in threads: t.start()
for t in threads: t.join()
print(len(good))
`

func TestAHundredPythonClientsAreServed(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	s := socketserver.New(listen(t), echo)
	serving := thread.Go(func() {
		if err := s.Serve(); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(s.Addr().String())
	out, err := exec.Command(python, "-c", pythonClients, port).CombinedOutput()
	if string(out) != "100\n" || err != nil {
		t.Errorf("the Python clients report %q, %v", out, err)
	}
	s.Shutdown()
	serving.Join()
	if n := s.Stats(); n.Served != 100 || n.Failed != 0 {
		t.Errorf("%+v", n)
	}
}

// A server that answers in pieces, and ends when its input does.
const pythonServer = `
import socket, sys, threading

def serve(conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with conn:
        while data := conn.recv(5):
            conn.sendall(data)

threads = []
with socket.create_server(("127.0.0.1", 0), backlog=100) as s:
    print(s.getsockname()[1], flush=True)
    for _ in range(int(sys.argv[1])):
        threads.append(threading.Thread(target=serve, args=(s.accept()[0],)))
        threads[-1].start()
for t in threads: t.join()
print("served", len(threads))
`

func TestAPythonServerWillDoToo(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	cmd := exec.Command(python, "-c", pythonServer, "20")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill() // if it has not ended by itself
	lines := bufio.NewReader(pipe)
	port, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	expect(t, 20, 50, "-connect", "127.0.0.1:"+strings.TrimSpace(port), "-clients", "20", "-rounds", "50")
	if rest, err := io.ReadAll(lines); string(rest) != "served 20\n" || err != nil {
		t.Errorf("the Python server reports %q, %v", rest, err)
	}
}

func TestAServerThatIsNoEchoIsReported(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"no answer from": func(net.Conn) {},
		"no echo server": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n")
			io.Copy(io.Discard, conn)
		},
	} {
		l := listen(t)
		serving := thread.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			bufio.NewReader(conn).ReadString('\n') // to close with data unread would be a reset
			handle(conn)
			conn.Close()
		})
		oneLine(t, 1, name, "-connect", l.Addr().String(), "-clients", "1")
		serving.Join()
	}
}

func oneLine(t *testing.T, want int, says string, args ...string) {
	t.Helper()
	code, stdout, stderr := demotest.Start(program, args...)
	if code != want || stdout != "" || strings.Count(stderr, "\n") != 1 ||
		!strings.HasPrefix(stderr, "load: ") || !strings.Contains(stderr, says) {
		t.Errorf("%q: exit code %d, %q, %q, want %d and one line with %q", args, code, stdout, stderr, want, says)
	}
}

func TestAMistakeIsOneLine(t *testing.T) {
	oneLine(t, 1, "127.0.0.1:1", "-connect", "127.0.0.1:1") // tcpmux, which nobody has served for decades
	oneLine(t, 2, "port", "-connect", "127.0.0.1:port")
	oneLine(t, 2, "host:port", "-connect", "nonsense")
	oneLine(t, 2, "-clients 0", "-clients", "0")
	oneLine(t, 2, "-clients 10001", "-clients", "10001")
	oneLine(t, 2, "-rounds -1", "-rounds", "-1")
	oneLine(t, 2, "many", "-rounds", "many")
}
