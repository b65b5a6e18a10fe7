//go:build linux

package process_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/process"
)

// noSlices is set for children in which nothing is repaired by chance: who misses a wake-up sleeps for minutes.
const noSlices = "PROCESS_TEST_NO_SLICES"

func TestMain(m *testing.M) {
	if os.Getenv(noSlices) != "" {
		shm.Slices(5*time.Minute, 5*time.Minute)
	}
	if process.Parent().Pid != 0 {
		go func() { // no child is left behind by a test program that is killed
			<-process.ParentDone()
			time.Sleep(hang)
			os.Exit(9)
		}()
	}
	filtered()
	if program := programs[os.Getenv(programVariable)]; program != nil {
		os.Unsetenv(programVariable)
		program()
		os.Exit(0)
	}
	process.Init()
	if err := process.Supported(); errors.Is(err, errors.ErrUnsupported) {
		println("all skipped:", err.Error())
		os.Exit(0)
	}
	os.Setenv(noSlices, "1")
	shm.Slices(5*time.Minute, 5*time.Minute)
	goleak.VerifyTestMain(proof.Settled(diagnose.Wrap(m)))
}

// hang is how long nobody waits for anything.
const hang = 2 * time.Minute

// start starts a process, which is gone when the test has ended.
func start[In, Out any](t testing.TB, fn *process.Func[In, Out], in In, opts ...process.Option) *process.Process[Out] {
	t.Helper()
	p, err := process.Go(fn, in, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		p.Join()
	})
	return p
}

// result waits for what a process returns, which must be no error.
func result[Out any](t testing.TB, p *process.Process[Out]) Out {
	t.Helper()
	if !p.JoinTimeout(hang) {
		t.Fatalf("%v does not end", p)
	}
	out, err := p.Result()
	if err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	return out
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	if t != nil {
		t.Helper()
	}
	for deadline := time.Now().Add(hang); !is(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to this: %s", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// panics fails the test unless fn panics with want.
func panics(t testing.TB, want error, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		if err, _ := v.(error); !errors.Is(err, want) {
			t.Errorf("panicked with %v, want %v", v, want)
		}
	}()
	fn()
}

var errWhy = errors.New("why")

// ended is a context that has ended, with errWhy as its cause.
func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errWhy)
	return ctx
}

// A silent context is over although its Err says nothing.
type silent struct{ context.Context }

var over = make(chan struct{})

func init() { close(over) }

func (silent) Done() <-chan struct{} { return over }
func (silent) Err() error            { return nil }
