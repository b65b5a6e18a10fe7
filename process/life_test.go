//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/thread"
)

var (
	errKnown   = errors.New("a known error")
	errUnknown = errors.New("an unknown error")
)

func init() { process.RegisterError(errKnown) }

// What a child may do, by name.
var acts = map[string]func(ctx context.Context) (string, error){
	"return":       func(context.Context) (string, error) { return "fine", nil },
	"error":        func(context.Context) (string, error) { return "", errUnknown },
	"known error":  func(context.Context) (string, error) { return "", fmt.Errorf("wrapped: %w", errKnown) },
	"EOF":          func(context.Context) (string, error) { return "", io.EOF },
	"panic":        func(context.Context) (string, error) { panic("a panic in a child") },
	"error panics": func(context.Context) (string, error) { return "", angry{} },
	"goexit":       func(context.Context) (string, error) { runtime.Goexit(); return "", nil },
	"exit 0":       func(context.Context) (string, error) { os.Exit(0); return "", nil },
	"exit 7":       func(context.Context) (string, error) { os.Exit(7); return "", nil },
	"exit 256":     func(context.Context) (string, error) { os.Exit(256); return "", nil },
	"exit 300":     func(context.Context) (string, error) { os.Exit(300); return "", nil },
	"exit -1":      func(context.Context) (string, error) { os.Exit(-1); return "", nil },
	"exit 1<<40": func(context.Context) (string, error) {
		os.Exit(int(int64(1) << (strconv.IntSize - 24)))
		return "", nil
	},
	"crash": func(context.Context) (string, error) {
		go func() { panic("in another goroutine") }()
		select {}
	},
	"overflow": func(context.Context) (string, error) {
		debug.SetMaxStack(1 << 20) // the usual gigabyte may not be there, and takes long
		return fmt.Sprint(deeper(1)), nil
	},
	"SIGKILL": func(context.Context) (string, error) { return signalSelf(syscall.SIGKILL) },
	"SIGTERM": func(context.Context) (string, error) { return signalSelf(syscall.SIGTERM) },
	"SIGSEGV": func(context.Context) (string, error) { return signalSelf(syscall.SIGSEGV) },
	"wait": func(ctx context.Context) (string, error) {
		ready()
		<-ctx.Done()
		return "", context.Cause(ctx)
	},
	"wait and return": func(ctx context.Context) (string, error) {
		ready()
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond)
		say("goodbye")
		return "after the end of the context", nil
	},
	"sleep": func(context.Context) (string, error) { ready(); time.Sleep(time.Hour); return "", nil },
	"handle SIGTERM": func(context.Context) (string, error) {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		ready()
		<-told
		return "handled", nil
	},
	"large": func(context.Context) (string, error) { return strings.Repeat("x", 3<<20), nil },
	"threads": func(context.Context) (string, error) {
		thread.Go(func() { time.Sleep(20 * time.Millisecond); fmt.Println("thread") }, thread.Daemon(false))
		thread.Go(func() { time.Sleep(time.Hour) }, thread.Daemon(true))
		return "", nil
	},
}

// ready tells the parent that the child is ready, where the test has given it a file for its output.
func ready() { fmt.Println("ready") }

type angry struct{}

func (angry) Error() string { panic("an error that panics") }

// deeper is so deep that the stack overflows.
func deeper(n int) int {
	if n < 0 {
		return 0
	}
	return deeper(n+1) + 1
}

func signalSelf(s syscall.Signal) (string, error) {
	_ = syscall.Kill(os.Getpid(), s)
	time.Sleep(hang)
	return "", nil
}

var act = process.Register(func(ctx context.Context, what string) (string, error) { return acts[what](ctx) })

