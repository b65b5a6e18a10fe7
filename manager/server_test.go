//go:build unix

package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

// When the server is killed every call returns ErrClosed, now and later, Lost is closed, and nobody goes on.
func TestAKilledServerEndsEveryCall(t *testing.T) {
	defer proof.Watch(t)()
	before := goleak.IgnoreCurrent()
	server, addr := serving(t)
	m, other := opened(t, addr), opened(t, addr)
	other.Lock("lock").Lock()
	other.Lock("lock 2").Lock()
	other.RLock("rlock").Lock()
	m.Lock("held").Lock()
	m.Semaphore("held", 1).Acquire()
	term, err := m.Election("held").Campaign(background, "me")
	if err != nil {
		t.Fatal(err)
	}
	full := manager.NewQueue[int](m, "full", 1, manager.Joinable())
	if err := full.Put(1); err != nil {
		t.Fatal(err)
	}
	taken := manager.NewQueue[int](m, "taken", 0, manager.Joinable())
	if err := taken.Put(1); err != nil {
		t.Fatal(err)
	}
	if _, err := taken.Get(); err != nil {
		t.Fatal(err)
	}
	lost := []<-chan struct{}{m.Lost(), m.Lock("held").Lost(), m.Semaphore("held", 1).Lost(), term.Lost()}
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	failing := map[string]func() error{
		"LockContext":    func() error { return m.Lock("lock").LockContext(ctx) },
		"AcquireContext": func() error { return m.Semaphore("none", 0).AcquireContext(ctx) },
		"WaitContext":    func() error { return m.Event("event").WaitContext(ctx) },
		"Barrier":        func() error { _, err := m.Barrier("barrier", 2, nil).Wait(); return err },
		"Get":            func() error { _, err := manager.NewQueue[int](m, "empty", 0).Get(); return err },
		"Claim":          func() error { _, err := manager.NewQueue[int](m, "empty", 0).ClaimContext(ctx); return err },
		"Put":            func() error { return full.Put(2) },
		"JoinContext":    func() error { return full.JoinContext(ctx) },
		"Campaign":       func() error { _, err := other.Election("held").Campaign(ctx, "other"); return err },
		"Watch": func() error {
			for _, err := range manager.NewDict[string, int](m, "dict").Watch(ctx) {
				return err
			}
			return nil
		},
		"Lock":        func() error { return panicked(m.RLock("rlock").Lock) },
		"LockTimeout": func() error { return panicked(func() { m.Lock("lock 2").LockTimeout(time.Hour) }) },
		"Condition": func() error {
			return panicked(func() {
				c := m.Condition("condition", nil)
				c.Lock()
				defer c.Unlock()
				c.Wait()
			})
		},
	}
	var wg sync.WaitGroup
	for name, f := range failing {
		wg.Go(func() {
			err := f()
			if !errors.Is(err, manager.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", name, err)
			}
			if errors.Is(err, manager.ErrUnknown) && name != "Put" {
				t.Errorf("%s: %v: it is known", name, err)
			}
		})
	}
	done := m.Event("event").Done()
	until(func() bool {
		n := 0
		for i, err := range other.Objects(background) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(i.Waiters)
		}
		return n >= len(failing) // "Condition" and "Watch" among them
	})
	server.kill()
	wg.Wait()
	for _, l := range lost {
		<-l
	}
	for i := range 3 {
		if err := m.Counter("counter").Set(background, 1); !errors.Is(err, manager.ErrClosed) || errors.Is(err, manager.ErrUnknown) {
			t.Error("afterwards:", err)
		}
		if !errors.Is(panicked(m.Event("event").Set), manager.ErrClosed) || !isClosed(m.Lost()) {
			t.Error("afterwards", i)
		}
	}
	if isClosed(done) {
		t.Error("an event was set by nobody")
	}
	// What was held: the calls that are usually deferred do nothing.
	m.Lock("held").Unlock()
	m.Semaphore("held", 1).Release()
	taken.TaskDone()
	if err := term.Resign(background); !errors.Is(err, manager.ErrLost) {
		t.Error("Resign:", err)
	}
	if err := errors.Join(m.Close(), m.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	if _, err := manager.Open(background, addr); !errors.Is(err, manager.ErrNoServer) {
		t.Error("Open:", err)
	}
	goleak.VerifyNone(t, before) // nobody spins, nobody sleeps
}

