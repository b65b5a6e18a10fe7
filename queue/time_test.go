package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/queue"
)

const (
	forever = time.Duration(math.MaxInt64)
	ages    = 100_000 * time.Hour
)

// A wait is a call that waits, from what makes it wait to what ends it.
type wait struct {
	name       string
	capacities []int
	prepare    func(testing.TB, *queue.Queue[int]) // leaves the queue so that the call waits
	call       func(context.Context, *queue.Queue[int]) (int, error)
	serve      func(*queue.Queue[int]) // makes it succeed
}

func toPut(t testing.TB, q *queue.Queue[int]) { fill(t, q, 0) }
func toGet(testing.TB, *queue.Queue[int])     {}
func toJoin(_ testing.TB, q *queue.Queue[int]) {
	q.Put(0)
	q.Get()
}

func makeRoom(q *queue.Queue[int])    { q.Get() }
func bringItem(q *queue.Queue[int])   { q.Put(7) }
func finish(q *queue.Queue[int])      { q.TaskDone() }
func bringTheEnd(q *queue.Queue[int]) { q.Shutdown() }

func got(item int, err error) (int, error) {
	if err == nil && item != 7 {
		err = fmt.Errorf("got item %d", item)
	}
	return 0, err
}

var waits = []wait{
	{"Put", bounded, toPut, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return 0, q.Put(7)
	}, makeRoom},
	{"PutTimeout", bounded, toPut, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return 0, q.PutTimeout(7, ages)
	}, makeRoom},
	{"PutTimeout for ever", bounded, toPut, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return 0, q.PutTimeout(7, forever)
	}, makeRoom},
	{"PutContext", bounded, toPut, func(ctx context.Context, q *queue.Queue[int]) (int, error) {
		return 0, q.PutContext(ctx, 7)
	}, makeRoom},
	{"Get", capacities, toGet, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return got(q.Get())
	}, bringItem},
	{"GetTimeout", capacities, toGet, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return got(q.GetTimeout(ages))
	}, bringItem},
	{"GetTimeout for ever", capacities, toGet, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return got(q.GetTimeout(forever))
	}, bringItem},
	{"GetContext", capacities, toGet, func(ctx context.Context, q *queue.Queue[int]) (int, error) {
		return got(q.GetContext(ctx))
	}, bringItem},
	{"Join", capacities, toJoin, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		q.Join()
		return 0, nil
	}, finish},
	{"JoinTimeout", capacities, toJoin, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return 0, joinTimeout(q.JoinTimeout(ages))
	}, finish},
	{"JoinTimeout for ever", capacities, toJoin, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		return 0, joinTimeout(q.JoinTimeout(forever))
	}, finish},
	{"JoinContext", capacities, toJoin, func(ctx context.Context, q *queue.Queue[int]) (int, error) {
		return 0, q.JoinContext(ctx)
	}, finish},
	{"Tasks", capacities, toGet, func(_ context.Context, q *queue.Queue[int]) (int, error) {
		for range q.Tasks() {
		}
		return 0, nil
	}, bringTheEnd},
	{"TasksContext", capacities, toGet, func(ctx context.Context, q *queue.Queue[int]) (int, error) {
		for range q.TasksContext(ctx) {
		}
		return 0, nil
	}, bringTheEnd},
}

// synctest.Wait returns, and fake time passes, only if everybody is durably blocked. math.MaxInt64 nanoseconds are
// not waited for either: nothing ends such a call but what it waits for.
func TestEveryWaitIsDurableAndOutlastsAThousandHours(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			eachCapacity(t, w.capacities, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					w.prepare(t, q)
					for range 2 { // the second finds what the first left behind
						c := start(func() (int, error) { return w.call(ctx, q) })
						synctest.Wait()
						c.wantWaiting(t, w.name)
						time.Sleep(1000 * time.Hour)
						c.wantWaiting(t, w.name)
						w.serve(q)
						synctest.Wait()
						c.want(t, w.name, 0, nil)
						if q.IsShutdown() {
							break
						}
						if q.Unfinished() == 0 {
							w.prepare(t, q)
						}
					}
				})
			})
		})
	}
}

