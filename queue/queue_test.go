package queue_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// That a Queue must not be copied needs no test: its guard holds a sync.Mutex, which go vet's copylocks check reports.

func TestTheZeroQueueIsAnUnboundedFIFO(t *testing.T) {
	var q queue.Queue[int]
	if q.Cap() != 0 {
		t.Errorf("Cap() = %d, want 0", q.Cap())
	}
	wantState(t, &q, 0, 0)
	q.Join()
	fill(t, &q, 1000)
	wantState(t, &q, 1000, 1000)
	for i := range 1000 {
		wantItems(t, &q, i)
	}
	wantState(t, &q, 0, 1000)
}

func TestAMaxsizeOfZeroOrLessMeansUnbounded(t *testing.T) {
	for _, maxsize := range []int{0, -1, math.MinInt} {
		q := queue.New[int](maxsize)
		fill(t, q, 1000)
		if q.Cap() != 0 || q.Full() {
			t.Errorf("New(%d): Cap() = %d, Full() = %t, want 0, false", maxsize, q.Cap(), q.Full())
		}
	}
}

func TestItemsLeaveInTheOrderInWhichTheyCame(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		in, out := 0, 0
		for range rounds(20_000) {
			// Runs of random length move both ends through every position of the storage.
			for range rand.IntN(300) {
				if q.TryPut(in) != nil {
					break
				}
				in++
			}
			for range rand.IntN(300) {
				item, err := q.TryGet()
				if err != nil {
					break
				}
				if item != out {
					t.Fatalf("got %d, want %d", item, out)
				}
				out++
			}
			if q.Len() != in-out {
				t.Fatalf("Len() = %d after %d puts and %d gets", q.Len(), in, out)
			}
		}
	})
}

func TestLenCapEmptyFullAndPeekDescribeTheQueue(t *testing.T) {
	eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		if q.Cap() != maxsize {
			t.Errorf("Cap() = %d, want %d", q.Cap(), maxsize)
		}
		for i := range maxsize {
			wantState(t, q, i, i)
			wantError(t, "TryPut", q.TryPut(i), nil)
			if item, ok := q.Peek(); !ok || item != 0 {
				t.Errorf("Peek() = %d, %t, want 0, true", item, ok)
			}
		}
		for i := range maxsize {
			wantState(t, q, maxsize-i, maxsize)
			if item, ok := q.Peek(); !ok || item != i {
				t.Errorf("Peek() = %d, %t, want %d, true", item, ok, i)
			}
			wantItems(t, q, i)
		}
		wantState(t, q, 0, maxsize)
		if item, ok := q.Peek(); ok || item != 0 {
			t.Errorf("Peek() of an empty queue = %d, %t, want 0, false", item, ok)
		}
	})
}

func TestZeroValuesAreItemsToo(t *testing.T) {
	q := queue.New[error](1)
	wantError(t, "Put(nil)", q.Put(nil), nil)
	if item, err := q.Get(); item != nil || err != nil {
		t.Errorf("Get() = %v, %v, want nil, nil", item, err)
	}
	empty := queue.New[struct{}](0)
	for range 1000 {
		empty.Put(struct{}{})
	}
	if len(empty.Drain()) != 1000 {
		t.Error("items without size were lost")
	}
}

func TestTryFormsSayWhyTheyFail(t *testing.T) {
	eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		_, err := q.TryGet()
		wantError(t, "TryGet of an empty queue", err, queue.ErrEmpty)
		fill(t, q, 0)
		wantError(t, "TryPut into a full queue", q.TryPut(-1), queue.ErrFull)
		wantState(t, q, maxsize, maxsize)
		q.Shutdown()
		wantError(t, "TryPut into a full queue that is shut down", q.TryPut(-1), queue.ErrShutdown)
		for i := range maxsize {
			wantItems(t, q, i)
		}
		_, err = q.TryGet()
		wantError(t, "TryGet of an empty queue that is shut down", err, queue.ErrShutdown)
	})
}

