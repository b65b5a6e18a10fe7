package coroutine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/thread"
)

type (
	told = coroutine.Generator[struct{}, string]
	tell = coroutine.Yield[struct{}, string]
)

// nested returns a generator that resumes one that resumes one that … asks.
func nested(depth int, ask func() string) *told {
	return coroutine.New(func(yield tell) error {
		inner := (*told)(nil)
		if depth > 0 {
			inner = nested(depth-1, ask)
			defer inner.Close()
		}
		for {
			var says string
			if depth == 0 {
				says = ask()
			} else {
				says, _ = inner.Next()
			}
			if _, err := yield(says); err != nil {
				return err
			}
		}
	})
}

func TestInsideIsWhoeverResumes(t *testing.T) {
	var local thread.Local[string]
	for depth := range 4 {
		g := nested(depth, func() string {
			mine, _ := local.Lookup()
			local.Set(mine + "+")
			return fmt.Sprint(thread.Current().Name(), " ", thread.Current().Ident(), " ", mine)
		})
		for _, name := range []string{"one", "two", "three"} {
			thread.Go(func() {
				local.Set(name)
				for _, suffix := range []string{"", "+", "++"} {
					v, err := g.Next()
					if want := fmt.Sprint(name, " ", thread.Current().Ident(), " ", name, suffix); v != want || err != nil {
						t.Errorf("depth %d: %q, %v; want %q", depth, v, err, want)
					}
				}
				if v := local.Get(); v != name+"+++" {
					t.Errorf("depth %d: the body's Set was not for the resumer: %q", depth, v)
				}
			}, thread.Name(name)).Join()
		}
		_ = g.Close()
	}
}

// Also where one delegates to another, and somebody else resumes in between.
func TestInsideIsWhoeverResumesByEveryWay(t *testing.T) {
	for way := range ways {
		t.Run(way, func(t *testing.T) {
			g := nest(t, way, func(yield asks) error {
				for {
					if _, err := yield(int(thread.Current().Ident())); err != nil {
						return err
					}
				}
			})
			defer g.Close()
			for range 3 {
				thread.Go(func() {
					for range 2 {
						v, err := g.Next()
						want(t, v, err, int(thread.Current().Ident()), nil)
					}
				}).Join()
			}
		})
	}
}

func TestTheMainThreadIsTheMainThreadInside(t *testing.T) {
	g := started(t, counting)
	main := thread.Current().Ident()
	inside := coroutine.New(func(yield coroutine.Yield[struct{}, uint64]) error {
		_, _ = yield(thread.Current().Ident())
		var wg sync.WaitGroup
		wg.Go(func() {
			if thread.Current().Ident() == main {
				t.Error("a goroutine that a body has started acts for the resumer")
			}
		})
		wg.Wait()
		next, stop := iter.Pull(func(yield func(uint64) bool) { yield(thread.Current().Ident()) })
		defer stop()
		if id, _ := next(); id == main {
			t.Error("the function of an iter.Pull acts for the resumer: then this must be said, it was not so")
		}
		return nil
	})
	id, err := inside.Next()
	want(t, id, err, main, nil)
	_, err = inside.Next()
	want(t, 0, err, 0, coroutine.ErrDone)
	_ = g
}

// A Thread that a body starts has the resumer for its creator, and joining the resumer would wait for oneself.
func TestThreadsOfABody(t *testing.T) {
	var resumer *thread.Thread
	resumer = thread.New(func() {
		g := coroutine.New(func(yield asks) error {
			if p := proof.Recovered(resumer.Join); p != thread.ErrJoinSelf {
				t.Errorf("Join of the resumer panicked with %v", p)
			}
			child := thread.New(func() {})
			if child.Daemon() {
				t.Error("the child is a daemon, the resumer is not")
			}
			child.Start()
			child.Join()
			thread.Current().SetName("renamed")
			return nil
		})
		_, _ = g.Next()
		if thread.Current().Name() != "renamed" {
			t.Error("SetName in a body was for somebody else")
		}
	}, thread.Daemon(false))
	resumer.Start()
	resumer.Join()
	if err := resumer.Err(); err != nil {
		t.Error(err)
	}
}

