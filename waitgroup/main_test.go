package waitgroup_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

const (
	century = 100 * 365 * 24 * time.Hour
	forever = time.Duration(math.MaxInt64)
)

var errCause = errors.New("the cause")

// rounds scales the length of a race, of which each round is about ten times as slow under the race detector.
func rounds(full int) int { return proof.Rounds(full, 10, 10) }

// A form is a way to wait, which reports whether the count was 0.
type form struct {
	name string
	wait func(*waitgroup.WaitGroup) bool
}

// patient returns the forms that do not give up.
func patient() []form {
	return []form{
		{"Wait", func(w *waitgroup.WaitGroup) bool { w.Wait(); return true }},
		{"WaitTimeout of a century", func(w *waitgroup.WaitGroup) bool { return w.WaitTimeout(2 * century) }},
		{"WaitTimeout for ever", func(w *waitgroup.WaitGroup) bool { return w.WaitTimeout(forever) }},
		{"WaitContext", func(w *waitgroup.WaitGroup) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return w.WaitContext(ctx) == nil
		}},
		{"WaitContext of a foreign context", func(w *waitgroup.WaitGroup) bool { return w.WaitContext(proof.NewForeign()) == nil }},
		{"WaitContext without end", func(w *waitgroup.WaitGroup) bool { return w.WaitContext(context.Background()) == nil }},
		{"C", func(w *waitgroup.WaitGroup) bool { _, open := <-w.C(); return !open }},
	}
}

// A limited is a way to wait that gives up after d.
type limited struct {
	name string
	wait func(w *waitgroup.WaitGroup, d time.Duration) bool
}

// impatient returns the forms that give up.
func impatient() []limited {
	return []limited{
		{"WaitTimeout", (*waitgroup.WaitGroup).WaitTimeout},
		{"WaitContext", func(w *waitgroup.WaitGroup, d time.Duration) bool {
			ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
			defer cancel()
			err := w.WaitContext(ctx)
			if err != nil && err != errCause {
				panic(fmt.Sprintf("WaitContext returned %v, which is not the cause", err))
			}
			return err == nil
		}},
		{"WaitContext of a foreign context", func(w *waitgroup.WaitGroup, d time.Duration) bool {
			ctx := proof.NewForeign()
			defer time.AfterFunc(d, ctx.End).Stop()
			err := w.WaitContext(ctx)
			if err != nil && err != proof.ErrForeign {
				panic(fmt.Sprintf("WaitContext returned %v, which is not what the context says", err))
			}
			return err == nil
		}},
	}
}

// all returns the forms, those that give up with a limit of d.
func all(d time.Duration) []form {
	forms := patient()
	for _, l := range impatient() {
		forms = append(forms, form{l.name + " for " + d.String(), func(w *waitgroup.WaitGroup) bool { return l.wait(w, d) }})
	}
	return forms
}

// isClosed reports whether a receive from c would return at once.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// await spins until condition holds, for races that a waiter that has to be woken would never win.
func await(condition func() bool) {
	for i := 1; !condition(); i++ {
		if i%50 == 0 {
			runtime.Gosched()
		}
	}
}

// wantNegative fails unless f panics with an error that is ErrNegative.
func wantNegative(t *testing.T, name string, f func()) {
	t.Helper()
	if err, ok := proof.Recovered(f).(error); !ok || !errors.Is(err, waitgroup.ErrNegative) {
		t.Errorf("%s panicked with %v, want ErrNegative", name, err)
	}
}