func TestATimeoutOfZeroOrLessIsTheTryForm(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		q := queue.New[int](1)
		_, err := q.GetTimeout(d)
		wantError(t, "GetTimeout of an empty queue", err, queue.ErrEmpty)
		wantError(t, "PutTimeout with room", q.PutTimeout(7, d), nil)
		wantError(t, "PutTimeout into a full queue", q.PutTimeout(8, d), queue.ErrFull)
		if q.JoinTimeout(d) {
			t.Error("JoinTimeout with an unfinished item: true")
		}
		if item, err := q.GetTimeout(d); item != 7 || err != nil {
			t.Errorf("GetTimeout = %v, %v, want 7, nil", item, err)
		}
		q.TaskDone()
		if !q.JoinTimeout(d) {
			t.Error("JoinTimeout with everything finished: false")
		}
		q.Shutdown()
		_, err = q.GetTimeout(d)
		wantError(t, "GetTimeout after Shutdown", err, queue.ErrShutdown)
		wantError(t, "PutTimeout after Shutdown", q.PutTimeout(9, d), queue.ErrShutdown)
		wantState(t, q, 0, 0)
	}
}

func TestAContextThatHasEndedReturnsItsCauseAndChangesNothing(t *testing.T) {
	cause := errors.New("the reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	expired, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		for _, c := range []struct {
			ctx  context.Context
			want error
		}{{ctx, cause}, {expired, context.DeadlineExceeded}} {
			q := queue.New[int](maxsize)
			_, err := q.GetContext(c.ctx)
			wantError(t, "GetContext of an empty queue", err, c.want)
			wantError(t, "PutContext with room", q.PutContext(c.ctx, -1), c.want)
			wantState(t, q, 0, 0)
			wantError(t, "JoinContext with nothing unfinished", q.JoinContext(c.ctx), c.want)

			n := fill(t, q, 100)
			item, err := q.GetContext(c.ctx)
			wantError(t, "GetContext with an item there", err, c.want)
			if item != 0 {
				t.Errorf("GetContext returned %d beside its error", item)
			}
			wantError(t, "PutContext into a full queue", q.PutContext(c.ctx, -1), c.want)
			wantError(t, "JoinContext with unfinished items", q.JoinContext(c.ctx), c.want)
			for range q.TasksContext(c.ctx) {
				t.Error("TasksContext yielded an item")
			}
			wantState(t, q, n, n)
			for i := range n {
				wantItems(t, q, i)
			}
		}
	})
}

func TestShutdownIsReportedBeforeAContextThatHasEnded(t *testing.T) {
	cause := errors.New("the reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		fill(t, q, 1)
		n := q.Len()
		q.Shutdown()
		wantError(t, "PutContext", q.PutContext(ctx, -1), queue.ErrShutdown)
		_, err := q.GetContext(ctx)
		wantError(t, "GetContext with items left, for which the queue is not at its end", err, cause)
		wantState(t, q, n, n)
		q.ShutdownNow()
		_, err = q.GetContext(ctx)
		wantError(t, "GetContext with nothing left", err, queue.ErrShutdown)
		wantError(t, "JoinContext, which Shutdown does not concern", q.JoinContext(ctx), cause)
	})
}

func TestAContextThatNeverEndsServesAllForms(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		for _, ctx := range []context.Context{context.Background(), t.Context(), context.WithoutCancel(t.Context())} {
			wantError(t, "PutContext", q.PutContext(ctx, 1), nil)
			item, err := q.GetContext(ctx)
			wantError(t, "GetContext", err, nil)
			if item != 1 {
				t.Errorf("GetContext = %d, want 1", item)
			}
			q.TaskDone()
			wantError(t, "JoinContext", q.JoinContext(ctx), nil)
		}
	})
}

func TestDrainTakesEverythingAndLeavesItUnfinished(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		if items := q.Drain(); len(items) != 0 {
			t.Errorf("Drain of an empty queue = %v", items)
		}
		n := fill(t, q, 1000)
		items := q.Drain()
		want := make([]int, n)
		for i := range want {
			want[i] = i
		}
		if !slices.Equal(items, want) {
			t.Errorf("Drain() = %v, want 0 to %d", items, n-1)
		}
		wantState(t, q, 0, n)
		for range n {
			if q.JoinTimeout(0) {
				t.Fatal("JoinTimeout reports true before the last TaskDone")
			}
			q.TaskDone()
		}
		q.Join()
		wantError(t, "TryPut after Drain", q.TryPut(7), nil)
		wantItems(t, q, 7)
	})
}

