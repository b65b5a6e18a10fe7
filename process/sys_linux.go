//go:build linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package process

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"github.com/gothreading/threading/internal/shm"
	"golang.org/x/sys/unix"
)

// What this package asks the kernel for, other than package shm.

const terminateSignal = unix.SIGTERM

// childVariable is how a child knows that it is one: the number of descriptors
// it has inherited.
const childVariable = "GOTHREADING_PROCESS"

// What a child inherits, in this order, from descriptor 3 on; shared objects
// follow.
const (
	orderFD = 3 + iota
	familyFD
	lifelineFD
	objectsFD
)

func closeFD(fd int) { _ = unix.Close(fd) }

func writeAt(fd int, data []byte, at int64) error {
	for len(data) > 0 {
		n, err := unix.Pwrite(fd, data, at)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("pwrite", err)
		}
		if n > 0 {
			data, at = data[n:], at+int64(n)
		}
	}
	return nil
}

func readAt(fd int, data []byte, at int64) error {
	for len(data) > 0 {
		n, err := unix.Pread(fd, data, at)
		switch {
		case err != nil && err != unix.EINTR:
			return os.NewSyscallError("pread", err)
		case err == nil && n == 0:
			return io.ErrUnexpectedEOF
		case n > 0:
			data, at = data[n:], at+int64(n)
		}
	}
	return nil
}

func sizeOf(fd int) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return st.Size, nil
}

// lifeline is a pipe that is never written to. Children inherit the end for
// reading: when this process has ended, whatever ended it, they read that.
var lifeline = sync.OnceValues(func() (int, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, os.NewSyscallError("pipe2", err)
	}
	return p[0], nil // the other end stays open as long as this process lives
})

// launch starts the process of c.
func launch(c *child, id string, arg []byte, l *luggage) (err error) {
	if err := shm.Found(); err != nil {
		return err
	}
	life, err := lifeline()
	if err != nil {
		return err
	}
	fd, err := shm.NewFile("threading-order")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			closeFD(fd)
		}
	}()
	ch := &c.choices
	c.at, err = writeOrder(fd, &order{
		Func: id, Name: ch.name, Daemon: ch.daemon, Grace: ch.grace, Parent: Current(), Objects: len(l.fds),
	}, arg)
	if err != nil {
		return err
	}
	std, done, err := ch.streams()
	if err != nil {
		return err
	}
	defer done()
	files := append(std, uintptr(fd), uintptr(shm.Descriptor()), uintptr(life))
	for _, object := range l.fds {
		files = append(files, uintptr(object))
	}
	env := ch.environment(append(raceEnvironment(), childVariable+"="+strconv.Itoa(len(files)-3))...)
	args := os.Args
	if len(args) == 0 {
		args = []string{"process"}
	}
	c.pidfd = -1
	pid, _, err := syscall.StartProcess("/proc/self/exe", args, &syscall.ProcAttr{
		Dir: ch.dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{PidFD: &c.pidfd},
	})
	if err != nil {
		return startError(err, len(files))
	}
	c.pid, c.report = pid, fd
	return nil
}

// startError says what to do about an error that has to do with limits.
func startError(err error, files int) error {
	err = &os.PathError{Op: "fork/exec", Path: "/proc/self/exe", Err: err}
	switch {
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return errors.Join(err, errors.New("too many descriptors are open: close some, or raise the limit (ulimit -n)"))
	case errors.Is(err, unix.EAGAIN):
		return errors.Join(err, errors.New("too many processes are running: wait for some, or raise the limit (ulimit -u)"))
	case errors.Is(err, unix.E2BIG):
		return errors.Join(err, errors.New("the environment and the arguments of this program are too large"))
	}
	return err
}

// streams returns the standard streams of a child, and what to call when it has
// started.
func (ch *choices) streams() (fds []uintptr, done func(), err error) {
	files := ch.std
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	for i, own := range []*os.File{null, os.Stdout, os.Stderr} {
		if files[i] == nil {
			files[i] = own
		}
		if files[i] == nil {
			files[i] = null
		}
		fds = append(fds, files[i].Fd())
	}
	return fds, func() { _ = null.Close() }, nil
}