func TestALimitEndsAWaitAtExactlyItsTime(t *testing.T) {
	const d = 3 * time.Second
	cause := errors.New("the reason")
	expiring := func(ctx context.Context, call func(context.Context) error) error {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		defer cancel()
		return call(ctx)
	}
	for _, c := range []struct {
		name       string
		capacities []int
		prepare    func(testing.TB, *queue.Queue[int])
		call       func(context.Context, *queue.Queue[int]) error
		want       error
	}{
		{"PutTimeout", bounded, toPut, func(_ context.Context, q *queue.Queue[int]) error {
			return q.PutTimeout(-1, d)
		}, queue.ErrFull},
		{"PutContext", bounded, toPut, func(ctx context.Context, q *queue.Queue[int]) error {
			return expiring(ctx, func(ctx context.Context) error { return q.PutContext(ctx, -1) })
		}, cause},
		{"GetTimeout", capacities, toGet, func(_ context.Context, q *queue.Queue[int]) error {
			_, err := q.GetTimeout(d)
			return err
		}, queue.ErrEmpty},
		{"GetContext", capacities, toGet, func(ctx context.Context, q *queue.Queue[int]) error {
			return expiring(ctx, func(ctx context.Context) error { _, err := q.GetContext(ctx); return err })
		}, cause},
		{"JoinTimeout", capacities, toJoin, func(_ context.Context, q *queue.Queue[int]) error {
			return joinTimeout(q.JoinTimeout(d))
		}, errTimeout},
		{"JoinContext", capacities, toJoin, func(ctx context.Context, q *queue.Queue[int]) error {
			return expiring(ctx, func(ctx context.Context) error { return q.JoinContext(ctx) })
		}, cause},
		{"TasksContext", capacities, toGet, func(ctx context.Context, q *queue.Queue[int]) error {
			return expiring(ctx, func(ctx context.Context) error {
				for range q.TasksContext(ctx) {
					t.Error("TasksContext yielded an item")
				}
				return context.Cause(ctx)
			})
		}, cause},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachCapacity(t, c.capacities, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					c.prepare(t, q)
					length, unfinished := q.Len(), q.Unfinished()
					for range 3 {
						began := time.Now()
						err := c.call(t.Context(), q)
						wantError(t, c.name, err, c.want)
						if took := time.Since(began); took != d {
							t.Errorf("%s took %v, want %v", c.name, took, d)
						}
						wantState(t, q, length, unfinished)
					}
					// As if it had never been: the next to come is served, and in full.
					for i := range length {
						wantItems(t, q, i)
					}
					wantError(t, "TryPut", q.TryPut(100), nil)
					wantItems(t, q, 100)
					_, err := q.TryGet()
					wantError(t, "TryGet", err, queue.ErrEmpty)
				})
			})
		})
	}
}

func TestATimeoutOfZeroOrLessTakesNoTime(t *testing.T) {
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				began := time.Now()
				_, err := q.GetTimeout(d)
				wantError(t, "GetTimeout", err, queue.ErrEmpty)
				fill(t, q, 0)
				wantError(t, "PutTimeout", q.PutTimeout(-1, d), queue.ErrFull)
				if q.JoinTimeout(d) {
					t.Error("JoinTimeout = true with unfinished items")
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestALimitThatIsNotReachedLeavesNothingBehind(t *testing.T) {
	for _, w := range waits {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, w.capacities[0])
			ctx, cancel := context.WithTimeout(t.Context(), 2*ages)
			defer cancel()
			w.prepare(t, q)
			c := start(func() (int, error) { return w.call(ctx, q) })
			synctest.Wait()
			w.serve(q)
			synctest.Wait()
			c.want(t, w.name, 0, nil)
			length, unfinished := q.Len(), q.Unfinished()
			time.Sleep(3 * ages) // a timer that was forgotten would go off
			wantState(t, q, length, unfinished)
		})
	}
}

