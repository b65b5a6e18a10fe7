//go:build linux

package process_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/thread"
)

// Programs of their own: this test program runs as one of them if the variable says so.
const programVariable = "PROCESS_TEST_PROGRAM"

var programs = map[string]func(){
	"without Init": func() {
		_, err := process.Go(act, "return")
		fmt.Println("started", err)
	},
	"a pool without Init": func() {
		process.NewPool(2)
		fmt.Println("made")
	},
	"Main": func() {
		process.Main(func() {
			say("main begins")
			ends := make(chan struct{})
			thread.Go(func() {
				<-ends
				time.Sleep(10 * time.Millisecond) // Main waits by now
				say("thread")
			}, thread.Daemon(false))
			say("main ends")
			close(ends)
		})
		say("after Main")
	},
	"Main with children": func() {
		process.Main(func() {
			ends := process.NewEvent()
			must(process.Go(tellAfter, ends, process.Daemon(false)))
			must(process.Go(tellLater, "daemon", process.Daemon(true)))
			say("main ends")
			ends.Set()
		})
		say("after Main")
	},
	"Main panics": func() {
		process.Main(func() {
			must(process.Go(tell, "child"))
			panic("in main")
		})
	},
	"family": func() {
		process.Init()
		daemon := must(process.Go(stay, 1, process.Name("daemon"), process.Daemon(true)))
		other := must(process.Go(stay, 0, process.Name("other")))
		p := process.NewPool(2)
		for range 2 {
			pool.ApplyAsync(p.Pool, pool.Bind(stay.On(p), 0))
		}
		eventually(nil, "four children", func() bool { return len(process.Children()) == 4 })
		_, _ = daemon, other
		say("ready")
		time.Sleep(hang)
	},
	"leaves": func() { // returns from main with children
		process.Init()
		must(process.Go(stay, 0, process.Name("daemon"), process.Daemon(true)))
		must(process.Go(stay, 0, process.Name("other")))
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test has heard of both
	},
	"pool left open": func() {
		process.Main(func() {
			p := process.NewPool(2)
			fmt.Println(pool.Apply(p.Pool, pool.Bind(square.On(p), 7)))
		})
	},
	"bare": func() { fmt.Println("nothing of process is used") },
}

var square = process.Register(pool.Plain(func(n int) int { return n * n }))

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// say writes a line at once.
func say(text string) { _, _ = os.Stdout.WriteString(text + "\n") }

var (
	tell = process.Register(func(_ context.Context, text string) (struct{}, error) {
		time.Sleep(30 * time.Millisecond)
		say(text)
		return struct{}{}, nil
	})
	tellAfter = process.Register(func(_ context.Context, e *process.Event) (struct{}, error) {
		e.Wait()
		time.Sleep(30 * time.Millisecond)
		say("child")
		return struct{}{}, nil
	})
	tellLater = process.Register(func(_ context.Context, text string) (struct{}, error) {
		time.Sleep(hang)
		say(text)
		return struct{}{}, nil
	})
	// stay says who it is, starts as many children like it as it is told, and stays until its parent has ended; if it is
	// no daemon it says so then.
	stay *process.Func[int, struct{}]
)

func init() {
	stay = process.Register(func(ctx context.Context, n int) (struct{}, error) {
		self := process.Current()
		say(fmt.Sprintf("pid %d %s", self.Pid, self.Name))
		for range n {
			must(process.Go(stay, n-1, process.Name(self.Name+" grandchild")))
		}
		select {
		case <-process.ParentDone():
		case <-time.After(hang):
		}
		if self.Daemon { // ended by a signal, which is on its way
			time.Sleep(hang)
		}
		say("outlived " + self.Name)
		return struct{}{}, nil
	})
}

// program returns a command that runs one of the programs.
func program(name string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), programVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestAProgramWithoutInitIsToldSo(t *testing.T) {
	for _, name := range []string{"without Init", "a pool without Init"} {
		cmd := program(name)
		cmd.Stderr = nil
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err == nil || len(out) > 0 || !strings.Contains(errs.String(), "Init must be the first call in main") {
			t.Errorf("%s: %q, %v, %q", name, out, err, errs.String())
		}
	}
}

