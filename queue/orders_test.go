package queue_test

import (
	"context"
	"errors"
	"fmt"
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

// What the three orders have in common, and what each order is. What concerns waiting alone is tested on the FIFO queue
// in every detail; here it is tested wherever the order could make a difference.

// An order is one of the three.
type order struct {
	name string
	make func(maxsize int) *queue.Queue[int]
	// arrange moves the last of items, which has just arrived, to where it belongs among the others, which stand in the
	// order in which they will leave.
	arrange func(items []int)
}

// rank is what the items of the priority queues here are compared by, so that many of them are equal.
func rank(item int) int { return item % 10 }

var byRank = queue.By(rank)

var (
	fifo = order{"FIFO", queue.New[int], func([]int) {}}
	lifo = order{"LIFO", queue.NewLIFO[int], func(items []int) {
		last := items[len(items)-1]
		copy(items[1:], items)
		items[0] = last
	}}
	priority = order{"priority", func(maxsize int) *queue.Queue[int] { return queue.NewPriority(maxsize, byRank) },
		func(items []int) {
			last := len(items) - 1
			item := items[last]
			place, _ := slices.BinarySearchFunc(items[:last], item, func(a, b int) int {
				return 2*(rank(a)-rank(b)) - 1 // behind its equals
			})
			copy(items[place+1:], items[place:last])
			items[place] = item
		}}
	orders = []order{fifo, lifo, priority}
)

// leaving returns items, which are given in order of arrival, in the order in which they leave.
func (o order) leaving(items ...int) []int {
	items = slices.Clone(items)
	for i := range items {
		o.arrange(items[:i+1])
	}
	return items
}

// sequence returns 0, 1, 2, ..., which is what fill puts.
func sequence(n int) []int {
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	return items
}

// new is newQueue for any order.
func (o order) new(t testing.TB, maxsize int) *queue.Queue[int] {
	q := o.make(maxsize)
	t.Cleanup(func() {
		q.ShutdownNow()
		for q.Unfinished() > 0 {
			q.TaskDone()
		}
	})
	return q
}

func eachOrder(t *testing.T, orders []order, capacities []int, test func(t *testing.T, o order, maxsize int)) {
	t.Helper()
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			eachCapacity(t, capacities, func(t *testing.T, maxsize int) { test(t, o, maxsize) })
		})
	}
}

var gets = []struct {
	name string
	get  func(context.Context, *queue.Queue[int]) (int, error)
}{
	{"Get", func(_ context.Context, q *queue.Queue[int]) (int, error) { return q.Get() }},
	{"TryGet", func(_ context.Context, q *queue.Queue[int]) (int, error) { return q.TryGet() }},
	{"GetTimeout", func(_ context.Context, q *queue.Queue[int]) (int, error) { return q.GetTimeout(time.Hour) }},
	{"GetTimeout(0)", func(_ context.Context, q *queue.Queue[int]) (int, error) { return q.GetTimeout(0) }},
	{"GetContext", func(ctx context.Context, q *queue.Queue[int]) (int, error) { return q.GetContext(ctx) }},
}

var puts = []struct {
	name string
	put  func(context.Context, *queue.Queue[int], int) error
}{
	{"Put", func(_ context.Context, q *queue.Queue[int], item int) error { return q.Put(item) }},
	{"TryPut", func(_ context.Context, q *queue.Queue[int], item int) error { return q.TryPut(item) }},
	{"PutTimeout", func(_ context.Context, q *queue.Queue[int], item int) error { return q.PutTimeout(item, time.Hour) }},
	{"PutTimeout(0)", func(_ context.Context, q *queue.Queue[int], item int) error { return q.PutTimeout(item, 0) }},
	{"PutContext", func(ctx context.Context, q *queue.Queue[int], item int) error { return q.PutContext(ctx, item) }},
}

// waiting returns the forms that wait: all but the second and the fourth.
func waiting[F any](forms []F) []F { return []F{forms[0], forms[2], forms[4]} }

func TestEveryOrderIsUnboundedWithAMaxsizeOfZeroOrLess(t *testing.T) {
	for _, o := range orders {
		for _, maxsize := range []int{0, -1, math.MinInt} {
			q := o.make(maxsize)
			fill(t, q, 1000)
			if q.Cap() != 0 || q.Full() {
				t.Errorf("%s, maxsize %d: Cap() = %d, Full() = %t, want 0, false", o.name, maxsize, q.Cap(), q.Full())
			}
			wantState(t, q, 1000, 1000)
		}
	}
}

func TestItemsLeaveInTheirOrderByEveryFormOfGetAndByDrain(t *testing.T) {
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, put := range puts {
			q := o.make(maxsize)
			n := 100
			if maxsize > 0 {
				n = maxsize
			}
			for i := range n {
				wantError(t, put.name, put.put(ctx, q, i), nil)
			}
			want := o.leaving(sequence(n)...)
			for i := range n / 2 {
				get := gets[i%len(gets)]
				if item, ok := q.Peek(); item != want[i] || !ok {
					t.Fatalf("Peek = %d, %t, want %d", item, ok, want[i])
				}
				if item, err := get.get(ctx, q); item != want[i] || err != nil {
					t.Fatalf("%s number %d = %d, %v, want %d", get.name, i, item, err, want[i])
				}
			}
			if items := q.Drain(); !slices.Equal(items, want[n/2:]) {
				t.Fatalf("Drain() = %v, want %v", items, want[n/2:])
			}
			wantState(t, q, 0, n)
			if item, ok := q.Peek(); item != 0 || ok {
				t.Errorf("Peek of an empty queue = %d, %t", item, ok)
			}
			if items := q.Drain(); len(items) != 0 {
				t.Errorf("Drain of an empty queue = %v", items)
			}
		}
	})
}

// Runs of random length take the storage through every size and over every border.
func TestRunsOfPutsAndGetsKeepEachOrder(t *testing.T) {
	eachOrder(t, orders[1:], []int{33, 0}, func(t *testing.T, o order, maxsize int) {
		q := o.make(maxsize)
		var inside []int
		item := 0
		for range rounds(2000) {
			for range rand.IntN(300) {
				if q.TryPut(item) != nil {
					break
				}
				inside = append(inside, item)
				o.arrange(inside)
				item++
			}
			for range rand.IntN(300) {
				item, err := q.TryGet()
				if err != nil {
					break
				}
				if item != inside[0] {
					t.Fatalf("got %d, want %d", item, inside[0])
				}
				inside = inside[1:]
			}
			if q.Len() != len(inside) {
				t.Fatalf("Len() = %d, want %d", q.Len(), len(inside))
			}
		}
	})
}

