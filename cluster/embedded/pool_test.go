package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// The functions of the tasks, by test.
var (
	hooks sync.Map // input -> func(ctx, string) (string, error)
	call  = cluster.Register("call", func(ctx context.Context, in string) (string, error) {
		name, _, _ := strings.Cut(in, "|")
		f, ok := hooks.Load(name)
		if !ok {
			return "", fmt.Errorf("no hook %q", name)
		}
		return f.(func(context.Context, string) (string, error))(ctx, in)
	})
	retried = cluster.Register("retried", func(ctx context.Context, in string) (string, error) {
		name, _, _ := strings.Cut(in, "|")
		f, _ := hooks.Load(name)
		return f.(func(context.Context, string) (string, error))(ctx, in)
	}, cluster.Retries(3, func(int) time.Duration { return time.Millisecond }))
	limited = cluster.Register("limited", func(ctx context.Context, in string) (string, error) {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}, cluster.Timeout(20*time.Millisecond))
	other   = cluster.Register("other", func(context.Context, int) (int, error) { return 0, nil })
	shortly = cluster.Register("shortly", func(_ context.Context, n int) (int, error) { return n, nil }, cluster.KeepResult(time.Second))
)

func hook(t *testing.T, f func(ctx context.Context, in string) (string, error)) (name string) {
	hooks.Store(t.Name(), f)
	return t.Name()
}

type world2 struct {
	t    *testing.T
	addr string
}

// pools starts a server for the tests of pools.
func TestPools(t *testing.T) {
	addr := served(t)
	for name, test := range map[string]func(*testing.T, world2){
		"Results": testResults, "Errors": testErrors, "Retries": testRetries, "Delays": testDelays, "Every": testEvery, "Schedule": testSchedule,
		"Cancel": testCancel, "Progress": testProgress, "Priorities": testPriorities, "Keys": testKeys, "MaxRunning": testMaxRunning, "Rate": testRate,
		"Drain": testDrain, "Grace": testGrace, "RollingDeploy": testRollingDeploy, "Expiry": testExpiry, "Pause": testPause, "Snooze": testSnooze,
		"WorkerDies": testWorkerDies, "DeadLetters": testDeadLetters, "Map": testMap, "Transactions": testTransactions, "Misuse": testMisuse,
	} {
		t.Run(name, func(t *testing.T) { test(t, world2{t, addr + "pools"}) })
	}
}

func (w world2) open() *cluster.Cluster {
	w.t.Helper()
	c := clusterOf(w.t, opened(w.t, w.addr, manager.TTL(time.Minute)))
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// work runs a Work until the result is called, which returns what it returned.
func (w world2) work(p *cluster.Pool, workers int, opts ...cluster.WorkOption) (stop func() error) {
	ctx, cancel := context.WithCancel(background)
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { err = p.Work(ctx, workers, opts...) })
	stop = sync.OnceValue(func() error { cancel(); wg.Wait(); return err })
	w.t.Cleanup(func() { _ = stop() })
	return stop
}