// A write that is under way when the server is killed is unknown, and also closed; a call that took nothing is closed.
func TestAWriteUnderWayIsUnknown(t *testing.T) {
	defer proof.Watch(t)()
	server, addr := serving(t)
	m := opened(t, addr)
	defer m.Close()
	if err := m.Counter("c").Set(background, 0); err != nil {
		t.Fatal(err)
	}
	server.signal(stop)
	waitStopped(t, server)
	var wg sync.WaitGroup
	for name, call := range map[string]struct {
		f       func() error
		unknown bool
	}{
		"Add":   {func() error { _, err := m.Counter("c").Add(background, 1); return err }, true},
		"Set":   {func() error { return m.Event("e").SetContext(background) }, true},
		"Put":   {func() error { return manager.NewQueue[int](m, "q", 0).Put(1) }, true},
		"Get":   {func() error { _, err := manager.NewQueue[int](m, "q", 0).Get(); return err }, false},
		"Lock":  {func() error { return m.Lock("l").LockContext(background) }, false},
		"dict":  {func() error { _, _, err := manager.NewDict[int, int](m, "d").Get(background, 1); return err }, false},
		"IsSet": {func() error { _, err := m.Event("e").IsSetContext(background); return err }, false},
		"Update": {func() error {
			_, err := manager.NewValue[int](m, "v").Update(background, func(n int) (int, error) { return n, nil })
			return err
		}, false},
		"Objects": {func() error {
			for _, err := range m.Objects(background) {
				return err
			}
			return nil
		}, false},
	} {
		wg.Go(func() {
			err := call.f()
			if !errors.Is(err, manager.ErrClosed) || errors.Is(err, manager.ErrUnknown) != call.unknown {
				t.Errorf("%s: %v; unknown: want %t", name, err, call.unknown)
			}
		})
	}
	awaitAnswers(9)
	server.kill()
	wg.Wait()
}

// awaitAnswers waits until so many calls have been sent and wait for an answer.
func awaitAnswers(n int) {
	all := make([]byte, 4<<20)
	until(func() bool {
		waiting := 0
		for stack := range bytes.SplitSeq(all[:runtime.Stack(all, true)], []byte("\n\n")) {
			state, _, _ := bytes.Cut(stack, []byte("\n"))
			if bytes.Contains(stack, []byte("wire.(*call).await(")) && !bytes.Contains(state, []byte("[run")) {
				waiting++ // neither running nor runnable
			}
		}
		return waiting >= n
	})
}

// waitStopped waits until SIGSTOP has taken effect.
func waitStopped(t *testing.T, c *child) {
	t.Helper()
	until(func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
		if err != nil {
			t.Skipf("no /proc tells whether a process is stopped: %v", err)
		}
		return strings.Contains(string(stat), ") T ")
	})
}

// A server that does not answer for a second after a call gave up is given up: the connection is closed, writes under
// way are unknown, the rest is closed.
func TestAServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	defer proof.Watch(t)()
	server, addr := serving(t)
	m := opened(t, addr)
	defer m.Close()
	tries := opened(t, addr)
	defer tries.Close()
	held := opened(t, addr)
	defer held.Close()
	held.Lock("held").Lock()
	m.Lock("l").Locked()
	server.signal(stop)
	waitStopped(t, server)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(background)
	var wg sync.WaitGroup
	var gaveUp, waits, writes error
	wg.Go(func() { gaveUp = m.Lock("l").LockContext(ctx) })
	wg.Go(func() { waits = m.Event("e").WaitContext(background) })
	wg.Go(func() { _, writes = m.Counter("c").Add(background, 1) })
	awaitAnswers(3)
	var locked bool
	var empty error
	wg.Go(func() { locked = tries.Lock("l").TryLock() })
	wg.Go(func() { _, empty = manager.NewQueue[int](tries, "q", 0).TryGet() })
	cancel(why)
	wg.Wait()
	if !errors.Is(gaveUp, manager.ErrClosed) || !errors.Is(gaveUp, why) {
		t.Error("gave up:", gaveUp)
	}
	if !errors.Is(waits, manager.ErrClosed) || errors.Is(waits, manager.ErrUnknown) {
		t.Error("waits:", waits)
	}
	if !errors.Is(writes, manager.ErrClosed) || !errors.Is(writes, manager.ErrUnknown) {
		t.Error("writes:", writes)
	}
	if locked {
		t.Error("TryLock")
	}
	if !errors.Is(empty, queue.ErrEmpty) && !errors.Is(empty, manager.ErrClosed) {
		t.Error("TryGet:", empty)
	}
	if !isClosed(m.Lost()) || !isClosed(tries.Lost()) {
		t.Error("the sessions go on")
	}
	server.signal(cont) // whoever did not give up goes on
	if held.Lock("held").TryLock() || isClosed(held.Lock("held").Lost()) {
		t.Error("a session that waited was lost")
	}
	held.Lock("held").Unlock()
	if err := held.Counter("c").Set(background, 5); err != nil {
		t.Error(err)
	}
}

