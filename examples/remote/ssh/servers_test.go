package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gothreading/threading/socketserver"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hang is a limit that only a test which hangs reaches.
const hang = 3 * time.Minute

// newKey makes a key that is thrown away with the test, and writes it into a file.
func newKey(t testing.TB, name string) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, file
}

// A site is some hosts, and what it takes to log in there.
type site struct {
	key, known string
	hosts      []string
}

// newSite starts n servers: those of OpenSSH if that is there, unless ours are asked for.
func newSite(t testing.TB, n int, ours bool) site {
	t.Helper()
	client, file := newKey(t, "client")
	s := site{key: file, known: filepath.Join(t.TempDir(), "known_hosts")}
	var lines bytes.Buffer
	for range n {
		key, keyFile := newKey(t, "host")
		addr := ""
		if !ours {
			addr = startSSHD(t, keyFile, client.PublicKey())
		} else {
			addr = startOurs(t, key, client.PublicKey())
		}
		s.hosts = append(s.hosts, addr)
		fmt.Fprintln(&lines, knownhosts.Line([]string{addr}, key.PublicKey()))
	}
	if err := os.WriteFile(s.known, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// sshd is where OpenSSH's server is, or "" with why it cannot be used.
func sshd() (path, why string) {
	if path = os.Getenv("SSHD"); path != "" {
		return path, ""
	}
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path, ""
		}
	}
	return "", "there is no sshd here (Debian: openssh-server)"
}

// startSSHD starts a server of OpenSSH and returns its address.
func startSSHD(t testing.TB, hostKey string, client ssh.PublicKey) string {
	t.Helper()
	path, why := sshd()
	if why != "" {
		t.Skip(why)
	}
	dir := t.TempDir()
	authorized := filepath.Join(dir, "authorized_keys")
	if err := os.WriteFile(authorized, ssh.MarshalAuthorizedKey(client), 0o600); err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ { // somebody else may take the port
		addr := freeAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		config := filepath.Join(dir, "config")
		text := fmt.Sprintf("ListenAddress 127.0.0.1\nPort %s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\n"+
			"PasswordAuthentication no\nPidFile none\nSubsystem sftp internal-sftp\n", port, hostKey, authorized)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		cmd := exec.Command(path, "-D", "-e", "-f", config)
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if answers(addr, ended) {
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
			})
			return addr
		}
		if try == 3 {
			t.Skipf("%s cannot be used here: %s", path, said.String())
		}
	}
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers reports whether a server answers, before it has ended.
func answers(addr string, ended <-chan error) bool {
	for start := time.Now(); time.Since(start) < hang; {
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}

// startOurs starts a server made with x/crypto/ssh, and returns its address.
func startOurs(t testing.TB, host ssh.Signer, client ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), client.Marshal()) {
			return nil, errors.New("not this key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error {
		conn, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return nil // a client that did not log in
		}
		defer conn.Close()
		go ssh.DiscardRequests(requests)
		for offer := range channels {
			if offer.ChannelType() != "session" {
				_ = offer.Reject(ssh.UnknownChannelType, "only sessions")
				continue
			}
			channel, requests, err := offer.Accept()
			if err != nil {
				return err
			}
			go session(channel, requests)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ShutdownTimeout(0); s.Join() })
	go s.Serve()
	return s.Addr().String()
}

// session serves one session: a command, or sftp.
func session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for r := range requests {
		var arg struct{ Text string }
		_ = ssh.Unmarshal(r.Payload, &arg)
		switch {
		case r.Type == "exec":
			_ = r.Reply(true, nil)
			cmd := exec.Command("sh", "-c", arg.Text)
			cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
			status := uint32(0)
			if err := cmd.Start(); err != nil {
				status = 127
			} else {
				gone := make(chan struct{})
				go func() { // the client hangs up
					_, _ = io.Copy(io.Discard, channel)
					for range requests {
					}
					_ = cmd.Process.Kill()
					close(gone)
				}()
				var exit *exec.ExitError
				if errors.As(cmd.Wait(), &exit) {
					status = uint32(exit.ExitCode())
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				_ = channel.Close()
				<-gone
			}
			return
		case r.Type == "subsystem" && arg.Text == "sftp":
			_ = r.Reply(true, nil)
			if server, err := sftp.NewServer(channel); err == nil {
				_ = server.Serve()
				_ = server.Close()
			}
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}
