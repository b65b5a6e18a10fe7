package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// race tells whether the race detector is on. It makes everything several times slower, and sync.Pool forget at random.
const race = proof.Race

// rounds scales the length of a race.
func rounds(full int) int { return proof.Rounds(full, 10, 5) }

// newPool returns a pool that is terminated and joined when the test ends, as must be in a bubble.
func newPool(t testing.TB, workers int, opts ...pool.Option) *pool.Pool {
	t.Helper()
	p := pool.New(workers, opts...)
	t.Cleanup(func() {
		p.Terminate()
		p.Join()
	})
	return p
}

// inBubble runs a test in a bubble.
func inBubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// A gate holds whoever passes it until it is opened, at the latest when the test ends. To wait at it lends nothing.
type gate struct {
	opened chan struct{}
	once   sync.Once
}

func newGate(t testing.TB) *gate {
	g := &gate{opened: make(chan struct{})}
	t.Cleanup(g.open)
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) pass() { <-g.opened }

// occupy keeps so many workers of p busy until the gate is opened, and returns when they are. In a bubble only.
func occupy(t testing.TB, p *pool.Pool, workers int) *gate {
	t.Helper()
	g := newGate(t)
	for range workers {
		if err := p.Go(func(context.Context) error { g.pass(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	return g
}

// A hooked is what the except hook was told of.
type hooked struct {
	mu     sync.Mutex
	panics []*thread.PanicError
}

// hookPanics keeps the panics that go to the except hook until the test ends, but for those of Results that nobody read:
// they come when the collector does, maybe in another test.
func hookPanics(t testing.TB) *hooked { return hook(t, false) }

// hookUnread is hookPanics for the panics of Results that nobody read.
func hookUnread(t testing.TB) *hooked { return hook(t, true) }

func hook(t testing.TB, ofUnread bool) *hooked {
	h := new(hooked)
	exceptHook(t, ofUnread, func(p *thread.PanicError) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.panics = append(h.panics, p)
	})
	return h
}

// exceptHook makes f the except hook until the test ends, for the panics of Results that nobody read or for all others.
// Every test that needs a hook sets it here: the collector tells it of what earlier tests have left, at any time.
func exceptHook(t testing.TB, ofUnread bool, f func(*thread.PanicError)) {
	previous := thread.SetExceptHook(func(th *thread.Thread, p *thread.PanicError) {
		if (th.Name() == nobodyRead) == ofUnread {
			f(p)
		}
	})
	t.Cleanup(func() { thread.SetExceptHook(previous) })
}

// values returns what was panicked with.
func (h *hooked) values() (values []any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.panics {
		values = append(values, p.Value)
	}
	return values
}

// recovered returns what f panics with.
func recovered(f func()) (value any) { return proof.Recovered(f) }

// wantPanic runs f and wants it to panic with an error that is want.
func wantPanic(t testing.TB, what string, want error, f func()) {
	t.Helper()
	if err, ok := recovered(f).(error); !ok || !errors.Is(err, want) {
		t.Errorf("%s panicked with %v, want %v", what, err, want)
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// aliveWorkers returns how many threads of the pool with that name are alive.
func aliveWorkers(name string) (n int) {
	for _, th := range thread.Enumerate() {
		var i int
		if _, err := fmt.Sscanf(th.Name(), name+"-%d", &i); err == nil {
			n++
		}
	}
	return n
}

// hangs makes a test that hangs fail with the stacks of all goroutines; call what it returns when it does not.
func hangs(t testing.TB) (stop func()) { return proof.Watch(t) }

var errTest = errors.New("of the test")

const (
	forever = time.Duration(math.MaxInt64)
	ages    = 100_000 * time.Hour
)

var (
	errBoom = errors.New("boom")
	errStop = errors.New("stop")
)

// occupyAll keeps so many workers of p busy until the gate is opened, and returns when they are, also outside bubbles.
func occupyAll(t testing.TB, p *pool.Pool, workers int) *gate {
	t.Helper()
	g := newGate(t)
	var up sync.WaitGroup
	for range workers {
		up.Add(1)
		if err := p.Go(func(context.Context) error { up.Done(); g.pass(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	up.Wait()
	return g
}

// wantReady ends the test at once if r is not ready: to wait for it would hang.
func wantReady[T any](t testing.TB, what string, r *pool.Result[T]) {
	t.Helper()
	if !r.Ready() {
		t.Fatalf("%s is not ready", what)
	}
}

// wantResult compares what became of r, which must be ready.
func wantResult[T comparable](t testing.TB, what string, r *pool.Result[T], value T, err error) {
	t.Helper()
	wantReady(t, what, r)
	got, gotErr := r.TryGet()
	wantErr(t, what, gotErr, err)
	if got != value {
		t.Errorf("%s: value %v, want %v", what, got, value)
	}
}

func wantWorkers(t testing.TB, name string, n int) {
	t.Helper()
	if got := aliveWorkers(name); got != n {
		t.Errorf("%d threads named %s-N, want %d", got, name, n)
	}
}

// addsUp checks the sum that Stats promises.
func addsUp(t testing.TB, s pool.Stats) {
	t.Helper()
	sum := uint64(s.Queued+s.Running+s.Lent) + s.Succeeded + s.Failed + s.Cancelled
	if s.Queued < 0 || s.Running < 0 || s.Lent < 0 || sum != s.Submitted {
		t.Errorf("stats do not add up: %+v", s)
	}
}

// wantOver checks that p, which was joined and has that name, has left nothing behind.
func wantOver(t testing.TB, p *pool.Pool, name string) {
	t.Helper()
	s := p.Stats()
	addsUp(t, s)
	if s.Queued != 0 || s.Running != 0 || s.Lent != 0 {
		t.Errorf("something is left after Join: %+v", s)
	}
	wantWorkers(t, name, 0)
}

// A call runs on a goroutine of its own.
type call struct {
	done     chan struct{}
	err      error
	finished bool // it has returned, and not ended its goroutine
}

func start(f func() error) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = f()
		c.finished = true
	}()
	return c
}

// startCall is start for what returns nothing.
func startCall(f func()) *call { return start(func() error { f(); return nil }) }

// returned reports whether the call has returned. In a bubble it is asked after synctest.Wait.
func (c *call) returned() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *call) wantWaiting(t testing.TB, what string) {
	t.Helper()
	if c.returned() {
		t.Fatalf("%s returned %v; want it to wait", what, c.err)
	}
}

func (c *call) want(t testing.TB, what string, err error) {
	t.Helper()
	if !c.returned() {
		t.Fatalf("%s still waits", what)
	}
	wantErr(t, what, c.err, err)
}

// wantValues compares what was panicked with, in whatever order.
func (h *hooked) wantValues(t testing.TB, values ...any) {
	t.Helper()
	got := h.values()
	left := slices.Clone(got)
	for _, v := range values {
		if i := slices.Index(left, v); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	if len(got) != len(values) || len(left) > 0 {
		t.Errorf("the except hook was told %v, want %v", got, values)
	}
}

// quiet makes a function for Go of one that cannot fail.
func quiet(f func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		f(ctx)
		return nil
	}
}
