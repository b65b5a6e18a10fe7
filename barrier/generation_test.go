package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
)

// An outcome is what a Wait returned, once it has.
type outcome struct{ returned atomic.Pointer[result] }

type result struct {
	index int
	err   error
}

// party starts a goroutine that waits, and returns where its outcome will be.
func party(wait func() (int, error)) *outcome {
	o := new(outcome)
	go func() {
		index, err := wait()
		o.returned.Store(&result{index, err})
	}()
	synctest.Wait()
	return o
}

// elapse lets time pass, and whatever happens in it.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (o *outcome) pending() bool { return o.returned.Load() == nil }

func (o *outcome) want(t *testing.T, who string, index int, err error) {
	t.Helper()
	r := o.returned.Load()
	if r == nil {
		t.Errorf("%s still waits, want (%d, %v)", who, index, err)
	} else if r.index != index || !errors.Is(r.err, err) || (err == nil) != (r.err == nil) {
		t.Errorf("%s got (%d, %v), want (%d, %v)", who, r.index, r.err, index, err)
	}
}

func TestTheIndexIsTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := barrier.New(4, nil)
		for range 3 { // it can be used again at once
			var parties []*outcome
			for i := range 4 {
				if b.Waiting() != i {
					t.Errorf("%d are waiting, want %d", b.Waiting(), i)
				}
				parties = append(parties, party(b.Wait))
			}
			for i, p := range parties {
				p.want(t, fmt.Sprint("party ", i), i, nil)
			}
		}
		if b.Waiting() != 0 || b.Broken() || b.Parties() != 4 {
			t.Errorf("waiting %d, broken %v, parties %d", b.Waiting(), b.Broken(), b.Parties())
		}
	})
}

func TestAPartyThatGivesUpBreaksItsGeneration(t *testing.T) {
	why := errors.New("why")
	for name, c := range map[string]struct {
		giveUp func(b *barrier.Barrier, ctx context.Context) (int, error)
		after  time.Duration
		err    error
	}{
		"its time runs out":   {func(b *barrier.Barrier, _ context.Context) (int, error) { return b.WaitTimeout(time.Second) }, time.Second, barrier.ErrBroken},
		"it has no time":      {func(b *barrier.Barrier, _ context.Context) (int, error) { return b.WaitTimeout(0) }, 0, barrier.ErrBroken},
		"it has negative":     {func(b *barrier.Barrier, _ context.Context) (int, error) { return b.WaitTimeout(-1) }, 0, barrier.ErrBroken},
		"its context ends":    {func(b *barrier.Barrier, ctx context.Context) (int, error) { return b.WaitContext(ctx) }, time.Second, why},
		"its context is over": {func(b *barrier.Barrier, _ context.Context) (int, error) { return b.WaitContext(ended(why)) }, 0, why},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(why) })
				b := barrier.New(3, func() { t.Error("the action ran") })
				first := party(b.Wait)
				begin := time.Now()
				index, err := c.giveUp(b, ctx)
				if index != -1 || !errors.Is(err, c.err) || time.Since(begin) != c.after {
					t.Errorf("who gave up got (%d, %v) after %v, want (-1, %v) after %v",
						index, err, time.Since(begin), c.err, c.after)
				}
				synctest.Wait()
				first.want(t, "the other", -1, barrier.ErrBroken)
				if !b.Broken() || b.Waiting() != 0 {
					t.Errorf("broken %v, waiting %d, want true, 0", b.Broken(), b.Waiting())
				}
				// Until Reset. Broken comes before a context that has ended.
				party(b.Wait).want(t, "a later one", -1, barrier.ErrBroken)
				party(func() (int, error) { return b.WaitContext(ended(why)) }).want(t, "an ended ctx", -1, barrier.ErrBroken)
				b.Reset()
				if b.Broken() {
					t.Error("broken after Reset")
				}
				if again := party(b.Wait); !again.pending() {
					t.Error("a party did not wait after Reset")
				}
				b.Abort()
			})
		})
	}
}

func ended(why error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	return ctx
}

func TestTheLastPartyNeedsNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := barrier.New(2, nil)
		for _, last := range []func() (int, error){
			func() (int, error) { return b.WaitTimeout(0) },
			func() (int, error) { return b.WaitTimeout(-1) },
			func() (int, error) { return b.WaitContext(ended(context.Canceled)) },
		} {
			first := party(b.Wait)
			party(last).want(t, "the last", 1, nil)
			first.want(t, "the first", 0, nil)
		}
		alone := barrier.New(1, nil)
		for range 3 {
			party(alone.Wait).want(t, "one alone", 0, nil)
			party(func() (int, error) { return alone.WaitTimeout(0) }).want(t, "one alone", 0, nil)
		}
	})
}

