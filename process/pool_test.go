//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/thread"
)

// newPool returns a pool that is gone when the test has ended, and its children with it.
func newPool(t testing.TB, workers int, opts ...process.PoolOption) *process.Pool {
	t.Helper()
	p := process.NewPool(workers, opts...)
	t.Cleanup(func() {
		p.Terminate()
		if !p.JoinTimeout(hang) {
			t.Error("a pool does not end")
		}
	})
	return p
}

// none checks that no child is left when the test, and all it has begun, has ended.
func none(t testing.TB) {
	t.Cleanup(func() {
		if cs := process.Children(); len(cs) > 0 {
			t.Errorf("%v are left", cs)
		}
	})
}

var (
	getpid = process.Register(func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })
	// perform does what is told of an act.
	perform = process.Register(func(ctx context.Context, what string) (string, error) { return acts[what](ctx) })
	// twin is a number or, of an odd one, an error; -1 ends its process.
	twin = process.Register(func(_ context.Context, n int) (int, error) {
		switch {
		case n < 0:
			os.Exit(-n)
		case n%2 == 1:
			return n, fmt.Errorf("odd: %d", n)
		}
		return n, nil
	})
	gate = process.Register(func(ctx context.Context, g gated) (int, error) {
		g.In.Release()
		if g.Deaf {
			g.Out.Acquire()
		} else if err := g.Out.AcquireContext(ctx); err != nil {
			time.Sleep(g.Slow)
			return -1, err
		}
		return os.Getpid(), nil
	})
	setting   string
	setUp     = process.Register(pool.Plain(func(s string) struct{} { setting += s; return struct{}{} }))
	readUp    = process.Register(pool.Plain(func(struct{}) string { return setting }))
	failUp    = process.Register(func(context.Context, string) (struct{}, error) { return struct{}{}, errKnown })
	dieUp     = process.Register(func(context.Context, string) (struct{}, error) { os.Exit(5); return struct{}{}, nil })
	long      = process.Register(pool.Plain(func(n int) string { return strings.Repeat("x", n) }))
	length    = process.Register(pool.Plain(func(s string) int { return len(s) }))
	brittleIn = process.Register(pool.Plain(func(brittle) int { return 1 }))
	brittles  = process.Register(pool.Plain(func(n int) brittle { return brittle{N: n, L: []int{1}} }))
	nested    = process.Register(func(_ context.Context, n int) (int, error) {
		p := process.NewPool(2)
		defer p.Shutdown()
		sum := 0
		all, err := process.Map(p, square, []int{1, 2, n})
		for _, x := range all {
			sum += x
		}
		return sum, err
	})
	useLock = process.Register(func(_ context.Context, l *process.Lock) (bool, error) {
		l.Lock()
		defer l.Unlock()
		return true, nil
	})
)

type gated struct {
	In, Out *process.Semaphore
	Deaf    bool
	Slow    time.Duration // to heed its context
}

// brittle is encoded, or decoded, badly for some numbers.
type brittle struct {
	N int
	L []int
}

func (b brittle) MarshalBinary() ([]byte, error) {
	switch b.N {
	case 1:
		return nil, errors.New("1 cannot be encoded")
	case 2:
		panic("2 panics when it is encoded")
	}
	return []byte{byte(b.N)}, nil
}

func (b *brittle) UnmarshalBinary(data []byte) error {
	switch data[0] {
	case 3:
		return errors.New("3 cannot be decoded")
	case 4:
		panic("4 panics when it is decoded")
	case 5:
		if process.Parent().Pid != 0 {
			os.Exit(6)
		}
	}
	b.N = int(data[0])
	return nil
}

