package queue_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// The cases of CPython's test_queue that concern a FIFO queue, each under its number in the list of semantics and
// CPython's name for it. What Python raises is an error here, and ValueError of task_done a panic.
//
// Q25 (a storage hook that raises) has no counterpart in a FIFO queue, where nothing of the user's runs inside: it
// concerns compare of a priority queue. Q33 and Q34 concern the Python runtime.

func TestCPythonQueue(t *testing.T) {
	t.Run("Q01 test_queue_task_done", func(t *testing.T) {
		wantPanic(t, queue.ErrTaskDone, queue.New[int](0).TaskDone)
		wantPanic(t, queue.ErrTaskDone, new(queue.Queue[int]).TaskDone)
	})

	t.Run("Q02 test_queue_join", func(t *testing.T) {
		q := queue.New[int](0)
		for range 2 {
			var mu sync.Mutex
			sum := 0
			var workers sync.WaitGroup
			for range 2 {
				workers.Go(func() {
					for {
						item, err := q.Get()
						if err != nil || item < 0 {
							q.TaskDone()
							return
						}
						mu.Lock()
						sum += item
						mu.Unlock()
						q.TaskDone()
					}
				})
			}
			for i := range 100 {
				q.Put(i)
			}
			q.Join()
			mu.Lock()
			if sum != 99*100/2 {
				t.Errorf("the sum is %d when Join has returned", sum)
			}
			mu.Unlock()
			for range 2 {
				q.Put(-1) // ends a worker
			}
			q.Join()
			workers.Wait()
			wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		}
	})

	t.Run("Q03 test_basic", func(t *testing.T) {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				for round := range 2 {
					base := round * maxsize // unfinished from before
					wantState(t, q, 0, base)
					for i := range maxsize {
						wantError(t, "Put", q.Put(i), nil)
						wantState(t, q, i+1, base+i+1)
					}
					wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
					wantError(t, "PutTimeout", q.PutTimeout(-1, 10*time.Millisecond), queue.ErrFull)
					putter := start(func() (int, error) { return 0, q.Put(maxsize) })
					synctest.Wait()
					putter.wantWaiting(t, "Put into a full queue")
					wantItems(t, q, 0)
					synctest.Wait()
					putter.want(t, "Put", 0, nil)
					for i := range maxsize {
						wantItems(t, q, i+1)
					}
					_, err := q.TryGet()
					wantError(t, "TryGet", err, queue.ErrEmpty)
					_, err = q.GetTimeout(10 * time.Millisecond)
					wantError(t, "GetTimeout", err, queue.ErrEmpty)
					getter := start(q.Get)
					synctest.Wait()
					getter.wantWaiting(t, "Get from an empty queue")
					wantError(t, "Put", q.Put(7), nil)
					synctest.Wait()
					getter.want(t, "Get", 7, nil)
					q.TaskDone()
					q.TaskDone()
				}
			})
		})
	})

	t.Run("Q04 test_negative_timeout_raises_exception", func(t *testing.T) {
		// Here a negative timeout is no mistake: such a call does not wait.
		q := queue.New[int](1)
		_, err := q.GetTimeout(-1)
		wantError(t, "GetTimeout(-1) from an empty queue", err, queue.ErrEmpty)
		wantError(t, "PutTimeout(-1) with room", q.PutTimeout(1, -1), nil)
		wantError(t, "PutTimeout(-1) into a full queue", q.PutTimeout(2, -1), queue.ErrFull)
		item, err := q.GetTimeout(-1)
		wantError(t, "GetTimeout(-1) with an item there", err, nil)
		if item != 1 {
			t.Errorf("got %d, want 1", item)
		}
	})

	t.Run("Q05 test_nowait", func(t *testing.T) {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			q := queue.New[int](maxsize)
			for i := range maxsize {
				wantError(t, "TryPut", q.TryPut(i), nil)
			}
			wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
			for i := range maxsize {
				wantItems(t, q, i)
			}
			_, err := q.TryGet()
			wantError(t, "TryGet", err, queue.ErrEmpty)
		})
	})

	t.Run("Q06 test_shrinking_queue", func(t *testing.T) {
		// The capacity cannot be changed here. What remains of the idea: a queue that holds as much as fits stays full
		// for every form of put, however often it is asked.
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 3)
			fill(t, q, 0)
			for range 3 {
				wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
				wantError(t, "PutTimeout(0)", q.PutTimeout(-1, 0), queue.ErrFull)
				wantError(t, "PutTimeout", q.PutTimeout(-1, time.Millisecond), queue.ErrFull)
				wantState(t, q, 3, 3)
			}
			if q.Cap() != 3 {
				t.Errorf("Cap() = %d, want 3", q.Cap())
			}
			wantItems(t, q, 0)
			wantError(t, "TryPut", q.TryPut(3), nil)
			wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
			wantItems(t, q, 1, 2, 3)
		})
	})

	t.Run("Q07 test_shutdown_empty", func(t *testing.T) {
		q := queue.New[int](0)
		q.Shutdown()
		wantError(t, "Put", q.Put(1), queue.ErrShutdown)
		_, err := q.Get()
		wantError(t, "Get", err, queue.ErrShutdown)
	})

	t.Run("Q08 test_shutdown_nonempty", func(t *testing.T) {
		q := queue.New[int](0)
		q.Put(7)
		q.Shutdown()
		item, err := q.Get()
		if item != 7 || err != nil {
			t.Errorf("Get() = %d, %v, want 7, nil", item, err)
		}
		_, err = q.Get()
		wantError(t, "Get", err, queue.ErrShutdown)
	})

	t.Run("Q09 test_shutdown_immediate", func(t *testing.T) {
		q := queue.New[int](0)
		q.Put(7)
		q.ShutdownNow()
		_, err := q.Get()
		wantError(t, "Get", err, queue.ErrShutdown)
	})

	t.Run("Q10 test_shutdown_allowed_transitions", func(t *testing.T) {
		q := queue.New[int](0)
		if q.IsShutdown() {
			t.Error("a new queue is shut down")
		}
		for i, shutdown := range []func(){q.Shutdown, q.ShutdownNow, q.Shutdown} {
			shutdown()
			if !q.IsShutdown() {
				t.Errorf("IsShutdown() = false after shutdown %d", i)
			}
		}
	})

	t.Run("Q11 test_shutdown_all_methods_in_one_thread", func(t *testing.T) {
		q := queue.New[string](2)
		q.Put("L")
		q.TryPut("O")
		q.Shutdown()
		wantPutsShutdown(t, q)
		item, err := q.Get()
		if item != "L" || err != nil {
			t.Errorf("Get() = %q, %v", item, err)
		}
		q.TaskDone()
		item, err = q.TryGet()
		if item != "O" || err != nil {
			t.Errorf("TryGet() = %q, %v", item, err)
		}
		q.TaskDone()
		q.Join()
		wantGetsShutdown(t, q)
	})

	t.Run("Q12 test_shutdown_immediate_all_methods_in_one_thread", func(t *testing.T) {
		q := queue.New[string](2)
		q.Put("L")
		q.Put("O")
		q.ShutdownNow()
		wantPutsShutdown(t, q)
		wantGetsShutdown(t, q)
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		q.Join()
	})

	t.Run("Q13 test_shutdown_all_methods_in_many_threads", func(t *testing.T) {
		eachCapacity(t, []int{1, 50, 0}, func(t *testing.T, maxsize int) { manyThreads(t, maxsize, false) })
	})

	t.Run("Q14 test_shutdown_immediate_all_methods_in_many_threads", func(t *testing.T) {
		eachCapacity(t, []int{1, 50, 0}, func(t *testing.T, maxsize int) { manyThreads(t, maxsize, true) })
	})

	t.Run("Q15 test_shutdown_get", func(t *testing.T) {
		q := queue.New[string](0)
		q.Put("Y")
		q.Put("D")
		results := make(chan error)
		proceed := make(chan struct{})
		for range 3 {
			go func() {
				<-proceed
				_, err := q.Get()
				results <- err
			}()
		}
		q.Shutdown()
		close(proceed)
		wantResults(t, results, map[error]int{nil: 2, queue.ErrShutdown: 1})
	})

	t.Run("Q16 test_shutdown_immediate_get", func(t *testing.T) {
		q := queue.New[string](0)
		q.Put("Y")
		q.Put("D")
		results := make(chan error)
		proceed := make(chan struct{})
		for range 2 {
			go func() {
				<-proceed
				_, err := q.Get()
				results <- err
			}()
		}
		q.ShutdownNow()
		close(proceed)
		wantResults(t, results, map[error]int{queue.ErrShutdown: 2})
	})

	// CPython's Q18 calls plain shutdown as well; here each is what its name says.
	for _, immediate := range []bool{false, true} {
		t.Run(name(immediate, "Q17 test_shutdown_put", "Q18 test_shutdown_immediate_put"), func(t *testing.T) {
			eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					n := fill(t, q, 0)
					putters := []*call{
						start(func() (int, error) { return 0, q.Put(-1) }),
						start(func() (int, error) { return 0, q.Put(-2) }),
					}
					synctest.Wait()
					shutdown(q, immediate)
					synctest.Wait()
					for _, p := range putters {
						p.want(t, "Put", 0, queue.ErrShutdown)
					}
					if immediate {
						n = 0
					}
					wantState(t, q, n, n)
				})
			})
		})
	}

	t.Run("Q19 test_shutdown_join", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 0)
			q.Put(7)
			joiners := []*call{startJoin(q), startJoin(q)}
			synctest.Wait()
			q.Shutdown()
			synctest.Wait()
			for _, j := range joiners {
				j.wantWaiting(t, "Join")
			}
			wantItems(t, q, 7)
			q.TaskDone()
			synctest.Wait()
			for _, j := range joiners {
				j.want(t, "Join", 0, nil)
			}
		})
	})

	t.Run("Q20 test_shutdown_immediate_join", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 0)
			q.Put(7)
			joiners := []*call{startJoin(q), startJoin(q)}
			synctest.Wait()
			q.ShutdownNow()
			synctest.Wait()
			for _, j := range joiners {
				j.want(t, "Join", 0, nil)
			}
		})
	})

	t.Run("Q21 test_shutdown_put_join", func(t *testing.T) {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				fill(t, q, 0)
				putter, joiner := start(func() (int, error) { return 0, q.Put(-1) }), startJoin(q)
				synctest.Wait()
				q.Shutdown()
				synctest.Wait()
				putter.want(t, "Put", 0, queue.ErrShutdown)
				for i := range maxsize {
					joiner.wantWaiting(t, "Join")
					wantItems(t, q, i)
					q.TaskDone()
					synctest.Wait()
				}
				joiner.want(t, "Join", 0, nil)
			})
		})
	})

	t.Run("Q22 test_shutdown_immediate_put_join", func(t *testing.T) {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				fill(t, q, 0)
				putter, joiner := start(func() (int, error) { return 0, q.Put(-1) }), startJoin(q)
				synctest.Wait()
				q.ShutdownNow()
				synctest.Wait()
				putter.want(t, "Put", 0, queue.ErrShutdown)
				joiner.want(t, "Join", 0, nil)
				_, err := q.TryGet()
				wantError(t, "TryGet", err, queue.ErrShutdown)
			})
		})
	})

	t.Run("Q23 test_shutdown_get_task_done_join", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 0)
			fill(t, q, 2)
			proceed := make(chan struct{})
			consume := func() (int, error) {
				<-proceed
				_, err := q.Get()
				q.TaskDone()
				return 0, err
			}
			calls := []*call{start(consume), start(consume), startJoin(q), startJoin(q)}
			synctest.Wait()
			q.Shutdown()
			close(proceed)
			synctest.Wait()
			for _, c := range calls {
				c.want(t, "a consumer or joiner", 0, nil)
			}
			wantState(t, q, 0, 0)
		})
	})

	t.Run("Q24 test_shutdown_pending_get", func(t *testing.T) {
		eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				getter := start(q.Get)
				synctest.Wait()
				getter.wantWaiting(t, "Get")
				q.Shutdown()
				synctest.Wait()
				getter.want(t, "Get", 0, queue.ErrShutdown)
			})
		})
	})
}

