package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// corpus adds programs of all lengths to what a fuzz test begins with, so that
// a plain go test runs them.
func corpus(f *testing.F) {
	random := rand.NewChaCha8([32]byte{1})
	for _, bounded := range []bool{false, true} {
		for value := range 6 {
			for _, n := range []int{5, 50, 500} {
				program := make([]byte, n)
				random.Read(program)
				f.Add(bounded, value, program)
			}
		}
	}
}

// FuzzTheSemaphoreDoesWhatItsModelDoes reads an initial value and then
// operations of two bytes: which call, and with which number. Where a call
// would wait it is left out.
func FuzzTheSemaphoreDoesWhatItsModelDoes(f *testing.F) {
	corpus(f)
	f.Add(false, 1<<30, []byte("\x05\x01\x05\xff\x04\x00\x05\xfe\x01\x02"))
	f.Add(true, 1<<30, []byte("\x05\x01\x05\xff\x04\x00\x05\xfe\x01\x02"))
	f.Fuzz(func(t *testing.T, bounded bool, value int, program []byte) {
		value &= 1<<30 - 1
		limit := int(largest)
		var c counter = nil
		if bounded {
			limit = value
			c = semaphore.NewBounded(value)
		} else {
			c = semaphore.New(value)
		}
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errCause)
		for i := 0; i+1 < len(program); i += 2 {
			n := int(int8(program[i+1]))
			if n > 100 { // some are close to the borders
				n = []int{value, value + 1, value - 1, limit, limit - value, math.MaxInt, math.MaxInt - 1}[n%7]
			}
			var want any // what the call panics with: nil, an ErrOverRelease, or an error that is ErrValue
			acquire := func(counts bool, acquire func() bool, waits bool) {
				n := n
				if !counts {
					n = 1
				}
				switch {
				case n < 1 || counts && n > limit:
					want = semaphore.ErrValue
				case n > value && waits:
					return
				}
				got := proof.Recovered(func() {
					if ok := acquire(); ok != (n <= value) {
						t.Fatalf("operation %d: acquiring %d of %d permits: %v", i, n, value, ok)
					}
				})
				if want == nil && n <= value {
					value -= n
				}
				samePanic(t, got, want)
			}
			release := func(n int, release func()) {
				switch {
				case n < 1:
					want = semaphore.ErrValue
				case n > limit-value && bounded:
					want = semaphore.ErrOverRelease
				case n > limit-value:
					want = semaphore.ErrValue
				}
				samePanic(t, proof.Recovered(release), want)
				if want == nil {
					value += n
				}
			}
			switch program[i] % 14 {
			case 0:
				acquire(false, c.TryAcquire, false)
			case 1:
				acquire(true, func() bool { return c.TryAcquireN(n) }, false)
			case 2:
				acquire(false, func() bool { return c.AcquireTimeout(0) }, false)
			case 3:
				acquire(true, func() bool { return c.AcquireNTimeout(n, math.MinInt64) }, false)
			case 4:
				release(1, c.Release)
			case 5, 6:
				release(n, func() { c.ReleaseN(n) })
			case 7:
				acquire(false, func() bool { c.Acquire(); return true }, true)
			case 8:
				acquire(true, func() bool { c.AcquireN(n); return true }, true)
			case 9:
				acquire(false, func() bool { return c.AcquireTimeout(time.Hour) }, true)
			case 10:
				acquire(true, func() bool { return c.AcquireNTimeout(n, forever) }, true)
			case 11:
				acquire(false, func() bool { return c.AcquireContext(t.Context()) == nil }, true)
			case 12:
				acquire(true, func() bool { return c.AcquireNContext(t.Context(), n) == nil }, true)
			case 13:
				if err := c.AcquireContext(ended); err != errCause {
					t.Fatalf("operation %d: an ended context gave %v", i, err)
				}
				if b, ok := c.(*semaphore.BoundedSemaphore); ok {
					if got := b.TryRelease(); got != (value < limit) {
						t.Fatalf("operation %d: TryRelease with %d of %d free: %v", i, value, limit, got)
					} else if got {
						value++
					}
				}
			}
			if got := c.Value(); got != value {
				t.Fatalf("operation %d (%d, %d): Value is %d, want %d", i, program[i]%14, n, got, value)
			}
		}
	})
}