func TestEveryWaitIsDurableInEveryOrder(t *testing.T) {
	for _, o := range orders[1:] {
		for _, w := range waits {
			t.Run(o.name+", "+w.name, func(t *testing.T) {
				eachCapacity(t, w.capacities, func(t *testing.T, maxsize int) {
					synctest.Test(t, func(t *testing.T) {
						q := o.new(t, maxsize)
						w.prepare(t, q)
						c := start(func() (int, error) { return w.call(t.Context(), q) })
						synctest.Wait()
						c.wantWaiting(t, w.name)
						time.Sleep(1000 * time.Hour)
						c.wantWaiting(t, w.name)
						w.serve(q)
						synctest.Wait()
						c.want(t, w.name, 0, nil)
					})
				})
			})
		}
	}
}

// Whatever the order of the items, those who wait are served in the order in which they came.
func TestWaitersAreServedInOrderOfArrivalWhateverTheOrderOfTheItems(t *testing.T) {
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			var getters []*call
			for range 5 {
				getters = append(getters, start(q.Get))
				synctest.Wait()
			}
			for i, g := range getters {
				q.Put(9 - i) // each before all others, in a priority queue
				synctest.Wait()
				g.want(t, fmt.Sprint("getter ", i), 9-i, nil)
				if i < 4 {
					getters[i+1].wantWaiting(t, fmt.Sprint("getter ", i+1))
				}
			}
			if maxsize == 0 {
				return
			}
			inside := o.leaving(sequence(fill(t, q, 0))...)
			var putters []*call
			for i := range 5 {
				putters = append(putters, start(func() (int, error) { return 0, q.Put(1009 - i) }))
				synctest.Wait()
			}
			for i, p := range putters {
				p.wantWaiting(t, fmt.Sprint("putter ", i))
				wantItems(t, q, inside[0])
				inside = append(inside[1:], 1009-i)
				o.arrange(inside)
				synctest.Wait()
				p.want(t, fmt.Sprint("putter ", i), 0, nil)
			}
			wantItems(t, q, inside...)
		})
	})
}

// In a small FIFO or LIFO queue a waiter is handed what it waits for. In a priority queue it is woken, so that it asks
// compare itself.
func TestASmallQueueHandsOverUnlessItIsAPriorityQueue(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that whoever is woken does not run at once
	eachOrder(t, orders[:2], []int{1, 2, 32}, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			getter := start(q.Get)
			synctest.Wait()
			q.Put(7)
			_, err := q.TryGet()
			wantError(t, "TryGet of what is owed to another", err, queue.ErrEmpty)
			synctest.Wait()
			getter.want(t, "Get", 7, nil)
			fill(t, q, 0)
			putter := start(func() (int, error) { return 0, q.Put(8) })
			synctest.Wait()
			q.Get()
			wantError(t, "TryPut into room that is owed to another", q.TryPut(9), queue.ErrFull)
			synctest.Wait()
			putter.want(t, "Put", 0, nil)
		})
	})
}

func TestDrainMakesRoomForPuttersInEveryOrder(t *testing.T) {
	eachOrder(t, orders, bounded, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			fill(t, q, 0)
			var putters []*call
			var items []int
			for i := range maxsize {
				items = append(items, 1000-i)
				putters = append(putters, start(func() (int, error) { return 0, q.Put(1000 - i) }))
				synctest.Wait()
			}
			if got, want := q.Drain(), o.leaving(sequence(maxsize)...); !slices.Equal(got, want) {
				t.Errorf("Drain() = %v, want %v", got, want)
			}
			synctest.Wait()
			for _, p := range putters {
				p.want(t, "Put", 0, nil)
			}
			wantState(t, q, maxsize, 2*maxsize)
			wantItems(t, q, o.leaving(items...)...)
		})
	})
}

// A call that gives up leaves nothing behind: no item, no gap in the order, no place among those who wait.
func TestACallThatGivesUpChangesNothingInAnyOrder(t *testing.T) {
	eachOrder(t, orders, bounded, func(t *testing.T, o order, maxsize int) {
		for _, l := range leavers {
			t.Run(l.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := o.new(t, maxsize)
					ctx, cancel := context.WithCancelCause(t.Context())
					getter := start(func() (int, error) { return l.get(ctx, q) })
					synctest.Wait()
					l.leave(cancel)
					synctest.Wait()
					getter.want(t, "a get", 0, l.getErr)
					fill(t, q, 0)
					ctx, cancel = context.WithCancelCause(t.Context())
					putter := start(func() (int, error) { return 0, l.put(ctx, q, -1) })
					synctest.Wait()
					l.leave(cancel)
					synctest.Wait()
					putter.want(t, "a put", 0, l.putErr)
					wantState(t, q, maxsize, maxsize)
					wantItems(t, q, o.leaving(sequence(maxsize)...)...)
				})
			})
		}
	})
}

func TestAContextThatHasEndedChangesNothingInAnyOrder(t *testing.T) {
	cause := errors.New("the reason")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		q := o.make(maxsize)
		wantError(t, "PutContext with room", q.PutContext(ended, 1), cause)
		wantError(t, "JoinContext with nothing unfinished", q.JoinContext(ended), cause)
		n := fill(t, q, 50)
		_, err := q.GetContext(ended)
		wantError(t, "GetContext with items inside", err, cause)
		wantState(t, q, n, n)
		wantItems(t, q, o.leaving(sequence(n)...)...)
		q.Shutdown()
		_, err = q.GetContext(ended)
		wantError(t, "GetContext at the end", err, queue.ErrShutdown)
		wantError(t, "PutContext at the end", q.PutContext(ended, 1), queue.ErrShutdown)
	})
}

