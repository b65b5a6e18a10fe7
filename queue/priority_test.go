package queue_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// What only a priority queue can do wrong: the order of equals, and a compare that does not return.

// A task is compared by its rank; n tells it from its equals. A poisoned one cannot be compared.
type task struct {
	rank, n int
	poison  bool
}

// A touchy compare ends the goroutine that asks, if told to: when asked about a poisoned task, and once at the call to
// which trip counts down.
type touchy struct {
	end  func()
	trip atomic.Int64
}

func (c *touchy) compare(a, b task) int {
	if c.trip.Add(-1) == 0 || a.poison || b.poison {
		c.end()
	}
	return a.rank - b.rank
}

var endings = []struct {
	name string
	end  func()
	want any // what the goroutine panics with
}{
	{"panic", func() { panic(errCompare) }, errCompare},
	{"Goexit", runtime.Goexit, nil},
}

// A trial is a call on a goroutine of its own that may not return. It is looked at after synctest.Wait.
type trial struct {
	ended    bool
	returned bool
	panicked any
	item     task
	err      error
}

func try(f func() (task, error)) *trial {
	c := new(trial)
	go func() {
		defer func() {
			if !c.returned {
				c.panicked = recover()
			}
			c.ended = true
		}()
		c.item, c.err = f()
		c.returned = true
	}()
	return c
}

func (c *trial) wantWaiting(t *testing.T, what string) {
	t.Helper()
	if c.ended {
		t.Fatalf("%s has ended with %+v; want it to wait", what, *c)
	}
}

func (c *trial) wantReturned(t *testing.T, what string, item task) {
	t.Helper()
	if !c.ended || !c.returned || c.err != nil || c.item != item {
		t.Fatalf("%s: %+v, want it to have returned %v", what, *c, item)
	}
}

func (c *trial) wantEnded(t *testing.T, what string, panicked any) {
	t.Helper()
	if !c.ended || c.returned || c.panicked != panicked {
		t.Fatalf("%s: %+v, want it not to have returned, and panicked with %v", what, *c, panicked)
	}
}

type taskGet struct {
	name string
	get  func(context.Context, *queue.Queue[task]) (task, error)
}

type taskPut struct {
	name string
	put  func(context.Context, *queue.Queue[task], task) error
}

// In the order of gets and puts, so that waiting picks those that wait.
var taskGets = []taskGet{
	{"Get", func(_ context.Context, q *queue.Queue[task]) (task, error) { return q.Get() }},
	{"TryGet", func(_ context.Context, q *queue.Queue[task]) (task, error) { return q.TryGet() }},
	{"GetTimeout", func(_ context.Context, q *queue.Queue[task]) (task, error) { return q.GetTimeout(time.Hour) }},
	{"GetTimeout(0)", func(_ context.Context, q *queue.Queue[task]) (task, error) { return q.GetTimeout(0) }},
	{"GetContext", func(ctx context.Context, q *queue.Queue[task]) (task, error) { return q.GetContext(ctx) }},
}

var taskPuts = []taskPut{
	{"Put", func(_ context.Context, q *queue.Queue[task], item task) error { return q.Put(item) }},
	{"TryPut", func(_ context.Context, q *queue.Queue[task], item task) error { return q.TryPut(item) }},
	{"PutTimeout", func(_ context.Context, q *queue.Queue[task], item task) error { return q.PutTimeout(item, time.Hour) }},
	{"PutTimeout(0)", func(_ context.Context, q *queue.Queue[task], item task) error { return q.PutTimeout(item, 0) }},
	{"PutContext", func(ctx context.Context, q *queue.Queue[task], item task) error { return q.PutContext(ctx, item) }},
}

type taskBatch struct {
	name string
	get  func(context.Context, *queue.Queue[task], int) ([]task, error)
}

var taskBatches = []taskBatch{
	{"GetN", func(_ context.Context, q *queue.Queue[task], n int) ([]task, error) { return q.GetN(n) }},
	{"TryGetN", func(_ context.Context, q *queue.Queue[task], n int) ([]task, error) { return q.TryGetN(n) }},
	{"GetNTimeout", func(_ context.Context, q *queue.Queue[task], n int) ([]task, error) {
		return q.GetNTimeout(n, time.Hour)
	}},
	{"GetNTimeout(0)", func(_ context.Context, q *queue.Queue[task], n int) ([]task, error) { return q.GetNTimeout(n, 0) }},
	{"GetNContext", func(ctx context.Context, q *queue.Queue[task], n int) ([]task, error) { return q.GetNContext(ctx, n) }},
}

