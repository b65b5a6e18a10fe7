package semaphore_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// The cases that CPython's lock_tests has for Semaphore and BoundedSemaphore, each under its number in the list of
// semantics and CPython's name for it, from their description. Those of both run for both. What Python raises as
// ValueError is a panic here.

// classes make what CPython's tests make with sem(value): a Semaphore, and a BoundedSemaphore all of whose permits are
// free.
var classes = []struct {
	name string
	sem  func(value int) counter
}{
	{"Semaphore", func(value int) counter { return semaphore.New(value) }},
	{"BoundedSemaphore", func(value int) counter { return semaphore.NewBounded(value) }},
}

func TestCPythonBaseSemaphore(t *testing.T) {
	for _, class := range classes {
		t.Run(class.name, func(t *testing.T) { baseSemaphore(t, class.sem) })
	}
}

func baseSemaphore(t *testing.T, sem func(value int) counter) {
	t.Run("S01 test_constructor", func(t *testing.T) {
		for _, value := range []int{-1, -1 << 31} {
			wantErrValue(t, fmt.Sprintf("(%d)", value), func() { sem(value) })
		}
		sem(0)
	})

	t.Run("S02 test_acquire", func(t *testing.T) {
		for value := 1; value <= 2; value++ {
			c := sem(value)
			for range value {
				c.Acquire()
			}
			for range value {
				c.Release()
			}
			c.Acquire()
			c.Release()
			wantFree(t, c, value)
		}
	})

	t.Run("S03 test_acquire_destroy", func(*testing.T) {
		sem(1).Acquire()
		runtime.GC()
	})

	// Ten goroutines acquire twice each where seven permits are free, and get one more for each release, or n for each
	// release of n.
	contended := func(t *testing.T, steps []int, release func(c counter, n int)) {
		synctest.Test(t, func(t *testing.T) {
			const value, goroutines = 7, 10
			c := sem(value)
			var passed [2]atomic.Int32
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					for i := range passed {
						c.Acquire()
						passed[i].Add(1)
					}
				})
			}
			want := value
			for _, n := range append([]int{0}, steps...) {
				if n > 0 {
					release(c, n)
				}
				want += n
				synctest.Wait()
				if got := int(passed[0].Load() + passed[1].Load()); got != want {
					t.Errorf("%d acquires have passed, want %d", got, want)
				}
			}
			wg.Wait() // 7 and the steps are 20: synctest would report a deadlock
			if passed[0].Load() != goroutines || passed[1].Load() != goroutines {
				t.Errorf("%d and %d passed, want %d each", passed[0].Load(), passed[1].Load(), goroutines)
			}
			if c.TryAcquire() {
				t.Error("a permit is left")
			}
			c.Release()
			wantFree(t, c, 1)
		})
	}

	t.Run("S04 test_acquire_contended", func(t *testing.T) {
		contended(t, []int{6, 6, 1}, func(c counter, n int) {
			for range n {
				c.Release()
			}
		})
		contended(t, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, func(c counter, _ int) { c.Release() })
	})

	t.Run("S05 test_multirelease", func(t *testing.T) {
		contended(t, []int{1, 5, 1, 6}, func(c counter, n int) { c.ReleaseN(n) })
	})

	t.Run("S06 test_try_acquire", func(t *testing.T) {
		c := sem(2)
		for i, want := range []bool{true, true, false} {
			if got := c.TryAcquire(); got != want {
				t.Errorf("try %d: %v", i+1, got)
			}
		}
		c.Release()
		if !c.TryAcquire() {
			t.Error("the try after a release failed")
		}
	})

	t.Run("S07 test_try_acquire_contended", func(t *testing.T) {
		c := sem(4)
		c.Acquire()
		var succeeded atomic.Int32
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				for range 2 {
					if c.TryAcquire() {
						succeeded.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if got := succeeded.Load(); got != 3 {
			t.Errorf("%d of 10 tries succeeded, want 3", got)
		}
	})

	// A try with a timeout cannot be written in Go. With d <= 0 a timed call is a try.
	t.Run("S08 test_acquire_timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := sem(2)
			start := time.Now()
			for _, d := range []time.Duration{5 * time.Millisecond, 5 * time.Second} {
				if !c.AcquireTimeout(d) {
					t.Errorf("AcquireTimeout(%v) gave up with a permit free", d)
				}
			}
			for _, d := range []time.Duration{0, -1} {
				if c.AcquireTimeout(d) {
					t.Errorf("AcquireTimeout(%v) acquired a permit where there is none", d)
				}
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("what needs no waiting took %v", took)
			}
			if c.AcquireTimeout(500 * time.Millisecond) {
				t.Error("acquired a permit where there is none")
			}
			if took := time.Since(start); took != 500*time.Millisecond {
				t.Errorf("gave up after %v, want 500ms", took)
			}
			c.Release()
			if !c.AcquireTimeout(time.Millisecond) {
				t.Error("gave up with a permit free")
			}
		})
	})

	// New has no default: 1 is written out.
	t.Run("S09 test_default_value", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := sem(1)
			c.Acquire()
			second := newRow(t)
			second.wait("second", func() bool { c.Acquire(); return true })
			second.want()
			c.Release()
			second.want("second")
			wantFree(t, c, 0)
		})
	})

	// The block form is defer, and what its body raises is a panic.
	t.Run("S10 test_with", func(t *testing.T) {
		c := sem(2)
		with := func(body func()) any {
			return proof.Recovered(func() {
				c.Acquire()
				defer c.Release()
				body()
			})
		}
		nested := func() {
			wantFree(t, c, 1)
			if raised := with(func() { wantFree(t, c, 0) }); raised != nil {
				t.Errorf("the inner block raised %v", raised)
			}
		}
		if raised := with(nested); raised != nil {
			t.Errorf("the block raised %v", raised)
		}
		wantFree(t, c, 2)
		if raised := with(func() { nested(); panic(errCause) }); raised != errCause {
			t.Errorf("the block raised %v, want what its body did", raised)
		}
		wantFree(t, c, 2)
	})
}

