package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/socketserver"
)

// hang is a limit that only a test which hangs reaches.
const hang = 3 * time.Minute

// startMemcached starts the real server, and returns its address.
func startMemcached(t testing.TB) string {
	t.Helper()
	path := os.Getenv("MEMCACHED")
	if path == "" {
		var err error
		if path, err = exec.LookPath("memcached"); err != nil {
			t.Skip("there is no memcached here (Debian: memcached)")
		}
	}
	for try := 0; ; try++ { // somebody else may take the port
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		_, port, _ := net.SplitHostPort(addr)
		args := []string{"-l", "127.0.0.1", "-p", port, "-U", "0"}
		if os.Getuid() == 0 {
			args = append(args, "-u", "root")
		}
		var said bytes.Buffer
		cmd := exec.Command(path, args...)
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

// A memory is a small memcached, for where there is none. It speaks what the client needs of the protocol, and nothing
// in it ever expires.
type memory struct {
	guard sync.Mutex
	items map[string]entry
	token uint64
}

type entry struct {
	flags string
	value []byte
	token uint64
}

// startMemory starts one, and returns its address.
func startMemory(t testing.TB) string {
	t.Helper()
	m := &memory{items: make(map[string]entry)}
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", m.serve)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ShutdownTimeout(0); s.Join() })
	go s.Serve()
	return s.Addr().String()
}

func (m *memory) serve(c *socketserver.Conn) error {
	out := bufio.NewWriter(c)
	for {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			words = []string{"?"}
		}
		if err := m.answer(out, c.Reader(), words[0], words[1:]); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func (m *memory) answer(out *bufio.Writer, in *bufio.Reader, command string, args []string) error {
	switch command {
	case "version":
		fmt.Fprint(out, "VERSION 0\r\n")
	case "get", "gets":
		m.guard.Lock()
		defer m.guard.Unlock()
		for _, key := range args {
			if e, ok := m.items[key]; ok {
				fmt.Fprintf(out, "VALUE %s %s %d %d\r\n%s\r\n", key, e.flags, len(e.value), e.token, e.value)
			}
		}
		fmt.Fprint(out, "END\r\n")
	case "set", "add", "replace", "append", "prepend", "cas":
		size, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		value := make([]byte, size+2)
		if _, err := io.ReadFull(in, value); err != nil {
			return err
		}
		token := ""
		if command == "cas" {
			token = args[4]
		}
		fmt.Fprint(out, m.store(command, args[0], args[1], value[:size], token), "\r\n")
	case "incr", "decr":
		fmt.Fprint(out, m.count(command, args[0], args[1]), "\r\n")
	case "delete":
		m.guard.Lock()
		defer m.guard.Unlock()
		if _, ok := m.items[args[0]]; !ok {
			fmt.Fprint(out, "NOT_FOUND\r\n")
			return nil
		}
		delete(m.items, args[0])
		fmt.Fprint(out, "DELETED\r\n")
	default:
		fmt.Fprint(out, "ERROR\r\n")
	}
	return nil
}

func (m *memory) store(command, key, flags string, value []byte, token string) string {
	m.guard.Lock()
	defer m.guard.Unlock()
	old, there := m.items[key]
	switch {
	case command == "cas" && !there:
		return "NOT_FOUND"
	case command == "cas" && token != strconv.FormatUint(old.token, 10):
		return "EXISTS"
	case command == "add" && there, !there && (command == "replace" || command == "append" || command == "prepend"):
		return "NOT_STORED"
	case command == "append":
		flags, value = old.flags, bytes.Join([][]byte{old.value, value}, nil)
	case command == "prepend":
		flags, value = old.flags, append(value, old.value...)
	}
	m.token++
	m.items[key] = entry{flags, value, m.token}
	return "STORED"
}

func (m *memory) count(command, key, by string) string {
	m.guard.Lock()
	defer m.guard.Unlock()
	e, there := m.items[key]
	if !there {
		return "NOT_FOUND"
	}
	n, err := strconv.ParseUint(string(e.value), 10, 64)
	d, err2 := strconv.ParseUint(by, 10, 64)
	switch {
	case err != nil || err2 != nil:
		return "CLIENT_ERROR cannot increment or decrement non-numeric value"
	case command == "incr":
		n += d
	default:
		n -= min(d, n)
	}
	m.token++
	m.items[key] = entry{e.flags, strconv.AppendUint(nil, n, 10), m.token}
	return strconv.FormatUint(n, 10)
}