// Python's SimpleQueue is answered by an unbounded Queue.
func TestCPythonSimpleQueue(t *testing.T) {
	t.Run("Q26 test_basic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 0)
			wantState(t, q, 0, 0)
			// There is always room, so that no form of put waits.
			q.Put(1)
			wantState(t, q, 1, 1)
			q.TryPut(2)
			q.PutTimeout(3, time.Second)
			q.PutTimeout(4, -1)
			q.PutContext(t.Context(), 5)
			wantState(t, q, 5, 5)
			began := time.Now()
			for i, get := range []func() (int, error){
				q.Get,
				q.TryGet,
				func() (int, error) { return q.GetTimeout(time.Second) },
				func() (int, error) { return q.GetTimeout(0) },
				func() (int, error) { return q.GetContext(t.Context()) },
			} {
				if item, err := get(); item != i+1 || err != nil {
					t.Errorf("get %d: %d, %v", i, item, err)
				}
				wantState(t, q, 4-i, 5)
			}
			_, err := q.TryGet()
			wantError(t, "TryGet", err, queue.ErrEmpty)
			_, err = q.GetTimeout(0)
			wantError(t, "GetTimeout(0)", err, queue.ErrEmpty)
			if took := time.Since(began); took != 0 {
				t.Errorf("something waited for %v", took)
			}
			_, err = q.GetTimeout(time.Millisecond)
			wantError(t, "GetTimeout", err, queue.ErrEmpty)
			if took := time.Since(began); took != time.Millisecond {
				t.Errorf("GetTimeout took %v", took)
			}
			wantState(t, q, 0, 5)
		})
	})

	t.Run("Q27 test_negative_timeout_raises_exception", func(t *testing.T) {
		// As in Q04, it does not wait, and takes the item that is there.
		q := queue.New[int](0)
		q.Put(7)
		item, err := q.GetTimeout(-1)
		if item != 7 || err != nil {
			t.Errorf("GetTimeout(-1) = %d, %v, want 7, nil", item, err)
		}
		_, err = q.GetTimeout(math.MinInt64)
		wantError(t, "GetTimeout", err, queue.ErrEmpty)
	})

	t.Run("Q28 test_order", func(t *testing.T) {
		q := queue.New[int](0)
		go func() {
			for i := range 100 {
				q.Put(i)
			}
			q.Shutdown()
		}()
		want := 0
		for item := range q.Tasks() {
			if item != want {
				t.Errorf("got %d, want %d", item, want)
			}
			want++
		}
		if want != 100 {
			t.Errorf("got %d items, want 100", want)
		}
	})

	t.Run("Q29 test_many_threads", func(t *testing.T) {
		feedAndConsume(t, 10_000, func(q *queue.Queue[int]) (int, error) { return q.Get() })
	})

	t.Run("Q30 test_many_threads_nonblock", func(t *testing.T) {
		feedAndConsume(t, 10_000, func(q *queue.Queue[int]) (int, error) {
			for {
				item, err := q.TryGet()
				if err != queue.ErrEmpty {
					return item, err
				}
				runtime.Gosched()
			}
		})
	})

	t.Run("Q31 test_many_threads_timeout", func(t *testing.T) {
		feedAndConsume(t, 1000, func(q *queue.Queue[int]) (int, error) {
			for {
				item, err := q.GetTimeout(10 * time.Microsecond)
				if err != queue.ErrEmpty {
					return item, err
				}
			}
		})
	})

	t.Run("Q32 test_references", func(t *testing.T) {
		q := queue.New[*object](0)
		const n = 20
		refs := make([]weak.Pointer[object], n)
		put := make(chan struct{})
		go func() {
			defer close(put)
			for i := range refs {
				o := new(object)
				refs[i] = weak.Make(o)
				q.Put(o)
			}
		}()
		<-put
		for i := range refs {
			taken := make(chan struct{})
			go func() {
				defer close(taken)
				q.Get()
			}()
			<-taken
			if !proof.Collected(refs[i]) {
				t.Fatalf("object %d was got, and is alive", i)
			}
			for j := range refs {
				if alive := refs[j].Value() != nil; alive != (j > i) {
					t.Fatalf("after get %d, object %d is alive: %t", i, j, alive)
				}
			}
		}
		runtime.KeepAlive(q)
	})
}

