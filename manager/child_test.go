//go:build unix

package manager_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// Tests that kill have processes of their own: this test binary again, which runs a role instead of the tests. A role
// talks to the test by lines on its standard output, and ends with its standard input at the latest.
const childEnv = "MANAGER_TEST_CHILD"

// A role is what a child does with the address that it is given.
var roles = map[string]func(addr string, say func(...any)){}

// Some tests drop what they hold, on purpose. So this is not under diagnose.Wrap.
func TestMain(m *testing.M) {
	if child := os.Getenv(childEnv); child != "" {
		runChild(child)
		return
	}
	goleak.VerifyTestMain(proof.Settled(m))
}

func runChild(child string) {
	role, addr, _ := strings.Cut(child, " ")
	out := bufio.NewWriter(os.Stdout)
	var guard sync.Mutex
	say := func(args ...any) {
		guard.Lock()
		defer guard.Unlock()
		fmt.Fprintln(out, args...)
		_ = out.Flush()
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3) // the test is gone
	}()
	roles[role](addr, say)
	os.Exit(0)
}

// A child is a process in a role.
type child struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
	once  sync.Once
}

// spawn starts a child and sees to it that it is gone when the test is.
func spawn(t testing.TB, role, addr string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role+" "+addr)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(c.kill)
	return c
}

// line waits for the next line that the child says; ok is false if it is gone.
func (c *child) line() (line string, ok bool) {
	line, err := c.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil
}

// says fails the test unless that is the next line.
func (c *child) says(want string) {
	c.t.Helper()
	if line, ok := c.line(); !ok || line != want {
		c.t.Fatalf("the child says %q (%t), want %q", line, ok, want)
	}
}

// signal sends a signal; the child is ours and has not been waited for, so it is nobody else.
func (c *child) signal(s os.Signal) {
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Error(err)
	}
}

// kill kills the child by SIGKILL and waits until it is gone.
func (c *child) kill() {
	c.once.Do(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		_ = c.stdin.Close()
	})
}

// ends waits for the child to end by itself.
func (c *child) ends() {
	c.once.Do(func() {
		_, _ = io.Copy(io.Discard, c.out)
		if err := c.cmd.Wait(); err != nil {
			c.t.Error("the child:", err)
		}
		_ = c.stdin.Close()
	})
}

// open is Open in a child.
func open(addr string) *manager.Manager {
	m, err := manager.Open(context.Background(), addr)
	if err != nil {
		panic(err)
	}
	return m
}

// forever waits to be killed.
func forever() { select {} }

func init() {
	roles["serve"] = func(_ string, say func(...any)) {
		m, err := manager.Start()
		if err != nil {
			panic(err)
		}
		say(m.Addr())
		forever()
	}
}

// serving starts a process that serves, and returns its address.
func serving(t testing.TB) (server *child, addr string) {
	t.Helper()
	server = spawn(t, "serve", "")
	addr, ok := server.line()
	if !ok {
		t.Fatal("the server did not start")
	}
	t.Cleanup(func() { _ = os.RemoveAll(strings.TrimSuffix(strings.TrimPrefix(addr, "unix:"), "/socket")) })
	return server, addr
}

var (
	stop = syscall.SIGSTOP
	cont = syscall.SIGCONT
)
