//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"weak"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
)

// The cases of CPython's _test_multiprocessing.py that mean something in Go, by their id in the list of conformance and
// their name there. Here are those of Process, Queue and what waits.

type twoWay struct {
	Requests, Answers *process.Queue[string]
}

var (
	// upper is a service with a state of its own: Python's subclass of Process.
	upper = process.Register(func(_ context.Context, w twoWay) (int, error) {
		served := 0
		for s := range w.Requests.Tasks() {
			w.Answers.Put(strings.ToUpper(s))
			served++
		}
		return served, nil
	})
	// recurse writes its path and starts two below it, one after the other.
	recurse *process.Func[path, struct{}]
	report  = process.Register(func(_ context.Context, q *process.Queue[process.Info]) (struct{}, error) {
		return struct{}{}, q.Put(process.Current())
	})
	countFDs = process.Register(pool.Plain(func(struct{}) int {
		if r, w, err := os.Pipe(); err == nil { // the runtime has the descriptors of its poller from here on
			r.Close()
			w.Close()
		}
		entries, _ := os.ReadDir("/proc/self/fd")
		return len(entries)
	}))
	writeFull = process.Register(pool.Plain(func(struct{}) string {
		_, err := os.Stdout.WriteString("x")
		return fmt.Sprint(err)
	}))
	atExit = process.Register(pool.Plain(func(q *process.Queue[string]) struct{} {
		thread.Go(func() { time.Sleep(5 * time.Millisecond); q.Put("at the end") }, thread.Daemon(false))
		return struct{}{}
	}))
)

type path struct {
	Wire  *process.Queue[string]
	Id    string
	Depth int
}

func init() {
	recurse = process.Register(func(_ context.Context, p path) (struct{}, error) {
		p.Wire.Put(p.Id)
		if p.Depth < 2 {
			for i := range 2 {
				q, err := process.Go(recurse, path{p.Wire, p.Id + strconv.Itoa(i), p.Depth + 1})
				if err != nil {
					return struct{}{}, err
				}
				if _, err := q.Result(); err != nil {
					return struct{}{}, err
				}
			}
		}
		return struct{}{}, nil
	})
}

