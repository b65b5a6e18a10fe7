//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/proof/loopback"
)

// The test binary is the program, if it is told so.
func TestMain(m *testing.M) {
	if args := os.Getenv("LADDER"); args != "" {
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		main()
		return
	}
	os.Exit(m.Run())
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LADDER="+strings.Join(args, " "))
	cmd.Stderr = os.Stderr
	return cmd
}

// serving starts a server, which is killed when the test ends, and returns when it serves.
func serving(t *testing.T, args ...string) (serves func()) {
	cmd := command(args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	return func() {
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "serves\n" {
			t.Fatal(line, err)
		}
	}
}

func counts(t *testing.T, want string, args ...string) {
	t.Helper()
	out, err := command(args...).Output()
	if string(out) != want+"\n" || err != nil {
		t.Errorf("%v: %q, %v, want %q", args, out, err, want)
	}
}

func free(t *testing.T) string {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback.Address(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestEveryStep(t *testing.T) {
	dir := t.TempDir()
	counts(t, "run 1", "mem:")
	counts(t, "run 1", "mem:")

	socket := "unix:" + filepath.Join(proof.ShortDir(t), "s")
	serving(t, "serve", socket)()
	counts(t, "run 1", socket)
	counts(t, "run 2", socket)

	kept := "etcd+dir:" + filepath.Join(dir, "kept")
	counts(t, "run 1", kept)
	counts(t, "run 2", kept)

	var clients, peers []string
	for range 3 {
		clients, peers = append(clients, free(t)), append(peers, "http://"+free(t))
	}
	var all []func()
	for i, c := range clients {
		own := append([]string{peers[i]}, append(append([]string{}, peers[:i]...), peers[i+1:]...)...)
		all = append(all, serving(t, append([]string{"member", filepath.Join(dir, "member"+string(rune('1'+i))), c}, own...)...))
	}
	for _, serves := range all {
		serves()
	}
	cluster := "etcd://" + strings.Join(clients, ",") + "/app"
	counts(t, "run 1", cluster)
	counts(t, "run 2", cluster)
}
