package live_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWaitReturnsAtOnceWhenNothingIsLive(t *testing.T) {
	live.Wait(nil)
	var self park.Latch
	stay := live.Add(&self)
	defer stay.Remove()
	live.Wait(&self)
}

func TestWaitIncludesWhatIsAddedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var first, second park.Latch
		stay := live.Add(&first)
		time.AfterFunc(time.Second, func() {
			later := live.Add(&second)
			time.AfterFunc(time.Second, func() {
				later.Remove()
				second.Open()
			})
			stay.Remove()
			first.Open()
		})
		live.Wait(nil)
		if waited := time.Since(begin); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
	})
}

func TestZeroStayIsNothing(t *testing.T) { live.Stay{}.Remove() }