func TestCPythonProcess(t *testing.T) {
	t.Run("P002 test_current", func(t *testing.T) {
		if c := process.Current(); c.Pid != os.Getpid() || c.Daemon || c.Name == "" {
			t.Errorf("%+v", c)
		}
	})
	t.Run("P004 test_args_argument", func(t *testing.T) {
		if n := result(t, start(t, square, 5)); n != 25 {
			t.Error(n)
		}
		if a := result(t, start(t, reflectArg, &argument{[]int{1, 2}, "x"})); !slices.Equal(a.Items, []int{1, 2}) {
			t.Error(a)
		}
	})
	t.Run("P005 test_daemon_argument", func(t *testing.T) {
		if process.New(act, "return").Daemon() || !process.New(act, "return", process.Daemon(true)).Daemon() ||
			process.New(act, "return", process.Daemon(false)).Daemon() {
			t.Error("daemon")
		}
	})
	t.Run("P006 test_parent_process_attributes", func(t *testing.T) {
		if process.Parent().Pid != 0 {
			t.Error(process.Parent())
		}
		if s := result(t, start(t, family, 0, process.Name("c"))); s != fmt.Sprintf("c false of MainProcess %d false", os.Getpid()) {
			t.Error(s)
		}
	})
	t.Run("P007 test_parent_process", func(t *testing.T) {
		cmd, tr := plant(t, "leaves", 2)
		_ = cmd.Wait()
		if rest, err := io.ReadAll(allOf(tr.out)); err != nil || string(rest) != "outlived other\n" {
			t.Errorf("%q, %v", rest, err)
		}
	})
	t.Run("P008 test_process", func(t *testing.T) {
		q := process.NewQueue[process.Info](0)
		p := process.New(report, q, process.Name("named"), process.Daemon(true))
		if p.IsAlive() || slices.Contains(process.Children(), process.Child(p)) {
			t.Error("before the start")
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if info, err := q.Get(); info != (process.Info{Name: "named", Pid: p.Pid(), Daemon: true}) || err != nil {
			t.Error(info, err)
		}
		p.Join()
		if code, ended := p.ExitCode(); code != 0 || !ended || p.IsAlive() || slices.Contains(process.Children(), process.Child(p)) {
			t.Error("after the end")
		}
	})
	for name, c := range map[string]struct {
		end  func(process.Child)
		code int
	}{
		"P010 test_terminate": {process.Child.Terminate, -int(syscall.SIGTERM)},
		"P011 test_kill":      {process.Child.Kill, -int(syscall.SIGKILL)},
	} {
		t.Run(name, func(t *testing.T) {
			opts, _ := quietly(t)
			p := start(t, act, "sleep", append(opts, process.Daemon(true))...)
			if !p.IsAlive() || p.JoinTimeout(0) || p.JoinTimeout(-1) || !p.IsAlive() {
				t.Error("not alive")
			}
			c.end(p)
			p.Join()
			if code, _ := p.ExitCode(); code != c.code || p.IsAlive() || slices.Contains(process.Children(), process.Child(p)) {
				t.Error(code)
			}
		})
	}
	t.Run("P012 test_cpu_count", func(t *testing.T) {
		p := newPool(t, 0)
		if p.Workers() < 1 || p.Workers() != runtime.GOMAXPROCS(0) {
			t.Error(p.Workers())
		}
	})
	t.Run("P013 test_active_children", func(t *testing.T) {
		e := process.NewEvent()
		p := start(t, waitFor, e)
		if !slices.Contains(process.Children(), process.Child(p)) {
			t.Error("not among the children")
		}
		e.Set()
		p.Join()
		if slices.Contains(process.Children(), process.Child(p)) {
			t.Error("among the children")
		}
	})
	t.Run("P014 test_recursion", func(t *testing.T) {
		q := process.NewQueue[string](0)
		result(t, start(t, recurse, path{q, "", 0}))
		if got := q.Drain(); !slices.Equal(got, []string{"", "0", "00", "01", "1", "10", "11"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("P015 test_sentinel", func(t *testing.T) {
		e := process.NewEvent()
		p := start(t, waitFor, e)
		select {
		case <-p.Done():
			t.Error("ended")
		default:
		}
		if len(process.TryWait(p)) != 0 {
			t.Error("ready")
		}
		e.Set()
		<-p.Done()
		if len(process.TryWait(p)) != 1 {
			t.Error("not ready")
		}
	})
	t.Run("P017 test_many_processes", func(t *testing.T) {
		var ps []*process.Process[string]
		for range 5 {
			ps = append(ps, start(t, act, "return"))
		}
		for _, p := range ps {
			result(t, p)
		}
		opts, _ := quietly(t)
		for i := range ps {
			ps[i] = start(t, act, "sleep", opts...)
		}
		for _, p := range ps {
			p.Terminate()
		}
		for _, p := range ps {
			p.Join()
			if code, _ := p.ExitCode(); code != -15 {
				t.Error(code)
			}
		}
	})
	t.Run("P018 test_lose_target_ref", func(t *testing.T) {
		p, kept := startWeakly(t)
		if !proof.Collected(kept) {
			t.Error("the argument is kept alive")
		}
		p.Join()
	})
	t.Run("P019 test_child_fd_inflation", func(t *testing.T) {
		e := process.NewEvent()
		first := result(t, start(t, countFDs, struct{}{}))
		for range 5 {
			start(t, waitFor, e)
			if n := result(t, start(t, countFDs, struct{}{})); n != first {
				t.Errorf("%d descriptors, %d before", n, first)
			}
		}
		e.Set()
	})
	t.Run("P020 test_wait_for_threads", func(t *testing.T) {
		opts, text := quietly(t)
		result(t, start(t, act, "threads", opts...))
		if text() != "thread\n" {
			t.Errorf("%q", text())
		}
	})
	t.Run("P021 test_error_on_stdio_flush_1 and P022 test_error_on_stdio_flush_2", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer full.Close()
		if s := result(t, start(t, writeFull, struct{}{}, process.Stdout(full))); !strings.Contains(s, "no space") {
			t.Error(s)
		}
	})
	t.Run("P025 test_subclassing", func(t *testing.T) {
		w := twoWay{process.NewQueue[string](0), process.NewQueue[string](0)}
		p := start(t, upper, w)
		w.Requests.Put("hello")
		if s, err := w.Answers.Get(); s != "HELLO" || err != nil {
			t.Error(s, err)
		}
		w.Requests.Shutdown()
		if n := result(t, p); n != 1 {
			t.Error(n)
		}
	})
	t.Run("P026 test_stderr_flush", func(t *testing.T) {
		opts, text := quietly(t)
		p := start(t, act, "panic", append(opts, process.Name("Loud"))...)
		p.Join()
		for _, part := range []string{"Process Loud:", "a panic in a child", "life_test.go"} {
			if !strings.Contains(text(), part) {
				t.Errorf("%q is not in %q", part, text())
			}
		}
	})
	t.Run("P027 test_sys_exit", func(t *testing.T) {
		for what, code := range map[string]int{"exit 7": 7, "exit 0": 0, "exit 256": 0, "error": 1} {
			p := start(t, act, what)
			p.Join()
			if got, _ := p.ExitCode(); got != code {
				t.Errorf("%s: %d", what, got)
			}
		}
	})
	t.Run("P185 test_flags", func(t *testing.T) {
		opts, text := quietly(t)
		result(t, start(t, sayArgs, 1, append(opts, process.Env("PROCESS_TEST_FLAG=reaches the grandchild"))...))
		if want := strings.Join(os.Args, " ") + " reaches the grandchild\n"; text() != want {
			t.Errorf("%q, want %q", text(), want)
		}
	})
	t.Run("P187 test_noforkbomb", func(t *testing.T) {
		cmd := program("without Init")
		cmd.Stderr = nil
		out, err := cmd.Output()
		if err == nil || len(out) > 0 {
			t.Error(string(out), err)
		}
	})
	t.Run("P189 test_closefd", func(t *testing.T) {
		f, err := os.Open("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if strings.Contains(result(t, start(t, look, "descriptors")), "status") {
			t.Error("a private file is open in the child")
		}
	})
	t.Run("P198 test_nested_startmethod", func(t *testing.T) {
		q := process.NewQueue[string](0)
		result(t, start(t, recurse, path{q, "x", 1}))
		if got := q.Drain(); !slices.Equal(got, []string{"x", "x0", "x1"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("P199 test_resource_tracker and P157 test_shared_memory_cleaned_after_process_termination", func(t *testing.T) {
		opts, text := quietly(t)
		p := start(t, makeObjects, 20, opts...) // which is killed
		p.Join()
		// What has no name is gone with the processes that have it. All that this process could have left is in its maps.
		if maps := text(); strings.Contains(maps, "/dev/shm/") || !strings.Contains(maps, "/memfd:") {
			t.Errorf("its memory has a name:\n%s", maps)
		}
	})
	t.Run("P226 test_global_named_resource_spawn", func(t *testing.T) {
		opts, text := quietly(t)
		result(t, start(t, useLock, globalLock, opts...))
		if text() != "" {
			t.Errorf("%q", text())
		}
	})
	t.Run("P227 test_atexit", func(t *testing.T) { // what is to be done at the end is a thread that is waited for
		q := process.NewQueue[string](0)
		result(t, start(t, atExit, q))
		if s, err := q.TryGet(); s != "at the end" || err != nil {
			t.Error(s, err)
		}
	})
}

// globalLock is made while the package is initialized, in every process.
var globalLock = func() *process.Lock {
	if os.Getenv(filterVariable) != "" || process.Supported() != nil {
		return nil // a filter is still to be installed
	}
	return process.NewLock()
}()

var (
	makeObjects = process.Register(func(_ context.Context, n int) (struct{}, error) {
		for range n {
			process.NewLock().Lock()
			process.NewMemory(10000)
			process.NewQueue[int](0).Put(1)
		}
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			return struct{}{}, err
		}
		say(string(maps))
		_, err = signalSelf(syscall.SIGTERM)
		return struct{}{}, err
	})
	sayArgs *process.Func[int, struct{}]
)

func init() {
	sayArgs = process.Register(func(_ context.Context, depth int) (struct{}, error) {
		if depth > 0 {
			p, err := process.Go(sayArgs, depth-1)
			if err == nil {
				p.Join()
			}
			return struct{}{}, err
		}
		say(strings.Join(os.Args, " ") + " " + os.Getenv("PROCESS_TEST_FLAG"))
		return struct{}{}, nil
	})
}

func startWeakly(t *testing.T) (*process.Process[*argument], weak.Pointer[argument]) {
	a := &argument{Text: "collected"}
	p := start(t, reflectArg, a)
	return p, weak.Make(a)
}

type filling struct {
	Queue    *process.Queue[int]
	From, To int
	Gate     *process.Event
}

var (
	fill = process.Register(func(_ context.Context, f filling) (struct{}, error) {
		if f.Gate != nil {
			f.Gate.Wait()
		}
		for i := f.From; i < f.To; i++ {
			if err := f.Queue.Put(i); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	drain = process.Register(func(_ context.Context, f filling) (int, error) {
		if f.Gate != nil {
			f.Gate.Wait()
		}
		for i := f.From; i < f.To; i++ {
			if x, err := f.Queue.Get(); err != nil || x != i {
				return i, fmt.Errorf("%d, want %d: %w", x, i, err)
			}
		}
		return f.To - f.From, nil
	})
	ownQueue = process.Register(pool.PlainErr(func(n int) (int, error) {
		q := process.NewQueue[int](0)
		q.Put(n)
		return q.Get()
	}))
)

func TestCPythonQueue(t *testing.T) {
	t.Run("P028 test_put", func(t *testing.T) {
		q, gate := process.NewQueue[int](6), process.NewEvent()
		p := start(t, drain, filling{q, 1, 7, gate})
		for i, put := range []func(int) error{
			q.Put, q.TryPut, func(n int) error { return q.PutTimeout(n, hang) },
			func(n int) error { return q.PutContext(context.Background(), n) }, func(n int) error { return q.PutTimeout(n, 0) }, q.Put,
		} {
			if err := put(i + 1); err != nil {
				t.Error(err)
			}
		}
		if !q.Full() || q.TryPut(7) != queue.ErrFull || q.PutTimeout(7, brief) != queue.ErrFull || q.PutTimeout(7, -1) != queue.ErrFull {
			t.Error("not full")
		}
		gate.Set()
		result(t, p)
		if !q.Empty() || q.Full() {
			t.Error("not empty")
		}
	})
	t.Run("P029 test_get", func(t *testing.T) {
		q := process.NewQueue[int](0)
		result(t, start(t, fill, filling{q, 2, 6, nil}))
		for i, get := range []func() (int, error){
			q.Get, q.TryGet, func() (int, error) { return q.GetTimeout(hang) },
			func() (int, error) { return q.GetContext(context.Background()) },
		} {
			if x, err := get(); x != i+2 || err != nil {
				t.Error(x, err)
			}
		}
		if _, err := q.TryGet(); err != queue.ErrEmpty || !q.Empty() {
			t.Error(err)
		}
		if _, err := q.GetTimeout(brief); err != queue.ErrEmpty {
			t.Error(err)
		}
	})
	t.Run("P030 test_fork", func(t *testing.T) {
		q, gate := process.NewQueue[int](0), process.NewEvent()
		p := start(t, fill, filling{q, 10, 20, gate})
		for i := range 10 {
			q.Put(i)
		}
		gate.Set()
		result(t, p)
		for i := range 20 {
			if x, err := q.Get(); x != i || err != nil {
				t.Error(x, err)
			}
		}
	})
	t.Run("P031 test_qsize", func(t *testing.T) {
		q := process.NewQueue[int](0)
		sizes := []int{q.Len()}
		q.Put(1)
		sizes = append(sizes, q.Len())
		q.Put(5)
		sizes = append(sizes, q.Len())
		q.Get()
		sizes = append(sizes, q.Len())
		q.TryGet()
		if sizes = append(sizes, q.Len()); !slices.Equal(sizes, []int{0, 1, 2, 1, 0}) {
			t.Error(sizes)
		}
	})
	t.Run("P032 test_task_done", func(t *testing.T) {
		w := twoWay{process.NewQueue[string](0), process.NewQueue[string](0)}
		var ps []*process.Process[int]
		for range 4 {
			ps = append(ps, start(t, upper, w))
		}
		for i := range 10 {
			w.Requests.Put(strconv.Itoa(i))
		}
		w.Requests.Join()
		if n := w.Answers.Len(); n != 10 {
			t.Error(n)
		}
		w.Requests.Shutdown()
		for _, p := range ps {
			result(t, p)
		}
	})
	t.Run("P034 test_timeout", func(t *testing.T) {
		q := process.NewQueue[int](0)
		began := time.Now()
		if _, err := q.GetTimeout(20 * time.Millisecond); err != queue.ErrEmpty || time.Since(began) < 20*time.Millisecond {
			t.Error(err, time.Since(began))
		}
	})
	t.Run("P035 test_queue_feeder_donot_stop_onexc and P036 test_queue_feeder_on_queue_feeder_error", func(t *testing.T) {
		q := process.NewQueue[brittle](1)
		if err := q.Put(brittle{N: 1, L: []int{1}}); err == nil {
			t.Error("what cannot be encoded was put")
		}
		if err := q.TryPut(brittle{N: 7}); err != nil {
			t.Error("it has taken the only place:", err)
		}
		if x, err := q.Get(); x.N != 7 || err != nil {
			t.Error(x, err)
		}
	})
	t.Run("P037 test_closed_queue_empty_exceptions and P038 test_closed_queue_put_get_exceptions", func(t *testing.T) {
		q := process.NewQueue[int](0)
		q.Shutdown()
		if !q.Empty() || !q.IsShutdown() {
			t.Error("not empty")
		}
		if _, err := q.Get(); err != queue.ErrShutdown {
			t.Error(err)
		}
		if err := q.Put(1); err != queue.ErrShutdown {
			t.Error(err)
		}
	})
	t.Run("P173 test_queue_in_process", func(t *testing.T) {
		if n := result(t, start(t, ownQueue, 5)); n != 5 {
			t.Error(n)
		}
	})
	t.Run("P207 test_empty", func(t *testing.T) {
		q := process.NewQueue[int](0)
		if !q.Empty() {
			t.Error("not empty")
		}
		gate := process.NewEvent()
		p := start(t, drain, filling{q, 0, 2, gate})
		q.Put(0)
		q.Put(1)
		if q.Empty() {
			t.Error("empty")
		}
		gate.Set()
		result(t, p)
		if !q.Empty() {
			t.Error("not empty")
		}
	})
	t.Run("P208 test_close", func(t *testing.T) {
		q := process.NewQueue[int](0)
		q.Shutdown()
		q.Shutdown()
	})
}

func TestCPythonLocks(t *testing.T) {
	t.Run("P039 test_lock", func(t *testing.T) {
		l := process.NewLock()
		l.Lock()
		if l.TryLock() {
			t.Error("locked twice")
		}
		l.Unlock()
		panics(t, lock.ErrNotLocked, l.Unlock)
	})
	t.Run("P040 test_rlock", func(t *testing.T) {
		r := process.NewRLock()
		for range 3 {
			r.Lock()
		}
		for range 3 {
			r.Unlock()
		}
		panics(t, rlock.ErrNotOwner, r.Unlock)
	})
	t.Run("P041 test_lock_context", func(t *testing.T) {
		l := process.NewLock()
		proof.Recovered(func() {
			l.Lock()
			defer l.Unlock()
			panic("in the scope")
		})
		if l.Locked() {
			t.Error("locked")
		}
	})
	t.Run("P042 test_semaphore and P043 test_bounded_semaphore", func(t *testing.T) {
		for name, s := range map[string]permits{"Semaphore": process.NewSemaphore(2), "Bounded": process.NewBoundedSemaphore(2)} {
			s.Acquire()
			s.Acquire()
			if s.Value() != 0 || s.TryAcquire() {
				t.Error(name, s.Value())
			}
			s.Release()
			s.Release()
			if s.Value() != 2 {
				t.Error(name, s.Value())
			}
		}
		s := process.NewSemaphore(2)
		s.ReleaseN(2)
		if s.Value() != 4 {
			t.Error(s.Value())
		}
		panics(t, semaphore.ErrOverRelease, process.NewBoundedSemaphore(2).Release)
	})
	t.Run("P044 test_timeout", func(t *testing.T) {
		s := process.NewSemaphore(0)
		if s.TryAcquire() || s.AcquireTimeout(0) || s.AcquireTimeout(-1) || s.AcquireTimeout(brief) || s.AcquireNTimeout(2, brief) {
			t.Error("acquired")
		}
	})
}

// sleepers are goroutines of this process and of another that wait at a Condition.
type sleepers struct {
	Cond            *process.Condition
	Sleeping, Woken *process.Semaphore
	Timeout         time.Duration
	State           *process.Value[int]
}

func sleepAt(s sleepers) {
	s.Cond.Lock()
	s.Sleeping.Release()
	if s.Timeout > 0 {
		s.Cond.WaitTimeout(s.Timeout)
	} else {
		s.Cond.Wait()
	}
	s.Woken.Release()
	s.Cond.Unlock()
}

var (
	sleepThere = process.Register(pool.Plain(func(s sleepers) struct{} {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { sleepAt(s) })
		}
		wg.Wait()
		return struct{}{}
	}))
	waitForState = process.Register(pool.Plain(func(s sleepers) bool {
		s.Cond.Lock()
		defer s.Cond.Unlock()
		s.Sleeping.Release()
		reached := func() bool { return s.State.Get() == 4 }
		if s.Timeout > 0 {
			return s.Cond.WaitForTimeout(reached, s.Timeout)
		}
		s.Cond.WaitFor(reached)
		return true
	}))
)

func TestCPythonCondition(t *testing.T) {
	six := func(t *testing.T, timeout time.Duration) (s sleepers, end func()) {
		s = sleepers{process.NewCondition(nil), process.NewSemaphore(0), process.NewSemaphore(0), timeout, process.NewValue(0)}
		p := start(t, sleepThere, s)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { sleepAt(s) })
		}
		s.Sleeping.AcquireN(6)
		return s, func() { result(t, p); wg.Wait() }
	}
	notify := func(s sleepers, n int) {
		s.Cond.Lock()
		s.Cond.Notify(n)
		s.Cond.Unlock()
	}
	t.Run("P045 test_notify", func(t *testing.T) {
		s, end := six(t, 0)
		for n := 1; n <= 6; n++ {
			notify(s, 1)
			s.Woken.Acquire()
			if s.Woken.Value() != 0 {
				t.Error("one notification has woken two")
			}
		}
		end()
	})
	t.Run("P046 test_notify_all", func(t *testing.T) {
		s, end := six(t, brief)
		s.Woken.AcquireN(6)
		end()
		s, end = six(t, 0)
		s.Cond.Lock()
		s.Cond.NotifyAll()
		s.Cond.Unlock()
		s.Woken.AcquireN(6)
		end()
	})
	t.Run("P047 test_notify_n", func(t *testing.T) {
		s, end := six(t, 0)
		for _, n := range []int{2, 4} {
			notify(s, n)
			s.Woken.AcquireN(n)
		}
		notify(s, 3)
		end()
		if s.Woken.Value() != 0 {
			t.Error("somebody was woken twice")
		}
	})
	t.Run("P048 test_timeout", func(t *testing.T) {
		c := process.NewCondition(nil)
		c.Lock()
		began := time.Now()
		if c.WaitTimeout(20*time.Millisecond) || time.Since(began) < 20*time.Millisecond {
			t.Error("notified")
		}
		c.Unlock()
	})
	t.Run("P049 test_waitfor", func(t *testing.T) {
		s := sleepers{process.NewCondition(nil), process.NewSemaphore(0), process.NewSemaphore(0), 0, process.NewValue(0)}
		p := start(t, waitForState, s)
		s.Sleeping.Acquire()
		for range 4 {
			s.Cond.Lock()
			process.Add(s.State, 1)
			s.Cond.Notify(1)
			s.Cond.Unlock()
		}
		if !result(t, p) {
			t.Error("not reached")
		}
	})
	t.Run("P050 test_waitfor_timeout", func(t *testing.T) {
		s := sleepers{process.NewCondition(nil), process.NewSemaphore(0), process.NewSemaphore(0), 30 * time.Millisecond, process.NewValue(0)}
		p := start(t, waitForState, s)
		s.Sleeping.Acquire()
		for range 3 {
			s.Cond.Lock()
			process.Add(s.State, 1)
			s.Cond.Notify(1)
			s.Cond.Unlock()
		}
		if result(t, p) {
			t.Error("reached")
		}
	})
	t.Run("P051 test_wait_result", func(t *testing.T) {
		s := sleepers{process.NewCondition(nil), process.NewSemaphore(0), process.NewSemaphore(0), 0, process.NewValue(0)}
		s.Cond.Lock()
		if s.Cond.WaitTimeout(0) || s.Cond.WaitTimeout(brief) {
			t.Error("notified")
		}
		go func() { s.Cond.Lock(); s.Cond.Notify(1); s.Cond.Unlock() }()
		if !s.Cond.WaitTimeout(hang) {
			t.Error("not notified")
		}
		s.Cond.Unlock()
	})
}

var setLater = process.Register(pool.Plain(func(e *process.Event) struct{} {
	time.Sleep(5 * time.Millisecond)
	e.Set()
	return struct{}{}
}))

func TestCPythonEvent(t *testing.T) {
	t.Run("P052 test_event", func(t *testing.T) {
		e := process.NewEvent()
		if e.IsSet() || e.WaitTimeout(0) || e.WaitTimeout(brief) {
			t.Error("set")
		}
		e.Set()
		if !e.IsSet() || !e.WaitTimeout(0) || !e.WaitTimeout(hang) {
			t.Error("not set")
		}
		e.Clear()
		p := start(t, setLater, e)
		e.Wait()
		result(t, p)
	})
	t.Run("P053 test_repr", func(t *testing.T) {
		e := process.NewEvent()
		if before := e.String(); !strings.Contains(before, "unset") {
			t.Error(before)
		}
		e.Set()
		if s := e.String(); !strings.Contains(s, "set") || strings.Contains(s, "unset") {
			t.Error(s)
		}
	})
}

// meeting is what the parties of a Barrier do, in this process and in others.
type meeting struct {
	What          string
	Barrier       *process.Barrier
	Second        *process.Barrier
	Before, After *process.Value[int]
	Zeros         *process.Value[int]
	Broken        *process.Value[int]
	Passed        *process.Value[int]
	Acts          *process.Value[int]
	Rounds        int
}

const meets = 5

func newMeeting(what string, action *process.Func[struct{}, struct{}], rounds int) meeting {
	v := func() *process.Value[int] { return process.NewValue(0) }
	return meeting{what, process.NewBarrier(meets, action), process.NewBarrier(meets, nil), v(), v(), v(), v(), v(), v(), rounds}
}

var parties = map[string]func(m meeting) string{
	"phases": func(m meeting) string {
		for i := range m.Rounds {
			process.Add(m.Before, 1)
			if _, err := m.Barrier.Wait(); err != nil {
				return err.Error()
			}
			if n := m.Before.Get(); n < (i+1)*meets {
				return fmt.Sprint("passed when ", n, " had come")
			}
			process.Add(m.After, 1)
			if _, err := m.Barrier.Wait(); err != nil {
				return err.Error()
			}
			if n := m.After.Get(); n < (i+1)*meets {
				return fmt.Sprint("passed when ", n, " were through")
			}
		}
		return ""
	},
	"index": func(m meeting) string {
		i, err := m.Barrier.Wait()
		if i == 0 {
			process.Add(m.Zeros, 1)
		}
		if err != nil {
			return err.Error()
		}
		return ""
	},
	"abort": func(m meeting) string {
		if i, err := m.Barrier.Wait(); err != nil {
			process.Add(m.Broken, 1)
			return ""
		} else if i == 2 { // of a first round, in which all pass
			m.Barrier.Abort()
		}
		if _, err := m.Barrier.Wait(); err != barrier.ErrBroken {
			return fmt.Sprint(err)
		}
		process.Add(m.Broken, 1)
		return ""
	},
	"reset": func(m meeting) string {
		i, err := m.Barrier.Wait()
		if err != nil {
			return err.Error()
		}
		if i == meets-1 {
			for m.Barrier.Waiting() < meets-1 {
				runtime.Gosched()
			}
			m.Barrier.Reset()
		} else if _, err := m.Barrier.Wait(); err == barrier.ErrBroken {
			process.Add(m.Broken, 1)
		}
		if _, err := m.Barrier.Wait(); err != nil {
			return err.Error()
		}
		process.Add(m.Passed, 1)
		return ""
	},
	"abort and reset": func(m meeting) string {
		i, err := m.Barrier.Wait()
		if err != nil {
			return err.Error()
		}
		if i == 2 {
			m.Barrier.Abort()
		} else if _, err := m.Barrier.Wait(); err == barrier.ErrBroken {
			process.Add(m.Broken, 1)
		}
		if i, err := m.Second.Wait(); err != nil {
			return err.Error()
		} else if i == 0 {
			m.Barrier.Reset()
		}
		m.Second.Wait()
		if _, err := m.Barrier.Wait(); err != nil {
			return err.Error()
		}
		process.Add(m.Passed, 1)
		return ""
	},
	"timeout": func(m meeting) string {
		i, err := m.Barrier.Wait()
		if err != nil {
			return err.Error()
		}
		if i == 2 { // late: it comes when the others have given up
			for !m.Barrier.Broken() {
				runtime.Gosched()
			}
		}
		if _, err := m.Barrier.WaitTimeout(brief); err == barrier.ErrBroken {
			process.Add(m.Broken, 1)
		}
		return ""
	},
}

var attend = process.Register(pool.Plain(func(m meeting) string { return parties[m.What](m) }))

func TestCPythonBarrier(t *testing.T) {
	all := func(t *testing.T, m meeting) {
		t.Helper()
		defer proof.Watch(t)()
		var wg sync.WaitGroup
		for range 2 { // goroutines and processes
			wg.Go(func() {
				if s := parties[m.What](m); s != "" {
					t.Error(s)
				}
			})
		}
		for range meets - 2 {
			p := start(t, attend, m)
			wg.Go(func() {
				if s, err := p.Result(); s != "" || err != nil {
					t.Error(s, err)
				}
			})
		}
		wg.Wait()
	}
	t.Run("P054 test_barrier", func(t *testing.T) { all(t, newMeeting("phases", nil, 1)) })
	t.Run("P055 test_barrier_10", func(t *testing.T) { all(t, newMeeting("phases", nil, 10)) })
	t.Run("P056 test_wait_return", func(t *testing.T) {
		m := newMeeting("index", nil, 1)
		all(t, m)
		if n := m.Zeros.Get(); n != 1 {
			t.Errorf("%d were the first", n)
		}
	})
	t.Run("P057 test_action", func(t *testing.T) {
		var acts atomic.Int32
		counted.Store(&acts)
		b := process.NewBarrier(2, countAction)
		for range 3 {
			go b.Wait()
			if _, err := b.Wait(); err != nil {
				t.Error(err)
			}
		}
		if n := acts.Load(); n != 3 {
			t.Errorf("the action ran %d times", n)
		}
	})
	t.Run("P058 test_abort", func(t *testing.T) {
		m := newMeeting("abort", nil, 1)
		all(t, m)
		if n := m.Broken.Get(); n != meets || !m.Barrier.Broken() {
			t.Errorf("%d were told", n)
		}
	})
	t.Run("P059 test_reset", func(t *testing.T) {
		m := newMeeting("reset", nil, 1)
		all(t, m)
		if b, p := m.Broken.Get(), m.Passed.Get(); b != meets-1 || p != meets || m.Barrier.Broken() {
			t.Errorf("%d were told, %d passed", b, p)
		}
	})
	t.Run("P060 test_abort_and_reset", func(t *testing.T) {
		m := newMeeting("abort and reset", nil, 1)
		all(t, m)
		if b, p := m.Broken.Get(), m.Passed.Get(); b != meets-1 || p != meets {
			t.Errorf("%d were told, %d passed", b, p)
		}
	})
	t.Run("P061 test_timeout and P062 test_default_timeout", func(t *testing.T) {
		m := newMeeting("timeout", nil, 1)
		all(t, m)
		if n := m.Broken.Get(); n != meets {
			t.Errorf("%d were told", n)
		}
	})
	t.Run("P063 test_single_thread", func(t *testing.T) {
		b := process.NewBarrier(1, nil)
		b.Wait()
		b.Wait()
	})
	t.Run("P064 test_thousand", func(t *testing.T) { all(t, newMeeting("phases", nil, proof.Rounds(1000, 10, 10))) })
}

var (
	counted     atomic.Pointer[atomic.Int32]
	countAction = process.Register(func(context.Context, struct{}) (struct{}, error) {
		if n := counted.Load(); n != nil {
			n.Add(1)
		}
		return struct{}{}, nil
	})
)

type numbers struct {
	Bytes  *process.Value[byte]
	Ints   *process.Value[int32]
	Floats *process.Value[float64]
	Longs  *process.Value[int64]
	Point  *process.Value[plainPoint]
	Array  *process.Array[int]
	Points *process.Array[plainPoint]
}

type plainPoint struct {
	X, Y  float64
	Label [8]byte
}

var (
	overwrite = process.Register(pool.Plain(func(n numbers) struct{} {
		n.Bytes.Set('z')
		n.Ints.Set(-24)
		n.Floats.Set(-3.25)
		n.Longs.Set(1 << 40)
		n.Point.Update(func(p *plainPoint) { p.X, p.Y, p.Label[0] = 2*p.X, 2*p.Y, 'q' })
		n.Array.Update(func(a []int) {
			for i := 1; i < len(a); i++ {
				a[i] += a[i-1]
			}
		})
		for i, p := range n.Points.All() {
			n.Points.Set(i, plainPoint{X: 2 * p.X, Y: 2 * p.Y})
		}
		return struct{}{}
	}))
	writeMemory = process.Register(pool.Plain(func(m *process.Memory) struct{} {
		copy(m.Bytes(), "from the child")
		return struct{}{}
	}))
)

func TestCPythonSharedValues(t *testing.T) {
	n := numbers{
		process.NewValue[byte]('x'), process.NewValue[int32](7), process.NewValue(1.5), process.NewValue[int64](2),
		process.NewValue(plainPoint{X: 1, Y: 2}), process.ArrayOf(680, 626, 934, 821, 150),
		process.ArrayOf(plainPoint{X: 1}, plainPoint{Y: 3}),
	}
	before := n.Point.Get()
	result(t, start(t, overwrite, n))
	t.Run("P065 test_value", func(t *testing.T) {
		if n.Bytes.Get() != 'z' || n.Ints.Get() != -24 || n.Floats.Get() != -3.25 || n.Longs.Get() != 1<<40 {
			t.Error(n.Bytes.Get(), n.Ints.Get(), n.Floats.Get(), n.Longs.Get())
		}
	})
	t.Run("P066 test_rawvalue", func(t *testing.T) {
		if n.Longs.Get() != 1<<40 {
			t.Error(n.Longs.Get())
		}
	})
	t.Run("P068 test_array", func(t *testing.T) {
		want := []int{680, 1306, 2240, 3061, 3211}
		for i, x := range n.Array.All() {
			if x != want[i] || n.Array.Get(i) != x {
				t.Error(i, x)
			}
		}
		n.Array.Update(func(a []int) { copy(a[1:4], []int{1, 2, 3}) })
		if n.Array.Get(3) != 3 || n.Array.Len() != 5 {
			t.Error("a slice was not written")
		}
	})
	t.Run("P069 test_array_from_size", func(t *testing.T) {
		for range 3 {
			a := process.NewArray[int](10)
			for i, x := range a.All() {
				if x != 0 {
					t.Error(i, x)
				}
				a.Set(i, 42)
			}
			if a.Len() != 10 || a.Get(9) != 42 {
				t.Error(a.Get(9))
			}
		}
	})
	t.Run("P070 test_rawarray", func(t *testing.T) {
		m := process.NewMemory(100)
		defer m.Close()
		result(t, start(t, writeMemory, m))
		if !strings.HasPrefix(string(m.Bytes()), "from the child") || m.Len() != 100 {
			t.Errorf("%q", m.Bytes())
		}
	})
	t.Run("P141 test_sharedctypes and P142 test_synchronize", func(t *testing.T) {
		if p := n.Point.Get(); p.X != 2 || p.Y != 4 || p.Label[0] != 'q' {
			t.Error(p)
		}
		if n.Points.Get(0).X != 2 || n.Points.Get(1).Y != 6 {
			t.Error(n.Points.Get(0), n.Points.Get(1))
		}
	})
	t.Run("P143 test_copy", func(t *testing.T) {
		if before != (plainPoint{X: 1, Y: 2}) {
			t.Error("what Get returned has changed")
		}
	})
	t.Run("P148 test_shared_memory_pickle_unpickle and P150 test_shared_memory_across_processes", func(t *testing.T) {
		m := process.NewMemory(5000)
		a, b := pipe[*process.Memory, int](t)
		a.Send(m)
		again, err := b.Recv()
		if err != nil || again.Len() != 5000 {
			t.Fatal(err)
		}
		result(t, start(t, writeMemory, again))
		if !strings.HasPrefix(string(m.Bytes()), "from the child") {
			t.Errorf("%q", m.Bytes()[:20])
		}
		view := m.Bytes()
		if err := m.Close(); err != nil || m.Bytes() != nil || m.Len() != 5000 {
			t.Error("closed", err)
		}
		m.Close()
		view[0] = 'x' // memory of its own
		if err := a.Send(m); !errors.Is(err, process.ErrSharing) {
			t.Errorf("a closed Memory was sent: %v", err)
		}
	})
	t.Run("P158 test_shared_memory_untracking", func(t *testing.T) {
		m := process.NewMemory(10)
		defer m.Close()
		for range 3 {
			result(t, start(t, writeMemory, m)) // a process that has used it ends
		}
		m.Bytes()[0] = 1
	})
}

func TestCPythonEINTR(t *testing.T) {
	t.Run("P166 test_poll_eintr and P190 test_ignore", func(t *testing.T) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					syscall.Kill(os.Getpid(), syscall.SIGURG)
					time.Sleep(100 * time.Microsecond)
				}
			}
		})
		here, there := pipe[int, int](t)
		e := process.NewEvent()
		p := start(t, setLater, e)
		go func() { time.Sleep(5 * time.Millisecond); there.Send(1) }()
		if x, err := here.Recv(); x != 1 || err != nil {
			t.Error(x, err)
		}
		e.Wait()
		p.Join()
		close(stop)
		wg.Wait()
	})
	t.Run("P167 test_invalid_handles", func(t *testing.T) {
		panics(t, process.ErrSharing, func() { new(process.Conn[int, int]).Recv() })
		panics(t, process.ErrSharing, func() { process.TryWait(new(process.Conn[int, int])) })
	})
}
