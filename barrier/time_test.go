package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
)

const (
	forever = time.Duration(math.MaxInt64)
	century = 100 * 365 * 24 * time.Hour
)

var errWhy = errors.New("why")

// patient are the forms that wait for the others, however long that takes.
var patient = []struct {
	name string
	wait func(b *barrier.Barrier) (int, error)
}{
	{"Wait", (*barrier.Barrier).Wait},
	{"WaitTimeout of a century", func(b *barrier.Barrier) (int, error) { return b.WaitTimeout(century) }},
	{"WaitTimeout for ever", func(b *barrier.Barrier) (int, error) { return b.WaitTimeout(forever) }},
	{"WaitContext", func(b *barrier.Barrier) (int, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return b.WaitContext(ctx)
	}},
	{"WaitContext without end", func(b *barrier.Barrier) (int, error) { return b.WaitContext(context.Background()) }},
	{"WaitContext of a context without cancel", func(b *barrier.Barrier) (int, error) {
		return b.WaitContext(context.WithoutCancel(ended(errWhy)))
	}},
}

// impatient are the forms that give up after d, each with its error.
var impatient = []struct {
	name string
	wait func(b *barrier.Barrier, d time.Duration) (int, error)
	err  error
}{
	{"WaitTimeout", (*barrier.Barrier).WaitTimeout, barrier.ErrBroken},
	{"WaitContext", func(b *barrier.Barrier, d time.Duration) (int, error) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), d, errWhy)
		defer cancel()
		return b.WaitContext(ctx)
	}, errWhy},
	{"WaitContext, plain", func(b *barrier.Barrier, d time.Duration) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return b.WaitContext(ctx)
	}, context.DeadlineExceeded},
}

func TestEveryBlockedFormIsDurablyBlocked(t *testing.T) {
	for _, form := range patient {
		t.Run(form.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := barrier.New(2, func() { time.Sleep(time.Minute) })
				wait := func() (int, error) { return form.wait(b) }
				first := party(wait) // returns if it is durably blocked
				start := time.Now()
				elapse(time.Hour) // takes no real time if everybody is
				if took := time.Since(start); took != time.Hour {
					t.Errorf("an hour took %v", took)
				}
				if !first.pending() {
					t.Fatal("did not wait")
				}
				last := party(wait)
				turn, turnLast := party(wait), party(wait) // the last of these waits for its turn
				elapse(time.Minute)
				first.want(t, "the first", 0, nil)
				last.want(t, "the last", 1, nil)
				if !turn.pending() || !turnLast.pending() {
					t.Error("the second generation did not wait for its action")
				}
				elapse(time.Minute)
				turn.want(t, "the first of the second generation", 0, nil)
				turnLast.want(t, "the last of the second generation", 1, nil)
			})
		})
	}
}

func TestGivesUpAtExactlyItsTime(t *testing.T) {
	for _, form := range impatient {
		for _, d := range []time.Duration{1, time.Millisecond, 3 * time.Second, 24 * time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				b := barrier.New(3, nil)
				other := party(b.Wait)
				one := party(func() (int, error) { return form.wait(b, d) })
				elapse(d - 1)
				if !one.pending() || !other.pending() || b.Broken() || b.Waiting() != 2 {
					t.Fatalf("%s: gave up before %v", form.name, d)
				}
				elapse(1)
				one.want(t, form.name, -1, form.err)
				other.want(t, "the other", -1, barrier.ErrBroken)
				if !b.Broken() || b.Waiting() != 0 {
					t.Errorf("broken %v, waiting %d, want true, 0", b.Broken(), b.Waiting())
				}
			})
		}
	}
}

func TestMaxInt64IsForEver(t *testing.T) {
	for _, d := range []time.Duration{forever, forever - 1} {
		synctest.Test(t, func(t *testing.T) {
			b := barrier.New(2, nil)
			one := party(func() (int, error) { return b.WaitTimeout(d) })
			elapse(2 * century)
			if !one.pending() {
				t.Fatalf("WaitTimeout(%d) gave up", d)
			}
			party(b.Wait).want(t, "the last", 1, nil)
			one.want(t, "the one", 0, nil)
		})
	}
}

// A timer or a context that ends after its call has returned is nobody's
// concern.
func TestAPartyThatHasPassedCannotBreakALaterGeneration(t *testing.T) {
	for _, form := range impatient {
		synctest.Test(t, func(t *testing.T) {
			b := barrier.New(2, nil)
			one := party(func() (int, error) { return form.wait(b, time.Second) })
			elapse(time.Second - 1)
			party(b.Wait).want(t, "the last", 1, nil)
			one.want(t, form.name, 0, nil)
			later := party(b.Wait)
			elapse(time.Hour)
			if !later.pending() || b.Broken() {
				t.Errorf("%s: broke the generation after its own", form.name)
			}
			party(b.Wait).want(t, "the last", 1, nil)
			later.want(t, "the later", 0, nil)
		})
	}
}

