package netwait_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// A socket has a deadline, as those of the netpoller: it ends a wait that has begun, and one that begins later.
type socket struct {
	guard    sync.Mutex
	deadline time.Time
	changed  chan struct{}
	sets     int
}

func newSocket() *socket { return &socket{changed: make(chan struct{})} }

func (s *socket) setDeadline(t time.Time) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.deadline = t
	s.sets++
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *socket) read() error {
	for {
		s.guard.Lock()
		deadline, changed := s.deadline, s.changed
		s.guard.Unlock()
		var timer <-chan time.Time
		if !deadline.IsZero() {
			timer = time.After(time.Until(deadline))
		}
		select {
		case <-timer:
			return os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

func TestAWaitEndsWhenItsLimitSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket()
		start := time.Now()
		err := netwait.After(time.Minute).Do(s.setDeadline, s.read)
		if !netwait.GaveUp(err) || time.Since(start) != time.Minute || !s.deadline.IsZero() {
			t.Error(err, time.Since(start), s.deadline)
		}
		// The time of a limit begins when it is made, and bounds several waits.
		limit := netwait.After(time.Minute)
		time.Sleep(20 * time.Second)
		left, ok := limit.Park()
		if !ok || fmt.Sprint(left) == fmt.Sprint(netwait.Forever) {
			t.Error(left, ok)
		}
		if err := limit.Do(s.setDeadline, s.read); !netwait.GaveUp(err) || time.Since(start) != 2*time.Minute {
			t.Error(err, time.Since(start))
		}
		if _, ok := limit.Park(); ok || !limit.Reached() {
			t.Error("something is left")
		}
		if !netwait.After(math.MaxInt64).IsForever() || netwait.After(math.MaxInt64-1).IsForever() || netwait.After(math.MaxInt64-1).Reached() {
			t.Error("very long limits")
		}
		if err := netwait.Forever.Do(s.setDeadline, func() error { return nil }); err != nil || netwait.Forever.Reached() {
			t.Error(err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	why := errors.New("why")
	endings := proof.EndingContexts(why)
	endings["silent"] = proof.Ending{New: func() (context.Context, func()) {
		s := silent{context.Background(), make(chan struct{})}
		return s, func() { close(s.done) }
	}, Want: context.Canceled}
	for name, ending := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSocket()
				ctx, end := ending.New()
				limit := netwait.Until(ctx)
				over := make(chan error)
				go func() { over <- limit.Do(s.setDeadline, s.read) }()
				synctest.Wait()
				if limit.Reached() || limit.IsForever() {
					t.Error("it is over before")
				}
				end()
				if err := <-over; !netwait.GaveUp(err) || !limit.Reached() || !s.deadline.IsZero() {
					t.Error(err, s.deadline)
				}
				if err := limit.Cause(nil); err != ending.Want {
					t.Errorf("%v, want %v", err, ending.Want)
				}
				if _, ok := limit.Park(); ok {
					t.Error("something is left")
				}
			})
		})
	}
}

// A silent context has ended and says no error: package context panics at that in a goroutine of its own.
type silent struct {
	context.Context
	done chan struct{}
}

func (s silent) Done() <-chan struct{} { return s.done }

// Whatever the wait comes to, and whenever the context ends, there is no deadline afterwards, and none comes.
func TestNoDeadlineIsLeftBehind(t *testing.T) {
	for range proof.Rounds(20_000, 10, 4) {
		s := newSocket()
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		_ = netwait.Until(ctx).Do(s.setDeadline, func() error { return nil })
		s.guard.Lock()
		sets, deadline := s.sets, s.deadline
		s.guard.Unlock()
		if !deadline.IsZero() || sets%2 != 0 {
			t.Fatal(sets, deadline)
		}
	}
	func() {
		s := newSocket()
		defer func() {
			if recover() == nil || !s.deadline.IsZero() || s.sets != 2 {
				t.Error(s.deadline, s.sets)
			}
		}()
		_ = netwait.After(time.Hour).Do(s.setDeadline, func() error { panic("x") })
	}()
}

func TestADeadlineThatCannotBeSetIsAnError(t *testing.T) {
	why := errors.New("why")
	err := netwait.After(time.Hour).Do(func(time.Time) error { return why }, func() error { t.Error("it waits"); return nil })
	if err != why {
		t.Error(err)
	}
}

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := func(limit netwait.Limit, d, want time.Duration) {
			t.Helper()
			soon, release := limit.Within(d)
			defer release()
			start := time.Now()
			for !soon.Reached() {
				time.Sleep(time.Second)
			}
			if passed := time.Since(start); passed != want {
				t.Errorf("%v, want %v", passed, want)
			}
		}
		// It is looked at each second.
		const short, long, seen = 2500 * time.Millisecond, 5500 * time.Millisecond, 3 * time.Second
		check(netwait.Forever, short, seen)
		check(netwait.After(short), long, seen)
		check(netwait.After(long), short, seen)
		check(netwait.Until(t.Context()), short, seen)
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		check(netwait.Until(ctx), long, seen)
		s := silent{context.Background(), make(chan struct{})}
		soon, release := netwait.Until(s).Within(time.Hour)
		defer release()
		close(s.done)
		synctest.Wait()
		if !soon.Reached() {
			t.Error("the end of a context goes unnoticed")
		}
	})
}

func TestAfterFuncHasRunOrNeverWill(t *testing.T) {
	for range 1000 {
		ctx, cancel := context.WithCancel(context.Background())
		ran := false
		stop := netwait.AfterFunc(ctx, func() { ran = true })
		go cancel()
		if stopped := stop(); stopped == ran {
			t.Fatal(stopped, ran)
		}
	}
}
