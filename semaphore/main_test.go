package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// rounds scales the length of a race: under the race detector a full million of
// each takes more than a minute. Every path is then still taken thousands of
// times.
func rounds(full int) int { return proof.Rounds(full, 10, 10) }

// A counter is what the two semaphores have in common.
type counter interface {
	Acquire()
	TryAcquire() bool
	AcquireTimeout(d time.Duration) bool
	AcquireContext(ctx context.Context) error
	AcquireN(n int)
	TryAcquireN(n int) bool
	AcquireNTimeout(n int, d time.Duration) bool
	AcquireNContext(ctx context.Context, n int) error
	Release()
	ReleaseN(n int)
	Value() int
}

var (
	_ counter = (*semaphore.Semaphore)(nil)
	_ counter = (*semaphore.BoundedSemaphore)(nil)
)

// bound is how many permits the BoundedSemaphores of these tests begin with.
const bound = 100

// What is promised of both is tested of both.
var kinds = []struct {
	name string
	make func(free int) counter
}{
	{"Semaphore", func(free int) counter { return semaphore.New(free) }},
	{"BoundedSemaphore", func(free int) counter {
		b := semaphore.NewBounded(bound)
		if free < bound {
			b.AcquireN(bound - free)
		}
		return b
	}},
}

func eachKind(t *testing.T, test func(t *testing.T, make func(free int) counter)) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) { test(t, kind.make) })
	}
}

// A form is a way to acquire. One that does not count takes one permit,
// whatever n is.
type form struct {
	name    string
	counts  bool
	acquire func(c counter, n int) bool
}

// takes returns how many permits the form takes when it is asked for n.
func (f form) takes(n int) int {
	if f.counts {
		return n
	}
	return 1
}

const (
	forever = time.Duration(math.MaxInt64)
	century = 100 * 365 * 24 * time.Hour
)

// patient are the forms that wait until they are served.
var patient = []form{
	{"Acquire", false, func(c counter, _ int) bool { c.Acquire(); return true }},
	{"AcquireTimeout of a century", false, func(c counter, _ int) bool { return c.AcquireTimeout(century) }},
	{"AcquireTimeout for ever", false, func(c counter, _ int) bool { return c.AcquireTimeout(forever) }},
	{"AcquireContext", false, func(c counter, _ int) bool { return cancellable(c.AcquireContext) }},
	{"AcquireContext without end", false, func(c counter, _ int) bool {
		return c.AcquireContext(context.Background()) == nil
	}},
	{"AcquireN", true, func(c counter, n int) bool { c.AcquireN(n); return true }},
	{"AcquireNTimeout of a century", true, func(c counter, n int) bool { return c.AcquireNTimeout(n, century) }},
	{"AcquireNTimeout for ever", true, func(c counter, n int) bool { return c.AcquireNTimeout(n, forever) }},
	{"AcquireNContext", true, func(c counter, n int) bool {
		return cancellable(func(ctx context.Context) error { return c.AcquireNContext(ctx, n) })
	}},
	{"AcquireNContext without end", true, func(c counter, n int) bool {
		return c.AcquireNContext(context.Background(), n) == nil
	}},
}

// cancellable calls acquire with a context that could end and does not.
func cancellable(acquire func(context.Context) error) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return acquire(ctx) == nil
}

// A limited is a form that gives up after d.
type limited struct {
	name    string
	counts  bool
	acquire func(c counter, n int, d time.Duration) bool
}

var impatient = []limited{
	{"AcquireTimeout", false, func(c counter, _ int, d time.Duration) bool { return c.AcquireTimeout(d) }},
	{"AcquireContext", false, func(c counter, _ int, d time.Duration) bool { return within(d, c.AcquireContext) }},
	{"AcquireNTimeout", true, func(c counter, n int, d time.Duration) bool { return c.AcquireNTimeout(n, d) }},
	{"AcquireNContext", true, func(c counter, n int, d time.Duration) bool {
		return within(d, func(ctx context.Context) error { return c.AcquireNContext(ctx, n) })
	}},
}

func (f limited) takes(n int) int { return form{counts: f.counts}.takes(n) }

// tries are the forms that never wait.
var tries = []form{
	{"TryAcquire", false, func(c counter, _ int) bool { return c.TryAcquire() }},
	{"AcquireTimeout of 0", false, func(c counter, _ int) bool { return c.AcquireTimeout(0) }},
	{"AcquireTimeout of less", false, func(c counter, _ int) bool { return c.AcquireTimeout(math.MinInt64) }},
	{"TryAcquireN", true, func(c counter, n int) bool { return c.TryAcquireN(n) }},
	{"AcquireNTimeout of 0", true, func(c counter, n int) bool { return c.AcquireNTimeout(n, 0) }},
	{"AcquireNTimeout of less", true, func(c counter, n int) bool { return c.AcquireNTimeout(n, -1) }},
}

var errCause = errors.New("the cause")

// within calls acquire with a context that ends after d, and checks that its
// error is the cause.
func within(d time.Duration, acquire func(context.Context) error) bool {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
	defer cancel()
	err := acquire(ctx)
	if err != nil && err != errCause {
		panic(fmt.Sprintf("the error is %v, which is not the cause", err))
	}
	return err == nil
}

// wantErrValue fails unless f panics with an error that is ErrValue and whose
// text names the call with its number.
func wantErrValue(t *testing.T, call string, f func()) {
	t.Helper()
	err, ok := proof.Recovered(f).(error)
	if !ok || !errors.Is(err, semaphore.ErrValue) {
		t.Errorf("%s panicked with %v, want an error that is ErrValue", call, err)
	} else if !strings.Contains(err.Error(), call) {
		t.Errorf("the panic says %q, want it to name %s", err, call)
	}
}

// wantFree fails unless exactly n permits are free, nobody waits for them and
// none is kept for anybody.
func wantFree(t *testing.T, c counter, n int) {
	t.Helper()
	if got := c.Value(); got != n {
		t.Fatalf("Value is %d, want %d", got, n)
	}
	if n > 0 && !c.TryAcquireN(n) {
		t.Fatalf("cannot acquire all %d permits", n)
	}
	if c.TryAcquire() {
		t.Fatalf("acquired a permit more than %d", n)
	}
	if n == 0 {
		return
	}
	c.ReleaseN(n)
	if got := c.Value(); got != n {
		t.Fatalf("Value is %d after acquiring and releasing all, want %d", got, n)
	}
}

// elsewhere calls f on another goroutine and waits for it.
func elsewhere(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}