// A getter of a large queue is woken to try again, and if it finds nothing it goes on waiting: until its own limit and
// not until one that began anew.
func TestOneLimitBoundsAllAttemptsOfOneCall(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that what is woken here does not run until this waits
	for name, get := range map[string]func(context.Context, *queue.Queue[int], time.Duration) error{
		"GetTimeout": func(_ context.Context, q *queue.Queue[int], d time.Duration) error {
			_, err := q.GetTimeout(d)
			return err
		},
		"GetContext": func(ctx context.Context, q *queue.Queue[int], d time.Duration) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, queue.ErrEmpty)
			defer cancel()
			_, err := q.GetContext(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachCapacity(t, []int{33, 0}, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					began := time.Now()
					c := start(func() (int, error) { return 0, get(t.Context(), q, 3*time.Second) })
					time.Sleep(time.Second)
					q.Put(1) // wakes the getter, which is too late
					if _, err := q.TryGet(); err != nil {
						t.Skip("the getter was faster")
					}
					synctest.Wait()
					c.wantWaiting(t, name)
					<-c.done
					c.want(t, name, 0, queue.ErrEmpty)
					if took := time.Since(began); took != 3*time.Second {
						t.Errorf("took %v, want 3s", took)
					}
				})
			})
		})
	}
}

// Time may run out for a getter while it is awake, in vain; it must not wait on then. On one processor the timer's
// function runs here just before the getter, but whatever the order the call ends in time.
func TestALimitThatIsReachedWhileTheGetterIsAwakeIsNotForgotten(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	eachCapacity(t, []int{33, 0}, func(t *testing.T, maxsize int) {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				began := time.Now()
				c := start(func() (int, error) { return q.GetTimeout(time.Second) })
				synctest.Wait()
				time.Sleep(time.Second)
				q.TryPut(1)
				q.TryGet()
				go func() {}() // runs next, and the getter only after the timer's function
				<-c.done
				if took := time.Since(began); took != time.Second {
					t.Errorf("took %v, want 1s", took)
				}
				if c.err != queue.ErrEmpty && c.err != nil {
					t.Errorf("GetTimeout: %v", c.err)
				}
			})
		}
	})
}

func TestAWaiterThatWasPassedOverKeepsItsPlaceInFront(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that what is woken here does not run until this waits
	t.Run("getter", func(t *testing.T) {
		eachCapacity(t, []int{33, 128, 0}, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				first := start(q.Get)
				synctest.Wait()
				second := start(q.Get)
				synctest.Wait()
				q.Put(1)
				if _, err := q.TryGet(); err != nil {
					t.Skip("the getter was faster")
				}
				synctest.Wait()
				q.Put(2)
				synctest.Wait()
				first.want(t, "the first Get", 2, nil)
				second.wantWaiting(t, "the second Get")
				q.Put(3)
				synctest.Wait()
				second.want(t, "the second Get", 3, nil)
			})
		})
	})
	t.Run("putter", func(t *testing.T) {
		eachCapacity(t, []int{33, 128}, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				fill(t, q, 0)
				first := start(func() (int, error) { return 0, q.Put(-1) })
				synctest.Wait()
				second := start(func() (int, error) { return 0, q.Put(-2) })
				synctest.Wait()
				q.Get()
				if q.TryPut(1) != nil {
					t.Skip("the putter was faster")
				}
				synctest.Wait()
				q.Get()
				synctest.Wait()
				first.want(t, "the first Put", 0, nil)
				second.wantWaiting(t, "the second Put")
				q.Get()
				synctest.Wait()
				second.want(t, "the second Put", 0, nil)
			})
		})
	})
}

// A queue of up to 32 items hands the item, or the room, itself to whoever has waited longest: a newcomer cannot have
// it, though what is woken has not run yet.
func TestASmallQueueHandsOverWhatItsWaitersWaitFor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	eachCapacity(t, []int{1, 2, 32}, func(t *testing.T, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, maxsize)
			getter := start(q.Get)
			synctest.Wait()
			q.Put(7)
			_, err := q.TryGet()
			wantError(t, "TryGet of an item that was handed over", err, queue.ErrEmpty)
			synctest.Wait()
			getter.want(t, "Get", 7, nil)

			fill(t, q, 0)
			putter := start(func() (int, error) { return 0, q.Put(8) })
			synctest.Wait()
			q.Get()
			wantError(t, "TryPut into room that was handed over", q.TryPut(9), queue.ErrFull)
			synctest.Wait()
			putter.want(t, "Put", 0, nil)
		})
	})
}