// At the same instant of the bubble's clock either may be first: both pass, or
// neither.
func TestALastArrivalAtTheInstantOfADeadline(t *testing.T) {
	for _, form := range impatient {
		t.Run(form.name, func(t *testing.T) {
			passed := 0
			all := rounds(10_000)
			for range all {
				synctest.Test(t, func(t *testing.T) {
					b := barrier.New(2, nil)
					one := party(func() (int, error) { return form.wait(b, time.Second) })
					time.Sleep(time.Second)
					index, err := b.WaitTimeout(0)
					synctest.Wait()
					if err == nil && index == 1 && !b.Broken() {
						one.want(t, form.name, 0, nil)
						passed++
					} else if err == barrier.ErrBroken && index == -1 && b.Broken() {
						one.want(t, form.name, -1, form.err)
					} else {
						t.Errorf("the last got (%d, %v), broken %v", index, err, b.Broken())
					}
				})
			}
			t.Logf("%d of %d passed", passed, all)
		})
	}
}

// A party of the next generation gives up during the action: that breaks its
// own generation and the Barrier, but none that is decided.
func TestAGiveUpDuringTheActionTouchesNoDecidedGeneration(t *testing.T) {
	for _, form := range impatient {
		for _, d := range []time.Duration{0, time.Second} {
			for turns := range 3 { // decided generations that wait for their turn
				t.Run(fmt.Sprint(form.name, " ", d, " ", turns), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						acts := 0
						b := barrier.New(2, func() { acts++; time.Sleep(time.Minute) })
						var decided []*outcome
						for range 2 * (1 + turns) {
							decided = append(decided, party(b.Wait))
						}
						begin := time.Now()
						index, err := form.wait(b, d)
						if took := time.Since(begin); index != -1 || err != form.err || took != d {
							t.Errorf("who gave up got (%d, %v) after %v, want (-1, %v) after %v", index, err, took, form.err, d)
						}
						if !b.Broken() || b.Waiting() != 0 {
							t.Errorf("broken %v, waiting %d", b.Broken(), b.Waiting())
						}
						elapse(time.Duration(1+turns) * time.Minute)
						for i, o := range decided {
							o.want(t, fmt.Sprint("decided party ", i), i%2, nil)
						}
						if !b.Broken() || acts != 1+turns {
							t.Errorf("broken %v, %d actions", b.Broken(), acts)
						}
						party(b.Wait).want(t, "a later one", -1, barrier.ErrBroken)
					})
				})
			}
		}
	}
}

func TestAbortAndResetWhereNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := barrier.New(2, nil)
		pass := func() {
			t.Helper()
			first := party(b.Wait)
			party(b.Wait).want(t, "the last", 1, nil)
			first.want(t, "the first", 0, nil)
		}
		refuse := func() {
			t.Helper()
			for _, form := range patient {
				party(func() (int, error) { return form.wait(b) }).want(t, form.name, -1, barrier.ErrBroken)
			}
			for _, d := range []time.Duration{-1, 0, 1} {
				party(func() (int, error) { return b.WaitTimeout(d) }).want(t, "WaitTimeout", -1, barrier.ErrBroken)
			}
			if _, err := b.WaitContext(ended(errWhy)); err != barrier.ErrBroken { // it is looked at first
				t.Errorf("an ended ctx on a broken Barrier: %v, want ErrBroken", err)
			}
			if !b.Broken() || b.Waiting() != 0 || b.Parties() != 2 {
				t.Errorf("broken %v, waiting %d, parties %d", b.Broken(), b.Waiting(), b.Parties())
			}
		}
		b.Reset()
		pass()
		b.Reset()
		b.Reset()
		pass()
		b.Abort()
		refuse()
		elapse(time.Hour)
		refuse()
		b.Abort()
		refuse()
		b.Reset()
		pass()
	})
}

func TestAbortAndResetTellAllWhoWait(t *testing.T) {
	for _, abort := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := barrier.New(len(patient)+1, func() { t.Error("the action ran") })
			for range 2 {
				var all []*outcome
				for _, form := range patient {
					all = append(all, party(func() (int, error) { return form.wait(b) }))
				}
				if got := b.Waiting(); got != len(patient) {
					t.Errorf("%d are waiting, want %d", got, len(patient))
				}
				if abort {
					b.Abort()
				} else {
					b.Reset()
				}
				synctest.Wait()
				for i, o := range all {
					o.want(t, patient[i].name, -1, barrier.ErrBroken)
				}
				if b.Broken() != abort || b.Waiting() != 0 {
					t.Errorf("broken %v, waiting %d", b.Broken(), b.Waiting())
				}
				b.Reset()
			}
		})
	}
}