func TestAfterShutdownWhatIsInsideCanStillBeGot(t *testing.T) {
	forms := map[string]func(*queue.Queue[int]) (int, error){
		"Get":        (*queue.Queue[int]).Get,
		"TryGet":     (*queue.Queue[int]).TryGet,
		"GetTimeout": func(q *queue.Queue[int]) (int, error) { return q.GetTimeout(time.Hour) },
		"GetContext": func(q *queue.Queue[int]) (int, error) { return q.GetContext(t.Context()) },
	}
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		for name, get := range forms {
			q := queue.New[int](maxsize)
			n := fill(t, q, 100)
			q.Shutdown()
			wantState(t, q, n, n)
			for i := range n {
				if item, err := get(q); item != i || err != nil {
					t.Errorf("%s = %d, %v, want %d, nil", name, item, err, i)
				}
			}
			for range 2 {
				item, err := get(q)
				wantError(t, name+" at the end", err, queue.ErrShutdown)
				if item != 0 {
					t.Errorf("%s returned %d beside its error", name, item)
				}
			}
			wantState(t, q, 0, n)
		}
	})
}

func TestAfterShutdownEveryPutFailsWithOrWithoutRoom(t *testing.T) {
	forms := map[string]func(*queue.Queue[int]) error{
		"Put":        func(q *queue.Queue[int]) error { return q.Put(-1) },
		"TryPut":     func(q *queue.Queue[int]) error { return q.TryPut(-1) },
		"PutTimeout": func(q *queue.Queue[int]) error { return q.PutTimeout(-1, time.Hour) },
		"PutContext": func(q *queue.Queue[int]) error { return q.PutContext(t.Context(), -1) },
	}
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		for name, put := range forms {
			q := queue.New[int](maxsize)
			n := fill(t, q, 3)
			q.Shutdown()
			wantError(t, name+" into a full queue", put(q), queue.ErrShutdown)
			wantItems(t, q, 0)
			wantError(t, name+" with room", put(q), queue.ErrShutdown)
			wantState(t, q, n-1, n)
			q.ShutdownNow()
			wantError(t, name+" after ShutdownNow", put(q), queue.ErrShutdown)
			wantState(t, q, 0, 1)
		}
	})
}

func TestShutdownNowDropsWhatIsInsideAndTakesItOffUnfinished(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		n := fill(t, q, 100)
		taken := (n + 1) / 2
		for i := range taken {
			wantItems(t, q, i)
		}
		q.ShutdownNow()
		wantState(t, q, 0, taken)
		_, err := q.Get()
		wantError(t, "Get", err, queue.ErrShutdown)
		if items := q.Drain(); len(items) != 0 {
			t.Errorf("Drain() = %v", items)
		}
		for range taken {
			if q.JoinTimeout(0) {
				t.Fatal("JoinTimeout reports true before the items that were taken are done")
			}
			q.TaskDone()
		}
		q.Join()
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
	})
}

// TaskDone is not tied to an item, so items may be inside that count as done already. There is nothing left to take
// off for them, and Unfinished must not fall below zero: Join would then wait for ever.
func TestShutdownNowDropsItemsThatAreDoneAlreadyWithoutCountingThemTwice(t *testing.T) {
	q := queue.New[int](0)
	fill(t, q, 2)
	q.TaskDone()
	wantState(t, q, 2, 1)
	q.ShutdownNow()
	wantState(t, q, 0, 0)
	if !q.JoinTimeout(0) {
		t.Error("JoinTimeout(0) = false though every item was done or dropped")
	}
	wantPanic(t, queue.ErrTaskDone, q.TaskDone)
	wantState(t, q, 0, 0)
}