// A waiter that was passed over for a millisecond is owed what comes next, and a newcomer cannot have it.
func TestAWaiterThatFailedForAMillisecondIsServedNext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that what is woken here does not run until this waits
	t.Run("getter", func(t *testing.T) {
		eachCapacity(t, []int{33, 128, 0}, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				c := start(q.Get)
				synctest.Wait()
				for range 2 {
					q.Put(1)
					if _, err := q.TryGet(); err != nil {
						t.Skip("the getter was faster")
					}
					synctest.Wait()
					c.wantWaiting(t, "Get")
					time.Sleep(time.Millisecond)
				}
				q.Put(2)
				_, err := q.TryGet()
				wantError(t, "TryGet of an item that is owed to another", err, queue.ErrEmpty)
				synctest.Wait()
				c.want(t, "Get", 2, nil)
			})
		})
	})
	t.Run("putter", func(t *testing.T) {
		eachCapacity(t, []int{33, 128}, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				n := fill(t, q, 0)
				c := start(func() (int, error) { return 0, q.Put(1000) })
				synctest.Wait()
				for range 2 {
					q.Get()
					if q.TryPut(1) != nil {
						t.Skip("the putter was faster")
					}
					synctest.Wait()
					c.wantWaiting(t, "Put")
					time.Sleep(time.Millisecond)
				}
				q.Get()
				wantError(t, "TryPut into room that is owed to another", q.TryPut(1), queue.ErrFull)
				synctest.Wait()
				c.want(t, "Put", 0, nil)
				items := q.Drain()
				if len(items) != n || items[n-1] != 1000 {
					t.Errorf("inside were %v", items)
				}
			})
		})
	})
}

// One that waits, however it gives up.
type leaver struct {
	name   string
	get    func(context.Context, *queue.Queue[int]) (int, error)
	put    func(context.Context, *queue.Queue[int], int) error
	leave  func(context.CancelCauseFunc)
	getErr error // what a get reports that gave up
	putErr error
}

var errLeft = errors.New("left")

var leavers = []leaver{
	{
		name:   "context",
		get:    func(ctx context.Context, q *queue.Queue[int]) (int, error) { return q.GetContext(ctx) },
		put:    func(ctx context.Context, q *queue.Queue[int], item int) error { return q.PutContext(ctx, item) },
		leave:  func(cancel context.CancelCauseFunc) { cancel(errLeft) },
		getErr: errLeft,
		putErr: errLeft,
	},
	{
		name:   "timeout",
		get:    func(_ context.Context, q *queue.Queue[int]) (int, error) { return q.GetTimeout(time.Hour) },
		put:    func(_ context.Context, q *queue.Queue[int], item int) error { return q.PutTimeout(item, time.Hour) },
		leave:  func(context.CancelCauseFunc) { time.Sleep(time.Hour) },
		getErr: queue.ErrEmpty,
		putErr: queue.ErrFull,
	},
}

func TestAGetterThatGivesUpLeavesTheOthersInOrder(t *testing.T) {
	const n = 5
	for _, by := range leavers {
		for gone := range n {
			t.Run(fmt.Sprintf("%s, number %d", by.name, gone), func(t *testing.T) {
				eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
					synctest.Test(t, func(t *testing.T) {
						q := newQueue(t, maxsize)
						ctx, cancel := context.WithCancelCause(t.Context())
						defer cancel(nil)
						var waiting []*call
						for i := range n {
							if i == gone {
								waiting = append(waiting, start(func() (int, error) { return by.get(ctx, q) }))
							} else {
								waiting = append(waiting, start(q.Get))
							}
							synctest.Wait()
						}
						by.leave(cancel)
						synctest.Wait()
						waiting[gone].want(t, "the get that gave up", 0, by.getErr)
						for i, c := range slices.Delete(waiting, gone, gone+1) {
							c.wantWaiting(t, "Get")
							q.Put(i)
							synctest.Wait()
							c.want(t, "the next Get", i, nil)
						}
						wantState(t, q, 0, n-1)
						wantError(t, "TryPut", q.TryPut(7), nil)
						wantItems(t, q, 7)
					})
				})
			})
		}
	}
}

