package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/manager"
)

// A world is the servers, each started when it is needed first.
type world struct {
	dir, python string
	backlog     int
	stops       []func()

	etcds  map[int][]string // endpoints, by how many servers
	local  *manager.Manager
	shared map[int]*manager.Manager
	client map[int]*clientv3.Client
	redis  string // address
	celery *child
	gone   map[string]error
	works  bool // there are workers of the pool
	filled map[string]bool
	names  int
}

func newWorld(dir, python string, backlog int) (*world, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	dir, err := os.MkdirTemp(dir, "cluster-benchmarks")
	if err != nil {
		return nil, err
	}
	w := &world{
		dir: dir, python: python, backlog: backlog,
		etcds: map[int][]string{}, shared: map[int]*manager.Manager{}, client: map[int]*clientv3.Client{}, gone: map[string]error{}, filled: map[string]bool{},
	}
	w.stops = append(w.stops, func() { _ = os.RemoveAll(dir) })
	return w, nil
}

func (w *world) close() {
	for i := len(w.stops) - 1; i >= 0; i-- {
		w.stops[i]()
	}
}

// name returns a name that nobody has used.
func (w *world) name(of string) string {
	w.names++
	return fmt.Sprint(of, w.names)
}

// etcdVersion returns the version of etcd's server that this program has in it.
func etcdVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "go.etcd.io/etcd/server/v3" {
			return d.Version
		}
	}
	return ""
}

// etcd returns the endpoints of one server, or of three.
func (w *world) etcd(servers int) ([]string, error) {
	if at := w.etcds[servers]; at != nil {
		return at, nil
	}
	var at, peers []string
	for range servers {
		client, err := freeAddr()
		if err != nil {
			return nil, err
		}
		peer, err := freeAddr()
		if err != nil {
			return nil, err
		}
		at, peers = append(at, client), append(peers, "http://"+peer)
	}
	var members []*child
	for i := range servers {
		role := fmt.Sprintf("etcd %s %s", filepath.Join(w.dir, fmt.Sprintf("etcd%d-%d", servers, i)), at[i])
		if servers > 1 {
			role += " " + strings.Join(append([]string{peers[i]}, append(append([]string{}, peers[:i]...), peers[i+1:]...)...), " ")
		}
		c, err := w.spawn(role)
		if err != nil {
			return nil, err
		}
		members = append(members, c)
	}
	for _, c := range members {
		if _, err := c.line(); err != nil {
			return nil, err
		}
	}
	w.etcds[servers] = at
	return at, nil
}

func (w *world) addr(servers int) (string, error) {
	at, err := w.etcd(servers)
	return "etcd://" + strings.Join(at, ",") + "/benchmarks", err
}

// manager returns a session of this process with etcd.
func (w *world) manager(ctx context.Context, servers int) (*manager.Manager, error) {
	if m := w.shared[servers]; m != nil {
		return m, nil
	}
	addr, err := w.addr(servers)
	if err != nil {
		return nil, err
	}
	m, err := manager.Open(ctx, addr)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = m.Close() })
	w.shared[servers] = m
	return m, nil
}

func (w *world) etcdClient(servers int) (*clientv3.Client, error) {
	if c := w.client[servers]; c != nil {
		return c, nil
	}
	at, err := w.etcd(servers)
	if err != nil {
		return nil, err
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: at, DialTimeout: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = c.Close() })
	w.client[servers] = c
	return c, nil
}

// unix returns a session with a server of package manager that has a process of its own.
func (w *world) unix(ctx context.Context) (*manager.Manager, error) {
	if w.local != nil {
		return w.local, nil
	}
	c, err := w.spawn("unix")
	if err != nil {
		return nil, err
	}
	addr, err := c.line()
	if err != nil {
		return nil, err
	}
	if w.local, err = manager.Open(ctx, addr); err != nil {
		return nil, err
	}
	w.stops = append(w.stops, func() { _ = w.local.Close() })
	return w.local, nil
}

// redisAddr returns the address of a Redis that writes to its disk before it answers, as etcd does.
func (w *world) redisAddr() (string, error) {
	if w.redis != "" || w.gone["redis"] != nil {
		return w.redis, w.gone["redis"]
	}
	command, err := exec.LookPath("redis-server")
	if err != nil {
		w.gone["redis"] = fmt.Errorf("redis-server %w", errMissing)
		return "", w.gone["redis"]
	}
	addr, err := freeAddr()
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(command, "--port", port, "--bind", "127.0.0.1", "--dir", w.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	if err := cmd.Start(); err != nil {
		return "", err
	}
	w.stops = append(w.stops, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	for try := 0; c.Ping(context.Background()).Err() != nil; try++ {
		if try > 12_000 { // two minutes, which only a hang takes
			return "", fmt.Errorf("redis-server does not answer at %s", addr)
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.redis = addr
	return addr, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

//go:embed tasks.py
var celerySource []byte

// celeryClient returns a process that submits tasks to Celery's workers: to each line, a number of seconds, it answers
// with how many tasks a second were done.
func (w *world) celeryClient() (*child, error) {
	if w.celery != nil || w.gone["celery"] != nil {
		return w.celery, w.gone["celery"]
	}
	python := ""
	for command := range strings.SplitSeq(w.python, ",") {
		if python == "" && exec.Command(command, "-c", "import celery, redis").Run() == nil {
			python = command
		}
	}
	if python == "" {
		w.gone["celery"] = fmt.Errorf("celery, or redis for Python, %w", errMissing)
		return nil, w.gone["celery"]
	}
	addr, err := w.redisAddr()
	if err != nil {
		w.gone["celery"] = err
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "tasks.py"), celerySource, 0o600); err != nil {
		return nil, err
	}
	start := func(args ...string) (*child, error) {
		cmd := exec.Command(python, args...)
		cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "REDIS=redis://"+addr)
		return w.start(cmd)
	}
	if _, err := start("-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "ERROR"); err != nil {
		return nil, err
	}
	if w.celery, err = start("tasks.py"); err != nil {
		return nil, err
	}
	_, err = w.celery.line() // the first task is done
	return w.celery, err
}

// A child is another process, which answers by lines.
type child struct {
	in  io.WriteCloser
	out *bufio.Reader
	end func()
}

const roleEnv = "CLUSTER_BENCHMARK_ROLE"

// spawn starts this program in another role.
func (w *world) spawn(role string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return w.start(cmd)
}

func (w *world) start(cmd *exec.Cmd) (*child, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := false
	c := &child{in, bufio.NewReader(out), func() {
		if ended {
			return
		}
		ended = true
		if cmd.Process.Signal(syscall.SIGTERM) != nil { // Celery's worker ends its own children then
			_ = cmd.Process.Kill()
		}
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	}}
	w.stops = append(w.stops, c.end)
	return c, nil
}

func (c *child) line() (string, error) {
	line, err := c.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (c *child) number() (float64, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(line, 64)
}

// serve is the role of a server of etcd.
func serve(ctx context.Context, args []string) error {
	opts := []embedded.Option{embedded.Listen(args[1])}
	if len(args) > 2 {
		opts = append(opts, embedded.Peers(args[2:]...))
	}
	if _, err := embedded.Start(ctx, args[0], opts...); err != nil {
		return err
	}
	fmt.Println("serves")
	select {}
}

// double is the task of the pool.
var double = cluster.Register("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