func TestShutdownMayFollowShutdownNowAndTheReverse(t *testing.T) {
	for _, first := range []string{"Shutdown", "ShutdownNow"} {
		q := queue.New[int](0)
		if q.IsShutdown() {
			t.Error("IsShutdown() of a new queue")
		}
		fill(t, q, 3)
		if first == "Shutdown" {
			q.Shutdown()
			q.Shutdown()
			wantState(t, q, 3, 3)
			q.ShutdownNow()
		} else {
			q.ShutdownNow()
			q.ShutdownNow()
			q.Shutdown()
		}
		if !q.IsShutdown() {
			t.Errorf("%s first: IsShutdown() = false", first)
		}
		wantState(t, q, 0, 0)
		_, err := q.Get()
		wantError(t, "Get", err, queue.ErrShutdown)
		wantError(t, "Put", q.Put(1), queue.ErrShutdown)
	}
}

// A waiter that was passed over is served next once a millisecond has gone by. With one processor a goroutine that puts
// and gets without a pause in between leaves nothing to see for anyone who was woken meanwhile, so but for that promise
// the waiter would never be served, however long it tried. How long that may be is counted in turns of the others, and not
// in seconds, of which a busy machine may take any number.
func TestNobodyStarves(t *testing.T) {
	for _, c := range []struct {
		name       string
		maxsize    int
		full       bool // at the start
		processors int
		waiter     func(*queue.Queue[int]) error
		hammer     func(*queue.Queue[int])
	}{
		{"a getter, one processor", 0, false, 1, getOne, putGet},
		{"a getter at a bounded queue, one processor", 33, false, 1, getOne, putGet},
		{"a timed getter, one processor", 0, false, 1, getOneTimed, putGet},
		{"a putter, one processor", 33, true, 1, putOne, getPut},
		{"a putter at a larger queue, one processor", 128, true, 1, putOne, getPut},
		{"a getter", 0, false, 8, getOne, putGet},
		{"a putter", 33, true, 8, putOne, getPut},
		{"a putter at a small queue", 1, true, 8, putOne, getPut},
		{"a getter at a small queue", 1, false, 8, getOne, putGet},
	} {
		t.Run(c.name, func(t *testing.T) {
			proof.Processors(t, c.processors)
			q := queue.New[int](c.maxsize)
			if c.full {
				fill(t, q, 0)
			}
			servedAmong(t, q, c.waiter, func(int) { c.hammer(q) })
		})
	}
}

// servedAmong fails the test unless a waiter is served 20 times before one of eight others, who hammer all the time, has
// had so many turns that seconds have gone by. In the end q is shut down.
func servedAmong(t *testing.T, q *queue.Queue[int], wait func(*queue.Queue[int]) error, hammer func(i int)) {
	t.Helper()
	var (
		turns      = proof.Rounds(1_000_000, 1, 4)
		stop, late atomic.Bool
		hammering  sync.WaitGroup
	)
	for i := range 8 {
		hammering.Go(func() {
			for n := 0; !stop.Load(); n++ {
				if n == turns {
					late.Store(true)
					q.ShutdownNow() // ends the wait
				}
				hammer(i)
				runtime.Gosched()
			}
		})
	}
	for n := range 20 {
		if err := wait(q); err != nil || late.Load() {
			t.Errorf("served %d of 20 times, and then %v, while one of the others had %d turns: %v", n, err, turns, late.Load())
			break
		}
	}
	stop.Store(true)
	q.ShutdownNow()
	hammering.Wait()
}

func getOne(q *queue.Queue[int]) error { _, err := q.Get(); return err }

func getOneTimed(q *queue.Queue[int]) error { _, err := q.GetTimeout(time.Hour); return err }

func putOne(q *queue.Queue[int]) error { return q.Put(1) }

// A hammer never waits itself: if the waiter took its item or its room, it goes on without.
func putGet(q *queue.Queue[int]) {
	q.TryPut(1)
	q.TryGet()
}

func getPut(q *queue.Queue[int]) {
	q.TryGet()
	q.TryPut(1)
}

func TestTheFreePathAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	eachCapacity(t, []int{1, 128, 0}, func(t *testing.T, maxsize int) {
		q := queue.New[*int](maxsize)
		item := new(int)
		for name, pair := range map[string]func(){
			"Put, Get":       func() { q.Put(item); q.Get() },
			"TryPut, TryGet": func() { q.TryPut(item); q.TryGet() },
			"PutTimeout, GetTimeout": func() {
				q.PutTimeout(item, time.Hour)
				q.GetTimeout(time.Hour)
			},
			"PutContext, GetContext": func() { q.PutContext(ctx, item); q.GetContext(ctx) },
			"TaskDone, Join": func() {
				q.Put(item)
				q.Get()
				for q.Unfinished() > 0 {
					q.TaskDone()
				}
				q.Join()
				q.JoinTimeout(time.Hour)
				q.JoinContext(ctx)
			},
			"Peek, Len, Empty, Full": func() { q.Peek(); q.Len(); q.Empty(); q.Full() },
			"failing forms": func() {
				q.TryGet()
				q.GetTimeout(0)
			},
		} {
			for range 300 { // until the storage has its size
				pair()
			}
			if n := testing.AllocsPerRun(1000, pair); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	})
}

func TestABacklogInTheSteadyStateAllocatesNothing(t *testing.T) {
	q := queue.New[int](0)
	const backlog = 10000
	fill(t, q, backlog)
	step := func() {
		q.Put(1)
		q.Get()
	}
	for range 2 * backlog {
		step()
	}
	if n := testing.AllocsPerRun(5*backlog, step); n != 0 {
		t.Errorf("%v allocations an item", n)
	}
}

// What a wait without limit needs is taken from a pool.
func TestWaitingWithoutALimitAllocatesNothingInTheSteadyState(t *testing.T) {
	if proof.Race {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		there, back := queue.New[int](maxsize), queue.New[int](maxsize)
		var echo sync.WaitGroup
		echo.Go(func() {
			for {
				item, err := there.Get()
				if err != nil {
					return
				}
				back.Put(item)
			}
		})
		pingPong := func() {
			there.Put(1)
			back.Get()
		}
		for range 1000 {
			pingPong()
		}
		const n = 10000
		if got := mallocs(func() {
			for range n {
				pingPong()
			}
		}); got > n/100 {
			t.Errorf("%d allocations in %d exchanges", got, n)
		}
		there.Shutdown()
		echo.Wait()
	})
}

func TestPuttersThatWaitAllocateNothingInTheSteadyState(t *testing.T) {
	if proof.Race {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		const n = 20000
		var putter sync.WaitGroup
		putter.Go(func() {
			for q.Put(1) == nil {
			}
		})
		take := func() {
			for range n {
				q.Get()
			}
		}
		take()
		if got := mallocs(take); got > n/100 {
			t.Errorf("%d allocations for %d items", got, n)
		}
		q.ShutdownNow()
		putter.Wait()
	})
}

func mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// An object is large enough not to share its memory with others.
type object struct{ content [64]byte }