// awaitExit waits until the process has ended. It stays to be reaped.
func awaitExit(c *child) {
	if c.pidfd >= 0 && unix.SetNonblock(c.pidfd, true) == nil {
		// Only reap closes the file.
		c.poll = os.NewFile(uintptr(c.pidfd), "pidfd")
		if raw, err := c.poll.SyscallConn(); err == nil && raw.Read(hasExited) == nil {
			return
		}
	}
	for {
		err := unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

func hasExited(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return err != nil || n > 0
		}
	}
}

// reap reaps the process, and returns its exit code.
func reap(c *child) int {
	code := reapBy(c)
	switch {
	case c.poll != nil:
		_ = c.poll.Close()
	case c.pidfd >= 0:
		closeFD(c.pidfd)
	}
	return code
}

func reapBy(c *child) int {
	// By the descriptor it is this process that is reaped, and no other, also
	// if another has reaped it.
	for c.pidfd >= 0 {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PIDFD, c.pidfd, &info, unix.WEXITED|unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil && err != unix.ECHILD {
			break // the kernel does not know it, or does not allow it
		}
		if err == unix.ECHILD || info.Signo == 0 {
			return unknownCode
		}
		const exited = 1 // CLD_EXITED; else a signal ended it
		status := *(*int32)(unsafe.Add(unsafe.Pointer(&info), statusOffset))
		if info.Code == exited {
			return int(status)
		}
		return -int(status)
	}
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(c.pid, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return unknownCode
		case status.Signaled():
			return -int(status.Signal())
		default:
			return status.ExitStatus()
		}
	}
}

// statusOffset is where si_status lies in a siginfo of a child, on 64-bit
// systems.
const statusOffset = 24

// send sends a signal to a process that was not reaped.
func send(c *child, sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return errors.New("process: Signal of a signal that is none of the system")
	}
	if c.pidfd >= 0 {
		switch err := unix.PidfdSendSignal(c.pidfd, s, nil, 0); err {
		case nil, unix.ESRCH:
			return nil
		}
	}
	err := unix.Kill(c.pid, s)
	if err == unix.ESRCH {
		return nil
	}
	return os.NewSyscallError("kill", err)
}

// inherit returns what this process was told if it is a child. It is called
// before anything else of the program, as far as that imports this package.
func inherit() *inheritance {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		return nil
	}
	_ = os.Unsetenv(childVariable)
	n, err := strconv.Atoi(text)
	if err != nil || n < objectsFD-3 {
		return nil
	}
	for fd := 3; fd < 3+n; fd++ {
		unix.CloseOnExec(fd)
	}
	i := &inheritance{parentDone: make(chan struct{}), luggage: new(luggage)}
	for fd := objectsFD; fd < 3+n; fd++ {
		i.luggage.fds = append(i.luggage.fds, fd)
	}
	i.order, i.arg, i.at, i.err = readOrder(orderFD)
	if err := shm.Join(familyFD); err != nil && i.err == nil {
		i.err = err
	}
	if i.err == nil && i.order.Objects != len(i.luggage.fds) {
		i.err = errors.New("process: not all shared objects have arrived")
	}
	return i
}

// crashOutput makes the runtime write what it says in a crash to the order
// too.
func crashOutput(at int64) {
	f, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(orderFD), os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(at, io.SeekStart); err == nil {
		_ = debug.SetCrashOutput(f, debug.CrashOptions{})
	}
}

// awaitParent returns when the parent has ended.
func awaitParent() {
	var b [1]byte
	_ = unix.SetNonblock(lifelineFD, true)
	f := os.NewFile(lifelineFD, "lifeline")
	for {
		if _, err := f.Read(b[:]); err != nil {
			return
		}
	}
}

// dieOf ends this process by a signal, as if it had never been handled.
func dieOf(sig syscall.Signal) { _ = unix.Kill(unix.Getpid(), sig) }