// newTasks returns a queue with n tasks inside, with equals among them, and these in the order in which they leave.
func newTasks(t *testing.T, maxsize, n int, compare func(a, b task) int) (*queue.Queue[task], []task) {
	q := queue.NewPriority(maxsize, compare)
	t.Cleanup(func() {
		q.ShutdownNow()
		for q.Unfinished() > 0 {
			q.TaskDone()
		}
	})
	var inside []task
	for i := range n {
		item := task{rank: i * 7 % 5, n: i}
		if err := q.TryPut(item); err != nil {
			t.Fatalf("TryPut of task %d of %d: %v", i, n, err)
		}
		inside = append(inside, item)
	}
	return q, sortTasks(inside)
}

// sortTasks returns tasks, which are given in order of arrival, in the order in which they leave.
func sortTasks(tasks []task) []task {
	tasks = slices.Clone(tasks)
	slices.SortStableFunc(tasks, func(a, b task) int { return a.rank - b.rank })
	return tasks
}

// takeTask takes one and marks it as done.
func takeTask(t *testing.T, q *queue.Queue[task], want task) {
	t.Helper()
	if got, err := q.TryGet(); got != want || err != nil {
		t.Fatalf("TryGet = %v, %v, want %v", got, err, want)
	}
	q.TaskDone()
}

// wantTasks takes everything and compares.
func wantTasks(t *testing.T, q *queue.Queue[task], unfinished int, want []task) {
	t.Helper()
	if q.Len() != len(want) || q.Unfinished() != unfinished {
		t.Fatalf("Len() = %d, Unfinished() = %d, want %d, %d", q.Len(), q.Unfinished(), len(want), unfinished)
	}
	for i, item := range want {
		if got, err := q.TryGet(); got != item || err != nil {
			t.Fatalf("TryGet number %d = %v, %v, want %v", i, got, err, item)
		}
	}
}

// Whichever comparison of a call does not return: the call has had no effect, and the queue works on. In a bubble, so
// that a lock that is still held shows as a deadlock.
func TestACompareThatDoesNotReturnLeavesTheQueueAsItWas(t *testing.T) {
	type operation struct {
		name string
		do   func(context.Context, *queue.Queue[task]) error
	}
	var operations []operation
	for _, f := range taskPuts {
		for _, rank := range []int{-1, 2, 9} {
			operations = append(operations, operation{
				fmt.Sprintf("%s, rank %d", f.name, rank),
				func(ctx context.Context, q *queue.Queue[task]) error { return f.put(ctx, q, task{rank: rank, n: -1}) },
			})
		}
	}
	for _, f := range taskGets {
		operations = append(operations, operation{
			f.name,
			func(ctx context.Context, q *queue.Queue[task]) error { _, err := f.get(ctx, q); return err },
		})
	}
	for _, n := range []int{1, 2, 5, math.MaxInt} {
		for _, f := range taskBatches {
			operations = append(operations, operation{
				fmt.Sprintf("%s of %d", f.name, n),
				func(ctx context.Context, q *queue.Queue[task]) error { _, err := f.get(ctx, q, n); return err },
			})
		}
	}
	operations = append(operations,
		operation{"Peek", func(_ context.Context, q *queue.Queue[task]) error { q.Peek(); return nil }},
		operation{"All", func(_ context.Context, q *queue.Queue[task]) error {
			for range q.All() {
			}
			return nil
		}},
		operation{"TryGetIf", func(_ context.Context, q *queue.Queue[task]) error {
			_, err := q.TryGetIf(func(task) bool { return true })
			return err
		}},
		operation{"Drain", func(_ context.Context, q *queue.Queue[task]) error { q.Drain(); return nil }},
		operation{"Tasks", func(_ context.Context, q *queue.Queue[task]) error {
			for range q.Tasks() {
				break
			}
			return nil
		}})
	for _, ending := range endings {
		for _, op := range operations {
			t.Run(ending.name+", "+op.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					asked := 0
					for _, n := range []int{1, 2, 3, 7, 12, 40} {
						for _, maxsize := range []int{n + 1, 0, -1} {
							for k := 1; ; k++ {
								c := &touchy{end: ending.end}
								q, inside := newTasks(t, maxsize, n, c.compare)
								if maxsize < 0 { // something was taken just before
									wantError(t, "Put", q.Put(task{rank: -5}), nil)
									takeTask(t, q, task{rank: -5})
								}
								c.trip.Store(int64(k))
								call := try(func() (task, error) { return task{}, op.do(t.Context(), q) })
								synctest.Wait()
								c.trip.Store(0)
								if call.returned {
									call.wantReturned(t, op.name, task{})
									break
								}
								asked++
								call.wantEnded(t, op.name, ending.want)
								// An equal that comes now still goes behind those that were there.
								for i, rank := range []int{0, 2, 4} {
									item := task{rank: rank, n: 100 + i}
									if maxsize <= 0 {
										wantError(t, "Put", q.Put(item), nil)
										inside = append(inside, item)
									}
								}
								wantTasks(t, q, len(inside), sortTasks(inside))
							}
						}
					}
					if asked == 0 {
						t.Error("compare was never asked")
					}
				})
			})
		}
	}
}

