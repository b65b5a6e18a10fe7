package cases

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gothreading/threading/sched"
)

func schedRows(s Sizes) []Row {
	return []Row{{
		Name: "Scheduler: " + size(s.Events) + " events", Group: "Queues", Batch: s.Events,

		Ours: scheduled("sched.Scheduler", false, s.Events, func() scheduler {
			var s sched.Scheduler
			return scheduler{func(d time.Duration, priority int, fn func()) { s.Enter(d, priority, fn) }, s.Run}
		}),
		Rivals: []Contender{scheduled("container/heap and a timer", true, s.Events, func() scheduler {
			s := new(agenda)
			return scheduler{s.enter, s.run}
		})},
	}}
}

// A scheduler calls functions at their time, one after another.
type scheduler struct {
	enter func(d time.Duration, priority int, fn func())
	run   func()
}

// scheduled enters so many events, at random times within a millisecond, and calls them all. An operation is one of them.
func scheduled(name string, main bool, events int, newScheduler func() scheduler) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		r := rand.New(rand.NewPCG(1, 2))
		type event struct {
			d        time.Duration
			priority int
		}
		random := make([]event, events)
		for i := range random {
			random[i] = event{time.Duration(r.IntN(int(time.Millisecond))), r.IntN(4)}
		}
		count := 0
		return single(&count, func(n int) {
			s := newScheduler()
			fn := func() { count++ }
			for range n / events {
				for _, e := range random {
					s.enter(e.d, e.priority, fn)
				}
				s.run()
			}
		})
	}}
}

// An agenda is the scheduler that people write: container/heap under a mutex, and a timer. Others may enter while it runs,
// and an event may be cancelled, so it knows its place.
type agenda struct {
	guard  sync.Mutex
	events eventHeap
	seq    uint64
	wake   chan struct{}
}

type handEvent struct {
	at       time.Time
	priority int
	seq      uint64
	fn       func()
	index    int
}

type eventHeap []*handEvent

func (h eventHeap) Len() int { return len(h) }

func (h eventHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}
	if a.priority != b.priority {
		return a.priority < b.priority
	}
	return a.seq < b.seq
}

func (h eventHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *eventHeap) Push(x any) {
	e := x.(*handEvent)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}

func (s *agenda) enter(d time.Duration, priority int, fn func()) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.seq++
	e := &handEvent{at: time.Now().Add(d), priority: priority, seq: s.seq, fn: fn}
	heap.Push(&s.events, e)
	if e.index == 0 && s.wake != nil {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (s *agenda) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	s.guard.Lock()
	defer s.guard.Unlock()
	s.wake = make(chan struct{}, 1)
	for len(s.events) > 0 {
		if wait := time.Until(s.events[0].at); wait > 0 {
			timer.Reset(wait)
			s.guard.Unlock()
			select {
			case <-timer.C:
			case <-s.wake:
			}
			s.guard.Lock()
			continue
		}
		e := heap.Pop(&s.events).(*handEvent)
		s.guard.Unlock()
		e.fn()
		s.guard.Lock()
	}
}
