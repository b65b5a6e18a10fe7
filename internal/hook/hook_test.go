package hook_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/hook"
)

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("HOOK_TEST_PROGRAM")]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

// programs need a process of their own.
var programs = map[string]func(){
	"nobody has set a hook": func() { hook.Run(explode) },
	"the hook panics": func() {
		hook.Swap(&hook.Hook{Call: func(*hook.Panic) { panic(errors.New("second boom")) }})
		func() {
			defer func() { _ = recover() }()
			hook.Run(explode)
		}()
		os.Exit(0) // would hide the panic
	},
}

func explode() { panic("boom") }

// run runs one of the programs and returns what it wrote to standard error and its exit status.
func run(t *testing.T, program string) (stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "HOOK_TEST_PROGRAM="+program, "GORACE=atexit_sleep_ms=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return errs.String(), cmd.ProcessState.ExitCode()
}

// reports takes the hook for a test and returns where what it is told of is kept.
func reports(t *testing.T) *[]*hook.Panic {
	told := new([]*hook.Panic)
	previous := hook.Swap(&hook.Hook{Call: func(p *hook.Panic) { *told = append(*told, p) }})
	t.Cleanup(func() { hook.Swap(previous) })
	return told
}

// in calls f on a goroutine of its own and waits for its end.
func in(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestCatchTellsHowACallEnded(t *testing.T) {
	told := reports(t)
	if p := hook.Catch(func() {}); p != nil {
		t.Errorf("it returned, and is said to have panicked: %v", p.Value)
	}
	if p := hook.Catch(explode); p == nil || p.Value != "boom" || !strings.Contains(string(p.Stack), "hook_test.explode") {
		t.Errorf("it panicked: %v", p)
	}
	var null *runtime.PanicNilError
	if p := hook.Catch(func() { panic(nil) }); p == nil || !errors.As(p.Value.(error), &null) {
		t.Errorf("it panicked with nil: %v", p)
	}
	in(func() {
		p := hook.Catch(runtime.Goexit)
		t.Errorf("it exited, and Catch returned %v", p)
	})
	if len(*told) != 0 {
		t.Errorf("the hook was told of %d panics", len(*told))
	}
}

func TestAPanicOfNilIsAPanicWhateverRecoverReturns(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	if v, recovered := panicOfNil(); !recovered || v != nil {
		t.Fatalf("recover returned %v: this tests nothing", v)
	}
	p := hook.Catch(func() { panic(nil) })
	if p == nil || p.Value != nil || len(p.Stack) == 0 {
		t.Errorf("it panicked with nil: %v", p)
	}
	in(func() {
		p := hook.Catch(runtime.Goexit)
		t.Errorf("it exited, and Catch returned %v", p)
	})
}

func panicOfNil() (v any, recovered bool) {
	defer func() {
		v = recover()
		recovered = true
	}()
	panic(nil)
}

// A deferred call that panics during an exit ends nothing, and is not forgotten.
func TestAPanicWhileExitingIsReported(t *testing.T) {
	told := reports(t)
	in(func() {
		p := hook.Catch(func() {
			defer explode()
			runtime.Goexit()
		})
		t.Errorf("it exited, and Catch returned %v", p)
	})
	if len(*told) != 1 || (*told)[0].Value != "boom" {
		t.Errorf("told of %v", *told)
	}
}

// A deferred call that exits during a panic ends the panic.
func TestAnExitWhilePanickingIsAnExit(t *testing.T) {
	told := reports(t)
	in(func() {
		p := hook.Catch(func() {
			defer runtime.Goexit()
			explode()
		})
		t.Errorf("it exited, and Catch returned %v", p)
	})
	if len(*told) != 0 {
		t.Errorf("told of %v", *told)
	}
}

func TestRunReportsAPanicAndGoesOn(t *testing.T) {
	told := reports(t)
	hook.Run(explode)
	hook.Run(func() {})
	if len(*told) != 1 || (*told)[0].Value != "boom" {
		t.Errorf("told of %v", *told)
	}
	exits := hook.Swap(&hook.Hook{Call: func(*hook.Panic) { runtime.Goexit() }})
	defer hook.Swap(exits)
	in(func() {
		hook.Run(explode)
		t.Error("the hook exited, and its goroutine went on")
	})
}

func TestWithoutAHookAPanicIsWritten(t *testing.T) {
	stderr, status := run(t, "nobody has set a hook")
	if status != 0 || !strings.HasPrefix(stderr, "panic: boom\n") || !strings.Contains(stderr, "hook_test.explode") {
		t.Errorf("status %d, and on standard error\n%s", status, stderr)
	}
}

func TestAHookThatPanicsEndsTheProcess(t *testing.T) {
	stderr, status := run(t, "the hook panics")
	if status != 2 {
		t.Errorf("status %d", status)
	}
	for _, part := range []string{"the except hook panicked: second boom", "told of a panic: boom", "hook_test.explode"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in\n%s", part, stderr)
		}
	}
}