// Putters that wait, every other one with a task that cannot be compared. Whoever makes room stores their tasks for
// them, or wakes them to do so: he himself notices nothing, the poisoned ones end, and the others are stored.
func TestAPutterThatWaitedForACompareThatDoesNotReturnPassesItsTurnOn(t *testing.T) {
	for _, ending := range endings {
		for _, f := range waiting(taskPuts) {
			t.Run(ending.name+", "+f.name, func(t *testing.T) {
				eachCapacity(t, bounded[1:], func(t *testing.T, maxsize int) { // alone inside, nothing is compared
					synctest.Test(t, func(t *testing.T) {
						c := &touchy{end: ending.end}
						q, inside := newTasks(t, maxsize, maxsize, c.compare)
						var putters []*trial
						var brought []task
						for i := range 8 {
							item := task{rank: i % 3, n: 100 + i, poison: i%4 < 2}
							brought = append(brought, item)
							putters = append(putters, try(func() (task, error) { return task{}, f.put(t.Context(), q, item) }))
							synctest.Wait()
						}
						first := 0 // of the putters that wait
						for round := range 4 {
							get := taskGets[round]
							getter := try(func() (task, error) { return get.get(t.Context(), q) })
							synctest.Wait()
							getter.wantReturned(t, "a get that makes room", inside[0])
							inside = inside[1:]
							for brought[first].poison {
								putters[first].wantEnded(t, "a put of a poisoned task", ending.want)
								first++
							}
							putters[first].wantReturned(t, "a put", task{})
							inside = sortTasks(append(inside, brought[first]))
							if first++; first < len(putters) {
								putters[first].wantWaiting(t, "a put")
							}
						}
						if q.TryPut(task{}) != queue.ErrFull {
							t.Error("room was left that nobody took")
						}
						wantTasks(t, q, maxsize+4, inside)
					})
				})
			})
		}
	}
}

// The same for the worst that compare can do to whoever serves: it ends his goroutine, on behalf of a putter that he
// serves. The item that he took must not vanish with him, and nobody may wait for room that is there.
func TestACompareThatExitsWhileAnotherIsServedStrandsNobody(t *testing.T) {
	for name, take := range map[string]func(*queue.Queue[task]) []task{
		"Get":   func(q *queue.Queue[task]) []task { item, _ := q.Get(); return []task{item} },
		"Drain": (*queue.Queue[task]).Drain,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &touchy{end: runtime.Goexit}
				q, inside := newTasks(t, 3, 3, c.compare)
				var putters []*trial
				for i := range 3 {
					item := task{rank: 1, n: 100 + i, poison: i == 1}
					putters = append(putters, try(func() (task, error) { return task{}, q.Put(item) }))
					synctest.Wait()
				}
				var taken []task
				for range 2 { // at the second, if not at the first, it is the turn of the poisoned task
					try(func() (task, error) { taken = append(taken, take(q)...); return task{}, nil })
					synctest.Wait()
				}
				for i, p := range putters {
					if !p.ended && !q.Full() {
						t.Errorf("putter %d waits, and there is room: %d of 3 are inside", i, q.Len())
					}
				}
				q.Shutdown()
				synctest.Wait()
				left := q.Drain()
				for _, item := range append(inside, task{rank: 1, n: 100}) {
					if !slices.Contains(taken, item) && !slices.Contains(left, item) {
						t.Errorf("%v is lost: nobody took it, and it is not inside", item)
					}
				}
			})
		})
	}
}

