//go:build linux

package process_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

// The cases of connections and of pools, and those of the process pool of test_concurrent_futures.

var (
	greet = process.Register(func(_ context.Context, c *process.Conn[string, string]) (struct{}, error) {
		defer c.Close()
		if err := c.Send("hello"); err != nil {
			return struct{}{}, err
		}
		_, err := c.Recv()
		return struct{}{}, err
	})
	passOn = process.Register(func(_ context.Context, c *process.Conn[struct{}, *process.Conn[string, string]]) (struct{}, error) {
		inner, err := c.Recv()
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, inner.Send("through a Conn that came through a Conn")
	})
	sendSlowly = process.Register(func(_ context.Context, s slowly) (struct{}, error) {
		defer s.Conn.Close()
		for i := range 10 {
			if s.Slow {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
			if err := s.Conn.Send(i); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
)

type slowly struct {
	Conn *process.Conn[int, struct{}]
	Slow bool
}

func TestCPythonConnection(t *testing.T) {
	t.Run("P118 test_connection", func(t *testing.T) {
		here, there := pipe[[]byte, []byte](t)
		p := start(t, echo, there)
		there.Close()
		for _, x := range [][]byte{{1, 2}, []byte("text"), {}, make([]byte, 16<<20)} {
			if err := here.Send(x); err != nil {
				t.Fatal(err)
			}
			if y, err := here.Recv(); err != nil || len(y) != len(x) {
				t.Error(len(y), err)
			}
		}
		if _, err := here.RecvTimeout(0); err != queue.ErrEmpty {
			t.Error(err)
		}
		here.Close()
		if _, err := here.Recv(); err != io.ErrClosedPipe {
			t.Error(err)
		}
		result(t, p)
	})
	t.Run("P119 test_duplex_false", func(t *testing.T) { // a direction that is not used has type struct{}
		reader, writer := pipe[struct{}, int](t)
		writer.Send(1)
		if x, err := reader.Recv(); x != 1 || err != nil {
			t.Error(x, err)
		}
	})
	t.Run("P120 test_spawn_close", func(t *testing.T) {
		here, there := pipe[string, string](t)
		p := start(t, greet, there)
		there.Close() // at once
		if s, err := here.Recv(); s != "hello" || err != nil {
			t.Error(s, err)
		}
		here.Send("bye")
		result(t, p)
	})
	t.Run("P121 test_sendbytes", func(t *testing.T) {
		here, there := pipe[[]byte, []byte](t)
		latin := []byte("abcdefghijklmnopqrstuvwxyz")
		for _, part := range [][]byte{latin, latin[5:], latin[5:12], latin[26:], nil} {
			here.Send(part)
			if got, err := there.Recv(); string(got) != string(part) || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
	t.Run("P125 test_context", func(t *testing.T) {
		here, there := pipe[int, int](t)
		func() {
			defer here.Close()
			defer there.Close()
			here.Send(1)
		}()
		if here.Send(1) != io.ErrClosedPipe || there.Send(1) != io.ErrClosedPipe {
			t.Error("not closed")
		}
	})
	t.Run("P132 test_issue16955", func(t *testing.T) {
		here, there := pipe[int, string](t)
		there.Send("left behind")
		there.Close()
		if len(process.TryWait(here)) != 1 {
			t.Error("not ready")
		}
		if s, err := here.Recv(); s != "left behind" || err != nil {
			t.Error(s, err)
		}
	})
	t.Run("P133 test_empty_string and P134 test_strings and P135 test_boundaries and P136 test_dont_merge", func(t *testing.T) {
		here, there := pipe[string, string](t)
		texts := []string{"", "hello", "", "a", strings.Repeat("x", 100_000), "world"}
		go func() {
			for _, s := range texts {
				here.Send(s)
			}
		}()
		for _, want := range texts {
			if len(process.WaitTimeout(hang, there)) != 1 {
				t.Fatal("not ready")
			}
			if s, err := there.Recv(); s != want || err != nil {
				t.Errorf("%d bytes, want %d, %v", len(s), len(want), err)
			}
		}
		if len(process.TryWait(there)) != 0 {
			t.Error("ready")
		}
	})
	t.Run("P137 test_pickling and P138 test_access", func(t *testing.T) {
		outer, child := pipe[*process.Conn[string, string], struct{}](t)
		mine, its := pipe[string, string](t)
		p := start(t, passOn, child)
		if err := outer.Send(its); err != nil {
			t.Fatal(err)
		}
		its.Close()
		if s, err := mine.Recv(); s != "through a Conn that came through a Conn" || err != nil {
			t.Error(s, err)
		}
		result(t, p)
		if _, err := mine.Recv(); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestCPythonWait(t *testing.T) {
	collect := func(t *testing.T, slow bool) {
		var ws []process.Waiter
		for range 4 {
			here, there := pipe[struct{}, int](t)
			start(t, sendSlowly, slowly{there, slow})
			there.Close()
			ws = append(ws, here)
		}
		n := 0
		for len(ws) > 0 {
			for _, w := range process.WaitTimeout(hang, ws...) {
				_, err := w.(*process.Conn[struct{}, int]).Recv()
				if err == io.EOF {
					ws = slices.DeleteFunc(ws, func(x process.Waiter) bool { return x == w })
				} else if n++; err != nil {
					t.Fatal(err)
				}
			}
		}
		if n != 40 {
			t.Errorf("%d messages", n)
		}
	}
	t.Run("P176 test_wait", func(t *testing.T) { collect(t, false) })
	t.Run("P178 test_wait_slow", func(t *testing.T) { collect(t, true) })
	t.Run("P180 test_wait_timeout and P182 test_neg_timeout", func(t *testing.T) {
		a, b := pipe[int, int](t)
		for _, d := range []time.Duration{-1, 0, brief} {
			if ws := process.WaitTimeout(d, a, b); len(ws) != 0 {
				t.Error(d, ws)
			}
		}
		b.Send(1)
		for _, d := range []time.Duration{-1, 0, hang} {
			if ws := process.WaitTimeout(d, a, b); len(ws) != 1 || ws[0] != process.Waiter(a) {
				t.Error(d, ws)
			}
		}
	})
	t.Run("P181 test_wait_integer", func(t *testing.T) {
		a, b := pipe[int, int](t)
		e := process.NewEvent()
		p := start(t, waitFor, e)
		go e.Set()
		if ws := process.Wait(a, p, b); len(ws) != 1 || ws[0] != process.Waiter(p) {
			t.Error(ws)
		}
		b.Send(1)
		if ws := process.Wait(a, p, b); len(ws) != 2 {
			t.Error(ws)
		}
		a.Send(1)
		if ws := process.Wait(a, p, b); len(ws) != 3 {
			t.Error(ws)
		}
	})
}

type pair struct{ A, B int }

var (
	multiply = process.Register(pool.Plain(func(p pair) int { return p.A * p.B }))
	napping  = process.Register(func(ctx context.Context, ms int) (int, error) {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return ms, nil
	})
	hundred = process.Register(pool.PlainErr(func(n int) (int, error) {
		if n == 3 {
			return 0, errKnown
		}
		return n * n, nil
	}))
	ownPool = process.Register(func(_ context.Context, n int) (int, error) {
		p := process.NewPool(n)
		defer p.Shutdown()
		all, err := process.Map(p, square, []int{1, 2, 3, 4})
		return all[3], err
	})
)

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func squares(n int) []int {
	all := upTo(n)
	for i := range all {
		all[i] *= i
	}
	return all
}

func TestCPythonPool(t *testing.T) {
	none(t)
	p := newPool(t, 4)
	t.Run("P080 test_apply", func(t *testing.T) {
		if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 5)); n != 25 || err != nil {
			t.Error(n, err)
		}
	})
	t.Run("P081 test_map and P232 test_submit", func(t *testing.T) {
		for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(20)}} {
			if got, err := process.Map(p, square, upTo(100), opts...); err != nil || !slices.Equal(got, squares(100)) {
				t.Error(got, err)
			}
		}
	})
	t.Run("P082 test_starmap and P083 test_starmap_async and P233 test_submit_keyword", func(t *testing.T) {
		pairs := []pair{{2, 3}, {4, 5}, {6, 7}}
		if got, err := process.Map(p, multiply, pairs); err != nil || !slices.Equal(got, []int{6, 20, 42}) {
			t.Error(got, err)
		}
		if got, err := pool.MapAsync(p.Pool, multiply.On(p), pairs).Get(); err != nil || !slices.Equal(got, []int{6, 20, 42}) {
			t.Error(got, err)
		}
	})
	t.Run("P084 test_map_async", func(t *testing.T) {
		if got, err := pool.MapAsync(p.Pool, square.On(p), upTo(20)).Get(); err != nil || !slices.Equal(got, squares(20)) {
			t.Error(got, err)
		}
	})
	t.Run("P085 test_map_async_callbacks and P105 test_async_error_callback", func(t *testing.T) {
		called := make(chan error, 2)
		r := pool.MapAsync(p.Pool, square.On(p), upTo(3))
		r.OnDone(func(x []int, err error) { called <- err })
		if err := <-called; err != nil || len(called) != 0 {
			t.Error(err)
		}
		bad := pool.ApplyAsync(p.Pool, pool.Bind(hundred.On(p), 3), pool.Callback(func(_ int, err error) { called <- err }))
		if err := <-called; !errors.Is(err, errKnown) {
			t.Error(err)
		}
		if _, err := bad.Get(); !errors.Is(err, errKnown) {
			t.Error(err)
		}
	})
	t.Run("P086 test_map_unplicklable and P106 test_unpickleable_result and P253 test_error_at_task_pickle", func(t *testing.T) {
		if _, err := process.Map(p, brittleIn, []brittle{{N: 1}}); err == nil {
			t.Error("encoded")
		}
		for range 20 {
			if _, err := pool.Apply(p.Pool, pool.Bind(brittles.On(p), 1)); err == nil || !strings.Contains(err.Error(), "cannot be encoded") {
				t.Error(err)
			}
		}
	})
	t.Run("P087 test_map_chunksize and P097 test_empty_iterable", func(t *testing.T) {
		if got, err := process.Map(p, square, nil, pool.ChunkSize(1)); err != nil || len(got) != 0 {
			t.Error(got, err)
		}
		for range pool.IMap(p.Pool, square.On(p), slices.Values([]int{})) {
			t.Error("an item of none")
		}
	})
	t.Run("P088 test_map_handle_iterable_exception and P092 test_imap_handle_iterable_exception and P094 test_imap_unordered_handle_iterable_exception", func(t *testing.T) {
		input := func(yield func(int) bool) {
			for i := range 5 {
				if !yield(i) {
					return
				}
			}
			panic("the input fails")
		}
		for name, imap := range map[string]func() (n int){
			"IMap": func() (n int) {
				for range pool.IMap(p.Pool, square.On(p), input) {
					n++
				}
				return n
			},
			"IMapUnordered": func() (n int) {
				for range pool.IMapUnordered(p.Pool, square.On(p), input) {
					n++
				}
				return n
			},
		} {
			if v := proof.Recovered(func() { imap() }); v != "the input fails" {
				t.Errorf("%s: %v", name, v)
			}
		}
		if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 2)); n != 4 || err != nil {
			t.Error(n, err)
		}
	})
	t.Run("P089 test_async and P090 test_async_timeout", func(t *testing.T) {
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
		r := pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g))
		if _, err := r.GetTimeout(brief); !errors.Is(err, pool.ErrTimeout) {
			t.Error(err)
		}
		g.Out.Release()
		if _, err := r.Get(); err != nil {
			t.Error(err)
		}
	})
	t.Run("P091 test_imap and P234 test_map", func(t *testing.T) {
		var got []int
		for x, err := range pool.IMap(p.Pool, square.On(p), slices.Values(upTo(30)), pool.ChunkSize(4)) {
			if got = append(got, x); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got, squares(30)) {
			t.Error(got)
		}
	})
	t.Run("P093 test_imap_unordered", func(t *testing.T) {
		var got []int
		for x, err := range pool.IMapUnordered(p.Pool, square.On(p), slices.Values(upTo(30))) {
			if got = append(got, x); err != nil {
				t.Error(err)
			}
		}
		if slices.Sort(got); !slices.Equal(got, squares(30)) {
			t.Error(got)
		}
	})
	t.Run("P095 test_make_pool and P239 test_max_workers_negative", func(t *testing.T) {
		panics(t, pool.ErrValue, func() { process.NewPool(-1) })
		if n := newPool(t, 3).Workers(); n != 3 {
			t.Error(n)
		}
	})
	t.Run("P096 test_terminate", func(t *testing.T) {
		p := newPool(t, 3)
		r := pool.MapAsync(p.Pool, napping.On(p), slices.Repeat([]int{5000}, 1000))
		p.Terminate()
		p.Join()
		if _, err := r.Get(); !errors.Is(err, pool.ErrTerminated) {
			t.Error(err)
		}
	})
	t.Run("P098 test_context and P103 test_enter and P269 test_run_after_shutdown and P277 test_context_manager_shutdown", func(t *testing.T) {
		p := process.NewPool(2)
		func() {
			defer p.Shutdown()
			process.Map(p, square, upTo(5))
		}()
		if _, err := pool.MapAsync(p.Pool, square.On(p), upTo(5)).Get(); !errors.Is(err, pool.ErrClosed) {
			t.Error(err)
		}
	})
	t.Run("P099 test_traceback and P244 test_traceback", func(t *testing.T) {
		_, err := pool.Apply(p.Pool, pool.Bind(perform.On(p), "panic"))
		var panicked *thread.PanicError
		if !errors.As(err, &panicked) || !strings.Contains(string(panicked.Stack), "life_test.go") {
			t.Error(err)
		}
	})
	t.Run("P100 test_wrapped_exception and P259 test_error_during_func_exec_on_worker", func(t *testing.T) {
		if _, err := pool.Apply(p.Pool, pool.Bind(hundred.On(p), 3)); !errors.Is(err, errKnown) {
			t.Error(err)
		}
	})
	t.Run("P101 test_map_no_failfast and P235 test_map_exception", func(t *testing.T) {
		got, err := process.Map(p, hundred, upTo(8), pool.ChunkSize(1))
		if !errors.Is(err, errKnown) || got[7] != 49 || got[0] != 0 || got[4] != 16 {
			t.Error(got, err)
		}
	})
	t.Run("P107 test_pool_worker_lifetime", func(t *testing.T) {
		p := newPool(t, 3, process.MaxTasks(10))
		got, err := process.Map(p, getpid, make([]struct{}, 100), pool.ChunkSize(1))
		if err != nil {
			t.Error(err)
		}
		tasks := map[int]int{}
		for _, pid := range got {
			if tasks[pid]++; tasks[pid] > 10 {
				t.Errorf("%d has gone on: %v", pid, tasks)
			}
		}
	})
	t.Run("P108 test_pool_worker_lifetime_early_close and P251 test_max_tasks_early_shutdown", func(t *testing.T) {
		p := process.NewPool(3, process.MaxTasks(1))
		var rs []*pool.Result[int]
		for i := range 6 {
			rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), i)))
		}
		p.Shutdown()
		for i, r := range rs {
			if n, err := r.Get(); n != i*i || err != nil {
				t.Error(n, err)
			}
		}
	})
	t.Run("P109 test_pool_maxtasksperchild_invalid", func(t *testing.T) {
		panics(t, pool.ErrValue, func() { process.MaxTasks(0) })
		panics(t, pool.ErrValue, func() { process.MaxTasks(-1) })
	})
	t.Run("P110 test_worker_finalization_via_atexit_handler_of_multiprocessing", func(t *testing.T) {
		if out, err := program("pool left open").Output(); err != nil || string(out) != "49 <nil>\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
	t.Run("P172 test_pool_initializer and P280 test_initializer", func(t *testing.T) {
		p := newPool(t, 2, process.Initializer(setUp, "ready"))
		for range 4 {
			if s, err := pool.Apply(p.Pool, pool.Bind(readUp.On(p), struct{}{})); s != "ready" || err != nil {
				t.Error(s, err)
			}
		}
		if proof.Recovered(func() { process.Initializer[int](nil, 1) }) == nil {
			t.Error("a nil Initializer")
		}
	})
	t.Run("P174 test_pool_in_process", func(t *testing.T) {
		if n := result(t, start(t, ownPool, 4)); n != 16 {
			t.Error(n)
		}
	})
	t.Run("P210 test_release_unused_processes", func(t *testing.T) {
		p := newPool(t, 2, process.Workers(process.Dir("/nowhere/at/all")))
		if _, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 1)); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
	t.Run("P230 test_large_pool", func(t *testing.T) {
		n := proof.Rounds(200, 10, 10)
		p := newPool(t, n)
		got, err := process.Map(p, square, upTo(1000), pool.ChunkSize(1))
		sum := 0
		for _, x := range got {
			sum += x
		}
		if sum != 332833500 || err != nil {
			t.Error(sum, err)
		}
	})
}

func TestCPythonProcessPoolExecutor(t *testing.T) {
	none(t)
	t.Run("P236 test_map_timeout and P291 test_timeout", func(t *testing.T) {
		p := newPool(t, 2)
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		var got []int
		var last error
		for x, err := range pool.IMap(p.Pool.WithContext(ctx), napping.On(p), slices.Values([]int{0, 0, 60000})) {
			if last = err; err == nil {
				got = append(got, x)
			}
		}
		if !errors.Is(last, context.DeadlineExceeded) || len(got) > 2 {
			t.Error(got, last)
		}
	})
	t.Run("P237 test_shutdown_race_issue12456 and P272 test_hang_issue12364", func(t *testing.T) {
		p := process.NewPool(3)
		var rs []*pool.Result[int]
		for i := range 50 {
			rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), i)))
		}
		p.Shutdown()
		for i, r := range rs {
			if n, err := r.Get(); n != i*i || err != nil {
				t.Error(n, err)
			}
		}
	})
	t.Run("P242 test_killed_child and P257 test_crash_during_func_exec_on_worker and P258 test_exit_during_func_exec_on_worker", func(t *testing.T) {
		opts, _ := quietly(t)
		p := newPool(t, 2, process.Workers(opts...))
		for what, code := range map[string]int{"SIGKILL": -9, "crash": 2, "exit 7": 7} {
			var exit *process.ExitError
			if _, err := pool.Apply(p.Pool, pool.Bind(perform.On(p), what)); !errors.As(err, &exit) || exit.Code != code {
				t.Errorf("%s: %v", what, err)
			}
			if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 3)); n != 9 || err != nil {
				t.Error(n, err)
			}
		}
	})
	t.Run("P243 test_map_chunksize", func(t *testing.T) {
		p := newPool(t, 2)
		for _, n := range []int{3, 40, 50} {
			if got, err := process.Map(p, square, upTo(40), pool.ChunkSize(n)); err != nil || !slices.Equal(got, squares(40)) {
				t.Error(got, err)
			}
		}
		panics(t, pool.ErrValue, func() { pool.ChunkSize(-1) })
	})
	t.Run("P246 test_saturation and P247 test_idle_process_reuse_one and P248 test_idle_process_reuse_multiple", func(t *testing.T) {
		p := newPool(t, 4)
		for range 3 {
			pool.Apply(p.Pool, pool.Bind(square.On(p), 1))
		}
		if n := len(process.Children()); n != 1 {
			t.Errorf("%d children for one after the other", n)
		}
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
		var rs []*pool.Result[int]
		for range 15 {
			rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g)))
		}
		g.In.AcquireN(4)
		if n := len(process.Children()); n != 4 {
			t.Errorf("%d children for 15 tasks of 4 workers", n)
		}
		g.Out.ReleaseN(15)
		for _, r := range rs {
			r.Get()
		}
	})
	t.Run("P249 test_max_tasks_per_child", func(t *testing.T) {
		p := newPool(t, 1, process.MaxTasks(3))
		var pids []int
		for range 4 {
			pid, _ := pool.Apply(p.Pool, pool.Bind(getpid.On(p), struct{}{}))
			pids = append(pids, pid)
		}
		if pids[0] != pids[2] || pids[2] == pids[3] {
			t.Error(pids)
		}
	})
	t.Run("P254 test_exit_at_task_unpickle and P255 test_error_at_task_unpickle and P256 test_crash_at_task_unpickle and P260 test_crash_during_result_pickle_on_worker and P261 test_exit_during_result_pickle_on_worker and P262 test_error_during_result_pickle_on_worker and P263 test_error_during_result_unpickle_in_result_handler", func(t *testing.T) {
		p := newPool(t, 2)
		for _, n := range []int{3, 4, 5} { // an error, a panic, an exit, while the argument is decoded
			if _, err := pool.Apply(p.Pool, pool.Bind(brittleIn.On(p), brittle{N: n})); err == nil {
				t.Errorf("argument %d: no error", n)
			}
		}
		for _, n := range []int{1, 2, 3, 4} { // while the result is encoded, there, and decoded, here
			if _, err := pool.Apply(p.Pool, pool.Bind(brittles.On(p), n)); err == nil {
				t.Errorf("result %d: no error", n)
			}
		}
		if n, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 3)); n != 9 || err != nil {
			t.Error(n, err)
		}
	})
	t.Run("P265 test_shutdown_deadlock and P266 test_shutdown_deadlock_pickle and P268 test_gh105829_should_not_deadlock_if_wakeup_pipe_full",
		func(t *testing.T) {
			opts, _ := quietly(t)
			p := process.NewPool(2, process.Workers(opts...))
			dead := pool.ApplyAsync(p.Pool, pool.Bind(perform.On(p), "exit 7"))
			bad := pool.ApplyAsync(p.Pool, pool.Bind(brittleIn.On(p), brittle{N: 1}))
			for i := range 200 {
				pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), i))
			}
			p.Shutdown()
			if _, err := dead.Get(); err == nil {
				t.Error("no error")
			}
			if _, err := bad.Get(); err == nil {
				t.Error("no error")
			}
		})
	t.Run("P267 test_crash_big_data", func(t *testing.T) {
		p := newPool(t, 1)
		var exit *process.ExitError
		big := strings.Repeat("x", 5*64<<10)
		if _, err := pool.Apply(p.Pool, pool.Bind(exitWith.On(p), big)); !errors.As(err, &exit) {
			t.Error(err)
		}
	})
	t.Run("P270 test_interpreter_shutdown", func(t *testing.T) { // a program that wants its work done closes and joins
		if out, err := program("pool left open").Output(); err != nil || string(out) != "49 <nil>\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
	t.Run("P273 test_cancel_futures and P275 test_hang_gh94440", func(t *testing.T) {
		p := process.NewPool(2)
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
		var rs []*pool.Result[int]
		for range 50 {
			rs = append(rs, pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g)))
		}
		g.In.AcquireN(2)
		p.Close()
		p.CancelPending()
		g.Out.ReleaseN(50)
		p.Join()
		cancelled := 0
		for _, r := range rs {
			if _, err := r.Get(); errors.Is(err, pool.ErrCancelled) {
				cancelled++
			} else if err != nil {
				t.Error(err)
			}
		}
		if cancelled != 48 {
			t.Errorf("%d were cancelled, and 2 of 50 had begun", cancelled)
		}
	})
	t.Run("P274 test_hang_gh83386 and P276 test_processes_terminate and P279 test_shutdown_no_wait", func(t *testing.T) {
		p := process.NewPool(3)
		r := pool.MapAsync(p.Pool, square.On(p), upTo(20))
		p.Close()
		if got, err := r.Get(); err != nil || !slices.Equal(got, squares(20)) {
			t.Error(got, err)
		}
		p.Join()
		if cs := process.Children(); len(cs) != 0 {
			t.Errorf("%v are left", cs)
		}
	})
	t.Run("P281 test_initializer and P282 test_spawn", func(t *testing.T) {
		before := openFiles(t)
		p := process.NewPool(2, process.Initializer(failUp, ""))
		for range 3 {
			if _, err := pool.Apply(p.Pool, pool.Bind(square.On(p), 1)); !errors.Is(err, errKnown) {
				t.Error(err)
			}
		}
		p.Join()
		eventually(t, "as many descriptors as before", func() bool { return openFiles(t) <= before })
	})
	t.Run("P285 test_first_completed and P286 test_first_completed_some_already_completed and P290 test_all_completed and P292 test_no_timeout and P293 test_future_times_out and P294 test_duplicate_futures and P284 test_20369", func(t *testing.T) {
		p := newPool(t, 2)
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
		slow := pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g))
		fast := pool.ApplyAsync(p.Pool, pool.Bind(square.On(p), 6))
		for r := range pool.AsCompleted(slow, fast) {
			if r != fast {
				t.Error("the slow one was first")
			}
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), brief)
		defer cancel()
		n := 0
		for r := range pool.AsCompletedContext(ctx, slow, fast) {
			if n++; r != fast {
				t.Error("the slow one is ready")
			}
		}
		if n != 1 {
			t.Errorf("%d are ready", n)
		}
		g.Out.Release()
		seen := map[*pool.Result[int]]bool{}
		for r := range pool.AsCompleted(slow, fast) {
			seen[r] = true
		}
		if len(seen) != 2 {
			t.Errorf("%d are ready", len(seen))
		}
	})
	t.Run("P287 test_first_exception and P288 test_first_exception_some_already_complete and P289 test_first_exception_one_already_failed", func(t *testing.T) {
		p := newPool(t, 2)
		var calls atomic.Int32
		var late atomic.Bool
		_, err := pool.Map(p.Pool, func(ctx context.Context, n int) (int, error) {
			calls.Add(1)
			if n != 3 && !late.Load() { // runs beside the one that fails until that has failed, and no other begins
				select {
				case <-ctx.Done():
				case <-time.After(hang):
					late.Store(true)
				}
			}
			return hundred.On(p)(ctx, n)
		}, append([]int{3}, make([]int, 500)...), pool.FailFast(), pool.ChunkSize(1))
		if !errors.Is(err, errKnown) || calls.Load() > 2 {
			t.Error(calls.Load(), err)
		}
	})
	t.Run("P296 test_correct_timeout_exception_msg", func(t *testing.T) {
		p := newPool(t, 1)
		g := gated{In: process.NewSemaphore(0), Out: process.NewSemaphore(0)}
		r := pool.ApplyAsync(p.Pool, pool.Bind(gate.On(p), g))
		if _, err := r.GetTimeout(brief); !errors.Is(err, context.DeadlineExceeded) || err.Error() == "" {
			t.Error(err)
		}
		g.Out.Release()
	})
}

var exitWith = process.Register(pool.Plain(func(s string) int { os.Exit(len(s) % 256); return 0 }))
