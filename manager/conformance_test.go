package manager_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/managertest"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
)

// The cases of CPython's test_multiprocessing_spawn/test_manager.py, each under its number in the list of cases and
// CPython's name for it. A child of theirs is a Manager of its own here, a session over the socket; what is said of one
// that dies is shown with real processes in kill_test.go. Instead of fractions of a second it waits for what is waited for.
func TestCPythonManagers(t *testing.T) {
	server := started(t)
	world := managertest.World{Open: func(t testing.TB, opts ...manager.Option) *manager.Manager { return opened(t, server.Addr(), opts...) }}
	const brief = time.Millisecond

	t.Run("MG01 test_put", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			q, child := manager.NewQueue[int](a, s.Name("q"), 6), manager.NewQueue[int](b, s.Name("q"), 6)
			s.Ok(q.Put(1), q.PutTimeout(2, time.Hour), q.PutContext(background, 3), q.TryPut(4), q.PutTimeout(5, 0), q.Put(6))
			s.True("full", q.Full() && child.Full() && !q.Empty())
			for _, err := range []error{q.TryPut(7), q.PutTimeout(7, 0), q.PutTimeout(7, -1), q.PutTimeout(7, brief)} {
				s.Is(err, queue.ErrFull)
			}
			for want := 1; want <= 6; want++ {
				managertest.Equal(s, managertest.Got[int](s)(child.Get()), want)
			}
			s.True("empty", q.Empty() && !q.Full())
		})
	})
	t.Run("MG02 test_get", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			q, child := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
			for n := 2; n <= 5; n++ {
				s.Ok(child.Put(n))
			}
			s.True("not empty", !q.Empty())
			got := managertest.Got[int](s)
			managertest.Equal(s, []int{got(q.Get()), got(q.GetTimeout(time.Hour)), got(q.GetContext(background)), got(q.TryGet())}, []int{2, 3, 4, 5})
			s.True("empty", q.Empty() && child.Empty())
			for _, get := range []func() (int, error){q.TryGet, func() (int, error) { return q.GetTimeout(0) }, func() (int, error) { return q.GetTimeout(brief) }} {
				_, err := get()
				s.Is(err, queue.ErrEmpty)
			}
		})
	})
	t.Run("MG03 test_fork", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			q := manager.NewQueue[int](a, s.Name("q"), 0)
			for i := range 10 {
				s.Ok(q.Put(i))
			}
			for i := range 10 {
				s.Ok(manager.NewQueue[int](b, s.Name("q"), 0).Put(i + 10))
			}
			for i := range 20 {
				managertest.Equal(s, managertest.Got[int](s)(q.Get()), i)
			}
		})
	})
	t.Run("MG04 test_qsize", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			q := manager.NewQueue[int](s.Manager(), s.Name("q"), 0)
			sizes := []int{q.Len()}
			s.Ok(q.Put(1))
			sizes = append(sizes, q.Len())
			s.Ok(q.Put(5))
			sizes = append(sizes, q.Len())
			managertest.Got[int](s)(q.Get())
			sizes = append(sizes, q.Len())
			managertest.Got[int](s)(q.TryGet())
			managertest.Equal(s, append(sizes, q.Len()), []int{0, 1, 2, 1, 0})
		})
	})
	t.Run("MG05 test_task_done", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			q := manager.NewQueue[int](s.Manager(), s.Name("q"), 0, manager.Joinable())
			var done atomic.Int32
			var workers []<-chan struct{}
			for range 4 {
				m := s.Manager()
				workers = append(workers, s.Go(func() {
					q := manager.NewQueue[int](m, s.Name("q"), 0, manager.Joinable())
					for {
						n, err := q.Get()
						s.Ok(err)
						if n < 0 {
							q.TaskDone()
							return
						}
						done.Add(1)
						q.TaskDone()
					}
				}))
			}
			for i := range 10 {
				s.Ok(q.Put(i))
			}
			q.Join()
			managertest.Equal(s, done.Load(), 10)
			for range workers {
				s.Ok(q.Put(-1))
			}
			for _, w := range workers {
				<-w
			}
		})
	})
	t.Run("MG07 test_timeout", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			began := time.Now()
			_, err := manager.NewQueue[int](s.Manager(), s.Name("q"), 0).GetTimeout(20 * time.Millisecond)
			s.Is(err, queue.ErrEmpty)
			s.True("not before", time.Since(began) >= 20*time.Millisecond)
		})
	})
	t.Run("MG08 test_queue_feeder_donot_stop_onexc", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			q := manager.NewQueue[any](s.Manager(), s.Name("q"), 1)
			if err := q.Put(func() {}); err == nil {
				s.Error("a function was put")
			}
			s.Ok(q.TryPut(true)) // the place is free
			managertest.Equal(s, managertest.Got[any](s)(q.Get()), true)
		})
	})
	t.Run("MG11 test_closed_queue_put_get_exceptions", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			manager.NewQueue[int](a, s.Name("q"), 0).Shutdown()
			q := manager.NewQueue[int](b, s.Name("q"), 0)
			s.Is(q.Put(1), queue.ErrShutdown)
			_, err := q.Get()
			s.Is(err, queue.ErrShutdown)
		})
	})

	t.Run("MG12 test_lock", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			l := a.Lock(s.Name("l"))
			s.True("acquired", l.TryLock(), "not again", !l.TryLock() && !b.Lock(s.Name("l")).TryLock())
			l.Unlock()
			s.Panics(lock.ErrNotLocked, l.Unlock)
		})
	})
	t.Run("MG13 test_rlock", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			r := s.Manager().RLock(s.Name("r"))
			for range 3 {
				s.True("acquired", r.TryLock())
			}
			for range 3 {
				r.Unlock()
			}
			s.Panics(rlock.ErrNotOwner, r.Unlock)
		})
	})
	t.Run("MG14 test_lock_context", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			l := s.Manager().Lock(s.Name("l"))
			s.Ok(l.With(background, func(context.Context) error { s.True("held", l.Locked()); return nil }))
			s.True("released", !l.Locked())
		})
	})

	t.Run("MG15 test_semaphore", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			sem := s.Manager().Semaphore(s.Name("s"), 2)
			values := []int{sem.Value()}
			for range 2 {
				sem.Acquire()
				values = append(values, sem.Value())
			}
			s.True("none", !sem.TryAcquire())
			for range 4 {
				sem.Release()
				values = append(values, sem.Value())
			}
			managertest.Equal(s, values, []int{2, 1, 0, 1, 2, 3, 4})
		})
	})
	t.Run("MG16 test_bounded_semaphore", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			sem := s.Manager().BoundedSemaphore(s.Name("s"), 2)
			sem.AcquireN(2)
			sem.ReleaseN(2)
			s.Panics(semaphore.ErrOverRelease, sem.Release)
			managertest.Equal(s, sem.Value(), 2)
		})
	})
	t.Run("MG17 test_timeout", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			sem := s.Manager().Semaphore(s.Name("s"), 0)
			s.True("no permit", !sem.TryAcquire() && !sem.AcquireTimeout(0) && !sem.AcquireTimeout(-1) && !sem.AcquireTimeout(brief))
			ctx, cancel := context.WithTimeout(background, brief)
			defer cancel()
			s.Is(sem.AcquireContext(ctx), context.DeadlineExceeded)
		})
	})

	// sleepers wait on a condition, each in a session of its own, and count.
	sleepers := func(s *managertest.S, n int, wait func(c *manager.Condition)) (woken *atomic.Int32) {
		woken = new(atomic.Int32)
		for range n {
			m := s.Manager()
			s.Go(func() {
				c := m.Condition(s.Name("c"), nil)
				c.Lock()
				defer c.Unlock()
				wait(c)
				woken.Add(1)
			})
		}
		s.Waiting(s.Manager(), manager.KindCondition, s.Name("c"), n)
		return woken
	}
	notify := func(s *managertest.S, n int) int {
		c := s.Manager().Condition(s.Name("c"), nil)
		c.Lock()
		defer c.Unlock()
		return managertest.Got[int](s)(c.NotifyContext(background, n))
	}
	t.Run("MG18 test_notify", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			woken := sleepers(s, 2, (*manager.Condition).Wait)
			for n := range int32(2) {
				managertest.Equal(s, notify(s, 1), 1)
				s.Until(func() bool { return woken.Load() == n+1 })
			}
		})
	})
	t.Run("MG19 test_notify_all", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			m := s.Manager()
			var timedOut []<-chan struct{}
			for range 6 {
				timedOut = append(timedOut, s.Go(func() {
					c := m.Condition(s.Name("c"), nil)
					c.Lock()
					defer c.Unlock()
					s.True("timed out", !c.WaitTimeout(brief))
				}))
			}
			for _, ended := range timedOut {
				<-ended
			}
			woken := sleepers(s, 6, (*manager.Condition).Wait)
			managertest.Equal(s, notify(s, 100), 6)
			s.Until(func() bool { return woken.Load() == 6 })
		})
	})
	t.Run("MG20 test_notify_n", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			woken := sleepers(s, 6, (*manager.Condition).Wait)
			for _, c := range [][3]int{{1, 1, 1}, {2, 2, 3}, {4, 3, 6}, {3, 0, 6}} {
				managertest.Equal(s, notify(s, c[0]), c[1])
				s.Until(func() bool { return int(woken.Load()) == c[2] })
			}
		})
	})
	t.Run("MG21 test_timeout", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			c := s.Manager().Condition(s.Name("c"), nil)
			c.Lock()
			defer c.Unlock()
			s.True("timed out", !c.WaitTimeout(brief))
		})
	})
	t.Run("MG22 test_waitfor", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			state := manager.NewValue[int](a, s.Name("v"))
			s.Ok(state.Set(background, -1))
			mine := manager.NewValue[int](b, s.Name("v"))
			child := s.Go(func() {
				c := b.Condition(s.Name("c"), nil)
				c.Lock()
				defer c.Unlock()
				s.Ok(mine.Set(background, 0))
				c.NotifyAll()
				c.WaitFor(func() bool { return managertest.Got[int](s)(mine.Get(background)) == 4 })
			})
			c := a.Condition(s.Name("c"), nil)
			c.Lock()
			c.WaitFor(func() bool { return managertest.Got[int](s)(state.Get(background)) == 0 })
			c.Unlock()
			for range 4 {
				c.Lock()
				_, err := state.Update(background, func(n int) (int, error) { return n + 1, nil })
				s.Ok(err)
				c.Notify(1)
				c.Unlock()
			}
			<-child
		})
	})
	t.Run("MG23 test_waitfor_timeout", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			ended := s.Go(func() {
				c := a.Condition(s.Name("c"), nil)
				c.Lock()
				defer c.Unlock()
				began := time.Now()
				s.True("false", !c.WaitForTimeout(func() bool { return false }, 30*time.Millisecond))
				s.True("not before", time.Since(began) >= 30*time.Millisecond)
			})
			for !managertest.IsClosed(ended) {
				c := b.Condition(s.Name("c"), nil)
				c.Lock()
				c.Notify(1)
				c.Unlock()
			}
		})
	})
	t.Run("MG24 test_wait_result", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			c := s.Manager().Condition(s.Name("c"), nil)
			c.Lock()
			s.True("0", !c.WaitTimeout(0), "time", !c.WaitTimeout(brief))
			c.Unlock()
			woken := sleepers(s, 1, func(c *manager.Condition) { s.True("notified", c.WaitTimeout(time.Hour)) })
			notify(s, 1)
			s.Until(func() bool { return woken.Load() == 1 })
		})
	})

	t.Run("MG25 test_event", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			e := a.Event(s.Name("e"))
			s.True("clear", !e.IsSet() && !e.WaitTimeout(0) && !e.WaitTimeout(brief))
			e.Set()
			s.True("set", e.IsSet() && e.WaitTimeout(0) && e.WaitTimeout(time.Hour))
			e.Clear()
			s.True("clear", !e.IsSet())
			child := s.Go(b.Event(s.Name("e")).Set)
			s.True("set by the child", e.WaitTimeout(time.Hour))
			<-child
		})
	})

	// parties meet at barriers, each in a session of its own.
	parties := func(s *managertest.S, f func(m *manager.Manager, b func(name string) *manager.Barrier)) {
		const n = 5
		var ended []<-chan struct{}
		for range n {
			m := s.Manager()
			ended = append(ended, s.Go(func() {
				f(m, func(name string) *manager.Barrier { return m.Barrier(s.Name(name), n, nil) })
			}))
		}
		for _, e := range ended {
			<-e
		}
	}
	phases := func(s *managertest.S, rounds int) {
		parties(s, func(m *manager.Manager, b func(string) *manager.Barrier) {
			for i := range rounds {
				before, after := m.Counter(s.Name(fmt.Sprint("before", i))), m.Counter(s.Name(fmt.Sprint("after", i)))
				managertest.Got[int64](s)(before.Add(background, 1))
				managertest.Got[int](s)(b("b").Wait())
				managertest.Equal(s, managertest.Got[int64](s)(before.Get(background)), 5)
				managertest.Got[int64](s)(after.Add(background, 1))
				managertest.Got[int](s)(b("b").Wait())
				managertest.Equal(s, managertest.Got[int64](s)(after.Get(background)), 5)
			}
		})
	}
	t.Run("MG27 test_barrier", func(t *testing.T) { managertest.Do(t, world, func(s *managertest.S) { phases(s, 1) }) })
	t.Run("MG28 test_barrier_10", func(t *testing.T) { managertest.Do(t, world, func(s *managertest.S) { phases(s, 10) }) })
	t.Run("MG29 test_wait_return", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			var first atomic.Int32
			parties(s, func(m *manager.Manager, b func(string) *manager.Barrier) {
				if managertest.Got[int](s)(b("b").Wait()) == 0 {
					first.Add(1)
				}
			})
			managertest.Equal(s, first.Load(), 1)
		})
	})
	t.Run("MG30 test_action", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			parties(s, func(m *manager.Manager, _ func(string) *manager.Barrier) {
				count := m.Counter(s.Name("actions"))
				b := m.Barrier(s.Name("acting"), 5, func() { managertest.Got[int64](s)(count.Add(background, 1)) })
				managertest.Got[int](s)(b.Wait())
				managertest.Equal(s, managertest.Got[int64](s)(count.Get(background)), 1)
			})
		})
	})
	t.Run("MG31 test_abort", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			var broken atomic.Int32
			parties(s, func(m *manager.Manager, b func(string) *manager.Barrier) {
				i, err := b("b").Wait()
				if err == nil && i == 2 {
					b("b").Abort()
				}
				if _, err := b("b").Wait(); errors.Is(err, barrier.ErrBroken) {
					broken.Add(1)
				}
			})
			managertest.Equal(s, broken.Load(), 5)
			s.True("stays so", s.Manager().Barrier(s.Name("b"), 5, nil).Broken())
		})
	})
	reset := func(s *managertest.S, how func(b *manager.Barrier)) {
		var broken atomic.Int32
		parties(s, func(m *manager.Manager, b func(string) *manager.Barrier) {
			if managertest.Got[int](s)(b("first").Wait()) == 2 {
				s.Until(func() bool { return b("b").Waiting() == 4 })
				how(b("b"))
			} else if _, err := b("b").Wait(); errors.Is(err, barrier.ErrBroken) {
				broken.Add(1)
			}
			if managertest.Got[int](s)(b("second").Wait()) == 0 {
				b("b").Reset()
			}
			managertest.Got[int](s)(b("third").Wait())
			managertest.Got[int](s)(b("b").Wait()) // works again
		})
		managertest.Equal(s, broken.Load(), 4)
	}
	t.Run("MG32 test_reset", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) { reset(s, (*manager.Barrier).Reset) })
	})
	t.Run("MG33 test_abort_and_reset", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) { reset(s, (*manager.Barrier).Abort) })
	})
	t.Run("MG34 test_timeout", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			var broken atomic.Int32
			parties(s, func(m *manager.Manager, b func(string) *manager.Barrier) {
				if managertest.Got[int](s)(b("first").Wait()) == 2 {
					s.Until(b("b").Broken) // late
				}
				if _, err := b("b").WaitTimeout(20 * time.Millisecond); errors.Is(err, barrier.ErrBroken) {
					broken.Add(1)
				}
			})
			managertest.Equal(s, broken.Load(), 5)
		})
	})
	t.Run("MG36 test_single_thread", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			b := s.Manager().Barrier(s.Name("b"), 1, nil)
			for range 2 {
				managertest.Equal(s, managertest.Got[int](s)(b.Wait()), 0)
			}
		})
	})

	all := func(s *managertest.S, l *manager.List[int]) (values []int) {
		for v, err := range l.All(background) {
			s.Ok(err)
			values = append(values, v)
		}
		return values
	}
	t.Run("MG37 test_list", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			l, child := manager.NewList[int](a, s.Name("l")), manager.NewList[int](b, s.Name("l"))
			s.Ok(l.Append(background, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
			managertest.Equal(s, managertest.Got[int](s)(child.Get(background, 5)), 5)
			s.Ok(child.Append(background, 10, 11))
			doubled, err := l.Update(background, func(xs []int) ([]int, error) { return append(xs[2:], xs[2:]...), nil })
			s.Ok(err)
			managertest.Equal(s, all(s, child), doubled)
		})
	})
	t.Run("MG38 test_list_iter", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			l := manager.NewList[int](s.Manager(), s.Name("l"))
			s.Ok(l.Append(background, 0, 1, 2))
			managertest.Equal(s, all(s, l), []int{0, 1, 2})
			s.Ok(l.Set(background, 0, 100))
			managertest.Equal(s, all(s, l), []int{100, 1, 2}) // a new loop sees the change
		})
	})
	t.Run("MG39 test_list_proxy_in_list", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			outer := manager.NewList[string](a, s.Name("outer"))
			for i := range 10 {
				inner := manager.NewList[int](a, "")
				s.Ok(inner.Append(background, i), outer.Append(background, inner.Name()))
			}
			name := managertest.Got[string](s)(manager.NewList[string](b, s.Name("outer")).Get(background, -1))
			s.Ok(manager.NewList[int](b, name).Append(background, 55))
			managertest.Equal(s, all(s, manager.NewList[int](a, name)), []int{9, 55})
			first := managertest.Got[string](s)(outer.Get(background, 0))
			managertest.Equal(s, all(s, manager.NewList[int](a, first)), []int{0})
		})
	})
	t.Run("MG40 test_dict", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			d := manager.NewDict[int, string](a, s.Name("d"))
			for i := 65; i < 70; i++ {
				s.Ok(d.Set(background, i, string(rune(i))))
			}
			got := map[int]string{}
			for e, err := range manager.NewDict[int, string](b, s.Name("d")).All(background) {
				s.Ok(err)
				got[e.Key] = e.Value
			}
			managertest.Equal(s, slices.Sorted(maps.Keys(got)), []int{65, 66, 67, 68, 69})
			managertest.Equal(s, slices.Sorted(maps.Values(got)), []string{"A", "B", "C", "D", "E"})
			v, ok, err := d.Pop(background, 65)
			s.True("A", v == "A" && ok && err == nil)
			managertest.Equal(s, managertest.Got[int](s)(d.Len(background)), 4)
		})
	})
	t.Run("MG41 test_dict_iter", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			d := manager.NewDict[int, string](s.Manager(), s.Name("d"))
			for i := 65; i < 70; i++ {
				s.Ok(d.Set(background, i, string(rune(i))))
			}
			n := 0
			for e, err := range d.All(background) {
				s.Ok(err)
				s.True("its value", e.Value == string(rune(e.Key)))
				s.Ok(d.Clear(background)) // changes nothing for this loop
				n++
			}
			managertest.Equal(s, n, 5)
		})
	})
	t.Run("MG42 test_dict_proxy_nested", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			outer := manager.NewDict[string, string](a, s.Name("outer"))
			pets := manager.NewDict[string, int](a, "")
			s.Ok(pets.Set(background, "ferrets", 2), outer.Set(background, "pets", pets.Name()))
			name, _, err := manager.NewDict[string, string](b, s.Name("outer")).Get(background, "pets")
			s.Ok(err)
			s.Ok(manager.NewDict[string, int](b, name).Set(background, "hamsters", 4))
			n, ok, err := pets.Get(background, "hamsters")
			s.True("4", n == 4 && ok && err == nil)
			plain := manager.NewDict[string, []int](a, s.Name("plain"))
			s.Ok(plain.Set(background, "l", []int{1}))
			l, _, _ := plain.Get(background, "l")
			_ = append(l, 2) // only a copy
			l, _, _ = plain.Get(background, "l")
			managertest.Equal(s, l, []int{1})
		})
	})
	t.Run("MG43 test_nested_queue", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			queues := manager.NewQueue[string](a, s.Name("queues"), 0)
			inner := manager.NewQueue[string](a, "", 0)
			s.Ok(queues.Put(inner.Name()), inner.Put("through both"))
			name := managertest.Got[string](s)(manager.NewQueue[string](b, s.Name("queues"), 0).Get())
			managertest.Equal(s, managertest.Got[string](s)(manager.NewQueue[string](b, name, 0).Get()), "through both")
		})
	})
	t.Run("MG44 test_namespace", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			n := a.Namespace(s.Name("n"))
			name, job := manager.Attr[string](n, "name"), manager.Attr[string](n, "job")
			s.Ok(name.Set(background, "Bob"), job.Set(background, "Builder"))
			managertest.Equal(s, managertest.Got[string](s)(manager.Attr[string](b.Namespace(s.Name("n")), "name").Get(background)), "Bob")
			s.Ok(b.Delete(background, manager.KindValue, job.Name()))
			_, rev, err := job.Load(background)
			s.True("deleted", rev == manager.Rev{} && err == nil)
		})
	})

	my := func(s *managertest.S, m *manager.Manager) {
		foo := foos.Open(m, s.Name("foo"))
		managertest.Equal(s, managertest.Got[string](s)(fooF.Call(background, foo, struct{}{})), "f()")
		_, err := fooG.Call(background, foo, struct{}{})
		var remote *manager.RemoteError
		s.True("its error", errors.As(err, &remote) && remote.Type == "*manager_test.valueError" && err.Error() == "g()")
		_, err = fooP.Call(background, foo, struct{}{})
		s.True("its panic", errors.As(err, new(*thread.PanicError)))
	}
	t.Run("MG61 test_mymanager", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			m := started(s.T)
			my(s, m)
			my(s, opened(s.T, m.Addr()))
			s.Ok(m.Close())
		})
	})
	t.Run("MG62 test_mymanager_context", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			m := func() *manager.Manager {
				m, err := manager.Start()
				s.Ok(err)
				defer m.Close()
				my(s, m)
				return m
			}()
			s.Is(m.Event("e").SetContext(background), manager.ErrClosed)
		})
	})
	t.Run("MG64 test_remote", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			l, addr := socket(s.T)
			m := opened(s.T, "mem:")
			ctx, cancel := context.WithCancel(background)
			served := s.Go(func() { s.Is(m.Serve(ctx, l), context.Canceled) })
			a, b := opened(s.T, addr), opened(s.T, addr)
			hello := []string{"hello world", "true", "2.25", "hallå världen", "привет свет"}
			for _, h := range hello {
				s.Ok(manager.NewQueue[string](a, "queue", 0).Put(h))
			}
			for _, h := range hello {
				managertest.Equal(s, managertest.Got[string](s)(manager.NewQueue[string](b, "queue", 0).Get()), h)
			}
			s.Ok(a.Close(), b.Close())
			cancel()
			<-served
			s.Ok(m.Close())
		})
	})
	t.Run("MG65 test_rapid_restart", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			l, addr := socket(s.T)
			for i := range 3 {
				if i > 0 {
					var err error
					l, err = net.Listen("unix", strings.TrimPrefix(addr, "unix:"))
					s.Ok(err)
				}
				m := opened(s.T, "mem:")
				served := s.Go(func() { s.Is(m.Serve(background, l), manager.ErrClosed) })
				c := opened(s.T, addr)
				s.Ok(manager.NewQueue[string](c, "q", 0).Put("hello"), m.Close())
				<-served
				s.Ok(c.Close())
			}
		})
	})

	t.Run("MG69 test_event", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			a.Event(s.Name("e")).Set()
			b.Event(s.Name("e")).Wait()
			b.Event(s.Name("e")).Clear()
			s.True("cleared", !a.Event(s.Name("e")).IsSet())
		})
	})
	t.Run("MG72 test_semaphore", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			b.Semaphore(s.Name("s"), 1).Acquire()
			a.Semaphore(s.Name("s"), 1).Release()
			managertest.Equal(s, a.Semaphore(s.Name("s"), 1).Value(), 1)
		})
	})
	t.Run("MG73 test_bounded_semaphore", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			b.BoundedSemaphore(s.Name("s"), 1).Acquire()
			a.BoundedSemaphore(s.Name("s"), 1).Release()
			managertest.Equal(s, a.BoundedSemaphore(s.Name("s"), 1).Value(), 1)
		})
	})
	t.Run("MG74 test_condition", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			for _, m := range []*manager.Manager{b, a} {
				c := m.Condition(s.Name("c"), nil)
				c.Lock()
				c.Unlock()
			}
		})
	})
	t.Run("MG75 test_barrier", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			b := s.Manager().Barrier(s.Name("b"), 5, nil)
			managertest.Equal(s, b.Parties(), 5)
			b.Reset()
		})
	})
	for name, opts := range map[string][]manager.QueueOption{"MG77 test_queue": nil, "MG78 test_joinable_queue": {manager.Joinable()}} {
		t.Run(name, func(t *testing.T) {
			managertest.Do(t, world, func(s *managertest.S) {
				a, b := s.Two()
				q, child := manager.NewQueue[int](a, s.Name("q"), 2, opts...), manager.NewQueue[int](b, s.Name("q"), 2, opts...)
				s.Ok(q.Put(1), q.Put(2))
				s.True("2", child.Len() == 2 && child.Full() && !child.Empty())
				managertest.Equal(s, managertest.Got[int](s)(child.Get()), 1)
				managertest.Equal(s, managertest.Got[int](s)(child.Get()), 2)
				s.True("0", q.Empty())
			})
		})
	}
	t.Run("MG79 test_list", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			l, child := manager.NewList[int](a, s.Name("l")), manager.NewList[int](b, s.Name("l"))
			s.Ok(l.Append(background, 7, 8, 9))
			xs := all(s, child)
			s.True("index and count", slices.Index(xs, 8) == 1 && len(xs) == 3)
			_, err := child.Update(background, func(xs []int) ([]int, error) { slices.Reverse(xs); return xs, nil })
			s.Ok(err)
			managertest.Equal(s, all(s, l), []int{9, 8, 7})
			_, err = child.Update(background, func(xs []int) ([]int, error) { slices.Sort(xs); return xs, nil })
			s.Ok(err)
			managertest.Equal(s, managertest.Got[int](s)(child.Pop(background, -1)), 9)
			managertest.Equal(s, all(s, l), []int{7, 8})
		})
	})
	t.Run("MG80 test_dict", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			d, child := manager.NewDict[string, int](a, s.Name("d")), manager.NewDict[string, int](b, s.Name("d"))
			s.Ok(d.Set(background, "foo", 5))
			n, ok, err := child.Get(background, "foo")
			s.True("5", n == 5 && ok && err == nil)
			for e, err := range child.All(background) {
				s.True("its only one", e.Key == "foo" && e.Value == 5 && err == nil)
			}
			n, ok, err = child.Pop(background, "foo")
			s.True("popped", n == 5 && ok && err == nil && managertest.Got[int](s)(d.Len(background)) == 0)
		})
	})
	t.Run("MG81 test_value", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			s.Ok(manager.NewValue[int](a, s.Name("v")).Set(background, 1))
			child := manager.NewValue[int](b, s.Name("v"))
			managertest.Equal(s, managertest.Got[int](s)(child.Get(background)), 1)
			s.Ok(child.Set(background, 2))
			managertest.Equal(s, managertest.Got[int](s)(manager.NewValue[int](a, s.Name("v")).Get(background)), 2)
		})
	})
	t.Run("MG82 test_array", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			arr := manager.NewArray[int](a, s.Name("a"), 2)
			s.Ok(arr.Set(background, 0, 0), arr.Set(background, 1, 1))
			child := manager.NewArray[int](b, s.Name("a"), 2)
			managertest.Equal(s, child.Len(), 2)
			managertest.Equal(s, managertest.Got[int](s)(child.Get(background, 1)), 1)
			next := 0
			for v, err := range child.All(background) {
				s.True("in order", v == next && err == nil)
				next++
			}
		})
	})
	t.Run("MX16 set proxies", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			set, child := manager.NewDict[string, struct{}](a, s.Name("s")), manager.NewDict[string, struct{}](b, s.Name("s"))
			for _, k := range []string{"x", "y", "x"} {
				s.Ok(child.Set(background, k, struct{}{}))
			}
			_, in, err := set.Get(background, "x")
			s.True("x is in it", in && err == nil && managertest.Got[int](s)(set.Len(background)) == 2)
			in, err = child.Delete(background, "x")
			s.True("removed", in && err == nil)
			in, err = child.Delete(background, "x")
			s.True("discarded", !in && err == nil)
			for e, err := range set.All(background) {
				s.True("y", e.Key == "y" && err == nil)
			}
		})
	})
	t.Run("MG83 test_namespace", func(t *testing.T) {
		managertest.Do(t, world, func(s *managertest.S) {
			a, b := s.Two()
			s.Ok(manager.Attr[int](a.Namespace(s.Name("n")), "x").Set(background, 0), manager.Attr[int](a.Namespace(s.Name("n")), "y").Set(background, 1))
			n := b.Namespace(s.Name("n"))
			s.True("both", managertest.Got[int](s)(manager.Attr[int](n, "x").Get(background)) == 0 && managertest.Got[int](s)(manager.Attr[int](n, "y").Get(background)) == 1)
		})
	})
}

type foo struct{}

type valueError struct{}

func (*valueError) Error() string { return "g()" }

var (
	foos = manager.Register("foo", func() *foo { return new(foo) })
	fooF = manager.Define(foos, "f", func(*foo, context.Context, struct{}) (string, error) { return "f()", nil })
	fooG = manager.Define(foos, "g", func(*foo, context.Context, struct{}) (string, error) { return "", &valueError{} })
	fooP = manager.Define(foos, "p", func(*foo, context.Context, struct{}) (string, error) { panic("p()") })
)