func TestAPoolOfProcesses(t *testing.T) {
	none(t)
	p := newPool(t, 3)
	if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 7)); n != 49 || err != nil {
		t.Error(n, err)
	}
	items := make([]int, 1000)
	for i := range items {
		items[i] = i
	}
	want := make([]int, len(items))
	for i := range want {
		want[i] = i * i
	}
	for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(1)}, {pool.ChunkSize(7)}, {pool.ChunkSize(5000)}, {pool.FailFast()}} {
		var last atomic.Int64
		opts = append(opts, pool.Progress(func(done, total int) {
			if last.Swap(int64(done)) > int64(done) || total != len(items) {
				t.Errorf("progress %d of %d", done, total)
			}
		}))
		if got, err := process.Map(p, square, items, opts...); err != nil || !slices.Equal(got, want) || last.Load() != 1000 {
			t.Errorf("Map: %v, progress to %d", err, last.Load())
		}
	}
	if got, err := pool.Map(p.Pool, square.On(p), items[:50]); err != nil || !slices.Equal(got, want[:50]) {
		t.Error(got, err)
	}
	i := 0
	for x, err := range pool.IMap(p.Pool, square.On(p), slices.Values(items[:100])) {
		if err != nil || x != i*i {
			t.Error(x, err)
		}
		i++
	}
	if got, err := process.Map(p, square, nil); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	r := pool.ApplyAsync(p.Pool, pool.Bind(perform.On(p), "known error"))
	if _, err := r.Get(); !errors.Is(err, errKnown) || !strings.Contains(err.Error(), "wrapped") {
		t.Error(err)
	}
	_, err := pool.Apply(p.Pool, pool.Bind(perform.On(p), "panic"))
	var panicked *thread.PanicError
	if !errors.As(err, &panicked) || panicked.Value != "a panic in a child" || !strings.Contains(string(panicked.Stack), "life_test") {
		t.Error(err)
	}
	if _, err := pool.Apply(p.Pool, pool.Bind(perform.On(p), "goexit")); !errors.Is(err, thread.ErrGoexit) {
		t.Error(err)
	}
	if n, err := square.On(p)(context.Background(), 3); n != 9 || err != nil { // elsewhere than in a task
		t.Error(n, err)
	}
	for n, pids := 0, map[int]bool{}; n < 50; n++ { // none of that has cost a child
		pid, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if pids[pid] = true; err != nil || len(pids) > 3 || pid == os.Getpid() {
			t.Error(pids, err)
		}
	}
	l := process.NewLock()
	if ok, err := pool.Apply(p.Pool, pool.Bind(useLock.On(p), l)); !ok || err != nil {
		t.Error(err)
	}
	if got, err := process.Map(p, useLock, []*process.Lock{l, l, process.NewLock()}); err != nil || len(got) != 3 {
		t.Error(got, err)
	}
	if sum, err := pool.Apply(p.Pool, pool.Bind(nested.On(p), 3)); sum != 14 || err != nil {
		t.Error(sum, err)
	}
	if st := p.Stats(); st.Workers != 3 || st.Running != 0 {
		t.Errorf("%+v", st)
	}
}

func TestResultsOfEverySize(t *testing.T) {
	p := newPool(t, 2)
	var sizes []int
	for range 300 {
		sizes = append(sizes, rand.IntN(2000))
	}
	for range 20 {
		sizes = append(sizes, rand.IntN(100_000))
	}
	sizes = append(sizes, 0, 64<<10, 1<<20, 0, 3<<20)
	rand.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
	got, err := process.Map(p, long, sizes, pool.ChunkSize(50))
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range sizes {
		if len(got[i]) != n {
			t.Errorf("item %d: %d bytes, want %d", i, len(got[i]), n)
		}
	}
	lengths, err := process.Map(p, length, got, pool.ChunkSize(50))
	if err != nil || !slices.Equal(lengths, sizes) {
		t.Error("arguments of every size", err)
	}
}

