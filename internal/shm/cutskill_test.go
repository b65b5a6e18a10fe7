//go:build threadingkill && linux && (amd64 || arm64)

package shm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// TestKilledAtEachPointOfSeveralCalls kills a process at the first point that it comes to in some calls, then one at the
// second, and so on until all have returned. Each leaves one of the states that the calls go through, and none an
// earlier one than the process before it; and what is done next with the object has the outcome that the state says.
func TestKilledAtEachPointOfSeveralCalls(t *testing.T) {
	for name, c := range cuts {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			at, met := 0, map[string]bool{}
			for n := 1; !t.Failed(); n++ {
				found, returned := c.run(t, name, fmt.Sprintf("*:%d", n))
				next := slices.Index(c.states[at:], found)
				if next < 0 {
					t.Errorf("killed at point %d it has left %q; before it %q, of %q", n, found, c.states[at], c.states)
					break
				}
				met[found] = true
				if !c.sleeps {
					at += next
				}
				if returned {
					t.Logf("%d points", n-1)
					break
				}
			}
			for _, s := range c.states {
				if !met[s] && !t.Failed() {
					t.Errorf("none has left %q", s)
				}
			}
		})
	}
}

// TestKilledAtEachPointOfACallAmongOthers does so while others use the object. How many points there are is a matter of
// chance, so there are some rounds more. Afterwards all that there was is there.
func TestKilledAtEachPointOfACallAmongOthers(t *testing.T) {
	for name := range among {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			l := newLab(t, "among, "+name)
			for range 3 {
				l.start("")
			}
			n, returned := 0, 0
			for returned < proof.Rounds(20, 3, 3) && l.next < benchSeats && !t.Failed() {
				n++
				v := l.start(fmt.Sprintf("*:%d", n))
				select {
				case <-v.gone:
				case <-time.After(hangs):
					l.dump(v)
					t.Errorf("the process does not die at point %d", n)
				}
				if l.seats[v.seat].progress.Load() > 0 {
					returned++
				}
				if !l.getOn(2) {
					t.Logf("after a kill at point %d", n)
				}
			}
			l.end()
			t.Logf("%d points", n)
		})
	}
}
