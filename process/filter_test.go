//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
)

// Kernels and containers that refuse: this test program runs again under a filter that answers certain system calls with
// an error, and so do its children.

// filterVariable is CALL=ERRNO,… by number.
const filterVariable = "PROCESS_TEST_FILTER"

// filtered installs the filter that the environment asks for.
func filtered() {
	text := os.Getenv(filterVariable)
	if text == "" {
		return
	}
	os.Unsetenv(filterVariable) // children inherit the filter itself
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
		allow  = 0x7fff0000
		errno  = 0x00050000
	)
	program := []unix.SockFilter{{Code: load}}
	for pair := range strings.SplitSeq(text, ",") {
		call, e, _ := strings.Cut(pair, "=")
		program = append(program,
			unix.SockFilter{Code: equal, Jf: 1, K: uint32(must(strconv.Atoi(call)))},
			unix.SockFilter{Code: answer, K: errno | uint32(must(strconv.Atoi(e)))})
	}
	program = append(program, unix.SockFilter{Code: answer, K: allow})
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	const setModeFilter, allThreads = 1, 1
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, allThreads, uintptr(unsafe.Pointer(&prog))); e != 0 {
		panic(e)
	}
}

func filter(calls []uintptr, e syscall.Errno) string {
	var pairs []string
	for _, c := range calls {
		pairs = append(pairs, fmt.Sprintf("%d=%d", c, int(e)))
	}
	return strings.Join(pairs, ",")
}

// needFilters skips a test where no filter can be installed.
func needFilters(t *testing.T) {
	t.Helper()
	cmd := program("bare")
	cmd.Env = append(cmd.Env, filterVariable+"="+filter([]uintptr{unix.SYS_FUTEX_WAITV}, unix.ENOSYS))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		text, _, _ := strings.Cut(errs.String(), "\n")
		t.Skip("no filter can be installed here: ", text)
	}
}

func TestUnderFilters(t *testing.T) {
	if proof.Race {
		t.Skip("the same without -race: under it, this would be most of the time that all tests take")
	}
	if os.Getenv("PROCESS_TEST_FILTERED") != "" {
		t.Skip("this is the program under a filter")
	}
	needFilters(t)
	const (
		shared = "Start|Forms|Dead|Served|ExactlyOne|Terminate|Exit|Pool|Death|Conn|Idle|WaitFor"
		starts = "Start|Exit|Terminate|Death|ADeadWorker|Idle|WaitFor"
	)
	for _, c := range []struct {
		name  string
		tests string
		calls []uintptr
	}{
		{"futex_waitv", shared, []uintptr{unix.SYS_FUTEX_WAITV}},
		{"pidfd_open, pidfd_send_signal", starts, []uintptr{unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL}},
		{"waitid", "StartToEnd|Terminate|ExitCodes|Idle", []uintptr{unix.SYS_WAITID}}, // os/exec needs it too
		{"clone3", starts, []uintptr{unix.SYS_CLONE3}},
	} {
		for _, e := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
			t.Run(c.name+" "+e.Error(), func(t *testing.T) {
				args := []string{"-test.run", c.tests, "-test.short", "-test.count", "1", "-test.timeout", "5m"}
				cmd := exec.Command("/proc/self/exe", args...)
				cmd.Env = append(os.Environ(), filterVariable+"="+filter(c.calls, e), "PROCESS_TEST_FILTERED=1")
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Wait(); err != nil {
					t.Errorf("%v\n%s", err, out.String())
				}
			})
		}
	}
}

func init() {
	programs["unsupported"] = func() {
		process.Init()
		_, start := process.Go(act, "return")
		_, _, pipe := process.Pipe[int, int]()
		for name, err := range map[string]error{
			"Supported": process.Supported(), "Start": start, "Pipe": pipe,
			"NewLock":  asError(proof.Recovered(func() { process.NewLock() })),
			"NewQueue": asError(proof.Recovered(func() { process.NewQueue[int](0) })),
		} {
			if !errors.Is(err, errors.ErrUnsupported) {
				fmt.Println(name, "says", err)
			}
		}
		fmt.Println(process.Supported())
	}
}

func TestWhereItIsNotSupported(t *testing.T) {
	needFilters(t)
	for _, e := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
		cmd := program("unsupported")
		cmd.Env = append(cmd.Env, filterVariable+"="+filter([]uintptr{unix.SYS_MEMFD_CREATE}, e))
		out, err := cmd.Output()
		if err != nil || strings.Contains(string(out), "says") || !strings.Contains(string(out), "memfd_create") {
			t.Errorf("without memfd_create: %v, %s", err, out)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("a root directory without /proc needs root")
	}
	dir := t.TempDir()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	there, err := os.OpenFile(filepath.Join(dir, "program"), os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(there, self); err != nil {
		t.Fatal(err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/program")
	cmd.Env = append(os.Environ(), programVariable+"=unsupported")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if errors.Is(err, syscall.ENOENT) {
		t.Skip("this program is linked dynamically, and does not run in an empty root directory")
	}
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this root may not have another root directory:", err)
	}
	if err != nil || strings.Contains(string(out), "says") || !strings.Contains(string(out), "/proc") {
		t.Errorf("without /proc: %v, %s%s", err, out, errs.String())
	}
}

var idle = process.Register(func(_ context.Context, c cast) (usage, error) {
	go c.Lock.Lock()
	go c.Queue.Get()
	go c.Event.Wait()
	go c.Sem.Acquire()
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.Bounded.AcquireNContext(ctx, 40)
	}()
	time.Sleep(300 * time.Millisecond) // all of them wait
	began, before := time.Now(), used()
	c.Stop.WaitTimeout(time.Second)
	after := used()
	return usage{after.Processor - before.Processor, after.Wakes - before.Wakes, time.Since(began)}, nil
})

// A usage is how much of a processor a process has used, and how often it went to sleep, in so much time.
type usage struct {
	Processor time.Duration
	Wakes     int64
	Within    time.Duration
}

func used() usage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return usage{Processor: time.Duration(u.Utime.Nano() + u.Stime.Nano()), Wakes: int64(u.Nvcsw)}
}

// Who waits uses no processor, also where futex_waitv is forbidden: with the slices that users have. One that asks again
// and again does so hundreds of times in a second, or never sleeps.
func TestIdleWaitersUseNoProcessor(t *testing.T) {
	c := newCast("", 0)
	c.Lock.Lock()
	c.Bounded.Acquire()
	u := result(t, start(t, idle, c, process.Env(noSlices+"=")))
	if u.Processor > u.Within/2 || float64(u.Wakes) > 300*(1+u.Within.Seconds()) {
		t.Errorf("six who waited have used the processor for %v and were awake %d times within %v", u.Processor, u.Wakes, u.Within)
	}
	t.Logf("%+v", u)
}