func TestADeadWorkerFailsItsOwnTask(t *testing.T) {
	p := newPool(t, 2)
	for what, code := range map[string]int{"exit 0": 0, "exit 7": 7, "SIGKILL": -9, "crash": 2} {
		opts, _ := quietly(t)
		p := newPool(t, 2, process.Workers(opts...))
		_, err := pool.Apply(p.Pool, pool.Bind(perform.On(p), what))
		var exit *process.ExitError
		if !errors.As(err, &exit) || exit.Code != code || exit.Pid == 0 || !strings.HasPrefix(exit.Name, "Pool-") {
			t.Errorf("%s: %v", what, err)
		}
		if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 2)); n != 4 || err != nil {
			t.Errorf("after %s: %d, %v", what, n, err)
		}
	}
	// In a Map it is the item's error, and no other item is affected.
	items := make([]int, 200)
	for i := range items {
		items[i] = 2 * i
	}
	items[17], items[90], items[150], items[199] = -3, 91, -4, -5
	for _, chunk := range []int{1, 10, 200} {
		got, err := process.Map(p, twin, items, pool.ChunkSize(chunk))
		failed := map[int]string{}
		for _, e := range itemErrors(err) {
			failed[e.Index] = e.Err.Error()
		}
		for i, n := range items {
			if len(failed) == 1 && failed[i] == "" && (n < 0 || n == 91) {
				continue // a Map that reports the first only
			}
			switch {
			case n < 0:
				if !strings.Contains(failed[i], fmt.Sprintf("code %d", -n)) {
					t.Errorf("chunks of %d, item %d: %q", chunk, i, failed[i])
				}
			case n == 91:
				if failed[i] != "odd: 91" {
					t.Errorf("chunks of %d, item %d: %q", chunk, i, failed[i])
				}
			case got[i] != n || failed[i] != "":
				t.Errorf("chunks of %d, item %d: %d, %q", chunk, i, got[i], failed[i])
			}
		}
	}
}

// itemErrors returns the errors of the items of a Map.
func itemErrors(err error) (all []*pool.ItemError) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			all = append(all, itemErrors(e)...)
		}
		return all
	}
	var one *pool.ItemError
	if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}

func TestAnIdleWorkerThatIsKilledIsReplaced(t *testing.T) {
	p := newPool(t, 1)
	for range proof.Rounds(20, 4, 4) {
		pid, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		if again, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{})); again == pid || err != nil {
			t.Errorf("%d, %v", again, err)
		}
	}
}

// Workers that are killed at random: each task has its result or an ExitError, and nothing hangs.
func TestWorkersThatAreKilledAtRandom(t *testing.T) {
	defer proof.Watch(t)()
	p := newPool(t, 4)
	var wg sync.WaitGroup
	// Three that die one after the other, and have not begun with anything, are the end of the pool. So two may be killed,
	// and others when a task has been done after that.
	may, killed := make(chan struct{}, 2), make(chan struct{}, 2)
	for range cap(may) {
		may <- struct{}{}
	}
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-may:
			}
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			if cs := process.Children(); len(cs) > 0 {
				cs[rand.IntN(len(cs))].Kill()
			}
			killed <- struct{}{}
		}
	})
	defer wg.Wait()
	defer close(stop)
	items := make([]int, 5000)
	for i := range items {
		items[i] = i
	}
	lost := 0
	var exit *process.ExitError
	for range proof.Rounds(60, 5, 5) {
		got, err := process.Map(p, square, items)
		failed := map[int]bool{}
		for _, e := range itemErrors(err) {
			if failed[e.Index] = true; !errors.As(e, &exit) || exit.Code != -9 {
				t.Fatal(e)
			}
		}
		if err != nil && len(failed) == 0 {
			t.Fatal(err)
		}
		lost += len(failed)
		for i, x := range got {
			if !failed[i] && x != i*i && len(failed) == 0 {
				t.Fatalf("item %d: %d", i, x)
			}
		}
		before := len(killed)
		for done := false; !done; {
			n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 3))
			if err != nil && (!errors.As(err, &exit) || exit.Code != -9) || err == nil && n != 9 {
				t.Fatal(n, err)
			}
			if done = err == nil; !done {
				lost++
			}
		}
		for range before {
			may <- <-killed
		}
	}
	t.Logf("%d tasks lost", lost)
}

