package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

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

func TestEveryClientGetsBackWhatItSaid(t *testing.T) {
	needSelectors(t)
	for args, n := range map[string]int{"-fast": 100, "-fast -edge": 100, "-clients 1 -edge": 1, "-clients 300": 300} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		want := fmt.Sprintf("%d clients got back all they said, from one thread; never more than %d at once\n", n, n)
		if code != 0 || stderr != "" || stdout != want {
			t.Errorf("%s: exit code %d, %q, %q, want %q", args, code, stderr, stdout, want)
		}
	}
}

// Clients in threads, of which each says much before it listens, and a last one that resets.
const pythonClient = `
import socket, struct, sys, threading

address = "127.0.0.1", int(sys.argv[1])

def talk(n):
    data = b"%d " % n * 100000
    with socket.create_connection(address, timeout=180) as s:
        t = threading.Thread(target=s.sendall, args=(data,))
        t.start()
        got = b""
        while len(got) < len(data):
            got += s.recv(100000)
        t.join()
        s.shutdown(socket.SHUT_WR)
        if got == data and s.recv(10) == b"":
            good.append(n)

good = []
threads = [threading.Thread(target=talk, args=(n,)) for n in range(10)]
for t in threads: t.start()
for t in threads: t.join()
with socket.create_connection(address, timeout=180) as s:
    s.sendall(b"x")
    s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
print(sorted(good))
`

func TestPythonClientsAreServed(t *testing.T) {
	needSelectors(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	for _, args := range [][]string{{"-serve", "127.0.0.1:0"}, {"-serve", "127.0.0.1:0", "-edge"}} {
		r, w := io.Pipe()
		var errs strings.Builder
		code := 0
		running := thread.Go(func() {
			code = program.Start(args, w, &errs)
			w.Close()
		})
		lines := bufio.NewReader(r)
		line, err := lines.ReadString('\n')
		match := regexp.MustCompile(`^serving on 127\.0\.0\.1:(\d+) until Ctrl-C\n$`).FindStringSubmatch(line)
		if match == nil {
			t.Fatalf("the first line is %q, %v", line, err)
		}
		out, err := exec.Command(python, "-c", pythonClient, match[1]).CombinedOutput()
		if string(out) != "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n" || err != nil {
			t.Errorf("%v: the Python clients report %q, %v", args, out, err)
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(lines)
		running.Join()
		if code != 0 || errs.String() != "" || !strings.HasPrefix(string(rest), "stopped: 11 clients served, ") {
			t.Errorf("%v: exit code %d, %q, %q", args, code, errs.String(), rest)
		}
	}
}

func TestAMistakeIsOneLine(t *testing.T) {
	for args, want := range map[string]int{"-serve nonsense": 2, "-serve 127.0.0.1:99999": 2, "-clients 0": 2, "-clients many": 2} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != want || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "multiplex: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