func (w world2) ok(errs ...error) {
	w.t.Helper()
	for _, err := range errs {
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func until(is func() bool) {
	for !is() {
		time.Sleep(2 * time.Millisecond)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func testResults(t *testing.T, w world2) {
	a, b := w.open(), w.open()
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		i := cluster.Info(ctx)
		return fmt.Sprint(in, " ", i.Attempt, " ", i.Task, " ", i.Pool, " ", i.State), nil
	})
	p := a.Pool(t.Name())
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	if _, err := r.TryGet(background); !errors.Is(err, pool.ErrTimeout) {
		t.Error(err)
	}
	if s, err := r.State(background); s != cluster.Queued || err != nil {
		t.Error(s, err)
	}
	w.work(b.Pool(t.Name()), 2)
	out, err := r.Get(background)
	if want := name + " 1 call " + t.Name() + " running"; out != want || err != nil {
		t.Error(out, err)
	}
	again, err := cluster.ResultOf(b.Pool(t.Name()), call, r.ID()).TryGet(background)
	if again != out || err != nil {
		t.Error(again, err)
	}
	if s, err := r.State(background); s != cluster.Succeeded || err != nil {
		t.Error(s, err)
	}
	r, err = cluster.ApplyAsync(background, p, call, name, cluster.Forget())
	w.ok(err)
	if _, err := r.Get(background); !errors.Is(err, manager.ErrNotFound) {
		t.Error(err)
	}
	if _, err := cluster.ResultOf(p, call, "nobody's").Get(background); !errors.Is(err, manager.ErrNotFound) {
		t.Error(err)
	}
}

func testErrors(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	w.work(p, 2)
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		switch in[strings.IndexByte(in, '|')+1:] {
		case "panics":
			panic("oh")
		case "canceled":
			return "", context.Canceled
		}
		return "", errors.New("no")
	})
	_, err := cluster.Apply(background, p, call, name+"|fails")
	var remote *manager.RemoteError
	if !errors.As(err, &remote) || remote.Text != "no" {
		t.Error(err)
	}
	_, err = cluster.Apply(background, p, call, name+"|panics")
	var panicked *thread.PanicError
	if !errors.As(err, &panicked) || len(panicked.Stack) == 0 {
		t.Error(err)
	}
	if _, err = cluster.Apply(background, p, call, name+"|canceled"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err = cluster.Apply(background, p, limited, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func testRetries(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	var tries atomic.Int32
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		n := tries.Add(1)
		if i := cluster.Info(ctx); int32(i.Attempt) != n {
			t.Error(i)
		}
		switch in[strings.IndexByte(in, '|')+1:] {
		case "third":
			if n < 3 {
				return "", errors.New("again")
			}
			return "done", nil
		case "permanent":
			return "", cluster.Permanent(errors.New("never"))
		case "after":
			if n == 1 {
				return "", cluster.RetryAfter(errors.New("soon"), 5*time.Millisecond)
			}
			return "after", nil
		}
		return "", errors.New("always")
	})
	w.work(p, 1)
	if out, err := cluster.Apply(background, p, retried, name+"|third"); out != "done" || err != nil || tries.Swap(0) != 3 {
		t.Error(out, err)
	}
	if _, err := cluster.Apply(background, p, retried, name+"|always"); err == nil || err.Error() != "always" || tries.Swap(0) != 4 {
		t.Error(err)
	}
	if _, err := cluster.Apply(background, p, retried, name+"|permanent"); err == nil || err.Error() != "never" || tries.Swap(0) != 1 {
		t.Error(err)
	}
	if out, err := cluster.Apply(background, p, retried, name+"|after"); out != "after" || err != nil {
		t.Error(out, err)
	}
}

func testDelays(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	name := hook(t, func(context.Context, string) (string, error) { return time.Now().Format(time.RFC3339Nano), nil })
	w.work(p, 1)
	begin := time.Now()
	r, err := cluster.ApplyAsync(background, p, call, name, cluster.Delay(300*time.Millisecond))
	w.ok(err)
	if s, err := r.State(background); s != cluster.Delayed && time.Since(begin) < 200*time.Millisecond {
		t.Error(s, err)
	}
	out, err := r.Get(background)
	w.ok(err)
	ran, _ := time.Parse(time.RFC3339Nano, out)
	if ran.Sub(begin) < 299*time.Millisecond {
		t.Error("too early by", ran.Sub(begin))
	}
	if _, err := cluster.Apply(background, p, call, name, cluster.At(time.Now().Add(-time.Hour))); err != nil {
		t.Error(err)
	}
}

func testEvery(t *testing.T, w world2) {
	var guard sync.Mutex
	runs := map[string]int{}
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		guard.Lock()
		defer guard.Unlock()
		runs[cluster.Info(ctx).ID]++
		return "", nil
	})
	var pools []*cluster.Pool
	const every = 200 * time.Millisecond
	begin := time.Now()
	for range 3 {
		p := w.open().Pool(t.Name())
		pools = append(pools, p)
		w.ok(cluster.Every(background, p, "beat", every, call, name))
		w.work(p, 1)
	}
	until(func() bool { guard.Lock(); defer guard.Unlock(); return len(runs) >= 5 })
	guard.Lock()
	if most := int(time.Since(begin)/every) + 1; len(runs) > most {
		t.Errorf("%d runs, want at most %d", len(runs), most)
	}
	for id, n := range runs {
		if n != 1 {
			t.Error(id, "ran", n, "times")
		}
	}
	guard.Unlock()
	for i, err := range pools[0].Schedules(background) {
		if err != nil || i.Name != "beat" || i.Every != every || i.Task != "call" {
			t.Error(i, err)
		}
	}
	if was, err := pools[1].Unschedule(background, "beat"); !was || err != nil {
		t.Error(was, err)
	}
	if was, err := pools[1].Unschedule(background, "beat"); was || err != nil {
		t.Error(was, err)
	}
}