func TestAPoolWhoseWorkersDieAtOnceStops(t *testing.T) {
	opts, _ := quietly(t)
	p := newPool(t, 2, process.Workers(append(opts, process.Env("PROCESS_TEST_DIE=1"))...))
	var exit *process.ExitError
	_, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 2))
	if !errors.As(err, &exit) || exit.Code != 9 {
		t.Errorf("%v", err)
	}
	if !p.JoinTimeout(hang) {
		t.Error("the pool goes on")
	}
	if _, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 2)); !errors.As(err, &exit) {
		t.Errorf("afterwards: %v", err)
	}
}

func init() {
	if os.Getenv("PROCESS_TEST_DIE") != "" {
		os.Exit(9)
	}
}

func TestInitializers(t *testing.T) {
	none(t)
	p := newPool(t, 2, process.Initializer(setUp, "set"))
	for range 5 {
		if s, err := pool.Apply(p.Pool, pool.Bind(readUp.On(p), struct{}{})); s != "set" || err != nil {
			t.Error(s, err)
		}
	}
	for name, c := range map[string]struct {
		opt process.PoolOption
		is  func(error) bool
	}{
		"an error": {process.Initializer(failUp, ""), func(err error) bool { return errors.Is(err, errKnown) }},
		"an exit": {process.Initializer(dieUp, ""), func(err error) bool {
			var exit *process.ExitError
			return errors.As(err, &exit) && exit.Code == 5
		}},
	} {
		p := newPool(t, 2, c.opt)
		first := pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), 2))
		second := pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), 2))
		for _, r := range []*pool.Result[int]{first, second} {
			if _, err := r.Get(); !c.is(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 2)); !c.is(err) {
			t.Errorf("%s, afterwards: %v", name, err)
		}
		p.Join()
	}
}

func TestMaxTasks(t *testing.T) {
	p := newPool(t, 1, process.MaxTasks(3), process.Initializer(setUp, "again"))
	var pids []int
	for range 7 {
		pid, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if pids[0] != pids[2] || pids[2] == pids[3] || pids[3] != pids[5] || pids[5] == pids[6] {
		t.Errorf("%v", pids)
	}
	if s, err := pool.Apply(p.Pool, pool.Bind(readUp.On(p), struct{}{})); s != "again" || err != nil {
		t.Error(s, err)
	}
	pids, err := process.Map(p, getpid, make([]struct{}, 10), pool.ChunkSize(10))
	if n := len(slices.Compact(pids)); err != nil || n < 4 || n > 5 {
		t.Errorf("%d children for 10 items, %v", n, err)
	}
	for _, n := range []int{0, -1} {
		panics(t, pool.ErrValue, func() { process.MaxTasks(n) })
	}
	panics(t, pool.ErrValue, func() { process.NewPool(-1) })
	if n := process.NewPool(0); n.Workers() != runtime.GOMAXPROCS(0) {
		t.Error(n.Workers())
	}
}

func TestWhatCannotBeEncodedFailsItsTask(t *testing.T) {
	p := newPool(t, 1)
	for n := 1; n <= 5; n++ {
		_, err := pool.Apply(p.Pool, pool.Bind(brittleIn.On(p), brittle{N: n, L: []int{1}}))
		if err == nil || !strings.Contains(err.Error(), []string{"", "1 cannot", "2 panics", "3 cannot", "4 panics", "code 6"}[n]) {
			t.Errorf("argument %d: %v", n, err)
		}
		if n == 5 {
			continue
		}
		_, err = pool.Apply(p.Pool, pool.Bind(brittles.On(p), n))
		if err == nil || !strings.Contains(err.Error(), []string{"", "1 cannot", "2 panics", "3 cannot", "4 panics"}[n]) {
			t.Errorf("result %d: %v", n, err)
		}
	}
	got, err := process.Map(p, brittleIn, []brittle{{N: 7}, {N: 1}, {N: 8}, {N: 3}, {N: 2}, {N: 9}, {N: 4}, {N: 5}, {N: 6}}, pool.ChunkSize(9))
	if !slices.Equal(got, []int{1, 0, 1, 0, 0, 1, 0, 0, 1}) {
		t.Error(got, err)
	}
	back, err := process.Map(p, brittles, []int{7, 1, 8, 3, 2, 9, 4, 6}, pool.ChunkSize(9))
	if back[0].N != 7 || back[2].N != 8 || back[5].N != 9 || back[7].N != 6 || len(itemErrors(err)) == 0 {
		t.Error(back, err)
	}
}

func TestATaskIsCancelledWhateverItDoes(t *testing.T) {
	none(t)
	for _, c := range []struct {
		name        string
		deaf        bool
		slow, grace time.Duration
		survives    bool
	}{
		{"heeds its context, without grace", false, hang, 0, false},
		{"heeds its context, with grace", false, 10 * brief, hang, true},
		{"does not heed it", true, 0, brief, false},
	} {
		p := newPool(t, 1, process.Workers(process.Grace(c.grace)))
		before, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if err != nil {
			t.Fatal(err)
		}
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0), Deaf: c.deaf, Slow: c.slow}
		r := pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g))
		g.In.Acquire()
		r.Cancel()
		_, err = r.Get()
		if !errors.Is(err, pool.ErrCancelled) {
			t.Errorf("%s: %v", c.name, err)
		}
		var exit *process.ExitError
		if errors.As(err, &exit) == c.survives {
			t.Errorf("%s: %v", c.name, err)
		}
		after, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if (before == after) != c.survives || err != nil {
			t.Errorf("%s: %d before, %d after, %v", c.name, before, after, err)
		}
	}
}