func name(immediate bool, graceful, now string) string {
	if immediate {
		return now
	}
	return graceful
}

func shutdown(q *queue.Queue[int], immediate bool) {
	if immediate {
		q.ShutdownNow()
	} else {
		q.Shutdown()
	}
}

func startJoin(q *queue.Queue[int]) *call {
	return start(func() (int, error) { q.Join(); return 0, nil })
}

func wantPutsShutdown(t *testing.T, q *queue.Queue[string]) {
	t.Helper()
	wantError(t, "Put", q.Put("E"), queue.ErrShutdown)
	wantError(t, "TryPut", q.TryPut("E"), queue.ErrShutdown)
	wantError(t, "PutTimeout", q.PutTimeout("E", time.Hour), queue.ErrShutdown)
	wantError(t, "PutTimeout(0)", q.PutTimeout("E", 0), queue.ErrShutdown)
	wantError(t, "PutContext", q.PutContext(t.Context(), "E"), queue.ErrShutdown)
}

func wantGetsShutdown(t *testing.T, q *queue.Queue[string]) {
	t.Helper()
	for name, get := range map[string]func() (string, error){
		"Get":           q.Get,
		"TryGet":        q.TryGet,
		"GetTimeout":    func() (string, error) { return q.GetTimeout(time.Hour) },
		"GetTimeout(0)": func() (string, error) { return q.GetTimeout(0) },
		"GetContext":    func() (string, error) { return q.GetContext(t.Context()) },
	} {
		_, err := get()
		wantError(t, name, err, queue.ErrShutdown)
	}
}