// After Shutdown: puts fail, gets take what is left in its order and then fail, putters that waited have stored nothing,
// and joins need every TaskDone. After ShutdownNow: everything fails at once, and joins wait for what was taken before.
func TestShutdownMeetsEverybodyInEveryOrder(t *testing.T) {
	for _, immediate := range []bool{false, true} {
		t.Run(name(immediate, "Shutdown", "ShutdownNow"), func(t *testing.T) {
			eachOrder(t, orders, bounded, func(t *testing.T, o order, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					// One queue before which getters wait, and one before which putters do; each with a task at work.
					empty, full := o.new(t, maxsize), o.new(t, maxsize)
					var getters, putters, joiners []*call
					for _, q := range []*queue.Queue[int]{empty, full} {
						q.Put(-1)
						q.Get()
						for _, j := range joins {
							joiners = append(joiners, start(func() (int, error) { return 0, j.join(t.Context(), q) }))
						}
					}
					fill(t, full, 0)
					for range 2 {
						for _, f := range waiting(gets) {
							getters = append(getters, start(func() (int, error) { return f.get(t.Context(), empty) }))
						}
						for _, f := range waiting(puts) {
							putters = append(putters, start(func() (int, error) { return 0, f.put(t.Context(), full, -2) }))
						}
					}
					synctest.Wait()
					all := slices.Concat(getters, putters, joiners)
					for _, c := range all {
						c.wantWaiting(t, "a call")
					}
					shutdown(empty, immediate)
					shutdown(full, immediate)
					synctest.Wait()
					for _, c := range slices.Concat(getters, putters) {
						c.want(t, "a call that waited", 0, queue.ErrShutdown)
					}
					for _, c := range joiners {
						c.wantWaiting(t, "a join, with a task at work,")
					}
					for _, f := range puts {
						wantError(t, f.name, f.put(t.Context(), full, -3), queue.ErrShutdown)
						wantError(t, f.name, f.put(t.Context(), empty, -3), queue.ErrShutdown)
					}
					left := o.leaving(sequence(maxsize)...)
					if immediate {
						left = nil
					}
					wantState(t, full, len(left), len(left)+1)
					wantState(t, empty, 0, 1)
					for i, want := range left {
						f := gets[i%len(gets)]
						if item, err := f.get(t.Context(), full); item != want || err != nil {
							t.Fatalf("%s = %d, %v, want %d", f.name, item, err, want)
						}
						full.TaskDone()
					}
					for _, f := range gets {
						for _, q := range []*queue.Queue[int]{empty, full} {
							item, err := f.get(t.Context(), q)
							wantError(t, f.name, err, queue.ErrShutdown)
							if item != 0 {
								t.Errorf("%s returned %d beside its error", f.name, item)
							}
						}
					}
					synctest.Wait()
					for _, c := range joiners {
						c.wantWaiting(t, "a join, with a task at work,")
					}
					empty.TaskDone()
					full.TaskDone()
					synctest.Wait()
					for _, c := range joiners {
						c.want(t, "a join", 0, nil)
					}
					wantPanic(t, queue.ErrTaskDone, full.TaskDone)
					if !empty.IsShutdown() || !full.IsShutdown() {
						t.Error("IsShutdown() = false")
					}
				})
			})
		})
	}
}

// A TaskDone may come before its item was got: what is dropped then was already taken off.
func TestShutdownNowNeverTakesUnfinishedBelowZero(t *testing.T) {
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		for done := range 3 {
			q := o.make(maxsize)
			n := fill(t, q, 5)
			for range min(done, n) {
				q.TaskDone()
			}
			q.ShutdownNow()
			wantState(t, q, 0, 0)
			q.Join()
			wantPanic(t, queue.ErrTaskDone, q.TaskDone)
			wantState(t, q, 0, 0)
		}
	})
}

func TestJoinWaitsForEveryTaskDoneInEveryOrder(t *testing.T) {
	eachOrder(t, orders, []int{2, 33, 0}, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			for range 2 {
				q.Join()
				n := fill(t, q, 40)
				drained := q.Drain() // stays unfinished
				var joiners []*call
				for _, j := range joins {
					joiners = append(joiners, start(func() (int, error) { return 0, j.join(t.Context(), q) }))
				}
				wantError(t, "TryPut", q.TryPut(1), nil)
				wantItems(t, q, 1)
				for range n + 1 {
					synctest.Wait()
					for _, c := range joiners {
						c.wantWaiting(t, "a join")
					}
					if q.JoinTimeout(0) || q.JoinTimeout(time.Second) {
						t.Error("JoinTimeout = true")
					}
					q.TaskDone()
				}
				synctest.Wait()
				for _, c := range joiners {
					c.want(t, "a join", 0, nil)
				}
				if len(drained) != n {
					t.Errorf("drained %d items, want %d", len(drained), n)
				}
			}
		})
	})
}

func TestTasksYieldsEachOrderAndCallsTaskDoneHoweverABodyEnds(t *testing.T) {
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for name, tasks := range map[string]func(*queue.Queue[int]) func(func(int) bool){
			"Tasks":        func(q *queue.Queue[int]) func(func(int) bool) { return q.Tasks() },
			"TasksContext": func(q *queue.Queue[int]) func(func(int) bool) { return q.TasksContext(ctx) },
		} {
			q := o.make(maxsize)
			n := fill(t, q, 60)
			want := o.leaving(sequence(n)...)
			q.Shutdown()
			i := 0
			for item := range tasks(q) {
				if item != want[i] {
					t.Fatalf("%s yields %d as number %d, want %d", name, item, i, want[i])
				}
				wantState(t, q, n-i-1, n-i)
				if i++; i == n/2 {
					break
				}
			}
			wantState(t, q, n-i, n-i)
			if n-i > 1 {
				func() {
					defer func() { _ = recover() }()
					for range tasks(q) {
						panic("body")
					}
				}()
				i++
				wantState(t, q, n-i, n-i)
			}
			for item := range tasks(q) {
				if item != want[i] {
					t.Fatalf("%s yields %d as number %d, want %d", name, item, i, want[i])
				}
				i++
			}
			if i != n {
				t.Errorf("%s yielded %d items, want %d", name, i, n)
			}
			q.Join()
			wantState(t, q, 0, 0)
		}
	})
}

func TestTasksContextEndsWithItsContextInEveryOrder(t *testing.T) {
	eachOrder(t, orders, capacities, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			ctx, cancel := context.WithCancel(t.Context())
			workers := make([]*call, 3)
			for i := range workers {
				workers[i] = start(func() (n int, err error) {
					for range q.TasksContext(ctx) {
						n++
					}
					return n, nil
				})
			}
			for i := range 6 {
				q.Put(i)
				synctest.Wait()
			}
			cancel()
			synctest.Wait()
			sum := 0
			for _, w := range workers {
				if !w.returned() {
					t.Fatal("a worker still waits")
				}
				sum += w.item
			}
			if sum != 6 {
				t.Errorf("%d items were yielded, want 6", sum)
			}
			q.Put(1)
			for range q.TasksContext(ctx) {
				t.Error("yielded an item after the end of its context")
			}
			wantState(t, q, 1, 1)
		})
	})
}