// quietly gives a child a file for what it writes, and returns what it wrote when it has ended.
func quietly(t testing.TB) (opts []process.Option, text func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return []process.Option{process.Stdout(f), process.Stderr(f)}, func() string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestExitCodesAsInPython(t *testing.T) {
	for _, c := range []struct {
		what  string
		code  int
		is    error  // to errors.Is, of Err
		text  string // in Err
		crash string
		out   string // in what it wrote
	}{
		{what: "return"},
		{what: "large"},
		{what: "error", code: 1, text: "an unknown error"},
		{what: "known error", code: 1, is: errKnown, text: "wrapped: a known error"},
		{what: "EOF", code: 1, is: io.EOF},
		{what: "panic", code: 1, text: "a panic in a child", out: "Process Process-"},
		{what: "error panics", code: 1, text: "an error that panics"},
		{what: "goexit", code: 1, is: thread.ErrGoexit},
		{what: "exit 0", code: 0},
		{what: "exit 7", code: 7, text: "code 7"},
		{what: "exit 256", code: 0},
		{what: "exit 300", code: 44},
		{what: "exit -1", code: 255},
		{what: "exit 1<<40", code: 0},
		{what: "crash", code: 2, text: "in another goroutine", crash: "life_test.go", out: "panic: in another goroutine"},
		{what: "overflow", code: 2, text: "crashed", crash: "deeper", out: "stack overflow"},
		{what: "SIGSEGV", code: 2, crash: "SIGSEGV"},
		{what: "SIGKILL", code: -9, text: "signal 9"},
		{what: "SIGTERM", code: -15, text: "signal 15"},
	} {
		t.Run(c.what, func(t *testing.T) {
			opts, text := quietly(t)
			p := start(t, act, c.what, opts...)
			if !p.JoinTimeout(hang) {
				t.Fatal("it does not end")
			}
			out, failure := p.Result()
			err := p.Err()
			if code, ended := p.ExitCode(); code != c.code || !ended {
				t.Errorf("code %d, ended %t, want %d", code, ended, c.code)
			}
			if (err == nil) != (c.code == 0) || (failure == nil) != (out != "") {
				t.Errorf("Err: %v; Result: %d bytes, %v", err, len(out), failure)
			}
			var exit *process.ExitError
			if failure != nil && (!errors.As(failure, &exit) || exit.Code != c.code || exit.Pid != p.Pid() || exit.Name != p.Name()) {
				t.Errorf("%#v", failure)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			if c.text != "" && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q is not in %q", c.text, err)
			}
			if c.crash != "" && !strings.Contains(exit.Crash, c.crash) {
				t.Errorf("%q is not in the crash %q", c.crash, exit.Crash)
			}
			if !strings.Contains(text(), c.out) {
				t.Errorf("%q is not in %q", c.out, text())
			}
		})
	}
	t.Run("a panic comes with its stack", func(t *testing.T) {
		opts, text := quietly(t)
		p := start(t, act, "panic", append(opts, process.Name("named"))...)
		p.Join()
		var panicked *thread.PanicError
		if !errors.As(p.Err(), &panicked) || panicked.Value != "a panic in a child" ||
			!strings.Contains(string(panicked.Stack), "life_test.go") {
			t.Errorf("%v", p.Err())
		}
		for _, part := range []string{"Process named:\n", "a panic in a child", "life_test.go"} {
			if !strings.Contains(text(), part) {
				t.Errorf("%q is not in %q", part, text())
			}
		}
	})
	t.Run("an error comes with its type", func(t *testing.T) {
		p := start(t, act, "error")
		p.Join()
		var remote *process.RemoteError
		if !errors.As(p.Err(), &remote) || remote.Type != "*errors.errorString" || errors.Is(p.Err(), errUnknown) ||
			remote.Error() != "an unknown error" {
			t.Errorf("%#v", p.Err())
		}
	})
	t.Run("threads", func(t *testing.T) {
		opts, text := quietly(t)
		result(t, start(t, act, "threads", opts...))
		if text() != "thread\n" {
			t.Errorf("%q: it did not wait for its thread", text())
		}
	})
}

func TestAProcessFromStartToEnd(t *testing.T) {
	release := process.NewEvent()
	p := process.New(waitFor, release, process.Name("one"), process.Daemon(true))
	if code, ended := p.ExitCode(); p.IsAlive() || p.Pid() != 0 || code != 0 || ended || p.Err() != nil || p.Name() != "one" ||
		!p.Daemon() || slices.Contains(process.Children(), process.Child(p)) {
		t.Errorf("before Start: %v", p)
	}
	for name, f := range map[string]func(){
		"Join": p.Join, "JoinTimeout": func() { p.JoinTimeout(0) }, "JoinContext": func() { p.JoinContext(ended()) },
		"Terminate": p.Terminate, "Kill": p.Kill, "Signal": func() { p.Signal(os.Interrupt) }, "Result": func() { p.Result() },
		"Wait": func() { process.TryWait(p) },
	} {
		if v := proof.Recovered(f); v != thread.ErrNotStarted {
			t.Errorf("%s before Start: %v", name, v)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	panics(t, thread.ErrStarted, func() { p.Start() })
	select {
	case <-p.Done():
		t.Error("Done before the end")
	default:
	}
	if code, ended := p.ExitCode(); !p.IsAlive() || p.Pid() <= 0 || code != 0 || ended || p.Err() != nil ||
		!slices.Contains(process.Children(), process.Child(p)) {
		t.Errorf("after Start: %v", p)
	}
	if p.JoinTimeout(0) || p.JoinTimeout(-1) || p.JoinTimeout(brief) || gaveUp(t, p.JoinContext(ending(t))) ||
		gaveUp(t, p.JoinContext(ended())) {
		t.Error("joined before the end")
	}
	release.Set()
	p.Join()
	<-p.Done()
	if code, ended := p.ExitCode(); p.IsAlive() || code != 0 || !ended || p.Err() != nil ||
		slices.Contains(process.Children(), process.Child(p)) || !p.JoinTimeout(0) || p.JoinContext(context.Background()) != nil {
		t.Errorf("after the end: %v", p)
	}
	p.Kill()
	p.Terminate()
	if err := p.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	panics(t, thread.ErrStarted, func() { p.Start() })
	want := fmt.Sprintf("Process(one, stopped with code 0, daemon, pid %d)", p.Pid())
	if p.String() != want {
		t.Errorf("%s, want %s", p, want)
	}
}

var waitFor = process.Register(func(_ context.Context, e *process.Event) (struct{}, error) {
	e.Wait()
	return struct{}{}, nil
})

func TestTerminateAndItsGrace(t *testing.T) {
	for _, c := range []struct {
		what  string
		grace time.Duration
		code  int
	}{
		{"wait", 0, -15},
		{"sleep", 0, -15},
		{"wait", hang, -15},
		{"wait and return", hang, -15},
		{"sleep", brief, -15},
		{"handle SIGTERM", 0, 0},
	} {
		opts, text := quietly(t)
		p := start(t, act, c.what, append(opts, process.Grace(c.grace))...)
		eventually(t, "it is ready", func() bool { return strings.Contains(text(), "ready") })
		p.Terminate()
		if !p.JoinTimeout(hang) {
			t.Fatalf("%s with a grace of %v does not end", c.what, c.grace)
		}
		if code, _ := p.ExitCode(); code != c.code {
			t.Errorf("%s with a grace of %v: code %d, want %d", c.what, c.grace, code, c.code)
		}
		if c.what == "wait and return" && !strings.Contains(text(), "goodbye") {
			t.Errorf("%s was not given its grace", c.what)
		}
		if c.what == "wait" && c.grace > 0 && !errors.Is(p.Err(), process.ErrTerminated) {
			t.Errorf("its context did not end with ErrTerminated: %v", p.Err())
		}
	}
	opts, _ := quietly(t)
	p := start(t, act, "sleep", opts...)
	p.Kill()
	p.Join()
	if code, _ := p.ExitCode(); code != -9 {
		t.Errorf("killed: code %d", code)
	}
	if signal.Ignored(syscall.SIGHUP) { // and so by its children, who keep that
		t.Log("SIGHUP is ignored here, as under nohup: it is not tried")
		return
	}
	p = start(t, act, "sleep", opts...)
	if err := p.Signal(syscall.SIGHUP); err != nil { // a Go program dies of it
		t.Error(err)
	}
	p.Join()
	if code, _ := p.ExitCode(); code != -int(syscall.SIGHUP) {
		t.Errorf("SIGHUP: code %d", code)
	}
}

// changed is what this process changes and a child does not see.
var changed = "as initialized"

var look = process.Register(func(_ context.Context, what string) (string, error) {
	switch what {
	case "variable":
		return changed, nil
	case "stdin":
		b, err := io.ReadAll(os.Stdin)
		return string(b), err
	case "dir":
		return os.Getwd()
	case "descriptors":
		entries, err := os.ReadDir("/proc/self/fd")
		var names []string
		for _, e := range entries {
			target, _ := os.Readlink("/proc/self/fd/" + e.Name())
			names = append(names, target)
		}
		return strings.Join(names, "\n"), err
	}
	return os.Getenv(what), nil
})

func TestWhatAChildHas(t *testing.T) {
	changed = "by the parent"
	t.Setenv("PROCESS_TEST_A", "inherited")
	dir := t.TempDir()
	file := filepath.Join(dir, "input")
	if err := os.WriteFile(file, []byte("typed"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		what, want string
		opts       []process.Option
	}{
		{"variable", "as initialized", nil},
		{"stdin", "", nil},
		{"stdin", "typed", []process.Option{process.Stdin(f)}},
		{"dir", dir, []process.Option{process.Dir(dir)}},
		{"PROCESS_TEST_A", "inherited", nil},
		{"PROCESS_TEST_A", "last", []process.Option{process.Env("PROCESS_TEST_A=first", "PROCESS_TEST_A=last")}},
		{"PROCESS_TEST_B", "1=2", []process.Option{process.Env("PROCESS_TEST_B=1=2")}},
		{"GOTHREADING_PROCESS", "", nil},
	} {
		if got := result(t, start(t, look, c.what, c.opts...)); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	for _, bad := range []string{"", "x", "=x", "a=\x00"} {
		if proof.Recovered(func() { process.Env(bad) }) == nil {
			t.Errorf("Env(%q) does not panic", bad)
		}
	}
	// Nothing that is open here is open there, but what was handed over.
	fds := result(t, start(t, look, "descriptors"))
	if strings.Contains(fds, file) {
		t.Errorf("a private file is open in the child:\n%s", fds)
	}
	first := strings.Count(fds, "\n")
	for range 5 { // nor does their number grow from sibling to sibling
		opts, _ := quietly(t)
		keep := start(t, act, "sleep", opts...)
		defer keep.Kill()
		if n := strings.Count(result(t, start(t, look, "descriptors")), "\n"); n != first {
			t.Errorf("%d descriptors, and %d in a sibling before", n, first)
		}
	}
}

func TestNamesDaemonsAndParents(t *testing.T) {
	if main := process.Current(); main.Name != "MainProcess" || main.Pid != os.Getpid() || main.Daemon {
		t.Errorf("%+v", main)
	}
	if process.Parent() != (process.Info{}) || process.ParentDone() != nil {
		t.Error("the main process has a parent")
	}
	p := process.New(act, "return")
	q := process.New(act, "return", process.Name(""), process.Daemon(true))
	var i, j int
	fmt.Sscanf(p.Name(), "Process-%d", &i)
	fmt.Sscanf(q.Name(), "Process-%d", &j)
	if i == 0 || j != i+1 || p.Daemon() || !q.Daemon() {
		t.Errorf("%v, %v", p, q)
	}
	for _, daemon := range []bool{false, true} {
		f := start(t, family, 1, process.Name("child"), process.Daemon(daemon))
		got := result(t, f)
		want := fmt.Sprintf("child %d %t of MainProcess %d false; child:1 %t of child %d %t", f.Pid(), daemon, os.Getpid(), daemon,
			f.Pid(), daemon)
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A function that starts itself is registered in an init function.
var family *process.Func[int, string]

func init() { family = process.Register(tellFamily) }

func tellFamily(_ context.Context, depth int) (string, error) {
	self, parent := process.Current(), process.Parent()
	if depth == 0 {
		return fmt.Sprintf("%s %t of %s %d %t", self.Name, self.Daemon, parent.Name, parent.Pid, parent.Daemon), nil
	}
	p, err := process.Go(family, 0)
	if err != nil {
		return "", err
	}
	below, err := p.Result()
	return fmt.Sprintf("%s %d %t of %s %d %t; %s", self.Name, self.Pid, self.Daemon, parent.Name, parent.Pid, parent.Daemon,
		below), err
}

type argument struct {
	Items []int
	Text  string
}

var reflectArg = process.Register(func(_ context.Context, a *argument) (*argument, error) { return a, nil })

func TestTheArgumentIsThatOfStart(t *testing.T) {
	a := &argument{[]int{1}, "x"}
	p := process.New(reflectArg, a)
	a.Text = "before Start"
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	a.Text, a.Items[0] = "after Start", 2
	if got := result(t, p); got.Text != "before Start" || got.Items[0] != 1 {
		t.Errorf("%+v", got)
	}
	big := &argument{Text: strings.Repeat("16 MiB", 16<<20/6)}
	if got := result(t, start(t, reflectArg, big)); got.Text != big.Text {
		t.Error("16 MiB did not arrive")
	}
	if got := result(t, start(t, reflectArg, (*argument)(nil))); got != nil {
		t.Errorf("nil came back as %v", got)
	}
}

type cyclic struct{ Next *cyclic }

var takeCyclic = process.Register(pool.Plain(func(c *cyclic) bool { return c != nil }))

func TestAnArgumentThatCannotBeEncodedLeavesItUnstarted(t *testing.T) {
	c := &cyclic{}
	c.Next = c
	p := process.New(takeCyclic, c)
	before := openFiles(t)
	for range 3 {
		if err := p.Start(); err == nil || p.IsAlive() || p.Pid() != 0 {
			t.Errorf("%v, %v", p, err)
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	c.Next = nil
	if err := p.Start(); err != nil || !result(t, p) {
		t.Error(err)
	}
}

func TestThePidOfAProcessThatWasReapedElsewhereIsLeftAlone(t *testing.T) {
	p := start(t, act, "exit 7")
	eventually(t, "it has ended", func() bool { // whoever is first reaps it
		_, _ = syscall.Wait4(p.Pid(), nil, syscall.WNOHANG, nil)
		return !p.IsAlive()
	})
	if code, _ := p.ExitCode(); code != 7 && code != -256 {
		t.Errorf("code %d", code)
	}
	if code, _ := p.ExitCode(); code == -256 && !strings.Contains(p.Err().Error(), "nobody knows") {
		t.Error(p.Err())
	}
}

func TestManyShortProcessesLeaveNothing(t *testing.T) {
	defer proof.Watch(t)()
	for range 3 {
		result(t, start(t, act, "return"))
	}
	before := openFiles(t)
	running := make(chan *process.Process[string], 8)
	done := make(chan error)
	go func() {
		for p := range running {
			if _, err := p.Result(); err != nil {
				done <- err
			}
		}
		close(done)
	}()
	n := proof.Rounds(5000, 50, 40)
	for range n {
		p, err := process.Go(act, "return")
		if err != nil {
			t.Error(err)
			break
		}
		running <- p
	}
	close(running)
	for err := range done {
		t.Error(err)
	}
	eventually(t, "as many descriptors as before", func() bool { return openFiles(t) <= before })
	if len(process.Children()) != 0 {
		t.Errorf("%v are alive", process.Children())
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a zombie is left: %v", err)
	}
}

// discarded gives a child nowhere to write its errors to.
func discarded() (process.Option, func()) {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	return process.Stderr(f), func() { f.Close() }
}

// Whoever keeps something for a process elsewhere is told that it is dead, while its id is nobody else's.
func TestWhoKeepsSomethingForAChildIsTold(t *testing.T) {
	var told sync.Map
	defer hook.OnChildEnd(func(pid int) { told.Store(pid, true) })()
	p := start(t, act, "sleep")
	p.Kill()
	p.Join()
	if _, is := told.Load(p.Pid()); !is {
		t.Error("nobody is told")
	}
}
