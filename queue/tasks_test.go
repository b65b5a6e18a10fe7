package queue_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/queue"
)

func TestTaskDoneTooOftenPanicsAndChangesNothing(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		wantState(t, q, 0, 0)
		n := fill(t, q, 3)
		for range n {
			q.TaskDone()
		}
		// Counting is all it does: what counts as done may still be inside.
		wantState(t, q, n, 0)
		for range 3 {
			wantPanic(t, queue.ErrTaskDone, q.TaskDone)
		}
		wantState(t, q, n, 0)
		q.Join()
		for i := range n {
			wantItems(t, q, i)
		}
		wantError(t, "TryPut", q.TryPut(7), nil)
		wantState(t, q, 1, 1)
		q.TaskDone()
		wantPanic(t, queue.ErrTaskDone, q.TaskDone)
	})
}

func TestUnfinishedCountsWhatWasStoredAndNotDone(t *testing.T) {
	q := queue.New[int](2)
	q.Put(1)
	q.Put(2)
	q.TryPut(3)
	q.PutTimeout(3, 1)
	wantState(t, q, 2, 2)
	q.Get()
	q.Peek()
	wantState(t, q, 1, 2)
	q.TaskDone()
	wantState(t, q, 1, 1)
	q.Drain()
	wantState(t, q, 0, 1)
	q.Shutdown()
	wantState(t, q, 0, 1)
	q.TaskDone()
	wantState(t, q, 0, 0)
}

func TestJoinReturnsAtOnceAndAgainWhileNothingIsUnfinished(t *testing.T) {
	var q queue.Queue[int]
	for range 3 {
		q.Join()
		if !q.JoinTimeout(0) || !q.JoinTimeout(time.Hour) {
			t.Error("JoinTimeout = false")
		}
		wantError(t, "JoinContext", q.JoinContext(t.Context()), nil)
		q.Put(1)
		q.Get()
		q.TaskDone()
	}
}

var joins = []struct {
	name string
	join func(ctx context.Context, q *queue.Queue[int]) error
}{
	{"Join", func(_ context.Context, q *queue.Queue[int]) error { q.Join(); return nil }},
	{"JoinTimeout", func(_ context.Context, q *queue.Queue[int]) error { return joinTimeout(q.JoinTimeout(time.Hour)) }},
	{"JoinContext", func(ctx context.Context, q *queue.Queue[int]) error { return q.JoinContext(ctx) }},
}

func TestTheLastTaskDoneReleasesEveryJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue.Queue[int]
		for range 3 { // a queue may be joined again and again
			fill(t, &q, 5)
			var waiting []*call
			for range 4 {
				for _, j := range joins {
					waiting = append(waiting, start(func() (int, error) { return 0, j.join(t.Context(), &q) }))
				}
			}
			for i := range 5 {
				synctest.Wait()
				for _, c := range waiting {
					c.wantWaiting(t, "a join")
				}
				wantItems(t, &q, i)
				q.TaskDone()
			}
			synctest.Wait()
			for _, c := range waiting {
				c.want(t, "a join", 0, nil)
			}
		}
	})
}

func TestAJoinThatIsOverStaysOverWhenMoreIsPutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue.Queue[int]
		q.Put(1)
		var waiting []*call
		for _, j := range joins {
			waiting = append(waiting, start(func() (int, error) { return 0, j.join(t.Context(), &q) }))
		}
		synctest.Wait()
		q.TaskDone()
		q.Put(2) // before those who wait have run
		synctest.Wait()
		for _, c := range waiting {
			c.want(t, "a join", 0, nil)
		}
		if q.JoinTimeout(time.Second) {
			t.Error("JoinTimeout = true with an unfinished item")
		}
	})
}

// Whatever was put before a join must be done when it reports success, while others go on putting.
func TestJoinWhileOthersPutMissesNothing(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := newQueue(t, maxsize)
		var put, done, joined, gaveUp atomic.Int64
		var workers, joiners sync.WaitGroup
		for range 2 {
			workers.Go(func() {
				for range q.Tasks() {
					done.Add(1)
				}
			})
		}
		n := rounds(100_000)
		for _, join := range []func() bool{
			func() bool { q.Join(); return true },
			func() bool { return q.JoinTimeout(time.Microsecond) },
			func() bool { return q.JoinTimeout(time.Hour) },
			func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
				defer cancel()
				return q.JoinContext(ctx) == nil
			},
		} {
			joiners.Go(func() {
				for more := true; more; {
					before := put.Load()
					more = before < int64(n)
					if !join() {
						gaveUp.Add(1)
					} else if joined.Add(1); done.Load() < before {
						t.Errorf("%d items were put before the join and %d done after it", before, done.Load())
						return
					}
					runtime.Gosched()
				}
			})
		}
		for range n {
			q.Put(1)
			put.Add(1)
		}
		joiners.Wait()
		q.Join()
		wantState(t, q, 0, 0)
		q.Shutdown()
		workers.Wait()
		t.Logf("%d joins, %d gave up", joined.Load(), gaveUp.Load())
	})
}

func TestTasksGetsInOrderAndEndsOnceShutDownAndDrained(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		for name, tasks := range map[string]func(*queue.Queue[int]) func(func(int) bool){
			"Tasks":        func(q *queue.Queue[int]) func(func(int) bool) { return q.Tasks() },
			"TasksContext": func(q *queue.Queue[int]) func(func(int) bool) { return q.TasksContext(t.Context()) },
		} {
			q := queue.New[int](maxsize)
			n := fill(t, q, 100)
			q.Shutdown()
			i := 0
			for item := range tasks(q) {
				if item != i {
					t.Errorf("%s: got %d, want %d", name, item, i)
				}
				wantState(t, q, n-i-1, n-i) // the task of this body is unfinished
				i++
			}
			if i != n {
				t.Errorf("%s yielded %d items, want %d", name, i, n)
			}
			wantState(t, q, 0, 0)
			q.Join()
			for range tasks(q) {
				t.Errorf("%s yielded an item of a queue that is drained", name)
			}
		}
	})
}