// Two goroutines that nothing else synchronizes: the race detector notices a method that does without the lock even if
// the two do not meet.
func TestAnyTwoMethodsOfAQueueMayRunAtOnceInEveryOrder(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	methods := []func(*queue.Queue[int]){
		func(q *queue.Queue[int]) { q.Put(1) },
		func(q *queue.Queue[int]) { q.TryPut(1) },
		func(q *queue.Queue[int]) { q.PutContext(ended, 1) },
		func(q *queue.Queue[int]) { q.Get() },
		func(q *queue.Queue[int]) { q.TryGet() },
		func(q *queue.Queue[int]) { q.GetContext(ended) },
		func(q *queue.Queue[int]) { q.Peek() },
		func(q *queue.Queue[int]) { q.Len() },
		func(q *queue.Queue[int]) { q.Cap() },
		func(q *queue.Queue[int]) { q.Empty() },
		func(q *queue.Queue[int]) { q.Full() },
		func(q *queue.Queue[int]) { q.Unfinished() },
		func(q *queue.Queue[int]) { q.IsShutdown() },
		func(q *queue.Queue[int]) { q.TaskDone() },
		func(q *queue.Queue[int]) { q.JoinTimeout(0) },
		func(q *queue.Queue[int]) { q.JoinContext(ended) },
		func(q *queue.Queue[int]) {
			for range q.Tasks() {
				break
			}
		},
		func(q *queue.Queue[int]) { q.Shutdown() },
	}
	for _, o := range orders {
		for _, one := range methods {
			for _, other := range methods {
				q := o.make(8)
				fill(t, q, 0)
				wantItems(t, q, o.leaving(sequence(8)...)[:3]...) // no call waits, and no TaskDone is one too many
				var both sync.WaitGroup
				both.Go(func() { one(q) })
				both.Go(func() { other(q) })
				both.Wait()
			}
		}
		for _, emptying := range []func(*queue.Queue[int]){
			func(q *queue.Queue[int]) { q.Drain() },
			func(q *queue.Queue[int]) { q.ShutdownNow() },
		} {
			for _, other := range methods[6:15] {
				q := o.make(0)
				fill(t, q, 5)
				q.Get()
				var both sync.WaitGroup
				both.Go(func() { emptying(q) })
				both.Go(func() { other(q) })
				both.Wait()
			}
		}
	}
}

// Everybody gives up at random, on both sides, and shares the queue with those who drain it. Every item whose put
// succeeded must leave once, and no other.
func TestInEveryOrderRacesLoseAndDoubleNothing(t *testing.T) {
	const each = 4
	ofTag := queue.By(func(item tag) int { return item.n % 10 })
	for name, create := range map[string]func(int) *queue.Queue[tag]{
		"LIFO":     queue.NewLIFO[tag],
		"priority": func(maxsize int) *queue.Queue[tag] { return queue.NewPriority(maxsize, ofTag) },
	} {
		t.Run(name, func(t *testing.T) {
			eachCapacity(t, []int{1, 2, 33, 0}, func(t *testing.T, maxsize int) { conserve(t, create(maxsize), each, rounds(60_000)) })
		})
	}
}

// conserve lets putters and getters that give up at random loose on q, shuts it down and compares what was stored with
// what was taken. A call that panics counts as one without effect.
func conserve(t *testing.T, q *queue.Queue[tag], each, n int) {
	var mu sync.Mutex
	inside := make(map[tag]int) // how often stored, less how often taken
	count := func(items []tag, by int) {
		mu.Lock()
		defer mu.Unlock()
		for _, item := range items {
			inside[item] += by
		}
	}
	var stored, gaveUp, panicked atomic.Int64
	attempt := func(call func() error) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = errCompare
				if p != any(errCompare) {
					t.Errorf("recovered %v", p)
				}
			}
		}()
		return call()
	}
	var putters, getters sync.WaitGroup
	for p := range each {
		putters.Go(func() {
			c := newCanceller(jitter)
			defer c.stop()
			var mine []tag
			for i := range n / each {
				item := tag{p, i}
				err := attempt(func() error {
					switch rand.IntN(4) {
					case 0:
						return q.Put(item)
					case 1:
						return q.TryPut(item)
					case 2:
						return q.PutTimeout(item, smallTimeout())
					}
					return q.PutContext(c.context(), item)
				})
				switch err {
				case nil:
					mine = append(mine, item)
				case queue.ErrFull, context.Canceled:
					gaveUp.Add(1)
					giveWay()
				case errCompare:
					panicked.Add(1)
				default:
					t.Errorf("a put: %v", err)
				}
			}
			stored.Add(int64(len(mine)))
			count(mine, 1)
		})
		getters.Go(func() {
			c := newCanceller(jitter)
			defer c.stop()
			var mine []tag
			for {
				err := attempt(func() (err error) {
					var item tag
					switch r := rand.IntN(33); {
					case r == 32:
						mine = append(mine, q.Drain()...)
						return nil
					case r%4 == 0:
						item, err = q.Get()
					case r%4 == 1:
						item, err = q.TryGet()
					case r%4 == 2:
						item, err = q.GetTimeout(smallTimeout())
					default:
						item, err = q.GetContext(c.context())
					}
					if err == nil {
						mine = append(mine, item)
					}
					return err
				})
				switch err {
				case nil:
				case queue.ErrEmpty, context.Canceled:
					gaveUp.Add(1)
					giveWay()
				case errCompare:
					panicked.Add(1)
				case queue.ErrShutdown:
					count(mine, -1)
					return
				default:
					t.Errorf("a get: %v", err)
				}
			}
		})
	}
	putters.Wait()
	q.Shutdown()
	getters.Wait()
	for item, n := range inside {
		if n != 0 {
			t.Fatalf("item %v was stored %+d times more often than taken", item, n)
		}
	}
	if q.Len() != 0 || int64(q.Unfinished()) != stored.Load() {
		t.Errorf("Len() = %d, Unfinished() = %d, want 0, %d", q.Len(), q.Unfinished(), stored.Load())
	}
	if gaveUp.Load() == 0 {
		t.Error("nobody gave up: this was no race")
	}
	t.Logf("%d items stored, %d calls gave up, %d panicked", stored.Load(), gaveUp.Load(), panicked.Load())
}