func TestAPutterThatGivesUpLeavesTheOthersInOrder(t *testing.T) {
	const n = 5
	for _, by := range leavers {
		for gone := range n {
			t.Run(fmt.Sprintf("%s, number %d", by.name, gone), func(t *testing.T) {
				eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
					synctest.Test(t, func(t *testing.T) {
						q := newQueue(t, maxsize)
						fill(t, q, 0)
						ctx, cancel := context.WithCancelCause(t.Context())
						defer cancel(nil)
						var waiting []*call
						for i := range n {
							waiting = append(waiting, start(func() (int, error) {
								if i == gone {
									return 0, by.put(ctx, q, 1000+i)
								}
								return 0, q.Put(1000 + i)
							}))
							synctest.Wait()
						}
						by.leave(cancel)
						synctest.Wait()
						waiting[gone].want(t, "the put that gave up", 0, by.putErr)
						for i, c := range waiting {
							if i == gone {
								continue
							}
							c.wantWaiting(t, "Put")
							q.Get()
							synctest.Wait()
							c.want(t, "the next Put", 0, nil)
							wantState(t, q, maxsize, q.Unfinished())
						}
						items := q.Drain()
						var late []int
						for _, item := range items {
							if item >= 1000 {
								late = append(late, item-1000)
							}
						}
						want := slices.Delete([]int{0, 1, 2, 3, 4}, gone, gone+1)
						if len(late) > len(want) || !slices.Equal(late, want[len(want)-len(late):]) {
							t.Errorf("inside were %v, want the end of %v", late, want)
						}
						if got, want := q.Unfinished(), maxsize+n-1; got != want {
							t.Errorf("Unfinished() = %d, want %d", got, want)
						}
					})
				})
			})
		}
	}
}

// What comes at once is taken in order too, when nobody else wants it.
func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	t.Run("getters", func(t *testing.T) {
		eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				var waiting []*call
				for range 20 {
					waiting = append(waiting, start(q.Get))
					synctest.Wait()
				}
				for i := range waiting {
					q.Put(i)
				}
				synctest.Wait()
				for i, c := range waiting {
					c.want(t, "Get", i, nil)
				}
			})
		})
	})
	t.Run("putters", func(t *testing.T) {
		eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, maxsize)
				n := fill(t, q, 0)
				const late = 20
				for i := range late {
					start(func() (int, error) { return 0, q.Put(n + i) })
					synctest.Wait()
				}
				for i := range n + late {
					item, err := q.Get()
					wantError(t, "Get", err, nil)
					if item != i {
						t.Fatalf("got %d, want %d", item, i)
					}
				}
			})
		})
	})
}

func TestDrainMakesRoomForThosePuttersThatWait(t *testing.T) {
	eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, maxsize)
			fill(t, q, 0)
			n := 2*maxsize + 1
			var waiting []*call
			for i := range n {
				waiting = append(waiting, start(func() (int, error) { return 0, q.Put(1000 + i) }))
				synctest.Wait()
			}
			var got []int
			for i := 0; i < n; i += maxsize {
				q.Drain()
				synctest.Wait()
				for j, c := range waiting {
					if served := j < i+maxsize; served != c.returned() {
						t.Fatalf("putter %d: returned %t, want %t", j, c.returned(), served)
					}
				}
				item, _ := q.Peek()
				got = append(got, item-1000)
			}
			if want := []int{0, maxsize, 2 * maxsize}; !slices.Equal(got, want) {
				t.Errorf("first after each Drain: %v, want %v", got, want)
			}
		})
	})
}

