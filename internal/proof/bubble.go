package proof

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// InsideAndOutside makes a call that does not wait, at the same moment inside
// and outside of a bubble, many times. If a guard put a goroutine durably to
// sleep, the runtime would end the process or report a deadlock, or the bubble's
// clock would go on.
func InsideAndOutside(t *testing.T, call func()) {
	t.Helper()
	var over atomic.Bool
	outside := make(chan struct{})
	go func() {
		defer close(outside)
		for !over.Load() {
			call()
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		for range Rounds(10_000_000, 10, 10) {
			call()
		}
		if passed := time.Since(begin); passed > 0 {
			t.Errorf("a call was durably blocked: %v passed", passed)
		}
	})
	over.Store(true)
	<-outside
}