func TestCPythonSemaphore(t *testing.T) {
	t.Run("S11 test_release_unacquired", func(t *testing.T) {
		s := semaphore.New(1)
		s.Release()
		s.Acquire()
		s.Acquire()
		s.Release()
		wantFree(t, s, 1)
	})

	// Value stands for what repr shows.
	t.Run("S12 test_repr", func(t *testing.T) {
		s := semaphore.New(3)
		wantFree(t, s, 3)
		s.Acquire()
		wantFree(t, s, 2)
		s.Release()
		s.Release()
		wantFree(t, s, 4)
	})
}

func TestCPythonBoundedSemaphore(t *testing.T) {
	t.Run("S13 test_release_unacquired", func(t *testing.T) {
		b := semaphore.NewBounded(1)
		for range 2 {
			if got := proof.Recovered(b.Release); got != semaphore.ErrOverRelease {
				t.Errorf("Release panicked with %v, want ErrOverRelease", got)
			}
			b.Acquire()
			b.Release()
		}
		wantFree(t, b, 1)
	})

	// The bound is what a refused release shows.
	t.Run("S14 test_repr", func(t *testing.T) {
		b := semaphore.NewBounded(3)
		wantFree(t, b, 3)
		b.Acquire()
		wantFree(t, b, 2)
		if !b.TryRelease() || b.TryRelease() {
			t.Error("the bound is not 3")
		}
		wantFree(t, b, 3)
	})
}

// The case that CPython's test_threading.py has: all permits of several bounds are taken at once and given back, and no
// more than those.
func TestCPythonThreads(t *testing.T) {
	t.Run("T33 test_BoundedSemaphore_limit", func(t *testing.T) {
		for limit := 1; limit < 10; limit++ {
			b := semaphore.NewBounded(limit)
			atOnce := func(f func()) {
				var wg sync.WaitGroup
				for range limit {
					wg.Go(f)
				}
				wg.Wait()
			}
			atOnce(b.Acquire)
			wantFree(t, b, 0)
			atOnce(b.Release)
			if got := proof.Recovered(b.Release); got != semaphore.ErrOverRelease {
				t.Errorf("bound %d: Release panicked with %v, want ErrOverRelease", limit, got)
			}
			wantFree(t, b, limit)
		}
	})
}

func TestCPythonWeaknessesMended(t *testing.T) {
	// A newcomer may take the permit of a waiter that was woken. There that one then goes to the tail.
	t.Run("X25 and W08 a waiter that loses to a newcomer keeps its place", func(t *testing.T) {
		for _, class := range classes {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				c := class.sem(1)
				c.Acquire()
				r := newRow(t)
				var names []string
				for i := range 3 {
					names = append(names, fmt.Sprint(i))
					r.wait(names[i], func() bool { c.Acquire(); return true })
				}
				c.Release() // wakes the first
				if !c.TryAcquire() {
					c.Release()
					c.Release()
					return false
				}
				r.want()
				for i := range names {
					c.Release()
					r.want(names[:i+1]...)
				}
				return true
			})
		}
	})

	// There is no acquire(n), and n acquires in a row of two threads can deadlock, each with some of what both need.
	t.Run("W09 many permits are acquired at once", func(t *testing.T) {
		defer proof.Watch(t)()
		for _, class := range classes {
			c := class.sem(3)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 1000 {
						c.AcquireN(2)
						runtime.Gosched()
						c.ReleaseN(2)
					}
				})
			}
			wg.Wait()
			wantFree(t, c, 3)
		}
	})
}