// Everybody who waits when the queue is shut down, in each order of arrival.
func TestShutdownMeetsThoseWhoWait(t *testing.T) {
	type forms []func(context.Context, *queue.Queue[int]) error
	puts := forms{
		func(_ context.Context, q *queue.Queue[int]) error { return q.Put(-1) },
		func(_ context.Context, q *queue.Queue[int]) error { return q.PutTimeout(-1, time.Hour) },
		func(ctx context.Context, q *queue.Queue[int]) error { return q.PutContext(ctx, -1) },
	}
	gets := forms{
		func(_ context.Context, q *queue.Queue[int]) error { _, err := q.Get(); return err },
		func(_ context.Context, q *queue.Queue[int]) error { _, err := q.GetTimeout(time.Hour); return err },
		func(ctx context.Context, q *queue.Queue[int]) error { _, err := q.GetContext(ctx); return err },
	}
	var joiners forms
	for _, j := range joins {
		joiners = append(joiners, func(ctx context.Context, q *queue.Queue[int]) error {
			if j.name == "JoinTimeout" {
				return joinTimeout(q.JoinTimeout(2 * time.Hour))
			}
			return j.join(ctx, q)
		})
	}
	shutdowns := map[string]func(*queue.Queue[int]){
		"Shutdown":    (*queue.Queue[int]).Shutdown,
		"ShutdownNow": (*queue.Queue[int]).ShutdownNow,
	}
	run := func(t *testing.T, q *queue.Queue[int], forms forms) (waiting []*call) {
		for range 2 {
			for _, f := range forms {
				waiting = append(waiting, start(func() (int, error) { return 0, f(t.Context(), q) }))
				synctest.Wait()
			}
		}
		return waiting
	}
	want := func(t *testing.T, waiting []*call, what string, err error) {
		synctest.Wait()
		for _, c := range waiting {
			c.want(t, what, 0, err)
		}
	}
	wantWaiting := func(t *testing.T, waiting []*call, what string) {
		synctest.Wait()
		for _, c := range waiting {
			c.wantWaiting(t, what)
		}
	}

	for name, shutdown := range shutdowns {
		for _, order := range []string{
			"putters, joiners, " + name, "joiners, putters, " + name, "putters, " + name + ", joiners",
		} {
			t.Run(order, func(t *testing.T) {
				eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
					synctest.Test(t, func(t *testing.T) {
						q := newQueue(t, maxsize)
						fill(t, q, 0)
						var putters, joining []*call
						if strings.HasPrefix(order, "joiners") {
							joining = run(t, q, joiners)
						}
						putters = run(t, q, puts)
						if strings.HasPrefix(order, "putters, joiners") {
							joining = run(t, q, joiners)
						}
						wantWaiting(t, putters, "a put")
						wantWaiting(t, joining, "a join")
						shutdown(q)
						want(t, putters, "a put", queue.ErrShutdown)
						if joining == nil {
							joining = run(t, q, joiners)
						}
						if name == "ShutdownNow" {
							want(t, joining, "a join", nil)
							wantState(t, q, 0, 0)
							return
						}
						wantState(t, q, maxsize, maxsize) // none of the putters' items was stored
						for i := range maxsize {
							wantWaiting(t, joining, "a join")
							wantItems(t, q, i)
							q.TaskDone()
						}
						want(t, joining, "a join", nil)
						_, err := q.Get()
						wantError(t, "Get", err, queue.ErrShutdown)
					})
				})
			})
		}
		for _, order := range []string{"getters, joiners, " + name, "joiners, getters, " + name} {
			t.Run(order, func(t *testing.T) {
				eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
					synctest.Test(t, func(t *testing.T) {
						q := newQueue(t, maxsize)
						q.Put(1)
						q.Get() // a task at work
						var getters, joining []*call
						if strings.HasPrefix(order, "joiners") {
							joining = run(t, q, joiners)
						}
						getters = run(t, q, gets)
						if joining == nil {
							joining = run(t, q, joiners)
						}
						wantWaiting(t, getters, "a get")
						shutdown(q)
						want(t, getters, "a get", queue.ErrShutdown)
						wantWaiting(t, joining, "a join, with a task at work,")
						q.TaskDone()
						want(t, joining, "a join", nil)
						wantState(t, q, 0, 0)
					})
				})
			})
		}
		t.Run("putters, an item taken, joiners, "+name, func(t *testing.T) {
			eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, maxsize)
					fill(t, q, 0)
					wantItems(t, q, 0)
					q.Put(maxsize)
					putters := run(t, q, puts)
					joining := run(t, q, joiners)
					shutdown(q)
					want(t, putters, "a put", queue.ErrShutdown)
					if name == "Shutdown" {
						wantState(t, q, maxsize, maxsize+1)
						q.ShutdownNow() // a later one drops what the first left
					}
					wantState(t, q, 0, 1)
					wantWaiting(t, joining, "a join, with a task at work,")
					q.TaskDone()
					want(t, joining, "a join", nil)
				})
			})
		})
	}
}

