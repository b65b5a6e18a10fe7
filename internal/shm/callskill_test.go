//go:build threadingkill && linux && (amd64 || arm64)

package shm

import (
	"fmt"
	"testing"

	"github.com/gothreading/threading/internal/proof"
)

// TestKilledAtEachPointOfACall kills a process at the first point that it comes to in a call, then one at the
// second, and so on until a call returns. There is one instant: a process that is killed before it has done nothing, and
// after it everything.
func TestKilledAtEachPointOfACall(t *testing.T) {
	for name := range calls {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			before, made, _ := diesIn(t, name, "", 4)
			for n, was := 1, false; !t.Failed(); n++ {
				_, now, returned := diesIn(t, name, fmt.Sprintf("*:%d", n), 4)
				switch {
				case now.same(made):
					was = true
				case !now.same(before):
					t.Errorf("killed at point %d: %v\nbefore the call: %v\nafter it: %v", n, now, before, made)
				case was:
					t.Errorf("killed at point %d it has not taken place, and before that it had", n)
				}
				if returned {
					t.Logf("%d points", n-1)
					break
				}
			}
		})
	}
}
