package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/semaphore"
)

// A client acquires by any form. A patient one keeps what it gets, and must get
// it; another gives up in time, and gives back what it got.
type client struct {
	n       int
	ticks   int // 0: patient
	ctx     bool
	several bool // by a form with an N, also if n is 1
}

func (c client) String() string {
	return fmt.Sprintf("{%d ticks %d ctx %v N %v}", c.n, c.ticks, c.ctx, c.several)
}

func drawClient(r *rand.Rand, most int) client {
	c := client{n: 1 + r.IntN(most), ctx: r.IntN(2) == 0, several: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		c.ticks = 1 + r.IntN(3)
	}
	c.several = c.several || c.n > 1
	return c
}

// acquire reports whether the client was served.
func (c client) acquire(s counter) bool {
	d := explore.LastResort
	if c.ticks > 0 {
		d = time.Duration(c.ticks) * explore.Tick
	}
	if !c.ctx {
		if c.several {
			return s.AcquireNTimeout(c.n, d)
		}
		return s.AcquireTimeout(d)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
	defer cancel()
	var err error
	if c.several {
		err = s.AcquireNContext(ctx, c.n)
	} else {
		err = s.AcquireContext(ctx)
	}
	if err != nil && err != errCause {
		panic(fmt.Sprintf("the error is %v, which is not the cause", err))
	}
	return err == nil
}

// release is by any form.
func release(s counter, n int, several bool) {
	if n == 1 && !several {
		s.Release()
	} else {
		s.ReleaseN(n)
	}
}

// failure keeps the first.
type failure struct{ first atomic.Pointer[error] }

func (f *failure) set(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	f.first.CompareAndSwap(nil, &err)
}

func (f *failure) err() error {
	if err := f.first.Load(); err != nil {
		return *err
	}
	return nil
}

// Releases of a Semaphore are signals that stay: as many as the patient clients
// want together, from goroutines that acquire nothing. Meanwhile others take
// what is free, and give it back.
func signalsProgram(r *rand.Rand) explore.Case {
	var (
		clients []client
		total   int
	)
	for range 2 + r.IntN(3) {
		c := drawClient(r, 3)
		clients = append(clients, c)
		if c.ticks == 0 {
			total += c.n
		}
	}
	var signals [2][]client // of which n and several count
	for left := total; left > 0; {
		s := drawClient(r, left)
		i := r.IntN(len(signals))
		signals[i] = append(signals[i], s)
		left -= s.n
	}
	barging := r.IntN(4)
	return explore.Case{Name: fmt.Sprint(clients, signals, barging), Start: func(start func(string, func())) func() error {
		var (
			s      semaphore.Semaphore
			failed failure
		)
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				switch served := c.acquire(&s); {
				case served && c.ticks > 0:
					proof.Pause()
					release(&s, c.n, c.several)
				case !served && c.ticks == 0:
					failed.set("client %d, who wants %d, was forgotten; the value is %d", i, c.n, s.Value())
				}
			})
		}
		for i, signals := range signals {
			start(fmt.Sprint("signaller ", i), func() {
				for _, c := range signals {
					release(&s, c.n, c.several)
					proof.Pause()
				}
			})
		}
		start("barging", func() {
			for i := range barging {
				if n := 1 + i%2; s.TryAcquireN(n) {
					proof.Pause()
					release(&s, n, false)
				}
			}
		})
		return func() error {
			if err := failed.err(); err != nil {
				return err
			}
			if s.Value() != 0 || s.TryAcquire() {
				return fmt.Errorf("at the end %d are free", s.Value())
			}
			s.Release()
			if !s.TryAcquire() {
				return errors.New("a permit is kept for nobody")
			}
			return nil
		}
	}}
}

