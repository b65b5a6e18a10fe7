// Command ssh runs a command on many hosts, at most so many at a time, and copies a file to or from each of them. It is
// a port of these Python programs:
//
//	def df(host):
//	    ssh = paramiko.SSHClient()
//	    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
//	    ssh.connect(hostname=host, port=22, username="root", password="123456")
//	    stdin, stdout, stderr = ssh.exec_command("df")
//	    print(stdout.read())
//	    ssh.close()
//
//	for host in hosts:
//	    threading.Thread(target=df, args=(host,)).start()
//
//	transport = paramiko.Transport((host, 22))
//	transport.connect(username="root", pkey=paramiko.RSAKey.from_private_key_file("id_rsa"))
//	sftp = paramiko.SFTPClient.from_transport(transport)
//	sftp.put("local", "/tmp/remote")
//	sftp.get("/tmp/remote", "copy")
//	transport.close()
//
// The differences that matter:
//
//   - AutoAddPolicy takes the key of whoever answers, so anybody on the way can be the host, and learns the password.
//     Here the key must be in a file of known hosts, as with the command ssh; ssh-keyscan writes one.
//   - A key logs in, and no password stands in a program.
//   - stdout.read() without a look at the exit status takes a command that failed for one that had nothing to say, and
//     one that writes much to stderr hangs. Here both are read, and a status other than 0 is an error.
//   - A thread for each host is as many connections at once as there are hosts. The pool has so many workers; what
//     failed on one host is told with its name, after all have answered.
//   - Ctrl-C, and a host that takes longer than -limit, end the connection: a command that goes on forever holds
//     nobody up.
//
// The libraries are golang.org/x/crypto/ssh and github.com/pkg/sftp.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct {
	hosts, login, key, known string
	command, put, get        string
	workers                  int
	limit                    time.Duration
}

var program = demo.Program{
	Name: "ssh",
	Does: "Runs a command on many hosts at once, and copies a file to or from each of them.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.hosts, "hosts", "", "the `hosts`, host or host:port, with commas between them")
		f.StringVar(&o.login, "user", "", "who logs in; without it, who runs this")
		f.StringVar(&o.key, "key", home(".ssh", "id_ed25519"), "the `file` with the private key")
		f.StringVar(&o.known, "known", home(".ssh", "known_hosts"), "the `file` with the hosts' public keys")
		f.StringVar(&o.command, "run", "", "the `command` to run")
		f.StringVar(&o.put, "put", "", "copy a file to the hosts: `local:remote`")
		f.StringVar(&o.get, "get", "", "copy a file from the hosts: `remote:local`; the name of the host is put behind local")
		f.IntVar(&o.workers, "workers", 5, "so many `hosts` at a time")
		f.DurationVar(&o.limit, "limit", time.Minute, "how long one host may take")
		return o.run
	},
}

func main() { program.Main() }

// home is a file in the home of whoever runs this.
func home(path ...string) string {
	dir, _ := os.UserHomeDir()
	return filepath.Join(append([]string{dir}, path...)...)
}

func (o *options) run(out io.Writer, _ time.Duration) error {
	all := strings.FieldsFunc(o.hosts, func(r rune) bool { return r == ',' })
	switch {
	case len(all) == 0:
		return demo.BadInput("-hosts: want one or more")
	case o.command == "" && o.put == "" && o.get == "":
		return demo.BadInput("nothing to do: want -run, -put or -get")
	case o.workers < 1 || o.workers > 1000:
		return demo.BadInput("-workers %d: want 1 to 1000", o.workers)
	case o.limit <= 0:
		return demo.BadInput("-limit %v: want more than 0", o.limit)
	}
	for flag, pair := range map[string]string{"put": o.put, "get": o.get} {
		if from, to, _ := strings.Cut(pair, ":"); pair != "" && (from == "" || to == "") {
			return demo.BadInput("-%s %q: want two names with a colon between them", flag, pair)
		}
	}
	if o.login == "" {
		me, err := user.Current()
		if err != nil {
			return err
		}
		o.login = me.Username
	}
	access, err := newAccess(o.login, o.key, o.known)
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := pool.New(o.workers, pool.Name("ssh"))
	defer p.Shutdown()
	outputs, err := pool.Map(p.WithContext(ctx), func(ctx context.Context, host string) (string, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("not done within %v", o.limit))
		defer cancel()
		return o.visit(ctx, access, host)
	}, all)

	failures := make(map[int]error)
	var failed *pool.MapError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			failures[item.Index] = item.Err
		}
	} else if err != nil {
		return err
	}
	for i, host := range all {
		for line := range strings.Lines(outputs[i]) {
			fmt.Fprintf(out, "%s: %s\n", host, strings.TrimRight(line, "\r\n"))
		}
		if err := failures[i]; err != nil {
			fmt.Fprintf(out, "%s failed: %v\n", host, err)
		}
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d of %d hosts failed", len(failures), len(all))
	}
	return nil
}

// visit does on one host what the flags say, and returns what there is to say of it.
func (o *options) visit(ctx context.Context, a *access, name string) (said string, err error) {
	h, err := a.dial(ctx, name)
	if err != nil {
		return "", err
	}
	defer h.close()
	if local, remote, ok := strings.Cut(o.put, ":"); ok {
		if err := h.put(local, remote); err != nil {
			return said, h.because(err)
		}
		said += "put " + remote + "\n"
	}
	if o.command != "" {
		output, err := h.run(o.command)
		said += output
		if err != nil {
			return said, h.because(err)
		}
	}
	if remote, local, ok := strings.Cut(o.get, ":"); ok {
		local += "." + strings.NewReplacer(":", "_", string(filepath.Separator), "_").Replace(name)
		if err := h.get(remote, local); err != nil {
			return said, h.because(err)
		}
		said += "got " + local + "\n"
	}
	return said, nil
}
