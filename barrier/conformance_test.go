package barrier_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
)

// The cases that CPython's lock_tests has for Barrier, each under its number in the list of semantics and CPython's name
// for it, from their description. What Python raises as BrokenBarrierError is ErrBroken here, and ValueError a panic.

const n = 5 // parties, in all these tests

// together runs f on n goroutines in a bubble and waits for them.
func together(f func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(f)
	}
	wg.Wait()
}

func TestCPythonBarrier(t *testing.T) {
	bubble := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}

	bubble("B01 test_constructor", func(t *testing.T) {
		for _, parties := range []int{0, -1} {
			err, _ := proof.Recovered(func() { barrier.New(parties, nil) }).(error)
			if !errors.Is(err, barrier.ErrParties) {
				t.Errorf("New(%d) panicked with %v", parties, err)
			}
		}
	})

	// Two waits in lock step: nobody is past the second before all are past the first.
	lockStep := func(passes int) func(t *testing.T) {
		return func(t *testing.T) {
			b := barrier.New(n, nil)
			var steps [2]atomic.Int32
			together(func() {
				for pass := range passes {
					for i := range steps {
						steps[i].Add(1)
						if _, err := b.Wait(); err != nil {
							t.Errorf("pass %d: %v", pass, err)
						}
						if got, want := int(steps[i].Load()), (pass+1)*n; got != want {
							t.Errorf("pass %d: %d had arrived when one passed, want %d", pass, got, want)
						}
					}
				}
			})
			if b.Waiting() != 0 || b.Broken() || b.Parties() != n {
				t.Errorf("waiting %d, broken %v, parties %d", b.Waiting(), b.Broken(), b.Parties())
			}
		}
	}
	bubble("B02 test_barrier", lockStep(1))
	bubble("B03 test_barrier_10", lockStep(10))

	// What multiprocessing adds as test_thousand.
	bubble("B03 test_barrier_10, a thousand times", lockStep(1000))

	bubble("B04 test_wait_return", func(t *testing.T) {
		b := barrier.New(n, nil)
		indices := make(chan int, n)
		together(func() {
			index, err := b.Wait()
			if err != nil {
				t.Error(err)
			}
			indices <- index
		})
		sum := 0
		for range n {
			sum += <-indices
		}
		if sum != 0+1+2+3+4 {
			t.Errorf("the indices sum to %d, want 10", sum)
		}
	})

	bubble("B05 test_action", func(t *testing.T) {
		acts := 0
		b := barrier.New(n, func() { acts++ })
		together(func() {
			if _, err := b.Wait(); err != nil || acts != 1 {
				t.Errorf("passed with %v after %d actions", err, acts)
			}
		})
	})

	bubble("B06 test_abort", func(t *testing.T) {
		b := barrier.New(n, nil)
		var arrived, passed, broke atomic.Int32
		together(func() {
			if arrived.Add(1) == 3 {
				b.Abort()
				return
			}
			switch _, err := b.Wait(); err {
			case nil:
				passed.Add(1)
			case barrier.ErrBroken:
				broke.Add(1)
			}
		})
		if passed.Load() != 0 || broke.Load() != n-1 || !b.Broken() {
			t.Errorf("%d passed, %d got ErrBroken, broken %v", passed.Load(), broke.Load(), b.Broken())
		}
	})

	bubble("B07 test_reset", func(t *testing.T) {
		b := barrier.New(n, nil)
		var arrived, first, broke, second atomic.Int32
		together(func() {
			if arrived.Add(1) == n {
				synctest.Wait() // until the others wait
				if got := b.Waiting(); got != n-1 {
					t.Errorf("%d are waiting, want %d", got, n-1)
				}
				b.Reset()
			} else if _, err := b.Wait(); err == nil {
				first.Add(1)
			} else if err == barrier.ErrBroken {
				broke.Add(1)
			}
			if _, err := b.Wait(); err == nil {
				second.Add(1)
			}
		})
		if first.Load() != 0 || broke.Load() != n-1 || second.Load() != n {
			t.Errorf("%d passed at first, %d got ErrBroken, %d passed then", first.Load(), broke.Load(), second.Load())
		}
	})

	bubble("B08 test_abort_and_reset", func(t *testing.T) {
		b, other := barrier.New(n, nil), barrier.New(n, nil)
		var arrived, first, broke, second atomic.Int32
		together(func() {
			if arrived.Add(1) == 3 {
				b.Abort()
			} else if _, err := b.Wait(); err == nil {
				first.Add(1)
			} else if err == barrier.ErrBroken {
				broke.Add(1)
			}
			if index, err := other.Wait(); err != nil {
				t.Error(err)
			} else if index == n-1 {
				b.Reset()
			}
			if _, err := other.Wait(); err != nil {
				t.Error(err)
			}
			if _, err := b.Wait(); err == nil {
				second.Add(1)
			}
		})
		if first.Load() != 0 || broke.Load() != n-1 || second.Load() != n {
			t.Errorf("%d passed at first, %d got ErrBroken, %d passed then", first.Load(), broke.Load(), second.Load())
		}
	})

	bubble("B09 test_timeout", func(t *testing.T) {
		b := barrier.New(n, nil)
		var arrived, broke atomic.Int32
		together(func() {
			if arrived.Add(1) == n {
				time.Sleep(time.Second)
			}
			if _, err := b.WaitTimeout(500 * time.Millisecond); err == barrier.ErrBroken {
				broke.Add(1)
			}
		})
		if broke.Load() != n {
			t.Errorf("%d of %d got ErrBroken", broke.Load(), n)
		}
	})

	// There is no default in New: each Wait says its own.
	bubble("B10 test_default_timeout", func(t *testing.T) {
		b := barrier.New(n, nil)
		start := time.Now()
		var wg sync.WaitGroup
		for range n - 1 {
			wg.Go(func() {
				if _, err := b.WaitTimeout(500 * time.Millisecond); err != barrier.ErrBroken {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("it took %v, want 500ms", took)
		}
	})

	bubble("B11 test_single_thread", func(t *testing.T) {
		b := barrier.New(1, nil)
		for range 3 {
			if index, err := b.Wait(); index != 0 || err != nil {
				t.Errorf("got (%d, %v)", index, err)
			}
		}
	})

	// Waiting, Parties and Broken stand for what repr shows.
	bubble("B12 test_repr", func(t *testing.T) {
		b := barrier.New(3, nil)
		want := func(repr string) {
			t.Helper()
			synctest.Wait()
			if got := fmt.Sprintf("waiters=%d/%d %v", b.Waiting(), b.Parties(), b.Broken()); got != repr {
				t.Errorf("got %s, want %s", got, repr)
			}
		}
		want("waiters=0/3 false")
		party(b.Wait)
		party(b.Wait)
		want("waiters=2/3 false")
		party(b.Wait)
		want("waiters=0/3 false")
		party(b.Wait)
		b.Abort()
		want("waiters=0/3 true")
	})
}

func TestCPythonWeaknessesMended(t *testing.T) {
	// There a newcomer that comes while the others leave waits for that without regard to its timeout. Here it is
	// the action that takes long.
	t.Run("X06 and W12 the time of a newcomer counts from its arrival", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := barrier.New(2, func() { time.Sleep(450 * time.Millisecond) })
			party(b.Wait)
			party(b.Wait)
			start := time.Now()
			if _, err := b.WaitTimeout(50 * time.Millisecond); err != barrier.ErrBroken {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took != 50*time.Millisecond {
				t.Errorf("gave up after %v, want 50ms", took)
			}
			time.Sleep(time.Second)
		})
	})

	// There those who have been released and have not run yet see the abort and raise.
	t.Run("X04 and W12 an abort does not turn success into failure", func(t *testing.T) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			b := barrier.New(3, nil)
			first, second := party(b.Wait), party(b.Wait)
			if index, err := b.Wait(); index != 2 || err != nil {
				t.Errorf("the last got (%d, %v)", index, err)
			}
			b.Abort()
			late := first.pending() && second.pending()
			synctest.Wait()
			first.want(t, "the first", 0, nil)
			second.want(t, "the second", 1, nil)
			return late
		})
	})

	// There abort and reset in the action deadlock.
	t.Run("X05 and W12 the action may use the barrier", func(t *testing.T) {
		for name, use := range map[string]func(b *barrier.Barrier){
			"Abort": (*barrier.Barrier).Abort,
			"Reset": (*barrier.Barrier).Reset,
		} {
			synctest.Test(t, func(t *testing.T) {
				var b *barrier.Barrier
				var log []string
				b = barrier.New(2, func() {
					log = append(log, fmt.Sprint(b.Parties(), b.Waiting(), b.Broken()))
					use(b)
					log = append(log, fmt.Sprint(b.Parties(), b.Waiting(), b.Broken()))
				})
				party(b.Wait)
				party(b.Wait).want(t, "the last, after "+name, -1, barrier.ErrBroken)
				if want := []string{"2 0 false", fmt.Sprint(2, 0, name == "Abort")}; !slices.Equal(log, want) {
					t.Errorf("the action saw %q, want %q", log, want)
				}
			})
		}
	})
}