var errCompare = errors.New("compare")

// A put that races a shutdown is stored before it, or fails; a TaskDone of an item that was taken is never one too many.
func TestInEveryOrderAShutdownRacingTheWorkLosesNothing(t *testing.T) {
	for _, immediate := range []bool{false, true} {
		t.Run(name(immediate, "Shutdown", "ShutdownNow"), func(t *testing.T) {
			eachOrder(t, orders[1:], []int{1, 33, 0}, func(t *testing.T, o order, maxsize int) {
				for range rounds(2500) {
					q := o.make(maxsize)
					var stored, taken atomic.Int64
					var all sync.WaitGroup
					for range 2 {
						all.Go(func() {
							for i := range 1 + rand.IntN(20) {
								if q.Put(i) != nil {
									return
								}
								stored.Add(1)
							}
						})
						all.Go(func() {
							for range q.Tasks() {
								taken.Add(1)
							}
						})
					}
					all.Go(q.Join)
					for range rand.IntN(20) {
						jitter()
					}
					shutdown(q, immediate)
					if immediate && !q.Empty() {
						t.Fatalf("%d items inside after ShutdownNow", q.Len())
					}
					all.Wait()
					wantState(t, q, 0, 0)
					if s, n := stored.Load(), taken.Load(); n > s || !immediate && n < s {
						t.Fatalf("%d items were stored and %d taken", s, n)
					}
				}
			})
		})
	}
}

// As of the FIFO queue: one who waits is served next once he has been passed over for a millisecond. Hammers with TryGet
// never wait, those with Get wait beside him.
func TestNobodyStarvesInAnyOrder(t *testing.T) {
	for _, o := range orders[1:] {
		for _, maxsize := range []int{0, 128, 1} {
			for _, processors := range []int{1, 8} {
				t.Run(fmt.Sprintf("%s, %s, %d processors", o.name, capName(maxsize), processors), func(t *testing.T) {
					proof.Processors(t, processors)
					q := o.make(maxsize)
					servedAmong(t, q, getOne, func(i int) {
						if i%4 == 0 && maxsize != 1 {
							q.Put(i)
							q.Get()
						} else {
							q.TryPut(i)
							q.TryGet()
						}
					})
				})
			}
		}
	}
}

func TestNoOrderAllocatesInTheSteadyState(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, o := range orders {
		for _, inside := range []int{0, 1, 100, 2000} {
			t.Run(fmt.Sprintf("%s, %d inside", o.name, inside), func(t *testing.T) {
				q := o.make(inside + 4)
				for i := range inside {
					q.Put(i)
				}
				for name, pair := range map[string]func(){
					"Put, Get":               func() { q.Put(1); q.Get() },
					"TryPut, TryGet":         func() { q.TryPut(-1); q.TryGet() },
					"PutTimeout, GetTimeout": func() { q.PutTimeout(5, time.Hour); q.GetTimeout(time.Hour) },
					"PutContext, GetContext": func() { q.PutContext(ctx, 9); q.GetContext(ctx) },
					"runs of three": func() {
						q.Put(1)
						q.Put(-2)
						q.Put(3)
						q.Get()
						q.Get()
						q.Get()
					},
					"Peek, Len": func() { q.Peek(); q.Len() },
				} {
					for range 300 {
						pair()
					}
					if n := testing.AllocsPerRun(1000, pair); n != 0 {
						t.Errorf("%s: %v allocations", name, n)
					}
				}
			})
		}
	}
}

// A getter or putter that waits in every round, and is granted its item or its room, or woken.
func TestWaitingAllocatesNothingInAnyOrder(t *testing.T) {
	if proof.Race {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	eachOrder(t, orders, []int{1, 8, 33}, func(t *testing.T, o order, maxsize int) {
		q := o.make(maxsize)
		const n = 10_000
		var putters sync.WaitGroup
		for range 2 {
			putters.Go(func() {
				for i := 0; q.Put(i) == nil; i++ {
				}
			})
		}
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
		putters.Wait()
	})
}

// objectQueues makes a queue of each order for objects, which are compared by their first byte.
var objectQueues = map[string]func(maxsize int) *queue.Queue[*object]{
	"FIFO": queue.New[*object],
	"LIFO": queue.NewLIFO[*object],
	"priority": func(maxsize int) *queue.Queue[*object] {
		return queue.NewPriority(maxsize, queue.By(func(o *object) byte { return o.content[0] }))
	},
}

// Objects that are known by weak pointers alone.
type objects struct{ refs []weak.Pointer[object] }

// make returns an object whose first byte is key. It is called on another goroutine than the one that checks, as all
// that handles the objects, so that no stack keeps one alive.
func (o *objects) make(key int) *object {
	made := new(object)
	made.content[0] = byte(key)
	o.refs = append(o.refs, weak.Make(made))
	return made
}

func (o *objects) alive() (n int) {
	runtime.GC() // one must do: what a pool holds survives one, and nothing in a pool may hold an item
	for _, ref := range o.refs {
		if ref.Value() != nil {
			n++
		}
	}
	return n
}

// elsewhere runs f on another goroutine.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestWhatLeftAQueueOfAnyOrderIsNotKeptAlive(t *testing.T) {
	const n = 300
	for name, create := range objectQueues {
		t.Run(name, func(t *testing.T) {
			q := create(0)
			var made objects
			want := func(what string) {
				t.Helper()
				if alive := made.alive(); alive != q.Len() {
					t.Errorf("%s: %d objects are alive and %d inside", what, alive, q.Len())
				}
			}
			put := func(n int) {
				elsewhere(func() {
					for i := range n {
						q.Put(made.make(i * 7))
					}
				})
			}
			put(n)
			for !q.Empty() {
				elsewhere(func() {
					for range min(rand.IntN(40), q.Len()) {
						q.Get()
					}
				})
				want("after gets")
			}
			put(n)
			elsewhere(func() {
				for range n - 1 {
					q.Get()
				}
			})
			want("with one left")
			put(n)
			elsewhere(func() { q.Drain() })
			want("after Drain")
			// A getter that waits, and is given the item or woken.
			var getter sync.WaitGroup
			getter.Go(func() { q.Get() })
			runtime.Gosched()
			put(1)
			getter.Wait()
			want("after a Get that waited")
			put(n)
			q.ShutdownNow()
			want("after ShutdownNow")
			runtime.KeepAlive(q)
		})
	}
}