type times struct {
	guard sync.Mutex
	left  []time.Duration
}

func (s *times) Next(now time.Time) time.Time {
	s.guard.Lock()
	defer s.guard.Unlock()
	if len(s.left) == 0 {
		return time.Time{}
	}
	d := s.left[0]
	s.left = s.left[1:]
	return now.Add(d)
}

func testSchedule(t *testing.T, w world2) {
	var ran atomic.Int32
	name := hook(t, func(context.Context, string) (string, error) { ran.Add(1); return "", nil })
	p := w.open().Pool(t.Name())
	w.ok(cluster.Schedule(background, p, "twice", &times{left: []time.Duration{50 * time.Millisecond, 50 * time.Millisecond}}, call, name))
	w.work(p, 1)
	until(func() bool { return ran.Load() == 2 })
	for i, err := range p.Schedules(background) {
		t.Error("left:", i, err)
	}
}

func testCancel(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	began := make(chan struct{}, 1)
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		began <- struct{}{}
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	if never, err := r.Cancel(background); !never || err != nil {
		t.Error(never, err)
	}
	if _, err := r.Get(background); !errors.Is(err, pool.ErrCancelled) {
		t.Error(err)
	}
	w.work(p, 1)
	r, err = cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	<-began
	if never, err := r.Cancel(background); never || err != nil {
		t.Error(never, err)
	}
	if _, err := r.Get(background); !errors.Is(err, pool.ErrCancelled) {
		t.Error(err)
	}
	if s, err := r.State(background); s != cluster.Cancelled || err != nil {
		t.Error(s, err)
	}
	// The end of an Apply's context cancels what it submitted.
	ctx, cancel := context.WithCancel(background)
	go func() { <-began; cancel() }()
	if _, err := cluster.Apply(ctx, p, call, name); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	until(func() bool { s, err := p.Stats(background); w.ok(err); return s.Running == 0 })
}