func TestTerminateWhileBusy(t *testing.T) {
	none(t)
	p := newPool(t, 2)
	g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0), Deaf: true}
	var rs []*pool.Result[int]
	for range 20 {
		rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g)))
	}
	g.In.AcquireN(2)
	p.Terminate()
	for _, r := range rs {
		if _, err := r.Get(); !errors.Is(err, pool.ErrTerminated) {
			t.Error(err)
		}
	}
	p.Join()
	if g.In.Value() != 0 {
		t.Error("more have begun")
	}
	// A Map that is terminated, and one whose view ends.
	p = newPool(t, 2)
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		g.In.AcquireN(2)
		cancel(errWhy)
	}()
	items := make([]gated, 10)
	for i := range items {
		items[i] = g
	}
	if _, err := pool.Map(p.Pool.WithContext(ctx), gate.On(p), items); !errors.Is(err, errWhy) {
		t.Error(err)
	}
	if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 3)); n != 9 || err != nil {
		t.Error(n, err)
	}
}

func TestChildrenLeaveWithTheirWorkers(t *testing.T) {
	p := newPool(t, 4)
	g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
	var rs []*pool.Result[int]
	for range 4 {
		rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g)))
	}
	g.In.AcquireN(4)
	if n := len(process.Children()); n != 4 {
		t.Errorf("%d children", n)
	}
	p.Resize(1)
	g.Out.ReleaseN(4)
	for _, r := range rs {
		if _, err := r.Get(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "one child is left", func() bool { return len(process.Children()) == 1 })
	p.Shutdown()
	if n := len(process.Children()); n != 0 {
		t.Errorf("%d children after Shutdown", n)
	}
}

// A worker that dies while a large task is sent to it.
func TestAWorkerDiesWhileItIsSentMuch(t *testing.T) {
	p := newPool(t, 1)
	for range proof.Rounds(10, 3, 3) {
		pid, err := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}()
		n, err := pool.Apply(p.Pool, pool.Bind(length.On(p), strings.Repeat("x", 3<<20)))
		var exit *process.ExitError
		if err != nil && !errors.As(err, &exit) || err == nil && n != 3<<20 {
			t.Error(n, err)
		}
		<-done
	}
}