func init() {
	roles["locks"] = func(addr string, say func(...any)) {
		m := open(addr)
		m.Lock("l").Lock()
		say("holds")
		<-m.Event("go on").Done()
		say("lost:", isClosed(m.Lock("l").Lost()))
		m.Lock("l").Unlock()
	}
}

// The server does not notice that a client is paused, and gives what it holds to nobody.
func TestAPausedClientKeepsWhatItHolds(t *testing.T) {
	defer proof.Watch(t)()
	m := started(t)
	c := spawn(t, "locks", m.Addr())
	c.says("holds")
	c.signal(stop)
	waitStopped(t, c)
	if m.Lock("l").LockTimeout(50 * time.Millisecond) {
		t.Fatal("a paused client has lost its lock")
	}
	m.Event("go on").Set()
	c.signal(cont)
	c.says("lost: false")
	m.Lock("l").Lock()
	c.ends()
}

func TestServeUntilTheContextEnds(t *testing.T) {
	defer proof.Watch(t)()
	m := opened(t, "mem:")
	defer m.Close()
	m.Event("set").Set()
	l, addr := socket(t)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(background)
	var served error
	var wg sync.WaitGroup
	wg.Go(func() { served = m.Serve(ctx, l) })
	c := opened(t, addr)
	defer c.Close()
	if !c.Event("set").IsSet() || c.Addr() != addr {
		t.Error("these are other objects")
	}
	c.Lock("l").Lock()
	cancel(why)
	wg.Wait()
	if !errors.Is(served, why) {
		t.Error("Serve:", served)
	}
	if !m.Lock("l").TryLock() {
		t.Error("the session has not ended with Serve")
	}
	<-c.Lost()
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open")
	}
	// A server may be started again at the same path at once.
	l, err := net.Listen("unix", strings.TrimPrefix(addr, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { served = m.Serve(background, l) })
	again := opened(t, addr)
	defer again.Close()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if !errors.Is(served, manager.ErrClosed) {
		t.Error("Serve of one that was closed:", served)
	}
	<-again.Lost()
}

func TestServeRefuses(t *testing.T) {
	m := started(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	abstract := net.Listener(nil)
	if runtime.GOOS == "linux" { // elsewhere this is a file
		if abstract, err = net.Listen("unix", fmt.Sprint("@manager-test-", os.Getpid())); err != nil {
			t.Fatal(err)
		}
		defer abstract.Close()
	}
	l, _ := socket(t)
	ended, cancel := context.WithCancelCause(background)
	why := errors.New("why")
	cancel(why)
	c := opened(t, m.Addr())
	defer c.Close()
	for name, is := range map[string][2]error{
		"TCP":           {m.Serve(background, tcp), manager.ErrInsecure},
		"abstract":      {m.Serve(background, abstract), manager.ErrInsecure},
		"TTL":           {m.Serve(background, l, manager.TTL(time.Hour)), manager.ErrValue},
		"codec":         {m.Serve(background, l, manager.WithCodec(jsonToo{})), manager.ErrValue},
		"label":         {m.Serve(background, l, manager.Label("x")), manager.ErrValue},
		"ended":         {m.Serve(ended, l), why},
		"not its own":   {c.Serve(background, l), errors.ErrUnsupported},
		"nothing":       {m.Serve(background, nil), manager.ErrInsecure},
		"Open, TTL":     {openErr("mem:", manager.TTL(time.Hour)), manager.ErrValue},
		"Open, logger":  {openErr("mem:", manager.Logger(nil)), nil},
		"Open, users":   {openErr("mem:", manager.AllowUID(1)), manager.ErrValue},
		"unix, TTL":     {openErr(m.Addr(), manager.TTL(time.Hour)), manager.ErrValue},
		"unix, users":   {openErr(m.Addr(), manager.AllowUID(1)), nil},
		"no path":       {openErr("unix:"), manager.ErrValue},
		"abstract path": {openErr("unix:@x"), manager.ErrValue},
		"no socket":     {openErr("unix:" + t.TempDir() + "/none"), manager.ErrNoServer},
		"a file":        {openErr("unix:" + file(t)), manager.ErrNoServer},
		"no scheme":     {openErr("nonsense"), manager.ErrValue},
		"unknown":       {openErr("tcp:127.0.0.1:1"), manager.ErrValue},
	} {
		if want := is[1]; !errors.Is(is[0], want) {
			t.Errorf("%s: %v, want %v", name, is[0], want)
		}
	}
	for addr, want := range map[string]string{
		"etcd://h/app":   `import _ "github.com/gothreading/threading/cluster"`,
		"etcd+dir:/x":    `import _ "github.com/gothreading/threading/cluster/embedded"`,
		"tcp:127.0.0.1:": "want one of mem:, ",
		"":               `such as "mem:", "unix:/run/app.sock" or "etcd://host/app"`,
	} {
		if err := openErr(addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want it to say %s", addr, err, want)
		}
	}
	if _, err := manager.Start(manager.TTL(time.Hour)); !errors.Is(err, manager.ErrValue) {
		t.Error("Start with a TTL:", err)
	}
}

type jsonToo struct{}

func (jsonToo) Name() string                { return "json" }
func (jsonToo) Marshal(any) ([]byte, error) { return nil, nil }
func (jsonToo) Unmarshal([]byte, any) error { return nil }

func file(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Others see a session under its Label, which is the program's name and process unless one is given.
func TestLabelsAreSeen(t *testing.T) {
	m := started(t)
	named, err := manager.Open(background, m.Addr(), manager.Label("till 3"))
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	unnamed := opened(t, m.Addr())
	defer unnamed.Close()
	named.Lock("a").Lock()
	unnamed.Lock("b").Lock()
	want := map[string][2]string{"a": {"till 3", named.ID()}, "b": {fmt.Sprintf("%s[%d]", filepath.Base(os.Args[0]), os.Getpid()), unnamed.ID()}}
	for info, err := range m.Objects(background) {
		if err != nil {
			t.Fatal(err)
		}
		if len(info.Holders) != 1 || [2]string{info.Holders[0].Label, info.Holders[0].Session} != want[info.Name] {
			t.Errorf("%s: %+v, want %q", info.Name, info.Holders, want[info.Name])
		}
	}
}

// The socket that Start makes is for its user alone, and gone afterwards.
func TestStartsSocketIsPrivate(t *testing.T) {
	m := started(t)
	path := strings.TrimPrefix(m.Addr(), "unix:")
	for name, want := range map[string]os.FileMode{path: os.ModeSocket | 0o600, filepath.Dir(path): os.ModeDir | 0o700} {
		if i, err := os.Stat(name); err != nil || i.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, i.Mode(), err, want)
		}
	}
	c := opened(t, m.Addr())
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	<-c.Lost()
	_ = c.Close()
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder is still there:", err)
	}
}