func TestTasksCallsTaskDoneHoweverTheBodyEnds(t *testing.T) {
	type body func(*queue.Queue[int])
	for name, do := range map[string]body{
		"break": func(q *queue.Queue[int]) {
			for range q.Tasks() {
				break
			}
		},
		"return": func(q *queue.Queue[int]) {
			for range q.Tasks() {
				return
			}
		},
		"goto": func(q *queue.Queue[int]) {
			for range q.Tasks() {
				goto end
			}
		end:
		},
		"break of an outer loop": func(q *queue.Queue[int]) {
		outer:
			for {
				for range q.Tasks() {
					break outer
				}
			}
		},
		"panic": func(q *queue.Queue[int]) {
			defer func() {
				if recover() != "body" {
					t.Error("the body's panic did not come through")
				}
			}()
			for range q.Tasks() {
				panic("body")
			}
		},
		"Goexit": func(q *queue.Queue[int]) {
			for range q.Tasks() {
				runtime.Goexit()
			}
		},
		"end of the context in the body": func(q *queue.Queue[int]) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range q.TasksContext(ctx) {
				cancel()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := queue.New[int](0)
			fill(t, q, 3)
			var wg sync.WaitGroup
			wg.Go(func() { do(q) })
			wg.Wait()
			wantState(t, q, 2, 2) // one item was got, and it is done
			wantItems(t, q, 1)
		})
	}
	t.Run("continue", func(t *testing.T) {
		q := queue.New[int](0)
		fill(t, q, 3)
		q.Shutdown()
		for range q.Tasks() {
			continue
		}
		wantState(t, q, 0, 0)
	})
}

func TestTasksOfSeveralGoroutinesShareTheItemsWithoutLoss(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		tasks := q.Tasks() // one iterator may serve them all
		var mu sync.Mutex
		var got []int
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				var mine []int
				for item := range tasks {
					mine = append(mine, item)
				}
				if !slices.IsSorted(mine) {
					t.Error("a worker got items out of order")
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, mine...)
			})
		}
		n := rounds(100_000)
		for i := range n {
			q.Put(i)
		}
		q.Join()
		wantState(t, q, 0, 0)
		q.Shutdown()
		workers.Wait()
		slices.Sort(got)
		if len(got) != n {
			t.Fatalf("got %d items, want %d", len(got), n)
		}
		for i, item := range got {
			if item != i {
				t.Fatalf("item %d is missing or doubled", i)
			}
		}
	})
}

func TestTasksEndsOnShutdownOnShutdownNowAndWithItsContext(t *testing.T) {
	cause := errors.New("the reason")
	for name, end := range map[string]func(*queue.Queue[int], context.CancelCauseFunc){
		"Shutdown":    func(q *queue.Queue[int], _ context.CancelCauseFunc) { q.Shutdown() },
		"ShutdownNow": func(q *queue.Queue[int], _ context.CancelCauseFunc) { q.ShutdownNow() },
		"context":     func(_ *queue.Queue[int], cancel context.CancelCauseFunc) { cancel(cause) },
	} {
		t.Run(name, func(t *testing.T) {
			eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					var calls []*call
					for range 3 {
						calls = append(calls, start(func() (int, error) {
							n := 0
							for range q.TasksContext(ctx) {
								n++
							}
							return n, nil
						}))
					}
					synctest.Wait()
					q.Put(1)
					synctest.Wait()
					sum := 0
					for _, c := range calls {
						c.wantWaiting(t, "TasksContext")
					}
					end(q, cancel)
					synctest.Wait()
					for _, c := range calls {
						if !c.returned() {
							t.Fatal("TasksContext still waits")
						}
						sum += c.item
					}
					if sum != 1 {
						t.Errorf("%d items were yielded, want 1", sum)
					}
					wantState(t, q, 0, 0)
				})
			})
		})
	}
}

// With ShutdownNow in the middle of the work, each item is either given to a body or dropped, and Join returns once
// the bodies have ended.
func TestShutdownNowWhileTasksAreAtWork(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, maxsize)
			proceed := make(chan struct{})
			var workers []*call
			for range 2 {
				workers = append(workers, start(func() (int, error) {
					n := 0
					for range q.Tasks() {
						n++
						<-proceed
					}
					return n, nil
				}))
			}
			for i := range 2 {
				q.Put(i)
				synctest.Wait()
			}
			left := fill(t, q, 10)
			wantState(t, q, left, left+2)
			joined := start(func() (int, error) { q.Join(); return 0, nil })
			synctest.Wait()
			q.ShutdownNow()
			synctest.Wait()
			wantState(t, q, 0, 2)
			joined.wantWaiting(t, "Join, with two tasks at work,")
			proceed <- struct{}{}
			synctest.Wait()
			joined.wantWaiting(t, "Join, with one task at work,")
			proceed <- struct{}{}
			synctest.Wait()
			joined.want(t, "Join", 0, nil)
			for _, w := range workers {
				w.want(t, "a worker", 1, nil)
			}
		})
	})
}

func TestATasksBodyMayUseTheQueue(t *testing.T) {
	q := queue.New[int](0)
	q.Put(5)
	var got []int
	for item := range q.Tasks() {
		got = append(got, item)
		if item == 0 {
			q.Shutdown()
			continue
		}
		q.Put(item - 1)
	}
	if !slices.Equal(got, []int{5, 4, 3, 2, 1, 0}) {
		t.Errorf("got %v", got)
	}
	q.Join()
}