// From the last arrival on, nobody's time or context matters: the action
// decides.
func TestADecidedGenerationCannotBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		b := barrier.New(3, func() { time.Sleep(time.Minute) })
		timed := party(func() (int, error) { return b.WaitTimeout(time.Second) })
		bound := party(func() (int, error) { return b.WaitContext(ctx) })
		last := party(func() (int, error) { return b.WaitTimeout(time.Second) })
		elapse(30 * time.Second)
		if !timed.pending() || !bound.pending() || !last.pending() {
			t.Error("somebody did not wait for the action")
		}
		elapse(31 * time.Second)
		timed.want(t, "the timed", 0, nil)
		bound.want(t, "the bound", 1, nil)
		last.want(t, "the last", 2, nil)
		if b.Broken() {
			t.Error("broken")
		}
	})
}

// Who arrives during the action belongs to the next generation, and actions
// follow each other in order.
func TestActionsOfGenerationsFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var log []string
		acts := 0
		b := barrier.New(2, func() {
			acts++
			n := acts
			log = append(log, fmt.Sprint("begin ", n, " at ", time.Since(begin)))
			time.Sleep(10 * time.Second)
			log = append(log, fmt.Sprint("end ", n))
		})
		var parties []*outcome
		for range 6 { // three generations within the first action
			parties = append(parties, party(b.Wait))
		}
		if b.Waiting() != 0 {
			t.Errorf("%d are waiting for others, want 0", b.Waiting())
		}
		for g := range 4 {
			if g == 1 { // a fourth generation, during the second action
				parties = append(parties, party(b.Wait), party(b.Wait))
			}
			elapse(10*time.Second + 1)
			parties[2*g].want(t, fmt.Sprint("first of ", g), 0, nil)
			parties[2*g+1].want(t, fmt.Sprint("last of ", g), 1, nil)
			for _, later := range parties[2*g+2:] {
				if !later.pending() {
					t.Errorf("a later generation passed with generation %d", g)
				}
			}
		}
		want := []string{"begin 1 at 0s", "end 1", "begin 2 at 10s", "end 2",
			"begin 3 at 20s", "end 3", "begin 4 at 30s", "end 4"}
		if !slices.Equal(log, want) {
			t.Errorf("actions: %v, want %v", log, want)
		}
	})
}

// Abort and Reset tell everybody at once, but for the last party of the acting
// generation, who is busy with the action.
func TestAbortAndResetDuringTheAction(t *testing.T) {
	for _, abort := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := barrier.New(2, func() { time.Sleep(time.Minute) })
			first, last := party(b.Wait), party(b.Wait)
			second, secondLast := party(b.Wait), party(b.Wait) // decided, and waiting for their turn
			third := party(b.Wait)                             // filling
			if abort {
				b.Abort()
			} else {
				b.Reset()
			}
			synctest.Wait()
			for _, o := range []*outcome{first, second, secondLast, third} {
				o.want(t, "a party", -1, barrier.ErrBroken)
			}
			if !last.pending() {
				t.Error("the last party did not wait for its own action")
			}
			if b.Broken() != abort {
				t.Errorf("broken %v, want %v", b.Broken(), abort)
			}
			if abort {
				b.Reset()
			}
			// A new generation can pass, but its action waits until the old one
			// has returned.
			a, z := party(b.Wait), party(b.Wait)
			elapse(time.Minute + 1)
			last.want(t, "the last", -1, barrier.ErrBroken)
			if !a.pending() || !z.pending() {
				t.Error("two actions overlapped")
			}
			elapse(time.Minute)
			a.want(t, "the first afterwards", 0, nil)
			z.want(t, "the last afterwards", 1, nil)
		})
	}
}

func TestAPanicOrGoexitInTheActionBreaksTheBarrier(t *testing.T) {
	for _, exit := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fail := true
			b := barrier.New(3, func() {
				time.Sleep(time.Second)
				switch {
				case !fail:
				case exit:
					runtime.Goexit()
				default:
					panic("no")
				}
			})
			first, second := party(b.Wait), party(b.Wait)
			var recovered any
			ended := false
			go func() {
				defer func() { ended, recovered = true, recover() }()
				b.Wait()
				t.Error("the wait of the last party returned")
			}()
			synctest.Wait()
			next := party(b.Wait)
			elapse(2 * time.Second)
			if !ended || (recovered == "no") == exit {
				t.Errorf("ended %v, recovered %v", ended, recovered)
			}
			for _, o := range []*outcome{first, second, next} {
				o.want(t, "another party", -1, barrier.ErrBroken)
			}
			if !b.Broken() {
				t.Error("not broken")
			}
			fail = false
			b.Reset()
			parties := []*outcome{party(b.Wait), party(b.Wait), party(b.Wait)}
			elapse(2 * time.Second)
			for i, p := range parties {
				p.want(t, "a party after Reset", i, nil)
			}
		})
	}
}