// A putter that was passed over for too long is owed room: whoever makes some stores its task for it. If compare does
// not return then, that hits the putter and nobody else, and the next putter gets the room.
func TestAPutterThatIsOwedRoomIsHitByItsOwnTaskAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that whoever is woken comes too late
	for _, ending := range endings {
		for _, f := range waiting(taskPuts) {
			for _, poison := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, poisoned %t", ending.name, f.name, poison), func(t *testing.T) {
					eachCapacity(t, []int{2, 32, 33}, func(t *testing.T, maxsize int) {
						for attempt := 0; ; attempt++ {
							seen := false
							synctest.Test(t, func(t *testing.T) {
								seen = owedPutter(t, maxsize, f, &touchy{end: ending.end}, poison, ending.want)
							})
							if seen || t.Failed() {
								return
							}
							if attempt == 100 {
								t.Fatal("the putter was always faster")
							}
						}
					})
				})
			}
		}
	}
}

func owedPutter(t *testing.T, maxsize int, f taskPut, c *touchy, poison bool, want any) (seen bool) {
	q, inside := newTasks(t, maxsize, maxsize, c.compare)
	mine, next := task{rank: 1, n: 100, poison: poison}, task{rank: 1, n: 101}
	putter := try(func() (task, error) { return task{}, f.put(t.Context(), q, mine) })
	synctest.Wait()
	behind := try(func() (task, error) { return task{}, q.Put(next) })
	synctest.Wait()
	get := func() {
		t.Helper()
		if item, err := q.Get(); item != inside[0] || err != nil {
			t.Fatalf("Get = %v, %v, want %v", item, err, inside[0])
		}
		inside = inside[1:]
	}
	for n := range 2 {
		get()
		item := task{rank: 9, n: n}
		if q.TryPut(item) != nil {
			return false
		}
		inside = sortTasks(append(inside, item))
		if synctest.Wait(); putter.ended || behind.ended {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	get()
	if !poison {
		if err := q.TryPut(task{}); err != queue.ErrFull {
			t.Errorf("TryPut into room that is owed to another: %v, want ErrFull", err)
		}
		synctest.Wait()
		putter.wantReturned(t, "a put that is owed room", task{})
		behind.wantWaiting(t, "the put behind it")
		inside = sortTasks(append(inside, mine))
		get()
	}
	synctest.Wait()
	if poison {
		putter.wantEnded(t, "a put of a poisoned task", want)
	}
	behind.wantReturned(t, "the put behind it", task{})
	inside = sortTasks(append(inside, next))
	stored := maxsize + 3
	if !poison {
		stored++
	}
	wantTasks(t, q, stored, inside)
	return true
}

// Getters of a large queue are woken to take what is there. The one that compare ends has taken nothing, and wakes the
// next.
func TestAGetterThatWaitedForACompareThatDoesNotReturnPassesItsTurnOn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that who is woken does not run before this waits
	for _, ending := range endings {
		for _, f := range waiting(taskGets) {
			t.Run(ending.name+", "+f.name, func(t *testing.T) {
				eachCapacity(t, []int{33, 128, 0}, func(t *testing.T, maxsize int) {
					for attempt := 0; ; attempt++ {
						seen := false
						synctest.Test(t, func(t *testing.T) { seen = wokenGetters(t, maxsize, f, ending.end, ending.want) })
						if seen || t.Failed() {
							return
						}
						if attempt == 100 {
							t.Fatal("the getters were always faster")
						}
					}
				})
			})
		}
	}
}

func wokenGetters(t *testing.T, maxsize int, f taskGet, end func(), want any) (seen bool) {
	c := &touchy{end: end}
	q, _ := newTasks(t, maxsize, 0, c.compare)
	var getters []*trial
	for range 4 {
		getters = append(getters, try(func() (task, error) { return f.get(t.Context(), q) }))
		synctest.Wait()
	}
	var inside []task
	for i := range 6 {
		item := task{rank: (i + 3) % 4, n: i}
		q.Put(item)
		inside = append(inside, item)
	}
	inside = sortTasks(inside)
	if q.Len() != 6 {
		return false
	}
	takeTask(t, q, inside[0]) // now there is something to compare for the next
	inside = inside[1:]
	c.trip.Store(1)
	if q.Len() != 5 {
		return false
	}
	synctest.Wait()
	getters[0].wantEnded(t, "the first getter", want)
	for i, g := range getters[1:] {
		g.wantReturned(t, fmt.Sprint("getter ", i+1), inside[i])
	}
	wantTasks(t, q, 5, inside[3:])
	return true
}

// A call that ends while others wait leaves them as they are, and what it left free is served.
func TestANewcomerThatCompareEndsDisturbsNobodyWhoWaits(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.name, func(t *testing.T) {
			eachCapacity(t, []int{3, 32, 33, 128}, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					c := &touchy{end: ending.end}
					q, inside := newTasks(t, maxsize, maxsize, c.compare)
					var putters []*trial
					for i := range 2 {
						item := task{rank: 1, n: 100 + i}
						putters = append(putters, try(func() (task, error) { return task{}, q.Put(item) }))
						synctest.Wait()
					}
					for _, f := range taskBatches {
						c.trip.Store(1)
						getter := try(func() (task, error) { _, err := f.get(t.Context(), q, 2); return task{}, err })
						synctest.Wait()
						getter.wantEnded(t, f.name, ending.want)
						putters[0].wantWaiting(t, "a put into a full queue")
					}
					c.trip.Store(1)
					drained := try(func() (task, error) { q.Drain(); return task{}, nil })
					synctest.Wait()
					drained.wantEnded(t, "Drain", ending.want)
					for i := range putters {
						putters[i].wantWaiting(t, "a put into a full queue")
						if item, err := q.Get(); item != inside[0] || err != nil {
							t.Fatalf("Get = %v, %v, want %v", item, err, inside[0])
						}
						synctest.Wait()
						putters[i].wantReturned(t, "Put", task{})
						inside = sortTasks(append(inside[1:], task{rank: 1, n: 100 + i}))
					}
					wantTasks(t, q, maxsize+2, inside)
				})
			})
		})
	}
}