func TestWhatAWaitingPutterBroughtIsNotKeptAliveInAnyOrder(t *testing.T) {
	for name, create := range objectQueues {
		t.Run(name, func(t *testing.T) {
			for _, maxsize := range []int{2, 33} {
				q := create(maxsize)
				made := &objects{}
				var mu sync.Mutex
				var putters sync.WaitGroup
				for i := range maxsize + 4 {
					putters.Go(func() {
						mu.Lock()
						o := made.make(i)
						mu.Unlock()
						q.Put(o)
					})
				}
				for !q.Full() {
					runtime.Gosched()
				}
				elsewhere(func() {
					for range maxsize + 4 {
						q.Get()
					}
				})
				putters.Wait()
				if alive := made.alive(); alive != 0 {
					t.Errorf("%s: %d objects are alive and none inside", capName(maxsize), alive)
				}
				runtime.KeepAlive(q)
			}
		})
	}
}

// backlog is how many items of 8 bytes, or 4, are put and taken again where the memory must then go back. An eighth of
// it may stay, which is a lot more than a queue keeps.
func backlog() int {
	n := max(rounds(1_000_000), 100_000)
	if proof.Race {
		n /= 2
	}
	return n
}

func TestMemoryGoesBackInEveryOrder(t *testing.T) {
	backlog := backlog()
	for _, o := range orders {
		for name, drain := range map[string]func(*queue.Queue[int]){
			"got": func(q *queue.Queue[int]) {
				for !q.Empty() {
					q.Get()
				}
			},
			"drained":                func(q *queue.Queue[int]) { q.Drain() },
			"dropped by ShutdownNow": (*queue.Queue[int]).ShutdownNow,
			"got but for a few": func(q *queue.Queue[int]) {
				for q.Len() > 10 {
					q.Get()
				}
			},
		} {
			t.Run(o.name+", "+name, func(t *testing.T) {
				q := o.make(0)
				before := heap()
				for i := range backlog {
					q.Put(i)
				}
				if full := heap(); full < before+uint64(backlog)*4 {
					t.Fatalf("a backlog of %d items takes %d bytes: the measurement is wrong", backlog, full-before)
				}
				drain(q)
				if after := heap(); after > before+uint64(backlog) {
					t.Errorf("%d bytes more than before the backlog", after-before)
				}
				runtime.KeepAlive(q)
			})
		}
	}
}

