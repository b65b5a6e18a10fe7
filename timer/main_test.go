package timer_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("TIMER_TEST_PROGRAM")]; ok {
		program()
		return
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

// programs need a process of their own, because they need its main goroutine and its end.
var programs = map[string]func(){
	"exit": func() {
		timer.New(time.Hour, func() { fmt.Println("daemon") }, thread.Daemon(true)).Start()
		timer.Every(time.Hour, func() { fmt.Println("daemon") }, thread.Daemon(true)).Start()
		thread.Main(func() {
			timer.New(time.Millisecond, func() {
				fmt.Println("timer, daemon:", thread.Current().Daemon())
				ticks := 0
				var ticker *timer.Timer
				ticker = timer.Every(time.Millisecond, func() {
					ticks++
					fmt.Println("tick", ticks)
					if ticks == 3 {
						ticker.Cancel()
					}
				})
				ticker.Start()
			}).Start()
			fmt.Println("fn of Main")
		})
		fmt.Println("after Main")
	},
	"panic": func() {
		thread.Main(func() {
			timer.New(0, explode, thread.Name("worker")).Start()
		})
		fmt.Println("after Main")
	},
}

func explode() { panic("boom") }

// run runs one of the programs and returns what it wrote and its exit status.
func run(t *testing.T, program string) (stdout, stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // it takes milliseconds, unless it waits for an hour
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), "TIMER_TEST_PROGRAM="+program,
		"GORACE=atexit_sleep_ms=0") // the race detector would sleep for a second before it exits
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// rounds scales the length of a race.
func rounds(full int) int { return proof.Rounds(full, 10, 5) }

// A maker is New or Every.
type maker = func(time.Duration, func(), ...thread.Option) *timer.Timer

// constructors make a Timer of an interval that is allowed to both.
var constructors = []struct {
	name    string
	make    maker
	repeats bool
}{
	{"New", timer.New, false},
	{"Every", timer.Every, true},
}

func eachConstructor(t *testing.T, test func(t *testing.T, make maker, repeats bool)) {
	t.Helper()
	for _, c := range constructors {
		t.Run(c.name, func(t *testing.T) { test(t, c.make, c.repeats) })
	}
}

// waits are the forms of Join, and Done, as functions that wait without a bound that matters.
var waits = []struct {
	name string
	wait func(*timer.Timer)
}{
	{"Join", (*timer.Timer).Join},
	{"JoinTimeout of MaxInt64", func(t *timer.Timer) { t.JoinTimeout(math.MaxInt64) }},
	{"JoinTimeout", func(t *timer.Timer) { t.JoinTimeout(10_000 * time.Hour) }},
	{"JoinContext", func(t *timer.Timer) { _ = t.JoinContext(context.Background()) }},
	{"JoinContext that can end", func(t *timer.Timer) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_ = t.JoinContext(ctx)
	}},
	{"Done", func(t *timer.Timer) { <-t.Done() }},
}

// polls are the forms of Join that do not wait at all.
var polls = []struct {
	name string
	poll func(*timer.Timer)
}{
	{"JoinTimeout(0)", func(t *timer.Timer) { t.JoinTimeout(0) }},
	{"JoinTimeout(-1)", func(t *timer.Timer) { t.JoinTimeout(-1) }},
	{"JoinContext of an ended ctx", func(t *timer.Timer) { _ = t.JoinContext(endedContext(context.Canceled)) }},
}

// eachJoin calls f with every form of Join, waiting or not.
func eachJoin(f func(name string, join func(*timer.Timer))) {
	for _, w := range waits {
		if w.name != "Done" {
			f(w.name, w.wait)
		}
	}
	for _, p := range polls {
		f(p.name, p.poll)
	}
}

func endedContext(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// wantPanic checks that f panics with the very value that is exported.
func wantPanic(t testing.TB, what string, want error, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("%s: panicked with %v, want %v", what, got, want)
		}
	}()
	f()
}

// wantEnded checks that the Timer has ended by all that can be asked about it, without waiting.
func wantEnded(t testing.TB, tm *timer.Timer) {
	t.Helper()
	if tm.IsAlive() {
		t.Error("an ended Timer is alive")
	}
	if !tm.JoinTimeout(0) {
		t.Error("JoinTimeout(0) = false of an ended Timer")
	}
	if !closed(tm.Done()) {
		t.Error("Done of an ended Timer is open")
	}
	if tm.Reset(0) {
		t.Error("Reset(0) = true of an ended Timer")
	}
}

// wantAlive checks the opposite.
func wantAlive(t testing.TB, tm *timer.Timer) {
	t.Helper()
	if !tm.IsAlive() {
		t.Error("IsAlive() = false before the end")
	}
	if tm.JoinTimeout(0) {
		t.Error("JoinTimeout(0) = true before the end")
	}
	if closed(tm.Done()) {
		t.Error("Done is closed before the end")
	}
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// hook makes f the except hook for the time of a test.
func hook(t testing.TB, f func(*thread.Thread, *thread.PanicError)) {
	previous := thread.SetExceptHook(f)
	t.Cleanup(func() { thread.SetExceptHook(previous) })
}
