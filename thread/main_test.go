package thread_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// madeByMain was created by the main goroutine, which the tests do not run on.
var madeByMain *thread.Thread

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv("THREAD_TEST_PROGRAM")]; ok {
		program()
		return
	}
	madeByMain = thread.New(func() {})
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

// programs need a process of their own, because they end it or because they need its main goroutine.
var programs = map[string]func(){
	"exit": func() {
		for range 40 {
			thread.Go(func() { select {} }, thread.Daemon(true))
		}
		thread.Go(func() { thread.Main(func() {}) }).Join()
		thread.Main(func() {
			fmt.Println("main is alive:", thread.MainThread().IsAlive())
			thread.Go(func() {
				thread.MainThread().Join()
				main := thread.MainThread()
				fmt.Println("main is alive:", main.IsAlive())
				fmt.Println("main is listed:", slices.Contains(thread.Enumerate(), main))
				thread.Go(func() {
					thread.Go(func() { fmt.Println("grandchild") }).Join()
					fmt.Println("child")
				})
			})
			fmt.Println("fn of Main")
		})
		fmt.Println("after Main:", thread.Current().Name())
	},
	"goexit": func() {
		defer func() {
			fmt.Println("going on")
			os.Exit(0) // without it there would be no main goroutine left
		}()
		thread.Main(func() {
			thread.Go(func() {
				thread.MainThread().Join()
				fmt.Println("thread ended")
			})
			runtime.Goexit()
		})
		fmt.Println("unreachable")
	},
	"panic": func() {
		thread.Main(func() {
			thread.Go(func() {
				thread.MainThread().Join()
				fmt.Fprintln(os.Stderr, "waiting")
				fmt.Println("thread ended")
			})
			explode()
		})
	},
	"panic of nil": func() {
		os.Setenv("GODEBUG", "panicnil=1")
		defer func() {
			fmt.Println("going on:", recover())
			os.Exit(0)
		}()
		thread.Main(func() {
			thread.Go(func() {
				thread.MainThread().Join()
				fmt.Println("thread ended")
			})
			panic(nil)
		})
		fmt.Println("unreachable")
	},
	"panic while a thread waits for it": func() {
		thread.Main(func() {
			forever := make(chan os.Signal, 1)
			signal.Notify(forever, os.Interrupt)
			thread.Go(func() { <-forever })
			explode()
		})
	},
	"hook panics": func() {
		thread.SetExceptHook(func(_ *thread.Thread, p *thread.PanicError) { panic(errors.New("second boom")) })
		thread.Go(explode).Join()
		os.Exit(0) // would hide the panic
	},
	"reports": func() {
		thread.Go(explode, thread.Name("worker")).Join()
		thread.Go(runtime.Goexit, thread.Name("leaver")).Join()
		original := thread.SetExceptHook(func(t *thread.Thread, p *thread.PanicError) { fmt.Println(t.Name(), p.Value) })
		thread.Go(explode, thread.Name("custom")).Join()
		thread.SetExceptHook(original)
		thread.Go(explode, thread.Name("again")).Join()
		thread.SetExceptHook(nil)
		thread.Go(explode, thread.Name("default")).Join()
		foreign := make(chan struct{})
		go func() {
			defer close(foreign)
			original(thread.Current(), &thread.PanicError{Value: "reported by hand"})
		}()
		<-foreign
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
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "THREAD_TEST_PROGRAM="+program,
		"GORACE=atexit_sleep_ms=0") // the race detector would sleep for a second before it exits
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func wantContains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

func TestPanicOfMainGoesOnAfterTheWait(t *testing.T) {
	stdout, stderr, status := run(t, "panic")
	if stdout != "thread ended\n" || status != 2 {
		t.Errorf("status %d, output %q", status, stdout)
	}
	before, after, found := strings.Cut(stderr, "waiting\n")
	if !found {
		t.Fatalf("nobody waited:\n%s", stderr)
	}
	wantContains(t, before, "panic in thread MainThread: boom", "thread_test.explode")
	wantContains(t, after, "panic: boom", "thread_test.explode")
}

func TestAPanicOfNilOfMainGoesOnAfterTheWait(t *testing.T) {
	stdout, stderr, status := run(t, "panic of nil")
	if stdout != "thread ended\ngoing on: <nil>\n" || status != 0 {
		t.Errorf("status %d, output %q", status, stdout)
	}
	wantContains(t, stderr, "panic in thread MainThread: <nil>")
}

// What a hook that exits makes of a panic of Main is still that panic.
func TestAPanicOfMainGoesOnThoughTheHookExits(t *testing.T) {
	previous := thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) { runtime.Goexit() })
	defer thread.SetExceptHook(previous)
	synctest.Test(t, func(t *testing.T) {
		child := sleeper(time.Second)
		var after any
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { after = recover() }()
			thread.Main(func() {
				child.Start()
				explode()
			})
		}()
		<-done
		if after != "boom" || child.IsAlive() {
			t.Errorf("recovered %v, child alive: %v", after, child.IsAlive())
		}
	})
}

func TestMainWaitsForWhatIsNoDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		daemon := sleeper(time.Hour, thread.Daemon(true))
		thread.Main(func() {
			daemon.Start()
			sleeper(time.Second, thread.Daemon(false)).Start()
			thread.Go(func() {
				time.Sleep(2 * time.Second)
				sleeper(time.Second).Start() // no daemon either: it inherits
			}, thread.Daemon(false))
		})
		if waited := time.Since(begin); waited != 3*time.Second {
			t.Errorf("waited %v, want 3s", waited)
		}
		if !daemon.IsAlive() {
			t.Error("the daemon was waited for")
		}
		daemon.Join()
	})
}

func TestMainWaitsForThreadsStartedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		early := sleeper(time.Second, thread.Daemon(false))
		early.Start()
		thread.Main(func() {})
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited %v, want 1s", waited)
		}
	})
}

// A latched is busy until its end.
type latched struct {
	end   park.Latch
	entry live.Entry
}

func (l *latched) Busy() (*park.Latch, uint64) {
	if l.end.IsOpen() {
		return nil, 0
	}
	return &l.end, 0
}

// A timer has no thread while it is pending, and is in no list of threads.
func TestMainWaitsForWhatIsLiveWithoutAThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		thread.Main(func() {
			var w latched
			w.entry.Add(&w, time.Now())
			time.AfterFunc(time.Second, func() {
				thread.Go(func() { time.Sleep(time.Second) }, thread.Daemon(false))
				w.entry.Remove()
				w.end.Open()
			})
			if n := thread.ActiveCount(); n != 1 {
				t.Errorf("ActiveCount() = %d, want 1", n)
			}
		})
		if waited := time.Since(begin); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
	})
}

func TestMainInAThreadDoesNotWaitForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := sleeper(time.Second, thread.Daemon(false))
		parent := thread.Go(func() { thread.Main(child.Start) }, thread.Daemon(false))
		if parent.JoinTimeout(time.Second - 1) {
			t.Error("Main did not wait for the child")
		}
		parent.Join()
		if child.IsAlive() || parent.Err() != nil {
			t.Errorf("child alive: %v, parent: %v", child.IsAlive(), parent.Err())
		}
	})
}

func TestGoexitOfMainGoesOnAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := sleeper(time.Second, thread.Daemon(false))
		parent := thread.Go(func() {
			thread.Main(func() {
				child.Start()
				runtime.Goexit()
			})
		})
		parent.Join()
		if parent.Err() != thread.ErrGoexit || child.IsAlive() {
			t.Errorf("Err() = %v, child alive: %v", parent.Err(), child.IsAlive())
		}
	})
}

func TestMainPanicsOnNil(t *testing.T) {
	defer func() {
		wantContains(t, fmt.Sprint(recover()), "Main", "nil")
	}()
	thread.Main(nil)
}

// A thread may wait for what the panicking function was going to do, and then the wait has no end.
func TestAPanicOfMainIsSeenBeforeTheWait(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "THREAD_TEST_PROGRAM=panic while a thread waits for it")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n') // or it waits until the test is out of time
	if line != "panic in thread MainThread: boom\n" || err != nil {
		t.Errorf("it writes %q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// One that waited for the threads of the other would be woken from outside of its bubble, which is fatal.
func TestMainInTwoBubblesAtOnce(t *testing.T) {
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range proof.Rounds(2000, 4, 4) {
				synctest.Test(t, func(t *testing.T) {
					begin := time.Now()
					thread.Main(func() {
						thread.Go(func() { time.Sleep(time.Second) })
						timer.New(time.Second, func() { thread.Go(func() { time.Sleep(time.Second) }) }).Start()
					})
					if waited := time.Since(begin); waited != 2*time.Second {
						t.Errorf("waited %v, want 2s", waited)
					}
				})
			}
		})
	}
}