// The levels of an RLock are the resumer's, whether it locked or the body did, and stay when the body yields.
func TestTheOwnerOfAnRLockIsWhoeverResumes(t *testing.T) {
	for depth := range 3 {
		var r rlock.RLock
		step := 0
		g := nested(depth, func() string {
			switch step++; step {
			case 1:
				if !r.Owned() || r.Depth() != 1 {
					t.Errorf("the body sees depth %d, want the resumer's, 1", r.Depth())
				}
				r.Lock() // and does not unlock
			case 2:
				r.Unlock()
				r.Unlock()
			case 3:
				if p := proof.Recovered(r.Unlock); p != rlock.ErrNotOwner {
					t.Errorf("unlock of somebody else's lock panicked with %v", p)
				}
				if r.TryLock() || !r.Locked() || r.Owned() || r.Depth() != 0 {
					t.Error("the lock of one resumer is open to another")
				}
			}
			return ""
		})
		r.Lock()
		_, _ = g.Next()
		if r.Depth() != 2 {
			t.Errorf("after an unbalanced yield the resumer has depth %d, want 2", r.Depth())
		}
		_, _ = g.Next()
		if r.Locked() {
			t.Error("the body's Unlocks were not for the resumer")
		}
		r.Lock()
		thread.Go(func() { _, _ = g.Next() }).Join()
		r.Unlock()
		_ = g.Close()
	}
}

func TestAConditionInsideAGenerator(t *testing.T) {
	var c condition.Condition
	ready := false
	g := coroutine.New(func(yield asks) error {
		c.Lock()
		defer c.Unlock()
		c.WaitFor(func() bool { return ready })
		_, err := yield(1)
		return err
	})
	c.Lock() // so that the wait has two levels to release and to restore, one of each
	waker := thread.Go(func() {
		c.Lock()
		defer c.Unlock()
		ready = true
		c.NotifyAll()
	})
	v, err := g.Next()
	want(t, v, err, 1, nil)
	waker.Join()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	c.Unlock()
	if p := proof.Recovered(c.Unlock); p == nil {
		t.Error("a level was left")
	}
}

// A task of a pool of one whose generator waits for another task of that pool: it lends its slot, or waits for ever.
func TestAGeneratorInATaskLendsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(1)
		defer p.Shutdown()
		v, err := pool.Apply(p, func(context.Context) (string, error) {
			g := nested(2, func() string {
				v, err := pool.Apply(p, func(context.Context) (string, error) { return "lent", nil })
				return fmt.Sprint(v, err)
			})
			defer g.Close()
			first, _ := g.Next()
			second, err := g.Next()
			return first + second, err
		})
		want(t, v, err, "lent<nil>lent<nil>", nil)
	})
}

// One generator, resumed by one worker after the other: each lends its own slot.
func TestAGeneratorThatGoesFromWorkerToWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q := pool.New(1, pool.Name("p")), pool.New(1, pool.Name("q"))
		defer p.Shutdown()
		defer q.Shutdown()
		here := p
		g := nested(1, func() string {
			name, _ := pool.Apply(here, func(context.Context) (string, error) { return thread.Current().Name(), nil })
			return name
		})
		defer g.Close()
		for _, here = range []*pool.Pool{p, q, p, q} {
			if _, err := pool.Apply(here, func(context.Context) (string, error) { return g.Next() }); err != nil {
				t.Error(err)
			}
		}
		for _, p := range []*pool.Pool{p, q} {
			if s := p.Stats(); s.Lent != 0 || s.Running != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// Two goroutines resume one generator by turns, which locks an RLock on the way; nobody is ever taken for the other.
func TestNobodyIsTakenForAnother(t *testing.T) {
	const rounds = 2000
	var r rlock.RLock
	inside := 0
	g := nested(1, func() string {
		r.Lock()
		defer r.Unlock()
		if inside++; inside != 1 {
			t.Error("two inside")
		}
		inside--
		return fmt.Sprint(thread.Current().Ident())
	})
	defer g.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			me := fmt.Sprint(thread.Current().Ident())
			for range rounds {
				func() {
					defer func() {
						if p := recover(); p != nil && p != coroutine.ErrRunning {
							t.Error(p)
						}
					}()
					r.Lock()
					defer r.Unlock()
					if v, err := g.Next(); v != me || err != nil {
						t.Errorf("%q, %v; want %q", v, err, me)
					}
				}()
			}
		})
	}
	wg.Wait()
}

func TestAWaitInABodyCanGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rlock.RLock
		free := make(chan struct{})
		holder := thread.Go(func() { r.Lock(); <-free; r.Unlock() })
		synctest.Wait()
		g := coroutine.New(func(yield coroutine.Yield[struct{}, bool]) error {
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err := r.LockContext(ctx)
				cancel()
				if _, err := yield(errors.Is(err, context.DeadlineExceeded)); err != nil {
					return err
				}
			}
		})
		defer g.Close()
		began := time.Now()
		v, err := g.Next()
		want(t, v, err, true, nil)
		if took := time.Since(began); took != time.Second {
			t.Error("took", took)
		}
		close(free)
		holder.Join()
	})
}
