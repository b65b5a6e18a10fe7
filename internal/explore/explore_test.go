//go:build threadingexplore

package explore

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// lostUpdate is a counter that two goroutines read and write with a Point in
// between.
var lostUpdate = Case{Name: "lost update", Start: func(start func(string, func())) func() error {
	n := 0
	for i := range 2 {
		start(fmt.Sprint("counter ", i), func() {
			read := n
			Point("between")
			n = read + 1
		})
	}
	return func() error {
		if n != 2 {
			return fmt.Errorf("%d of 2", n)
		}
		return nil
	}
}}

func TestBothWaysFindALostUpdateAndReplayItStepByStep(t *testing.T) {
	for name, found := range map[string]func() (schedule string, err error){
		"in order": func() (string, error) {
			d := &depthFirst{bound: 1}
			for {
				d.at, d.spent = 0, 0
				if err := Run(t, lostUpdate, d); err != nil || !d.next() {
					return d.String(), err
				}
			}
		},
		"at random": func() (string, error) {
			for seed := range uint64(100) {
				if err := Run(t, lostUpdate, Random(seed)); err != nil {
					return fmt.Sprint(seed), err
				}
			}
			return "", nil
		},
	} {
		schedule, err := found()
		if err == nil || !strings.HasPrefix(err.Error(), "1 of 2\n") {
			t.Fatalf("%s: found %v", name, err)
		}
		for range 20 {
			choose, bad := parse(schedule)
			if bad != nil {
				t.Fatal(bad)
			}
			if again := Run(t, lostUpdate, choose); again == nil || again.Error() != err.Error() {
				t.Fatalf("%s: schedule %s broke %v and then %v", name, schedule, err, again)
			}
		}
	}
}

func TestWithoutInterruptionNothingIsLost(t *testing.T) {
	if ran, all := exhaust(t, lostUpdate, 0, 100, ""); !all || ran != 2 {
		t.Errorf("%d schedules without interruption, all of them: %v; want 2, true", ran, all)
	}
}

func TestAGuardIsHeldByOneAndAPanicIsReported(t *testing.T) {
	inside := 0
	c := Case{Name: "guarded", Start: func(start func(string, func())) func() error {
		var guard Mutex
		for i := range 3 {
			start(fmt.Sprint("goroutine ", i), func() {
				guard.Lock()
				defer guard.Unlock()
				if inside++; inside != 1 {
					panic("two inside")
				}
				Point("inside")
				inside--
			})
		}
		return func() error { return nil }
	}}
	exhaust(t, c, 2, 5000, "")
	c.Start = func(start func(string, func())) func() error {
		start("one", func() { panic("planned") })
		return func() error { return errors.New("checked") }
	}
	if err := Run(t, c, Random(1)); err == nil || !strings.Contains(err.Error(), "one panicked: planned") {
		t.Errorf("got %v", err)
	}
}

// A deadline before, at and after something else: all of it is found.
func TestTimePassesWhereASchedulePutsIt(t *testing.T) {
	seen := map[bool]int{}
	c := Case{Name: "deadline", Start: func(start func(string, func())) func() error {
		var guard sync.Mutex
		fired, early := false, false
		time.AfterFunc(Tick, func() {
			Point("fires")
			guard.Lock()
			defer guard.Unlock()
			fired = true
		})
		start("one", func() {
			Point("looks")
			guard.Lock()
			defer guard.Unlock()
			early = !fired
		})
		return func() error { seen[early]++; return nil }
	}}
	exhaust(t, c, 2, 100, "")
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("seen %v, want both", seen)
	}
}