func TestTheActionMayUseTheBarrier(t *testing.T) {
	for name, c := range map[string]struct {
		action func(b *barrier.Barrier)
		err    error
		broken bool
	}{
		"queries": {func(b *barrier.Barrier) { _, _, _ = b.Waiting(), b.Broken(), b.Parties() }, nil, false},
		"abort":   {(*barrier.Barrier).Abort, barrier.ErrBroken, true},
		"reset":   {(*barrier.Barrier).Reset, barrier.ErrBroken, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b *barrier.Barrier
				b = barrier.New(2, func() { c.action(b) })
				first := party(b.Wait)
				last := party(b.Wait)
				for i, o := range []*outcome{first, last} {
					if c.err != nil {
						i = -1
					}
					o.want(t, "a party", i, c.err)
				}
				if b.Broken() != c.broken {
					t.Errorf("broken %v, want %v", b.Broken(), c.broken)
				}
			})
		})
	}
}

func TestNewRefusesLessThanOneParty(t *testing.T) {
	for _, n := range []int{0, -1} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if !errors.Is(err, barrier.ErrParties) || err.Error() == barrier.ErrParties.Error() {
					t.Errorf("New(%d) panicked with %v, want ErrParties that names the number", n, err)
				}
			}()
			barrier.New(n, nil)
		}()
	}
}

// Five parties meet a thousand times, while limits end at random around the
// moment of the last arrival. Each generation passes for all, with every index
// once, or for none.
func TestAThousandGenerationsUnderRandomCancels(t *testing.T) {
	const parties, generations = 5, 1000
	var actions atomic.Int64
	b := barrier.New(parties, func() { actions.Add(1) })
	passed := 0
	for g := range generations {
		var (
			wg       sync.WaitGroup
			outcomes [parties]result
		)
		before := actions.Load()
		for i := range parties {
			wg.Go(func() {
				switch rand.IntN(8) {
				case 0:
					outcomes[i].index, outcomes[i].err = b.WaitTimeout(time.Duration(rand.IntN(50_000)))
				case 1:
					ctx, cancel := context.WithCancel(context.Background())
					go cancel()
					outcomes[i].index, outcomes[i].err = b.WaitContext(ctx)
				default:
					outcomes[i].index, outcomes[i].err = b.Wait()
				}
			})
		}
		wg.Wait()
		var indices []int
		for _, o := range outcomes {
			if o.err == nil {
				indices = append(indices, o.index)
			} else if o.index != -1 {
				t.Fatalf("generation %d: index %d with error %v", g, o.index, o.err)
			}
		}
		slices.Sort(indices)
		switch {
		case len(indices) == 0 && actions.Load() == before && b.Broken():
			b.Reset()
		case slices.Equal(indices, []int{0, 1, 2, 3, 4}) && actions.Load() == before+1 && !b.Broken():
			passed++
		default:
			t.Fatalf("generation %d: %v, actions %d, broken %v", g, outcomes, actions.Load()-before, b.Broken())
		}
	}
	if passed == 0 || passed == generations {
		t.Errorf("%d of %d generations passed: this was no race", passed, generations)
	}
}

// The last party arrives at the moment at which the other gives up: either both
// pass or both do not.
func TestAGiveUpThatMeetsTheLastArrival(t *testing.T) {
	defer proof.Watch(t)()
	var (
		passed, broke int
		cancel        atomic.Pointer[context.CancelFunc] // what is to be called next
		stop          atomic.Bool
		wg            sync.WaitGroup
	)
	wg.Go(func() {
		for !stop.Load() { // so that it is running when there is something to cancel
			if c := cancel.Swap(nil); c != nil {
				proof.Spin(rand.IntN(500))
				(*c)()
			}
			runtime.Gosched()
		}
	})
	for range rounds(200_000) {
		b := barrier.New(2, nil)
		ctx, c := context.WithCancel(context.Background())
		first := make(chan error, 1)
		go func() {
			_, err := b.WaitContext(ctx)
			first <- err
		}()
		for b.Waiting() == 0 {
			runtime.Gosched()
		}
		cancel.Store(&c)
		for range rand.IntN(3) {
			runtime.Gosched() // or it would always be too late on one processor
		}
		proof.Spin(rand.IntN(1000))
		_, last := b.WaitTimeout(0)
		err := <-first
		switch {
		case err == nil && last == nil && !b.Broken():
			passed++
		case errors.Is(err, context.Canceled) && last == barrier.ErrBroken && b.Broken():
			broke++
		default:
			t.Fatalf("the first got %v, the last %v, broken %v", err, last, b.Broken())
		}
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d passed, %d broke", passed, broke)
	if passed == 0 || broke == 0 {
		t.Error("this was no race")
	}
}

// What each party wrote before is seen by the action and by all others
// afterwards; the race detector judges.
func TestArrivalsSynchronizeBeforeTheAction(t *testing.T) {
	const parties = 4
	var (
		written [parties]int
		sum     int
	)
	b := barrier.New(parties, func() {
		sum = 0
		for _, w := range written {
			sum += w
		}
	})
	var wg sync.WaitGroup
	for i := range parties {
		wg.Go(func() {
			for round := 1; round <= 500; round++ {
				written[i] = round
				b.WaitTimeout(time.Hour)
				if sum != parties*round {
					t.Errorf("round %d: sum %d", round, sum)
				}
				b.WaitContext(t.Context())
			}
		})
	}
	wg.Wait()
}