// CPython runs the cases of its BaseQueueTestMixin for LifoQueue and PriorityQueue too, and so do these; those of Queue
// itself, with what they mean in Go, stand in TestCPythonQueue. Q25 is in TestCPythonFailingQueue.
func TestCPythonLifoQueueAndPriorityQueue(t *testing.T) {
	for _, o := range orders[1:] {
		t.Run(o.name, func(t *testing.T) {
			conformance := func(name string, test func(t *testing.T)) { t.Run(name, test) }
			inBubble := func(name string, test func(t *testing.T)) {
				t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
			}
			inBubbles := func(name string, capacities []int, test func(t *testing.T, maxsize int)) {
				t.Run(name, func(t *testing.T) {
					eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
						synctest.Test(t, func(t *testing.T) { test(t, maxsize) })
					})
				})
			}
			wantAll := func(t *testing.T, calls []*call, what string, err error) {
				t.Helper()
				synctest.Wait()
				for _, c := range calls {
					c.want(t, what, 0, err)
				}
			}

			conformance("Q01 test_queue_task_done", func(t *testing.T) {
				wantPanic(t, queue.ErrTaskDone, o.make(0).TaskDone)
			})

			conformance("Q02 test_queue_join", func(t *testing.T) {
				q := o.make(0)
				for range 2 {
					var sum atomic.Int64
					var workers sync.WaitGroup
					for range 2 {
						workers.Go(func() {
							for {
								item, err := q.Get()
								if err != nil || item < 0 {
									q.TaskDone()
									return
								}
								sum.Add(int64(item))
								q.TaskDone()
							}
						})
					}
					for i := range 100 {
						q.Put(i)
					}
					q.Join()
					if sum.Load() != 99*100/2 {
						t.Errorf("the sum is %d when Join has returned", sum.Load())
					}
					for range 2 {
						q.Put(-1) // ends a worker
					}
					q.Join()
					workers.Wait()
					wantPanic(t, queue.ErrTaskDone, q.TaskDone)
				}
			})

			inBubbles("Q03 test_basic", bounded, func(t *testing.T, maxsize int) {
				q := o.new(t, maxsize)
				for round := range 2 {
					wantState(t, q, 0, round*(maxsize+2))
					items := sequence(maxsize)
					copy(items, []int{333, 111, 222})
					for i, item := range items {
						wantError(t, "Put", q.Put(item), nil)
						wantState(t, q, i+1, round*(maxsize+2)+i+1)
					}
					wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
					wantError(t, "PutTimeout", q.PutTimeout(-1, 10*time.Millisecond), queue.ErrFull)
					putter := start(func() (int, error) { return 0, q.Put(444) })
					synctest.Wait()
					putter.wantWaiting(t, "Put into a full queue")
					inside := o.leaving(items...)
					wantItems(t, q, inside[0])
					synctest.Wait()
					putter.want(t, "Put", 0, nil)
					inside = append(inside[1:], 444)
					o.arrange(inside)
					wantItems(t, q, inside...)
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
				}
			})

			conformance("Q04 test_negative_timeout_raises_exception", func(t *testing.T) {
				// A negative timeout is no mistake here: such a call does not wait.
				q := o.make(1)
				_, err := q.GetTimeout(-1)
				wantError(t, "GetTimeout(-1) from an empty queue", err, queue.ErrEmpty)
				wantError(t, "PutTimeout(-1) with room", q.PutTimeout(1, -1), nil)
				wantError(t, "PutTimeout(-1) into a full queue", q.PutTimeout(2, -1), queue.ErrFull)
				item, err := q.GetTimeout(-1)
				if item != 1 || err != nil {
					t.Errorf("GetTimeout(-1) = %d, %v, want 1, nil", item, err)
				}
			})

			conformance("Q05 test_nowait", func(t *testing.T) {
				eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
					q := o.make(maxsize)
					fill(t, q, 0)
					wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
					wantItems(t, q, o.leaving(sequence(maxsize)...)...)
					_, err := q.TryGet()
					wantError(t, "TryGet", err, queue.ErrEmpty)
				})
			})

			inBubble("Q06 test_shrinking_queue", func(t *testing.T) {
				// The capacity cannot be changed here; a queue that is full stays so for every form, however often asked.
				q := o.new(t, 3)
				fill(t, q, 0)
				for range 2 {
					wantError(t, "TryPut", q.TryPut(-1), queue.ErrFull)
					wantError(t, "PutTimeout", q.PutTimeout(-1, time.Millisecond), queue.ErrFull)
					wantState(t, q, 3, 3)
				}
				wantItems(t, q, o.leaving(0, 1, 2)...)
			})

			conformance("Q07 test_shutdown_empty", func(t *testing.T) {
				q := o.make(0)
				q.Shutdown()
				wantError(t, "Put", q.Put(1), queue.ErrShutdown)
				_, err := q.Get()
				wantError(t, "Get", err, queue.ErrShutdown)
			})

			conformance("Q08 test_shutdown_nonempty", func(t *testing.T) {
				q := o.make(0)
				q.Put(7)
				q.Shutdown()
				wantItems(t, q, 7)
				_, err := q.Get()
				wantError(t, "Get", err, queue.ErrShutdown)
			})

			conformance("Q09 test_shutdown_immediate", func(t *testing.T) {
				q := o.make(0)
				q.Put(7)
				q.ShutdownNow()
				_, err := q.Get()
				wantError(t, "Get", err, queue.ErrShutdown)
			})

			conformance("Q10 test_shutdown_allowed_transitions", func(t *testing.T) {
				q := o.make(0)
				if q.IsShutdown() {
					t.Error("a new queue is shut down")
				}
				for i, shutdown := range []func(){q.Shutdown, q.ShutdownNow, q.Shutdown} {
					if shutdown(); !q.IsShutdown() {
						t.Errorf("IsShutdown() = false after shutdown %d", i)
					}
				}
			})

			conformance("Q11 test_shutdown_all_methods_in_one_thread", func(t *testing.T) {
				q := o.make(2)
				fill(t, q, 0)
				q.Shutdown()
				for _, f := range puts {
					wantError(t, f.name, f.put(t.Context(), q, 1), queue.ErrShutdown)
				}
				for _, item := range o.leaving(0, 1) {
					wantItems(t, q, item)
					q.TaskDone()
				}
				q.Join()
				for _, f := range gets {
					_, err := f.get(t.Context(), q)
					wantError(t, f.name, err, queue.ErrShutdown)
				}
			})

			conformance("Q12 test_shutdown_immediate_all_methods_in_one_thread", func(t *testing.T) {
				q := o.make(2)
				fill(t, q, 0)
				q.ShutdownNow()
				for _, f := range puts {
					wantError(t, f.name, f.put(t.Context(), q, 1), queue.ErrShutdown)
				}
				for _, f := range gets {
					_, err := f.get(t.Context(), q)
					wantError(t, f.name, err, queue.ErrShutdown)
				}
				wantPanic(t, queue.ErrTaskDone, q.TaskDone)
				q.Join()
			})

			for _, immediate := range []bool{false, true} {
				conformance(name(immediate, "Q13 test_shutdown_all_methods_in_many_threads",
					"Q14 test_shutdown_immediate_all_methods_in_many_threads"), func(t *testing.T) {
					eachCapacity(t, []int{1, 50, 0}, func(t *testing.T, maxsize int) {
						shutdownAmongMany(t, o.make(maxsize), immediate)
					})
				})
			}

			inBubble("Q15 test_shutdown_get", func(t *testing.T) {
				q := o.new(t, 0)
				fill(t, q, 2)
				q.Shutdown()
				calls := []*call{start(q.Get), start(q.Get), start(q.Get)}
				synctest.Wait()
				failed, sum := 0, 0
				for _, c := range calls {
					sum += c.item
					if c.err != nil {
						wantError(t, "Get", c.err, queue.ErrShutdown)
						failed++
					}
				}
				if failed != 1 || sum != 1 {
					t.Errorf("%d gets failed and the items' sum is %d, want 1 and 1", failed, sum)
				}
			})

			inBubble("Q16 test_shutdown_immediate_get", func(t *testing.T) {
				q := o.new(t, 0)
				fill(t, q, 2)
				q.ShutdownNow()
				wantAll(t, []*call{start(q.Get), start(q.Get)}, "Get", queue.ErrShutdown)
			})

			for _, immediate := range []bool{false, true} {
				inBubbles(name(immediate, "Q17 test_shutdown_put", "Q18 test_shutdown_immediate_put"), bounded,
					func(t *testing.T, maxsize int) {
						q := o.new(t, maxsize)
						n := fill(t, q, 0)
						put := func() (int, error) { return 0, q.Put(-1) }
						putters := []*call{start(put), start(put)}
						synctest.Wait()
						shutdown(q, immediate)
						wantAll(t, putters, "Put", queue.ErrShutdown)
						if immediate {
							n = 0
						}
						wantState(t, q, n, n)
					})
			}

			inBubble("Q19 test_shutdown_join", func(t *testing.T) {
				q := o.new(t, 0)
				q.Put(7)
				joiners := []*call{startJoin(q), startJoin(q)}
				synctest.Wait()
				q.Shutdown()
				synctest.Wait()
				joiners[0].wantWaiting(t, "Join")
				joiners[1].wantWaiting(t, "Join")
				wantItems(t, q, 7)
				q.TaskDone()
				wantAll(t, joiners, "Join", nil)
			})

			inBubble("Q20 test_shutdown_immediate_join", func(t *testing.T) {
				q := o.new(t, 0)
				q.Put(7)
				joiners := []*call{startJoin(q), startJoin(q)}
				synctest.Wait()
				q.ShutdownNow()
				wantAll(t, joiners, "Join", nil)
			})

			inBubbles("Q21 test_shutdown_put_join", bounded, func(t *testing.T, maxsize int) {
				q := o.new(t, maxsize)
				fill(t, q, 0)
				putter, joiner := start(func() (int, error) { return 0, q.Put(-1) }), startJoin(q)
				synctest.Wait()
				q.Shutdown()
				wantAll(t, []*call{putter}, "Put", queue.ErrShutdown)
				for _, item := range o.leaving(sequence(maxsize)...) {
					joiner.wantWaiting(t, "Join")
					wantItems(t, q, item)
					q.TaskDone()
					synctest.Wait()
				}
				joiner.want(t, "Join", 0, nil)
			})

			inBubbles("Q22 test_shutdown_immediate_put_join", bounded, func(t *testing.T, maxsize int) {
				q := o.new(t, maxsize)
				fill(t, q, 0)
				putter, joiner := start(func() (int, error) { return 0, q.Put(-1) }), startJoin(q)
				synctest.Wait()
				q.ShutdownNow()
				wantAll(t, []*call{putter}, "Put", queue.ErrShutdown)
				wantAll(t, []*call{joiner}, "Join", nil)
				_, err := q.TryGet()
				wantError(t, "TryGet", err, queue.ErrShutdown)
			})

			inBubble("Q23 test_shutdown_get_task_done_join", func(t *testing.T) {
				q := o.new(t, 0)
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
				wantAll(t, calls, "a consumer or joiner", nil)
				wantState(t, q, 0, 0)
			})

			inBubbles("Q24 test_shutdown_pending_get", capacities, func(t *testing.T, maxsize int) {
				q := o.new(t, maxsize)
				getter := start(q.Get)
				synctest.Wait()
				getter.wantWaiting(t, "Get")
				q.Shutdown()
				wantAll(t, []*call{getter}, "Get", queue.ErrShutdown)
			})
		})
	}
}