// A hundredth of all comparisons panics, while everybody gives up at random.
func TestACompareThatPanicsAtRandomLosesAndDoublesNothing(t *testing.T) {
	eachCapacity(t, []int{1, 2, 32, 33, 0}, func(t *testing.T, maxsize int) {
		conserve(t, queue.NewPriority(maxsize, func(a, b tag) int {
			if rand.IntN(100) == 0 {
				panic(errCompare)
			}
			return a.n%10 - b.n%10
		}), 4, rounds(50_000))
	})
}

// Q25 of CPython's tests has a storage that raises. The storage here is ours, and what can fail in it is compare.
func TestCPythonFailingQueue(t *testing.T) {
	t.Run("Q25 test_failing_queue", func(t *testing.T) {
		eachCapacity(t, []int{2, 3, 40}, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				c := &touchy{end: endings[0].end}
				q, _ := newTasks(t, maxsize, 0, c.compare)
				failing := func(what string, call func() (task, error)) {
					t.Helper()
					c.trip.Store(1)
					trial := try(call)
					synctest.Wait()
					c.trip.Store(0)
					trial.wantEnded(t, what, errCompare)
				}
				for range 2 {
					begin := q.Unfinished()
					var inside []task
					put := func(n int) {
						t.Helper()
						item := task{rank: -n % 4, n: n}
						wantError(t, "Put", q.Put(item), nil)
						inside = append(inside, item)
					}
					put(0)
					// A put that fails although there is room, in every form, stores nothing.
					for _, f := range taskPuts {
						failing(f.name, func() (task, error) { return task{}, f.put(t.Context(), q, task{n: -1}) })
						if q.Len() != 1 || q.Unfinished() != begin+1 {
							t.Fatalf("after %s: Len() = %d, Unfinished() = %d, want 1, %d",
								f.name, q.Len(), q.Unfinished(), begin+1)
						}
					}
					for i := 1; i < maxsize; i++ {
						put(i)
					}
					// A put that waited and then fails stores nothing either.
					for _, f := range waiting(taskPuts) {
						inside = sortTasks(inside)
						putter := try(func() (task, error) {
							return task{}, f.put(t.Context(), q, task{n: -1, poison: true})
						})
						synctest.Wait()
						putter.wantWaiting(t, f.name)
						if item, err := q.Get(); item != inside[0] || err != nil {
							t.Fatalf("Get = %v, %v, want %v", item, err, inside[0])
						}
						inside = inside[1:]
						synctest.Wait()
						putter.wantEnded(t, f.name, errCompare)
						put(maxsize)
					}
					if !q.Full() {
						t.Error("the queue is not full")
					}
					// A get that fails, in every form, takes nothing. It compares if something was taken just before, and two
					// are left.
					inside = sortTasks(inside)
					if item, err := q.Get(); item != inside[0] || err != nil {
						t.Fatalf("Get = %v, %v, want %v", item, err, inside[0])
					}
					for _, f := range taskGets {
						if maxsize > 2 {
							failing(f.name, func() (task, error) { return f.get(t.Context(), q) })
						}
						if q.Len() != maxsize-1 {
							t.Fatalf("after %s: Len() = %d, want %d", f.name, q.Len(), maxsize-1)
						}
					}
					wantTasks(t, q, begin+maxsize+3, inside[1:])
					// And the queue works on.
					if _, err := q.TryGet(); err != queue.ErrEmpty {
						t.Errorf("TryGet: %v, want ErrEmpty", err)
					}
				}
			})
		})
	})
}