func TestMainWaitsAsPythonDoes(t *testing.T) {
	for name, want := range map[string][]string{
		"Main":               {"main begins", "main ends", "thread", "after Main"},
		"Main with children": {"main ends", "child", "after Main"},
	} {
		out, err := program(name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(lines, want) {
			t.Errorf("%s: %q, want %q", name, lines, want)
		}
	}
	cmd := program("Main panics")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil || string(out) != "child\n" || !strings.Contains(errs.String(), "panic: in main") {
		t.Errorf("%q, %v, %q", out, err, errs.String())
	}
	out, err = program("pool left open").Output()
	if err != nil || string(out) != "49 <nil>\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := program("bare").Output(); err != nil || string(out) != "nothing of process is used\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// A tree is what a program of the family has started.
type tree struct {
	out  *bufio.Scanner
	pids map[string]int
}

// plant runs a program, and reads what its children say until n have. Then its standard input ends.
func plant(t *testing.T, name string, n int) (*exec.Cmd, *tree) {
	t.Helper()
	cmd := program(name)
	cmd.Stderr = nil // it may crash
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd.Stdout = w
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	tr := &tree{bufio.NewScanner(r), make(map[string]int)}
	readies := 0
	for len(tr.pids) < n || name == "family" && readies == 0 {
		if !tr.out.Scan() {
			t.Fatalf("%v is all that have come", tr.pids)
		}
		var pid int
		var who string
		if tr.out.Text() == "ready" {
			readies++
		} else if _, err := fmt.Sscanf(tr.out.Text(), "pid %d", &pid); err == nil {
			who = strings.SplitN(tr.out.Text(), " ", 3)[2]
			tr.pids[who+"/"+strconv.Itoa(pid)] = pid
		}
	}
	t.Cleanup(func() {
		for _, pid := range tr.pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return cmd, tr
}

// lives reports whether a process is there, and no zombie.
func lives(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestTheDeathOfTheParent(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			defer proof.Watch(t)()
			// A daemon with a grandchild, one that is no daemon, and two workers of a pool.
			cmd, tr := plant(t, "family", 5)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			for who, pid := range tr.pids {
				if !strings.HasPrefix(who, "other/") {
					eventually(t, who+" has ended", func() bool { return !lives(pid) })
				}
			}
			// The other goes on, knows of it, and finishes; then nobody holds the output open.
			rest, err := io.ReadAll(allOf(tr.out))
			if err != nil || string(rest) != "outlived other\n" {
				t.Errorf("%q, %v", rest, err)
			}
			for who, pid := range tr.pids {
				eventually(t, who+" has ended", func() bool { return !lives(pid) })
			}
		})
	}
	t.Run("return", func(t *testing.T) {
		cmd, tr := plant(t, "leaves", 2)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		rest, err := io.ReadAll(allOf(tr.out))
		if err != nil || string(rest) != "outlived other\n" {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

// allOf reads what is left of a scanner, by lines.
func allOf(s *bufio.Scanner) io.Reader {
	r, w := io.Pipe()
	go func() {
		for s.Scan() {
			_, _ = io.WriteString(w, s.Text()+"\n")
		}
		_ = w.CloseWithError(s.Err())
	}()
	return r
}

// A child that is killed at any moment of its start is an end like any other.
func TestAChildThatIsKilledInItsStart(t *testing.T) {
	shared := process.NewLock()
	for i := range proof.Rounds(200, 10, 8) {
		p := start(t, holdALock, shared)
		for range (i * 37) % 40_000 {
			_ = p.Pid()
		}
		p.Kill()
		if !p.JoinTimeout(hang) {
			t.Fatal("it does not end")
		}
		if code, _ := p.ExitCode(); code != -9 {
			t.Fatalf("code %d, %v", code, p.Err())
		}
		if !shared.LockTimeout(hang) {
			t.Fatal("its lock is not free")
		}
		shared.Unlock()
	}
}

var holdALock = process.Register(func(_ context.Context, l *process.Lock) (struct{}, error) {
	for {
		l.Lock()
		l.Unlock()
	}
})
