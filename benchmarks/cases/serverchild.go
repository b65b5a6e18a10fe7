package cases

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/selectors"
	"github.com/gothreading/threading/socketserver"
)

//go:embed servers.py
var pythonServers string

// Each server is a process of its own, so that those in Go and in Python are measured alike, by one client: this program
// once more, which is told by the environment which server to be, or Python. It prints its address. Each line of its
// input asks for the CPU time that it has taken; the end of its input ends it.
const serverVariable = "THREADING_BENCHMARK_SERVER"

func init() {
	name := os.Getenv(serverVariable)
	if name == "" {
		return
	}
	if name == processServer {
		process.Init() // here, since main is not come to
	}
	addr, err := goServers[name]()
	if err != nil {
		fmt.Fprintln(os.Stderr, name, err)
		os.Exit(1)
	}
	fmt.Println(addr)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(cpuTime().Nanoseconds())
	}
	os.Exit(0)
}

// processServer has children, which are this program again.
const processServer = "socketserver processes"

var echoing = socketserver.Register(func(c *socketserver.Conn) error { return echo(c) })

// goServers start a server and return its address.
var goServers = map[string]func() (string, error){
	"socketserver": func() (string, error) {
		s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error { return echo(c) })
		if err != nil {
			return "", err
		}
		go s.Serve()
		return s.Addr().String(), nil
	},
	processServer: func() (string, error) {
		s, err := socketserver.Listen("tcp", "127.0.0.1:0", nil, socketserver.Processes(20, echoing))
		if err != nil {
			return "", err
		}
		go s.Serve()
		return s.Addr().String(), nil
	},
	"net": func() (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_ = echo(c)
				}()
			}
		}()
		return l.Addr().String(), nil
	},
	"selectors": selectorServer,
	"gnet":      gnetServer,
}

func echo(c io.ReadWriter) error {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
	}
}

func selectorServer() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	sel, err := selectors.New[struct{}]()
	if err != nil {
		return "", err
	}
	if _, err := sel.Register(l, selectors.Read, struct{}{}); err != nil {
		return "", err
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			ready, err := sel.Select()
			if err != nil {
				return
			}
			for _, r := range ready {
				if r.File == any(l) {
					if c, err := selectors.TryAccept(l); err == nil {
						_, _ = sel.Register(c, selectors.Read, struct{}{})
					}
					continue
				}
				n, err := selectors.TryRead(r.File, buf)
				if err == nil {
					_, err = selectors.TryWrite(r.File, buf[:n])
				}
				if err != nil && err != selectors.ErrWouldBlock {
					_ = sel.Unregister(r.File)
					_ = r.File.(net.Conn).Close()
				}
			}
		}
	}()
	return l.Addr().String(), nil
}

type gnetEcho struct {
	gnet.BuiltinEventEngine
	up chan struct{}
}

func (g *gnetEcho) OnBoot(gnet.Engine) gnet.Action {
	close(g.up)
	return gnet.None
}

func (g *gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	data, _ := c.Next(-1)
	_, _ = c.Write(data)
	return gnet.None
}

// A silent logger says nothing on standard output, where gnet's own does.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

func gnetServer() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // gnet does not tell which port it was given
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	_ = l.Close()
	g := &gnetEcho{up: make(chan struct{})}
	failed := make(chan error, 1)
	go func() {
		failed <- gnet.Run(g, "tcp://"+addr, gnet.WithMulticore(true), gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogger(silent{}))
	}()
	select {
	case <-g.up:
		return addr, nil
	case err := <-failed:
		return "", err
	}
}

// A child is a server in a process of its own.
type child struct {
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// startChild starts a server: one of goServers, or "python KIND".
func startChild(name string) *child {
	kind, python := strings.CutPrefix(name, "python ")
	var cmd *exec.Cmd
	if python {
		cmd = exec.Command("python3", "-c", pythonServers, kind)
	} else {
		self, err := os.Executable()
		must(err)
		cmd = exec.Command(self)
		cmd.Env = append(os.Environ(), serverVariable+"="+name, "GOMAXPROCS="+strconv.Itoa(runtime.GOMAXPROCS(0)), "GORACE=atexit_sleep_ms=0")
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(err)
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	c := &child{cmd: cmd, in: in, out: bufio.NewReader(out)}
	c.addr = c.line()
	return c
}

func (c *child) line() string {
	line, err := c.out.ReadString('\n')
	must(err)
	return strings.TrimSpace(line)
}

// cpu returns the CPU time that the server has taken.
func (c *child) cpu() time.Duration {
	_, err := io.WriteString(c.in, "cpu\n")
	must(err)
	ns, err := strconv.ParseInt(c.line(), 10, 64)
	must(err)
	return time.Duration(ns)
}

func (c *child) close() {
	must(c.in.Close())
	must(c.cmd.Wait())
}

// must is for what goes wrong on a machine that is not fit for measuring.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