func wantResults(t *testing.T, results <-chan error, want map[error]int) {
	t.Helper()
	n := 0
	for _, w := range want {
		n += w
	}
	got := make(map[error]int)
	for range n {
		got[<-results]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("results %v, want %v", got, want)
	}
}

// manyThreads: 4 writers, 6 readers, and with an immediate shutdown 2 joiners. The shutdown comes when a part of the
// items has been put. Everybody must end, and what was put is got, or dropped by the immediate shutdown.
func manyThreads(t *testing.T, maxsize int, immediate bool) {
	const writers, readers = 4, 6
	each := rounds(16384)
	q := queue.New[int](maxsize)
	part := make(chan struct{})
	var reached sync.Once
	var put, got [writers + readers]int
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if i == each/4 {
					reached.Do(func() { close(part) })
				}
				if err := q.Put(i); err != nil {
					wantError(t, "Put", err, queue.ErrShutdown)
					return
				}
				put[w]++
			}
		})
	}
	for r := range readers {
		all.Go(func() {
			for {
				if _, err := q.Get(); err != nil {
					wantError(t, "Get", err, queue.ErrShutdown)
					return
				}
				got[r]++
				q.TaskDone()
			}
		})
	}
	<-part
	if immediate {
		for range 2 {
			all.Go(q.Join)
		}
	}
	shutdown(q, immediate)
	if immediate && !q.Empty() {
		t.Errorf("%d items inside after ShutdownNow", q.Len())
	}
	all.Wait()
	wantState(t, q, 0, 0)
	sum := func(counts [writers + readers]int) (n int) {
		for _, c := range counts {
			n += c
		}
		return n
	}
	if p, g := sum(put), sum(got); p < g || !immediate && p > g {
		t.Errorf("%d items were put and %d got", p, g)
	}
}