func testProgress(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	seen := make(chan struct{}, 3)
	name := hook(t, func(ctx context.Context, in string) (string, error) {
		for i := range int64(3) {
			if err := cluster.Report(ctx, cluster.Progress{Done: i + 1, Total: 3, Text: "x"}); err != nil {
				return "", err
			}
			<-seen
		}
		return "", nil
	})
	if err := cluster.Report(background, cluster.Progress{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	w.work(p, 1)
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	var got []int64
	for progress, err := range r.Progress(background) {
		w.ok(err)
		got = append(got, progress.Done)
		seen <- struct{}{}
	}
	if !slices.Equal(got, []int64{1, 2, 3}) {
		t.Error(got)
	}
}

func testPriorities(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	var order []string
	name := hook(t, func(_ context.Context, in string) (string, error) {
		order = append(order, in[len(in)-1:])
		return "", nil
	})
	var results []*cluster.Result[string]
	for i, n := range []int{5, -5, 0, 127, -128} {
		r, err := cluster.ApplyAsync(background, p, call, fmt.Sprint(name, "|", i), cluster.Priority(n))
		w.ok(err)
		results = append(results, r)
	}
	stop := w.work(p, 1)
	for _, r := range results {
		_, err := r.Get(background)
		w.ok(err)
	}
	_ = stop()
	if got := strings.Join(order, ""); got != "41203" {
		t.Error(got)
	}
}

func testKeys(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	name := hook(t, func(context.Context, string) (string, error) { return "once", nil })
	first, err := cluster.ApplyAsync(background, p, call, name, cluster.Key("k", time.Hour))
	w.ok(err)
	second, err := cluster.ApplyAsync(background, p, call, name, cluster.Key("k", time.Hour))
	if !errors.Is(err, manager.ErrDuplicate) || second == nil || second.ID() != first.ID() {
		t.Error(second, err)
	}
	w.work(p, 1)
	_, err = first.Get(background)
	w.ok(err)
	if _, err = cluster.ApplyAsync(background, p, call, name, cluster.Key("k", time.Hour)); !errors.Is(err, manager.ErrDuplicate) {
		t.Error(err)
	}
}

func testMaxRunning(t *testing.T, w world2) {
	var now, most, ran atomic.Int32
	name := hook(t, func(context.Context, string) (string, error) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
		ran.Add(1)
		return "", nil
	})
	for range 3 {
		w.work(w.open().Pool(t.Name(), cluster.MaxRunning(2)), 4)
	}
	p := w.open().Pool(t.Name())
	_, err := cluster.Map(background, p, call, slices.Repeat([]string{name}, 30))
	w.ok(err)
	if most.Load() > 2 || ran.Load() != 30 {
		t.Error(most.Load(), ran.Load())
	}
	// Limits change with the Work that begins last.
	w.work(w.open().Pool(t.Name()), 4)
	release := make(chan struct{})
	hooks.Store(name, func(context.Context, string) (string, error) { now.Add(1); <-release; return "", nil })
	for range 5 {
		_, err := cluster.ApplyAsync(background, p, call, name)
		w.ok(err)
	}
	until(func() bool { return now.Load() == 5 })
	close(release)
	until(func() bool { s, err := p.Stats(background); w.ok(err); return s.Running == 0 })
}

func testRate(t *testing.T, w world2) {
	var guard sync.Mutex
	var at []time.Time
	name := hook(t, func(context.Context, string) (string, error) {
		guard.Lock()
		defer guard.Unlock()
		at = append(at, time.Now())
		return "", nil
	})
	p := w.open().Pool(t.Name(), cluster.Rate(1, 50*time.Millisecond))
	w.work(p, 4)
	begin := time.Now()
	_, err := cluster.Map(background, p, call, slices.Repeat([]string{name}, 5))
	w.ok(err)
	if took := time.Since(begin); took < 195*time.Millisecond {
		t.Error("five starts within", took)
	}
}

func testDrain(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	began, release := make(chan struct{}, 10), make(chan struct{})
	name := hook(t, func(context.Context, string) (string, error) { began <- struct{}{}; <-release; return "done", nil })
	stop := w.work(p, 1)
	first, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	<-began
	second, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	ended := make(chan error)
	go func() { ended <- stop() }()
	select {
	case err := <-ended:
		t.Fatal("Work returned while a task ran", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if out, err := first.TryGet(background); out != "done" || err != nil {
		t.Error(out, err)
	}
	if s, err := second.State(background); s != cluster.Queued || err != nil {
		t.Error(s, err)
	}
}

func testGrace(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	began := make(chan struct{}, 1)
	name := hook(t, func(ctx context.Context, _ string) (string, error) {
		if cluster.Info(ctx).Attempt == 2 {
			return "second", nil
		}
		began <- struct{}{}
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	stop := w.work(p, 1, cluster.Grace(10*time.Millisecond))
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	<-began
	_ = stop()
	if s, err := r.State(background); s != cluster.Queued || err != nil {
		t.Error(s, err)
	}
	w.work(p, 1)
	if out, err := r.Get(background); out != "second" || err != nil {
		t.Error(out, err)
	}
}

// Workers leave what they do not know, uncounted.
func testRollingDeploy(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	name := hook(t, func(ctx context.Context, _ string) (string, error) { return fmt.Sprint(cluster.Info(ctx).Attempt), nil })
	w.work(w.open().Pool(t.Name()), 1, cluster.Only(other))
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	known, err := cluster.ApplyAsync(background, p, other, 1)
	w.ok(err)
	_, err = known.Get(background)
	w.ok(err)
	until(func() bool {
		s, err := p.Stats(background)
		w.ok(err)
		return s.Unknown == 1 && s.Queued == 1 && s.Workers == 1
	})
	for i, err := range p.Tasks(background, cluster.Queued) {
		if err != nil || i.ID != r.ID() || i.Attempt != 0 {
			t.Error(i, err)
		}
	}
	w.work(w.open().Pool(t.Name()), 1, cluster.Only(call))
	if out, err := r.Get(background); out != "1" || err != nil {
		t.Error(out, err)
	}
}

func testExpiry(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	w.work(p, 1)
	r, err := cluster.ApplyAsync(background, p, shortly, 7)
	w.ok(err)
	if n, err := r.Get(background); (n != 7 || err != nil) && !errors.Is(err, manager.ErrNotFound) { // it may be over already
		t.Error(n, err)
	}
	until(func() bool { _, err := r.TryGet(background); return errors.Is(err, manager.ErrNotFound) })
}

func testPause(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	w.work(p, 1)
	w.ok(p.Pause(background))
	r, err := cluster.ApplyAsync(background, p, other, 1)
	w.ok(err)
	time.Sleep(20 * time.Millisecond)
	if s, err := p.Stats(background); err != nil || !s.Paused || s.Queued != 1 {
		t.Error(s, err)
	}
	w.ok(p.Resume(background))
	_, err = r.Get(background)
	w.ok(err)
}

func testSnooze(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	var n atomic.Int32
	name := hook(t, func(ctx context.Context, _ string) (string, error) {
		if n.Add(1) < 3 {
			return "", cluster.Snooze(time.Millisecond)
		}
		return fmt.Sprint(cluster.Info(ctx).Attempt), nil
	})
	w.work(p, 1)
	if out, err := cluster.Apply(background, p, call, name); out != "1" || err != nil {
		t.Error(out, err)
	}
}

// A session that ends gives back at once what it ran.
func testWorkerDies(t *testing.T, w world2) {
	a, b := w.open(), w.open()
	began := make(chan struct{})
	var causes atomic.Value
	name := hook(t, func(ctx context.Context, _ string) (string, error) {
		if i := cluster.Info(ctx); i.Attempt > 1 {
			return fmt.Sprint(i.Attempt), nil
		}
		close(began)
		<-ctx.Done()
		causes.Store(context.Cause(ctx))
		return "late", nil
	})
	stop := w.work(a.Pool(t.Name()), 1)
	r, err := cluster.ApplyAsync(background, b.Pool(t.Name()), call, name)
	w.ok(err)
	<-began
	w.ok(b.End(background, a.ID()))
	if out, err := r.Get(background); out != "2" && err == nil {
		t.Error(out, err)
	}
	until(func() bool { return causes.Load() != nil })
	if err := causes.Load().(error); !errors.Is(err, manager.ErrLost) {
		t.Error(err)
	}
	_ = stop()
}

// A task that has lost its worker twenty times is dead.
func testDeadLetters(t *testing.T, w world2) {
	a, b := w.open(), w.open()
	began := make(chan struct{})
	name := hook(t, func(ctx context.Context, _ string) (string, error) {
		if cluster.Info(ctx).Attempt == 1 && cluster.Info(ctx).Token == 0 {
			return "", errors.New("no token")
		}
		began <- struct{}{}
		<-ctx.Done()
		return "late", nil
	})
	p := b.Pool(t.Name())
	w.work(a.Pool(t.Name()), 1)
	r, err := cluster.ApplyAsync(background, p, call, name)
	w.ok(err)
	for range 20 {
		<-began
		id := a.ID()
		lost := a.Lost()
		w.ok(b.End(background, id))
		<-lost
	}
	if _, err := r.Get(background); err == nil || !strings.Contains(err.Error(), "20 times") {
		t.Error(err)
	}
	n := 0
	for d, err := range p.Dead(background) {
		w.ok(err)
		n++
		if d.ID != r.ID() || d.Attempt != 20 || d.Err == nil {
			t.Error(d)
		}
		hooks.Store(name, func(ctx context.Context, _ string) (string, error) { return fmt.Sprint(cluster.Info(ctx).Attempt), nil })
		w.ok(d.Revive(background))
		if err := d.Drop(background); !errors.Is(err, manager.ErrNotFound) {
			t.Error(err)
		}
	}
	if out, err := r.Get(background); n != 1 || out != "1" || err != nil {
		t.Error(n, out, err)
	}
}

func testMap(t *testing.T, w world2) {
	p := w.open().Pool(t.Name())
	w.work(w.open().Pool(t.Name()), 8)
	name := hook(t, func(_ context.Context, in string) (string, error) {
		if in = in[strings.IndexByte(in, '|')+1:]; in == "7" {
			return "", errors.New("seven")
		}
		return in, nil
	})
	var ins []string
	for i := range 120 {
		ins = append(ins, fmt.Sprint(name, "|", i))
	}
	outs, err := cluster.Map(background, p, call, ins)
	var failed *pool.MapError
	if !errors.As(err, &failed) || len(failed.Items) != 1 || failed.Items[0].Index != 7 || failed.Total != 120 {
		t.Error(err)
	}
	for i, out := range outs {
		if i != 7 && out != fmt.Sprint(i) {
			t.Error(i, out)
		}
	}
	sum, errs := 0, 0
	for out, err := range cluster.IMapUnordered(background, p, call, slices.Values(ins)) {
		if err != nil {
			errs++
			continue
		}
		n := 0
		_, _ = fmt.Sscan(out, &n)
		sum += n
	}
	if sum != 120*119/2-7 || errs != 1 {
		t.Error(sum, errs)
	}
	for range cluster.IMapUnordered(background, p, call, slices.Values(ins)) {
		break
	}
	until(func() bool { s, err := p.Stats(background); w.ok(err); return s.Queued+s.Running == 0 })
}

func testTransactions(t *testing.T, w world2) {
	a, b := w.open(), w.open()
	hits, out := manager.NewDict[string, int](a.Manager, t.Name()), manager.NewQueue[string](a.Manager, t.Name(), 2)
	l := a.Lock(t.Name())
	add := func(c *cluster.Cluster, d *manager.Dict[string, int]) error {
		return c.Update(background, func(tx *cluster.Tx) error {
			x, _, err := cluster.TxGet(tx, d, "x")
			y, _, err2 := cluster.TxGet(tx, d, "y")
			return errors.Join(err, err2, cluster.TxSet(tx, d, "x", x+1), cluster.TxSet(tx, d, "y", y-1))
		})
	}
	var wg sync.WaitGroup
	hb := manager.NewDict[string, int](b.Manager, t.Name())
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if err := errors.Join(add(a, hits), add(b, hb)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	x, _, err := hits.Get(background, "x")
	y, _, err2 := hits.Get(background, "y")
	if x != 40 || y != -40 || err != nil || err2 != nil {
		t.Error(x, y, err, err2)
	}
	move := func(tx *cluster.Tx) error {
		return errors.Join(tx.Holding(l), cluster.TxDelete(tx, hits, "x"), cluster.TxPut(tx, out, "moved"))
	}
	if err := a.Update(background, move); !errors.Is(err, manager.ErrLost) {
		t.Error(err)
	}
	l.Lock()
	w.ok(a.Update(background, move))
	if item, err := out.Get(); item != "moved" || err != nil {
		t.Error(item, err)
	}
	if _, ok, err := hits.Get(background, "x"); ok || err != nil {
		t.Error(ok, err)
	}
	// A lock that is lost under the transaction.
	err = a.Update(background, func(tx *cluster.Tx) error {
		err := move(tx)
		w.ok(b.End(background, a.ID()))
		return err
	})
	if !errors.Is(err, manager.ErrLost) {
		t.Error(err)
	}
	l.Unlock()
	if !out.Empty() {
		t.Error("half a transaction")
	}
	err = a.Update(background, func(tx *cluster.Tx) error {
		return errors.Join(cluster.TxPut(tx, out, "1"), cluster.TxPut(tx, out, "2"), cluster.TxPut(tx, out, "3"))
	})
	if err == nil || !out.Empty() {
		t.Error(err)
	}
	err = a.Update(background, func(tx *cluster.Tx) error {
		for i := range 101 {
			if err := cluster.TxSet(tx, hits, fmt.Sprint(i), i); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, manager.ErrTooLarge) {
		t.Error(err)
	}
}

func testMisuse(t *testing.T, w world2) {
	a := w.open()
	p := a.Pool(t.Name())
	for name, f := range map[string]func(){
		"Work": func() { _ = p.Work(background, 0) }, "Priority": func() { cluster.Priority(128) }, "MaxRunning": func() { cluster.MaxRunning(0) },
		"Rate": func() { cluster.Rate(1, 0) }, "Retries": func() { cluster.Retries(-1, nil) }, "Every": func() { _ = cluster.Every(background, p, "x", 0, other, 1) },
		"KeepResult": func() { cluster.KeepResult(0) },
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, manager.ErrValue) {
					t.Error(name, err)
				}
			}()
			f()
		}()
	}
	ctx, cancel := context.WithCancelCause(background)
	why := errors.New("why")
	cancel(why)
	if _, err := cluster.ApplyAsync(ctx, p, other, 1); err != why {
		t.Error(err)
	}
	if err := p.Work(ctx, 1); err != why {
		t.Error(err)
	}
	w.ok(a.Close())
	if _, err := cluster.ApplyAsync(background, p, other, 1); !errors.Is(err, manager.ErrClosed) {
		t.Error(err)
	}
	if err := p.Work(background, 1); !errors.Is(err, manager.ErrClosed) {
		t.Error(err)
	}
}
