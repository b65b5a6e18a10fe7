package park

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// A desk is the smallest primitive: a counter of grants to come, and a list.
type desk struct {
	guard sync.Mutex
	list  List[int]
}

var deskWaiters = Waiters[int]()

// wait returns what it was given, and whether it was.
func (d *desk) wait(limit Limit) (int, bool) {
	w := deskWaiters.Get(limit)
	defer deskWaiters.Put(w)
	d.guard.Lock()
	d.list.PushBack(w)
	if w.Sleep(&d.guard) != Granted {
		return 0, false
	}
	return w.Value, true
}

// give gives value to the first, and reports whether there was one.
func (d *desk) give(value int) bool {
	d.guard.Lock()
	w := d.list.Front()
	if w == nil {
		d.guard.Unlock()
		return false
	}
	w.Value = value
	d.list.Remove(w)
	d.guard.Unlock()
	w.Wake(Granted)
	return true
}

func (d *desk) waiting() bool {
	d.guard.Lock()
	defer d.guard.Unlock()
	return d.list.Front() != nil
}

func TestSleepEndsWithTheFirstOfGrantAndLimit(t *testing.T) {
	for name, limit := range map[string]func(context.Context) Limit{
		"forever": func(context.Context) Limit { return Forever },
		"after":   func(context.Context) Limit { return After(time.Second) },
		"until":   func(ctx context.Context) Limit { return Until(ctx) },
		"never":   func(context.Context) Limit { return Until(context.Background()) },
		"maximal": func(context.Context) Limit { return After(math.MaxInt64) },
	} {
		bounded := name == "after" || name == "until"
		for _, granted := range []bool{true, false} {
			if !granted && !bounded {
				continue
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					var d desk
					begin := time.Now()
					go func() {
						if !granted {
							return
						}
						if bounded {
							time.Sleep(time.Second - 1)
						} else {
							time.Sleep(1000 * time.Hour)
						}
						if !d.give(7) {
							t.Error("nobody was waiting")
						}
					}()
					switch value, ok := d.wait(limit(ctx)); {
					case ok != granted:
						t.Errorf("granted %v, want %v", ok, granted)
					case ok && value != 7:
						t.Errorf("given %d, want 7", value)
					case !ok && time.Since(begin) != time.Second:
						t.Errorf("gave up after %v, want 1s", time.Since(begin))
					}
					if d.waiting() {
						t.Error("still on the list")
					}
				})
			})
		}
	}
}

// One timer bounds a call that sleeps several times, also while it is awake.
func TestALimitBoundsTheCallNotTheSleep(t *testing.T) {
	for _, byContext := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			limit := After(10 * time.Second)
			if byContext {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				limit = Until(ctx)
			}
			var d desk
			begin := time.Now()
			go func() {
				for range 3 {
					time.Sleep(2 * time.Second)
					d.guard.Lock()
					w := d.list.Front()
					d.list.Remove(w)
					d.guard.Unlock()
					w.Wake(Retry)
				}
			}()
			w := deskWaiters.Get(limit)
			defer deskWaiters.Put(w)
			sleep := func() Verdict {
				d.guard.Lock()
				d.list.PushFront(w)
				return w.Sleep(&d.guard)
			}
			for range 2 {
				if v := sleep(); v != Retry {
					t.Fatalf("verdict %v, want Retry", v)
				}
			}
			timer := w.bound.timer
			if v := sleep(); v != Retry || time.Since(begin) != 6*time.Second {
				t.Fatalf("verdict %v after %v, want Retry after 6s", v, time.Since(begin))
			}
			if w.bound.timer != timer {
				t.Error("a second timer was made for one call")
			}
			time.Sleep(5 * time.Second) // awake when the time runs out
			if v := sleep(); v != GaveUp || time.Since(begin) != 11*time.Second {
				t.Errorf("verdict %v after %v, want GaveUp at once, after 11s", v, time.Since(begin))
			}
			if d.waiting() {
				t.Error("still on the list")
			}
		})
	}
}

func TestGivingUpInTheMiddleLeavesTheOthersInOrder(t *testing.T) {
	for _, byContext := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var d desk
			var served [7]int
			for i := range served {
				go func() {
					limit := Forever
					if i%3 == 1 {
						limit = After(time.Second)
						if byContext {
							ctx, cancel := context.WithTimeout(t.Context(), time.Second)
							defer cancel()
							limit = Until(ctx)
						}
					}
					served[i], _ = d.wait(limit)
				}()
				synctest.Wait()
			}
			time.Sleep(2 * time.Second)
			for turn := 1; d.give(turn); turn++ {
			}
			synctest.Wait()
			if want := [7]int{1, 0, 2, 3, 0, 4, 5}; served != want {
				t.Errorf("served in order %v, want %v", served, want)
			}
		})
	}
}