// The bound of a BoundedSemaphore moves up and down, and in the end is what the
// patient clients want together. There are never more permits out than the
// largest bound, none is lost, and a release too many is refused at any moment.
func resizeProgram(r *rand.Rand) explore.Case {
	bounds := []int{3 + r.IntN(3)} // nobody asks for more than the bound at the call, which panics, if it is not lowered before
	var (
		clients []client
		total   int
	)
	for range 2 + r.IntN(3) {
		c := drawClient(r, 3)
		clients = append(clients, c)
		if c.ticks == 0 {
			total += c.n
		}
	}
	for range 1 + r.IntN(3) {
		bounds = append(bounds, r.IntN(total+4))
	}
	bounds = append(bounds, total)
	most := 0
	for _, b := range bounds {
		most = max(most, b)
	}
	held, barging, tooMany := r.IntN(bounds[0]+1), r.IntN(4), r.IntN(3)
	name := fmt.Sprint(clients, " bounds ", bounds, " held ", held, " barging ", barging, " too many ", tooMany)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			b      = semaphore.NewBounded(bounds[0])
			out    atomic.Int64
			failed failure
		)
		took := func(n int) {
			if n := out.Add(int64(n)); n > int64(most) {
				failed.set("%d are out, and %d is the largest bound", n, most)
			}
			if v := b.Value(); v < 0 {
				failed.set("the value is %d", v)
			}
		}
		gives := func(n int, several bool) {
			out.Add(-int64(n))
			release(b, n, several)
		}
		if held > 0 {
			b.AcquireN(held)
			took(held)
		}
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				served := false
				for again := true; again; proof.Pause() { // until the bound is large enough for the call
					again = false
					if v := proof.Recovered(func() { served = c.acquire(b) }); v != nil {
						if err, ok := v.(error); !ok || !errors.Is(err, semaphore.ErrValue) {
							panic(v)
						}
						again = c.ticks == 0
						if again {
							time.Sleep(explore.Tick)
						}
					}
				}
				if served {
					took(c.n)
				}
				switch {
				case served && c.ticks > 0:
					proof.Pause()
					gives(c.n, c.several)
				case !served && c.ticks == 0:
					failed.set("client %d, who wants %d, was forgotten; the value is %d", i, c.n, b.Value())
				}
			})
		}
		start("resizer", func() {
			for _, bound := range bounds[1:] {
				proof.Pause()
				b.Resize(bound)
			}
		})
		start("holder", func() {
			for range held {
				proof.Pause()
				gives(1, false)
			}
		})
		start("barging", func() {
			for range barging {
				if b.TryAcquire() {
					took(1)
					proof.Pause()
					gives(1, false)
				}
			}
		})
		return func() error {
			if err := failed.err(); err != nil {
				return err
			}
			if b.Value() != 0 || b.TryAcquire() {
				return fmt.Errorf("at the end %d are free", b.Value())
			}
			for range total {
				if !b.TryRelease() {
					return errors.New("a permit that is out was refused")
				}
			}
			if b.TryRelease() || b.Value() != total {
				return fmt.Errorf("at the end %d are there, want %d", b.Value(), total)
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfSignals(t *testing.T) { proof.Programs(t, signalsProgram) }
func TestNoScheduleBreaksAProgramOfResizes(t *testing.T) { proof.Programs(t, resizeProgram) }

// Permits as signals: two wait; one permit comes, somebody is faster, and gives
// it back together with a second.
func TestASignalIsNotLost(t *testing.T) {
	defer proof.Watch(t)()
	for range rounds(100_000) {
		var (
			s      semaphore.Semaphore
			served sync.WaitGroup
		)
		for range 2 {
			served.Go(s.Acquire)
		}
		for range 4 {
			runtime.Gosched()
		}
		s.Release()
		if s.TryAcquire() {
			proof.Spin(rand.IntN(20_000))
			s.ReleaseN(2)
		} else {
			s.Release()
		}
		served.Wait()
	}
}

// At the largest value a release is refused, or it counts because others have
// taken some meanwhile.
func TestARefusedReleaseChangesNothingWhateverOthersDo(t *testing.T) {
	defer proof.Watch(t)()
	proof.Processors(t, 4)
	for range rounds(20_000) {
		var (
			s        = semaphore.New(largest)
			refused  atomic.Int64
			taken    atomic.Int64
			together sync.WaitGroup
		)
		const releasers = 2
		for range releasers {
			together.Go(func() {
				proof.Pause()
				if proof.Recovered(s.Release) != nil {
					refused.Add(1)
				}
			})
		}
		for _, n := range []int{largest, 1} {
			together.Go(func() {
				proof.Pause()
				if s.TryAcquireN(n) {
					taken.Add(int64(n))
				}
			})
		}
		together.Wait()
		if want := largest - taken.Load() + releasers - refused.Load(); int64(s.Value()) != want || want > largest {
			t.Fatalf("%d releases refused, %d taken, the value is %d, want %d", refused.Load(), taken.Load(), s.Value(), want)
		}
	}
}