func samePanic(t *testing.T, got, want any) {
	t.Helper()
	if want == semaphore.ErrValue {
		if err, ok := got.(error); ok && errors.Is(err, semaphore.ErrValue) {
			return
		}
	}
	if got != want {
		t.Fatalf("panicked with %v, want %v", got, want)
	}
}

// A waiting is a waiter of the model below.
type waiting struct {
	name   string
	wants  int
	cancel context.CancelCauseFunc // nil: it never gives up
}

// FuzzWaitersAreServedAsInTheModel has waiters come, give up and be served, in
// a bubble whose clock stands still, so that nobody is passed over for a
// millisecond and a newcomer takes what is free. The model is a number and a
// list. An operation is a byte; each waits until all others have done what they
// can.
func FuzzWaitersAreServedAsInTheModel(f *testing.F) {
	corpus(f)
	f.Add(false, 0, []byte{0o20, 0o10, 0o10, 0o3, 0o3, 0o4})
	f.Add(true, 0, []byte("wait some, cancel in the middle, release many"))
	f.Fuzz(func(t *testing.T, bounded bool, value int, program []byte) {
		synctest.Test(t, func(t *testing.T) {
			value &= 15
			var c counter = nil
			if bounded {
				b := semaphore.NewBounded(bound)
				b.AcquireN(bound - value)
				c = b
			} else {
				c = semaphore.New(value)
			}
			r := newRow(t)
			var row []waiting
			var served, gone []string
			serve := func() { // as many as it can, from the first
				for len(row) > 0 && row[0].wants <= value {
					value -= row[0].wants
					served = append(served, row[0].name)
					row = row[1:]
				}
			}
			leave := func(i int) {
				row[i].cancel(errCause)
				gone = append(gone, row[i].name)
				row = slices.Delete(row, i, i+1)
				serve()
			}
			for i, op := range program {
				n := 1 + int(op>>4&3)
				switch op % 8 {
				case 0, 1, 2: // somebody comes
					w := waiting{fmt.Sprint(i), n, nil}
					acquire := func() bool { c.AcquireN(n); return true }
					if op%8 > 0 {
						var ctx context.Context
						ctx, w.cancel = context.WithCancelCause(context.Background())
						acquire = func() bool {
							err := c.AcquireNContext(ctx, n)
							if err != nil && err != errCause {
								t.Errorf("the error is %v, want the cause", err)
							}
							return err == nil
						}
					}
					r.wait(w.name, acquire)
					if n <= value {
						value -= n
						served = append(served, w.name)
						if w.cancel != nil {
							w.cancel(nil)
						}
					} else {
						row = append(row, w)
					}
				case 3, 4: // somebody leaves
					if len(row) > 0 {
						if i := n * 7 % len(row); row[i].cancel != nil {
							leave(i)
						}
					}
				case 5: // the first leaves
					if len(row) > 0 && row[0].cancel != nil {
						leave(0)
					}
				case 6, 7:
					if value+n*n <= bound {
						c.ReleaseN(n * n)
						value += n * n
						serve()
					}
				}
				r.want(served...)
				r.wantGone(slices.Clone(gone)...)
				if got := c.Value(); got != value {
					t.Errorf("Value is %d, want %d", got, value)
				}
				if t.Failed() {
					t.Fatalf("after operation %d of %v", i, program[:i+1])
				}
			}
			for len(row) > 0 {
				if row[0].cancel != nil {
					leave(0)
				} else if row[0].wants > value {
					c.ReleaseN(row[0].wants - value)
					value = row[0].wants
					serve()
				}
				r.want(served...)
			}
			wantFree(t, c, value)
		})
	})
}
