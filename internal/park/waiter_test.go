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

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A desk is the smallest primitive: a counter of grants to come, and a list.
type desk struct {
	guard Guard
	list  List[int]
}

var deskWaiters Pool[int]

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
			timer := w.extra.timer
			if v := sleep(); v != Retry || time.Since(begin) != 6*time.Second {
				t.Fatalf("verdict %v after %v, want Retry after 6s", v, time.Since(begin))
			}
			if w.extra.timer != timer {
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

// A million grants race limits that end at about the same moment. Each grant must be got by exactly one waiter. A time limit
// finds its own length, longer after giving up and shorter after a grant, and whoever grants also ends contexts: so either
// outcome stays likely whatever machine this is, and the number of grants is reached.
func TestNoGrantIsLostOrDoubled(t *testing.T) {
	for _, byContext := range []bool{false, true} {
		var (
			d           desk
			given       = make([]atomic.Bool, rounds())
			cancels     [4]atomic.Pointer[context.CancelFunc]
			gaveUp, got atomic.Int64
			over        atomic.Bool
			wg          sync.WaitGroup
		)
		for i := range cancels {
			wg.Go(func() {
				for length := time.Microsecond; ; {
					limit := After(length)
					if byContext {
						ctx, cancel := context.WithCancel(context.Background())
						limit = Until(ctx)
						cancels[i].Store(&cancel)
					}
					if over.Load() {
						return
					}
					value, ok := d.wait(limit)
					switch {
					case !ok:
						gaveUp.Add(1)
						length += length/8 + 1
						continue
					case given[value].Swap(true):
						t.Errorf("grant %d reached two waiters", value)
					default:
						got.Add(1)
					}
					length = max(length-length/8, 1)
				}
			})
		}
		cancel := func(i int) {
			if cancel := cancels[i].Load(); cancel != nil {
				(*cancel)()
			}
		}
		for i := 0; i < len(given); {
			if byContext && rand.IntN(2) == 0 {
				cancel(rand.IntN(len(cancels)))
				switch rand.IntN(3) { // who is first now?
				case 0:
					runtime.Gosched()
				case 1:
					proof.Spin(rand.IntN(1000))
				}
			}
			if d.give(i) {
				i++
			} else {
				runtime.Gosched()
			}
		}
		over.Store(true)
		for i := range cancels {
			cancel(i)
		}
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
	w := deskWaiters.Get(After(time.Hour))
	late, ended := make(chan bool), make(chan bool)
	w.extra.timer = time.AfterFunc(0, func() { late <- true; <-late; close(ended) })
	<-late // it has begun, and has not yet looked at w
	deskWaiters.Put(w)
	for range 100 {
		if deskWaiters.Get(Forever) == w {
			t.Fatal("a waiter was reused while its timer could still run")
		}
	}
	late <- true
	<-ended
}

func TestAPooledWaiterKeepsNothing(t *testing.T) {
	var p Pool[*int]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := p.Get(Until(ctx))
	var guard Guard
	var list List[*int]
	w.AlsoUnlock(&unlocker{})
	guard.Lock()
	w.Value = new(int)
	list.PushBack(w)
	if v := w.Sleep(&guard); v != GaveUp {
		t.Fatalf("verdict %v, want GaveUp", v)
	}
	p.Put(w)
	if w.Value != nil || w.guard != nil || w.list != nil {
		t.Errorf("a waiter in the pool still holds %+v", w)
	}
	if x := *w.extra; x.after != 0 || x.timer != nil || x.timedOut || x.tookOff || x.done != nil || x.bell != nil || x.other != nil {
		t.Errorf("a waiter in the pool still holds %+v", x)
	}
}

// An unlocker counts its calls. Unlock calls f, if there is one.
type unlocker struct {
	f                func()
	unlocked, passed int
}

func (u *unlocker) PassOn() { u.passed++ }
func (u *unlocker) Unlock() {
	u.unlocked++
	if u.f != nil {
		u.f()
	}
}

// A second lock whose Unlock does not return: what was granted meanwhile goes to another, and nothing else does. The
// waiter is on no list, and is not used again.
func TestWhatIsGrantedToACallThatDoesNotReturnIsPassedOn(t *testing.T) {
	type fate struct {
		granted, timedOut bool
	}
	for _, exits := range []bool{false, true} {
		for _, limit := range []Limit{Forever, After(time.Second), Until(t.Context())} {
			for _, f := range []fate{{}, {granted: true}, {timedOut: true}, {granted: true, timedOut: true}} {
				if f.timedOut && limit.after == 0 {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					var (
						d    desk
						u    unlocker
						w    = deskWaiters.Get(limit)
						done = make(chan bool)
					)
					if limit.done != nil { // one of this bubble
						w = deskWaiters.Get(Until(t.Context()))
					}
					w.AlsoUnlock(&u)
					go func() {
						defer close(done)
						defer func() { _ = recover() }()
						defer deskWaiters.Put(w)
						if f.timedOut { // the timer starts with the first sleep, whose Unlock returns
							d.guard.Lock()
							d.list.PushBack(w)
							w.Sleep(&d.guard)
						}
						u.f = func() {
							if f.granted {
								d.give(1)
							}
							if f.timedOut {
								time.Sleep(time.Hour)
							}
							if exits {
								runtime.Goexit()
							}
							panic("planned")
						}
						d.guard.Lock()
						d.list.PushBack(w)
						w.Sleep(&d.guard)
						t.Error("Sleep returned")
					}()
					if f.timedOut {
						synctest.Wait()
						d.give(1)
					}
					<-done
					if want := map[bool]int{true: 1}[f.granted]; u.passed != want {
						t.Errorf("%+v: passed on %d times, want %d", f, u.passed, want)
					}
					if d.waiting() {
						t.Error("still on the list")
					}
					for range 100 {
						if deskWaiters.Get(Forever) == w {
							t.Fatal("a waiter was reused that has a place to sleep")
						}
					}
				})
			}
		}
	}
}

// A primitive has verdicts of its own.
func TestAVerdictOfThePrimitiveArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d desk
		for _, limit := range []Limit{Forever, After(time.Second), Until(t.Context())} {
			go func() {
				synctest.Wait()
				d.guard.Lock()
				w := d.list.Front()
				d.list.Remove(w)
				d.guard.Unlock()
				w.Wake(Own + 3)
			}()
			w := deskWaiters.Get(limit)
			d.guard.Lock()
			d.list.PushBack(w)
			if v := w.Sleep(&d.guard); v != Own+3 {
				t.Errorf("verdict %v, want %v", v, Own+3)
			}
			deskWaiters.Put(w)
		}
	})
}

func TestTheCauseIsNeverNil(t *testing.T) {
	cause := errors.New("cause")
	for name, ended := range proof.EndedContexts(cause) {
		ctx, want := ended(t)
		if got := Cause(ctx); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if got := Cause(context.Background()); got != context.Canceled {
		t.Errorf("got %v of a context that says nothing, want Canceled", got)
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
	if explore.On {
		t.Skip("the explorer allocates at every Point")
	}
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
