package sched_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/sched"
)

// The cases of CPython's test_sched.py. Its Timer, whose time is advanced by the test, is a bubble's clock.
func TestConformance(t *testing.T) {
	tenths := func(x int) time.Duration { return time.Duration(x) * 100 * time.Millisecond }
	empty := func(t *testing.T, q *queue.Queue[int]) {
		t.Helper()
		synctest.Wait()
		if n, err := q.TryGet(); err == nil {
			t.Errorf("%d was called, and nothing was due", n)
		}
	}
	get := func(t *testing.T, q *queue.Queue[int], want int) {
		t.Helper()
		if n, err := q.GetTimeout(time.Second / 2); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	bubble := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}

	bubble("SD01 test_enter", func(t *testing.T) {
		var (
			l []int
			s sched.Scheduler
		)
		for _, x := range []int{5, 4, 3, 2, 1} {
			s.Enter(tenths(x), 1, func() { l = append(l, x) })
		}
		s.Run()
		if !slices.Equal(l, []int{1, 2, 3, 4, 5}) {
			t.Error(l)
		}
	})

	bubble("SD02 test_enterabs", func(t *testing.T) {
		var (
			l []int
			s sched.Scheduler
		)
		for _, x := range []int{5, 4, 3, 2, 1} {
			s.EnterAt(time.UnixMilli(int64(10*x)), 1, func() { l = append(l, x) })
		}
		s.Run()
		if !slices.Equal(l, []int{1, 2, 3, 4, 5}) {
			t.Error(l)
		}
	})

	bubble("SD03 test_enter_concurrent", func(t *testing.T) {
		var (
			q     queue.Queue[int]
			s     sched.Scheduler
			start = time.Now()
			done  = make(chan struct{})
		)
		enter := func(d time.Duration, x int) { s.Enter(d, 1, func() { _ = q.Put(x) }) }
		enter(1*time.Second, 1)
		enter(3*time.Second, 3)
		go func() {
			defer close(done)
			s.Run()
		}()
		time.Sleep(time.Second)
		get(t, &q, 1)
		empty(t, &q)
		for _, x := range []int{4, 5, 2} {
			enter(time.Duration(x-1)*time.Second, x)
		}
		time.Sleep(2 * time.Second)
		get(t, &q, 2)
		get(t, &q, 3)
		empty(t, &q)
		time.Sleep(time.Second)
		get(t, &q, 4)
		empty(t, &q)
		time.Sleep(time.Second)
		get(t, &q, 5)
		empty(t, &q)
		<-done
		empty(t, &q)
		if at := time.Since(start); at != 5*time.Second {
			t.Errorf("Run returned after %v", at)
		}
	})

	for _, c := range [][2][]int{
		{{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}},
		{{5, 4, 3, 2, 1}, {1, 2, 3, 4, 5}},
		{{2, 5, 3, 1, 4}, {1, 2, 3, 4, 5}},
		{{1, 2, 3, 2, 1}, {1, 1, 2, 2, 3}},
	} {
		t.Run("SD04 test_priority", func(t *testing.T) {
			var (
				l []int
				s sched.Scheduler
			)
			for _, priority := range c[0] {
				s.EnterAt(time.UnixMilli(10), priority, func() { l = append(l, priority) })
			}
			s.Run()
			if !slices.Equal(l, c[1]) || s.Len() != 0 {
				t.Errorf("%v: called %v, %d are left", c[0], l, s.Len())
			}
		})
	}

	bubble("SD05 test_cancel", func(t *testing.T) {
		var (
			l      []int
			s      sched.Scheduler
			now    = time.Now()
			events [6]*sched.Event
		)
		for x := 1; x <= 5; x++ {
			events[x] = s.EnterAt(now.Add(tenths(x)/10), 1, func() { l = append(l, x) })
		}
		if !s.Cancel(events[1]) || !s.Cancel(events[5]) {
			t.Error("Cancel was late")
		}
		s.Run()
		if !slices.Equal(l, []int{2, 3, 4}) {
			t.Error(l)
		}
	})

	bubble("SD06 test_cancel_concurrent", func(t *testing.T) {
		var (
			q      queue.Queue[int]
			s      sched.Scheduler
			now    = time.Now()
			events [6]*sched.Event
			done   = make(chan struct{})
		)
		for _, x := range []int{1, 2, 4, 5, 3} {
			events[x] = s.EnterAt(now.Add(time.Duration(x)*time.Second), 1, func() { _ = q.Put(x) })
		}
		go func() {
			defer close(done)
			s.Run()
		}()
		time.Sleep(time.Second)
		get(t, &q, 1)
		empty(t, &q)
		if !s.Cancel(events[2]) || !s.Cancel(events[5]) {
			t.Error("Cancel was late")
		}
		time.Sleep(time.Second)
		empty(t, &q)
		time.Sleep(time.Second)
		get(t, &q, 3)
		empty(t, &q)
		time.Sleep(time.Second)
		get(t, &q, 4)
		<-done
		empty(t, &q)
		if at := time.Since(now); at != 4*time.Second {
			t.Errorf("Run returned after %v", at)
		}
	})

	t.Run("SD07 test_cancel_correct_event", func(t *testing.T) {
		var (
			r record
			s sched.Scheduler
		)
		at := time.Unix(1, 0)
		s.EnterAt(at, 1, r.note("a"))
		b := s.EnterAt(at, 1, r.note("b"))
		s.EnterAt(at, 1, r.note("c"))
		s.Cancel(b)
		s.Run()
		r.want(t, "a", "c")
	})

	t.Run("SD08 test_empty", func(t *testing.T) {
		var s sched.Scheduler
		if s.Len() != 0 {
			t.Error("not empty before anything was entered")
		}
		for x := range 5 {
			s.EnterAt(time.UnixMilli(int64(50-10*x)), 1, func() {})
		}
		if s.Len() != 5 {
			t.Errorf("Len is %d, want 5", s.Len())
		}
		s.Run()
		if s.Len() != 0 {
			t.Error("not empty after Run")
		}
	})

	t.Run("SD09 test_queue", func(t *testing.T) {
		var (
			s   sched.Scheduler
			now = time.Now()
			e   = map[int]*sched.Event{}
		)
		for _, x := range []int{5, 1, 2, 4, 3} {
			e[x] = s.EnterAt(now.Add(tenths(x)), 1, func() {})
		}
		if got := s.Events(); !slices.Equal(got, []*sched.Event{e[1], e[2], e[3], e[4], e[5]}) {
			t.Errorf("Events returned %v, entered were %v", got, e)
		}
	})

	bubble("SD11 test_run_non_blocking", func(t *testing.T) {
		var (
			l []int
			s sched.Scheduler
		)
		for _, x := range []int{10, 9, 8, 7, 6} {
			s.Enter(time.Duration(x)*time.Second, 1, func() { l = append(l, x) })
		}
		if next, pending := s.TryRun(); len(l) > 0 || next != 6*time.Second || !pending {
			t.Error(fmt.Sprint(l, next, pending))
		}
	})
}
