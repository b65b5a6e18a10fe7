package queue_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/queue"
)

// The races here are real: goroutines that give up as soon as they can, against those that would serve them. Nothing
// is checked on the way but the order; at the end every item must be accounted for.

// A canceller makes contexts that end very soon, each after a small delay, by a goroutine that does nothing else.
type canceller struct {
	cancels chan context.CancelFunc
	done    sync.WaitGroup
}

func newCanceller(delay func()) *canceller {
	c := &canceller{cancels: make(chan context.CancelFunc, 1)}
	c.done.Go(func() {
		for cancel := range c.cancels {
			delay()
			cancel()
		}
	})
	return c
}

func (c *canceller) context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancels <- cancel
	return ctx
}

func (c *canceller) stop() {
	close(c.cancels)
	c.done.Wait()
}

// giveWay lets the others run now and then. Who gives up and his canceller would otherwise hand the processor to each
// other for a whole time slice, and nobody would serve them meanwhile.
func giveWay() {
	if rand.IntN(4) == 0 {
		runtime.Gosched()
	}
}

// jitter takes some nanoseconds, or lets others run.
func jitter() {
	n := rand.IntN(64)
	if n == 0 {
		runtime.Gosched()
	}
	for range n {
		sink.Load()
	}
}

var sink atomic.Int64

// smallTimeout is short enough to run out while its call is served. Most timers of a few microseconds do not go off
// before the scheduler next looks.
func smallTimeout() time.Duration { return time.Duration(1 + rand.IntN(2000)) }

// A tag says who put an item, and as which of its own.
type tag struct{ putter, n int }

var giveUpForms = []struct {
	name string
	get  func(*canceller, *queue.Queue[tag]) (tag, error)
	put  func(*canceller, *queue.Queue[tag], tag) error
}{
	{
		"context",
		func(c *canceller, q *queue.Queue[tag]) (tag, error) { return q.GetContext(c.context()) },
		func(c *canceller, q *queue.Queue[tag], item tag) error { return q.PutContext(c.context(), item) },
	},
	{
		"timeout",
		func(_ *canceller, q *queue.Queue[tag]) (tag, error) { return q.GetTimeout(smallTimeout()) },
		func(_ *canceller, q *queue.Queue[tag], item tag) error { return q.PutTimeout(item, smallTimeout()) },
	},
}

// One producer puts its items one by one, each into an empty queue before which getters wait and give up.
func TestAPutRacingAGetThatGivesUpLosesAndDoublesNothing(t *testing.T) {
	const getters = 2
	caps := []int{1, 33, 0}
	for _, form := range giveUpForms {
		t.Run(form.name, func(t *testing.T) {
			eachCapacity(t, caps, func(t *testing.T, maxsize int) {
				n := rounds(1_000_000) / len(caps)
				q := queue.New[tag](maxsize)
				var gaveUp atomic.Int64
				times := make([]atomic.Int32, n)
				var running sync.WaitGroup
				for range getters {
					running.Go(func() {
						c := newCanceller(jitter)
						defer c.stop()
						for last := -1; ; {
							item, err := form.get(c, q)
							switch {
							case err == queue.ErrShutdown:
								return
							case err != nil:
								gaveUp.Add(1)
								giveWay()
							case item.n <= last:
								t.Errorf("got %d after %d", item.n, last)
								return
							default:
								last = item.n
								times[item.n].Add(1)
							}
						}
					})
				}
				for i := range n {
					if err := q.Put(tag{n: i}); err != nil {
						t.Errorf("Put: %v", err)
					}
					for !q.Empty() {
						runtime.Gosched()
					}
					jitter()
				}
				q.Shutdown()
				running.Wait()
				for i := range times {
					if got := times[i].Load(); got != 1 {
						t.Fatalf("item %d was got %d times", i, got)
					}
				}
				if q.Len() != 0 || q.Unfinished() != n {
					t.Errorf("Len() = %d, Unfinished() = %d, want 0, %d", q.Len(), q.Unfinished(), n)
				}
				if gaveUp.Load() == 0 {
					t.Error("nobody gave up: this was no race")
				}
				t.Logf("%d items, %d gets gave up", n, gaveUp.Load())
			})
		})
	}
}