// A million grants race limits that end at about the same moment. Each grant must be got by exactly one waiter.
func TestNoGrantIsLostOrDoubled(t *testing.T) {
	for _, byContext := range []bool{false, true} {
		var (
			d     desk
			given = make([]atomic.Bool, rounds())
			gaveUp,
			got atomic.Int64
			over atomic.Bool
			wg   sync.WaitGroup
		)
		for range 4 {
			wg.Go(func() {
				for !over.Load() {
					limit := After(time.Duration(1 + rand.IntN(20_000)))
					if byContext {
						ctx, cancel := context.WithCancel(context.Background())
						go cancel()
						limit = Until(ctx)
					}
					value, ok := d.wait(limit)
					switch {
					case !ok:
						gaveUp.Add(1)
					case given[value].Swap(true):
						t.Errorf("grant %d reached two waiters", value)
					default:
						got.Add(1)
					}
				}
			})
		}
		for i := 0; i < len(given); {
			if d.give(i) {
				i++
			} else {
				runtime.Gosched()
			}
		}
		over.Store(true)
		wg.Wait()
		if got.Load() != int64(len(given)) {
			t.Errorf("%d grants were given and %d received", len(given), got.Load())
		}
		if gaveUp.Load() == 0 {
			t.Error("nobody gave up: this was no race")
		}
		t.Logf("%d granted, %d gave up", got.Load(), gaveUp.Load())
		if d.waiting() {
			t.Error("somebody is still on the list")
		}
	}
}

// rounds is how often a race is run: fewer times under the race detector, which makes it twenty times slower.
func rounds() int { return max(proof.Rounds(1_000_000, 50, 20), 20_000) }

// A timer that could not be stopped must not end the sleep of whoever the waiter is given to next.
func TestALateTimerNeverMeetsAnotherWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			guard Mutex // one that waits durably
			list  List[int]
		)
		w := deskWaiters.Get(After(2 * time.Second))
		guard.Lock()
		list.PushBack(w)
		time.AfterFunc(time.Second, guard.Lock) // before the timer of the sleep, which therefore waits
		time.AfterFunc(3*time.Second, func() {
			list.Remove(w)
			w.Wake(Granted)
		})
		if v := w.Sleep(&guard); v != Granted {
			t.Fatalf("verdict %v, want Granted", v)
		}
		deskWaiters.Put(w)
		for range 100 {
			if deskWaiters.Get(Forever) == w {
				t.Fatal("a waiter was reused while its timer could still run")
			}
		}
		guard.Unlock()
	})
}

func TestAPooledWaiterKeepsNothing(t *testing.T) {
	p := Waiters[*int]()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := p.Get(Until(ctx))
	var guard sync.Mutex
	var list List[*int]
	guard.Lock()
	w.Value, w.Era = new(int), 1
	list.PushBack(w)
	if v := w.Sleep(&guard); v != GaveUp {
		t.Fatalf("verdict %v, want GaveUp", v)
	}
	p.Put(w)
	if w.Value != nil || w.Era != 0 || w.guard != nil || w.expired {
		t.Errorf("a waiter in the pool still holds %+v", w)
	}
	if b := w.bound; b.after != 0 || b.timer != nil || b.done != nil || b.bell != nil || b.other != nil {
		t.Errorf("a waiter in the pool still holds %+v", w)
	}
}

func TestEachTypeHasOnePool(t *testing.T) {
	if first := Waiters[int](); first != Waiters[int]() {
		t.Error("two pools for int")
	}
	if any(Waiters[int]()) == any(Waiters[uint]()) {
		t.Error("int and uint share a pool")
	}
}

// ownContext is a Context that package context did not make.
type ownContext struct {
	context.Context
	done chan struct{}
}

var errOwn = errors.New("own")

func (c ownContext) Done() <-chan struct{} { return c.done }
func (c ownContext) Err() error {
	select {
	case <-c.done:
		return errOwn
	default:
		return nil
	}
}

func TestAForeignContextBoundsASleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := ownContext{t.Context(), make(chan struct{})}
		time.AfterFunc(time.Second, func() { close(ctx.done) })
		var d desk
		if _, ok := d.wait(Until(ctx)); ok {
			t.Error("granted by nobody")
		}
	})
}

func TestAWaitAllocatesOnlyForItsLimit(t *testing.T) {
	var d desk
	serve := make(chan bool)
	defer close(serve)
	go func() {
		for range serve {
			for !d.give(1) {
			}
		}
	}()
	wait := func(limit Limit) float64 {
		return testing.AllocsPerRun(1000, func() {
			serve <- true
			if _, ok := d.wait(limit); !ok {
				t.Error("gave up")
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, c := range map[string]struct {
		limit  Limit
		budget float64
	}{
		"forever": {Forever, 0},
		"after":   {After(time.Hour), 1}, // the timer
		"until":   {Until(ctx), 1},       // the channel
	} {
		if got := wait(c.limit); got > c.budget && !proof.Race {
			t.Errorf("%s: %v allocations a wait, the budget is %v", name, got, c.budget)
		}
	}
}
