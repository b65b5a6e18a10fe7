//go:build threadingexplore

package explore

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/goid"
)

// A routine is a goroutine that stops at Points, or time itself.
type routine struct {
	name  string
	point string
	may   func() bool
	goOn  chan struct{}
	time  bool
}

type scheduler struct {
	root   uint64 // the goroutine of the scheduler
	bubble uint64 // and where it is
	choose Chooser

	guard   sync.Mutex // held for a moment only, never while somebody stops
	known   map[uint64]*routine
	stopped []*routine // in the order of their names
	running int        // of those that were started, not returned
	strange int        // not started here, such as the functions of timers
	failure error
	trace   strings.Builder
}

// Run runs the schedule of one Chooser, and returns what it broke, with all its
// steps.
func Run(t *testing.T, c Case, choose Chooser) (failure error) {
	synctest.Test(t, func(*testing.T) {
		s := &scheduler{root: goid.Own(), bubble: goid.Bubble(), choose: choose, known: map[uint64]*routine{}}
		current.Store(s)
		defer current.Store(nil)
		check := c.Start(s.start)
		s.loop()
		failure = s.failure
		if failure == nil {
			failure = check()
		}
		if failure != nil {
			failure = fmt.Errorf("%w\n%s", failure, s.trace.String())
		}
	})
	return failure
}

func (s *scheduler) start(name string, f func()) {
	s.running++
	go func() {
		id := goid.Own()
		s.guard.Lock()
		s.known[id] = &routine{name: name}
		s.guard.Unlock()
		defer func() {
			v := recover()
			s.guard.Lock()
			defer s.guard.Unlock()
			if v != nil && s.failure == nil {
				s.failure = fmt.Errorf("%s panicked: %v", name, v)
			}
			delete(s.known, id)
			s.running--
		}()
		Point("start")
		f()
	}()
}

func (s *scheduler) stop(point string, may func() bool) {
	id := goid.Own()
	s.guard.Lock()
	r := s.known[id]
	if r == nil {
		// One from outside, such as what the collector has begun, is no part of this.
		if goid.Bubble() != s.bubble {
			s.guard.Unlock()
			return
		}
		s.strange++
		r = &routine{name: fmt.Sprintf("other %d", s.strange)}
		s.known[id] = r
	}
	r.point, r.may, r.goOn = point, may, make(chan struct{})
	s.stopped = append(s.stopped, r)
	s.guard.Unlock()
	<-r.goOn
}

// loop lets one routine after the other go on until all have returned.
func (s *scheduler) loop() {
	const ticks, steps = 12, 10_000
	clock := &routine{name: "time", point: "passes", time: true}
	passed, idle := 0, 0
	var last *routine
	for range steps {
		synctest.Wait()
		var may []*routine
		s.guard.Lock()
		running := s.running
		slices.SortFunc(s.stopped, func(a, b *routine) int { return strings.Compare(a.name, b.name) })
		for _, r := range s.stopped {
			if r.may == nil || r.may() {
				may = append(may, r)
			}
		}
		s.guard.Unlock()
		if running == 0 && len(may) == 0 {
			return
		}
		if len(may) == 0 {
			// All wait for time to pass, and in the end for the limits of last
			// resort.
			if idle++; idle > 20 {
				panic("explore: somebody waits for ever:\n" + s.trace.String())
			}
			time.Sleep(Tick << idle)
			continue
		}
		if passed < ticks {
			may = append(may, clock)
		}
		idle = 0
		r := may[s.choose.choose(may, last)]
		fmt.Fprintf(&s.trace, "  %s: %s\n", r.name, r.point)
		last = r
		if r.time {
			passed++
			time.Sleep(Tick)
			continue
		}
		s.guard.Lock()
		s.stopped = slices.DeleteFunc(s.stopped, func(other *routine) bool { return other == r })
		s.guard.Unlock()
		close(r.goOn)
	}
	panic("explore: too many steps:\n" + s.trace.String())
}