// The getters were woken, one after the other, for items that are inside when the shutdown comes: as many get one as
// there are.
func TestGettersThatWereServedWhenTheShutdownCameKeepTheirItems(t *testing.T) {
	eachCapacity(t, []int{2, 32, 33, 128, 0}, func(t *testing.T, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, maxsize)
			var waiting []*call
			for range 5 {
				waiting = append(waiting, start(q.Get))
				synctest.Wait()
			}
			q.Put(1)
			q.Put(2)
			q.Shutdown()
			synctest.Wait()
			items, failed := 0, 0
			for _, c := range waiting {
				switch {
				case !c.returned():
					t.Fatal("a Get still waits")
				case c.err == nil:
					items += c.item
				default:
					wantError(t, "Get", c.err, queue.ErrShutdown)
					failed++
				}
			}
			if items != 3 || failed != 3 {
				t.Errorf("the items' sum is %d and %d gets failed, want 3 and 3", items, failed)
			}
			wantState(t, q, 0, 2)
		})
	})
}

// A waiter comes from a pool and may have slept in another bubble, or outside, before.
var shared = []*queue.Queue[int]{queue.New[int](1), queue.New[int](33), queue.New[int](0)}

func TestAPackageLevelQueueServesOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	exchange := func(t *testing.T, q *queue.Queue[int]) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		done := make(chan struct{})
		wg.Go(func() {
			defer close(done)
			for i := range 3 * 200 {
				var item int
				var err error
				switch i % 3 {
				case 0:
					item, err = q.Get()
				case 1:
					item, err = q.GetTimeout(time.Hour)
				case 2:
					item, err = q.GetContext(ctx)
				}
				if err != nil || item != i {
					t.Errorf("got %d, %v, want %d, nil", item, err, i)
				}
				q.TaskDone()
			}
		})
		wg.Go(func() {
			for i := range 200 {
				wantError(t, "Put", q.Put(3*i), nil)
				wantError(t, "PutTimeout", q.PutTimeout(3*i+1, time.Hour), nil)
				wantError(t, "PutContext", q.PutContext(ctx, 3*i+2), nil)
				if i%10 == 0 {
					q.Join()
				}
			}
		})
		for waiting := true; waiting; {
			select {
			case <-done:
				waiting = false
			default:
				runtime.Gosched()
			}
			q.JoinTimeout(time.Hour)
			wantError(t, "JoinContext", q.JoinContext(ctx), nil)
		}
		wg.Wait()
		q.Join()
		_, err := q.GetTimeout(1)
		wantError(t, "GetTimeout", err, queue.ErrEmpty)
		wantState(t, q, 0, 0)
	}
	for _, q := range shared {
		for range 2 {
			exchange(t, q)
			for range 2 {
				synctest.Test(t, func(t *testing.T) { exchange(t, q) })
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					_, err := q.GetTimeout(time.Second)
					wantError(t, "GetTimeout", err, queue.ErrEmpty)
					if took := time.Since(began); took != time.Second {
						t.Errorf("GetTimeout took %v, want 1s", took)
					}
				})
			}
		}
		exchange(t, q)
	}
}
