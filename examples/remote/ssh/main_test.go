package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// start runs the program at a site.
func (s site) start(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return start(program, append([]string{"-key", s.key, "-known", s.known, "-limit", hang.String()}, args...)...)
}

func start(p demo.Program, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = p.Start(args, &out, &errs)
	return code, out.String(), errs.String()
}

// eachServer runs a test with OpenSSH's server and with ours.
func eachServer(t *testing.T, f func(t *testing.T, ours bool)) {
	t.Run("sshd", func(t *testing.T) { f(t, false) })
	t.Run("x/crypto/ssh", func(t *testing.T) { f(t, true) })
}

func TestACommandOnManyHosts(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 4, ours)
		code, stdout, stderr := s.start(t, "-workers", "2", "-hosts", strings.Join(s.hosts, ","), "-run", "echo one; echo two")
		want := ""
		for _, host := range s.hosts {
			want += host + ": one\n" + host + ": two\n"
		}
		if code != 0 || stdout != want || stderr != "" {
			t.Errorf("exit code %d, %q, %q, want %q", code, stdout, stderr, want)
		}
	})
}

func TestFilesThereAndBack(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 2, ours)
		dir := t.TempDir()
		local, remote, back := filepath.Join(dir, "local"), filepath.Join(dir, "remote"), filepath.Join(dir, "back")
		text := strings.Repeat("a file that is longer than a packet\n", 5000)
		if err := os.WriteFile(local, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, host := range s.hosts { // one after the other: they have one file system
			code, stdout, stderr := s.start(t, "-hosts", host, "-put", local+":"+remote, "-run", "wc -l <"+remote+"; rm "+local, "-get", remote+":"+back)
			got, err := os.ReadFile(back + "." + strings.Replace(host, ":", "_", 1))
			if code != 0 || stderr != "" || err != nil || string(got) != text || !strings.Contains(stdout, "5000") {
				t.Errorf("exit code %d, %q, %q, %v, %d bytes", code, stdout, stderr, err, len(got))
			}
			if _, err := os.Stat(local); err == nil {
				t.Error("the command did not run")
			}
			if err := os.Rename(remote, local); err != nil {
				t.Fatal(err)
			}
		}
		code, stdout, stderr := s.start(t, "-hosts", s.hosts[0], "-get", "/no/such/file:"+back)
		if code != 1 || !strings.Contains(stdout, "/no/such/file: file does not exist") || stderr != "ssh: 1 of 1 hosts failed\n" {
			t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
		}
	})
}

// What fails on one host is told with its name, and the others have done theirs.
func TestTheOtherHostsAnswer(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 2, ours)
		nobody := freeAddr(t)
		code, stdout, stderr := s.start(t, "-hosts", s.hosts[0]+","+nobody+","+s.hosts[1], "-run", "echo x; echo why >&2; exit 3")
		for _, host := range s.hosts {
			if !strings.Contains(stdout, host+": x\n"+host+" failed: Process exited with status 3: why\n") {
				t.Error("nothing of", host)
			}
		}
		if code != 1 || !strings.Contains(stdout, nobody+" failed: ") || stderr != "ssh: 3 of 3 hosts failed\n" {
			t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
		}
	})
}

func TestTheKeyOfAHostIsChecked(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 2, ours)
		other, _ := newKey(t, "other")
		line := func(host string) string { return knownhosts.Line([]string{host}, other.PublicKey()) + "\n" }
		for _, c := range []struct{ known, want string }{
			{"", "its key is not in "},
			{line("127.0.0.1:1"), "its key is not in "},
			{line(s.hosts[0]), "it is another host, or somebody is in between"},
		} {
			if err := os.WriteFile(s.known, []byte(c.known), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := s.start(t, "-hosts", s.hosts[0], "-run", "echo told")
			if code != 1 || !strings.Contains(stdout, c.want) || strings.Contains(stdout, "told") {
				t.Errorf("exit code %d, %q, %q, want %q", code, stdout, stderr, c.want)
			}
		}
	})
}

func TestAStrangerDoesNotLogIn(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 1, ours)
		_, s.key = newKey(t, "stranger")
		code, stdout, _ := s.start(t, "-hosts", s.hosts[0], "-run", "echo in")
		if code != 1 || !strings.Contains(stdout, "unable to authenticate") {
			t.Errorf("exit code %d, %q", code, stdout)
		}
	})
}

// Neither a command that goes on forever nor a host that says nothing holds anybody up.
func TestAHostHasALimit(t *testing.T) {
	eachServer(t, func(t *testing.T, ours bool) {
		s := newSite(t, 1, ours)
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		for _, host := range []string{s.hosts[0], silent.Addr().String()} {
			code, stdout, _ := s.start(t, "-hosts", host, "-run", "exec sleep 600", "-limit", "2s")
			if want := fmt.Sprintf("%s failed: not done within 2s\n", host); code != 1 || stdout != want {
				t.Errorf("exit code %d, %q, want %q", code, stdout, want)
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	_, key := newKey(t, "key")
	for _, c := range []struct{ args, want string }{
		{"-run x", "-hosts"}, {"-hosts a", "nothing to do"}, {"-hosts a -run x -workers 0", "-workers 0"},
		{"-hosts a -run x -limit 0s", "-limit 0s"}, {"-hosts a -put x", `-put "x"`}, {"-hosts a -get x:", `-get "x:"`},
	} {
		code, stdout, stderr := start(program, strings.Fields(c.args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"-key", "/nowhere"}, {"-key", key, "-known", "/nowhere"}, {"-key", "/dev/null"}} {
		code, _, stderr := start(program, append(args, "-hosts", "a", "-run", "x")...)
		if code != 1 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q", args, code, stderr)
		}
	}
}