// W44: Python's heap neither keeps equals in order nor survives a compare that raises.
func TestEqualsLeaveInOrderOfArrival(t *testing.T) {
	t.Run("W44 eight equals", func(t *testing.T) {
		q := queue.NewPriority(0, func(a, b string) int { return 0 })
		for _, s := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			q.Put(s)
		}
		q.Get()
		q.Put("i")
		if got := fmt.Sprint(q.Drain()); got != "[b c d e f g h i]" {
			t.Errorf("they left as %s", got)
		}
	})
	t.Run("W44 a compare that fails", func(t *testing.T) {
		type tuple struct {
			priority int
			payload  any
		}
		q := queue.NewPriority(0, func(a, b tuple) int {
			if a.priority != b.priority {
				return a.priority - b.priority
			}
			return a.payload.(int) - b.payload.(int) // as Python compares tuples
		})
		q.Put(tuple{1, 0})
		q.Put(tuple{2, "text"})
		q.Put(tuple{3, 0})
		panics := func(what string, f func()) {
			t.Helper()
			defer func() {
				t.Helper()
				if recover() == nil {
					t.Errorf("%s did not panic", what)
				}
			}()
			f()
		}
		panics("Put", func() { q.Put(tuple{2, 0}) })
		if q.Len() != 3 || q.Unfinished() != 3 {
			t.Errorf("Len() = %d, Unfinished() = %d, want 3, 3", q.Len(), q.Unfinished())
		}
		if got := fmt.Sprint(q.Drain()); got != "[{1 0} {2 text} {3 0}]" {
			t.Errorf("they left as %s", got)
		}
	})
}

func TestAHundredThousandItemsLeaveSortedAndEqualsInOrderOfArrival(t *testing.T) {
	n := 100_000
	if proof.Race {
		n /= 5
	}
	compare := func(a, b task) int { return a.rank - b.rank }
	for name, take := range map[string]func(*queue.Queue[task]) []task{
		"Get": func(q *queue.Queue[task]) (items []task) {
			for range n {
				item, _ := q.Get()
				items = append(items, item)
			}
			return items
		},
		"Drain": (*queue.Queue[task]).Drain,
	} {
		t.Run(name, func(t *testing.T) {
			q := queue.NewPriority(n, compare)
			items := make([]task, n)
			for i := range items {
				items[i] = task{rank: rand.IntN(n / 10), n: i}
				q.Put(items[i])
			}
			if !q.Full() {
				t.Error("not full")
			}
			if got := take(q); !slices.Equal(got, sortTasks(items)) {
				t.Error("not sorted, or equals not in order of arrival")
			}
			if !q.Empty() {
				t.Errorf("%d items are left", q.Len())
			}
		})
	}
}

func TestPeekReturnsTheSmallest(t *testing.T) {
	asked := 0
	q := queue.NewPriority(0, func(a, b int) int { asked++; return rank(a) - rank(b) })
	if item, ok := q.Peek(); item != 0 || ok {
		t.Errorf("Peek of an empty queue = %d, %t", item, ok)
	}
	smallest := math.MaxInt
	for _, item := range []int{5, 8, 15, 3, 4, 13, 2, 12, 1} {
		q.Put(item)
		if smallest == math.MaxInt || rank(item) < rank(smallest) {
			smallest = item
		}
		before := asked
		for range 2 {
			if got, ok := q.Peek(); got != smallest || !ok {
				t.Errorf("Peek = %d, %t, want %d", got, ok, smallest)
			}
		}
		if asked != before {
			t.Error("Peek asked compare, and nothing was taken before")
		}
	}
	for n := 9; n > 1; n-- {
		_, _ = q.Get()
		next, ok := q.Peek()
		before := asked
		if got, err := q.TryGet(); got != next || !ok || err != nil {
			t.Errorf("Peek = %d, %t, and Get = %d, %v", next, ok, got, err)
		}
		if asked != before {
			t.Error("Get asked compare, and Peek had asked before")
		}
		q.Put(next)
	}
	wantState(t, q, 1, 17)
}

