package sched_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gothreading/threading/sched"
)

// An Event is entered and called with so many others pending.
func BenchmarkEnterAndCall(b *testing.B) {
	for _, pending := range []int{0, 1_000, 1_000_000} {
		b.Run(fmt.Sprint("pending=", pending), func(b *testing.B) {
			b.ReportAllocs()
			var s sched.Scheduler
			fn := func() {}
			for i := range pending {
				s.Enter(time.Hour+time.Duration(i*7919%1_000_003), 0, fn)
			}
			for b.Loop() {
				s.Enter(0, 0, fn)
				s.TryRun()
			}
		})
	}
}

func BenchmarkEnterAndCancel(b *testing.B) {
	b.ReportAllocs()
	var s sched.Scheduler
	fn := func() {}
	for i := range 1000 {
		s.Enter(time.Hour+time.Duration(i), 0, fn)
	}
	for b.Loop() {
		s.Cancel(s.Enter(time.Minute, 0, fn))
	}
}

// A function enters the next, for which Run sleeps.
func BenchmarkSleep(b *testing.B) {
	b.ReportAllocs()
	var (
		s    sched.Scheduler
		n    int
		next func()
	)
	next = func() {
		if n++; n < b.N {
			s.Enter(time.Microsecond, 0, next)
		}
	}
	s.Enter(0, 0, next)
	s.Run()
}
