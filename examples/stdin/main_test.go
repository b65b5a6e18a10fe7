package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

// As another program the test binary is the example, with the standard input that it is given.
func TestMain(m *testing.M) {
	if os.Getenv("STDIN_TEST") != "" {
		os.Args = []string{"stdin", "-fast", "-keyboard"}
		main()
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

// needSelectors skips a test where there are none.
func needSelectors(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("selectors need Linux")
	}
}

func TestLinesAndPauses(t *testing.T) {
	needSelectors(t)
	code, stdout, stderr := demotest.Start(program, "-fast")
	lines := strings.ReplaceAll(stdout, "no data for a while\n", "") // how often that is said depends on the machine
	if code != 0 || stderr != "" || lines != "got two\ngot lines\ngot half a line\n" {
		t.Errorf("exit code %d, %q, %q", code, stderr, stdout)
	}
}

// A pause is told of, also in the middle of a line. Here it lasts until it was told of, however slow the machine is.
func TestAPauseIsTold(t *testing.T) {
	needSelectors(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	said, over := make(lines), make(chan error)
	go func() { over <- watch(said, r, 10*time.Millisecond) }()
	const pause = "no data for a while\n"
	for _, line := range []string{"one", "half a line"} {
		first, rest := line[:2], line[2:]
		io.WriteString(w, first)
		for range 2 {
			if got := <-said; got != pause {
				t.Errorf("%q is said in the middle of a line", got)
			}
		}
		io.WriteString(w, rest+"\n")
		got := <-said
		for got == pause {
			got = <-said
		}
		if got != "got "+line+"\n" {
			t.Errorf("%q is said of %q", got, line)
		}
	}
	w.Close()
	for {
		select {
		case line := <-said:
			if line != pause {
				t.Errorf("%q is said at the end", line)
			}
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// lines are what is said, one write at a time.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// itself starts the example as a program of its own.
func itself(t *testing.T, stdin *os.File) (cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	needSelectors(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self)
	cmd.Env = append(os.Environ(), "STDIN_TEST=1", "GORACE=atexit_sleep_ms=0")
	out = new(bytes.Buffer)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func TestStandardInputMayBeAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, out := itself(t, r)
	r.Close()
	time.Sleep(250 * time.Millisecond)
	io.WriteString(w, "one\ntwo\nthe re")
	io.WriteString(w, "st")
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got := strings.ReplaceAll(out.String(), "no data for a while\n", ""); got != "got one\ngot two\ngot the rest, and the end\n" {
		t.Errorf("%q", out.String())
	}
}

func TestStandardInputMayBeAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	io.WriteString(f, "one\ntwo\n")
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	cmd, out := itself(t, f)
	if err := cmd.Wait(); err != nil || out.String() != "got one\ngot two\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// A Python program at the other end of the pipe, which pauses longer than the example has patience.
func TestAPythonProgramMaySpeak(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, out := itself(t, r)
	r.Close()
	speaker := exec.Command(python, "-c", "import time; print('first', flush=True); time.sleep(0.3); print('second')")
	speaker.Stdout = w
	if err := speaker.Run(); err != nil {
		t.Error(err)
	}
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got := strings.ReplaceAll(out.String(), "no data for a while\n", ""); got != "got first\ngot second\n" {
		t.Errorf("%q", out.String())
	}
}