// One consumer makes room in a full queue before which putters wait and give up. An item whose put gave up must never
// be seen, and one that was stored must be seen once.
func TestAGetRacingAPutThatGivesUpLosesAndDoublesNothing(t *testing.T) {
	const putters = 2
	caps := []int{1, 33}
	for _, form := range giveUpForms {
		t.Run(form.name, func(t *testing.T) {
			eachCapacity(t, caps, func(t *testing.T, maxsize int) {
				n := rounds(1_000_000) / len(caps)
				q := queue.New[tag](maxsize)
				var gaveUp atomic.Int64
				var stored, got [putters][]int32
				var running sync.WaitGroup
				for p := range putters {
					running.Go(func() {
						c := newCanceller(jitter)
						defer c.stop()
						for i := 0; ; i++ { // never the same item again
							err := form.put(c, q, tag{p, i})
							switch {
							case err == queue.ErrShutdown:
								return
							case err != nil:
								gaveUp.Add(1)
								giveWay()
							default:
								stored[p] = append(stored[p], int32(i))
							}
						}
					})
				}
				take := func(item tag) { got[item.putter] = append(got[item.putter], int32(item.n)) }
				for range n {
					for !q.Full() {
						runtime.Gosched()
					}
					jitter()
					item, err := q.Get()
					if err != nil {
						t.Errorf("Get: %v", err)
					}
					take(item)
				}
				q.Shutdown()
				running.Wait()
				for item, err := q.Get(); err == nil; item, err = q.Get() {
					take(item)
				}
				total := 0
				for p := range putters {
					if len(stored[p]) != len(got[p]) {
						t.Fatalf("putter %d: %d items were stored and %d got", p, len(stored[p]), len(got[p]))
					}
					for i, item := range stored[p] {
						if got[p][i] != item {
							t.Fatalf("putter %d: stored %d, got %d as number %d", p, item, got[p][i], i)
						}
					}
					total += len(stored[p])
				}
				if q.Unfinished() != total {
					t.Errorf("Unfinished() = %d, want %d", q.Unfinished(), total)
				}
				if gaveUp.Load() == 0 {
					t.Error("nobody gave up: this was no race")
				}
				t.Logf("%d items, %d puts gave up", total, gaveUp.Load())
			})
		})
	}
}

// Everybody gives up at random, on both sides.
func TestManyPuttersAndGettersThatGiveUpLoseAndDoubleNothing(t *testing.T) {
	const each = 4
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		n := rounds(100_000)
		q := queue.New[tag](maxsize)
		var mu sync.Mutex
		inside := make(map[tag]int) // how often put, less how often got
		count := func(items []tag, by int) {
			mu.Lock()
			defer mu.Unlock()
			for _, item := range items {
				inside[item] += by
			}
		}
		var putters, getters sync.WaitGroup
		for p := range each {
			putters.Go(func() {
				c := newCanceller(jitter)
				defer c.stop()
				var stored []tag
				for i := range n / each {
					item := tag{p, i}
					var err, allowed error
					switch rand.IntN(4) {
					case 0:
						err = q.Put(item)
					case 1:
						err, allowed = q.TryPut(item), queue.ErrFull
					case 2:
						err, allowed = q.PutTimeout(item, smallTimeout()), queue.ErrFull
					case 3:
						err, allowed = q.PutContext(c.context(), item), context.Canceled
					}
					switch err {
					case nil:
						stored = append(stored, item)
					case allowed:
						giveWay()
					default:
						t.Errorf("a put: %v", err)
					}
				}
				count(stored, 1)
			})
			getters.Go(func() {
				c := newCanceller(jitter)
				defer c.stop()
				var got []tag
				var last [each]int
				for {
					var item tag
					var items []tag
					var err, allowed error
					switch rand.IntN(8) {
					case 4:
						items, err = q.GetN(1 + rand.IntN(3))
					case 5:
						items, err = q.TryGetN(1 + rand.IntN(3))
						allowed = queue.ErrEmpty
					case 6:
						items, err = q.GetNTimeout(1+rand.IntN(3), smallTimeout())
						allowed = queue.ErrEmpty
					case 7:
						items, err = q.GetNContext(c.context(), 1+rand.IntN(3))
						allowed = context.Canceled
					case 0:
						item, err = q.Get()
					case 1:
						item, err = q.TryGet()
						allowed = queue.ErrEmpty
					case 2:
						item, err = q.GetTimeout(smallTimeout())
						allowed = queue.ErrEmpty
					case 3:
						item, err = q.GetContext(c.context())
						allowed = context.Canceled
					}
					switch err {
					case nil:
						if items == nil {
							items = []tag{item}
						}
						for _, item := range items {
							if item.n < last[item.putter] {
								t.Errorf("got %v after %d", item, last[item.putter])
							}
							last[item.putter] = item.n
							got = append(got, item)
						}
					case queue.ErrShutdown:
						count(got, -1)
						return
					case allowed:
						giveWay()
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
				t.Fatalf("item %v was put %+d times more often than got", item, n)
			}
		}
	})
}

// A put that races a shutdown is stored before it, or fails. What was stored is got, or dropped by ShutdownNow, which
// takes as much off Unfinished.
func TestAPutRacingAShutdownIsStoredOrFails(t *testing.T) {
	for name, shutdown := range map[string]func(*queue.Queue[int]){
		"Shutdown":    (*queue.Queue[int]).Shutdown,
		"ShutdownNow": (*queue.Queue[int]).ShutdownNow,
	} {
		t.Run(name, func(t *testing.T) {
			eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
				for range rounds(10_000) {
					q := queue.New[int](maxsize)
					var stored, got atomic.Int64
					var running, joiner sync.WaitGroup
					for i := range 4 {
						running.Go(func() {
							for range 1 + rand.IntN(20) {
								var err error
								if i%2 == 0 {
									err = q.Put(1)
								} else {
									err = q.PutTimeout(1, time.Hour)
								}
								switch err {
								case nil:
									stored.Add(1)
								case queue.ErrShutdown:
									return
								default:
									t.Errorf("a put: %v", err)
								}
							}
						})
					}
					for range 2 {
						running.Go(func() {
							for {
								if _, err := q.Get(); err != nil {
									return
								}
								got.Add(1)
							}
						})
					}
					for range rand.IntN(20) {
						jitter()
					}
					shutdown(q)
					after := q.Unfinished()
					if name == "ShutdownNow" && q.Len() != 0 {
						t.Fatalf("%d items inside after ShutdownNow", q.Len())
					}
					running.Wait()
					if name == "Shutdown" && got.Load() != stored.Load() {
						t.Fatalf("%d items were stored and %d got", stored.Load(), got.Load())
					}
					if u := int64(q.Unfinished()); u != got.Load() || int64(after) != u || u > stored.Load() {
						t.Fatalf("%d items were stored and %d got; Unfinished() = %d after %s and %d in the end",
							stored.Load(), got.Load(), after, name, u)
					}
					joiner.Go(q.Join)
					for range got.Load() {
						q.TaskDone()
					}
					joiner.Wait()
				}
			})
		})
	}
}

