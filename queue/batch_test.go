package queue_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/queue"
)

// The forms of GetN, with a limit that is not reached.
var batchForms = []struct {
	name  string
	waits bool
	get   func(context.Context, *queue.Queue[int], int) ([]int, error)
}{
	{"GetN", true, func(_ context.Context, q *queue.Queue[int], n int) ([]int, error) { return q.GetN(n) }},
	{"GetNTimeout", true, func(_ context.Context, q *queue.Queue[int], n int) ([]int, error) { return q.GetNTimeout(n, time.Hour) }},
	{"GetNContext", true, func(ctx context.Context, q *queue.Queue[int], n int) ([]int, error) { return q.GetNContext(ctx, n) }},
	{"TryGetN", false, func(_ context.Context, q *queue.Queue[int], n int) ([]int, error) { return q.TryGetN(n) }},
	{"GetNTimeout(0)", false, func(_ context.Context, q *queue.Queue[int], n int) ([]int, error) { return q.GetNTimeout(n, 0) }},
}

func TestGetNTakesWhatThereIsInEveryOrder(t *testing.T) {
	eachOrder(t, orders, []int{2, 32, 33, 0}, func(t *testing.T, o order, maxsize int) {
		for _, f := range batchForms {
			for _, n := range []int{1, 2, 5, 100, math.MaxInt} {
				q := o.new(t, maxsize)
				size := fill(t, q, 40)
				want := o.leaving(sequence(size)...)
				for len(want) > 0 {
					items, err := f.get(t.Context(), q, n)
					if k := min(n, len(want)); err != nil || !slices.Equal(items, want[:k]) {
						t.Fatalf("%s of %d = %v, %v, want %v", f.name, n, items, err, want[:k])
					}
					want = want[len(items):]
				}
				wantState(t, q, 0, size)
				if f.waits {
					continue
				}
				if items, err := f.get(t.Context(), q, n); items != nil || err != queue.ErrEmpty {
					t.Errorf("%s of an empty queue = %v, %v", f.name, items, err)
				}
			}
		}
	})
}

func TestGetNWaitsForOneItem(t *testing.T) {
	eachOrder(t, orders, []int{1, 33, 0}, func(t *testing.T, o order, maxsize int) {
		for _, f := range batchForms {
			if !f.waits {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				q := o.new(t, maxsize)
				var items []int
				c := start(func() (_ int, err error) { items, err = f.get(t.Context(), q, 3); return 0, err })
				synctest.Wait()
				c.wantWaiting(t, f.name)
				time.Sleep(time.Minute)
				wantError(t, "Put", q.Put(7), nil)
				synctest.Wait()
				c.want(t, f.name, 0, nil)
				if !slices.Equal(items, []int{7}) {
					t.Errorf("%s = %v, want [7]", f.name, items)
				}
				wantState(t, q, 0, 1)
			})
		}
	})
}

// Where items come in runs, one that is woken finds more than the one that woke it.
func TestGetNTakesWhatHasComeMeanwhile(t *testing.T) {
	eachCapacity(t, []int{33, 0}, func(t *testing.T, maxsize int) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			q := newQueue(t, maxsize)
			var items []int
			c := start(func() (_ int, err error) { items, err = q.GetN(3); return 0, err })
			synctest.Wait()
			for i := range 5 {
				q.Put(i)
			}
			if q.Len() != 5 {
				return false
			}
			synctest.Wait()
			c.want(t, "GetN", 0, nil)
			if !slices.Equal(items, []int{0, 1, 2}) || q.Len() != 2 {
				t.Errorf("GetN = %v, and %d are left", items, q.Len())
			}
			return true
		})
	})
}

func TestGetNMakesRoomForAsManyPutters(t *testing.T) {
	eachOrder(t, orders, []int{3, 33}, func(t *testing.T, o order, maxsize int) {
		synctest.Test(t, func(t *testing.T) {
			q := o.new(t, maxsize)
			fill(t, q, 0)
			var putters []*call
			for i := range 4 {
				putters = append(putters, start(func() (int, error) { return 0, q.Put(1000 + i) }))
				synctest.Wait()
			}
			if items, err := q.GetN(3); len(items) != 3 || err != nil {
				t.Fatalf("GetN = %v, %v", items, err)
			}
			synctest.Wait()
			for _, p := range putters[:3] {
				p.want(t, "Put", 0, nil)
			}
			putters[3].wantWaiting(t, "the fourth Put")
			wantState(t, q, maxsize, maxsize+3)
		})
	})
}

func TestGetNGivesUpExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 1)
		begin := time.Now()
		if items, err := q.GetNTimeout(2, time.Second); items != nil || err != queue.ErrEmpty || time.Since(begin) != time.Second {
			t.Errorf("GetNTimeout = %v, %v after %v", items, err, time.Since(begin))
		}
		why := errors.New("why")
		for name, ending := range proof.EndingContexts(why) {
			ctx, end := ending.New()
			go end()
			if items, err := q.GetNContext(ctx, 2); items != nil || err != ending.Want {
				t.Errorf("%s: GetNContext = %v, %v, want %v", name, items, err, ending.Want)
			}
			time.Sleep(time.Minute) // until what ends it has ended itself
		}
		q.Put(1)
		for name, ended := range proof.EndedContexts(why) {
			ctx, want := ended(t)
			if items, err := q.GetNContext(ctx, 2); items != nil || err != want {
				t.Errorf("%s: GetNContext = %v, %v, want %v", name, items, err, want)
			}
		}
		wantState(t, q, 1, 1)
		if items, err := q.GetN(2); !slices.Equal(items, []int{1}) || err != nil {
			t.Errorf("GetN = %v, %v", items, err)
		}
	})
}

func TestGetNAndTryGetIfAfterAShutdown(t *testing.T) {
	for name, shutdown := range map[string]func(*queue.Queue[int]){
		"Shutdown": (*queue.Queue[int]).Shutdown, "ShutdownNow": (*queue.Queue[int]).ShutdownNow,
	} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 0)
			waiting := start(func() (int, error) { _, err := q.GetN(2); return 0, err })
			synctest.Wait()
			shutdown(q)
			synctest.Wait()
			waiting.want(t, "GetN that waited for "+name, 0, queue.ErrShutdown)
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			for _, f := range batchForms {
				for _, ctx := range []context.Context{t.Context(), ended} {
					if items, err := f.get(ctx, q, 2); items != nil || err != queue.ErrShutdown {
						t.Errorf("%s after %s = %v, %v", f.name, name, items, err)
					}
				}
			}
			if _, err := q.TryGetIf(func(int) bool { t.Error("asked about nothing"); return true }); err != queue.ErrShutdown {
				t.Errorf("TryGetIf after %s: %v", name, err)
			}
		})
	}
	q := newQueue(t, 0)
	fill(t, q, 3)
	q.Shutdown()
	if _, err := q.TryGetIf(func(int) bool { return false }); err != queue.ErrEmpty {
		t.Errorf("TryGetIf of another item: %v", err)
	}
	if items, err := q.GetN(5); len(items) != 3 || err != nil {
		t.Errorf("GetN of what is left = %v, %v", items, err)
	}
	wantState(t, q, 0, 3)
}

func TestGetNOfLessThanOneItemPanics(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, down := range []bool{false, true} {
		q := newQueue(t, 0)
		if down {
			q.Shutdown()
		}
		wantBadArgument(t, "GetN of 0 items: want at least 1", func() { q.GetN(0) })
		wantBadArgument(t, "TryGetN of -1 items: want at least 1", func() { q.TryGetN(-1) })
		wantBadArgument(t, "GetNTimeout of -2 items: want at least 1", func() { q.GetNTimeout(-2, time.Hour) })
		wantBadArgument(t, "GetNTimeout of 0 items: want at least 1", func() { q.GetNTimeout(0, 0) })
		wantBadArgument(t, "GetNContext of 0 items: want at least 1", func() { q.GetNContext(ended, 0) })
		wantBadArgument(t, "TryGetIf with a nil func", func() { q.TryGetIf(nil) })
		wantState(t, q, 0, 0)
	}
	wantBadArgument(t, "RemoveFunc with a nil func", func() { new(queue.Deque[int]).RemoveFunc(nil) })
}

// A getter that was passed over for too long is owed what it wants: whoever puts takes it for it, and no newcomer is
// faster.
func TestAGetNThatStarvesIsHandedItsItems(t *testing.T) {
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				q := o.new(t, 0)
				var items []int
				c := start(func() (_ int, err error) { items, err = q.GetN(2); return 0, err })
				synctest.Wait()
				for range 2 { // it is woken, and somebody is faster
					q.Put(1)
					if _, err := q.TryGet(); err != nil {
						return false
					}
					synctest.Wait()
					time.Sleep(2 * time.Millisecond)
				}
				if c.returned() {
					return false
				}
				q.Put(3)
				if _, err := q.TryGet(); err != queue.ErrEmpty {
					t.Errorf("TryGet of what is owed to another: %v, want ErrEmpty", err)
				}
				synctest.Wait()
				c.want(t, "GetN", 0, nil)
				if !slices.Equal(items, []int{3}) {
					t.Errorf("GetN = %v, want [3]", items)
				}
				return true
			})
		})
	}
}

func TestTryGetIfTakesTheNextItemOrNothing(t *testing.T) {
	eachOrder(t, orders, []int{3, 33, 0}, func(t *testing.T, o order, maxsize int) {
		q := o.new(t, maxsize)
		if _, err := q.TryGetIf(func(int) bool { t.Error("asked about nothing"); return true }); err != queue.ErrEmpty {
			t.Errorf("of an empty queue: %v", err)
		}
		n := fill(t, q, 10)
		for i, want := range o.leaving(sequence(n)...) {
			asked := []int{}
			if _, err := q.TryGetIf(func(item int) bool { asked = append(asked, item); return false }); err != queue.ErrEmpty {
				t.Errorf("an item that is not wanted: %v", err)
			}
			if !slices.Equal(asked, []int{want}) {
				t.Errorf("asked about %v, want %v", asked, want)
			}
			if item, err := q.TryGetIf(func(int) bool { return true }); item != want || err != nil {
				t.Errorf("TryGetIf = %v, %v, want %v", item, err, want)
			}
			wantState(t, q, n-i-1, n)
		}
	})
}

func TestTryGetIfMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 1)
		fill(t, q, 1)
		putter := start(func() (int, error) { return 0, q.Put(7) })
		synctest.Wait()
		_, _ = q.TryGetIf(func(int) bool { return false })
		synctest.Wait()
		putter.wantWaiting(t, "Put")
		_, _ = q.TryGetIf(func(int) bool { return true })
		synctest.Wait()
		putter.want(t, "Put", 0, nil)
		wantItems(t, q, 7)
	})
}

// In a bubble, so that a lock that is still held shows as a deadlock.
func TestAPredicateThatDoesNotReturnLeavesEverythingAsItWas(t *testing.T) {
	for _, ending := range endings {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, 3)
			fill(t, q, 3)
			putter := start(func() (int, error) { return 0, q.Put(3) })
			synctest.Wait()
			c := try(func() (task, error) {
				_, err := q.TryGetIf(func(int) bool { ending.end(); return true })
				return task{}, err
			})
			synctest.Wait()
			c.wantEnded(t, "TryGetIf", ending.want)
			putter.wantWaiting(t, "Put")
			wantState(t, q, 3, 3)
			wantItems(t, q, 0)
			synctest.Wait()
			putter.want(t, "Put", 0, nil)
			wantItems(t, q, 1, 2, 3)

			var d queue.Deque[int]
			for i := range 20 {
				d.PushBack(i)
			}
			c = try(func() (task, error) {
				d.RemoveFunc(func(i int) bool {
					if i == 11 {
						ending.end()
					}
					return false
				})
				return task{}, nil
			})
			synctest.Wait()
			c.wantEnded(t, "RemoveFunc", ending.want)
			if items := slices.Collect(d.All()); !slices.Equal(items, sequence(20)) {
				t.Errorf("%v are left", items)
			}
		})
	}
}

func TestAllOfAQueueIsASnapshotInTheOrderOfGet(t *testing.T) {
	eachOrder(t, orders, []int{32, 33, 0}, func(t *testing.T, o order, maxsize int) {
		q := o.new(t, maxsize)
		for range q.All() {
			t.Error("an item of an empty queue")
		}
		n := fill(t, q, 40)
		want := o.leaving(sequence(n)...)
		all := q.All()
		var got []int
		for item := range all { // the body may use the queue, and what it does is not seen
			if len(got) == 0 {
				q.Drain()
				q.Put(1000)
			}
			got = append(got, item)
		}
		if !slices.Equal(got, want) {
			t.Errorf("All: %v, want %v", got, want)
		}
		for item := range all { // each loop is a snapshot of its own
			if item != 1000 {
				t.Errorf("the second loop yields %d", item)
			}
			break
		}
		wantState(t, q, 1, n+1)
	})
}

func TestRemoveFuncTakesOutTheFirst(t *testing.T) {
	for _, n := range []int{1, 2, 3, 9, 100, 300} {
		for at := range n {
			var d queue.Deque[int]
			model := sequence(n)
			for _, i := range model {
				if i%3 == 0 { // so that it does not begin where its first block does
					d.PushFront(-1)
					d.PopFront()
				}
				d.PushBack(i)
			}
			asked := 0
			item, ok := d.RemoveFunc(func(i int) bool { asked++; return i >= at })
			if item != at || !ok || asked != at+1 {
				t.Fatalf("RemoveFunc = %d, %t after %d questions, want %d", item, ok, asked, at)
			}
			if got := slices.Collect(d.All()); !slices.Equal(got, slices.Delete(model, at, at+1)) {
				t.Fatalf("%v are left of %d without %d", got, n, at)
			}
			if _, ok := d.RemoveFunc(func(i int) bool { return i == at }); ok {
				t.Error("it is there twice")
			}
		}
	}
	var none queue.Deque[int]
	if item, ok := none.RemoveFunc(func(int) bool { return true }); item != 0 || ok {
		t.Errorf("RemoveFunc of nothing = %d, %t", item, ok)
	}
}

func TestWhatRemoveFuncTakesIsNotKeptAlive(t *testing.T) {
	d := queue.NewDeque[*[1 << 16]byte](0)
	for range 20 {
		d.PushBack(new([1 << 16]byte))
	}
	gone := make(chan bool, 1)
	func() {
		item, _ := d.RemoveFunc(func(*[1 << 16]byte) bool { return true })
		runtime.AddCleanup(item, func(int) { gone <- true }, 0)
	}()
	if !proof.Collect(func() bool { return len(gone) > 0 }) {
		t.Error("it is kept alive")
	}
	runtime.KeepAlive(d)
}
