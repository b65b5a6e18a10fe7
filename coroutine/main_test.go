package coroutine_test

import (
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) {
	if scenario := scenarios[os.Getenv(scenarioVariable)]; scenario != nil {
		scenario()
		os.Exit(0)
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

var errWhy = errors.New("why")

// A gen of ints that is sent ints.
type (
	gen  = coroutine.Generator[int, int]
	asks = coroutine.Yield[int, int]
)

// counting yields 0, 1, 2, … and returns what it is closed or thrown with.
func counting(yield asks) error {
	for i := 0; ; i++ {
		if _, err := yield(i); err != nil {
			return err
		}
	}
}

// started returns one that is at its first yield, and closes it at the end of the test.
func started(t *testing.T, body func(asks) error) *gen {
	t.Helper()
	g := coroutine.New(body)
	if _, err := g.Next(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 5 { // some ignore it at first
			_ = try(func() { _ = g.Close() })
		}
	})
	return g
}

// want fails the test unless a call returned that.
func want[Out comparable](t *testing.T, v Out, err error, wantV Out, wantErr error) {
	t.Helper()
	if v != wantV || !errors.Is(err, wantErr) {
		t.Errorf("%v, %v; want %v, %v", v, err, wantV, wantErr)
	}
}

// try returns what f panicked with, as an error.
func try(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &thread.PanicError{Value: v}
		}
	}()
	f()
	return nil
}