// The path of a socket is short, and folders may be deep.
func TestLongPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	m := started(t)
	if err := openErr(m.Addr()); err != nil {
		t.Error(err)
	}
	if err := openErr("unix:" + dir + "/socket"); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v: want an error that names the path", err)
	}
}

// Opening is bounded by its context, also while the server does not answer.
func TestOpenIsBounded(t *testing.T) {
	defer proof.Watch(t)()
	l, addr := socket(t)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(background)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			cancel(why) // it has connected, and nobody answers
		}
	}()
	if _, err := manager.Open(ctx, addr); !errors.Is(err, why) {
		t.Error(err)
	}
	ended, cancelled := context.WithCancelCause(background)
	cancelled(why)
	for _, addr := range []string{"mem:", addr} {
		if _, err := manager.Open(ended, addr); !errors.Is(err, why) {
			t.Error(addr, err)
		}
	}
	// The session does not end with the context of its opening.
	m := started(t)
	ctx, cancel2 := context.WithCancel(background)
	c, err := manager.Open(ctx, m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel2()
	if err := c.Event("e").SetContext(background); err != nil {
		t.Error(err)
	}
}

// mem: is private to its Manager, mem:NAME is one for all until the last is closed.
func TestMemByName(t *testing.T) {
	a, b := opened(t, "mem:"), opened(t, "mem:")
	c, d := opened(t, "mem:x"), opened(t, "mem:x")
	other := opened(t, "mem:y")
	for _, m := range []*manager.Manager{a, c} {
		m.Event("e").Set()
	}
	if b.Event("e").IsSet() || !d.Event("e").IsSet() || other.Event("e").IsSet() {
		t.Error("the wrong ones are shared")
	}
	if c.ID() == d.ID() || c.Addr() != "mem:x" || a.Addr() != "mem:" {
		t.Error("sessions and addresses")
	}
	c.Lock("l").Lock()
	if d.Lock("l").TryLock() {
		t.Error("one lock")
	}
	_ = c.Close()
	if !d.Event("e").IsSet() || !d.Lock("l").TryLock() {
		t.Error("it lives until the last is closed")
	}
	for _, m := range []*manager.Manager{a, b, d, other} {
		_ = m.Close()
	}
	again := opened(t, "mem:x")
	defer again.Close()
	if again.Event("e").IsSet() {
		t.Error("it lives on")
	}
}
