package thread_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

func TestTryReturnsThePanicOfFn(t *testing.T) {
	told := reported(t)
	cause := errors.New("cause")
	var p *thread.PanicError
	if err := thread.Try(func() {}); err != nil {
		t.Errorf("returned: %v", err)
	}
	if err := thread.Try(explode); !errors.As(err, &p) || p.Value != "boom" || !strings.Contains(string(p.Stack), "thread_test.explode") {
		t.Errorf("panicked with a string: %v", err)
	}
	if err := thread.Try(func() { panic(cause) }); !errors.Is(err, cause) {
		t.Errorf("panicked with an error: %v", err)
	}
	if values := told(); len(values) != 0 {
		t.Errorf("the except hook was told of %v", values)
	}
}

func TestTryLetsAnExitGoOn(t *testing.T) {
	told := reported(t)
	for name, c := range map[string]struct {
		fn   func()
		told []any
	}{
		"exit":               {runtime.Goexit, nil},
		"exit, then a panic": {func() { defer explode(); runtime.Goexit() }, []any{"boom"}},
		"a panic, then exit": {func() { defer runtime.Goexit(); explode() }, nil},
	} {
		before := len(told())
		th := thread.Go(func() {
			err := thread.Try(c.fn)
			t.Errorf("%s: Try returned %v", name, err)
		})
		if th.Join(); th.Err() != thread.ErrGoexit {
			t.Errorf("%s: Err() = %v", name, th.Err())
		}
		if values := told()[before:]; len(values) != len(c.told) || len(values) == 1 && values[0] != c.told[0] {
			t.Errorf("%s: the except hook was told of %v, want %v", name, values, c.told)
		}
	}
}

// Under GODEBUG=panicnil=1 recover returns nil for a panic of nil, as if there were none.
func TestAPanicOfNilIsAPanic(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	told := reported(t)
	var p *thread.PanicError
	if err := thread.Try(func() { panic(nil) }); !errors.As(err, &p) || p.Value != nil {
		t.Errorf("Try: %v", err)
	}
	th := thread.Go(func() { panic(nil) })
	if th.Join(); !errors.As(th.Err(), &p) || p.Value != nil || len(told()) != 1 {
		t.Errorf("Err() = %v, told of %v", th.Err(), told())
	}
}

func TestTryPanicsOnNil(t *testing.T) {
	defer func() { wantContains(t, recover().(string), "Try", "nil func") }()
	_ = thread.Try(nil)
}

func TestTryAllocatesNothingWithoutAPanic(t *testing.T) {
	n := 0
	if allocs := testing.AllocsPerRun(100, func() { _ = thread.Try(func() { n++ }) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestSleepContext(t *testing.T) {
	why := errors.New("why")
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		for _, d := range []time.Duration{0, -1, math.MinInt64} {
			if err := thread.SleepContext(t.Context(), d); err != nil {
				t.Errorf("SleepContext(%v) = %v", d, err)
			}
		}
		if passed := time.Since(begin); passed != 0 {
			t.Errorf("nothing took %v", passed)
		}
		if err := thread.SleepContext(t.Context(), time.Hour); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		for _, d := range []time.Duration{time.Hour, math.MaxInt64 - 1, math.MaxInt64} {
			begin = time.Now()
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, why)
			if err := thread.SleepContext(ctx, d); err != why || time.Since(begin) != time.Minute {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
			cancel()
		}
	})
	for name, make := range proof.EndedContexts(why) {
		ctx, want := make(t)
		for _, d := range []time.Duration{-1, 0, time.Hour, math.MaxInt64} {
			if err := thread.SleepContext(ctx, d); err != want {
				t.Errorf("%s, SleepContext(%v) = %v, want %v", name, d, err, want)
			}
		}
	}
	for name, ending := range proof.EndingContexts(why) {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := ending.New()
			go func() { time.Sleep(time.Minute); end() }()
			if err := thread.SleepContext(ctx, 24*365*time.Hour); err != ending.Want {
				t.Errorf("%s: %v, want %v", name, err, ending.Want)
			}
			synctest.Wait()
			time.Sleep(time.Hour)
		})
	}
}

// A context that says that it has not ended although its Done is closed, as that of a request that is over.
type silent struct{ context.Context }

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (silent) Done() <-chan struct{} { return closed }

func TestSleepOfASilentContextIsAnError(t *testing.T) {
	if err := thread.SleepContext(silent{context.Background()}, time.Hour); err != context.Canceled {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// Outside of a bubble, a sleep that gave up leaves no timer that matters, and as many as may sleep at once.
func TestSleepsThatEndAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	threads := make([]*thread.Thread, 100)
	for i := range threads {
		threads[i] = thread.Go(func() {
			if i%2 == 0 {
				if err := thread.SleepContext(ctx, time.Duration(i)*time.Microsecond); err != nil && err != context.Canceled {
					t.Error(err)
				}
			} else if err := thread.SleepContext(ctx, time.Hour); err != context.Canceled {
				t.Error(err)
			}
		})
	}
	cancel()
	joinAll(threads)
}