// shutdownAmongMany: 4 putters and 6 getters, 2 joiners, and the shutdown in the middle. Everybody must end.
func shutdownAmongMany(t *testing.T, q *queue.Queue[int], immediate bool) {
	each := rounds(16384)
	part := make(chan struct{})
	var reached sync.Once
	var stored, taken atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range each {
				if i == each/4 {
					reached.Do(func() { close(part) })
				}
				if err := q.Put(i); err != nil {
					wantError(t, "Put", err, queue.ErrShutdown)
					return
				}
				stored.Add(1)
			}
		})
	}
	for range 6 {
		all.Go(func() {
			for {
				if _, err := q.Get(); err != nil {
					wantError(t, "Get", err, queue.ErrShutdown)
					return
				}
				taken.Add(1)
				q.TaskDone()
			}
		})
	}
	<-part
	all.Go(q.Join)
	all.Go(q.Join)
	shutdown(q, immediate)
	if immediate && !q.Empty() {
		t.Errorf("%d items inside after ShutdownNow", q.Len())
	}
	all.Wait()
	wantState(t, q, 0, 0)
	if s, n := stored.Load(), taken.Load(); s < n || !immediate && s > n {
		t.Errorf("%d items were stored and %d taken", s, n)
	}
}

// What CPython's queues do not do, or not well, under its number in the list of semantics; in every order.
func TestWeaknessesOfPythonsQueuesAreMended(t *testing.T) {
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			t.Run("W40 a join that gives up", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := o.new(t, 0)
					q.Put(1)
					began := time.Now()
					if q.JoinTimeout(time.Second) || time.Since(began) != time.Second {
						t.Errorf("JoinTimeout took %v, or reported true", time.Since(began))
					}
					ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errLeft)
					defer cancel()
					wantError(t, "JoinContext", q.JoinContext(ctx), errLeft)
					wantState(t, q, 1, 1)
				})
			})
			t.Run("W41 a queue that can be closed", func(t *testing.T) {
				q := o.make(0)
				fill(t, q, 3)
				q.Shutdown()
				n := 0
				for range q.Tasks() {
					n++
				}
				if n != 3 {
					t.Errorf("got %d items, want 3", n)
				}
			})
			t.Run("W42 a join after an immediate shutdown waits for what is at work, and no longer", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := o.new(t, 0)
					fill(t, q, 3)
					q.Get()
					q.ShutdownNow()
					joiner := startJoin(q)
					synctest.Wait()
					joiner.wantWaiting(t, "Join with a task at work")
					q.TaskDone()
					synctest.Wait()
					joiner.want(t, "Join", 0, nil)
				})
			})
			t.Run("W43 a TaskDone racing an immediate shutdown is never one too many", func(t *testing.T) {
				for range rounds(2000) {
					q := o.make(0)
					fill(t, q, 4)
					var workers sync.WaitGroup
					for range 2 {
						workers.Go(func() {
							for range q.Tasks() {
								jitter()
							}
						})
					}
					jitter()
					q.ShutdownNow()
					workers.Wait()
					wantState(t, q, 0, 0)
				}
			})
			t.Run("W45 a capacity that cannot be changed behind a putter's back", func(t *testing.T) {
				for _, maxsize := range []int{-1, 0, 1, 33} {
					q := o.make(maxsize)
					fill(t, q, 5)
					if q.Cap() != max(maxsize, 0) {
						t.Errorf("Cap() = %d, want %d", q.Cap(), max(maxsize, 0))
					}
				}
			})
			t.Run("W46 one rule for timeouts of zero and below", func(t *testing.T) {
				for _, d := range []time.Duration{0, -1, math.MinInt64} {
					for _, maxsize := range []int{1, 0} {
						q := o.make(maxsize)
						_, err := q.GetTimeout(d)
						wantError(t, "GetTimeout", err, queue.ErrEmpty)
						wantError(t, "PutTimeout", q.PutTimeout(7, d), nil)
						if q.JoinTimeout(d) {
							t.Error("JoinTimeout = true")
						}
						if maxsize == 1 {
							wantError(t, "PutTimeout", q.PutTimeout(8, d), queue.ErrFull)
						}
						if item, err := q.GetTimeout(d); item != 7 || err != nil {
							t.Errorf("GetTimeout = %d, %v, want 7, nil", item, err)
						}
						q.Shutdown()
						_, err = q.GetTimeout(d)
						wantError(t, "GetTimeout", err, queue.ErrShutdown)
						wantError(t, "PutTimeout", q.PutTimeout(7, d), queue.ErrShutdown)
					}
				}
			})
			t.Run("W49 one iterator for several goroutines", func(t *testing.T) {
				q := o.make(0)
				n := rounds(20_000)
				fill(t, q, n)
				q.Shutdown()
				tasks := q.Tasks()
				seen := make([]atomic.Int32, n)
				var workers sync.WaitGroup
				for range 4 {
					workers.Go(func() {
						for item := range tasks {
							seen[item].Add(1)
						}
					})
				}
				workers.Wait()
				for i := range seen {
					if got := seen[i].Load(); got != 1 {
						t.Fatalf("item %d was yielded %d times", i, got)
					}
				}
				wantState(t, q, 0, 0)
			})
		})
	}
}