// A getter, a putter and a joiner wait, or are about to, when the shutdown comes. None may be forgotten.
func TestAShutdownReachesThoseWhoAreAboutToWait(t *testing.T) {
	eachCapacity(t, bounded, func(t *testing.T, maxsize int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for round := range rounds(20_000) {
			full, empty := queue.New[int](maxsize), queue.New[int](maxsize)
			fill(t, full, 0)
			var waiting sync.WaitGroup
			waiting.Go(func() { wantError(t, "Put", full.Put(1), queue.ErrShutdown) })
			waiting.Go(func() { wantError(t, "PutContext", full.PutContext(ctx, 1), queue.ErrShutdown) })
			waiting.Go(full.Join)
			waiting.Go(func() { _, err := empty.Get(); wantError(t, "Get", err, queue.ErrShutdown) })
			waiting.Go(func() { _, err := empty.GetContext(ctx); wantError(t, "GetContext", err, queue.ErrShutdown) })
			if round%2 == 0 {
				runtime.Gosched()
			}
			full.ShutdownNow()
			empty.Shutdown()
			waiting.Wait()
		}
	})
}

// Drain takes what is there in one step: nothing is lost between it and the gets beside it.
func TestDrainRacingGetsAndPutsLosesNothing(t *testing.T) {
	eachCapacity(t, capacities, func(t *testing.T, maxsize int) {
		q := queue.New[int](maxsize)
		n := rounds(200_000)
		seen := make([]atomic.Int32, n)
		var takers sync.WaitGroup
		stop := make(chan struct{})
		takers.Go(func() {
			for {
				items := q.Drain()
				for i, item := range items {
					seen[item].Add(1)
					if i > 0 && item <= items[i-1] {
						t.Errorf("Drain returned %d after %d", item, items[i-1])
					}
				}
				select {
				case <-stop:
					return
				default:
					runtime.Gosched()
				}
			}
		})
		takers.Go(func() {
			for {
				item, err := q.Get()
				if err != nil {
					return
				}
				seen[item].Add(1)
			}
		})
		for i := range n {
			q.Put(i)
		}
		q.Shutdown()
		close(stop)
		takers.Wait()
		for i := range seen {
			if got := seen[i].Load(); got != 1 {
				t.Fatalf("item %d was taken %d times", i, got)
			}
		}
	})
}