// feedAndConsume: 50 goroutines put n random items between them, 50 get, and nothing is lost or doubled. A negative
// item ends the consumer that gets it, as in Python.
func feedAndConsume(t *testing.T, n int, get func(*queue.Queue[int]) (int, error)) {
	const feeders, consumers = 50, 50
	items := make([]int, n)
	for i := range items {
		items[i] = rand.Int()
	}
	q := queue.New[int](0)
	var feeding, consuming sync.WaitGroup
	for f := range feeders {
		feeding.Go(func() {
			for _, item := range items[f*n/feeders : (f+1)*n/feeders] {
				q.Put(item)
				if rand.IntN(10) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	results := make([][]int, consumers)
	for c := range consumers {
		consuming.Go(func() {
			for {
				item, err := get(q)
				if err != nil {
					t.Errorf("a get: %v", err)
				}
				if err != nil || item < 0 {
					return
				}
				results[c] = append(results[c], item)
			}
		})
	}
	feeding.Wait()
	for range consumers {
		q.Put(-1)
	}
	consuming.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(results...)))
	slices.Sort(items)
	if !slices.Equal(all, items) {
		t.Errorf("%d items were fed and %d consumed, or not the same", len(items), len(all))
	}
	wantState(t, q, 0, n+consumers)
}

// What CPython's tests leave open, in every order.
func TestWhatCPythonLeavesOpen(t *testing.T) {
	each := func(name string, test func(t *testing.T, o order)) {
		t.Run(name, func(t *testing.T) {
			for _, o := range orders {
				t.Run(o.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, o) }) })
			}
		})
	}

	// There is always room, so no time is too short, and none is waited for.
	each("X08 a put with a bad timeout into a queue without bound", func(t *testing.T, o order) {
		q := o.new(t, 0)
		began := time.Now()
		for i, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64, math.MaxInt64} {
			wantError(t, "PutTimeout", q.PutTimeout(i, d), nil)
			wantState(t, q, i+1, i+1)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})

	// Whose time is over takes what is there all the same.
	each("X09 a put or get past its deadline", func(t *testing.T, o order) {
		for _, maxsize := range bounded {
			q := o.new(t, maxsize)
			for _, d := range []time.Duration{0, -1, math.MinInt64} {
				wantError(t, "PutTimeout with room", q.PutTimeout(7, d), nil)
				if item, err := q.GetTimeout(d); item != 7 || err != nil {
					t.Errorf("GetTimeout with an item = %d, %v, want 7, nil", item, err)
				}
			}
			n := q.Unfinished()
			// In the very moment in which the time of a waiter is over it is served. Whichever comes first, the waiter
			// and the queue agree.
			getter := start(func() (int, error) { return q.GetTimeout(time.Second) })
			putter := time.AfterFunc(time.Second, func() { wantError(t, "TryPut", q.TryPut(7), nil) })
			time.Sleep(2 * time.Second)
			if putter.Stop() || !getter.returned() {
				t.Fatal("nothing happened in two seconds")
			}
			if getter.err == nil {
				getter.want(t, "GetTimeout", 7, nil)
				wantState(t, q, 0, n+1)
			} else {
				getter.want(t, "GetTimeout", 0, queue.ErrEmpty)
				wantState(t, q, 1, n+1)
				wantItems(t, q, 7)
			}
			fill(t, q, 0)
			n = q.Unfinished()
			late := start(func() (int, error) { return 0, q.PutTimeout(-1, time.Second) })
			time.AfterFunc(time.Second, func() { _, _ = q.TryGet() })
			time.Sleep(2 * time.Second)
			if late.returned() && late.err == nil {
				wantState(t, q, maxsize, n+1)
			} else {
				late.want(t, "PutTimeout", 0, queue.ErrFull)
				wantState(t, q, maxsize-1, n)
			}
		}
	})

	// Python's heap mixes up equals, and a comparison that raises leaves it wrong or takes an item with it.
	t.Run("X10 equal priorities and failing comparisons", TestEqualsLeaveInOrderOfArrival)

	// As in Python it is a matter of counting: nobody asks which item it is for, or whether it has left.
	each("X11 a TaskDone for an item that is still inside", func(t *testing.T, o order) {
		q := o.new(t, 0)
		q.Put(1)
		q.Put(2)
		joiner := startJoin(q)
		q.TaskDone()
		synctest.Wait()
		joiner.wantWaiting(t, "Join")
		q.TaskDone()
		synctest.Wait()
		joiner.want(t, "Join", 0, nil)
		wantState(t, q, 2, 0)
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		if _, err := q.Get(); err != nil {
			t.Error(err)
		}
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		q.ShutdownNow() // takes nothing off that is not counted
		wantState(t, q, 0, 0)
	})

	// A join counts what consumers have taken, and not what was dropped.
	each("X13 a join after an immediate shutdown with items at work", func(t *testing.T, o order) {
		q := o.new(t, 0)
		fill(t, q, 5)
		early := startJoin(q)
		for range 2 {
			if _, err := q.Get(); err != nil {
				t.Fatal(err)
			}
		}
		q.ShutdownNow()
		late := startJoin(q)
		for i := range 2 {
			synctest.Wait()
			early.wantWaiting(t, "a Join from before")
			late.wantWaiting(t, "a Join from after")
			wantState(t, q, 0, 2-i)
			q.TaskDone()
		}
		synctest.Wait()
		early.want(t, "a Join from before", 0, nil)
		late.want(t, "a Join from after", 0, nil)
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
	})
}