// Those whom the last arrival released have passed, although they have not run
// yet when somebody breaks the Barrier.
func TestNothingTakesBackThatAGenerationHasPassed(t *testing.T) {
	for name, spoil := range map[string]func(b *barrier.Barrier){
		"Abort":    (*barrier.Barrier).Abort,
		"Reset":    (*barrier.Barrier).Reset,
		"a giveup": func(b *barrier.Barrier) { _, _ = b.WaitTimeout(0) },
		"both":     func(b *barrier.Barrier) { b.Abort(); b.Reset() },
	} {
		for _, action := range []func(){nil, func() {}} {
			t.Run(name, func(t *testing.T) {
				proof.Uninterrupted(t, func(t *testing.T) bool {
					b := barrier.New(len(patient)+1, action)
					var all []*outcome
					for _, form := range patient {
						all = append(all, party(func() (int, error) { return form.wait(b) }))
					}
					if index, err := b.Wait(); index != len(patient) || err != nil {
						t.Errorf("the last got (%d, %v)", index, err)
					}
					spoil(b)
					late := false // whether somebody had not returned when the Barrier was broken
					for _, o := range all {
						late = late || o.pending()
					}
					synctest.Wait()
					for i, o := range all {
						o.want(t, patient[i].name, i, nil)
					}
					return late
				})
			})
		}
	}
}

// A panic in the action breaks all generations that are present: whoever would
// have to run the next action finds the Barrier broken.
func TestAPanicInTheActionBreaksThoseThatWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acts := 0
		b := barrier.New(2, func() { acts++; time.Sleep(time.Minute); panic(errWhy) })
		first := party(b.Wait)
		var got any
		go func() { got = proof.Recovered(func() { _, _ = b.Wait() }) }()
		synctest.Wait()
		var others []*outcome
		for range 5 { // two generations that are decided, and one that is filling
			others = append(others, party(b.Wait))
		}
		elapse(time.Minute)
		for _, o := range append(others, first) {
			o.want(t, "another party", -1, barrier.ErrBroken)
		}
		if got != errWhy || acts != 1 || !b.Broken() || b.Waiting() != 0 {
			t.Errorf("panicked with %v, %d actions, broken %v, waiting %d", got, acts, b.Broken(), b.Waiting())
		}
	})
}

// After Reset the action belongs to the past, and however it ends, it breaks
// nothing.
func TestAPanicAfterResetLeavesTheNewGenerationAlone(t *testing.T) {
	for _, how := range []string{"panic", "Goexit"} {
		synctest.Test(t, func(t *testing.T) {
			acts := 0
			b := barrier.New(2, func() {
				acts++
				if time.Sleep(time.Minute); acts == 1 {
					if how == "Goexit" {
						runtime.Goexit()
					}
					panic(errWhy)
				}
			})
			first := party(b.Wait)
			var got any
			go func() { got = proof.Recovered(func() { _, _ = b.Wait() }) }()
			synctest.Wait()
			b.Reset()
			synctest.Wait()
			first.want(t, "the first of the old generation", -1, barrier.ErrBroken)
			next, nextLast, filling := party(b.Wait), party(b.Wait), party(b.Wait)
			elapse(time.Minute)
			if b.Broken() || (got == errWhy) == (how == "Goexit") {
				t.Errorf("broken %v, panicked with %v", b.Broken(), got)
			}
			elapse(time.Minute)
			next.want(t, "the first", 0, nil)
			nextLast.want(t, "the last", 1, nil)
			if !filling.pending() || b.Broken() || acts != 2 {
				t.Errorf("filling: pending %v, broken %v, %d actions", filling.pending(), b.Broken(), acts)
			}
			b.Abort()
		})
	}
}

// During the action the Barrier counts those of the next generation only.
func TestWaitingDuringTheAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := barrier.New(3, func() { time.Sleep(time.Minute) })
		for i := range 8 {
			party(b.Wait)
			if got, want := b.Waiting(), (i+1)%3; got != want {
				t.Errorf("%d are waiting after %d arrivals, want %d", got, i+1, want)
			}
		}
		b.Abort()
		time.Sleep(time.Minute)
	})
}

func TestTheActionRunsOnceAndOutsideAnyLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acts := 0
		var b *barrier.Barrier
		b = barrier.New(2, func() {
			acts++
			var wg sync.WaitGroup
			wg.Go(func() { // anybody else may use the Barrier meanwhile
				_, _, _ = b.Waiting(), b.Broken(), b.Parties()
				if _, err := b.WaitTimeout(0); err != barrier.ErrBroken {
					t.Errorf("an impatient newcomer got %v", err)
				}
				b.Reset()
				b.Abort()
				b.Reset()
			})
			wg.Wait()
		})
		first := party(b.Wait)
		party(b.Wait).want(t, "the last", -1, barrier.ErrBroken)
		first.want(t, "the first", -1, barrier.ErrBroken)
		if acts != 1 || b.Broken() {
			t.Errorf("%d actions, broken %v", acts, b.Broken())
		}
	})
}