func TestWhatHasLeftTheQueueIsNotKeptAlive(t *testing.T) {
	put := func(q *queue.Queue[*object]) weak.Pointer[object] {
		o := new(object)
		q.Put(o)
		return weak.Make(o)
	}
	for name, leave := range map[string]func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object]{
		"got": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			w := put(q)
			q.Get()
			return w
		},
		"got from among others": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			w := put(q)
			if q.Cap() != 1 {
				put(q)
			}
			q.Get()
			return w
		},
		"drained": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			w := put(q)
			q.Drain()
			return w
		},
		"dropped by ShutdownNow": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			w := put(q)
			q.ShutdownNow()
			return w
		},
		"handed to a getter that waited": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			got := make(chan struct{})
			go func() {
				defer close(got)
				q.Get()
			}()
			runtime.Gosched() // most often it waits by now
			w := put(q)
			<-got
			return w
		},
		"brought by a putter that waited": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			if q.Cap() == 0 {
				return weak.Pointer[object]{}
			}
			for !q.Full() {
				q.Put(nil)
			}
			stored := make(chan weak.Pointer[object])
			go func() { stored <- put(q) }()
			runtime.Gosched()
			for range q.Cap() {
				q.Get()
			}
			w := <-stored
			q.Get()
			return w
		},
		"refused by TryPut": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			for q.Cap() > 0 && q.TryPut(nil) == nil {
			}
			if q.Cap() == 0 {
				q.Shutdown()
			}
			o := new(object)
			if q.TryPut(o) == nil {
				t.Error("TryPut stored what there was no room for")
			}
			return weak.Make(o)
		},
		"brought by a PutTimeout that gave up": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			for q.Cap() > 0 && q.TryPut(nil) == nil {
			}
			o := new(object)
			if q.Cap() > 0 && q.PutTimeout(o, 1) == nil {
				t.Error("PutTimeout stored what there was no room for")
			}
			return weak.Make(o)
		},
		"brought by a PutContext that gave up": func(t *testing.T, q *queue.Queue[*object]) weak.Pointer[object] {
			for q.Cap() > 0 && q.TryPut(nil) == nil {
			}
			o := new(object)
			ctx, cancel := context.WithCancel(t.Context())
			gaveUp := make(chan struct{})
			go func() {
				defer close(gaveUp)
				if q.Cap() > 0 && q.PutContext(ctx, o) == nil {
					t.Error("PutContext stored what there was no room for")
				}
			}()
			runtime.Gosched()
			cancel()
			<-gaveUp
			return weak.Make(o)
		},
		"brought by a putter that waited and was shut out": func(t *testing.T,
			q *queue.Queue[*object]) weak.Pointer[object] {
			for q.Cap() > 0 && q.TryPut(nil) == nil {
			}
			o := new(object)
			shutOut := make(chan struct{})
			go func() {
				defer close(shutOut)
				q.Put(o)
			}()
			runtime.Gosched()
			if q.Cap() == 0 {
				<-shutOut // it is stored, and dropped below
			}
			q.ShutdownNow()
			<-shutOut
			return weak.Make(o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
				// The goroutine that had the object may be found before it has quite ended, but hardly three times.
				for range 3 {
					q := queue.New[*object](maxsize)
					// On a goroutine of its own, so that no stack keeps the object.
					left := make(chan weak.Pointer[object])
					go func() { left <- leave(t, q) }()
					w := <-left
					// One collection must do: what a pool holds survives one, and a waiter in a pool must not hold an item.
					runtime.GC()
					if w.Value() == nil {
						return
					}
					runtime.KeepAlive(q)
				}
				t.Error("the item is still reachable")
			})
		})
	}
}

func TestMemoryGoesBackWhenABacklogHasDrained(t *testing.T) {
	backlog := max(rounds(1_000_000), 200_000)
	slack := uint64(backlog) / 4 // of 8 bytes an item, or 4
	for name, drain := range map[string]func(*queue.Queue[int]){
		"got": func(q *queue.Queue[int]) {
			for !q.Empty() {
				q.Get()
			}
		},
		"drained":                func(q *queue.Queue[int]) { q.Drain() },
		"dropped by ShutdownNow": (*queue.Queue[int]).ShutdownNow,
	} {
		t.Run(name, func(t *testing.T) {
			q := queue.New[int](0)
			before := heap()
			for i := range backlog {
				q.Put(i)
			}
			if full := heap(); full < before+uint64(backlog)*4 {
				t.Fatalf("a backlog of %d items takes %d bytes: the measurement is wrong", backlog, full-before)
			}
			drain(q)
			if after := heap(); after > before+slack {
				t.Errorf("%d bytes more than before the backlog", after-before)
			}
			runtime.KeepAlive(q)
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first may leave what finalizers and pools hold
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAContextThatPanicsLeavesTheQueueAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[int](1)
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _, _ = q.GetContext(ctx) }, func() { _ = q.Put(1) })
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = q.PutContext(ctx, 2) }, func() { _ = q.Len() })
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _ = q.JoinContext(ctx) }, func() {
			if item, err := q.TryGet(); item != 1 || err != nil || q.Len() != 0 {
				t.Errorf("the queue holds %d, %v, and %d more, want 1 and nothing else", item, err, q.Len())
			}
		})
	})
}
