package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// count counts what the operation takes that has the name.
func count(name string) (cost, error) {
	// All that has to do with the traced process must be asked by the thread that has started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer onOneProcessor()()
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return cost{}, err
	}
	defer null.Close()
	// Without signals that make a goroutine give way.
	env := append(os.Environ(), environment+"="+name, "GODEBUG=asyncpreemptoff=1")
	pid, err := syscall.ForkExec(self, []string{self}, &syscall.ProcAttr{
		Env: env, Files: []uintptr{null.Fd(), null.Fd(), 2}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return cost{}, fmt.Errorf("%w: no process may be traced: %w", errUnable, err)
	}
	t := tracee{pid, make(map[uint64]kind)}
	defer t.end()
	if err := t.wait(); err != nil {
		return cost{}, fmt.Errorf("%w: no process may be traced: %w", errUnable, err)
	}
	var least cost
	counted := 0
	for range repeats {
		c, err := t.next()
		if err == errBusy {
			continue
		}
		if err != nil {
			return cost{}, err
		}
		if counted == 0 || c.instructions < least.instructions {
			least = c
		}
		if counted++; counted == enough {
			return least, nil
		}
	}
	return least, errBusy
}

// onOneProcessor keeps the thread, and the process that it is about to start, on one processor until undo is called. To
// wake another one for each instruction takes 20 times as long. It is no error if that cannot be.
func onOneProcessor() (undo func()) {
	var all, one [128]uint64 // as many processors as Linux can have
	affinity := func(call uintptr, mask *[128]uint64) bool {
		_, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*mask), uintptr(unsafe.Pointer(mask)))
		return errno == 0
	}
	if !affinity(syscall.SYS_SCHED_GETAFFINITY, &all) {
		return func() {}
	}
	for i, some := range all {
		if some != 0 {
			one[i] = some & -some
			break
		}
	}
	affinity(syscall.SYS_SCHED_SETAFFINITY, &one)
	return func() { affinity(syscall.SYS_SCHED_SETAFFINITY, &all) }
}

// A tracee is the process that is traced, and stopped.
type tracee struct {
	pid  int
	seen map[uint64]kind // by address: to look at an instruction takes longer than to execute it
}

// A kind is what matters about an instruction.
type kind int

const (
	plain kind = iota
	atomic
	breakpoint
	away // of what makes a goroutine give way
)

// wait waits until the process stops, and lets it go on if that is for a signal of its own.
func (t tracee) wait() error {
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(t.pid, &status, 0, nil); err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		switch {
		case !status.Stopped():
			return fmt.Errorf("the process has ended: %#x", status)
		case status.StopSignal() == syscall.SIGTRAP:
			return nil
		}
		if err := syscall.PtraceCont(t.pid, int(status.StopSignal())); err != nil {
			return fmt.Errorf("continue: %w", err)
		}
	}
}

// next counts what is done between the next two breakpoints.
func (t tracee) next() (c cost, err error) {
	if err := syscall.PtraceCont(t.pid, 0); err != nil {
		return c, fmt.Errorf("continue: %w", err)
	}
	if err := t.wait(); err != nil { // at the first breakpoint
		return c, err
	}
	for {
		var regs syscall.PtraceRegs
		if err := syscall.PtraceGetRegs(t.pid, &regs); err != nil {
			return c, fmt.Errorf("registers: %w", err)
		}
		k, ok := t.seen[regs.Rip]
		if !ok {
			var code [16]byte
			if _, err := syscall.PtracePeekText(t.pid, uintptr(regs.Rip), code[:]); err != nil {
				return c, fmt.Errorf("code: %w", err)
			}
			k = kindOf(code[:])
			// The traced process is this program too, with everything at the same addresses.
			if f := runtime.FuncForPC(uintptr(regs.Rip)); f != nil && f.Name() == "runtime.newstack" {
				k = away
			}
			t.seen[regs.Rip] = k
		}
		switch k {
		case away:
			if err := syscall.PtraceCont(t.pid, 0); err != nil {
				return c, fmt.Errorf("continue: %w", err)
			}
			if err := t.wait(); err != nil { // at the second breakpoint
				return c, err
			}
			return c, errBusy
		case breakpoint:
			return c, t.step()
		case atomic:
			c.atomics++
		}
		c.instructions++
		if err := t.step(); err != nil {
			return c, err
		}
	}
}

// step lets the process go on by one instruction.
func (t tracee) step() error {
	if err := syscall.PtraceSingleStep(t.pid); err != nil {
		return fmt.Errorf("step: %w", err)
	}
	return t.wait()
}

func (t tracee) end() {
	_ = syscall.Kill(t.pid, syscall.SIGKILL)
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(t.pid, &status, 0, nil); err != nil || status.Exited() || status.Signaled() {
			return
		}
	}
}

// kindOf returns the kind of the instruction that the code begins with. Atomic are those that write: with the prefix LOCK,
// or XCHG with memory, which needs none.
func kindOf(code []byte) kind {
	if code[0] == 0xCC {
		return breakpoint
	}
	for i, b := range code {
		switch {
		case b == 0xF0:
			return atomic
		case b == 0x66, b == 0xF2, b == 0xF3, b == 0x64, b == 0x65, 0x40 <= b && b <= 0x4F: // other prefixes
		case (b == 0x86 || b == 0x87) && i+1 < len(code) && code[i+1]>>6 != 3:
			return atomic
		default:
			return plain
		}
	}
	return plain
}