// This stands for a package-level Barrier of a program whose tests use bubbles.
var packageLevel = barrier.New(4, nil)

// Nothing that was made in a bubble, a channel or a timer, may be used outside
// of it.
func TestWorksOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	defer proof.Watch(t)()
	b := packageLevel
	arrive := func(t *testing.T, form int, wait func()) {
		var wg sync.WaitGroup
		for range b.Parties() - 1 {
			wg.Go(func() {
				if _, err := patient[form].wait(b); err != nil {
					t.Errorf("%s: %v", patient[form].name, err)
				}
			})
		}
		wait()
		if index, err := b.Wait(); index != 3 || err != nil {
			t.Errorf("the last got (%d, %v)", index, err)
		}
		wg.Wait()
	}
	giveUp := func(t *testing.T, form int, d time.Duration) {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := impatient[form].wait(b, d); err != impatient[form].err && err != barrier.ErrBroken {
				t.Errorf("%s: %v", impatient[form].name, err)
			}
		})
		if _, err := b.Wait(); err != barrier.ErrBroken {
			t.Errorf("the other got %v", err)
		}
		wg.Wait()
		b.Reset()
	}
	for i := range 5 {
		for _, place := range []string{"outside", "one bubble", "another", "outside again"} {
			t.Run(fmt.Sprint(place, i), func(t *testing.T) {
				if strings.HasPrefix(place, "outside") {
					for form := range patient {
						arrive(t, form, func() {
							for b.Waiting() < b.Parties()-1 {
								runtime.Gosched()
							}
						})
					}
					for form := range impatient {
						giveUp(t, form, 20*time.Microsecond)
					}
					return
				}
				synctest.Test(t, func(t *testing.T) {
					for form := range patient {
						arrive(t, form, func() { time.Sleep(time.Second) })
					}
					for form := range impatient {
						giveUp(t, form, time.Hour)
					}
				})
			})
		}
	}
}

func TestNewNamesTheNumberItRefuses(t *testing.T) {
	for _, n := range []int{0, -1, math.MinInt} {
		err, _ := proof.Recovered(func() { barrier.New(n, nil) }).(error)
		if !errors.Is(err, barrier.ErrParties) || !strings.Contains(err.Error(), fmt.Sprintf("New(%d)", n)) {
			t.Errorf("New(%d) panicked with %v", n, err)
		}
	}
	if b := barrier.New(math.MaxInt, nil); b.Parties() != math.MaxInt {
		t.Errorf("Parties is %d", b.Parties())
	}
}

func TestAGenerationAllocatesOnceAndAWaitOnlyForItsLimit(t *testing.T) {
	if proof.Race {
		t.Skip("under the race detector sync.Pool forgets at random what it is given")
	}
	defer proof.Watch(t)()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, form := range []struct {
		name   string
		budget float64 // of a wait, besides the generation's one
		wait   func(b *barrier.Barrier) (int, error)
	}{
		{"Wait", 0, (*barrier.Barrier).Wait},
		{"WaitTimeout for ever", 0, func(b *barrier.Barrier) (int, error) { return b.WaitTimeout(forever) }},
		{"WaitTimeout", 1, func(b *barrier.Barrier) (int, error) { return b.WaitTimeout(time.Hour) }},
		{"WaitContext without end", 0, func(b *barrier.Barrier) (int, error) {
			return b.WaitContext(context.Background())
		}},
		{"WaitContext", 1, func(b *barrier.Barrier) (int, error) { return b.WaitContext(ctx) }},
	} {
		for parties := 1; parties <= 3; parties++ {
			for _, action := range []func(){nil, func() {}} {
				b := barrier.New(parties, action)
				var wg sync.WaitGroup
				for range parties - 1 {
					wg.Go(func() {
						for {
							if _, err := form.wait(b); err != nil {
								return
							}
						}
					})
				}
				allocs := testing.AllocsPerRun(1000, func() { _, _ = form.wait(b) })
				b.Abort()
				wg.Wait()
				if want := 1 + form.budget*float64(parties-1); allocs > want {
					t.Errorf("%s of %d parties: a generation allocates %v times, want at most %v",
						form.name, parties, allocs, want)
				}
			}
		}
	}
}

func TestAContextThatPanicsLeavesTheBarrierAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := barrier.New(2, nil)
		proof.NothingOfOthersUnderAGuard(t, func(ctx context.Context) { _, _ = b.WaitContext(ctx) }, func() {
			if n := b.Waiting(); n != 0 {
				t.Errorf("%d parties wait", n)
			}
		})
	})
}
