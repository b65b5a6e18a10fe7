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

// needSelectors skips a test where there are none.
func needSelectors(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("selectors need Linux")
	}
}

func TestTheClientsGetBackWhatTheySaid(t *testing.T) {
	needSelectors(t)
	code, stdout, stderr := demotest.Start(program, "-fast")
	var want strings.Builder
	for _, message := range []string{"This is the message. ", "It will be sent ", "in parts."} {
		fmt.Fprintf(&want, "client 0 sent %q\nclient 1 sent %q\nclient 0 received %q\nclient 1 received %q\n",
			message, message, message, message)
	}
	want.WriteString("a client that says a lot got its 4194304 bytes back, in order\n")
	if code != 0 || stderr != "" || stdout != want.String() {
		t.Errorf("exit code %d, %q, output\n%s\nwant\n%s", code, stderr, stdout, want.String())
	}
}

// The client of the original, and one that says much before it listens.
const pythonClient = `
import socket, sys, threading

address = "127.0.0.1", int(sys.argv[1])
messages = [b"This is the message. ", b"It will be sent ", b"in parts."]
socks = [socket.create_connection(address, timeout=180) for _ in range(20)]
for message in messages:
    for s in socks:
        s.sendall(message)
    for s in socks:
        got = b""
        while len(got) < len(message):
            got += s.recv(1024)
        if got != message:
            sys.exit("%r instead of %r" % (got, message))
for s in socks:
    s.shutdown(socket.SHUT_WR)
    if s.recv(1024):
        sys.exit("something is left")
    s.close()

data = bytes(range(256)) * 20000
with socket.create_connection(address, timeout=180) as s:
    t = threading.Thread(target=s.sendall, args=(data,))
    t.start()
    got = b""
    while len(got) < len(data):
        got += s.recv(100000)
    t.join()
    print(got == data)
`

func TestAPythonClientIsServed(t *testing.T) {
	needSelectors(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	r, w := io.Pipe()
	var errs strings.Builder
	code := 0
	running := thread.Go(func() {
		code = program.Start([]string{"-serve", "127.0.0.1:0"}, w, &errs)
		w.Close()
	})
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	match := regexp.MustCompile(`^serving on 127\.0\.0\.1:(\d+) until Ctrl-C\n$`).FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	rest := make(chan string)
	go func() {
		all, _ := io.ReadAll(lines)
		rest <- string(all)
	}()
	out, err := exec.Command(python, "-c", pythonClient, match[1]).CombinedOutput()
	if string(out) != "True\n" || err != nil {
		t.Errorf("the Python client reports %q, %v", out, err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	running.Join()
	if text := <-rest; strings.Count(text, "new connection from 127.0.0.1:") != 21 || strings.Count(text, " has left\n") < 20 {
		t.Errorf("the server says\n%s", text)
	}
	if code != 0 || errs.String() != "" {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

// One that resets its connection is dropped, and the others go on.
func TestAClientThatResetsHarmsNobody(t *testing.T) {
	needSelectors(t)
	r, w := io.Pipe()
	s, err := listen(w, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	serving := thread.Go(func() {
		if err := s.serve(ctx); err != nil {
			t.Error(err)
		}
		w.Close()
	})
	lines := bufio.NewScanner(r)
	said := make(chan string, 100)
	go func() {
		for lines.Scan() {
			said <- lines.Text()
		}
		close(said)
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(3 * time.Minute))
		return c
	}
	other, bad := dial(), dial()
	defer other.Close()
	io.WriteString(bad, "x")
	io.ReadFull(bad, make([]byte, 1))
	bad.(*net.TCPConn).SetLinger(0)
	bad.Close()
	for line := range said {
		if strings.Contains(line, "reset") {
			break
		}
	}
	io.WriteString(other, "still here")
	buf := make([]byte, 10)
	if _, err := io.ReadFull(other, buf); string(buf) != "still here" || err != nil {
		t.Error(string(buf), err)
	}
	stop()
	for range said {
	}
	serving.Join()
}

func TestAMistakeIsOneLine(t *testing.T) {
	for args, want := range map[string]int{"-serve nonsense": 2, "-serve 127.0.0.1:99999": 2, "-select": 2} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != want || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "selectserver: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