func TestACompareThatContradictsItselfLosesNothing(t *testing.T) {
	const n = 1000
	q := queue.NewPriority(0, func(a, b int) int { return rand.IntN(3) - 1 })
	for range 3 {
		for i := range n {
			q.Put(i)
		}
		var got []int
		for range n / 2 {
			item, _ := q.Get()
			got = append(got, item)
		}
		got = append(got, q.Drain()...)
		slices.Sort(got)
		if !slices.Equal(got, sequence(n)) {
			t.Error("items were lost or doubled")
		}
	}
}

func TestByOrdersByAKey(t *testing.T) {
	t.Run("ints", func(t *testing.T) {
		wantOrder(t, queue.By(func(i int) int { return i }), []int{3, math.MinInt, 1, math.MaxInt, -2, 1},
			"[-9223372036854775808 -2 1 1 3 9223372036854775807]", "[-2147483648 -2 1 1 3 2147483647]")
	})
	t.Run("a key that turns the order round", func(t *testing.T) {
		wantOrder(t, queue.By(func(i int) int { return -i }), []int{3, 1, 2}, "[3 2 1]")
	})
	t.Run("strings", func(t *testing.T) {
		wantOrder(t, queue.By(func(s string) string { return s }), []string{"b", "", "a", "ab", "B"}, "[ B a ab b]")
	})
	t.Run("strings by length, equals in order of arrival", func(t *testing.T) {
		wantOrder(t, queue.By(func(s string) int { return len(s) }), []string{"xx", "b", "yy", "a", "xx"}, "[b a xx yy xx]")
	})
	t.Run("floats, NaN first", func(t *testing.T) {
		// NaN is neither less nor greater than anything by <, which would tear the heap apart.
		nan, inf := math.NaN(), math.Inf(1)
		wantOrder(t, queue.By(func(f float64) float64 { return f }),
			[]float64{1, nan, inf, -1, nan, 0, -inf, 2.5, nan}, "[NaN NaN NaN -Inf -1 0 1 2.5 +Inf]")
	})
	t.Run("NaNs are equal to each other", func(t *testing.T) {
		type sample struct {
			value float64
			n     int
		}
		nan := math.NaN()
		wantOrder(t, queue.By(func(s sample) float64 { return s.value }),
			[]sample{{1, 0}, {nan, 1}, {nan, 2}, {math.Copysign(0, -1), 3}, {0, 4}, {nan, 5}, {math.Copysign(0, -1), 6}},
			"[{NaN 1} {NaN 2} {NaN 5} {-0 3} {0 4} {-0 6} {1 0}]")
	})
}

// wantOrder puts items and takes them, once by Get and once by Drain; either of wants will do.
func wantOrder[T any](t *testing.T, compare func(a, b T) int, items []T, wants ...string) {
	t.Helper()
	q := queue.NewPriority(0, compare)
	put := func() {
		for _, item := range items {
			q.Put(item)
		}
	}
	put()
	if got := fmt.Sprint(q.Drain()); !slices.Contains(wants, got) {
		t.Errorf("Drain: %s, want %s", got, wants[0])
	}
	put()
	var all []T
	for range items {
		item, _ := q.Get()
		all = append(all, item)
	}
	if got := fmt.Sprint(all); !slices.Contains(wants, got) {
		t.Errorf("Get: %s, want %s", got, wants[0])
	}
}

func TestNewPriorityWithoutACompareSaysSoAtOnce(t *testing.T) {
	for _, maxsize := range []int{-1, 0, 1} {
		wantBadArgument(t, "NewPriority with a nil compare", func() { queue.NewPriority[int](maxsize, nil) })
	}
	wantBadArgument(t, "By with a nil func", func() { queue.By[int, int](nil) })
}
